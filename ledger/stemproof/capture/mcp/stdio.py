"""A server's pipes with somebody listening: bytes go through as they come, both ways.

    tee = StdioTee(["npx", "some-server"], sent, answered)
    code = tee.run()

Standard error is the child's own. Each piece goes to a listener and then on, unchanged; what
the listeners make of it never touches it. Only a listener that raises one of our errors ends
the traffic, and that error is what `run` ends with.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from stemproof.errors import BadInput, StemproofError

_PIECE_BYTES: Final = 1 << 16
# How long a pipe may be silent after the child that it belonged to has ended.
SILENCE_S: Final = 2.0
# How long a child may take to end once the traffic is over for our own reasons.
ENDING_S: Final = 5.0

Listener = Callable[[bytes], None]


class StdioTee:
    """One server as a child of this process, between two pipes of ours."""

    def __init__(
        self,
        command: Sequence[str],
        sent: Listener,
        answered: Listener,
        *,
        stdin: int = 0,
        stdout: int = 1,
    ) -> None:
        self.error: StemproofError | None = None
        self._sent, self._answered = sent, answered
        self._stdin, self._stdout = stdin, stdout
        self._passed = 0
        self._is_writing = False
        try:
            # The command is the user's own, as in `env` or `nice`; no shell is in between.
            self._child = subprocess.Popen(  # noqa: S603 - see above
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
            )
        except (OSError, ValueError) as error:
            raise BadInput(
                f"{command[0]!r:.200} cannot be started: {getattr(error, 'strerror', error)}",
                hint="stemproof mcp tee -- COMMAND ARGUMENTS...",
            ) from error

    def send_signal(self, number: int) -> None:
        """Hand a signal on to the server."""
        # It may have ended a moment ago.
        with suppress(OSError):
            self._child.send_signal(number)

    def run(self) -> int:
        """Pass bytes until the server ends; give its exit code, 128 and the signal if one did it.

        Raises what a listener raised.
        """
        # A daemon: it waits for a client that may never write or hang up again.
        threading.Thread(target=self._pass_up, name="mcp-up", daemon=True).start()
        down = threading.Thread(target=self._pass_down, name="mcp-down", daemon=True)
        down.start()
        code = self._child.wait()
        # What the server wrote last is still on its way; a child of its own may hold the pipe.
        while down.is_alive():
            before = self._passed
            down.join(SILENCE_S)
            if before == self._passed and not self._is_writing:
                break
        if self.error is not None:
            raise self.error
        return code if code >= 0 else 128 - code

    def _pass_up(self) -> None:
        pipe = self._child.stdin
        if pipe is None:
            return
        with suppress(OSError):
            while part := os.read(self._stdin, _PIECE_BYTES):
                if not self._tell(self._sent, part):
                    break
                _write(pipe.fileno(), part)
        # The client hung up, or the server reads no more: each learns it of the other.
        with suppress(OSError):
            pipe.close()
        with suppress(OSError):
            _let_go(self._stdin)

    def _pass_down(self) -> None:
        pipe = self._child.stdout
        if pipe is None:
            return
        with suppress(OSError):
            while part := os.read(pipe.fileno(), _PIECE_BYTES):
                if not self._tell(self._answered, part):
                    break
                self._is_writing = True
                _write(self._stdout, part)
                self._is_writing = False
                self._passed += len(part)
        self._is_writing = False
        with suppress(OSError):
            pipe.close()

    def _tell(self, listener: Listener, part: bytes) -> bool:
        try:
            listener(part)
        except StemproofError as error:
            self.error = self.error or error
            self._end_child()
            return False
        return True

    def _end_child(self) -> None:
        with suppress(OSError):
            self._child.terminate()
        killer = threading.Timer(ENDING_S, self._child.kill)
        killer.daemon = True
        killer.start()


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _let_go(descriptor: int) -> None:
    """Close what a descriptor leads to and keep its number: 0 must not become another file."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, descriptor)
    os.close(null)
