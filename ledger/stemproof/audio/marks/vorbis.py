"""Vorbis comments, as FLAC, Ogg Vorbis and Opus carry them.

    vendor, count, then NAME=text; each with its length in 4 bytes, least first

Specification: xiph.org (Vorbis I section 5, Ogg RFC 3533, Opus RFC 7845), FLAC RFC 9639.
"""

from __future__ import annotations

from typing import Final

from stemproof.audio.marks.model import MAX_TEXT_BYTES, Tags
from stemproof.audio.marks.window import Window
from stemproof.errors import BadInput

SOURCE: Final = "vorbis"
# With a cover in them; they are written before the sound.
_MAX_PACKET_BYTES: Final = 24 << 20
_MAX_PAGES: Final = 2_000
_MAX_BLOCKS: Final = 2_000
_PACKETS: Final = (b"\x03vorbis", b"OpusTags")


def read_flac(window: Window, start: int, tags: Tags) -> None:
    """Read the comments of a FLAC that begins at a place."""
    place = start + 4
    for _ in range(_MAX_BLOCKS):
        head = window.read(place, 4)
        kind, size = head[0] & 0x7F, int.from_bytes(head[1:])
        if kind == 4:
            _read_comments(window.read(place + 4, size), tags)
        elif kind == 2 and size >= 4 and window.read(place + 4, 4).lower() == b"c2pa":
            tags.credentials = "a FLAC block"
        elif place + 4 + size > window.size:
            raise BadInput("a block of its FLAC header is cut short")
        place += 4 + size
        if head[0] & 0x80:
            return
    raise BadInput(f"its FLAC header has more than {_MAX_BLOCKS} blocks")


def read_ogg(window: Window, tags: Tags) -> None:
    """Read the comments of the first stream of an Ogg file."""
    packet = _second_packet(window)
    for start in _PACKETS:
        if packet.startswith(start):
            _read_comments(packet[len(start) :], tags)
            return
    # FLAC in Ogg: each packet is a block, the second one holds the comments.
    if packet[:1] and packet[0] & 0x7F == 4:
        _read_comments(packet[4:], tags)


def _second_packet(window: Window) -> bytes:
    place, serial, done, packet = 0, b"", 0, bytearray()
    for _ in range(_MAX_PAGES):
        if place + 27 > window.size:
            raise BadInput("its Ogg header is cut short")
        head = window.read(place, 27)
        if head[:4] != b"OggS":
            raise BadInput(f"an Ogg page begins with {head[:4]!r}")
        lengths = window.read(place + 27, head[26])
        content = place + 27 + len(lengths)
        serial = serial or head[14:18]
        if head[14:18] == serial:
            at = content
            for length in lengths:
                if done == 1:
                    packet += window.read(at, length)
                at += length
                if length < 255:
                    done += 1
                    if done == 2:
                        return bytes(packet)
            if len(packet) > _MAX_PACKET_BYTES:
                raise BadInput(f"its comments have more than {_MAX_PACKET_BYTES >> 20} MiB")
        place = content + sum(lengths)
    raise BadInput(f"its Ogg header has more than {_MAX_PAGES} pages")


def _read_comments(data: bytes, tags: Tags) -> None:
    vendor, place = _read_text(data, 0)
    tags.add(SOURCE, "vendor", vendor)
    if place + 4 > len(data):
        raise BadInput("its comments are cut short")
    count = int.from_bytes(data[place : place + 4], "little")
    place += 4
    for _ in range(count):
        text, place = _read_text(data, place)
        name, found, value = text.partition("=")
        if found and name.upper() != "METADATA_BLOCK_PICTURE":
            tags.add(SOURCE, name[:100], value)


def _read_text(data: bytes, place: int) -> tuple[str, int]:
    size = int.from_bytes(data[place : place + 4], "little")
    stop = place + 4 + size
    if stop > len(data) or place + 4 > len(data):
        raise BadInput("its comments are cut short")
    # A longer one is a picture or data.
    kept = data[place + 4 : stop] if size <= MAX_TEXT_BYTES else data[place + 4 : place + 30]
    return kept.decode("utf-8", "replace"), stop
