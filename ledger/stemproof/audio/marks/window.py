"""A file that is read by place and length, so that a lie about a length is one clear refusal.

The sum of what is read is bounded: a file of crossing references costs no more than one of
plain ones.
"""

from __future__ import annotations

from typing import BinaryIO, Final, Protocol

from stemproof.errors import BadInput

# Tags of the largest kind, read once each, with room.
MAX_READ_BYTES: Final = 96 << 20


class Window(Protocol):
    """Bytes that are read by place."""

    @property
    def size(self) -> int:
        """How many bytes there are."""

    def read(self, place: int, length: int) -> bytes:
        """Read exactly so many bytes, or refuse."""


class FileWindow:
    """An open file as a window."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._left = MAX_READ_BYTES

    @property
    def size(self) -> int:
        """How many bytes the file has."""
        return self._size

    def read(self, place: int, length: int) -> bytes:
        """Read exactly so many bytes; what lies beyond the end is BadInput."""
        check_inside(place, length, self._size)
        self._left -= length
        if self._left < 0:
            raise BadInput(f"its tags take more than {MAX_READ_BYTES >> 20} MiB to read")
        self._file.seek(place)
        data = self._file.read(length)
        if len(data) != length:
            raise BadInput("it became shorter while it was read")
        return data


class BytesWindow:
    """Bytes at hand as a window."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self._data)

    def read(self, place: int, length: int) -> bytes:
        """Read exactly so many bytes; what lies beyond the end is BadInput."""
        check_inside(place, length, len(self._data))
        return self._data[place : place + length]


def check_inside(place: int, length: int, size: int) -> None:
    """Refuse a stretch that does not lie within so many bytes."""
    if place < 0 or length < 0 or place + length > size:
        raise BadInput(f"a part of it at byte {place} is {length} bytes long and cut short")
