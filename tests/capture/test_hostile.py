"""Strangers' bytes: BadInput or a session, in bounded time and memory, never anything else."""

from __future__ import annotations

import random
import time
import tracemalloc
import zlib
from pathlib import Path

import pytest
from tests.capture.damage import damaged_lines

from stemproof.capture.diff import diff
from stemproof.capture.sessions.lmms_xml import MAX_XML_BYTES
from stemproof.capture.sessions.registry import read_session
from stemproof.capture.sessions.undo import read_undo_log
from stemproof.errors import BadInput

FIXTURES = Path(__file__).parent / "fixtures"
MMP = (FIXTURES / "lmms/notes_added/after.mmp").read_bytes()
RPP = (FIXTURES / "rpp/effect_added/after.rpp").read_bytes()


def pack(xml: bytes) -> bytes:
    return len(xml).to_bytes(4, "big") + zlib.compress(xml)


def read_or_refuse(name: str, data: bytes) -> bool:
    """Tell whether it was read; anything but BadInput escapes and fails the test."""
    try:
        session = read_session(name, data)
    except BadInput as error:
        assert str(error).isprintable()
        return False
    assert diff(session, session) == []
    return True


def entity_bomb() -> bytes:
    lines = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    return (
        f'<?xml version="1.0"?><!DOCTYPE lmms-project [<!ENTITY e0 "ha">{lines}]>'
        '<lmms-project type="song"><head bpm="&e11;"/><song/></lmms-project>'
    ).encode()


def external_entity() -> bytes:
    return (
        b'<!DOCTYPE lmms-project [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
        b'<lmms-project type="song"><head/><song>&x;</song></lmms-project>'
    )


def deep_xml() -> bytes:
    inner = b"<track>" * 10_000 + b"</track>" * 10_000
    return b'<lmms-project type="song"><head/><song>' + inner + b"</song></lmms-project>"


def deep_rpp() -> bytes:
    return b'<REAPER_PROJECT 0.1 "7.0" 1\n' + b"<FXCHAIN\n" * 10_000 + b">\n" * 10_001


REFUSED = {
    "entity bomb": ("a.mmp", entity_bomb()),
    "entity bomb, packed": ("a.mmpz", pack(entity_bomb())),
    "entity bomb in UTF-16": ("a.mmp", entity_bomb().decode().encode("utf-16")),
    "external entity": ("a.mmp", external_entity()),
    "deep XML": ("a.mmp", deep_xml()),
    "deep XML, packed": ("a.mmpz", pack(deep_xml())),
    "zlib bomb": ("a.mmpz", (1000).to_bytes(4, "big") + zlib.compress(b" " * 200_000_000, 1)),
    "declared too long": ("a.mmpz", (MAX_XML_BYTES + 1).to_bytes(4, "big") + zlib.compress(b"")),
    "declared wrong": ("a.mmpz", (len(MMP) + 1).to_bytes(4, "big") + zlib.compress(MMP)),
    "zlib cut": ("a.mmpz", pack(MMP)[:-20]),
    "not zlib": ("a.mmpz", b"\0\0\0\x10hello world hello"),
    "empty": ("a.mmp", b""),
    "empty, packed": ("a.mmpz", b""),
    "other XML": ("a.mmp", b"<html/>"),
    "an LMMS preset": (
        "a.mmp",
        MMP.replace(b'type="song">', b'type="instrumenttracksettings">', 1),
    ),
    "no head": ("a.mmp", b'<lmms-project type="song"><song/></lmms-project>'),
    "no song": ("a.mmp", b'<lmms-project type="song"><head/></lmms-project>'),
    "key not a number": ("a.mmp", MMP.replace(b'key="45"', b'key="nan"')),
    "position of a million digits": (
        "a.mmp",
        MMP.replace(b'pos="48"', b'pos="' + b"9" * 10**6 + b'"'),
    ),
    "metre of nothing": (
        "a.mmp",
        MMP.replace(b'timesig_denominator="4"', b'timesig_denominator="0"'),
    ),
    "LMMS tempo of zero": ("a.mmp", MMP.replace(b'value="120" scale', b'value="0" scale')),
    "deep REAPER chunks": ("a.rpp", deep_rpp()),
    "REAPER cut": ("a.rpp", RPP[:-3]),
    "REAPER closed twice": ("a.rpp", RPP + b">\n"),
    "REAPER format 9": ("a.rpp", RPP.replace(b"REAPER_PROJECT 0.1", b"REAPER_PROJECT 9", 1)),
    "REAPER with zero bytes": ("a.rpp", RPP.replace(b"Keys", b"K\0ys")),
    "REAPER with an endless line": ("a.rpp", RPP.replace(b"Keys", b"K" * 2_000_000)),
    "position with an exponent": ("a.rpp", RPP.replace(b"POSITION 4", b"POSITION 1e999")),
    "position with underscores": ("a.rpp", RPP.replace(b"POSITION 4", b"POSITION 1_0")),
    "position that is no number": ("a.rpp", RPP.replace(b"POSITION 4", b"POSITION inf")),
    "MIDI byte of three digits": ("a.rpp", RPP.replace(b"90 3c 60", b"90 3cc 60")),
    "MIDI time backwards": ("a.rpp", RPP.replace(b"E 960 80", b"E -960 80")),
    "tempo of zero": ("a.rpp", RPP.replace(b"TEMPO 120", b"TEMPO 0")),
    "REAPER undo history": ("a.rpp-UNDO", b"<REAPER_UNDO_HISTORY 1\n>\n"),
    "noise": ("a.rpp", random.Random(1).randbytes(5000)),
    "a ZIP": ("a.rpp", b"PK\x03\x04" + bytes(100)),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_quickly_in_one_sentence(what: str) -> None:
    name, data = REFUSED[what]
    begin = time.perf_counter()
    with pytest.raises(BadInput) as refused:
        read_session(name, data)
    assert time.perf_counter() - begin < 3
    assert str(refused.value).startswith(f"cannot read {name}: ")
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 300


def test_a_zlib_bomb_takes_no_more_memory_than_the_bound() -> None:
    name, data = REFUSED["zlib bomb"]
    tracemalloc.start()
    with pytest.raises(BadInput):
        read_session(name, data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * MAX_XML_BYTES


@pytest.mark.parametrize(("name", "data"), [("a.mmp", MMP), ("a.mmpz", pack(MMP)), ("a.rpp", RPP)])
def test_a_file_cut_anywhere_is_refused(name: str, data: bytes) -> None:
    # The fixtures are small: every 37th byte; test_corpus has the long ones.
    body = data.rstrip()
    for end in range(0, len(body), 37):
        assert not read_or_refuse(name, body[:end])


@pytest.mark.parametrize(("name", "data"), [("a.mmp", MMP), ("a.mmpz", pack(MMP)), ("a.rpp", RPP)])
def test_flipped_bits_are_read_or_refused(name: str, data: bytes) -> None:
    dice = random.Random(7)
    for _ in range(250):
        damaged = bytearray(data)
        for _ in range(dice.choice((1, 1, 2, 8))):
            damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        read_or_refuse(name, bytes(damaged))


@pytest.mark.parametrize(("name", "data"), [("a.mmp", MMP), ("a.rpp", RPP)])
def test_lines_lost_doubled_or_swapped_are_read_or_refused(name: str, data: bytes) -> None:
    for damaged in damaged_lines(data, seed=11, times=250):
        read_or_refuse(name, damaged)


def test_names_with_control_characters_do_not_reach_a_sentence() -> None:
    evil = RPP.replace(b"NAME Keys", b'NAME "Ke\x1b[31mys\x07"')
    session = read_session("a.rpp", evil)
    louder = read_session("a.rpp", evil.replace(b"VOLPAN 1 -0.25", b"VOLPAN 0.5 -0.25"))
    (decision,) = diff(session, louder)
    assert decision.text.isprintable()
    with pytest.raises(BadInput, match=r"cannot read a\?\[2Jb: "):
        read_session("x/a\x1b[2Jb", b"")


def test_a_broken_undo_log_is_refused() -> None:
    for data in (
        b"",
        RPP,
        b"<REAPER_UNDO_HISTORY 1\n<UENT `x` soon 1 2\n>\n>\n",
        b"<REAPER_UNDO_HISTORY",
    ):
        with pytest.raises(BadInput):
            read_undo_log(data)


def test_thousands_of_tracks_cost_no_more_than_their_number() -> None:
    def project(tracks: range) -> bytes:
        body = "".join(
            f"<TRACK {{{n}}}\nNAME T{n}\n<ITEM\nPOSITION {n}\nLENGTH 1\nIGUID {{I{n}}}\n"
            f'<SOURCE WAVE\nFILE "{n}.wav"\n>\n>\n>\n'
            for n in tracks
        )
        return f'<REAPER_PROJECT 0.1 "7.0" 1\nTEMPO 120 4 4\n{body}>\n'.encode()

    one = read_session("a.rpp", project(range(2000)))
    two = read_session("b.rpp", project(range(1999, 3999)))
    begin = time.perf_counter()
    decisions = diff(one, two)
    # All with all would be four million comparisons: a minute and not a second.
    assert time.perf_counter() - begin < 10
    kinds = {
        kind: sum(1 for d in decisions if d.kind == kind)
        for kind in ("track.added", "track.removed")
    }
    assert kinds == {"track.added": 1999, "track.removed": 1999}
