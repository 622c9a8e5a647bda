"""What a musician reads: each thing once, by the name that it has, in units that compare."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from stemproof.capture.diff import diff
from stemproof.capture.sessions.model import (
    Automation,
    Clip,
    ClipKind,
    Device,
    MediaRef,
    Mixer,
    Moment,
    Note,
    Parameter,
    Point,
    Session,
    TempoPoint,
    TimeUnit,
    Track,
    TrackKind,
    Unit,
)
from stemproof.capture.sessions.registry import is_session_name, read_session
from stemproof.capture.text_form import text_form
from stemproof.capture.unused import unused_busses

START = Moment(Fraction(0))
DRUMS = MediaRef("audio/drums.wav")


def session(*tracks: Track, digest: str = "", application: str = "Program") -> Session:
    told = digest or repr(tracks)
    tempo = (TempoPoint(START, "120", 4, 4),)
    return Session("x", application, "1", told, told, 1, tempo, tuple(tracks))


def told(one: Session, two: Session) -> list[str]:
    return [d.text for d in diff(one, two) if not d.is_note]


def beats(number: float) -> Moment:
    return Moment(Fraction(number))


def sample(at: float, length: float, offset: float = 0, *, identity: str = "") -> Clip:
    clip = Clip(ClipKind.AUDIO, "", beats(at), beats(length), identity, beats(offset))
    return replace(clip, media=DRUMS)


def audio(*clips: Clip, name: str = "Drums") -> Track:
    return Track(name, TrackKind.AUDIO, clips=clips)


@pytest.mark.parametrize("ids", [("", ""), ("a", "b")])
def test_a_clip_cut_in_two_is_one_decision(ids: tuple[str, str]) -> None:
    whole = session(audio(sample(0, 16, identity=ids[0]), sample(32, 4, identity=ids[0] and "z")))
    left, right = sample(0, 6, identity=ids[0]), sample(6, 10, 6, identity=ids[1])
    two = session(audio(left, right, sample(32, 4, identity=ids[0] and "z")))
    assert told(whole, two) == ["Drums: clip from 'drums.wav' at bar 1 split into 2 clips"]


def test_a_clip_made_shorter_beside_a_new_one_is_not_split() -> None:
    one = session(audio(sample(0, 16, identity="a")))
    two = session(audio(sample(0, 8, identity="a"), sample(8, 8, 0, identity="b")))
    assert told(one, two) == [
        "Drums: length of clip from 'drums.wav' at bar 1: 16 beats -> 8 beats",
        "Drums: clip from 'drums.wav' added at bar 3",
    ]


def test_notes_stay_when_their_clip_is_cut() -> None:
    notes = (Note(60, 0, 480, 90), Note(62, 3840, 480, 90))
    clip = Clip(ClipKind.NOTES, "Riff", START, beats(8), notes=notes, ppq=960)
    left = replace(clip, length=beats(4))
    right = replace(clip, position=beats(4), length=beats(4), offset=beats(4))
    one, two = (session(audio(*clips, name="Keys")) for clips in ((clip,), (left, right)))
    assert told(one, two) == ["Keys: clip 'Riff' at bar 1 split into 2 clips"]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (Parameter("pan", "0.5", Unit.PAN_UNIT), Parameter("pan", "0", Unit.PAN_FIFTY)),
        (Parameter("pan", "0.25", Unit.PAN_UNIT), Parameter("pan", "-50", Unit.PAN_PERCENT)),
        (Parameter("pan", "-0.4", Unit.PAN), Parameter("pan", "-0.4", Unit.PAN_FIFTY)),
    ],
)
def test_a_pan_carried_to_another_program_stays(one: Parameter, two: Parameter) -> None:
    before, after = (
        session(Track("Vox", TrackKind.AUDIO, mixer=Mixer(pan=pan)), application=name)
        for pan, name in ((one, "Ardour"), (two, "Live"))
    )
    assert told(before, after) == []


def test_a_pan_that_changed_on_the_way_is_told_in_one_law() -> None:
    pans = Parameter("pan", "0.5", Unit.PAN_UNIT), Parameter("pan", "-0.5", Unit.PAN_FIFTY)
    one, two = (session(Track("Vox", TrackKind.AUDIO, mixer=Mixer(pan=pan))) for pan in pans)
    assert told(one, two) == ["Vox: pan centre -> 50L"]
    levels = Parameter("volume", "1", Unit.GAIN), Parameter("volume", "-6", Unit.DECIBEL)
    one, two = (session(Track("Vox", TrackKind.AUDIO, mixer=Mixer(volume=v))) for v in levels)
    assert told(one, two) == ["Vox: volume 0.0 -> -6.0 dB"]


def test_a_device_that_leaves_a_track_of_its_name_says_which_is_which() -> None:
    delay = Device("Delay+", parameters=(Parameter("time", "300"),))
    bus, organ = Track("Delay+", TrackKind.BUS), Track("Organ", TrackKind.INSTRUMENT)
    one = session(replace(bus, devices=(delay,)), organ)
    two = session(bus, replace(organ, devices=(delay,)))
    assert told(one, two) == ["Delay+ moved from track Delay+ to track Organ"]


def test_a_device_of_a_new_track_is_added_whatever_stands_elsewhere() -> None:
    synth = Device("Synth", role="instrument", parameters=(Parameter("cutoff", "1"),))
    bass = Track("Bass", TrackKind.INSTRUMENT, devices=(synth,))
    lead = Track("Lead", TrackKind.INSTRUMENT, devices=(synth,), clips=(sample(0, 4),))
    assert told(session(bass), session(bass, lead)) == [
        "Lead: track added",
        "Lead: clip from 'drums.wav' added at bar 1",
        "Lead: Synth added",
    ]


def test_settings_that_came_and_went_are_named() -> None:
    old = Device("EQ", parameters=tuple(Parameter(name, "1") for name in "abcde"))
    new = Device("EQ", parameters=(Parameter("f", "1"),))
    one, two = (session(Track("Vox", TrackKind.AUDIO, devices=(eq,))) for eq in (old, new))
    assert told(one, two) == ["Vox: EQ settings: f added, a, b, c and 2 more removed"]


def test_of_equal_tracks_the_one_that_went_moves_no_other() -> None:
    tracks = [Track("Pad", TrackKind.INSTRUMENT, clips=(sample(n // 2, 1),)) for n in range(8)]
    assert told(session(*tracks), session(*tracks[:3], *tracks[4:])) == [
        "Pad #4: track removed with 1 clip"
    ]


@pytest.mark.parametrize(
    ("target", "stage"),
    [("tempo", "composition"), ("main volume", "mastering"), ("Vox volume", "mixing")],
)
def test_an_envelope_belongs_to_the_stage_of_what_it_moves(target: str, stage: str) -> None:
    lane = Automation(target, (Point(Fraction(0), "0.5"), Point(Fraction(4), "1")))
    track = Track("Lane", TrackKind.AUTOMATION, automations=(lane,))
    later = replace(track, automations=(replace(lane, points=lane.points[:1]),))
    (decision,) = diff(session(track), session(later))
    assert (decision.kind, decision.stage) == ("automation.changed", stage)
    (decision,) = diff(session(), session(track))
    assert decision.text == f"Lane: automation of {target} added"


def test_without_an_output_is_said_so() -> None:
    one, two = (
        session(Track("Vox", TrackKind.AUDIO, mixer=Mixer(output=end))) for end in ("Master", "")
    )
    assert told(one, two) == ["Vox: output Master -> none"]


def test_lines_for_git_tell_notes_in_the_order_in_which_they_play() -> None:
    notes = (Note(72, 0, 960, 90), Note(48, 960, 960, 90), Note(60, 0, 960, 90))
    clip = Clip(ClipKind.NOTES, "", START, beats(4), notes=notes, ppq=960)
    lines = [line.strip() for line in text_form(session(audio(clip)))]
    assert [line.split(", ")[:2] for line in lines if line.startswith("note bar")] == [
        ["note bar 1", "C4"],
        ["note bar 1", "C5"],
        ["note bar 1 beat 2", "C3"],
    ]


def test_busses_that_nobody_used_are_known_by_being_alike() -> None:
    master = Track("Master", TrackKind.MASTER, identity="insert 0")
    busses = [
        Track(f"Insert {n}", TrackKind.BUS, identity=f"insert {n}", own_name="")
        for n in range(1, 9)
    ]
    vox = Track("Vox", TrackKind.AUDIO, mixer=Mixer(output="insert 2"))
    busses[4] = replace(busses[4], mixer=Mixer(mute=True))
    assert unused_busses([vox, master, *busses]) == {2, 4, 5, 7, 8, 9}
    assert unused_busses([vox, master, *busses[:4]]) == frozenset()


def test_a_template_of_lmms_is_a_session() -> None:
    song = b"""<?xml version="1.0"?><lmms-project version="1.0" creator="LMMS"
      creatorversion="1.2.2" type="songtemplate"><head bpm="140" timesig_numerator="4"
      timesig_denominator="4" mastervol="100" masterpitch="0"/><song/></lmms-project>"""
    assert is_session_name("Band.mpt")
    assert read_session("Band.mpt", song).tempo[0].bpm == "140"


def test_seconds_are_cut_as_beats_are() -> None:
    second = TimeUnit.SECOND
    whole = replace(
        sample(0, 0), position=Moment(Fraction(4), second), length=Moment(Fraction(8), second)
    )
    whole = replace(whole, parameters=(Parameter("play rate", "2"),), identity="a")
    left = replace(whole, length=Moment(Fraction(3), second))
    right = replace(
        whole,
        identity="b",
        position=Moment(Fraction(7), second),
        length=Moment(Fraction(5), second),
        offset=Moment(Fraction(6), second),
    )
    assert told(session(audio(whole)), session(audio(left, right))) == [
        "Drums: clip from 'drums.wav' at 0:04.00 (bar 3) split into 2 clips"
    ]
