"""FL Studio: a project made event by event, compared with flpkit, damaged; files of the corpus."""

from __future__ import annotations

import os
import random
import struct
import time
import tracemalloc
from fractions import Fraction
from pathlib import Path

import flpkit
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stemproof.capture.diff import diff
from stemproof.capture.sessions.flp_events import MAX_EVENTS, parse_flp
from stemproof.capture.sessions.model import (
    ClipKind,
    Parameter,
    PluginId,
    PluginKind,
    Session,
    TrackKind,
    Unit,
)
from stemproof.capture.sessions.registry import read_session
from stemproof.errors import BadInput

HERE = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("STEMPROOF_CORPUS", HERE.parent / "shared" / "corpus"))
SESSIONS = CORPUS / "sessions/flp/dawtool"
needs_corpus = pytest.mark.skipif(not SESSIONS.is_dir(), reason="the corpus is not on this machine")


def event(number: int, value: int | bytes | str) -> bytes:
    if number < 192:
        assert isinstance(value, int)
        return bytes([number]) + value.to_bytes(1 << (number >> 6), "little")
    if isinstance(value, str):
        value = (value + "\0").encode("utf-16-le")
    assert isinstance(value, bytes)
    size, out = len(value), bytearray()
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    return bytes([number, *out, size]) + value


def note(start: int, key: int, *, channel: int = 0, length: int = 24, velocity: int = 100) -> bytes:
    head = struct.pack("<IHHIHH", start, 0x4000, channel, length, key, 0)
    return head + bytes([120, 0, 64, 0, 64, velocity, 128, 128])


def item(position: int, index: int, length: int, *, track: int = 1, flags: int = 0x40) -> bytes:
    head = struct.pack("<IHHIHHHH", position, 20480, index, length, 500 - track, 0, 0x78, flags)
    pattern = index > 20480
    start = b"\xff" * 8 if pattern else struct.pack("<ff", 0.5, length / 96)
    return head + bytes(4) + start


def automation(*points: tuple[float, float]) -> bytes:
    out = bytearray(17) + len(points).to_bytes(4, "little")
    for ahead, value in points:
        out += struct.pack("<ddfI", ahead, value, 0.0, 0)
    return bytes(out) + bytes(20)


def mixed(parameter: int, where: int, value: int) -> bytes:
    return struct.pack("<IHHi", 0, parameter, where, value)


def wrapped(**records: bytes) -> bytes:
    numbers = {"code": 51, "guid": 52, "state": 53, "name": 54, "path": 55, "vendor": 56}
    out = (10).to_bytes(4, "little")
    for name, data in records.items():
        out += struct.pack("<IQ", numbers[name], len(data)) + data
    return out


PRO_Q = wrapped(
    guid=bytes(range(16)),
    state=b"FFBS" + bytes(40),
    name=b"FabFilter Pro-Q 3",
    path=b"C:\\VST3\\FabFilter Pro-Q 3.vst3",
    vendor=b"FabFilter",
)
HEAD = (
    event(199, b"20.6.9.1\0")
    + event(28, 1)
    + event(156, 128_500)
    + event(17, 3)
    + event(18, 4)
    + event(80, 0xFFF6)
    + event(194, "Song")
    + event(207, "Nobody")
)
PATTERNS = (
    event(65, 1)
    + event(193, "Beat")
    + event(224, note(0, 36) + note(48, 38) + note(0, 60, channel=1, velocity=80))
    + event(65, 2)
    + event(224, note(96, 64, channel=1))
)
LINK = struct.pack("<HHIHHII", 0, 3, 0, 0x1FC0, 0x2040, 8, 469)
LEVELS = struct.pack("<iIi12x", 6400, 10_000, 0)
RACK = (
    event(64, 0)
    + event(21, 0)
    + event(201, "")
    + event(203, "Kick")
    + event(0, 1)
    + event(22, 1)
    + event(219, LEVELS)
    + event(196, "%FLStudioFactoryData%\\Kick.wav")
    + event(64, 1)
    + event(21, 2)
    + event(201, "Sytrus")
    + event(212, bytes(52))
    + event(203, "Lead")
    + event(0, 1)
    + event(219, struct.pack("<iIi12x", 3200, 6_400, 100))
    + event(213, b"sytrus state")
    + event(64, 2)
    + event(21, 4)
    + event(203, "Vox take")
    + event(0, 1)
    + event(22, 2)
    + event(219, LEVELS)
    + event(196, "C:\\takes\\vox.wav")
    + event(64, 3)
    + event(21, 5)
    + event(203, "Drums - Volume")
    + event(0, 1)
    + event(219, LEVELS)
    + event(234, automation((0.0, 0.25), (4.0, 1.0)))
)
PLAYLIST = (
    event(99, 0)
    + event(241, "Arrangement")
    + event(
        233,
        item(0, 20481, 384) + item(384, 20482, 384, track=2) + item(96, 2, 192, track=3)
        + item(0, 3, 384, track=4),
    )
    + event(148, 192) + event(33, 3) + event(34, 4) + event(205, "Verse")
    + event(148, 0x08000000 + 768) + event(33, 7) + event(34, 8) + event(205, "7/8")
    + event(238, struct.pack("<IIIB", 3, 0, 0, 1) + bytes(49))
    + event(239, "Voices")
)  # fmt: skip
MIXER = (
    event(236, struct.pack("<III", 0, 0x0C, 0))
    + b"".join(event(98, n) for n in range(10))
    + event(235, bytes(4))
    + event(204, "Drums")
    + event(236, struct.pack("<III", 0, 0x0C, 0))
    + event(201, "Fruity Limiter")
    + event(212, bytes(52))
    + event(213, b"limiter state")
    + event(98, 0)
    + event(201, "Fruity Wrapper")
    + event(212, bytes(52))
    + event(213, PRO_Q)
    + event(98, 1)
    + b"".join(event(98, n) for n in range(2, 10))
    + event(235, bytes([1, 0, 0, 1]))
    + event(236, struct.pack("<III", 0, 0x04, 0))
    + event(235, bytes([1, 0, 0, 0]))
    + event(204, "Reverb")
    + event(236, struct.pack("<III", 0, 0x0C, 0))
    + event(235, bytes([1, 0, 0, 0]))
    + event(236, struct.pack("<III", 0, 0x0C, 0))
)
VALUES = (
    mixed(0, 0x4000, 12_800)
    + mixed(0x1FC0, 0x2040, 11_000)
    + mixed(0x1FC1, 0x2040, -3_200)
    + mixed(0x1FD0, 0x2040, 450)
    + mixed(0x1F43, 0x2040, 6_400)
    + mixed(0x1F01, 0x2041, 6_400)
    + mixed(0x1F00, 0x2041, 0)
)


def project(
    *,
    head: bytes = HEAD,
    patterns: bytes = PATTERNS,
    rack: bytes = RACK,
    playlist: bytes = PLAYLIST,
    mixer: bytes = MIXER,
    values: bytes = VALUES,
) -> bytes:
    links = event(227, LINK)
    body = head + patterns + links + rack + playlist + mixer + event(225, values)
    return chunks(body)


def chunks(body: bytes, *, kind: int = 0, ppq: int = 96) -> bytes:
    return (
        b"FLhd" + struct.pack("<IHHH", 6, kind, 4, ppq) + b"FLdt" + struct.pack("<I", len(body))
        + body
    )  # fmt: skip


SONG = project()


def load(data: bytes = SONG) -> Session:
    return read_session("song.flp", data)


def told(one: bytes, two: bytes) -> list[str]:
    return [decision.text for decision in diff(load(one), load(two))]


def test_channels_patterns_and_inserts_are_tracks() -> None:
    tracks = load().tracks
    assert [(t.name, t.kind) for t in tracks] == [
        ("Kick", TrackKind.INSTRUMENT),
        ("Lead", TrackKind.INSTRUMENT),
        ("Vox take", TrackKind.AUDIO),
        ("Drums - Volume", TrackKind.AUTOMATION),
        ("Beat", TrackKind.PATTERN),
        ("Pattern 2", TrackKind.PATTERN),
        ("Master", TrackKind.MASTER),
        ("Drums", TrackKind.BUS),
        ("Insert 2", TrackKind.BUS),
        ("Reverb", TrackKind.BUS),
        ("Insert 4", TrackKind.BUS),
    ]
    assert [t.mixer.output for t in tracks[:3]] == ["insert 1", "insert 0", "insert 2"]
    assert load().unread == ()


def test_notes_stand_in_one_cell_a_pattern() -> None:
    kick, lead = load().tracks[:2]
    (cell,) = kick.clips
    assert cell.kind is ClipKind.SLOT and cell.ppq == 96
    assert [n[:4] for n in cell.notes] == [(36, 0, 24, 100), (38, 48, 24, 100)]
    assert [[n.pitch for n in c.notes] for c in lead.clips] == [[60], [64]]


def test_the_playlist_places_patterns_and_audio() -> None:
    tracks = {t.name: t for t in load().tracks}
    (vox,) = tracks["Vox take"].clips
    assert (vox.kind, int(vox.position.value), int(vox.length.value)) == (ClipKind.AUDIO, 1, 2)
    assert vox.offset.value == Fraction(1, 2)
    assert vox.media is not None and vox.media.file_name == "vox.wav"
    assert vox.parameters == (Parameter("playlist track", "3 Voices"),)
    assert [c.position.value for c in tracks["Pattern 2"].clips] == [4]


def test_levels_equalizer_slots_and_routes_are_read() -> None:
    drums = next(t for t in load().tracks if t.name == "Drums")
    assert drums.mixer.volume == Parameter("volume", "85.9375", Unit.PERCENT)
    assert drums.mixer.pan == Parameter("pan", "-0.5", Unit.PAN)
    assert drums.parameters[0] == Parameter("EQ low gain", "4.5", Unit.DECIBEL)
    assert [(s.target, s.parameters[0].value) for s in drums.mixer.sends] == [("insert 3", "50")]
    limiter, pro_q = drums.devices
    assert limiter.ids == (PluginId(PluginKind.NATIVE, "Fruity Limiter"),)
    assert limiter.enabled and not pro_q.enabled
    assert (pro_q.name, pro_q.vendor) == ("FabFilter Pro-Q 3", "FabFilter")
    assert pro_q.ids == (PluginId(PluginKind.VST3, bytes(range(16)).hex().upper()),)
    assert pro_q.parameters == (Parameter("mix", "50", Unit.PERCENT),)
    assert pro_q.state is not None and pro_q.state.size == 44
    assert next(t for t in load().tracks if t.name == "Insert 2").mixer.mute


def test_automation_names_what_it_moves() -> None:
    (lane,) = load().tracks[3].automations
    assert lane.target == "Drums volume"
    assert [(int(p.at), p.value) for p in lane.points] == [(0, "0.25"), (4, "1")]


def test_tempo_metre_markers_and_titles_are_the_session_s() -> None:
    session = load()
    assert (session.application, session.version) == ("FL Studio", "20.6.9.1")
    points = [(int(p.at.value), p.bpm, p.numerator, p.denominator) for p in session.tempo]
    assert points == [(0, "128.5", 3, 4), (8, "128.5", 7, 8)]
    assert [(m.name, int(m.at.value)) for m in session.markers] == [("Verse", 2)]
    assert [(p.name, p.value) for p in session.parameters[:5]] == [
        ("main volume", "100"), ("main pitch", "-10"), ("swing", "0"), ("title", "Song"),
        ("artists", "Nobody"),
    ]  # fmt: skip


def test_old_files_have_narrow_text_words_for_levels_and_a_tempo_in_two_parts() -> None:
    body = (
        event(199, b"9.0.0\0") + event(66, 140) + event(93, 250)
        + event(203, b"B\xe4ss\0") + event(21, 0) + event(72, 6_400) + event(73, 0)
    )  # fmt: skip
    session = load(chunks(body))
    (bass,) = session.tracks
    assert (bass.name, session.tempo[0].bpm) == ("Bäss", "140.25")
    assert bass.mixer.volume == Parameter("volume", "50", Unit.PERCENT)
    assert bass.mixer.pan == Parameter("pan", "-1", Unit.PAN)


@pytest.mark.parametrize("extra", [b"\xac\1", b"\xac\xff\xff\xff\x7f"])
def test_event_172_has_one_byte_or_four(extra: bytes) -> None:
    assert load(chunks(HEAD + PATTERNS + extra + RACK)).tracks[0].name == "Kick"


@pytest.mark.parametrize("stride", [32, 60, 80, 88])
def test_playlist_records_of_every_year_are_read(stride: int) -> None:
    items = [item(n * 96, 20481, 96).ljust(stride, b"\1") for n in range(5)]
    playlist = event(99, 0) + event(233, b"".join(items))
    beat = next(t for t in load(project(playlist=playlist)).tracks if t.name == "Beat")
    assert [int(c.position.value) for c in beat.clips] == [0, 1, 2, 3, 4]


def test_a_playlist_of_an_unknown_shape_is_counted() -> None:
    playlist = event(99, 0) + event(233, bytes(64))
    assert load(project(playlist=playlist)).unread == (("playlist of an unknown shape", 1),)


ENVELOPED = RACK.replace(event(64, 1), event(218, b"attack and decay") + event(64, 1))
CLAP = (
    event(64, 4) + event(21, 0) + event(201, "") + event(203, "Clap") + event(0, 1)
    + event(22, 2) + event(219, LEVELS) + event(218, b"envelope") + event(135, 60)
    + event(196, "Clap.wav")
)  # fmt: skip
SYNTH = (
    event(64, 4) + event(21, 2) + event(201, "Sytrus") + event(203, "Saw") + event(0, 1)
    + event(219, LEVELS) + event(218, b"envelope") + event(213, b"sytrus state")
)  # fmt: skip
AUTOMATION = (
    event(64, 4) + event(21, 5) + event(203, "Kick - Volume") + event(0, 1)
    + event(219, LEVELS) + event(218, b"envelope") + event(234, automation((0.0, 0.5), (2.0, 1.0)))
)  # fmt: skip
CHANGES = {
    "note": (project(patterns=PATTERNS + event(224, note(192, 65, channel=1))),
             ["Lead: 1 note added in pattern 2"]),
    "tempo": (project(head=HEAD.replace((128_500).to_bytes(4, "little"),
                                        (130_000).to_bytes(4, "little"))),
              ["Session: tempo 128.5 -> 130 bpm"]),
    "fader": (project(values=VALUES.replace(mixed(0x1FC0, 0x2040, 11_000),
                                            mixed(0x1FC0, 0x2040, 9_600))),
              ["Drums: volume 85.9375 -> 75 %"]),
    "EQ": (project(values=VALUES.replace(mixed(0x1FD0, 0x2040, 450), mixed(0x1FD0, 0x2040, -300))),
           ["Drums: EQ low gain 4.5 -> -3.0 dB"]),
    "slot on": (project(values=VALUES.replace(mixed(0x1F00, 0x2041, 0), mixed(0x1F00, 0x2041, 1))),
                ["Drums: FabFilter Pro-Q 3 switched on"]),
    "effect": (project(mixer=MIXER.replace(b"limiter state", b"limiter STATE")),
               ["Drums: Fruity Limiter settings changed"]),
    "generator": (project(rack=RACK.replace(b"sytrus state", b"sytrus STATE")),
                  ["Lead: Sytrus settings changed"]),
    "unmuted": (project(mixer=MIXER.replace(struct.pack("<III", 0, 0x04, 0),
                                            struct.pack("<III", 0, 0x0C, 0))),
                ["Insert 2: unmuted"]),
    "sample": (project(rack=RACK.replace("Kick.wav".encode("utf-16-le"),
                                         "Tick.wav".encode("utf-16-le"))),
               ["Kick: Sampler sample 'Kick.wav' -> 'Tick.wav'"]),
    "moved": (project(playlist=PLAYLIST.replace(item(96, 2, 192, track=3),
                                                item(192, 2, 192, track=3))), None),
    "curve": (project(rack=RACK.replace(struct.pack("<d", 0.25), struct.pack("<d", 0.5))),
              ["Drums - Volume: automation of Drums volume one point 0.25 -> 0.5"]),
    "insert renamed": (project(mixer=MIXER.replace(event(204, "Drums"), event(204, "Kit"))),
                       ["Drums: track renamed to 'Kit'"]),
    "pattern renamed": (project(patterns=PATTERNS.replace(event(193, "Beat"), event(193, "A"))),
                        ["Beat: track renamed to 'A'"]),
    "routed": (project(rack=RACK.replace(event(22, 2), event(22, 3))),
               ["Vox take: output Insert 2 -> Reverb"]),
    "root note": (project(rack=RACK.replace(event(64, 1), event(135, 57) + event(64, 1))),
                  ["Kick: settings: root note added"]),
    "channel added": (project(rack=RACK + CLAP), ["Clap: track added"]),
    "synth added": (project(rack=RACK + SYNTH),
                    ["Saw: track added", "Saw: Sytrus (Image-Line) added"]),
    "automation added": (project(rack=RACK + AUTOMATION),
                         ["Kick - Volume: automation of Kick - Volume added"]),
    "window": (project(rack=RACK.replace(event(212, bytes(52)), event(212, b"\1" * 52))), []),
    "licensee": (project(head=HEAD + event(200, "x") + event(237, bytes(16))), []),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_gives_exactly_its_decisions(what: str) -> None:
    data, sentences = CHANGES[what]
    found = told(SONG, data)
    if sentences is None:
        assert len(found) == 1 and "moved from bar" in found[0]
    else:
        assert found == sentences
    assert bool(told(data, SONG)) == bool(found)


def test_envelopes_are_compared_with_envelopes() -> None:
    louder = project(rack=ENVELOPED.replace(b"attack", b"ATTACK"))
    assert told(project(rack=ENVELOPED), louder) == ["Kick: envelopes changed"]


def test_what_notes_carry_is_told_by_name_unless_the_note_itself_came_or_went() -> None:
    def cells(*notes: bytes) -> bytes:
        return project(patterns=event(65, 1) + event(224, b"".join(notes)))

    first, second = note(0, 36), note(48, 38)
    bent = second[:16] + bytes([90]) + second[17:]
    assert told(cells(first, second), cells(first, bent)) == [
        "Kick: 1 event of fine pitch of notes added in pattern 1"
    ]
    assert told(cells(first, bent), cells(first)) == ["Kick: 1 note removed in pattern 1"]


def test_an_insert_that_takes_the_name_of_its_new_channel_is_not_told() -> None:
    named = MIXER.replace(
        event(236, struct.pack("<III", 0, 0x04, 0)),
        event(204, "Clap") + event(236, struct.pack("<III", 0, 0x04, 0)),
    )
    two = project(rack=RACK + CLAP, mixer=named)
    assert told(SONG, two) == ["Clap: track added"]
    assert told(SONG, project(mixer=named)) == ["Insert 2: track renamed to 'Clap'"]


def test_an_insert_called_like_its_channel_says_that_it_is_a_bus() -> None:
    kit = MIXER.replace(event(204, "Drums"), event(204, "Kick"))
    louder = VALUES.replace(mixed(0x1FC0, 0x2040, 11_000), mixed(0x1FC0, 0x2040, 9_600))
    one, two = project(mixer=kit), project(mixer=kit, values=louder)
    assert told(one, two) == ["Kick (bus): volume 85.9375 -> 75 %"]


def test_another_version_alone_is_no_decision() -> None:
    newer = project(head=HEAD.replace(b"20.6.9.1", b"21.0.0.1"))
    assert load(newer).content_digest == load().content_digest
    assert diff(load(), load(newer)) == []


def check_with_flpkit(path: Path, session: Session) -> None:
    """Compare notes, clips, names, tempo and effects with a second reader."""
    second = flpkit.read(path)
    notes = sorted(
        (n.pitch, n.start, n.length, n.velocity)
        for t in session.tracks for c in t.clips for n in c.notes
    )  # fmt: skip
    assert notes == sorted((n.key, n.position, n.length, n.velocity) for n in second.notes)
    busses = (TrackKind.BUS, TrackKind.MASTER, TrackKind.PATTERN)
    rack = [t.name for t in session.tracks if t.kind not in busses]
    assert rack == [c.name for c in second.channels]
    placed = (ClipKind.PATTERN, ClipKind.AUDIO, ClipKind.AUTOMATION)
    clips = sorted(
        (c.position.value * second.ppq, c.length.value * second.ppq)
        for t in session.tracks for c in t.clips if c.kind in placed
    )  # fmt: skip
    assert clips == sorted((Fraction(i.position), Fraction(i.length)) for i in second.playlist)
    assert second.tempo is not None and session.tempo[0].bpm == f"{second.tempo:.6g}"
    effects = [d.name for t in session.tracks if t.kind in busses for d in t.devices]
    assert effects == [e.plugin.vst.name if e.plugin.vst else e.plugin.internal_name
                       for e in second.mixer]  # fmt: skip
    points = [len(c.automation) for c in second.channels if c.automation]
    assert [len(a.points) for t in session.tracks for a in t.automations] == points


def test_flpkit_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "song.flp"
    path.write_bytes(SONG)
    check_with_flpkit(path, load())


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(st.integers(0, 9000), st.integers(0, 127), st.integers(0, 3),
                  st.integers(0, 900), st.integers(0, 127)), max_size=30,
    )
)  # fmt: skip
def test_any_notes_are_those_that_flpkit_reads(
    tmp_path: Path, wanted: list[tuple[int, int, int, int, int]]
) -> None:
    blob = b"".join(
        note(start, key, channel=channel, length=length, velocity=velocity)
        for start, key, channel, length, velocity in wanted
    )
    data = project(patterns=event(65, 1) + event(224, blob))
    path = tmp_path / "song.flp"
    path.write_bytes(data)
    check_with_flpkit(path, load(data))


REFUSED = {
    "empty": b"",
    "header only": SONG[:22],
    "cut": SONG[:-1],
    "a score": chunks(HEAD, kind=0x10),
    "no ticks": chunks(HEAD, ppq=0),
    "other chunk": SONG.replace(b"FLdt", b"FLxx"),
    "header of another size": SONG.replace(b"FLhd\6", b"FLhd\7"),
    "event after the end": chunks(HEAD + b"\xe0\xff\xff\xff\x7f"),
    "size without an end": chunks(HEAD + b"\xe0" + b"\xff" * 9),
    "half an event": chunks(HEAD + b"\x40\1"),
    "notes of a wrong size": project(patterns=event(65, 1) + event(224, bytes(25))),
    "key 200": project(patterns=event(65, 1) + event(224, note(0, 200))),
    "points claimed": project(rack=event(234, bytes(17) + b"\xff\xff\xff\xff" + bytes(40))),
    "point at infinity": project(rack=event(234, automation((float("inf"), 0.5)))),
    "version of words": project(head=event(199, b"twenty\0")),
    "tempo zero": project(head=HEAD + event(156, 1)),
    "metre of nothing": project(playlist=event(99, 0) + event(148, 0x08000000)
                                + event(33, 0) + event(34, 4)),
    "too many inserts": project(mixer=event(236, bytes(12)) * 1025),
    "too many routes": project(mixer=event(236, bytes(12)) + event(235, b"\1" * 5000)),
    "too many channels": project(rack=b"".join(event(64, n) for n in range(20_001))),
    "too many events": chunks(b"\0\1" * (MAX_EVENTS + 1)),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_quickly_in_one_sentence(what: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(BadInput) as refused:
        read_session("a.flp", REFUSED[what])
    assert time.perf_counter() - begin < 10
    assert str(refused.value).isprintable() and len(str(refused.value)) < 300


def test_a_declared_length_allocates_nothing() -> None:
    data = b"FLhd" + struct.pack("<IHHH", 6, 0, 4, 96) + b"FLdt\xff\xff\xff\xff" + bytes(100)
    tracemalloc.start()
    with pytest.raises(BadInput):
        parse_flp(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000


def read_or_refuse(data: bytes) -> None:
    try:
        session = read_session("a.flp", data)
    except BadInput as error:
        assert str(error).isprintable()
    else:
        assert diff(session, session) == []


def test_a_file_cut_anywhere_is_refused() -> None:
    for end in range(0, len(SONG), 7):
        with pytest.raises(BadInput):
            read_session("a.flp", SONG[:end])


def test_flipped_bits_are_read_or_refused() -> None:
    dice = random.Random(9)
    for _ in range(800):
        damaged = bytearray(SONG)
        for _ in range(dice.choice((1, 1, 2, 8))):
            damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        read_or_refuse(bytes(damaged))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 255), st.binary(max_size=40)), max_size=30
    )
)  # fmt: skip
def test_any_events_are_read_or_refused(events: list[tuple[int, bytes]]) -> None:
    body = b"".join(
        event(n, int.from_bytes(data.ljust(8)[: 1 << (n >> 6)], "little") if n < 192 else data)
        for n, data in events if n != 172
    )  # fmt: skip
    read_or_refuse(chunks(body))


def paths() -> list[Path]:
    return sorted(SESSIONS.glob("*.flp"))


@needs_corpus
def test_every_file_of_the_corpus_is_read_whole_and_as_flpkit_reads_it() -> None:
    assert len(paths()) == 5
    for path in paths():
        session = read_session(path.name, path.read_bytes())
        assert (session.version, session.unread) == ("20.0.5.91", ())
        assert diff(session, session) == []
        check_with_flpkit(path, session)


@needs_corpus
def test_markers_of_the_corpus_stand_where_they_were_put() -> None:
    (path,) = SESSIONS.glob("*fl-markers.flp")
    session = read_session(path.name, path.read_bytes())
    names = ["Auto", "start", "loop", "marker loop", "marker skip", "marker pause"]
    assert [m.name for m in session.markers] == [*names, "punch in", "punch out"]
    assert len(session.tempo) == 2
    places = [m.at.value for m in session.markers]
    assert places == sorted(places)


@needs_corpus
def test_automation_of_the_corpus_names_its_targets() -> None:
    (path,) = SESSIONS.glob("*complex.flp")
    session = read_session(path.name, path.read_bytes())
    targets = [a.target for t in session.tracks for a in t.automations]
    assert targets[:5] == ["tempo", "tempo", "main pitch", "coin 4 volume", "coin 4 pan"]


@needs_corpus
def test_real_files_cut_at_every_thousandth_byte_are_refused() -> None:
    for path in paths():
        data = path.read_bytes()
        for end in range(0, len(data), 1000):
            with pytest.raises(BadInput):
                read_session(path.name, data[:end])
