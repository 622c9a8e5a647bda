"""The outer form: one way to write it, and bounds before anything is unpacked."""

from __future__ import annotations

import io
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemproof.claim.container import (
    DEFLATED,
    MAX_MEMBERS,
    MAX_RATIO,
    STORED,
    Member,
    format_container,
    pack_member,
    parse_container,
    unpack_member,
)
from stemproof.errors import Malformed

names = st.from_regex(r"[a-z0-9][a-z0-9-]{0,9}(/[a-z0-9][a-z0-9-]{0,9})?", fullmatch=True)
contents = st.dictionaries(names, st.binary(max_size=300), min_size=1, max_size=6)


def _write(files: dict[str, bytes], method: int = DEFLATED) -> bytes:
    return format_container(
        {name: pack_member(name, data, method=method) for name, data in files.items()}
    )


@given(contents, st.sampled_from([STORED, DEFLATED]))
def test_what_is_written_is_read_and_written_again_alike(
    files: dict[str, bytes], method: int
) -> None:
    data = _write(files, method)
    members = parse_container(data)
    assert {name: unpack_member(member) for name, member in members.items()} == files
    assert format_container(members) == data


@given(contents)
def test_zip_programs_can_open_it(files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(_write(files))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == files


@given(contents, st.data())
def test_no_byte_around_the_members_can_be_changed(
    files: dict[str, bytes], draw: st.DataObject
) -> None:
    data = _write(files, STORED)
    place = draw.draw(st.integers(0, len(data) - 1))
    altered = data[:place] + bytes([data[place] ^ draw.draw(st.integers(1, 255))])
    altered += data[place + 1 :]
    try:
        found = {name: unpack_member(each) for name, each in parse_container(altered).items()}
    except Malformed:
        return
    # What is left to change is held by the CRC twice, then by the manifest.
    assert found != files


def test_a_zip_by_another_program_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("claim.json", b"{}")
    with pytest.raises(Malformed):
        parse_container(buffer.getvalue())


@pytest.mark.parametrize(
    "name",
    [
        "../claim.json",
        "a/../b",
        "/etc/passwd",
        "a//b",
        "a/b/c",
        "A.json",
        "a\\b",
        "c:evil",
        ".hidden",
        "a/.hidden",
        "",
        "a" * 64,
        "naïve",
        "a\0b",
        "a\n",
        "a..b",
    ],
)
def test_a_member_with_a_dangerous_name_is_refused(name: str) -> None:
    forged = _archive([_entry(replace(pack_member("x", b"{}"), name=name))])
    with pytest.raises(Malformed):
        parse_container(forged)
    with pytest.raises(Malformed):
        format_container({name: pack_member(name, b"{}")})


def test_members_twice_or_out_of_order_are_refused() -> None:
    one = _entry(pack_member("a", b"1"))
    two = _entry(pack_member("b", b"2"))
    assert parse_container(_archive([one, two])).keys() == {"a", "b"}
    for entries in ([one, one], [two, one], [one, two, one]):
        with pytest.raises(Malformed):
            parse_container(_archive(entries))


def test_more_members_than_allowed_are_refused() -> None:
    files = {f"m{number:03d}": b"x" for number in range(MAX_MEMBERS)}
    assert len(parse_container(_write(files))) == MAX_MEMBERS
    with pytest.raises(Malformed):
        parse_container(_write({**files, "more": b"x"}))


def _bomb(size: int) -> Member:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = deflate.compress(bytes(size)) + deflate.flush()
    return Member("bomb", DEFLATED, zlib.crc32(bytes(size)), size, packed)


def test_a_member_that_deflates_too_well_is_refused_before_it_is_unpacked() -> None:
    bomb = _bomb(10 << 20)
    assert bomb.size > MAX_RATIO * len(bomb.packed)
    with pytest.raises(Malformed, match="times"):
        parse_container(_archive([_entry(bomb)]))


def test_a_member_that_hides_its_size_is_cut_off_where_it_said() -> None:
    bomb = _bomb(10 << 20)
    lying = replace(bomb, size=100)
    member = parse_container(_archive([_entry(lying)]))["bomb"]
    started = time.perf_counter()
    with pytest.raises(Malformed, match="longer"):
        unpack_member(member)
    assert time.perf_counter() - started < 0.5


def test_what_would_deflate_too_well_is_stored() -> None:
    assert pack_member("zeros", bytes(1 << 20)).method == STORED
    assert pack_member("text", b"stemproof" * 3).method == DEFLATED


@pytest.mark.parametrize("method", [1, 9, 12, 14, 93, 99, 65535])
def test_another_packing_method_is_refused(method: int) -> None:
    member = replace(pack_member("a", b"1"), method=method)
    with pytest.raises(Malformed):
        parse_container(_archive([_entry(member)]))


def _other_size(member: Member) -> Member:
    return replace(member, size=member.size + 1)


def _other_crc(member: Member) -> Member:
    return replace(member, crc=member.crc ^ 1)


def _tail(member: Member) -> Member:
    return replace(member, packed=member.packed + b"\0")


def _cut(member: Member) -> Member:
    return replace(member, packed=member.packed[:-1])


def _noise(member: Member) -> Member:
    return replace(member, packed=b"\xff" * len(member.packed))


@pytest.mark.parametrize("damage", [_other_size, _other_crc, _tail, _cut, _noise])
@pytest.mark.parametrize("method", [STORED, DEFLATED])
def test_a_damaged_member_is_refused(method: int, damage: Callable[[Member], Member]) -> None:
    member = damage(pack_member("a", b"some text that is some text", method=method))
    with pytest.raises(Malformed):
        unpack_member(member)


@pytest.mark.parametrize("field", ["method", "size"])
def test_a_directory_that_differs_from_the_entries_is_refused(field: str) -> None:
    data = bytearray(_write({"a": b"text"}, STORED))
    central = data.index(b"PK\x01\x02")
    offset = central + (10 if field == "method" else 24)
    data[offset] ^= 8
    with pytest.raises(Malformed):
        parse_container(bytes(data))


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\x03\x04", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_archive_or_an_empty_one_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_container(data)


@given(st.binary(max_size=400))
def test_noise_is_refused_and_nothing_else_is_raised(data: bytes) -> None:
    for each in (data, b"PK\x03\x04" + data):
        with pytest.raises(Malformed):
            parse_container(each)


def _entry(member: Member) -> tuple[Member, bytes]:
    name = member.name.encode()
    shape = (0, member.method, 0, 0x21, member.crc, len(member.packed), member.size)
    local = struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, *shape, len(name), 0)
    return member, local + name + member.packed


def _archive(entries: list[tuple[Member, bytes]]) -> bytes:
    """Write an archive as it comes, of any members in any order."""
    body, directory = b"", b""
    for member, entry in entries:
        name = member.name.encode()
        shape = (0, member.method, 0, 0x21, member.crc, len(member.packed), member.size)
        directory += struct.pack(
            "<4sHHHHHHIIIHHHHHII",
            *(b"PK\x01\x02", 20, 20),
            *shape,
            *(len(name), 0, 0, 0, 0, 0, len(body)),
        )
        directory += name
        body += entry
    count = len(entries)
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, len(directory), len(body), 0)
    return body + directory + end


@given(contents)
def test_a_bundle_cut_anywhere_is_called_cut_short(files: dict[str, bytes]) -> None:
    data = _write(files)
    for end in range(2, len(data)):
        with pytest.raises(Malformed) as caught:
            parse_container(data[:end])
        assert str(caught.value) == "the bundle is cut short"


@pytest.mark.parametrize(
    "data", [b"", b"P", b"ID3\x04\x00", b"RIFF\x1b[2J", b"PK\x05\x06" + bytes(18), b"PKWARE\n" * 9]
)
def test_another_file_is_said_to_be_no_bundle_without_its_bytes(data: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        parse_container(data)
    assert str(caught.value) == "the file is not a stemproof bundle"
