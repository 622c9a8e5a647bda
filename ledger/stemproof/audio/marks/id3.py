"""ID3v2.2, 2.3 and 2.4: the frames that hold text, and whether Content Credentials lie in one.

    10 bytes: "ID3", version, flags, size (4 x 7 bits); frames of id, size, flags, content

Specification: id3.org, ID3v2.4.0 structure and native frames, ID3v2.3.0, ID3v2.2.0. Pictures and
other large contents are skipped by their length, never read. Compressed frames are inflated
within a bound; encrypted ones are passed over.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from stemproof.audio.marks.model import MAX_TEXT_BYTES, Tags
from stemproof.audio.marks.window import BytesWindow, Window
from stemproof.errors import BadInput

SOURCE: Final = "id3"
# A tag whose bytes are all escaped must be read whole; covers are a few megabytes.
MAX_ESCAPED_BYTES: Final = 24 << 20
_MAX_FRAMES: Final = 10_000
# MIME type, file name and description of an object, and the start of what it holds.
_OBJECT_HEAD: Final = 4096
_ENCODINGS: Final = ("latin-1", "utf-16", "utf-16-be", "utf-8")
# C2PA 2.x section A.3.4, and what earlier versions wrote.
_C2PA_TYPES: Final = frozenset({"application/c2pa", "application/x-c2pa-manifest-store"})
_LONG_NAMES: Final = {"COM": "COMM", "TXX": "TXXX", "WXX": "WXXX", "ULT": "USLT", "GEO": "GEOB"}
_LONG_WEB: Final = {"WAS": "WOAS", "WAF": "WOAF", "TSS": "TSSE", "TEN": "TENC"}


@dataclass(frozen=True, slots=True)
class _Frame:
    name: str
    place: int
    size: int
    escaped: bool = False
    compressed: bool = False


def read_id3(window: Window, place: int, tags: Tags) -> int:
    """Read the tag that begins at a place; give where it ends."""
    head = window.read(place, 10)
    version, flags = head[3], head[5]
    size = _parse_size7(head[6:10])
    end = place + 10 + size + (10 if version == 4 and flags & 0x10 else 0)
    if head[:3] != b"ID3" or not 2 <= version <= 4:
        raise BadInput(f"its ID3 tag is of version {version}, want 2 to 4")
    if version == 2 and flags & 0x40:
        # The specification says: ignore the whole tag.
        return end
    inner, start, stop = window, place + 10, place + 10 + size
    if flags & 0x80 and version < 4:
        if size > MAX_ESCAPED_BYTES:
            raise BadInput(f"its unsynchronised ID3 tag has {size} bytes, too many to read whole")
        inner = BytesWindow(_unescape(window.read(start, size)))
        start, stop = 0, inner.size
    if flags & 0x40 and version > 2:
        start += _extended_size(inner, start, version)
    for count, frame in enumerate(_frames(inner, start, stop, version)):
        if count >= _MAX_FRAMES:
            raise BadInput(f"its ID3 tag has more than {_MAX_FRAMES} frames")
        _take(inner, frame, tags)
    return end


def _parse_size7(data: bytes) -> int:
    if any(byte & 0x80 for byte in data):
        raise BadInput(f"a size in its ID3 tag is {data.hex()}, want 7 bits a byte")
    return data[0] << 21 | data[1] << 14 | data[2] << 7 | data[3]


def _unescape(data: bytes) -> bytes:
    return data.replace(b"\xff\x00", b"\xff")


def _extended_size(window: Window, start: int, version: int) -> int:
    # 2.3 counts without the four bytes of the size itself, 2.4 with them.
    data = window.read(start, 4)
    return int.from_bytes(data) + 4 if version == 3 else _parse_size7(data)


def _frames(window: Window, start: int, stop: int, version: int) -> Iterator[_Frame]:
    width = 6 if version == 2 else 10
    while start + width <= stop:
        head = window.read(start, width)
        # Padding: zeros up to the end.
        if head[0] == 0:
            return
        raw = head[: 3 if version == 2 else 4]
        if not raw.isalnum() or raw != raw.upper():
            raise BadInput(f"a frame of its ID3 tag is called {raw!r}")
        frame = _parse_frame(raw.decode("ascii"), head, start + width, version)
        following = start + width + _frame_size(head, version)
        if following > stop:
            raise BadInput(f"the frame {frame.name} of its ID3 tag is cut short")
        yield frame
        start = following


def _frame_size(head: bytes, version: int) -> int:
    if version == 2:
        return int.from_bytes(head[3:6])
    size = head[4:8]
    # iTunes wrote plain sizes into 2.4 for years; a high bit cannot be anything else.
    if version == 3 or any(byte & 0x80 for byte in size):
        return int.from_bytes(size)
    return _parse_size7(size)


def _parse_frame(name: str, head: bytes, place: int, version: int) -> _Frame:
    size = _frame_size(head, version)
    if version == 2:
        return _Frame(_LONG_NAMES.get(name) or _LONG_WEB.get(name) or name, place, size)
    flags = head[9]
    if version == 3:
        encrypted, packed, escaped = flags & 0x40, bool(flags & 0x80), False
        extra = 4 * packed + bool(flags & 0x20)
    else:
        encrypted, packed, escaped = flags & 0x04, bool(flags & 0x08), bool(flags & 0x02)
        extra = bool(flags & 0x40) + 4 * bool(flags & 0x01)
    if encrypted or extra > size:
        return _Frame("", place, 0)
    return _Frame(name, place + extra, size - extra, escaped, packed)


def _take(window: Window, frame: _Frame, tags: Tags) -> None:
    name = frame.name
    if name in ("GEOB", "PRIV"):
        _take_object(window, frame, tags)
        return
    if not (name.startswith(("T", "W")) or name in ("COMM", "USLT")) or frame.size > MAX_TEXT_BYTES:
        return
    data = _content(window, frame, frame.size)
    if name in ("COMM", "USLT"):
        # Encoding, three letters of language, description, text.
        described, text = _split_text(data[:1] + data[4:])
        tags.add(SOURCE, f"{name}:{described}" if described else name, text)
    elif name in ("TXXX", "WXXX"):
        described, text = _split_text(data)
        tags.add(SOURCE, f"{name}:{described}", text)
    elif name.startswith("W"):
        tags.add(SOURCE, name, data.decode("latin-1"))
    else:
        tags.add(SOURCE, name, _decode(data[1:], data[:1]))


def _take_object(window: Window, frame: _Frame, tags: Tags) -> None:
    data = _content(window, frame, min(frame.size, _OBJECT_HEAD))
    if frame.name == "PRIV":
        owner, _, content = data.partition(b"\0")
        if owner == b"XMP" and frame.size <= MAX_TEXT_BYTES:
            whole = _content(window, frame, frame.size)
            tags.add("xmp", "PRIV:XMP", whole[len(owner) + 1 :].decode("utf-8", "replace"))
        elif content[4:8] == b"jumb":
            tags.credentials = "an ID3 PRIV frame"
        return
    media = data[1:].partition(b"\0")[0].decode("latin-1").lower()
    if media in _C2PA_TYPES or b"jumb" in data[: _OBJECT_HEAD // 4]:
        tags.credentials = "an ID3 GEOB frame"


def _content(window: Window, frame: _Frame, length: int) -> bytes:
    data = window.read(frame.place, length)
    if frame.escaped:
        data = _unescape(data)
    if not frame.compressed:
        return data
    try:
        return zlib.decompressobj().decompress(data, MAX_TEXT_BYTES)
    except zlib.error as error:
        raise BadInput(f"the frame {frame.name} of its ID3 tag cannot be inflated") from error


def _split_text(data: bytes) -> tuple[str, str]:
    """Split an encoded description from the text after it."""
    encoding, rest = data[:1], data[1:]
    if encoding in (b"\1", b"\2"):
        end = next((n for n in range(0, len(rest) - 1, 2) if rest[n : n + 2] == b"\0\0"), -1)
        if end < 0:
            return "", _decode(rest, encoding)
        return _decode(rest[:end], encoding), _decode(rest[end + 2 :], encoding)
    described, found, text = rest.partition(b"\0")
    if not found:
        return "", _decode(rest, encoding)
    return _decode(described, encoding), _decode(text, encoding)


def _decode(data: bytes, encoding: bytes) -> str:
    number = encoding[0] if encoding else 0
    if number >= len(_ENCODINGS):
        raise BadInput(f"a text of its ID3 tag has the encoding {number}, want 0 to 3")
    if number == 1 and data[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        # Without the mark of its order it is what Windows wrote.
        return data.decode("utf-16-le", "replace").strip("\0")
    return data.decode(_ENCODINGS[number], "replace").strip("\0")
