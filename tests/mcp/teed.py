"""A tee in a process of its own, on a ledger with keys, and a client that writes lines to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.acts.room import Room
from tests.cli.transcript import environment

FAKE_DAW = Path(__file__).with_name("fake_daw.py")
HELLO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "test-client", "version": "9"},
}


@dataclass
class Teed:
    """A running command and its pipes."""

    process: subprocess.Popen[bytes]
    last: int = 0

    def write(self, data: bytes) -> None:
        """Write bytes as they are."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def read(self) -> Any:
        """Read one line of JSON."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def ask(self, method: str, params: dict[str, Any] | None = None) -> Any:
        """Ask and take the answer with its id."""
        self.last += 1
        message = {"jsonrpc": "2.0", "id": self.last, "method": method, "params": params or {}}
        self.write(json.dumps(message).encode() + b"\n")
        while True:
            answer = self.read()
            if isinstance(answer, dict) and answer.get("id") == self.last:
                return answer

    def greet(self) -> Any:
        """Shake hands as a client does."""
        answer = self.ask("initialize", HELLO)
        self.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
        return answer

    def call(self, tool: str, **arguments: Any) -> Any:
        """Call a tool."""
        return self.ask("tools/call", {"name": tool, "arguments": arguments})

    def finish(self) -> tuple[int, str]:
        """Hang up; give the exit code and what was said on standard error."""
        _, told = self.process.communicate(timeout=30)
        return self.process.returncode, told.decode()


def start(room: Room, *words: str, **more: str) -> Teed:
    """Start a command of stemproof with pipes."""
    own = {**environment(room.home.path.parent), "STEMPROOF_HOME": str(room.home.path), **more}
    kept = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-m", "stemproof_cli", "mcp", *words],
        env={**own, **kept},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    return Teed(process)


@contextmanager
def teed(room: Room, how: str = "", *options: str, **more: str) -> Iterator[Teed]:
    """Run the fake DAW behind a tee; ended in any case."""
    words = [sys.executable, str(FAKE_DAW), *([how] if how else [])]
    found = start(room, "tee", *options, "--", *words, **more)
    try:
        yield found
    finally:
        if found.process.poll() is None:
            found.process.kill()
        found.process.communicate(timeout=20)


def ledger_bytes(room: Room) -> bytes:
    """Read everything that the ledger holds on the disk."""
    return b"".join(path.read_bytes() for path in room.home.path.rglob("*") if path.is_file())
