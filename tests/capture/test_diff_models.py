"""Made-up sessions changed at random: the decisions lead from the one model to the other.

Values, switches, names and places are carried out decision by decision and must give the later
model; of notes, which are told by clip and kind, the numbers must add up.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemproof.capture.decision import Decision
from stemproof.capture.diff import diff
from stemproof.capture.sessions.model import (
    Automation,
    Clip,
    ClipKind,
    Device,
    Marker,
    MediaRef,
    Mixer,
    Moment,
    Note,
    Parameter,
    PluginId,
    PluginKind,
    Point,
    Send,
    Session,
    State,
    TempoPoint,
    Track,
    TrackKind,
    Unit,
)
from stemproof.capture.summary import summarise
from stemproof.capture.timeline import Timeline

LEVELS = ("0.5", "0.7", "1", "1.25")
VALUES = ("-3", "0", "0.25", "0.5", "12", "440")
PPQ = 960


def quarters(number: float) -> Moment:
    return Moment(Fraction(number))


def make_device(number: int, values: Sequence[str]) -> Device:
    parameters = tuple(Parameter(f"knob {n}", v) for n, v in enumerate(values, start=1))
    plugin = PluginId(PluginKind.VST2, f"P{number:03d}")
    return Device(f"Tool {number}", (plugin,), "Tide", f"d{number}", parameters=parameters)


def make_clip(number: int, starts: Sequence[int]) -> Clip:
    notes = tuple(Note(60 + n % 12, n * PPQ // 4, PPQ // 4, 100) for n in sorted(set(starts)))
    place = quarters(4 * number)
    return Clip(ClipKind.NOTES, f"part {number}", place, quarters(4), f"c{number}", notes=notes)


def make_track(number: int, devices: Sequence[Device], clips: Sequence[Clip]) -> Track:
    mixer = Mixer(volume=Parameter("volume", "1", Unit.GAIN), pan=Parameter("pan", "0", Unit.PAN))
    return Track(
        f"Track {chr(65 + number)}",
        TrackKind.TRACK,
        f"t{number}",
        mixer=mixer,
        devices=tuple(devices),
        clips=tuple(clips),
    )


def make_session(
    tracks: Sequence[Track], bpm: str = "120", markers: Sequence[Marker] = ()
) -> Session:
    tempo = (TempoPoint(quarters(0), bpm, 4, 4),)
    said = hashlib.sha256(repr((tracks, bpm, markers)).encode()).hexdigest()
    return Session("made", "Made", "1", said, said, 0, tempo, tuple(tracks), tuple(markers))


@st.composite
def sessions(draw: st.DrawFn) -> Session:
    device_number, clip_number, tracks = 0, 0, []
    for number in range(draw(st.integers(2, 5))):
        devices, clips = [], []
        for _ in range(draw(st.integers(0, 3))):
            values = draw(st.lists(st.sampled_from(VALUES), min_size=1, max_size=3))
            devices.append(make_device(device_number, values))
            device_number += 1
        for _ in range(draw(st.integers(0, 2))):
            clips.append(make_clip(clip_number, draw(st.lists(st.integers(0, 15), max_size=8))))
            clip_number += 1
        tracks.append(make_track(number, devices, clips))
    markers = [Marker(f"Part {n}", quarters(8 * n), None, f"m{n}") for n in range(2)]
    return make_session(tracks, "120", markers)


def set_strip(track: Track, dice: int) -> Track:
    mixer, level = track.mixer, LEVELS[dice // 4 % 4]
    changed = (
        replace(mixer, volume=Parameter("volume", level, Unit.GAIN)),
        replace(mixer, pan=Parameter("pan", level, Unit.PAN)),
        replace(mixer, mute=not mixer.mute),
        replace(mixer, solo=not mixer.solo),
    )
    return replace(track, mixer=changed[dice % 4])


def set_knob(track: Track, dice: int) -> Track:
    if not track.devices:
        return track
    at = dice % len(track.devices)
    device = track.devices[at]
    knob = dice // 7 % len(device.parameters)
    knobs = list(device.parameters)
    knobs[knob] = replace(knobs[knob], value=VALUES[dice // 3 % len(VALUES)])
    return with_device(track, at, replace(device, parameters=tuple(knobs)))


def switch_device(track: Track, dice: int) -> Track:
    if not track.devices:
        return track
    at = dice % len(track.devices)
    return with_device(track, at, replace(track.devices[at], enabled=not track.devices[at].enabled))


def with_device(track: Track, at: int, device: Device) -> Track:
    return replace(track, devices=(*track.devices[:at], device, *track.devices[at + 1 :]))


def rename(track: Track, dice: int) -> Track:
    return replace(track, name=f"{track.name[:20]} {dice % 9}")


def change_clip(track: Track, dice: int) -> Track:
    if not track.clips:
        return track
    at = dice % len(track.clips)
    clip = track.clips[at]
    what = dice // 5 % 4
    if what == 0:
        clip = replace(clip, position=quarters(dice % 64))
    elif what == 1:
        clip = replace(clip, muted=not clip.muted)
    elif what == 2:
        clip = replace(clip, name=f"take {dice % 9}")
    else:
        notes = make_clip(0, [dice % 16, dice % 7, dice // 2 % 13]).notes
        clip = replace(clip, notes=notes)
    return replace(track, clips=(*track.clips[:at], clip, *track.clips[at + 1 :]))


EDITS: tuple[Callable[[Track, int], Track], ...] = (
    set_strip,
    set_knob,
    switch_device,
    rename,
    change_clip,
)
DICE = st.integers(0, 10_000)
STEPS = st.lists(st.tuples(st.sampled_from(EDITS), DICE, DICE), max_size=8)


def edit(
    session: Session, steps: Sequence[tuple[Callable[[Track, int], Track], int, int]]
) -> Session:
    tracks = list(session.tracks)
    for change, which, dice in steps:
        at = which % len(tracks)
        tracks[at] = change(tracks[at], dice)
    return make_session(tracks, session.tempo[0].bpm, session.markers)


@dataclass
class Desk:
    """What the decisions are carried out on: a session as plain values by identity."""

    values: dict[tuple[str, str], str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    chains: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, session: Session) -> Desk:
        desk, line = cls(), Timeline(session.tempo)
        desk.values["", "tempo"] = session.tempo[0].bpm
        for track in session.tracks:
            desk.order.append(track.identity)
            desk._add_strip(track)
            for device in track.devices:
                desk.chains[device.identity] = track.identity
                desk.values[device.identity, "on"] = "on" if device.enabled else "bypassed"
                desk.values |= {(device.identity, p.name): p.value for p in device.parameters}
            for clip in track.clips:
                desk.values[clip.identity, "name"] = clip.name
                desk.values[clip.identity, "muted"] = "muted" if clip.muted else "playing"
                desk.places[clip.identity] = line.place(clip.position)
                desk.notes[clip.identity] = len(clip.notes)
        for marker in session.markers:
            desk.values[marker.identity, "name"] = marker.name
            desk.places[marker.identity] = line.place(marker.at)
        return desk

    def _add_strip(self, track: Track) -> None:
        mixer = track.mixer
        assert mixer.volume is not None and mixer.pan is not None
        self.values |= {
            (track.identity, "name"): track.name,
            (track.identity, "volume"): mixer.volume.value,
            (track.identity, "pan"): mixer.pan.value,
            (track.identity, "mute"): "on" if mixer.mute else "off",
            (track.identity, "solo"): "on" if mixer.solo else "off",
        }

    def carry_out(self, decisions: Sequence[Decision], labels: dict[str, str]) -> None:
        moved: list[tuple[int, str]] = []
        order = list(self.order)
        for decision in decisions:
            group, verb = decision.kind.split(".")
            if decision.kind == "track.reordered":
                after = decision.after or ""
                # One that the others moved around stands at its old place, behind another.
                place = int(after) if after.isdecimal() else 1 + order.index(decision.object_id)
                moved.append((place, decision.object_id))
            elif decision.kind == "device.moved":
                self.chains[decision.object_id] = labels[decision.after or ""]
            elif group == "notes":
                self._count(decision, verb)
            elif verb == "moved":
                self._place(decision)
            else:
                self._set(decision, verb)
        self.order = [one for one in self.order if one not in {two for _, two in moved}]
        for place, identity in sorted(moved):
            self.order.insert(place - 1, identity)

    def _set(self, decision: Decision, verb: str) -> None:
        names = {"renamed": "name", "muted": "muted", "enabled": "on"}
        what = decision.what.removeprefix(decision.device).strip()
        key = "" if decision.kind == "session.tempo" else decision.object_id
        name = names.get(verb, what)
        assert self.values[key, name] == decision.before, decision
        assert decision.after is not None
        self.values[key, name] = decision.after

    def _place(self, decision: Decision) -> None:
        assert self.places[decision.object_id] == decision.before
        self.places[decision.object_id] = decision.after or ""

    def _count(self, decision: Decision, verb: str) -> None:
        sign = {"added": 1, "removed": -1}.get(verb, 0)
        self.notes[decision.object_id] += sign * decision.count


def carried(one: Session, two: Session) -> Desk:
    desk = Desk.of(one)
    desk.carry_out(diff(one, two), {track.name: track.identity for track in two.tracks})
    return desk


@given(sessions())
def test_a_session_does_not_differ_from_itself(session: Session) -> None:
    assert diff(session, session) == []
    assert diff(session, replace(session, content_digest="another spelling")) == []


@given(sessions(), STEPS)
@settings(max_examples=150)
def test_decisions_lead_from_one_session_to_the_other(
    session: Session, steps: list[tuple[Callable[[Track, int], Track], int, int]]
) -> None:
    later = edit(session, steps)
    assert carried(session, later) == Desk.of(later)
    assert bool(diff(session, later)) == (session.tracks != later.tracks)


@given(sessions(), STEPS, st.randoms(use_true_random=False))
def test_reordered_tracks_and_devices_that_changed_tracks_are_told(
    session: Session, steps: list[tuple[Callable[[Track, int], Track], int, int]], dice: object
) -> None:
    later = edit(session, [step for step in steps if step[0] is not rename])
    tracks = list(later.tracks)
    getattr(dice, "shuffle")(tracks)  # noqa: B009 - Hypothesis publishes no type for it
    if tracks[0].devices:
        device, *rest = tracks[0].devices
        tracks[0] = replace(tracks[0], devices=tuple(rest))
        tracks[1] = replace(tracks[1], devices=(*tracks[1].devices, device))
    later = make_session(tracks, "90", later.markers)
    assert carried(session, later) == Desk.of(later)


@given(sessions(), DICE)
def test_markers_and_tempo_are_told(session: Session, dice: int) -> None:
    one, two = session.markers
    markers = (replace(one, name=f"Verse {dice % 3}"), replace(two, at=quarters(dice % 40)))
    later = make_session(session.tracks, str(60 + dice % 90), markers)
    assert carried(session, later) == Desk.of(later)


@given(sessions(), STEPS, st.permutations(range(50)))
def test_other_identities_and_another_order_of_settings_tell_nothing(
    session: Session, steps: list[tuple[Callable[[Track, int], Track], int, int]], order: list[int]
) -> None:
    later = edit(session, steps)
    shuffled = [
        replace(
            track,
            devices=tuple(
                replace(
                    d, parameters=tuple(d.parameters[i] for i in order if i < len(d.parameters))
                )
                for d in track.devices
            ),
            clips=tuple(track.clips[i] for i in order if i < len(track.clips)),
        )
        for track in later.tracks
    ]
    texts = sorted(d.text for d in diff(session, later))
    again = make_session(shuffled, "120", later.markers)
    assert sorted(d.text for d in diff(session, again)) == texts


def without_identities(session: Session) -> Session:
    tracks = [
        replace(
            track,
            identity="",
            devices=tuple(replace(d, identity="") for d in track.devices),
            clips=tuple(replace(c, identity="") for c in track.clips),
        )
        for track in session.tracks
    ]
    return make_session(tracks, session.tempo[0].bpm, session.markers)


@given(sessions(), STEPS)
@settings(max_examples=150)
def test_a_format_without_identities_tells_the_same_values(
    session: Session, steps: list[tuple[Callable[[Track, int], Track], int, int]]
) -> None:
    later = edit(session, [step for step in steps if step[0] in (set_strip, set_knob)])
    bare = diff(without_identities(session), without_identities(later))
    assert [d.text for d in bare] == [d.text for d in diff(session, later)]


def one_track(*devices: Device, name: str = "Main", identity: str = "t0") -> Track:
    return replace(make_track(0, devices, ()), name=name, identity=identity)


def texts(before: Sequence[Track], after: Sequence[Track]) -> list[str]:
    return [d.text for d in diff(make_session(before), make_session(after))]


OZONE = replace(make_device(10, VALUES), name="Ozone 10", vendor="iZotope", identity="")


def test_a_device_moved_from_one_track_to_another_has_moved() -> None:
    bus = one_track(OZONE, name="bus master", identity="t1")
    assert texts([one_track(), bus], [one_track(OZONE), replace(bus, devices=())]) == [
        "Ozone 10 (iZotope) moved from bus master to Main"
    ]


def test_a_device_moved_and_adjusted_has_moved_and_is_told_its_setting() -> None:
    knobs = (replace(OZONE.parameters[0], value="7"), *OZONE.parameters[1:])
    other = replace(OZONE, parameters=knobs)
    bus = one_track(OZONE, name="bus master", identity="t1")
    assert texts([one_track(), bus], [one_track(other), replace(bus, devices=())]) == [
        "Ozone 10 (iZotope) moved from bus master to Main",
        "Main: Ozone 10 knob 1 -3 -> 7",
    ]


def test_a_device_saved_from_a_track_that_went_has_moved() -> None:
    bus = one_track(OZONE, name="bus master", identity="t1")
    assert texts([one_track(), bus], [one_track(OZONE)]) == [
        "bus master: track removed",
        "Ozone 10 (iZotope) moved from bus master to Main",
    ]


def test_a_second_device_like_one_that_was_there_is_a_copy() -> None:
    bus = one_track(OZONE, name="bus master", identity="t1")
    assert texts([one_track(), bus], [one_track(OZONE), bus]) == [
        "Main: Ozone 10 (iZotope) copied from bus master"
    ]


def test_an_unlike_device_of_the_same_kind_was_added_and_the_other_removed() -> None:
    other = replace(OZONE, parameters=tuple(replace(p, value="1") for p in OZONE.parameters))
    bus = one_track(OZONE, name="bus master", identity="t1")
    assert texts([one_track(), bus], [one_track(other), replace(bus, devices=())]) == [
        "bus master: Ozone 10 (iZotope) removed",
        "Main: Ozone 10 (iZotope) added",
    ]


def test_equal_devices_of_a_chain_are_told_apart_by_number() -> None:
    twin = replace(OZONE, parameters=(replace(OZONE.parameters[0], value="9"),))
    louder = replace(OZONE, parameters=(replace(OZONE.parameters[0], value="5"),))
    assert texts([one_track(OZONE, twin)], [one_track(OZONE, louder)]) == [
        "Main: Ozone 10 #2 knob 1 9 -> 5"
    ]


def test_the_one_of_two_equal_tracks_that_changed_stays_in_its_place() -> None:
    twin = one_track(OZONE, name="Lead", identity="")
    between = one_track(name="Bass", identity="")
    changed = replace(twin, mixer=replace(twin.mixer, mute=True))
    assert texts([twin, between, twin], [changed, between, twin]) == ["Lead #1: muted"]
    assert texts([changed, between, twin], [twin, between, twin]) == ["Lead #1: unmuted"]


def test_an_instrument_that_only_a_name_tells_is_renamed() -> None:
    piano = Device("Piano", role="instrument", parameters=(Parameter("MIDI program", "1"),))
    before = one_track(piano)
    assert texts([before], [one_track(replace(piano, name="Pianino"))]) == [
        "Main: Piano renamed to Pianino"
    ]
    organ = replace(piano, name="Organ", parameters=(Parameter("MIDI program", "20"),))
    assert texts([before], [one_track(organ)]) == ["Main: Piano removed", "Main: Organ added"]


def test_a_named_setting_explains_the_other_bytes() -> None:
    one = replace(OZONE, state=State("aa", 10), identity="d1")
    knobs = (replace(OZONE.parameters[0], value="7"), *OZONE.parameters[1:])
    two = replace(one, state=State("bb", 10))
    assert texts([one_track(one)], [one_track(replace(two, parameters=knobs))]) == [
        "Main: Ozone 10 knob 1 -3 -> 7"
    ]
    assert texts([one_track(one)], [one_track(two)]) == ["Main: Ozone 10 settings changed"]


def test_media_in_another_place_is_relinked_once_for_all_clips() -> None:
    def save(*paths: str) -> list[Track]:
        clips = [
            Clip(ClipKind.AUDIO, "", quarters(4 * n), quarters(4), f"c{n}", media=MediaRef(path))
            for n, path in enumerate(paths)
        ]
        return [make_track(0, (), clips)]

    before = save("old/kick.wav", "old/kick.wav", "snare.wav")
    assert texts(before, save("new/kick.wav", "new/kick.wav", "snare.wav")) == [
        "Session: 'kick.wav' relinked to 'new/kick.wav', not 'old/kick.wav', 2 times"
    ]
    assert texts(save("a\\b.wav"), save("a/b.wav")) == []
    assert texts(save("a.wav"), save("b.wav")) == [
        "Track A: clip from 'a.wav' now plays 'b.wav', not 'a.wav'"
    ]


def test_media_is_known_by_its_content_where_the_format_tells_it() -> None:
    def save(path: str, content: str) -> list[Track]:
        media = MediaRef(path, content)
        clip = Clip(ClipKind.AUDIO, "x", quarters(0), quarters(4), "c0", media=media)
        return [make_track(0, (), [clip])]

    assert texts(save("a.wav", "11"), save("renamed.wav", "11")) == [
        "Session: 'renamed.wav' relinked to 'renamed.wav', not 'a.wav'"
    ]
    assert texts(save("a.wav", "11"), save("a.wav", "22")) == [
        "Track A: 'a.wav' in clip 'x' is another recording now"
    ]


def test_many_settings_of_one_device_are_one_line_and_all_decisions() -> None:
    many = replace(OZONE, parameters=tuple(Parameter(f"knob {n}", "0") for n in range(30)))
    other = replace(many, parameters=tuple(Parameter(p.name, "1") for p in many.parameters))
    decisions = diff(make_session([one_track(many)]), make_session([one_track(other)]))
    assert len(decisions) == 30
    (line,) = summarise(decisions)
    assert line.text == "Main: Ozone 10: 30 settings changed"
    assert len(line.decisions) == 30
    few = summarise(decisions[:3])
    assert [line.text for line in few] == [d.text for d in decisions[:3]]


@pytest.mark.deep
def test_the_cost_of_a_comparison_grows_with_the_session_and_not_faster() -> None:
    def save(size: int, value: str) -> Session:
        tracks = [
            make_track(n, [make_device(n, [value] * 3)], [make_clip(n, range(8))])
            for n in range(size)
        ]
        return make_session([replace(t, name=f"T{n}") for n, t in enumerate(tracks)])

    spent = []
    for size in (500, 2000):
        one, two = save(size, "1"), save(size, "2")
        begin = time.perf_counter()
        assert len(diff(one, two)) == 3 * size
        spent.append(time.perf_counter() - begin)
    # Four times as large: sixteen times the cost would be quadratic.
    assert spent[1] < 10 * spent[0]


def test_the_sample_of_a_sampler_is_relinked_too() -> None:
    def save(path: str) -> list[Track]:
        sampler = Device("Sampler", parameters=(Parameter("sample", path, Unit.TEXT),))
        return [one_track(sampler)]

    assert texts(save("old/kick.wav"), save("new/kick.wav")) == [
        "Session: 'kick.wav' relinked to 'new/kick.wav', not 'old/kick.wav'"
    ]
    assert texts(save("kick.wav"), save("snare.wav")) == [
        "Main: Sampler sample 'kick.wav' -> 'snare.wav'"
    ]


def with_tempo(*points: tuple[float, str, int]) -> Session:
    tempo = tuple(TempoPoint(quarters(at), bpm, beats, 4) for at, bpm, beats in points)
    return replace(make_session([]), tempo=tempo, content_digest=repr(points))


def test_a_time_signature_at_another_bar_is_told() -> None:
    one = with_tempo((0, "120", 4), (16, "120", 3), (28, "120", 4))
    two = with_tempo((0, "120", 4), (16, "120", 3), (34, "120.0", 4))
    (decision,) = diff(one, two)
    assert decision.text == (
        "Session: time signature 4/4 at bar 1, 3/4 at bar 5, 4/4 at bar 9"
        " -> 4/4 at bar 1, 3/4 at bar 5, 4/4 at bar 11"
    )


def test_one_tempo_written_in_two_ways_is_none() -> None:
    assert diff(with_tempo((0, "120", 4)), with_tempo((0, "120.000", 4))) == []
    (decision,) = diff(with_tempo((0, "120", 4)), with_tempo((0, "128.5", 4)))
    assert decision.text == "Session: tempo 120 -> 128.5 bpm"


def test_an_envelope_with_as_many_points_is_told_by_its_digest() -> None:
    def save(value: str) -> list[Track]:
        points = tuple(Point(Fraction(n), v) for n, v in enumerate(("0", value, "1", value)))
        return [replace(one_track(), automations=(Automation("volume", points, "a0"),))]

    (decision,) = diff(make_session(save("0.5")), make_session(save("0.7")))
    assert decision.text == "Main: automation of volume 2 of 4 points changed"
    assert decision.before != decision.after
    assert decision.shown == ("4 points", "4 points")


@st.composite
def routed(draw: st.DrawFn) -> Session:
    """Make a session with folders, outputs, sends and presets."""
    tracks: list[Track] = []
    for number in range(4):
        others = [other.identity for other in tracks]
        level = Parameter("level", draw(st.sampled_from(LEVELS)), Unit.GAIN)
        targets = draw(st.lists(st.sampled_from(others), unique=True)) if others else []
        device = replace(make_device(number, ["0"]), preset=draw(st.sampled_from(("Warm", "Cold"))))
        track = make_track(number, [device], ())
        mixer = replace(
            track.mixer,
            output=draw(st.sampled_from(("Main", "Drums", "Phones"))),
            sends=tuple(Send(target, (level,)) for target in targets),
        )
        parent = draw(st.sampled_from(["", *others]))
        tracks.append(replace(track, mixer=mixer, parent=parent))
    return make_session(tracks)


def routes(session: Session) -> dict[tuple[str, str], str]:
    names = {track.identity: track.name for track in session.tracks}
    found = {}
    for track in session.tracks:
        found[track.identity, "folder"] = names.get(track.parent, "top level")
        found[track.identity, "output"] = track.mixer.output
        found[track.devices[0].identity, "preset"] = track.devices[0].preset
        for send in track.mixer.sends:
            found[track.identity, f"send to {names[send.target]}"] = send.parameters[0].value
    return found


@given(routed(), routed())
def test_folders_outputs_sends_and_presets_lead_from_one_to_the_other(
    one: Session, two: Session
) -> None:
    carried_out, later = routes(one), routes(two)
    for decision in diff(one, two):
        what = decision.what.removeprefix(decision.device).strip()
        what = what.removesuffix(" level")
        key = (decision.object_id, what)
        if decision.kind == "send.removed":
            del carried_out[key]
        elif decision.kind == "send.added":
            # The level of a new send is its own matter: that it came is the decision.
            carried_out[key] = later[key]
        else:
            assert carried_out[key] == decision.before
            carried_out[key] = decision.after or ""
    assert carried_out == later
