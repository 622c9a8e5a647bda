"""multipart/form-data, read as a stream: what IPFS clients upload files in.

Memory: one read's worth. Strict: the body starts with a boundary, each part has at most a few short
header lines, and a body that ends before its last boundary is refused. Specification: RFC 7578.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from stemproof.content.unixfs import Source
from stemproof.errors import Malformed

MAX_PART_HEADER_BYTES: Final = 16 << 10  # some clients send a file's whole path

_READ_BYTES: Final = 1 << 18
_CONTENT_TYPE: Final = re.compile(
    r"multipart/form-data; ?boundary="
    r"""(?:"([0-9A-Za-z'()+_,./:=? -]{1,70})"|([0-9A-Za-z'+_.-]{1,70}))"""
)


def parse_boundary(content_type: str) -> bytes:
    """Take the boundary out of a Content-Type header."""
    match = _CONTENT_TYPE.fullmatch(content_type)
    if match is None:
        raise Malformed("Content-Type", content_type, "multipart/form-data with a boundary")
    return (match[1] or match[2]).encode("ascii")


@dataclass(slots=True)
class Part:
    """One part; read it to its end before asking for the next."""

    content_type: str
    reader: MultipartReader

    def read(self, size: int, /) -> bytes:
        """Read at most `size` bytes of this part; nothing at its end."""
        return self.reader.read_part(size)


class MultipartReader:
    """Walk through the parts of a body, front to back."""

    def __init__(self, source: Source, boundary: bytes) -> None:
        self._source = source
        # The first boundary has no line end before it: it is given one.
        self._buffer = bytearray(b"\r\n")
        self._delimiter = b"\r\n--" + boundary
        self._is_in_part = False

    def next_part(self) -> Part | None:
        """Go to the next part; None behind the last."""
        while self._is_in_part:
            self.read_part(_READ_BYTES)
        self._want(len(self._delimiter) + 2)
        tail = len(self._delimiter)
        if not self._buffer.startswith(self._delimiter):
            raise Malformed("multipart body", bytes(self._buffer[:80]), "a boundary")
        mark = bytes(self._buffer[tail : tail + 2])
        del self._buffer[: tail + 2]
        if mark == b"--":
            return None
        if mark != b"\r\n":
            raise Malformed("multipart boundary", mark, "a line end")
        content_type = self._headers().get("content-type", "")
        self._is_in_part = True
        return Part(content_type, self)

    def read_part(self, size: int) -> bytes:
        """Read at most `size` bytes of the current part."""
        if not self._is_in_part:
            return b""
        self._want(size + len(self._delimiter))
        end = self._buffer.find(self._delimiter)
        if end == 0:
            self._is_in_part = False
            return b""
        if end < 0 and len(self._buffer) < size + len(self._delimiter):
            raise Malformed("multipart body", "cut off inside a part", "a last boundary")
        stop = size if end < 0 else min(size, end)
        with memoryview(self._buffer) as view:
            data = bytes(view[:stop])
        del self._buffer[:stop]
        return data

    def _headers(self) -> dict[str, str]:
        self._want(MAX_PART_HEADER_BYTES)
        end = self._buffer.find(b"\r\n\r\n", 0, MAX_PART_HEADER_BYTES)
        if end < 0:
            raise Malformed(
                "part header", "cut off or long", f"up to {MAX_PART_HEADER_BYTES} bytes"
            )
        lines = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + 4]
        headers = {}
        for line in lines:
            name, colon, value = line.decode("utf-8", "replace").partition(":")
            if not colon:
                raise Malformed("part header", line, "name: value")
            headers[name.strip().lower()] = value.strip()
        return headers

    def _want(self, size: int) -> None:
        while len(self._buffer) < size and self._fill():
            pass

    def _fill(self) -> bool:
        data = self._source.read(_READ_BYTES)
        self._buffer += data
        return bool(data)
