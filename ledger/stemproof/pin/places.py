"""What one peer may have of a server: so many connections, so long and so large a head."""

from __future__ import annotations

import io
import socket
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from typing import Final, Protocol

#: The request line and all header lines together; browsers send about one.
MAX_HEADER_BYTES: Final = 16 << 10


class Lines(Protocol):
    """What gives lines of bytes."""

    def readline(self, size: int, /) -> bytes:
        """Read up to a line end, at most `size` bytes."""


class Places:
    """Places for connections: so many in all, and so many for one address."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: Counter[str] = Counter()
        self._turn = threading.Lock()

    def take(self, address: str, most: int | None) -> bool:
        """Take a place, if one is free for this address; `most` is None where all are."""
        with self._turn:
            if self._taken.total() >= self._most:
                return False
            if most is not None and self._taken[address] >= most:
                return False
            self._taken[address] += 1
        return True

    def give_back(self, address: str) -> None:
        """Give a place back."""
        with self._turn:
            self._taken[address] -= 1
            if not self._taken[address]:
                del self._taken[address]


class Head(io.BufferedIOBase):
    """The header lines of a request, bounded in all; what is cut off is no head."""

    def __init__(self, source: Lines, left: int) -> None:
        super().__init__()
        self._source = source
        self._left = left

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read a line; http.server answers HTTPException with status 431."""
        most = self._left + 1 if size is None or size < 0 else min(size, self._left + 1)
        line = self._source.readline(max(1, most))
        self._left -= len(line)
        if self._left < 0:
            raise HTTPException(f"the head has more than {MAX_HEADER_BYTES} bytes")
        if not line:
            raise HTTPException("the head is cut off")
        return line


def hang_up_after(link: socket.socket, seconds: float | None) -> Callable[[], None]:
    """End a connection after so long, whatever its peer does; give what calls that off."""
    if seconds is None:
        return lambda: None
    timer = threading.Timer(seconds, _hang_up, [link])
    timer.daemon = True
    timer.start()
    return timer.cancel


def _hang_up(link: socket.socket) -> None:
    with suppress(OSError):
        link.shutdown(socket.SHUT_RDWR)
