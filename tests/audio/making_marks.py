"""Marked files made by hand, byte by byte, so that each field and each lie is where we want it."""

from __future__ import annotations

import struct
from collections.abc import Iterable

SUNO = "made with suno; created=2025-10-08T16:20:02.314Z; id=116d34f4-b3d5-48b8-9334-011b1dd1df00"
#: Two frames of silence are enough to be taken for MP3.
MPEG = (b"\xff\xfb\x90\x00" + bytes(413)) * 2


def size7(number: int) -> bytes:
    return bytes((number >> shift) & 0x7F for shift in (21, 14, 7, 0))


def frame(name: str, content: bytes, *, version: int = 4, flags: bytes = b"\0\0") -> bytes:
    if version == 2:
        return name.encode() + len(content).to_bytes(3) + content
    size = size7(len(content)) if version == 4 else len(content).to_bytes(4)
    return name.encode() + size + flags + content


def id3(*frames: bytes, version: int = 4, flags: int = 0, size: int | None = None) -> bytes:
    content = b"".join(frames)
    claimed = len(content) if size is None else size
    return b"ID3" + bytes([version, 0, flags]) + size7(claimed) + content


def comment(text: str, encoding: int = 3) -> bytes:
    codec = ("latin-1", "utf-16", "utf-16-be", "utf-8")[encoding]
    end = b"\0\0" if encoding in (1, 2) else b"\0"
    order = b"\xff\xfe" if encoding == 1 else b""
    return bytes([encoding]) + b"eng" + order + end + text.encode(codec)


def named(name: str, text: str) -> bytes:
    """Write the content of a TXXX frame."""
    return b"\3" + name.encode() + b"\0" + text.encode()


def c2pa_object(store: bytes = b"\0\0\0\x10jumbxxxxxxxx") -> bytes:
    return b"\0application/c2pa\0c2pa\0c2pa manifest store\0" + store


def chunk(name: bytes, content: bytes, order: str = "<") -> bytes:
    return name + struct.pack(f"{order}I", len(content)) + content + b"\0" * (len(content) % 2)


def wave(*chunks: bytes, head: bytes = b"RIFF") -> bytes:
    form = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 44100, 88200, 2, 16))
    content = b"WAVE" + form + b"".join(chunks) + chunk(b"data", bytes(4000))
    return head + struct.pack("<I", len(content)) + content


def info(**fields: str) -> bytes:
    inner = b"".join(chunk(name.encode(), text.encode() + b"\0") for name, text in fields.items())
    return chunk(b"LIST", b"INFO" + inner)


def bext(originator: str, reference: str = "", history: str = "") -> bytes:
    head = bytes(256) + originator.encode().ljust(32, b"\0") + reference.encode().ljust(32, b"\0")
    return chunk(b"bext", head.ljust(602, b"\0") + history.encode())


def aiff(*chunks: bytes) -> bytes:
    content = b"AIFF" + b"".join(chunks)
    return b"FORM" + struct.pack(">I", len(content)) + content


def atom(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content


def text_data(text: str) -> bytes:
    return atom(b"data", struct.pack(">II", 1, 0) + text.encode())


def itunes(*items: bytes) -> bytes:
    meta = atom(b"meta", bytes(4) + atom(b"hdlr", bytes(25)) + atom(b"ilst", b"".join(items)))
    return atom(b"ftyp", b"M4A \0\0\0\0") + atom(b"moov", atom(b"udta", meta))


def own_item(name: str, text: str) -> bytes:
    """Write an item of iTunes' free form."""
    mean = atom(b"mean", bytes(4) + b"com.apple.iTunes")
    return atom(b"----", mean + atom(b"name", bytes(4) + name.encode()) + text_data(text))


def comments(texts: Iterable[str], vendor: str = "made by hand") -> bytes:
    listed = [text.encode() for text in texts]
    out = struct.pack("<I", len(vendor)) + vendor.encode() + struct.pack("<I", len(listed))
    return out + b"".join(struct.pack("<I", len(text)) + text for text in listed)


def flac(*blocks: tuple[int, bytes]) -> bytes:
    out = b"fLaC"
    for place, (kind, content) in enumerate(blocks):
        last = 0x80 if place == len(blocks) - 1 else 0
        out += bytes([kind | last]) + len(content).to_bytes(3) + content
    return out


def ogg(*packets: bytes, serial: int = 7) -> bytes:
    """Write a page for each packet."""
    out = b""
    for number, packet in enumerate(packets):
        lengths = [255] * (len(packet) // 255) + [len(packet) % 255]
        head = struct.pack("<4sBBqIII", b"OggS", 0, 0, 0, serial, number, 0)
        out += head + bytes([len(lengths)]) + bytes(lengths) + packet
    return out


def ape(**items: str) -> bytes:
    content = b"".join(
        struct.pack("<II", len(text.encode()), 0) + name.encode() + b"\0" + text.encode()
        for name, text in items.items()
    )
    foot = struct.pack("<8sIIII8s", b"APETAGEX", 2000, len(content) + 32, len(items), 0, bytes(8))
    return content + foot
