"""DAG-PB nodes and the UnixFS message inside them: the two protobufs that files are made of.

    PBNode  = links (field 2, each: 1 hash, 2 name, 3 tsize), then data (field 1)
    UnixFS  = 1 kind, 2 data, 3 filesize, 4 blocksizes (one field each, not packed)

Reading is strict: bytes that `format_*` would not write are refused, so unknown fields, other
orders and padded numbers never pass. Specifications: ipld/specs dag-pb, ipfs/specs UNIXFS.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from stemproof.content.cid import MAX_BLOCK_BYTES, Cid, parse_cid_bytes
from stemproof.content.varint import format_varint, parse_varint
from stemproof.errors import Malformed, Undecided

_VARINT, _BYTES = 0, 2


class Kind(IntEnum):
    """The kinds of UnixFS node that we write."""

    DIRECTORY = 1
    FILE = 2


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a node; `tsize` is what its writer says of all bytes below, unchecked."""

    cid: Cid
    name: str
    tsize: int


@dataclass(frozen=True, slots=True)
class UnixFs:
    """A node's UnixFS message; `size` is absent in directories."""

    kind: Kind
    data: bytes | None = None
    size: int | None = None
    block_sizes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PbNode:
    links: tuple[Link, ...]
    unixfs: UnixFs


def _delimited(field: int, value: bytes) -> bytes:
    return format_varint(field << 3 | _BYTES) + format_varint(len(value)) + value


def _number(field: int, value: int) -> bytes:
    return format_varint(field << 3 | _VARINT) + format_varint(value)


def format_unixfs(message: UnixFs) -> bytes:
    """Write a UnixFS message as Kubo and the JavaScript importer do."""
    out = [_number(1, message.kind)]
    if message.data is not None:
        out.append(_delimited(2, message.data))
    if message.size is not None:
        out.append(_number(3, message.size))
    out.extend(_number(4, size) for size in message.block_sizes)
    return b"".join(out)


def format_node(node: PbNode) -> bytes:
    """Write a DAG-PB block: links first, in the order given, then data."""
    out = [_delimited(2, _format_link(link)) for link in node.links]
    out.append(_delimited(1, format_unixfs(node.unixfs)))
    return b"".join(out)


def _format_link(link: Link) -> bytes:
    hash_and_name = _delimited(1, bytes(link.cid)) + _delimited(2, link.name.encode("utf-8"))
    return hash_and_name + _number(3, link.tsize)


def parse_node(block: bytes) -> PbNode:
    """Read a DAG-PB block with a UnixFS message. Sharded directories and symlinks are undecided."""
    if len(block) > MAX_BLOCK_BYTES:
        raise Malformed("DAG-PB block", f"{len(block)} bytes", f"at most {MAX_BLOCK_BYTES} bytes")
    links: list[Link] = []
    unixfs: UnixFs | None = None
    for field, value in _fields(block):
        if field == 2 and isinstance(value, bytes):
            links.append(_parse_link(value))
        elif field == 1 and isinstance(value, bytes) and unixfs is None:
            unixfs = parse_unixfs(value)
        else:
            raise Malformed("DAG-PB field", field, "links (2), then data (1) once")
    if unixfs is None:
        raise Malformed("DAG-PB block", "no data", "a UnixFS message")
    node = PbNode(tuple(links), unixfs)
    if format_node(node) != block:
        raise Malformed("DAG-PB block", block[:32].hex(), "the canonical encoding")
    return node


def parse_unixfs(data: bytes) -> UnixFs:
    """Read a UnixFS message of a file or a directory."""
    kind: int | None = None
    content: bytes | None = None
    size: int | None = None
    block_sizes: list[int] = []
    for field, value in _fields(data):
        if field == 2 and isinstance(value, bytes):
            content = value
        elif field == 1 and isinstance(value, int):
            kind = value
        elif field == 3 and isinstance(value, int):
            size = value
        elif field == 4 and isinstance(value, int):
            block_sizes.append(value)
        elif 5 <= field <= 8:
            # Fan-out and hash of sharded directories; mode and time of files (UnixFS 1.5).
            raise Undecided(f"a UnixFS node with field {field} is not read here")
        else:
            raise Malformed("UnixFS field", field, "kind, data, filesize, blocksizes")
    if kind is None or kind > 5:
        raise Malformed("UnixFS kind", kind, "1 (directory) or 2 (file)")
    if kind not in (Kind.DIRECTORY, Kind.FILE):
        raise Undecided(
            f"a UnixFS node of kind {kind} is not read here, only files and directories"
        )
    message = UnixFs(Kind(kind), content, size, tuple(block_sizes))
    if format_unixfs(message) != data:
        raise Malformed("UnixFS message", data[:32].hex(), "the canonical encoding")
    return message


def _parse_link(data: bytes) -> Link:
    fields = list(_fields(data))
    if [field for field, _ in fields] != [1, 2, 3]:
        raise Malformed("DAG-PB link", data[:64].hex(), "hash, name, tsize")
    (_, raw_cid), (_, raw_name), (_, tsize) = fields
    if not (isinstance(raw_cid, bytes) and isinstance(raw_name, bytes) and isinstance(tsize, int)):
        raise Malformed("DAG-PB link", data[:64].hex(), "bytes, bytes, number")
    try:
        name = raw_name.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("DAG-PB link name", raw_name, "UTF-8") from error
    return Link(parse_cid_bytes(raw_cid), name, tsize)


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        key, at = parse_varint(data, at)
        if key & 7 == _VARINT:
            number, at = parse_varint(data, at)
            yield key >> 3, number
        elif key & 7 == _BYTES:
            size, at = parse_varint(data, at)
            if size > len(data) - at:
                raise Malformed(
                    "protobuf field", f"{size} bytes", f"at most {len(data) - at} bytes"
                )
            yield key >> 3, bytes(data[at : at + size])
            at += size
        else:
            raise Malformed("protobuf wire type", key & 7, "0 or 2")
