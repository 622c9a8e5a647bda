"""Attributions over random histories: complete, never too late, and free of machines unseen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.blame.reaper import Item, project

from stemproof.blame.carry import carry
from stemproof.blame.decisions import from_decisions
from stemproof.blame.held import SessionHeld, first_sight
from stemproof.blame.listing import list_tracks
from stemproof.blame.steps import Burst, Step, Told
from stemproof.blame.who import HERE_BEFORE, Origin
from stemproof.capture.diff import diff
from stemproof.capture.rules import classify
from stemproof.capture.sessions.model import Clip, ClipKind, Moment, Note, Session, Track, TrackKind
from stemproof.capture.sessions.registry import read_session

HERE = Origin(1, "2026-01-01T00:00:00.000Z", "unknown", False, HERE_BEFORE)


@dataclass(frozen=True)
class State:
    """What a made-up session holds."""

    volume: int = 10
    items: tuple[Item, ...] = ()

    def read(self) -> Session:
        return read_session("Song.rpp", project(self.items, volume=self.volume / 10))


@st.composite
def histories(draw: st.DrawFn) -> list[State]:
    """Make saves that each change a few things, or nothing."""
    states = [State()]
    for number in range(1, draw(st.integers(2, 7))):
        state = states[-1]
        match draw(st.integers(0, 4)):
            case 0:
                state = replace(state, volume=draw(st.integers(1, 20)))
            case 1:
                new = Item(f"take{number}.wav", draw(st.integers(0, 9)), 2, number=number)
                state = replace(state, items=(*state.items, new))
            case 2 if state.items:
                place = draw(st.integers(0, len(state.items) - 1))
                items = list(state.items)
                items[place] = replace(items[place], at=draw(st.integers(0, 9)))
                state = replace(state, items=tuple(items))
            case 3 if state.items:
                place = draw(st.integers(0, len(state.items) - 1))
                items = list(state.items)
                items[place] = replace(items[place], fade=draw(st.integers(1, 5)) / 10)
                state = replace(state, items=tuple(items))
            case _:
                pass
        states.append(state)
    return states


def step_of(before: Session, after: Session, number: int) -> Step:
    """Record a save as the log does: event 100 n, its decisions behind it."""
    told = []
    for place, one in enumerate(diff(before, after), 1):
        _, class_ = classify(
            one, observed_live=True, received=False, ai_linked=False, tool_grade="none"
        )
        told.append(
            Told(
                event=100 * number + place,
                kind=one.kind,
                track=one.track,
                device=one.device,
                what=one.what,
                before=one.before or "",
                after=one.after or "",
                object_id=one.object_id,
                class_=class_,
            )
        )
    time = f"2026-01-01T00:{number:02d}:00.000Z"
    return Step(100 * number, "session.saved", time, True, tuple(told))


def steps_of(sessions: list[Session]) -> list[Step]:
    pairs = pairwise(sessions)
    return [step_of(one, two, number) for number, (one, two) in enumerate(pairs, 1)]


def followed(sessions: list[Session]) -> SessionHeld:
    """Carry attributions over all saves."""
    held = first_sight(sessions[0], HERE)
    for session, step in zip(sessions[1:], steps_of(sessions), strict=True):
        held = carry(held, session, step)
    return held


def listed(held: SessionHeld) -> dict[tuple[str, str, str], Origin]:
    """List values by track, object and name; each must stand once."""
    found = {}
    for track in list_tracks(held, lambda _: None):
        for thing in track.things:
            for item in thing.items:
                key = track.label, thing.identity or thing.kind, item.what
                assert key not in found
                found[key] = item.origin
    return found


def last_change(values: Sequence[object]) -> int:
    """Give in which save a value was last set to something else; 0 for the first."""
    return max((n for n in range(1, len(values)) if values[n] != values[n - 1]), default=0)


@settings(max_examples=60, deadline=None)
@given(histories())
def test_a_value_is_the_save_s_that_changed_it_last(states: list[State]) -> None:
    found = listed(followed([state.read() for state in states]))
    volume = found["Song", "track", "volume"].event or 0
    assert volume // 100 == last_change([state.volume for state in states])
    for item in states[-1].items:
        guid = f"{{{item.number:08d}-0000-0000-0000-000000000000}}"
        mine = [{one.number: one for one in state.items}.get(item.number) for state in states]
        for name, values in (
            ("place", [one and one.at for one in mine]),
            ("fade-in", [one and one.fade for one in mine]),
            ("file", [one and one.file for one in mine]),
        ):
            origin = found["Song", guid, name]
            assert (origin.event or 0) // 100 == last_change(values), name


@settings(max_examples=40, deadline=None)
@given(histories())
def test_without_a_machine_nothing_is_a_machine_s(states: list[State]) -> None:
    for origin in listed(followed([state.read() for state in states])).values():
        assert not origin.class_.startswith("ai_")
        assert (origin.how == HERE_BEFORE) == (origin == HERE)


@settings(max_examples=60, deadline=None)
@given(histories())
def test_decisions_alone_never_tell_a_later_event_than_the_saves(states: list[State]) -> None:
    sessions = [state.read() for state in states]
    exact = listed(followed(sessions))
    told = listed(from_decisions(sessions[-1], steps_of(sessions), HERE))
    assert told.keys() == exact.keys()
    for key, origin in told.items():
        assert (
            origin.event is None
            or origin.event <= (exact[key].event or 0)
            or (
                # Several things came in one save: each names its own decision of it.
                origin.event // 100 == (exact[key].event or 0) // 100
            )
        )


def test_a_change_that_is_not_recorded_is_nobody_s() -> None:
    one, two = State().read(), State(volume=5).read()
    held = carry(first_sight(one, HERE), two, None)
    found = listed(held)
    assert found["Song", "track", "volume"].word == "unknown: not recorded yet"
    assert found["Song", "track", "name"] == HERE


def test_what_a_burst_set_is_said_to_be_inferred() -> None:
    head = project([]).replace(b"  >\n>", b"%s  >\n>" % chain(1.0))
    tail = project([]).replace(b"  >\n>", b"%s  >\n>" % chain(2.0))
    one, two = read_session("a.rpp", head), read_session("a.rpp", tail)
    step = step_of(one, two, 1)
    device = next(one.device for one in step.told)
    burst = Step(100, "session.saved", "", True, step.told, (Burst(150, "Song", device),))
    found = carry(first_sight(one, HERE), two, burst)
    origins = {
        item.what: item.origin
        for track in list_tracks(found, lambda _: None)
        for thing in track.things
        if thing.kind == "device"
        for item in thing.items
    }
    assert origins["slider 1"].word == "AI tool acted (burst, inferred)"
    assert origins["slider 1"].event == 150
    assert origins["slider 2"] == HERE


def chain(value: float) -> bytes:
    """Write an effect with two sliders."""
    return (
        '    <FXCHAIN\n      BYPASS 0 0 0\n      <JS loser/3BandEQ ""\n'
        f"        {value} 200 {' - ' * 62}\n      >\n"
        "      FXID {99999999-0000-0000-0000-000000000000}\n    >\n"
    ).encode()


MELODY = tuple(Note(60 + n, 480 * n, 240, 90) for n in range(8))


def score(*clips: Clip, version: str = "1", volume: str = "1") -> Session:
    """Make a session of one track without identities, as MIDI programs save it."""
    session = State().read()
    track = Track("Lead", TrackKind.INSTRUMENT, clips=clips)
    digest = f"{version} {volume} {hash(clips)}"
    return replace(session, version=version, tracks=(track,), digest=digest, content_digest=digest)


def clip_at(bar: int, notes: tuple[Note, ...]) -> Clip:
    quarters = Fraction(4 * bar)
    return Clip(ClipKind.NOTES, "", Moment(quarters), Moment(Fraction(4)), notes=notes, ppq=480)


def test_notes_that_were_copied_keep_who_wrote_them() -> None:
    one, two = score(clip_at(0, MELODY)), score(clip_at(0, MELODY), clip_at(4, MELODY))
    held = carry(first_sight(one, HERE), two, step_of(one, two, 1))
    copy = held.tracks[0].clips[1]
    assert copy.notes == (HERE,) * 8
    assert copy.own["place"].class_ == "human_with_tool"


def test_of_a_clip_only_the_notes_that_changed_are_the_save_s() -> None:
    other = (*MELODY[:3], MELODY[3]._replace(pitch=80), *MELODY[4:])
    one, two = score(clip_at(0, MELODY)), score(clip_at(0, other))
    held = carry(first_sight(one, HERE), two, step_of(one, two, 1))
    notes = held.tracks[0].clips[0].notes
    assert [origin == HERE for origin in notes] == [True] * 3 + [False] + [True] * 4
    assert notes[3].class_ == "human_with_tool"


def test_of_notes_the_decisions_alone_say_no_more_than_they_know() -> None:
    other = (*MELODY[:3], MELODY[3]._replace(pitch=80), *MELODY[4:])
    one, two = score(clip_at(0, MELODY)), score(clip_at(0, other))
    held = from_decisions(two, [step_of(one, two, 1)], HERE)
    (origin,) = set(held.tracks[0].clips[0].notes)
    assert (origin.event, origin.class_, origin.how) == (None, "unknown", "several decisions")
