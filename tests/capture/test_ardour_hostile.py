"""Strangers' Ardour sessions and histories: BadInput or success, in bounded time and memory."""

from __future__ import annotations

import random
import re
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemproof.capture.diff import diff
from stemproof.capture.sessions.ardour import MAX_TRACKS, read_ardour
from stemproof.capture.sessions.ardour_history import read_ardour_history
from stemproof.capture.sessions.registry import read_session
from stemproof.errors import BadInput

FIXTURES = Path(__file__).parent / "fixtures/ardour"
SEVEN = (FIXTURES / "send_level/after.ardour").read_bytes()
THREE = (FIXTURES / "v3_tempo_map/after.ardour").read_bytes()
HISTORY = b"""<?xml version="1.0" encoding="UTF-8"?>
<UndoHistory>
  <UndoTransaction tv-sec="1592362048" tv-usec="351960" name="delete objects">
    <StatefulDiffCommand obj-id="68262" type-name="ARDOUR::AudioPlaylist">
      <Changes><Regions><Remove id="82386"/><Add id="82387"/></Regions></Changes>
    </StatefulDiffCommand>
    <StatefulDiffCommand obj-id="7" type-name="ARDOUR::AudioRegion">
      <Changes><length from="384873" to="72164"/><Envelope><from><AutomationList><events>0 1
</events></AutomationList></from><to><AutomationList/></to></Envelope></Changes>
    </StatefulDiffCommand>
    <NoteDiffCommand midi-source="5372">
      <ChangedNotes><Change property="StartTime" old="1.5" new="2" id="9"/></ChangedNotes>
      <AddedNotes><note note="60" channel="0" time="4" length="1" velocity="90"/></AddedNotes>
      <RemovedNotes/>
    </NoteDiffCommand>
    <MementoCommand obj-id="34" type-name="ARDOUR::Locations">
      <Locations><Location id="3" name="Verse" start="0" end="48000"/></Locations>
      <Locations><Location id="3" name="Verse" start="9" end="48000"/></Locations>
    </MementoCommand>
    <MementoCommand obj-id="42" type-name="SelectionMemento"><SelectionMemento/></MementoCommand>
  </UndoTransaction>
</UndoHistory>
"""


def session(body: str) -> bytes:
    head = '<Session version="7002" name="x" sample-rate="48000">'
    return f"{head}{body}</Session>".encode()


def entity_bomb() -> bytes:
    lines = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    return (
        f'<?xml version="1.0"?><!DOCTYPE Session [<!ENTITY e0 "ha">{lines}]>'
        '<Session version="7002" sample-rate="48000" name="&e11;"/>'
    ).encode()


REFUSED = {
    "nothing": b"",
    "an entity bomb": entity_bomb(),
    "an entity bomb in UTF-16": entity_bomb().decode().encode("utf-16"),
    "an external entity": b'<!DOCTYPE Session [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    b'<Session version="7002" sample-rate="48000">&x;</Session>',
    "10,000 levels": session("<Routes>" * 10_000 + "</Routes>" * 10_000),
    "another root": b'<Project version="7002" sample-rate="48000"/>',
    "no version": b'<Session sample-rate="48000"/>',
    "a version of a million digits": session("").replace(b"7002", b"7" * 1_000_000),
    "more routes than a studio has": session(
        "<Routes>" + '<Route id="1" name="x"/>' * (MAX_TRACKS + 1) + "</Routes>"
    ),
    "a position of a million digits": SEVEN.replace(b"@a0", b"@a" + b"9" * 1_000_000),
    "a tempo point of no time": SEVEN.replace(b'sclock="0"', b'sclock="soon"', 1),
    "a tempo point nowhere": THREE.replace(b'start="5|1|0"', b'start="5"'),
    "an order that is no number": SEVEN.replace(b'order="1"', b'order="first"'),
    "noise": random.Random(1).randbytes(5000),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_quickly_in_one_sentence(what: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(BadInput) as refused:
        read_ardour(REFUSED[what])
    assert time.perf_counter() - begin < 5
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("data", [SEVEN, THREE], ids=["7", "3"])
def test_a_file_cut_anywhere_is_refused(data: bytes) -> None:
    body = data.rstrip()
    for end in range(0, len(body), 37):
        with pytest.raises(BadInput):
            read_session("a.ardour", body[:end])


def read_or_refuse(data: bytes) -> None:
    try:
        found = read_ardour(data)
    except BadInput as error:
        assert str(error).isprintable()
    else:
        assert diff(found, found) == []


@pytest.mark.parametrize("data", [SEVEN, THREE], ids=["7", "3"])
def test_flipped_bits_are_read_or_refused(data: bytes) -> None:
    dice = random.Random(7)
    for _ in range(400):
        damaged = bytearray(data)
        for _ in range(dice.choice((1, 1, 2, 8))):
            damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        read_or_refuse(bytes(damaged))


VALUES = re.compile(rb'="([^"]*)"')
ODD = (b"", b"-1", b"nan", b"1e300", b"a", b"b-7", b"@", b"0|0|0", b"\xc3\xa9", b"9" * 25, b"yes")


@given(st.integers(0, 2**32), st.sampled_from((SEVEN, THREE)))
def test_any_value_replaced_is_read_or_refused(seed: int, data: bytes) -> None:
    dice = random.Random(seed)
    spots = list(VALUES.finditer(data))
    found = dice.choice(spots)
    read_or_refuse(data[: found.start(1)] + dice.choice(ODD) + data[found.end(1) :])


@given(st.integers(0, 2**32), st.sampled_from((SEVEN, THREE)))
def test_lines_lost_doubled_or_swapped_are_read_or_refused(seed: int, data: bytes) -> None:
    dice = random.Random(seed)
    lines = data.split(b"\n")
    one, two = dice.randrange(len(lines)), dice.randrange(len(lines))
    action = dice.randrange(3)
    if action == 0:
        del lines[one]
    elif action == 1:
        lines.insert(two, lines[one])
    else:
        lines[one], lines[two] = lines[two], lines[one]
    read_or_refuse(b"\n".join(lines))


def test_many_automation_points_cost_bounded_memory() -> None:
    points = "".join(f"a{n} 0.5\n" for n in range(20_000))
    route = (
        '<Routes><Route id="1" name="x"><Processor type="amp"><Automation><AutomationList '
        f'automation-id="gain" state="Play"><events>{points}</events></AutomationList>'
        "</Automation></Processor></Route></Routes>"
    )
    data = session(route)
    tracemalloc.start()
    begin = time.perf_counter()
    read_or_refuse(data)
    spent = time.perf_counter() - begin
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert spent < 20
    assert peak < 60_000_000


def test_a_broken_history_is_refused() -> None:
    for data in (
        b"",
        SEVEN,
        HISTORY[:-20],
        HISTORY.replace(b'tv-sec="1592362048"', b'tv-sec="soon"'),
        HISTORY.replace(b'tv-usec="351960"', b'tv-usec="9999999"'),
        entity_bomb().replace(b"Session", b"UndoHistory"),
    ):
        with pytest.raises(BadInput):
            read_ardour_history(data)


def test_a_history_tells_what_changed() -> None:
    (entry,) = read_ardour_history(HISTORY)
    assert (entry.label, entry.time_s, entry.time_us) == ("delete objects", 1592362048, 351960)
    assert [(c.object_id, c.kind, c.what, c.before, c.after) for c in entry.changes] == [
        ("68262", "playlist", "region removed", "82386", None),
        ("68262", "playlist", "region added", None, "82387"),
        ("7", "region", "length", "384873", "72164"),
        ("7", "region", "envelope", "1 point", None),
        ("5372", "notes", "note added", None, "key 60 at 4 for 1 velocity 90 channel 0"),
        ("5372", "notes", "note starttime", "1.5", "2"),
        ("3", "marker", "changed", "Verse from 0 to 48000", "Verse from 9 to 48000"),
    ]


@given(st.integers(0, 2**32))
def test_a_damaged_history_is_read_or_refused(seed: int) -> None:
    dice = random.Random(seed)
    damaged = bytearray(HISTORY)
    for _ in range(dice.randrange(1, 6)):
        damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
    try:
        entries = read_ardour_history(bytes(damaged))
    except BadInput as error:
        assert str(error).isprintable()
    else:
        assert len(entries) <= 1
