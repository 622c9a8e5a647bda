"""Hydrogen: one small song of our own, one change at a time, and damaged."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from tests.capture.damage import damaged_lines

from stemproof.capture.diff import diff
from stemproof.capture.sessions.hydrogen import MAX_XML_BYTES
from stemproof.capture.sessions.model import (
    Parameter,
    PluginId,
    PluginKind,
    Session,
    TrackKind,
    Unit,
)
from stemproof.capture.sessions.registry import read_session
from stemproof.errors import BadInput

SONG = (Path(__file__).parent / "fixtures/hydrogen/song.h2song").read_text("utf-8")
NOTE = "<note><position>0</position><key>C0</key><instrument>0</instrument></note>"


def load(text: str = SONG) -> Session:
    return read_session("song.h2song", text.encode())


def edited(old: str, new: str) -> str:
    assert SONG.count(old) == 1, old
    return SONG.replace(old, new)


def told(one: str, two: str) -> list[str]:
    return [decision.text for decision in diff(load(one), load(two))]


def test_instruments_patterns_effects_and_master_are_tracks() -> None:
    session = load()
    assert [(t.name, t.kind) for t in session.tracks] == [
        ("Kick", TrackKind.INSTRUMENT),
        ("Snare", TrackKind.INSTRUMENT),
        ("main", TrackKind.PATTERN),
        ("fill", TrackKind.PATTERN),
        ("FX 1", TrackKind.BUS),
        ("Playback track", TrackKind.AUDIO),
        ("Master", TrackKind.MASTER),
    ]
    assert session.unread == ()
    assert (session.application, session.version) == ("Hydrogen", "1.2.0")


def test_notes_have_key_velocity_pan_and_chance() -> None:
    kick, snare = load().tracks[:2]
    (cell,) = kick.clips
    found = [(n.pitch, n.start, n.length, n.velocity, n.pan, n.chance) for n in cell.notes]
    assert found == [(60, 0, 0, 102, 0, 100), (54, 96, 24, 76, -50, 75)]
    main, fill = snare.clips
    assert main.controllers is not None and main.controllers.size == 1
    assert fill.controllers is None and fill.slot is not None
    assert fill.slot.label == "pattern 'fill'"


def test_strips_sends_and_samplers_are_read() -> None:
    kick, snare = load().tracks[:2]
    assert snare.mixer.pan == Parameter("pan", "0.5", Unit.PAN)
    assert [(s.target, s.parameters[0].value) for s in snare.mixer.sends][:2] == [
        ("FX 1", "0.25"),
        ("FX 2", "0"),
    ]
    parameters = {p.name: p.value for p in kick.devices[0].parameters}
    assert (parameters["attack"], parameters["filter cutoff"]) == ("7", "0.9")
    assert [m.path for m in load().media] == [
        "Kick-Hard.wav",
        "Kick-Soft.wav",
        "Snare.flac",
        "guide.wav",
    ]


def test_columns_are_as_long_as_their_longest_pattern() -> None:
    main, fill = load().tracks[2:4]
    assert [int(c.position.value) for c in main.clips] == [0, 6]
    assert [int(c.position.value) for c in fill.clips] == [4, 6]
    assert fill.parameters[2] == Parameter("plays also", "main")
    assert [(int(p.at.value), p.bpm) for p in load().tempo] == [(0, "115"), (6, "120")]
    assert [(m.name, int(m.at.value)) for m in load().markers] == [("Fill", 4)]


def test_effects_have_ports_and_the_output_a_level() -> None:
    *_, reverb, _, master = load().tracks
    (device,) = reverb.devices
    assert device.ids == (PluginId(PluginKind.LADSPA, "plate_1423.so"),)
    assert device.parameters == (Parameter("Reverb time", "4.25"),)
    assert master.mixer.volume == Parameter("volume", "0.5", Unit.GAIN)
    assert [a.target for a in master.automations] == ["velocity"]


CHANGES = {
    "note": (("<noteList>\n    <note><position>0</position><leadlag>0</leadlag><velocity>0.8"
              "</velocity><pan>0</pan><pitch>0</pitch><probability>1</probability><key>C0</key>"
              "<length>-1</length><instrument>0",
              f"<noteList>{NOTE.replace('>0<', '>24<', 1)}<note><position>0</position><leadlag>0"
              "</leadlag><velocity>0.8</velocity><pan>0</pan><pitch>0</pitch><probability>1"
              "</probability><key>C0</key><length>-1</length><instrument>0"),
             ["Kick: 1 note added in pattern 'main'"]),
    "volume": (("<volume>0.8</volume>", "<volume>0.4</volume>"),
               ["Snare: volume -1.94 -> -7.96 dB"]),
    "send": (("<FX1Level>0.25</FX1Level>", "<FX1Level>0.5</FX1Level>"),
             ["Snare: send to FX 1 level -12.04 -> -6.02 dB"]),
    "effect": (("<value>4.25</value>", "<value>6</value>"),
               ["FX 1: Plate Reverb Reverb time 4.25 -> 6"]),
    "envelope": (("<Attack>7</Attack>", "<Attack>9</Attack>"), ["Kick: Sampler attack 7 -> 9"]),
    "sample": (("Snare.flac", "Clap.flac"), ["Snare: Sampler sample 'Snare.flac' -> 'Clap.flac'"]),
    "swing": (("<swing_factor>0<", "<swing_factor>0.5<"), ["Session: swing 0 -> 0.5"]),
    "marker": (("<TAG>Fill</TAG>", "<TAG>Break</TAG>"),
               ["Session: marker 'Fill' renamed to 'Break'"]),
    "master": (("<volume>0.5</volume>", "<volume>1</volume>"),
               ["Master: volume -6.02 -> 0.0 dB"]),
    "bypass": (("<enabled>true</enabled>", "<enabled>false</enabled>"),
               ["FX 1: Plate Reverb bypassed"]),
    "another effect": (("Plate Reverb", "Hall"), ["FX 1: Plate Reverb renamed to Hall"]),
    "loop mode": (("<loopEnabled>false", "<loopEnabled>true"), []),
    "metronome": (("<metronomeVolume>0.5", "<metronomeVolume>0.9"), []),
    "midi output": (("<midiOutNote>36", "<midiOutNote>40"), []),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_gives_exactly_its_decisions(what: str) -> None:
    (old, new), sentences = CHANGES[what]
    assert told(SONG, edited(old, new)) == sentences
    assert bool(told(edited(old, new), SONG)) == bool(sentences)


def test_a_pattern_placed_once_more_is_one_decision() -> None:
    group = "<group><patternID>main</patternID></group>"
    longer = SONG.replace(" </patternSequence>", f"  {group}\n </patternSequence>")
    assert told(SONG, longer) == ["main: pattern clip added at bar 3 beat 3"]


def test_instruments_in_another_order_are_only_moved() -> None:
    begin, end = SONG.index("  <instrument>\n   <id>5"), SONG.index(" </instrumentList>")
    place = SONG.index("  <instrument>\n   <id>0")
    swapped = SONG[:place] + SONG[begin:end] + SONG[place:begin] + SONG[end:]
    assert [d.kind for d in diff(load(), load(swapped))] == ["track.reordered"]


def test_a_namespace_changes_nothing() -> None:
    spelt = edited("<song>", '<song xmlns="http://www.hydrogen-music.org/song">')
    assert load(spelt).tracks == load().tracks
    assert diff(load(), load(spelt)) == []


def test_another_version_alone_is_no_decision() -> None:
    assert diff(load(), load(edited("1.2.0", "1.2.3"))) == []


def test_what_is_not_understood_is_counted() -> None:
    strange = edited("<BPMTimeLine>", "<hologram/><BPMTimeLine>")
    strange = strange.replace("<instrument>5<", "<instrument>77<")
    assert load(strange).unread == (("hologram", 1), ("note of an unknown instrument", 2))


REFUSED = {
    "empty": "<song/>x",
    "other root": "<drumkit_info><song/></drumkit_info>",
    "entity": '<!DOCTYPE song [<!ENTITY e "ha">]>' + SONG.partition("?>")[2],
    "deep": "<song>" + "<group>" * 9000 + "</group>" * 9000 + "</song>",
    "cut": SONG.rstrip()[:-3],
    "position of a million digits": edited("<position>96<", f"<position>{'9' * 10**6}<"),
    "negative size": edited("<size>96<", "<size>-96<"),
    "endless size": edited("<size>96<", "<size>99999999<"),
    "key Q9": edited("Fs-1", "Q9"),
    "velocity nan": edited("<velocity>0.6<", "<velocity>nan<"),
    "probability 7": edited("<probability>0.75<", "<probability>7<"),
    "tempo zero": edited("<bpm>115<", "<bpm>0<"),
    "column at infinity": edited("<BAR>2<", "<BAR>99999999999<"),
    "point nowhere": edited('x="1.5"', 'x="nan"'),
    "a hundred thousand columns": edited(
        "<patternSequence>", "<patternSequence>" + "<group/>" * 100_001
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_quickly_in_one_sentence(what: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(BadInput) as refused:
        read_session("a.h2song", REFUSED[what].encode())
    assert time.perf_counter() - begin < 5
    assert str(refused.value).isprintable() and len(str(refused.value)) < 300


def test_a_file_beyond_the_bound_is_refused() -> None:
    with pytest.raises(BadInput, match="want at most"):
        read_session("a.h2song", b"<song>" + b" " * MAX_XML_BYTES)


def read_or_refuse(data: bytes) -> None:
    try:
        session = read_session("a.h2song", data)
    except BadInput as error:
        assert str(error).isprintable()
    else:
        assert diff(session, session) == []


def test_a_file_cut_anywhere_is_refused() -> None:
    data = SONG.rstrip().encode()
    for end in range(0, len(data), 61):
        with pytest.raises(BadInput):
            read_session("a.h2song", data[:end])


def test_flipped_bits_are_read_or_refused() -> None:
    dice = random.Random(8)
    data = SONG.encode()
    for _ in range(300):
        damaged = bytearray(data)
        for _ in range(dice.choice((1, 1, 2, 8))):
            damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        read_or_refuse(bytes(damaged))


def test_lines_lost_doubled_or_swapped_are_read_or_refused() -> None:
    for damaged in damaged_lines(SONG.encode(), seed=12, times=300):
        read_or_refuse(damaged)
