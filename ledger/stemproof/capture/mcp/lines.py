"""A byte stream cut into lines, with a bound on each: MCP's stdio transport.

Messages are lines that end with a newline and hold none (MCP, transports, stdio). A line
beyond the bound is given up and counted; what follows it is read again. No I/O.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

# Half an hour of MP3 in base64; what is longer passes all the same, and is not read.
MAX_LINE_BYTES: Final = 32 << 20


class Lines:
    """Takes bytes as they come and gives whole lines."""

    def __init__(self, most: int = MAX_LINE_BYTES) -> None:
        self.most = most
        self.too_long = 0
        self._parts: list[bytes] = []
        self._size = 0
        self._is_skipping = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give the lines that these bytes complete, without their ends."""
        *ends, rest = data.split(b"\n")
        for end in ends:
            self._add(end)
            line = b"".join(self._parts)
            was_skipped = self._is_skipping
            self._drop()
            self._is_skipping = False
            if not was_skipped and line.strip():
                yield line
        self._add(rest)

    def _add(self, part: bytes) -> None:
        self._size += len(part)
        if self._is_skipping or not part:
            return
        if self._size > self.most:
            self._drop()
            self._is_skipping = True
            self.too_long += 1
            return
        self._parts.append(part)

    def _drop(self) -> None:
        self._parts.clear()
        self._size = 0
