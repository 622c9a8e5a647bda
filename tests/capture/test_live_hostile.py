"""Strangers' Live sets: BadInput or a session, in bounded time and memory."""

from __future__ import annotations

import gzip
import random
import time
import tracemalloc
from pathlib import Path

import pytest
from tests.capture.damage import damaged_lines

from stemproof.capture.diff import diff
from stemproof.capture.sessions import live, live_xml
from stemproof.capture.sessions.live_xml import MAX_XML_BYTES
from stemproof.capture.sessions.registry import read_session
from stemproof.errors import BadInput

FIXTURES = Path(__file__).parent / "fixtures" / "als"
PACKED = (FIXTURES / "views_and_numbers_only/before.als").read_bytes()
XML = gzip.decompress(PACKED)


def read_or_refuse(data: bytes) -> bool:
    """Tell whether it was read; anything but BadInput escapes and fails the test."""
    try:
        session = read_session("a.als", data)
    except BadInput as error:
        assert str(error).isprintable()
        return False
    assert diff(session, session) == []
    return True


def bomb() -> bytes:
    lines = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    return f'<!DOCTYPE Ableton [<!ENTITY e0 "ha">{lines}]><Ableton a="&e11;"/>'.encode()


def nested(tag: bytes, times: int) -> bytes:
    inside = b"<%b>" % tag * times + b"</%b>" % tag * times
    return XML.replace(b"<Tracks>", b"<Tracks>" + inside, 1)


def racks(times: int) -> bytes:
    opened = b'<DrumGroupDevice Id="0"><Branches><DrumBranch Id="0"><DeviceChain><X><Devices>'
    closed = b"</Devices></X></DeviceChain></DrumBranch></Branches></DrumGroupDevice>"
    return XML.replace(b"<Devices>", b"<Devices>" + opened * times + closed * times, 1)


REFUSED = {
    "entity bomb": bomb(),
    "entity bomb, packed": gzip.compress(bomb()),
    "entity bomb in UTF-16": bomb().decode().encode("utf-16"),
    "external entity": b'<!DOCTYPE Ableton [<!ENTITY x SYSTEM "file:///etc/hostname">]><Ableton/>',
    "declaration across two pieces": b" " * ((1 << 17) - 4) + bomb(),
    "gzip bomb": gzip.compress(b" " * (MAX_XML_BYTES + 1), 1),
    "gzip cut": PACKED[:-300],
    "gzip, and something after it": PACKED + b"more",
    "not gzip": b"\x1f\x8bhello",
    "ten thousand levels": nested(b"a", 10_000),
    "ten thousand tracks in one another": nested(b"MidiTrack", 10_000),
    "a hundred racks in one another": racks(100),
    "a set in a set": XML.replace(b"<Tracks>", b"<Tracks><Ableton/>", 1),
    "no master": XML.replace(b"MainTrack", b"OtherTrack"),
    "no tempo": XML.replace(b"Tempo>", b"Other>"),
    "tempo of zero": XML.replace(b'Value="120"', b'Value="0"'),
    "metre beyond all": XML.replace(b'Value="201"', b'Value="9999999"'),
    "key beyond all": XML.replace(b'MidiKey Value="36"', b'MidiKey Value="128"'),
    "key not a number": XML.replace(b'MidiKey Value="36"', b'MidiKey Value="1_0"'),
    "time not a number": XML.replace(b'Time="3"', b'Time="nan"'),
    "time without end": XML.replace(b'Time="3"', b'Time="1e999"'),
    "time of a million digits": XML.replace(b'Time="3"', b'Time="' + b"9" * 10**6 + b'"'),
    "clip at infinity": XML.replace(b'CurrentEnd Value="12"', b'CurrentEnd Value="inf"'),
    "empty": b"",
    "a preset": b'<Ableton MajorVersion="5"><Preset/></Ableton>',
    "other XML": b"<html>Ableton</html>",
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_quickly_in_one_sentence(what: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(BadInput) as refused:
        read_session("a.als", REFUSED[what])
    assert time.perf_counter() - begin < 5
    assert str(refused.value).startswith("cannot read a.als: ")
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 300


def test_thirty_racks_in_one_another_are_read() -> None:
    assert read_or_refuse(racks(30))


def test_a_gzip_bomb_is_never_held_whole() -> None:
    tracemalloc.start()
    read_or_refuse(REFUSED["gzip bomb"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 1024 * 1024


@pytest.mark.parametrize("mark", [b"<a/>", b'<a b="" c="" d="" e=""/>'])
def test_a_track_of_countless_tags_is_refused(mark: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    # The bound in full would take 500 MB.
    monkeypatch.setattr(live_xml, "MAX_OPEN_MARKS", 20_000)
    monkeypatch.setattr(live_xml, "_FREE_BYTES", 1 << 17)
    data = XML.replace(b"<Tracks>", b"<Tracks><MidiTrack>" + mark * 100_000, 1)
    with pytest.raises(BadInput, match="more than 20000 tags"):
        read_session("a.als", data)


@pytest.mark.parametrize(("bound", "least"), [("MAX_CLIPS", 2), ("MAX_PARTS", 10)])
def test_countless_clips_and_parts_are_refused(
    bound: str, least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, bound, least)
    with pytest.raises(BadInput, match="the Live set has more than"):
        read_session("a.als", XML)


@pytest.mark.parametrize("data", [XML.rstrip(), PACKED], ids=["plain", "packed"])
def test_a_set_cut_anywhere_is_refused(data: bytes) -> None:
    for end in range(0, len(data), 211):
        assert not read_or_refuse(data[:end])


@pytest.mark.parametrize("data", [XML, PACKED], ids=["plain", "packed"])
def test_flipped_bits_are_read_or_refused(data: bytes) -> None:
    dice = random.Random(11)
    for _ in range(200):
        damaged = bytearray(data)
        for _ in range(dice.choice((1, 1, 2, 8))):
            damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        read_or_refuse(bytes(damaged))


def test_lost_doubled_and_swapped_lines_are_read_or_refused() -> None:
    for damaged in damaged_lines(XML, seed=5, times=200):
        read_or_refuse(damaged)
