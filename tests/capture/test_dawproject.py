"""DAWproject: one small project of our own, one change at a time; the facts of the corpus."""

from __future__ import annotations

import io
import os
import random
import re
import time
import zipfile
from fractions import Fraction
from pathlib import Path

import pytest
from tests.capture.damage import damaged_lines

from stemproof.capture.diff import diff
from stemproof.capture.sessions.dawproject import MAX_XML_BYTES
from stemproof.capture.sessions.model import (
    ClipKind,
    Moment,
    PluginId,
    PluginKind,
    Session,
    TimeUnit,
    TrackKind,
    Unit,
)
from stemproof.capture.sessions.registry import read_session
from stemproof.errors import BadInput

HERE = Path(__file__).parent
CORPUS = Path(os.environ.get("STEMPROOF_CORPUS", HERE.parents[1].parent / "shared" / "corpus"))
SESSIONS = CORPUS / "sessions"
needs_corpus = pytest.mark.skipif(not SESSIONS.is_dir(), reason="the corpus is not on this machine")
PROJECT = (HERE / "fixtures/dawproject/project.xml").read_text("utf-8")
METADATA = "<MetaData><Title>Song</Title><Artist></Artist></MetaData>"


def packed(project: str | bytes, **others: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("project.xml", project)
        archive.writestr("metadata.xml", others.pop("metadata", METADATA.encode()))
        archive.writestr("plugins/1.clap-preset", others.pop("surge", b"surge"))
        archive.writestr("plugins/2.fxp", others.pop("comp", b"CcnK"))
        for name, data in others.items():
            archive.writestr(name, data)
    return file.getvalue()


def load(project: str = PROJECT, **others: bytes) -> Session:
    return read_session("song.dawproject", packed(project, **others))


def edited(*edits: tuple[str, str]) -> str:
    text = PROJECT
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def told(one: Session, two: Session) -> list[str]:
    return [decision.text for decision in diff(one, two)]


def test_tracks_folders_busses_and_the_master_are_told_apart() -> None:
    tracks = load().tracks
    assert [(t.name, t.kind, t.parent) for t in tracks] == [
        ("Band", TrackKind.FOLDER, ""),
        ("Bass", TrackKind.INSTRUMENT, "Band"),
        ("Vox", TrackKind.AUDIO, "Band"),
        ("Reverb", TrackKind.BUS, ""),
        ("Main", TrackKind.MASTER, ""),
    ]
    assert [t.mixer.output for t in tracks] == ["Main", "Band", "Band", "Main", ""]
    assert all(t.identity == "" for t in tracks)


def test_devices_have_ids_vendor_preset_state_and_parameters() -> None:
    surge, comp = load().tracks[1].devices
    assert surge.ids == (PluginId(PluginKind.CLAP, "org.surge-synth-team.surge-xt"),)
    assert (surge.vendor, surge.preset, surge.role) == (
        "Surge Synth Team",
        "Deep Sub",
        "instrument",
    )
    assert surge.state is not None and surge.state.size == 5
    assert comp.ids == (PluginId(PluginKind.VST2, "recm"),)
    eq, pro_q = load().tracks[2].devices
    assert [(p.name, p.value, p.unit) for p in eq.parameters][2:4] == [
        ("band 1 freq", "1000.000000", Unit.HERTZ),
        ("band 1 gain", "-3.000000", Unit.DECIBEL),
    ]
    assert pro_q.ids == (PluginId(PluginKind.VST3, "72C4DB717A4D459AB97E51745D84B39D"),)
    assert not pro_q.enabled


def test_notes_are_ticks_and_a_third_of_a_beat_is_exact() -> None:
    riff = load().tracks[1].clips[0]
    assert [(n.pitch, n.start, n.length, n.velocity) for n in riff.notes] == [
        (40, 0, 5120, 100),
        (43, 5120, 5120, 127),
        (45, 10240, 5120, 64),
    ]
    assert riff.ppq == 15_360
    assert riff.controllers is not None and riff.controllers.size == 1
    assert [lane.target for lane in riff.points] == ["mod wheel (CC 1), channel 0"]


def test_a_reference_gives_a_clip_the_content_of_another() -> None:
    riff, alias, loop = load().tracks[1].clips
    assert alias.notes == riff.notes and alias.muted
    assert loop.slot is not None and loop.slot.label == "scene 'Drop'"


def test_audio_clips_count_seconds_and_inner_clips_stand_in_the_song() -> None:
    take, one, two = load().tracks[2].clips
    assert take.kind is ClipKind.AUDIO
    assert take.position == Moment(Fraction(3, 2), TimeUnit.SECOND)
    assert take.offset == Moment(Fraction(1, 4), TimeUnit.SECOND)
    assert [(p.name, p.value) for p in take.parameters][:2] == [
        ("loop", "0 to 2 s"),
        ("fade in", "0.01"),
    ]
    assert [c.position.value for c in (one, two)] == [8, 9]
    assert [c.media.path for c in (one, two) if c.media] == ["audio/one.wav", "audio/two.wav"]
    assert [m.path for m in load().media] == [
        "audio/one.wav",
        "audio/two.wav",
        "audio/vox take 3.wav",
    ]


def test_tempo_and_metre_are_one_map() -> None:
    points = [(int(p.at.value), p.bpm, p.numerator, p.ramp) for p in load().tempo]
    assert points == [(0, "120", 3, True), (12, "123", 4, True), (24, "126", 4, False)]
    assert [m.name for m in load().markers] == ["Intro", "Verse"]


def test_nothing_of_the_fixture_stays_unread() -> None:
    assert load().unread == ()
    strange = edited(("<Markers id", "<Wavetable/><Markers id"), ("  <Scenes>", "<Zoom/><Scenes>"))
    assert load(strange).unread == (("Zoom", 1),)


def test_what_automation_moves_is_marked() -> None:
    bass, vox = load().tracks[1:3]
    cutoff, unison = bass.devices[0].parameters[:2]
    assert (cutoff.value, cutoff.automated, unison.automated) == ("0.250000", True, False)
    assert vox.mixer.volume is not None and vox.mixer.volume.automated
    assert bass.mixer.volume is not None and not bass.mixer.volume.automated


CHANGES = {
    "level": (
        ('value="0.500000" id="id17"', 'value="0.250000" id="id17"'),
        ["Bass: volume -6.02 -> -12.04 dB"],
    ),
    "pan": (('value="0.500000" id="id14"', 'value="0.25" id="id14"'), ["Bass: pan centre -> 50L"]),
    "mute": (('"false" id="id13"', '"true" id="id13"'), ["Bass: muted"]),
    "send": (
        ('value="0.500000" id="id16"', 'value="1.0" id="id16"'),
        ["Bass: send to Reverb volume -6.02 -> 0.0 dB"],
    ),
    "EQ band": (
        ('value="-3.000000" id="id24"', 'value="-4.500000" id="id24"'),
        ["Vox: EQ band 1 gain -3.0 -> -4.5 dB"],
    ),
    "bypass": (('"false" id="id27"', '"true" id="id27"'), ["Vox: Pro-Q 3 switched on"]),
    "preset": (
        ('id="id7" name="Deep Sub"', 'id="id7" name="Acid"'),
        ["Bass: Surge XT preset Deep Sub -> Acid"],
    ),
    "limiter": (
        ('value="-1.000000" id="id62"', 'value="-2.000000" id="id62"'),
        ["Main: Limiter threshold -1.0 -> -2.0 dB"],
    ),
    "note": (
        (
            'time="0.333333" duration="0.333333" channel="0" key="43"',
            'time="0.333333" duration="0.333333" channel="0" key="46"',
        ),
        [f"Bass: 1 note transposed +3 semitones in bar {bar}" for bar in (2, 5)],
    ),
    "clip": (('<Clip time="1.5"', '<Clip time="2.5"'), None),
    "fade": (
        ('fadeInTime="0.010000"', 'fadeInTime="0.020000"'),
        ["Vox: clip 'Take 3' fade in 0.01 -> 0.02 s"],
    ),
    "loop": (
        ('loopEnd="2.0"', 'loopEnd="1.0"'),
        ["Vox: clip 'Take 3' loop 0 to 2 s -> 0 to 1 s"],
    ),
    "file": (
        ("audio/vox take 3.wav", "audio/vox take 4.wav"),
        ["Vox: clip 'Take 3' now plays 'audio/vox take 4.wav', not 'audio/vox take 3.wav'"],
    ),
    "automation": (
        (
            '<RealPoint value="0.750000" interpolation="linear" time="12.0"/>',
            '<RealPoint value="0.900000" interpolation="linear" time="12.0"/>',
        ),
        ["Bass, Surge XT: automation of Filter 1 Cutoff one point 0.75 -> 0.9"],
    ),
    "scene": (('name="Drop"', 'name="Break"'), ["Bass: clip 'Loop' moved from scene 'Drop' to "
                                               "scene 'Break'"]),
    "folder renamed": (
        ('id="id2" name="Band"', 'id="id2" name="Group"'),
        ["Band: track renamed to 'Group'"],
    ),
    "bus renamed": (
        ('id="id40" name="Reverb"', 'id="id40" name="Hall"'),
        ["Reverb: track renamed to 'Hall'"],
    ),
    "marker": (('name="Verse"', 'name="Chorus"'), ["Session: marker 'Verse' renamed to 'Chorus'"]),
    "metre": (('numerator="3"', 'numerator="6"'), None),
    "playhead at automation": (('value="0.250000" parameterID', 'value="0.31" parameterID'), []),
    "playhead at a moved level": (('"-6.000000" id="id30"', '"-9.000000" id="id30"'), []),
    "colour": (('color="#ff5706"', 'color="#00ff00"'), []),
    "shifted numbers": (('id="id99"', 'id="id100"'), []),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_gives_exactly_its_decisions(what: str) -> None:
    edit, sentences = CHANGES[what]
    one, two = load(), load(edited((edit[0], edit[1])))
    found = told(one, two)
    assert bool(found) == bool(told(two, one))
    if sentences is None:
        assert len(found) == 1
    else:
        assert found == sentences


def test_renumbering_every_id_changes_nothing_at_all() -> None:
    shifted = re.sub(r'"id(\d+)"', lambda m: f'"id{int(m[1]) + 7}"', PROJECT)
    one, two = load(), load(shifted)
    assert one.content_digest == two.content_digest
    assert one.tracks == two.tracks


def test_tracks_in_another_order_are_only_moved() -> None:
    begin = PROJECT.index('      <Track contentType="audio" loaded="true" id="id20"')
    end = PROJECT.index("    </Track>\n    <Track", begin)
    vox = PROJECT[begin:end]
    place = PROJECT.index('      <Track contentType="notes" loaded="true" id="id5"')
    swapped = PROJECT[:place] + vox + PROJECT[place:begin] + PROJECT[end:]
    found = diff(load(), load(swapped))
    assert [(d.kind, d.track) for d in found] in (
        [("track.reordered", "Vox")],
        [("track.reordered", "Bass")],
    )


def test_a_state_counts_by_its_bytes_and_not_by_its_name() -> None:
    assert told(load(), load(surge=b"other")) == ["Bass: Surge XT settings changed"]
    renamed = edited(("plugins/2.fxp", "plugins/9.fxp"))
    again = load(renamed, **{"plugins/9.fxp": b"CcnK"})
    assert again.content_digest == load().content_digest
    assert load(renamed).unread == (("plug-in state outside the file", 1),)


def test_a_title_is_part_of_the_session() -> None:
    other = METADATA.replace("Song", "Tune").encode()
    assert told(load(), load(metadata=other)) == ["Session: title 'Song' -> 'Tune'"]


def bomb(size: int) -> bytes:
    return packed(PROJECT, surge=b"\0" * size)


def many_references() -> str:
    notes = '<Note time="0" duration="1" channel="0" key="40"/>' * 3000
    clips = '<Clip time="0" duration="1" reference="n"/>' * 3000
    return (
        '<Project version="1.0"><Structure><Track id="t"/></Structure><Arrangement>'
        f'<Lanes track="t"><Clips><Clip time="0"><Notes id="n">{notes}</Notes></Clip>'
        f"{clips}</Clips></Lanes></Arrangement></Project>"
    )


REFUSED = {
    "empty": b"",
    "not a zip": b"PK\x03\x04" + bytes(200),
    "no project": packed(PROJECT).replace(b"project.xml", b"projekt.xml"),
    "other XML": packed("<html/>"),
    "version 2": packed(PROJECT.replace('<Project version="1.0"', '<Project version="2.0"')),
    "version 0": packed(PROJECT.replace('<Project version="1.0"', '<Project version="0.3"')),
    "entities": packed('<!DOCTYPE Project [<!ENTITY e "ha">]>' + PROJECT.partition("?>")[2]),
    "XML bomb": packed(b'<Project version="1.0">' + b" " * MAX_XML_BYTES),
    "deep": packed('<Project version="1.0"><Structure>' + "<Track>" * 9000),
    "state bomb": bomb((64 << 20) + 1),
    "note without key": packed(PROJECT.replace('key="43"', 'key="x"')),
    "key too high": packed(PROJECT.replace('key="43"', 'key="128"')),
    "endless number": packed(PROJECT.replace('time="12.0"', f'time="{"9" * 5000}"')),
    "not a number": packed(PROJECT.replace('duration="6.0"', 'duration="nan"')),
    "infinite": packed(PROJECT.replace('duration="6.0"', 'duration="inf"')),
    "time unit": packed(PROJECT.replace('timeUnit="beats" id="id71"', 'timeUnit="bars" id="id71"')),
    "tempo zero": packed(PROJECT.replace('value="120.000000" id="id0"', 'value="0" id="id0"')
                         .replace('<RealPoint value="120.000000"', '<RealPoint value="0"')),
    "metre of nothing": packed(PROJECT.replace('denominator="4" numerator="3"',
                                               'denominator="0" numerator="3"')),
    "references multiplied": packed(many_references()),
    "twenty thousand tracks": packed(
        '<Project version="1.0"><Structure>' + "<Track/>" * 20_001 + "</Structure></Project>"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_quickly_in_one_sentence(what: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(BadInput) as refused:
        read_session("a.dawproject", REFUSED[what])
    assert time.perf_counter() - begin < 5
    assert str(refused.value).isprintable() and len(str(refused.value)) < 300


def test_names_in_the_zip_are_only_looked_up() -> None:
    evil = edited(("plugins/2.fxp", "../../../../etc/passwd"))
    session = load(evil, **{"../../../../etc/passwd": b"harmless", "/abs": b"x", "a/../b": b"y"})
    state = session.tracks[1].devices[1].state
    assert state is not None and state.size == 8
    assert load(edited(("plugins/2.fxp", "/etc/hostname"))).tracks[1].devices[1].state is None


def read_or_refuse(data: bytes) -> None:
    try:
        session = read_session("a.dawproject", data)
    except BadInput as error:
        assert str(error).isprintable()
    else:
        assert diff(session, session) == []


def test_a_file_cut_anywhere_is_refused() -> None:
    data = packed(PROJECT)
    for end in range(0, len(data), 101):
        with pytest.raises(BadInput):
            read_session("a.dawproject", data[:end])


def test_flipped_bits_are_read_or_refused() -> None:
    dice = random.Random(5)
    data, xml = packed(PROJECT), PROJECT.encode()
    for turn in range(300):
        damaged = bytearray(xml if turn % 2 else data)
        for _ in range(dice.choice((1, 2, 8))):
            damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        read_or_refuse(packed(bytes(damaged)) if turn % 2 else bytes(damaged))


def test_elements_lost_doubled_or_swapped_are_read_or_refused() -> None:
    for damaged in damaged_lines(PROJECT.encode(), seed=6, times=300):
        read_or_refuse(packed(damaged.decode()))


def revisions(song: str) -> list[Session]:
    paths = sorted((SESSIONS / "dawproject" / song).glob("*.dawproject"))
    return [read_session(path.name, path.read_bytes()) for path in paths]


def points(session: Session) -> int:
    return sum(
        len(lane.points)
        for track in session.tracks
        for lane in (*track.automations, *(a for d in track.devices for a in d.automations))
    )


@needs_corpus
def test_automation_2_to_3_goes_from_2_points_to_8() -> None:
    _, two, three = revisions("automation")
    assert (points(two), points(three)) == (2, 8)
    assert told(two, three) == [
        "Inst 1: automation of pan added (3 points)",
        "Inst 1: automation of volume 2 points -> 3 points",
        "Inst 1: automation of mute added (2 points)",
        "Inst 1: length of note clip at bar 1: 8 beats -> 4 beats",
    ]


@needs_corpus
def test_test_1_to_2_loses_one_track_and_renames_another() -> None:
    one, two, *_ = revisions("test")
    assert told(one, two) == [
        "Audio 2: track removed",
        "RK_DTC1_Drum_Loop_125bpm: track renamed to 'Drum Loop'",
    ]


@needs_corpus
@pytest.mark.parametrize("song", ["automation", "test"])
def test_every_save_of_the_corpus_is_read_whole(song: str) -> None:
    for save in revisions(song):
        assert (save.application, save.version, save.unread) == ("Bitwig Studio", "5.3.12", ())
        assert diff(save, save) == []


@needs_corpus
def test_the_json_variant_is_refused_with_a_clear_word() -> None:
    (path,) = (SESSIONS / "dawproject-0.1-json").glob("*/*.dawproject")
    with pytest.raises(BadInput, match=r"JSON variant from before version 1\.0") as refused:
        read_session(path.name, path.read_bytes())
    assert refused.value.hint is not None


def test_the_json_variant_of_our_own_making_is_refused_too() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("project.json", '{"transport": {"tempo": 110.0}}')
    with pytest.raises(BadInput, match="JSON variant"):
        read_session("old.dawproject", file.getvalue())
