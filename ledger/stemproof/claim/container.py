"""The bundle's outer form: a ZIP that can be written in one way only.

    NAME.stemproof = local entries, central directory, end record, nothing else

Members are sorted by name, stored or deflated, with zero times and no extra fields,
comments or gaps (APPNOTE.TXT 6.3.10, sections 4.3 to 4.5). A reader rebuilds every byte
around the members' data and compares, so there is nowhere to hide anything; the data
itself is held by the digests in the signed manifest. Bounds come before inflating.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from stemproof.errors import Malformed, Refuted

MAX_BUNDLE_BYTES: Final = 512 << 20
MAX_MEMBERS: Final = 64
# A million headers take 620 MB; a bundle of that size wants excerpts instead.
MAX_MEMBER_BYTES: Final = 128 << 20
MAX_TOTAL_BYTES: Final = 512 << 20
# Digests and salts do not deflate: honest members stay below 10. Deflate itself goes to 1032.
MAX_RATIO: Final = 100
STORED: Final = 0
DEFLATED: Final = 8

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}(/[a-z0-9][a-z0-9.-]{0,62})?")
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_LOCAL_MARK: Final = b"PK\x03\x04"
_CUT_SHORT: Final = "the bundle is cut short"
# 1980-01-01, the earliest date that the format can say.
_DATE = 0x21


class NotWhole(Malformed):
    """A file that is no bundle, or not the whole and unchanged one, told in one sentence."""

    def __init__(self, says: str) -> None:
        Refuted.__init__(self, says)


@dataclass(frozen=True, slots=True)
class Member:
    """One member as it lies in the file."""

    name: str
    method: int
    crc: int
    size: int
    packed: bytes


def pack_member(name: str, data: bytes, *, method: int = DEFLATED) -> Member:
    """Make a member of its name and bytes; stored where it deflates more than a reader takes."""
    packed = data
    if method == DEFLATED:
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = deflate.compress(data) + deflate.flush()
        if len(data) > MAX_RATIO * len(packed):
            method, packed = STORED, data
    return Member(name, method, zlib.crc32(data), len(data), packed)


def unpack_member(member: Member) -> bytes:
    """Give a member's bytes; they fill exactly the size that it states."""
    data = member.packed
    if member.method == DEFLATED:
        inflate = zlib.decompressobj(-15)
        try:
            data = inflate.decompress(member.packed, member.size + 1)
        except zlib.error as error:
            raise Malformed(f"bundle member {member.name}", "damaged", "deflated data") from error
        if not inflate.eof or inflate.unused_data:
            raise Malformed(f"bundle member {member.name}", "longer", "the size it states")
    if len(data) != member.size or zlib.crc32(data) != member.crc:
        raise Malformed(f"bundle member {member.name}", "damaged", "the size and CRC it states")
    return data


def format_container(members: Mapping[str, Member]) -> bytes:
    """Write the one file that holds these members."""
    entries, directory = [], []
    offset = 0
    for name in sorted(members):
        member = members[name]
        _check_name(name)
        shape = (0, member.method, 0, _DATE, member.crc, len(member.packed), member.size)
        local = _LOCAL.pack(_LOCAL_MARK, 20, *shape, len(name), 0) + name.encode()
        entries.append(local + member.packed)
        directory.append(
            _CENTRAL.pack(b"PK\x01\x02", 20, 20, *shape, len(name), 0, 0, 0, 0, 0, offset)
            + name.encode()
        )
        offset += len(entries[-1])
    central = b"".join(directory)
    end = _END.pack(b"PK\x05\x06", 0, 0, len(entries), len(entries), len(central), offset, 0)
    return b"".join([*entries, central, end])


def parse_container(data: bytes) -> dict[str, Member]:
    """Read the members; refuse a file that format_container would not have written."""
    if len(data) > MAX_BUNDLE_BYTES:
        raise Malformed("bundle size", len(data), f"at most {MAX_BUNDLE_BYTES} bytes")
    if not data.startswith(b"PK"):
        raise NotWhole("the file is not a stemproof bundle")
    members: dict[str, Member] = {}
    offset = total = 0
    while data[offset : offset + 4] == _LOCAL_MARK:
        member, offset = _read_member(data, offset)
        if member.name in members or len(members) == MAX_MEMBERS:
            raise Malformed("bundle members", member.name, f"at most {MAX_MEMBERS}, each once")
        members[member.name] = member
        total += member.size
        if total > MAX_TOTAL_BYTES:
            raise Malformed("bundle size unpacked", total, f"at most {MAX_TOTAL_BYTES} bytes")
    canonical = format_container(members)
    if members and canonical == data:
        return members
    if (members and canonical.startswith(data)) or _LOCAL_MARK.startswith(data[offset:]):
        raise NotWhole(_CUT_SHORT)
    if members:
        raise NotWhole("the bundle was altered between its members, or another program wrote it")
    raise NotWhole("the file is not a stemproof bundle")


def _read_member(data: bytes, offset: int) -> tuple[Member, int]:
    if len(data) < offset + _LOCAL.size:
        raise NotWhole(_CUT_SHORT)
    (_, _, _, method, _, _, crc, packed, size, name_bytes, extra) = _LOCAL.unpack_from(data, offset)
    start = offset + _LOCAL.size
    if len(data) < start + name_bytes:
        raise NotWhole(_CUT_SHORT)
    name = data[start : start + name_bytes].decode("ascii", "replace")
    _check_name(name)
    if method not in (STORED, DEFLATED) or extra:
        raise Malformed(f"bundle member {name}", method, "stored or deflated, no extra field")
    if size > min(MAX_MEMBER_BYTES, MAX_RATIO * packed):
        raise Malformed(
            f"size of bundle member {name}",
            size,
            f"at most {MAX_MEMBER_BYTES} bytes and {MAX_RATIO} times the {packed} in the file",
        )
    start += name_bytes
    if len(data) < start + packed:
        raise NotWhole(_CUT_SHORT)
    return Member(name, method, crc, size, data[start : start + packed]), start + packed


def _check_name(name: str) -> None:
    if _NAME.fullmatch(name) is None or ".." in name:
        raise Malformed("name of a bundle member", name, "lower-case letters, digits, one slash")
