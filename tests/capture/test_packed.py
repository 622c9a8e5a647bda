"""Packed bytes and XML of strangers: bombs, cuts, doubles, secrets, names that climb."""

from __future__ import annotations

import gzip
import io
import random
import struct
import time
import tracemalloc
import warnings
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemproof.capture.sessions.packed import MAX_ENTRIES, Archive, gunzip
from stemproof.capture.sessions.strict_xml import digest_xml, parse_xml
from stemproof.errors import BadInput

LIMIT = 100_000


def make_zip(*files: tuple[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", packing) as archive:
        # Names that stand twice are what is tested here.
        warnings.simplefilter("ignore")
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def read_zip(data: bytes, name: str = "a.xml", limit: int = LIMIT) -> bytes:
    return Archive(data, "the archive").read(name, limit)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4))
def test_gzip_of_several_members_is_their_sum(parts: list[bytes]) -> None:
    packed = b"".join(gzip.compress(part) for part in parts)
    assert gunzip(packed, "it", LIMIT) == b"".join(parts)


@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT])
def test_gzip_may_reach_its_bound(size: int) -> None:
    assert len(gunzip(gzip.compress(bytes(size)), "it", LIMIT)) == size


@pytest.mark.parametrize("times", [1, 2, 1000])
def test_a_gzip_bomb_stops_at_the_bound(times: int) -> None:
    bomb = gzip.compress(bytes(LIMIT // times + 1)) * times
    with pytest.raises(BadInput, match=f"inflates beyond {LIMIT} bytes"):
        gunzip(bomb, "it", LIMIT)


def test_a_bomb_takes_little_memory_and_time() -> None:
    gz = gzip.compress(bytes(300_000_000), 1)
    archive = make_zip(("a.xml", bytes(300_000_000)))
    begin = time.perf_counter()
    tracemalloc.start()
    with pytest.raises(BadInput, match="inflates beyond"):
        gunzip(gz, "it", LIMIT)
    with pytest.raises(BadInput, match="inflates beyond"):
        read_zip(archive)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30 * LIMIT
    assert time.perf_counter() - begin < 2


def test_gzip_cut_anywhere_is_refused() -> None:
    packed = gzip.compress(random.Random(1).randbytes(500))
    for end in range(1, len(packed)):
        with pytest.raises(BadInput):
            gunzip(packed[:end], "it", LIMIT)


@pytest.mark.parametrize(
    "data", [b"plain", b"\x1f\x8b", gzip.compress(b"a", mtime=0) + b"x", zlib.compress(b"a")]
)
def test_what_is_no_gzip_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput, match=r"not a gzip stream|cut short"):
        gunzip(data, "it", LIMIT)


def test_a_wrong_checksum_is_refused() -> None:
    packed = bytearray(gzip.compress(b"hello"))
    packed[-6] ^= 1
    with pytest.raises(BadInput, match="not a gzip stream"):
        gunzip(bytes(packed), "it", LIMIT)


def test_an_archive_names_and_gives_its_entries() -> None:
    data = make_zip(("a.xml", b"one"), ("b/c.json", b"two"))
    archive = Archive(data, "it")
    assert archive.names == ("a.xml", "b/c.json")
    assert archive.read("b/c.json", 3) == b"two"


def test_names_that_climb_are_only_names() -> None:
    data = make_zip(("../../etc/passwd", b"x"), ("/abs", b"y"), ("a\\..\\b", b"z"))
    archive = Archive(data, "it")
    assert archive.read("../../etc/passwd", 9) == b"x"
    with pytest.raises(BadInput, match="holds no"):
        archive.read("etc/passwd", 9)


def encrypted() -> bytes:
    data = bytearray(make_zip(("a.xml", b"secret"), packing=zipfile.ZIP_STORED))
    # Bit 0 of the flags, in the entry and in the directory (APPNOTE 4.4.4).
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def declared_small() -> bytes:
    """An entry that says it is short and inflates to more."""
    data = bytearray(make_zip(("a.xml", bytes(5000))))
    directory = data.index(b"PK\x01\x02")
    data[22:26] = data[directory + 24 : directory + 28] = struct.pack("<I", 10)
    return bytes(data)


def overlapping() -> bytes:
    """Two names in the directory for one stretch of bytes, as in a bomb without nesting."""
    data = make_zip(("a.xml", bytes(5000)), ("b.xml", b"b"))
    directory = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", directory + 1)
    changed = bytearray(data)
    changed[second + 42 : second + 46] = changed[directory + 42 : directory + 46]
    return bytes(changed)


ZIPS = {
    "nothing": b"",
    "no zip": b"PK\x03\x04" + bytes(100),
    "no directory": make_zip(("a.xml", b"x"))[:40],
    "two entries of one name": make_zip(("a.xml", b"x"), ("a.xml", b"y")),
    "too many entries": make_zip(*((f"{n}", b"") for n in range(MAX_ENTRIES + 1))),
    "another name": make_zip(("b.xml", b"x")),
    "an entry too large": make_zip(("a.xml", bytes(LIMIT + 1))),
    "an entry larger than it says": declared_small(),
    "an encrypted entry": encrypted(),
    "a wrong checksum": make_zip(("a.xml", b"hello"), packing=zipfile.ZIP_STORED).replace(
        b"hello", b"jello"
    ),
    "LZMA": make_zip(("a.xml", b"hello" * 99), packing=zipfile.ZIP_LZMA),
    "bzip2": make_zip(("a.xml", b"hello" * 99), packing=zipfile.ZIP_BZIP2),
    "an unknown packing": make_zip(("a.xml", b"hello")).replace(b"\x08\x00", b"\x63\x00"),
}


@pytest.mark.parametrize("what", ZIPS)
def test_an_archive_is_refused_in_one_sentence(what: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_zip(ZIPS[what])
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 250


def test_entries_that_share_bytes_are_refused_or_given_as_what_they_are() -> None:
    data = overlapping()
    with pytest.raises(BadInput):
        read_zip(data, "b.xml")


def test_archives_with_flipped_bits_are_read_or_refused() -> None:
    data = make_zip(("a.xml", b"<a>" * 200), ("b.xml", b"b" * 50))
    dice = random.Random(13)
    for _ in range(1500):
        damaged = bytearray(data)
        for _ in range(dice.choice((1, 2, 6))):
            damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        for name in ("a.xml", "b.xml"):
            try:
                read_zip(bytes(damaged), name)
            except BadInput as error:
                assert str(error).isprintable()


def test_archives_cut_anywhere_are_refused() -> None:
    data = make_zip(("a.xml", b"<a>" * 200))
    for end in range(len(data)):
        with pytest.raises(BadInput):
            read_zip(data[:end])


def parse(xml: bytes, limit: int = LIMIT) -> str:
    return digest_xml(parse_xml(xml, "it", roots=("a", "b"), max_bytes=limit))


XML = {
    "an entity": b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    "an entity of a file": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>',
    "a parameter entity": b'<!DOCTYPE a [<!ENTITY % x "y"> %x;]><a/>',
    "a default attribute": b'<!DOCTYPE a [<!ATTLIST b x CDATA "y">]><a><b/></a>',
    "an element declared": b'<!DOCTYPE a SYSTEM "a.dtd" [<!ELEMENT a ANY>]><a/>',
    "a notation": b'<?xml version="1.0"?><!-- <a> --><!DOCTYPE a[<!NOTATION n SYSTEM "n">]><a/>',
    "an inner part of nothing": b"<!DOCTYPE a []><a/>",
    "a bracket after a byte order mark": b"\xef\xbb\xbf<!DOCTYPE a\n[<!ATTLIST a x ID 'y'>]><a/>",
    "two document types": b"<!DOCTYPE a><!DOCTYPE a><a/>",
    "a document type after the root": b"<a/><!DOCTYPE a [<!ATTLIST a x CDATA 'y'>]>",
    "a document type inside the root": b"<a><!DOCTYPE a [<!ATTLIST a x CDATA 'y'>]></a>",
    "a declaration alone": b"<!ATTLIST a x CDATA 'y'><a/>",
    "a comment without an end": b"<!-- <a/>",
    "UTF-16": '<a b="c"/>'.encode("utf-16"),
    "UTF-32": '<a b="c"/>'.encode("utf-32"),
    "Latin letters": b'<?xml version="1.0" encoding="latin-1"?><a b="\xe4"/>',
    "a zero byte": b"<a>\0</a>",
    "another root": b"<c/>",
    "no end": b"<a><b>",
    "two roots": b"<a/><a/>",
    "an attribute twice": b'<a b="1" b="2"/>',
    "nested too deep": b"<a>" * 10_000 + b"</a>" * 10_000,
    "a text of 11 MB": b"<a>" + b"x" * 11_000_000 + b"</a>",
    "nothing": b"",
    "text": b"hello",
}


@pytest.mark.parametrize("what", XML)
def test_xml_is_refused_in_one_sentence(what: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse(XML[what], 1 << 25)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 250


def test_xml_beyond_its_bound_is_not_parsed() -> None:
    with pytest.raises(BadInput, match="want at most 10"):
        parse(b"<a>hello</a>", 10)


def test_comments_and_instructions_are_no_content() -> None:
    plain = b"<a><b/></a>"
    assert parse(b"<?go?><a><!-- x --><b/><?stop?></a>") == parse(plain)
    assert parse(b'<!DOCTYPE a PUBLIC "p" "http://nowhere.invalid/a.dtd"><a><b/></a>') == parse(
        plain
    )


@pytest.mark.parametrize(
    "head",
    [
        b"<!DOCTYPE a>",
        b"\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8'?>\n<!-- [ --><!DOCTYPE a>",
        b"<!DOCTYPE a\n  PUBLIC '-//x//DTD old//EN'\n  'http://nowhere.invalid/[a].dtd' >",
        b'<!DOCTYPE a SYSTEM "a.dtd"><!-- <!DOCTYPE a [ --><?go <!DOCTYPE?>',
    ],
)
def test_a_document_type_that_declares_nothing_is_no_content(head: bytes) -> None:
    assert parse(head + b"<a><b/></a>") == parse(b"<a><b/></a>")


def test_a_document_type_in_a_text_is_text() -> None:
    text = b"<!DOCTYPE html [<!ATTLIST x y CDATA 'z'>]>"
    assert parse(b"<a><![CDATA[" + text + b"]]></a>") == parse(
        b"<a>" + text.replace(b"<", b"&lt;") + b"</a>"
    )


@given(st.permutations([("x", "1"), ("y", "2"), ("z", "3")]))
def test_the_order_of_attributes_is_no_content(order: list[tuple[str, str]]) -> None:
    shuffled = " ".join(f'{name}="{value}"' for name, value in order)
    assert parse(f"<a {shuffled}/>".encode()) == parse(b'<a x="1" y="2" z="3"/>')


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=40))
def test_other_text_is_other_content(text: str) -> None:
    from xml.sax.saxutils import quoteattr

    said = f"<a b={quoteattr(text)}/>".encode()
    assert parse(said) == parse(said)
    assert (parse(said) == parse(b'<a b="~~"/>')) == (text == "~~")
