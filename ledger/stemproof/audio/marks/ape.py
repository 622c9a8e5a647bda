"""APEv2 and ID3v1, which stand at the end of MP3, WavPack and Monkey's Audio files.

Specification: APEv2 at wiki.hydrogenaud.io, ID3v1 at id3.org.
"""

from __future__ import annotations

from typing import Final

from stemproof.audio.marks.model import MAX_TEXT_BYTES, Tags
from stemproof.audio.marks.window import Window
from stemproof.errors import BadInput

_FOOT: Final = 32
_MAX_BYTES: Final = 24 << 20


def read_tail(window: Window, tags: Tags) -> None:
    """Read the tags at the end of a file."""
    end = window.size
    if end >= 128 and window.read(end - 128, 3) == b"TAG":
        old = window.read(end - 128, 128)
        tags.add("id3", "ID3v1", old[97:127].split(b"\0", 1)[0].decode("latin-1"))
        end -= 128
    if end >= _FOOT and window.read(end - _FOOT, 8) == b"APETAGEX":
        _read_ape(window, end, tags)


def _read_ape(window: Window, end: int, tags: Tags) -> None:
    foot = window.read(end - _FOOT, _FOOT)
    size, count = int.from_bytes(foot[12:16], "little"), int.from_bytes(foot[16:20], "little")
    if not _FOOT <= size <= min(end, _MAX_BYTES):
        raise BadInput(f"its APE tag claims {size} bytes")
    data, place = window.read(end - size, size - _FOOT), 0
    for _ in range(count):
        stop = data.find(b"\0", place + 8, place + 8 + 256)
        length = int.from_bytes(data[place : place + 4], "little")
        if stop < 0 or stop + 1 + length > len(data):
            raise BadInput("its APE tag is cut short")
        is_text = data[place + 4] & 0x06 == 0
        if is_text and length <= MAX_TEXT_BYTES:
            name = data[place + 8 : stop].decode("latin-1")
            tags.add("ape", name, data[stop + 1 : stop + 1 + length].decode("utf-8", "replace"))
        place = stop + 1 + length
