"""CAR version 1: a content address and the blocks below it in one file.

    varint(n) header                       dag-cbor {"roots": [CID], "version": 1}
    varint(n) CID block                    and so on to the end of the file

Exactly one root. Reading takes strangers' files: each length is bounded before anything is read,
each block is compared with its CID, and the header must be the bytes that we would write. What
reading does not say: that the blocks below the root are all there, or that all belong to it; see
walk. Specification: ipld/car CARv1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from stemproof.content.cid import (
    MAX_BLOCK_BYTES,
    Cid,
    check_block,
    parse_cid_bytes,
    parse_cid_prefix,
)
from stemproof.content.unixfs import Source
from stemproof.content.varint import MAX_BYTES, format_varint, parse_varint
from stemproof.errors import Malformed, Refuted

MAX_HEADER_BYTES: Final = 128  # one root with a CID of the longest codec fits
MAX_CID_BYTES: Final = 48

_ROOTS: Final = b"\xa2\x65roots\x81\xd8\x2a\x58"  # map of 2, "roots", list of 1, tag 42, bytes
_VERSION: Final = b"\x67version\x01"


class Sink(Protocol):
    """What is written to: a binary file, a socket."""

    def write(self, data: bytes, /) -> object: ...


@dataclass(frozen=True, slots=True)
class Section:
    cid: Cid
    block: bytes


def format_header(root: Cid) -> bytes:
    """Write the length and the header of a CAR with one root."""
    # A CID in dag-cbor is tagged and starts with 0x00, the identity multibase.
    link = b"\x00" + bytes(root)
    header = _ROOTS + bytes([len(link)]) + link + _VERSION
    return format_varint(len(header)) + header


def format_section(cid: Cid, block: bytes) -> bytes:
    """Write one block with its length and CID."""
    name = bytes(cid)
    return b"".join((format_varint(len(name) + len(block)), name, block))


class CarWriter:
    """Write a CAR front to back; each block once. Memory: one digest a block."""

    def __init__(self, sink: Sink, root: Cid) -> None:
        self._sink = sink
        self._seen: set[bytes] = set()
        sink.write(format_header(root))

    def put(self, cid: Cid, block: bytes) -> None:
        """Append a block that has not been written yet. Its hash is not checked."""
        name = bytes(cid)
        if name not in self._seen:
            self._seen.add(name)
            self._sink.write(format_varint(len(name) + len(block)) + name)
            self._sink.write(block)


class CarReader:
    """Read a CAR front to back. Memory: one block."""

    def __init__(self, source: Source, *, max_bytes: int) -> None:
        """Read the header; refuse more than `max_bytes` of sections later on."""
        self._source = source
        self._left = max_bytes
        size = self._varint("CAR header")
        if size is None:
            raise Malformed("CAR", "no bytes", "a header")
        if size > MAX_HEADER_BYTES:
            raise Malformed("CAR header", f"{size} bytes", f"at most {MAX_HEADER_BYTES} bytes")
        self.root: Final = _parse_header(self._exactly(size, "CAR header"))

    def sections(self) -> Iterator[Section]:
        """Yield the blocks, each equal to its CID, until the source ends."""
        while (section := self.next_section()) is not None:
            yield section

    def next_section(self) -> Section | None:
        """Read one block; None at the end of the source."""
        size = self._varint("CAR section")
        if size is None:
            return None
        if size > MAX_BLOCK_BYTES + MAX_CID_BYTES:
            raise Malformed(
                "CAR section", f"{size} bytes", f"a block up to {MAX_BLOCK_BYTES} bytes"
            )
        self._left -= size
        if self._left < 0:
            raise Refuted("a CAR is longer than was agreed")
        data = self._exactly(size, "CAR section")
        cid, at = parse_cid_prefix(data[:MAX_CID_BYTES])
        block = data[at:]
        check_block(cid, block)
        return Section(cid, block)

    def _varint(self, what: str) -> int | None:
        data = bytearray()
        while not data or (data[-1] & 0x80 and len(data) < MAX_BYTES):
            byte = self._source.read(1)
            if not byte:
                if not data:
                    return None
                raise Malformed(what, "cut off in its length", "a whole section")
            data += byte
        return parse_varint(bytes(data))[0]

    def _exactly(self, size: int, what: str) -> bytes:
        data = self._source.read(size)
        if len(data) < size:
            parts = bytearray(data)
            while data and len(parts) < size:
                data = self._source.read(size - len(parts))
                parts += data
            data = bytes(parts)
        if len(data) != size:
            raise Malformed(what, f"cut off after {len(data)} bytes", f"{size} bytes")
        return data


def _parse_header(header: bytes) -> Cid:
    start = len(_ROOTS) + 2
    if not header.startswith(_ROOTS) or not header.endswith(_VERSION):
        raise Malformed("CAR header", header.hex(), "version 1 with exactly one root")
    root = parse_cid_bytes(header[start : -len(_VERSION)])
    if format_header(root)[1:] != header:
        raise Malformed("CAR header", header.hex(), "canonical dag-cbor")
    return root
