"""The watch as a service of the user: a unit for systemd, a property list for launchd.

    service = plan_service("systemd", home, program=[python, "-m", "stemproof_cli"], config=...)
    install_service(service)

It starts at login, is started again when it fails, and asks nobody anything. The file names
the program and the ledger, and holds no secret: recording needs no key.
"""

from __future__ import annotations

import hashlib
import os
import plistlib
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stemproof.acts.home import Home
from stemproof.errors import BadInput, Unavailable

# After a failure: a disk that is not plugged in yet, another watch that still ends.
RESTART_S: Final = 30
_DEADLINE_S: Final = 20
_LABEL: Final = "stemproof.watch"


@dataclass(frozen=True, slots=True)
class Service:
    """A service's file, and the commands that the system's manager takes for it."""

    kind: str
    name: str
    path: Path
    content: bytes
    start: tuple[tuple[str, ...], ...]
    stop: tuple[tuple[str, ...], ...]
    ask: tuple[str, ...]

    @property
    def is_installed(self) -> bool:
        """Whether its file lies where the manager looks."""
        return self.path.exists()


def plan_service(kind: str, home: Home, *, program: Sequence[str], folder: Path) -> Service:
    """Write a service for a ledger; `folder` is where this user's manager keeps such files."""
    command = [*program, "--home", str(home.path), "watch", "--no-ask"]
    for word in command:
        if not word.isprintable():
            raise BadInput(f"{word!r:.80} cannot stand in a service's file: it is not printable")
    # Each ledger has a service of its own.
    mark = hashlib.sha256(os.fsencode(home.path)).hexdigest()[:8]
    return _systemd(command, folder, mark) if kind == "systemd" else _launchd(command, folder, mark)


def install_service(service: Service) -> str | None:
    """Write a service's file and start it; say why it was not started, if it was not."""
    try:
        service.path.parent.mkdir(parents=True, exist_ok=True)
        beside = service.path.with_name(service.path.name + ".new")
        beside.write_bytes(service.content)
        beside.replace(service.path)
    except OSError as error:
        raise Unavailable(f"{service.path} cannot be written: {error.strerror}") from error
    # One that ran under another file before is let go first.
    _tell_manager(service.stop[:1])
    return _tell_manager(service.start)


def remove_service(service: Service) -> bool:
    """Stop a service and remove its file; False if there was none."""
    if not service.is_installed:
        return False
    _tell_manager(service.stop)
    try:
        service.path.unlink()
    except OSError as error:
        raise Unavailable(f"{service.path} cannot be removed: {error.strerror}") from error
    return True


def is_running(service: Service) -> bool:
    """Ask the manager whether a service runs; no where there is no manager."""
    return service.is_installed and _tell_manager([service.ask]) is None


def _systemd(command: Sequence[str], folder: Path, mark: str) -> Service:
    name = f"stemproof-watch-{mark}.service"
    lines = [
        "[Unit]",
        "Description=stemproof: records how music is made, as it is saved",
        "# A disk may come late, and come again.",
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=exec",
        "ExecStart=" + " ".join(_systemd_word(word) for word in command),
        "Restart=on-failure",
        f"RestartSec={RESTART_S}",
        "Nice=5",
        "UMask=0077",
        "NoNewPrivileges=yes",
        "",
        "[Install]",
        "WantedBy=default.target",
    ]
    manager = ("systemctl", "--user")
    return Service(
        kind="systemd",
        name=name,
        path=folder / name,
        content=("\n".join(lines) + "\n").encode(),
        start=((*manager, "daemon-reload"), (*manager, "enable", "--now", name)),
        stop=((*manager, "disable", "--now", name), (*manager, "daemon-reload")),
        ask=(*manager, "is-active", "--quiet", name),
    )


def _systemd_word(word: str) -> str:
    """Quote a word as systemd.service(5) reads it, where % and $ stand for other things."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def _launchd(command: Sequence[str], folder: Path, mark: str) -> Service:
    label = f"{_LABEL}.{mark}"
    content = plistlib.dumps(
        {
            "Label": label,
            "ProgramArguments": list(command),
            "RunAtLoad": True,
            # Started again when it fails, not when it was told to end.
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": RESTART_S,
            "ProcessType": "Background",
            "Umask": 0o077,
        }
    )
    path = folder / f"{label}.plist"
    user = f"gui/{os.getuid() if hasattr(os, 'getuid') else 0}"
    return Service(
        kind="launchd",
        name=label,
        path=path,
        content=content,
        start=(("launchctl", "bootstrap", user, str(path)),),
        stop=(("launchctl", "bootout", f"{user}/{label}"),),
        ask=("launchctl", "print", f"{user}/{label}"),
    )


def _tell_manager(commands: Sequence[Sequence[str]]) -> str | None:
    """Run the manager's commands; say in one line what failed."""
    for command in commands:
        program = shutil.which(command[0])
        if program is None:
            return f"{command[0]} is not installed"
        try:
            done = subprocess.run(  # noqa: S603 - the words are ours, and no shell reads them
                [program, *command[1:]],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_DEADLINE_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{command[0]} did not answer: {error}"
        if done.returncode:
            said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
            return f"`{' '.join(command)}` failed: {said[:200]}"
    return None
