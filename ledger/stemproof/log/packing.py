"""Session files without their own packing, so that two alike saves look alike.

Live and LMMS pack their XML by deflate, after which one changed number changes every byte
behind it. The content is kept unpacked, with what it takes to pack it again:

    plain    the bytes as they are
    gzip     head, deflate (level 6), tail              (RFC 1952)
    qt       4 bytes of size, zlib stream (level 6)     (Qt's qCompress)

Unpacking is only ever done where packing gives the very same bytes again; else they stay
as they are. No I/O.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final

# No session that is known holds more; beyond it the packed form is kept.
MAX_CONTENT: Final = 512 << 20
# Sessions pack ten or twenty times; what packs better is a bomb, and is kept as it came.
_MOST_TIMES: Final = 64
_ALWAYS: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b\x08"
_HEAD_BYTES: Final = 10
_HAS_NAME: Final = 8
# A file's name, and what gzip writes behind its stream: 8 bytes.
_MAX_AROUND: Final = 512
# Live deflates with the larger of zlib's memories and names no file, gzip the other way round.
_MEMORIES: Final = {0: (9, 8), _HAS_NAME: (8, 9)}


@dataclass(frozen=True, slots=True)
class Content:
    """What a file says, and how it was packed."""

    packing: str
    data: bytes
    head: bytes = b""
    tail: bytes = b""
    memory: int = 8


def unpack(data: bytes) -> Content:
    """Take a file out of its packing, if that can be done again in the other direction."""
    found = _unpack_gzip(data) or _unpack_qt(data)
    return Content("plain", data) if found is None else found


def repack(content: Content) -> bytes:
    """Give the file's bytes again."""
    match content.packing:
        case "gzip":
            return content.head + _deflate(content.data, content.memory) + content.tail
        case "qt":
            return content.head + zlib.compress(content.data, 6)
        case _:
            return content.data


def strip(data: bytes) -> bytes | None:
    """Take a file out of a packing that `unpack` took off before: ten times as fast."""
    if data.startswith(_GZIP):
        start = data.find(b"\0", _HEAD_BYTES) + 1 if data[3] & _HAS_NAME else _HEAD_BYTES
        inflated = _inflate(data[start:], -zlib.MAX_WBITS)
    else:
        inflated = _inflate(data[4:], zlib.MAX_WBITS)
    return None if inflated is None else inflated[0]


def _unpack_gzip(data: bytes) -> Content | None:
    if not data.startswith(_GZIP) or len(data) < _HEAD_BYTES or data[3] & ~_HAS_NAME:
        return None
    start = _HEAD_BYTES
    if data[3] & _HAS_NAME:
        start = data.find(b"\0", start) + 1
        if not 0 < start <= _MAX_AROUND:
            return None
    inflated = _inflate(data[start:], -zlib.MAX_WBITS)
    if inflated is None or len(inflated[1]) > _MAX_AROUND:
        return None
    content, tail = inflated
    for memory in _MEMORIES[data[3]]:
        found = Content("gzip", content, data[:start], tail, memory)
        if repack(found) == data:
            return found
    return None


def _unpack_qt(data: bytes) -> Content | None:
    if data[4:6] != b"\x78\x9c":
        return None
    inflated = _inflate(data[4:], zlib.MAX_WBITS)
    if inflated is None or inflated[1]:
        return None
    found = Content("qt", inflated[0], data[:4])
    return found if repack(found) == data else None


def _inflate(data: bytes, window: int) -> tuple[bytes, bytes] | None:
    """Inflate one stream; give its content and what follows, or None."""
    inflater = zlib.decompressobj(window)
    try:
        content = inflater.decompress(data, min(MAX_CONTENT, _MOST_TIMES * len(data) + _ALWAYS))
    except zlib.error:
        return None
    return (content, inflater.unused_data) if inflater.eof else None


def _deflate(content: bytes, memory: int) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS, memory)
    return packer.compress(content) + packer.flush()
