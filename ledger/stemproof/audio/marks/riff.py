"""Chunks of WAV (RIFF, RF64, BW64) and AIFF that hold words: INFO, bext, iXML, ID3, AIGC, C2PA.

    "RIFF" size "WAVE", then chunks of four letters, size, content, padded to even

Specification: EBU Tech 3285 (bext), EBU Tech 3306 (RF64), iXML 3.01, AIFF 1.3. The sound itself
is passed over by its length.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from stemproof.audio.marks.id3 import read_id3
from stemproof.audio.marks.ixml import parse_ixml
from stemproof.audio.marks.model import MAX_TEXT_BYTES, Tags
from stemproof.audio.marks.window import Window
from stemproof.errors import BadInput

_MAX_CHUNKS: Final = 10_000
# Its length is elsewhere, or was not known when the header was written.
_UNKNOWN_SIZE: Final = 0xFFFFFFFF
_BEXT: Final = (
    ("Description", 0, 256),
    ("Originator", 256, 288),
    ("OriginatorReference", 288, 320),
)
_BEXT_BYTES: Final = 602
_AIFF_TEXTS: Final = frozenset({b"NAME", b"AUTH", b"(c) ", b"ANNO"})


def read_wave(window: Window, tags: Tags) -> None:
    """Read what a WAV says beside its sound."""
    data_size = 0
    for name, place, size in _chunks(window, "little"):
        if name == b"ds64" and size >= 16:
            data_size = int.from_bytes(window.read(place + 8, 8), "little")
        elif name == b"data" and size == _UNKNOWN_SIZE:
            _after_sound(window, place, data_size, tags)
            return
        else:
            with tags.telling():
                _take(window, (name, place, size), tags)


def read_aiff(window: Window, tags: Tags) -> None:
    """Read what an AIFF says beside its sound."""
    for name, place, size in _chunks(window, "big"):
        if name in _AIFF_TEXTS and size <= MAX_TEXT_BYTES:
            tags.add("aiff", name.decode("ascii").strip(), _text(window.read(place, size)))
        elif name == b"ID3 ":
            with tags.telling():
                read_id3(window, place, tags)
        elif name == b"C2PA":
            tags.credentials = "an AIFF chunk"


def _after_sound(window: Window, place: int, data_size: int, tags: Tags) -> None:
    """Go on behind the sound of an RF64; without its size nothing behind it can be found."""
    if not 0 < data_size <= window.size - place:
        return
    start = place + data_size + data_size % 2
    for chunk in _chunks(window, "little", start):
        with tags.telling():
            _take(window, chunk, tags)


def _chunks(window: Window, order: str, start: int = 12) -> Iterator[tuple[bytes, int, int]]:
    for _ in range(_MAX_CHUNKS):
        if start + 8 > window.size:
            return
        head = window.read(start, 8)
        size = int.from_bytes(head[4:], "little" if order == "little" else "big")
        yield head[:4], start + 8, size
        if size == _UNKNOWN_SIZE:
            return
        start += 8 + size + size % 2
        if start > window.size + 1:
            raise BadInput(f"its chunk {head[:4]!r} is cut short")
    raise BadInput(f"it has more than {_MAX_CHUNKS} chunks")


def _take(window: Window, chunk: tuple[bytes, int, int], tags: Tags) -> None:
    name, place, size = chunk
    if name == b"C2PA":
        tags.credentials = "a RIFF chunk"
    elif name in (b"id3 ", b"ID3 "):
        read_id3(window, place, tags)
    elif size > MAX_TEXT_BYTES:
        return
    elif name == b"LIST" and window.read(place, min(4, size)) == b"INFO":
        _take_info(window.read(place + 4, size - 4), tags)
    elif name == b"bext":
        _take_bext(window.read(place, size), tags)
    elif name == b"iXML":
        _take_ixml(window.read(place, size), tags)
    elif name == b"_PMX":
        tags.add("xmp", "_PMX", window.read(place, size).decode("utf-8", "replace"))
    elif name == b"AIGC":
        tags.add("riff-info", "AIGC", _text(window.read(place, size)))


def _take_info(data: bytes, tags: Tags) -> None:
    place = 0
    while place + 8 <= len(data):
        name = data[place : place + 4]
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        if place + 8 + size > len(data):
            raise BadInput(f"its INFO field {name!r} is cut short")
        tags.add("riff-info", name.decode("latin-1"), _text(data[place + 8 : place + 8 + size]))
        place += 8 + size + size % 2


def _take_bext(data: bytes, tags: Tags) -> None:
    if len(data) < _BEXT_BYTES:
        raise BadInput(f"its bext chunk has {len(data)} bytes, want at least {_BEXT_BYTES}")
    for name, start, stop in _BEXT:
        tags.add("bext", name, _text(data[start:stop]))
    tags.add("bext", "CodingHistory", _text(data[_BEXT_BYTES:]))


def _take_ixml(data: bytes, tags: Tags) -> None:
    for name, text in parse_ixml(data.rstrip(b"\0 \r\n")):
        tags.add("ixml", name, text)


def _text(data: bytes) -> str:
    data = data.split(b"\0", 1)[0]
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
