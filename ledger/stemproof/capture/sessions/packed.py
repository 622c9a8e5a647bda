"""Packed bytes of strangers: gzip and zip, inflated within bounds and never further.

A declared size is checked, not believed. Paths inside a zip are only names to look up:
nothing is ever written to a disk.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Final

from stemproof.errors import BadInput

GZIP_MAGIC: Final = b"\x1f\x8b"
ZIP_MAGIC: Final = b"PK\x03\x04"
# DAWproject and MuseScore write a dozen entries and one a sample or picture.
MAX_ENTRIES: Final = 10_000
_STEP: Final = 1 << 20
# All that session formats use; LZMA's header alone can ask for gigabytes of memory.
_PACKINGS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_PEEK: Final = 1024
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS


def gunzip(data: bytes, what: str, max_bytes: int) -> bytes:
    """Inflate gzip (RFC 1952), one or several members, to at most `max_bytes`."""
    out = bytearray()
    rest: bytes = data
    while rest:
        inflater = zlib.decompressobj(_GZIP_WINDOW)
        try:
            while not inflater.eof:
                piece = inflater.decompress(rest, min(_STEP, max_bytes + 1 - len(out)))
                out += piece
                if len(out) > max_bytes:
                    raise BadInput(f"{what} inflates beyond {max_bytes} bytes")
                rest = inflater.unconsumed_tail
                if not piece and not rest and not inflater.eof:
                    raise BadInput(f"{what} is cut short: its gzip stream does not end")
        except zlib.error as error:
            raise BadInput(f"{what} is not a gzip stream") from error
        rest = inflater.unused_data
    return bytes(out)


def peek_gzip(head: bytes) -> bytes:
    """Inflate a little of what begins like gzip; nothing where it is none."""
    try:
        return zlib.decompressobj(_GZIP_WINDOW).decompress(head, _PEEK)
    except zlib.error:
        return b""


class Archive:
    """A zip held in memory, from which entries are read one by one and within bounds."""

    def __init__(self, data: bytes, what: str) -> None:
        self._what = what
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, RuntimeError, ValueError, OSError) as error:
            raise BadInput(f"{what} is not a whole zip archive") from error
        self._infos = {info.filename: info for info in self._zip.infolist()}
        if len(self._zip.infolist()) > MAX_ENTRIES:
            raise BadInput(f"{what} holds more than {MAX_ENTRIES} entries")
        if len(self._infos) != len(self._zip.infolist()):
            raise BadInput(f"{what} holds two entries of one name")

    @property
    def names(self) -> tuple[str, ...]:
        """Name every entry, in the order of the archive's directory."""
        return tuple(self._infos)

    def read(self, name: str, max_bytes: int) -> bytes:
        """Inflate one entry to at most `max_bytes`; its checksum must fit."""
        info = self._infos.get(name)
        if info is None:
            raise BadInput(f"{self._what} holds no {name!r:.60}")
        if info.compress_type not in _PACKINGS:
            raise BadInput(f"{name!r:.60} in {self._what} is neither stored nor deflated")
        if info.file_size > max_bytes:
            raise BadInput(f"{name!r:.60} in {self._what} inflates beyond {max_bytes} bytes")
        try:
            with self._zip.open(info) as entry:
                data = entry.read(max_bytes + 1)
                # Only at the end does zipfile compare the checksum.
                rest = entry.read(1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise BadInput(f"{name!r:.60} in {self._what} is damaged") from error
        except (RuntimeError, ValueError) as error:
            # Encrypted, or of a version that zipfile does not know.
            raise BadInput(f"{name!r:.60} in {self._what} cannot be unpacked: {error}") from error
        if rest or len(data) > max_bytes:
            raise BadInput(f"{name!r:.60} in {self._what} inflates beyond {max_bytes} bytes")
        return data
