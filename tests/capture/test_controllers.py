"""Pedals, wheels and bends are told by name and place, each as one decision."""

from __future__ import annotations

import pytest

from stemproof.capture.diff import diff
from stemproof.capture.sessions.registry import read_session

# Ticks from the event before; a chord of one bar at 120 bpm from bar 5.
CHORD = ("E 0 90 3c 60", "E 0 90 40 60", "E 1920 80 3c 00", "E 0 80 40 00")
PEDAL = ("E 0 b0 40 7f", "E 960 b0 40 00")
BEND = ("E 0 e0 00 40", "E 240 e0 00 60", "E 240 e0 00 40")
END = "E 0 b0 7b 00"


def project(*lines: str) -> bytes:
    item = ("<ITEM", "POSITION 8", "LENGTH 4", "NAME chords", "<SOURCE MIDI", "HASDATA 1 960 QN")
    body = ("<TRACK {A}", "NAME Keys", *item, *lines, END, ">", ">", ">")
    return "\n".join(('<REAPER_PROJECT 0.1 "7.22" 1', "TEMPO 120 4 4", *body, ">")).encode()


def told(one: bytes, two: bytes) -> list[str]:
    return [d.text for d in diff(read_session("a.rpp", one), read_session("a.rpp", two))]


@pytest.mark.parametrize(
    ("lines", "sentences"),
    [
        (PEDAL, ["Keys: 2 events of sustain pedal (CC 64) added in bar 5"]),
        (BEND, ["Keys: 3 events of pitch bend added in bar 5"]),
        (("E 0 b0 01 20",), ["Keys: 1 event of mod wheel (CC 1) added in bar 5"]),
        (("E 2880 b0 4a 20",), ["Keys: 1 event of brightness (CC 74) added in bar 6"]),
        (("E 0 b3 15 20",), ["Keys: 1 event of CC 21 on channel 4 added in bar 5"]),
        (("E 0 d0 20 00",), ["Keys: 1 event of pressure added in bar 5"]),
        (
            (*PEDAL, *BEND),
            [
                "Keys: 3 events of pitch bend added in bar 5",
                "Keys: 2 events of sustain pedal (CC 64) added in bar 5",
            ],
        ),
    ],
)
def test_a_controller_that_comes_is_named_and_placed(
    lines: tuple[str, ...], sentences: list[str]
) -> None:
    assert told(project(*CHORD), project(*CHORD, *lines)) == sentences
    back = [sentence.replace(" added ", " removed ") for sentence in sentences]
    assert told(project(*CHORD, *lines), project(*CHORD)) == back


def test_another_value_and_another_place_of_a_controller_are_told() -> None:
    one = project(*CHORD, *PEDAL)
    half, later = (
        project(*CHORD, *lines)
        for lines in (("E 0 b0 40 40", PEDAL[1]), ("E 480 b0 40 7f", PEDAL[1]))
    )
    assert told(one, half) == ["Keys: sustain pedal (CC 64) 127 -> 64 in bar 5"]
    moved = ["Keys: sustain pedal (CC 64) moved later by 0.5 beats in bar 5"]
    assert told(one, later) == moved


def test_notes_and_controllers_are_apart() -> None:
    one = project(*CHORD, *PEDAL)
    two = project(*(line.replace(" 3c ", " 3b ") for line in CHORD), *PEDAL)
    assert told(one, two) == ["Keys: 1 note transposed -1 semitone in bar 5"]


def test_a_controller_s_values_before_and_after_are_counted() -> None:
    one, two = (read_session("a.rpp", project(*CHORD, *lines)) for lines in ((), PEDAL))
    (decision,) = diff(one, two)
    assert (decision.kind, decision.stage) == ("controllers.changed", "performance")
    assert decision.what == "sustain pedal (CC 64) in bar 5"
    assert decision.before is None and (decision.after or "").startswith("2, ")
    assert decision.shown == ("none", "2 events")
