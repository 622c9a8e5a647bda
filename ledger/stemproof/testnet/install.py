"""Find the program `anvil`, or install the pinned one by npm.

The package ships a lock file with the program's digest, so what npm brings is the release that
was tried, or nothing. The program is run directly and not through npm's JavaScript wrapper: a
wrapper that is killed would leave the chain running.
"""

from __future__ import annotations

import shutil
import subprocess
from importlib import resources
from pathlib import Path

from stemproof.errors import Unavailable

#: The release whose digests are in the lock file.
ANVIL_VERSION = "1.7.1"
# 20 MB to fetch; a slow line needs a while.
_NPM_TIMEOUT_S = 600
_SCOPE = "@foundry-rs"


def find_anvil(
    *,
    explicit: Path | None = None,
    tools_dir: Path | None = None,
    checkout: Path | None = None,
    search_path: str | None = None,
) -> Path | None:
    """Find anvil: the path given, else in `tools_dir`, the checkout's node_modules, or a PATH.

    A path that is given but is no program is an error, not a reason to look elsewhere.
    """
    if explicit is not None:
        if not explicit.is_file():
            raise Unavailable(f"there is no anvil at {explicit}")
        return _behind_wrapper(explicit)
    for folder in (tools_dir, checkout):
        found = None if folder is None else _in_modules(folder / "node_modules")
        if found is not None:
            return found
    if search_path is None:
        return None
    on_path = shutil.which("anvil", path=search_path)
    return None if on_path is None else _behind_wrapper(Path(on_path))


def install_anvil(tools_dir: Path, *, search_path: str | None = None) -> Path:
    """Install the pinned anvil below `tools_dir` by npm and return its path; quick if there."""
    found = _in_modules(tools_dir / "node_modules")
    if found is not None:
        return found
    npm = shutil.which("npm", path=search_path)
    if npm is None:
        raise Unavailable(
            "anvil is not on this computer, and npm, which would install it, is not either",
            hint="install Node.js 20 or later, or put anvil on the PATH",
        )
    tools_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        text = (resources.files(__package__) / "npm" / name).read_text(encoding="utf-8")
        (tools_dir / name).write_text(text, encoding="utf-8")
    _run_npm(npm, tools_dir)
    found = _in_modules(tools_dir / "node_modules")
    if found is None:
        raise Unavailable(f"npm has no anvil {ANVIL_VERSION} for this kind of computer")
    return found


def _run_npm(npm: str, tools_dir: Path) -> None:
    # The program is in the package; nobody's install scripts need to run.
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        done = subprocess.run(  # noqa: S603 - a found npm, fixed arguments, no shell
            command,
            cwd=tools_dir,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_NPM_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"npm did not install anvil within {_NPM_TIMEOUT_S} s") from error
    except OSError as error:
        raise Unavailable(f"npm could not be run: {error.strerror}") from error
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.startswith("npm error")]
        why = lines[-2:] or [f"exit code {done.returncode}"]
        raise Unavailable(f"npm could not install anvil: {'; '.join(why):.300}")


def _in_modules(modules: Path) -> Path | None:
    for name in ("anvil", "anvil.exe"):
        for found in sorted(modules.glob(f"{_SCOPE}/anvil-*/bin/{name}")):
            if found.is_file():
                return found
    return None


def _behind_wrapper(path: Path) -> Path:
    real = path.resolve()
    if real.suffix != ".mjs":
        return real
    found = _in_modules(real.parent.parent.parent)
    if found is None:
        raise Unavailable(f"{path} is npm's wrapper, and the program behind it is missing")
    return found
