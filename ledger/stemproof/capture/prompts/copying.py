"""The copy that is taken of an answer while it passes: bounded, hashed to its end, unpacked.

What is beyond the bounds is still counted and hashed; only the copy is given up. No I/O.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

# A WAV of twelve minutes; a long FLAC album side.
MAX_COPY_BYTES: Final = 128 << 20
# Of all answers that pass at one time, and that wait for being recorded.
MAX_TOTAL_BYTES: Final = 512 << 20
# What a packed answer may grow to.
MAX_UNPACKED_BYTES: Final = 128 << 20
_WINDOWS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}


@dataclass(slots=True)
class Budget:
    """How much memory all copies together may take."""

    free: int = MAX_TOTAL_BYTES

    def take(self, count: int) -> bool:
        """Take some of it, if there is enough."""
        if count > self.free:
            return False
        self.free -= count
        return True

    def give_back(self, count: int) -> None:
        """Give some of it back."""
        self.free += count


@dataclass(frozen=True, slots=True)
class Copy:
    """An answer as it passed; `body` is None where it was longer than its copy may be.

    `held` is what the copy takes of the budget until it is recorded.
    """

    status: int
    media: str
    encoding: str
    headers: Mapping[str, str]
    body: bytes | None
    sha256: str
    size: int
    ending: str = "ok"
    error: str = ""
    held: int = 0

    @property
    def plain(self) -> bytes | None:
        """The body unpacked; None where that cannot be done within bounds."""
        if self.body is None or self.encoding in ("", "identity"):
            return self.body
        return unpack(self.body, self.encoding)


@dataclass(slots=True)
class Collector:
    """Takes the copy of one answer."""

    budget: Budget
    most: int = MAX_COPY_BYTES
    size: int = 0
    held: int = 0
    _parts: list[bytes] | None = field(default_factory=list)
    _hash: hashlib._Hash = field(default_factory=hashlib.sha256)

    def add(self, part: bytes) -> None:
        """Add what just passed."""
        self.size += len(part)
        self._hash.update(part)
        if self._parts is None:
            return
        if self.size > self.most or not self.budget.take(len(part)):
            self._parts = None
            self.budget.give_back(self.held)
            self.held = 0
            return
        self.held += len(part)
        self._parts.append(part)

    def finish(
        self,
        status: int,
        headers: Mapping[str, str],
        ending: str,
        error: str,
    ) -> Copy:
        """Give the copy; `headers` have lower-case names."""
        body = None if self._parts is None else b"".join(self._parts)
        if body is None and not error:
            error = "longer than the copy that is taken of an answer"
        return Copy(
            status=status,
            media=headers.get("content-type", ""),
            encoding=headers.get("content-encoding", "").strip().lower(),
            headers=headers,
            body=body,
            sha256=self._hash.hexdigest(),
            size=self.size,
            ending=ending,
            error=error,
            held=self.held,
        )


def unpack(data: bytes, encoding: str) -> bytes | None:
    """Undo a Content-Encoding within bounds; None where that cannot be done.

    A stream that was cut gives what it held.
    """
    window = _WINDOWS.get(encoding)
    if window is None:
        return None
    inflater = zlib.decompressobj(window)
    try:
        found = inflater.decompress(data, MAX_UNPACKED_BYTES)
    except zlib.error:
        return None
    return None if inflater.unconsumed_tail else found
