"""The command as a person runs it: secrets on descriptors of its own, or at a terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cli.transcript import environment

DEADLINE_S = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command wrote, and its exit code."""

    out: str
    err: str
    code: int


def stemproof(home: Path, *arguments: str, **secrets: str) -> Answer:
    """Run a command with its ledger in `home`; `words_fd="..."` hands in --words-fd."""
    options, readers = _hand_in(secrets)
    try:
        done = subprocess.run(
            _command(arguments, options),
            env=_environment(home),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            pass_fds=readers,
            timeout=DEADLINE_S,
            check=False,
        )
    finally:
        for reader in readers:
            os.close(reader)
    return Answer(done.stdout, done.stderr, done.returncode)


def at_terminal(
    home: Path, *arguments: str, types: Sequence[tuple[str, str]], **secrets: str
) -> Answer:
    """Run a command on a terminal; each of `types` is what is asked and what is typed then."""
    options, readers = _hand_in(secrets)
    master, terminal = pty.openpty()
    process = subprocess.Popen(
        _command(arguments, options),
        env=_environment(home),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        pass_fds=readers,
    )
    for descriptor in (terminal, *readers):
        os.close(descriptor)
    shown, waiting = "", list(types)
    deadline = time.monotonic() + DEADLINE_S
    try:
        while time.monotonic() < deadline:
            text = _read(master)
            if text is None:
                break
            shown += text
            if waiting and waiting[0][0] in shown:
                os.write(master, waiting.pop(0)[1].encode() + b"\n")
        code = process.wait(timeout=DEADLINE_S)
    finally:
        process.kill()
        process.wait()
        os.close(master)
    assert not waiting, f"never asked for {waiting[0][0]!r}: {shown}"
    return Answer(shown.replace("\r\n", "\n"), "", code)


def _read(master: int) -> str | None:
    """Read what is there; None once the command has closed the terminal."""
    if not select.select([master], [], [], 0.1)[0]:
        return ""
    try:
        return os.read(master, 65536).decode() or None
    except OSError:
        # Linux says EIO where others say end of file.
        return None


def _command(arguments: Sequence[str], options: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "stemproof_cli", *arguments, *options]


def _environment(home: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    return {**environment(home.parent), **kept, "STEMPROOF_HOME": str(home)}


def _hand_in(secrets: dict[str, str]) -> tuple[list[str], list[int]]:
    options, readers = [], []
    for name, secret in secrets.items():
        reader, writer = os.pipe()
        os.write(writer, secret.encode() + b"\n")
        os.close(writer)
        options += ["--" + name.replace("_", "-"), str(reader)]
        readers.append(reader)
    return options, readers
