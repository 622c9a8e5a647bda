"""The backup file: parts that are only ever appended, each finished state sealed by a footer.

    file     = magic, then one batch a backup
    batch    = new parts (age) | manifest (age) | table | footer
    table    = for each live part, ordered by id: id (32) | SHA-256 of its age bytes (32)
               | offset (8) | length (4)
    footer   = "stemproof-end/v0" (16) | number (4) | milliseconds since 1970 (8)
               | manifest offset (8) | manifest length (8) | parts in table (4)
               | SHA-256 of the manifest's age bytes (32) | SHA-256 of the table (32) | MAC (32)
    manifest = {"files":[{"parts":[0,1],"path":"ledger.db","size":70000}],"v":0}

Integers are big-endian and unsigned. A part's id is HMAC-SHA256(backup key, "stemproof/v0/
backup/part" 0x00 content): it shows nothing of the content and nobody else can make it. The
MAC is HMAC-SHA256(backup key, "stemproof/v0/backup/footer" 0x00 footer before it): what
stands before the last good footer is the artist's, whatever follows it is an unfinished
backup. Cutting the file back to an earlier footer gives an earlier backup; its number and
time say so. No I/O but the reading of a file that is handed in.
"""

from __future__ import annotations

import hmac
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import BinaryIO, Final

from stemproof.errors import Malformed, Undecided
from stemproof.record.canonical import Json, canonical_bytes, parse_object

MAGIC: Final = b"stemproof/v0/backup\n"
FOOTER_MAGIC: Final = b"stemproof-end/v0"
MAX_PART: Final = 1024 * 1024
# age adds 216 bytes for one recipient and 16 a chunk of 64 KiB; room for fifty recipients.
MAX_SEALED_PART: Final = MAX_PART + 16 * 1024
# A million parts are up to one tebibyte of originals and 76 MB of table.
MAX_PARTS: Final = 1_000_000
MAX_MANIFEST: Final = 256 * 1024 * 1024
MAX_PATH: Final = 1024

_PART = struct.Struct(">32s32sQI")
_FOOTER = struct.Struct(">16sIQQQI32s32s32s")
FOOTER_BYTES: Final = _FOOTER.size
_WINDOW = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """Where an encrypted part stands in the file."""

    id: bytes
    digest: bytes
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Footer:
    """The end of one finished backup."""

    number: int
    made_ms: int
    manifest_offset: int
    manifest_length: int
    parts: int
    manifest_digest: bytes
    table_digest: bytes

    @property
    def table_offset(self) -> int:
        """Where the table begins: right after the manifest."""
        return self.manifest_offset + self.manifest_length

    @property
    def offset(self) -> int:
        """Where this footer begins: right after the table."""
        return self.table_offset + self.parts * _PART.size

    @property
    def end(self) -> int:
        """Where this finished backup ends."""
        return self.offset + FOOTER_BYTES


@dataclass(frozen=True, slots=True)
class Member:
    """A file of the ledger folder and the places of its parts in the table."""

    path: str
    size: int
    parts: tuple[int, ...]


def part_id(backup_key: bytes, content: bytes) -> bytes:
    """Name a part's content, by somebody who holds the backup key."""
    mac = hmac.new(backup_key, b"stemproof/v0/backup/part\x00", "sha256")
    mac.update(content)
    return mac.digest()


def format_footer(footer: Footer, backup_key: bytes) -> bytes:
    """Write a footer and its MAC."""
    unsealed = _FOOTER.pack(
        FOOTER_MAGIC,
        footer.number,
        footer.made_ms,
        footer.manifest_offset,
        footer.manifest_length,
        footer.parts,
        footer.manifest_digest,
        footer.table_digest,
        bytes(32),
    )[:-32]
    return unsealed + _footer_mac(unsealed, backup_key)


def find_footer(file: BinaryIO, backup_key: bytes) -> Footer | None:
    """Find the last footer that the backup key sealed; what follows it is unfinished."""
    for offset in _footer_places(file):
        file.seek(offset)
        data = file.read(FOOTER_BYTES)
        if len(data) < FOOTER_BYTES:
            continue
        footer = Footer(*_FOOTER.unpack(data)[1:-1])
        # The MAC is by the artist's own key: no offset behind it is a stranger's.
        if footer.offset == offset and hmac.compare_digest(
            data[-32:], _footer_mac(data[:-32], backup_key)
        ):
            return footer
    return None


def format_table(parts: list[Part]) -> bytes:
    """Write the table; the parts are in the order of their ids."""
    return b"".join(_PART.pack(part.id, part.digest, part.offset, part.length) for part in parts)


def read_table(file: BinaryIO, footer: Footer) -> list[Part]:
    """Read the table of a finished backup and check it."""
    if footer.parts > MAX_PARTS:
        raise Malformed("number of parts in the backup", footer.parts, f"at most {MAX_PARTS}")
    file.seek(footer.table_offset)
    data = file.read(footer.parts * _PART.size)
    if sha256(data).digest() != footer.table_digest:
        raise Malformed("table of the backup", sha256(data).hexdigest(), "the digest in the footer")
    parts = [Part(*fields) for fields in _PART.iter_unpack(data)]
    ids = [part.id for part in parts]
    if any(left >= right for left, right in pairwise(ids)):
        raise Malformed("table of the backup", "parts out of order", "ids that ascend")
    for part in parts:
        if part.length > MAX_SEALED_PART or part.offset + part.length > footer.manifest_offset:
            raise Malformed("part of the backup", part.length, "one that lies before the manifest")
    return parts


def read_sealed(file: BinaryIO, offset: int, length: int, digest: bytes) -> bytes:
    """Read encrypted bytes and check that they are the ones that were written."""
    file.seek(offset)
    sealed = file.read(length)
    if len(sealed) != length or sha256(sealed).digest() != digest:
        raise Malformed("backup", f"damaged at byte {offset}", "the bytes that were written there")
    return sealed


def format_manifest(members: list[Member]) -> bytes:
    """Write the canonical bytes that are encrypted; the members are in the order of paths."""
    files: list[Json] = [
        {"parts": list(member.parts), "path": member.path, "size": member.size}
        for member in members
    ]
    return canonical_bytes({"files": files, "v": 0})


def parse_manifest(data: bytes, parts: int) -> list[Member]:
    """Read a manifest over a table of `parts` parts; every path is safe to create."""
    raw = parse_object(data, what="backup manifest", max_bytes=MAX_MANIFEST)
    version, files = raw.get("v"), raw.get("files")
    if type(version) is int and version > 0:
        raise Undecided(f"the backup has format version {version}, this program knows 0")
    if not isinstance(files, list):
        raise Malformed("backup manifest", sorted(raw), "files and v")
    members = [_parse_member(file, parts) for file in files]
    check_paths([member.path for member in members])
    if format_manifest(members) != data:
        raise Malformed("backup manifest", sorted(raw), "exactly files and v")
    return members


def check_paths(paths: list[str]) -> None:
    """Refuse paths that could leave the folder, meet each other, or not be had everywhere."""
    folded: set[str] = set()
    for path in paths:
        steps = path.split("/")
        # Backslash, colon and control characters mean something on some system.
        if len(path) > MAX_PATH or any(
            ord(letter) < 32 or letter in '\\:"*?<>|' for letter in path
        ):
            raise Malformed("path in the backup", path, "plain characters, at most 1024")
        if any(step in {"", ".", ".."} or step[-1] in " ." for step in steps):
            raise Malformed(
                "path in the backup", path, "names below the folder, none with dots only"
            )
        if path.casefold() in folded:
            raise Malformed("path in the backup", path, "one path once, whatever its capitals")
        folded.add(path.casefold())
    for path in folded:
        if any(parent in folded for parent in _parents(path)):
            raise Malformed("path in the backup", path, "no file in the place of a folder")


def _parse_member(raw: Json, parts: int) -> Member:
    if not isinstance(raw, dict) or raw.keys() != {"parts", "path", "size"}:
        raise Malformed("file in the backup", raw, "path, size and parts")
    path, size, places = raw["path"], raw["size"], raw["parts"]
    if not isinstance(path, str) or type(size) is not int or size < 0:
        raise Malformed("file in the backup", path, "a path and a size")
    if not isinstance(places, list):
        raise Malformed("file in the backup", path, "a list of parts")
    checked = []
    for place in places:
        if type(place) is not int or not 0 <= place < parts:
            raise Malformed("part of a file in the backup", place, f"0 to {parts - 1}")
        checked.append(place)
    return Member(path, size, tuple(checked))


def _parents(path: str) -> Iterator[str]:
    steps = path.split("/")[:-1]
    for count in range(1, len(steps) + 1):
        yield "/".join(steps[:count])


def _footer_mac(unsealed: bytes, backup_key: bytes) -> bytes:
    return hmac.digest(backup_key, b"stemproof/v0/backup/footer\x00" + unsealed, "sha256")


def _footer_places(file: BinaryIO) -> Iterator[int]:
    """Yield where the footer's first bytes stand, from the end of the file to its start."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - _WINDOW)
        file.seek(start)
        # The overlap finds a mark that lies across two windows.
        window = file.read(end - start + len(FOOTER_MAGIC) - 1)
        place = window.rfind(FOOTER_MAGIC)
        while place >= 0:
            yield start + place
            place = window.rfind(FOOTER_MAGIC, 0, place + len(FOOTER_MAGIC) - 1)
        end = start
