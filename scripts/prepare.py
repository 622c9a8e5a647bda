"""The set-up itself: `.venv` and `node_modules`, exactly as locked.

Called by scripts/setup with any Python from 3.11 on; uses the standard library alone.
It never asks for root and writes only inside this folder (and pip's and npm's own caches).

`ensurepip` is not asked for, since Debian and others leave it out: pip is run from the
wheel in scripts/vendor, whose SHA-256 stands below. pip and npm find their package index,
proxy and certificates in their usual settings; nothing here names a registry.

A stamp holds the digest of all that a step depends on, and is written last.
A step that was interrupted left no stamp, and is done again from the beginning.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".set-up-done"
UNFINISHED = VENV / ".set-up-unfinished"
MODULES = ROOT / "node_modules"
NPM_STAMP = MODULES / ".set-up-done"
PIP = ROOT / "scripts" / "vendor" / "pip-26.3-py3-none-any.whl"
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
BUILD_LOCK = ROOT / "requirements-build.lock"
LOCKS = {"demo": ROOT / "requirements.lock", "test": ROOT / "requirements-dev.lock"}
OLDEST_NODE = 20


class SetupError(Exception):
    """Something is missing; the message is one sentence that names it."""


def say(text: str) -> None:
    """Tell the person at the terminal; stdout stays free for the command that follows."""
    print(f"set-up: {text}", file=sys.stderr, flush=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say what is being done, and how long it took."""
    say(f"{what} ...")
    begun = time.monotonic()
    yield
    say(f"{what}: {time.monotonic() - begun:.0f} s")


@contextmanager
def only_one() -> Iterator[None]:
    """Wait until no other set-up works on this folder."""
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    with (cache / "set-up.lock").open("w") as lock:
        # Children hold it as well: where this process is killed, they may still be writing.
        os.set_inheritable(lock.fileno(), True)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another set-up works on this folder, waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(command: list[str], failure: str, env: dict[str, str] | None = None) -> None:
    """Run a program quietly; where it fails, show how its talk began and ended."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        close_fds=False,
    )
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        if len(lines) > 20:
            lines[10:-10] = ["..."]
        print(*lines, sep="\n", file=sys.stderr)
        raise SetupError(failure)


def digest(*parts: Path | str) -> str:
    """Digest files and words, each with its length so that none runs into the next."""
    whole = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, Path) else part.encode()
        whole.update(len(content).to_bytes(8, "big") + content)
    return whole.hexdigest()


def is_done(stamp: Path, wanted: dict[str, str], mode: str) -> bool:
    """Ask whether a stamp stands for what is wanted; a set-up for tests serves the demo too."""
    try:
        found = json.loads(stamp.read_text())
    except (OSError, ValueError):
        return False
    return any(found == {"mode": which, "digest": wanted[which]} for which in {mode, "test"})


def write_stamp(stamp: Path, wanted: dict[str, str], mode: str) -> None:
    """Write a stamp whole or not at all."""
    beside = stamp.with_name(f"{stamp.name}.new")
    beside.write_text(json.dumps({"mode": mode, "digest": wanted[mode]}))
    beside.replace(stamp)


def is_working(python: Path) -> bool:
    """Ask whether this interpreter starts: the one that it was made from may be gone."""
    command = [str(python), "-I", "-c", ""]
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def set_up_python(mode: str) -> None:
    """Bring `.venv` to what the lock file says."""
    # The folder's own place is in it: the programs in .venv/bin hold absolute paths.
    common = (BUILD_LOCK, ROOT / "pyproject.toml", str(ROOT), PIP_SHA256)
    wanted = {which: digest(lock, *common) for which, lock in LOCKS.items()}
    if is_done(STAMP, wanted, mode) and is_working(PYTHON):
        return
    if hashlib.sha256(PIP.read_bytes()).hexdigest() != PIP_SHA256:
        raise SetupError(f"{PIP.name} is not the file that belongs here; restore it with git")
    is_stale = STAMP.exists() and not is_done(STAMP, wanted, "demo")
    if UNFINISHED.exists() or is_stale or not is_working(PYTHON):
        with step(f"making .venv with Python {sys.version.split()[0]}"):
            venv.create(VENV, clear=True, symlinks=True, with_pip=False)
    STAMP.unlink(missing_ok=True)
    UNFINISHED.touch()
    install_packages(LOCKS[mode])
    write_stamp(STAMP, wanted, mode)
    UNFINISHED.unlink()


def install_packages(lock: Path) -> None:
    """Install the locked packages, each checked by its hash, then this one in place."""
    failure = (
        "the Python packages could not be installed; is a package index reachable? "
        "(pip's settings for index, proxy and certificate are respected)"
    )
    with step(f"installing Python packages from {lock.name}"):
        # First what builds: no build may fetch tools of its own, past the lock.
        run_pip(["--require-hashes", "--no-deps", "-r", str(BUILD_LOCK)], failure)
        run_pip(["--require-hashes", "--no-deps", "-r", str(lock)], failure)
        run_pip(
            ["--no-deps", "--no-index", "-e", str(ROOT)],
            "stemproof itself could not be installed into .venv",
        )


def run_pip(arguments: list[str], failure: str) -> None:
    """Run `pip install` inside `.venv`, from the wheel that came with this repository."""
    pip = [str(PYTHON), f"{PIP}/pip", "--disable-pip-version-check", "--no-input", "install", "-q"]
    # A user's own settings may ask for another place to install to.
    env = {"PIP_REQUIRE_VIRTUALENV": "0", "PIP_USER": "0", "PYTHONNOUSERSITE": "1"}
    run([*pip, "--no-build-isolation", *arguments], failure, env)


def check_node() -> None:
    """Refuse to go on without a Node that is new enough, and npm."""
    want = f"install Node {OLDEST_NODE} or newer, with npm"
    if not shutil.which("node"):
        raise SetupError(f"node was not found on PATH; {want}")
    if not shutil.which("npm"):
        raise SetupError(f"npm was not found on PATH; {want}")
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)\.", said)
    if not version or int(version[1]) < OLDEST_NODE:
        raise SetupError(f"node is {said.strip() or 'not working'}; {want}")


def own_certificates() -> dict[str, str]:
    """Let Node trust the authority that pip was told to trust, where nobody told Node."""
    told = (os.environ.get(name) for name in ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"))
    found = next(filter(None, told), None)
    return {"NODE_EXTRA_CA_CERTS": os.environ.get("NODE_EXTRA_CA_CERTS", found)} if found else {}


def set_up_node(mode: str) -> None:
    """Bring `node_modules` to what package-lock.json says."""
    lock = ROOT / "package-lock.json"
    wanted = {which: digest(ROOT / "package.json", lock, which) for which in LOCKS}
    if is_done(NPM_STAMP, wanted, mode):
        return
    check_node()
    what = "anvil" if mode == "demo" else "anvil, solc, Hardhat and forge"
    omit = ["--omit=dev"] if mode == "demo" else []
    with step(f"installing npm packages ({what})"):
        run(
            ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error", *omit],
            "the npm packages could not be installed; is the npm registry reachable? "
            "(npm's own settings for registry, proxy and certificate are respected)",
            {"npm_config_update_notifier": "false", **own_certificates()},
        )
    write_stamp(NPM_STAMP, wanted, mode)


def main() -> int:
    """Read the one option, do both halves, and tell a failure in one sentence."""
    parser = argparse.ArgumentParser(prog="scripts/setup", description="Prepare this folder.")
    modes = parser.add_mutually_exclusive_group(required=True)
    for mode in LOCKS:
        modes.add_argument(f"--{mode}", dest="mode", action="store_const", const=mode)
    mode = parser.parse_args().mode
    try:
        with only_one():
            # The quicker half first: what is missing there is then said at once.
            set_up_node(mode)
            set_up_python(mode)
    except (SetupError, OSError) as error:
        print(f"set-up: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("interrupted; the next run begins this step again")
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
