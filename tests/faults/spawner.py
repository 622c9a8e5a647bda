"""Commands of stemproof as processes of their own that are killed at will."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli.transcript import environment
from tests.faults.ledger import PASSPHRASE, Desk

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ended:
    """How a command ended: what it wrote, its code (negative for a signal), how far it came."""

    out: str
    err: str
    code: int
    points: int
    seconds: float

    @property
    def was_killed(self) -> bool:
        return self.code == -signal.SIGKILL


class Spawner:
    """Runs the command line in forks of a process that has loaded it already."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("zygote.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**environment(folder), "PYTHONPATH": os.pathsep.join(sys.path)},
            cwd=ROOT,
        )
        assert self._hear() == {"ready": True}

    def close(self) -> None:
        """End the process; it has no children left."""
        self._process.communicate(timeout=20)

    def run(
        self,
        desk: Desk,
        *arguments: str,
        die_at: int = 0,
        kill_after_s: float | None = None,
        passphrase: str | None = PASSPHRASE,
        under: Mapping[str, int] | None = None,
    ) -> Ended:
        """Run one command on a desk; kill it at a point or after a time, if one is given.

        `under` is what the system does not grant it: {"file_bytes": n}, {"powerless": 1}.
        """
        began = time.monotonic()
        given = () if passphrase is None else ("--passphrase-fd", "9")
        asked = {
            "args": ["--home", str(desk.home.path), *given, *arguments],
            "folder": str(desk.out),
            "die_at": die_at,
            "passphrase": passphrase or "",
            "under": dict(under or {}),
        }
        (desk.out / "points").unlink(missing_ok=True)
        self.say(asked)
        pid = self._hear()["pid"]
        if kill_after_s is not None:
            time.sleep(kill_after_s)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        code = self._hear()["code"]
        points = desk.out / "points"
        return Ended(
            out=(desk.out / "answer").read_text(),
            err=(desk.out / "talk").read_text(),
            code=code,
            points=int(points.read_text()) if points.exists() else 0,
            seconds=time.monotonic() - began,
        )

    def say(self, asked: dict[str, object]) -> None:
        """Ask for one command."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()

    def _hear(self) -> dict[str, Any]:  # Any: numbers and flags
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the process that forks has ended"
        found = json.loads(line)
        assert isinstance(found, dict)
        return found
