"""Audacity 3: what a project says, and SQLite files that somebody made to do harm."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import struct
import time
from pathlib import Path

import pytest
from tests.capture.aup3_maker import APPLICATION_ID, Band, Wave, Writer, make_project, pack

from stemproof.capture.diff import diff
from stemproof.capture.sessions.aup3_xml import MAX_DEPTH
from stemproof.capture.sessions.model import PluginKind, Session
from stemproof.capture.sessions.registry import read_session
from stemproof.errors import BadInput

LEFT = Band("Voice", (Wave(blocks=(1, 2)),), linked=1, channel=0)
RIGHT = Band("Voice", (Wave(blocks=(3, 4)),), channel=1)
REVERB = "Effect_Audacity_Audacity_Reverb_Built-in Effect: Reverb"
PLUGIN = "Effect_VST3_Some Maker_Clean Voice_/usr/lib/vst3/CleanVoice.vst3;0123ABCD"


def read(data: bytes) -> Session:
    return read_session("song.aup3", data)


def told(before: bytes, after: bytes) -> list[str]:
    return [decision.text for decision in diff(read(before), read(after))]


def test_two_linked_channels_are_one_track() -> None:
    session = read(make_project(Band(), LEFT, RIGHT))
    assert [(t.name, len(t.clips)) for t in session.tracks] == [("Guitar", 1), ("Voice", 1)]
    channels = [p.value for t in session.tracks for p in t.parameters if p.name == "channels"]
    assert channels == ["1", "2"]


def test_version_tempo_tags_and_labels_are_read() -> None:
    session = read(make_project(Band(), labels=((1.0, 1.0, "here"), (2.0, 3.5, "chorus"))))
    assert (session.application, session.version) == ("Audacity", "3.4.2")
    assert [p.bpm for p in session.tempo] == ["120"]
    assert [(m.name, m.length is not None) for m in session.markers] == [
        ("here", False),
        ("chorus", True),
    ]
    assert ("tag TITLE", "A song") in [(p.name, p.value) for p in session.parameters]


@pytest.mark.parametrize("width", [1, 2, 4])
def test_names_are_read_whatever_the_size_of_a_character(width: int) -> None:
    assert [t.name for t in read(make_project(Band("Ünø"), width=width)).tracks] == ["Ünø"]


def test_zoom_and_selection_are_no_decision() -> None:
    assert told(make_project(Band(), zoom=86.0), make_project(Band(), zoom=2.5)) == []


def test_an_open_project_with_a_write_ahead_log_is_read() -> None:
    data = make_project(Band())
    assert told(data, data[:18] + b"\x02\x02" + data[20:]) == []


CHANGES = {
    "gain": (Band(gain=0.5), ["Guitar: volume 0.0 -> -6.02 dB"]),
    "pan": (Band(pan=-0.3), ["Guitar: pan centre -> 30L"]),
    "mute": (Band(mute=True), ["Guitar: muted"]),
    "moved": (
        Band(clips=(Wave(offset=2.0),)),
        ["Guitar: clip 'take 1' moved from 0:00.00 (bar 1) to 0:02.00 (bar 2)"],
    ),
    "named": (Band("Lute"), ["Guitar: track renamed to 'Lute'"]),
    "trimmed": (
        Band(clips=(Wave(trim_left=1.0),)),
        ["Guitar: start of clip 'take 1' trimmed from 0:00.00 (bar 1) to 0:01.00 (bar 1 beat 3)"],
    ),
    "effect": (Band(effects=((REVERB, {"RoomSize": "75"}),)), ["Guitar: Reverb added"]),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_one_decision(what: str) -> None:
    band, want = CHANGES[what]
    assert told(make_project(Band()), make_project(band)) == want


def test_other_samples_are_other_audio() -> None:
    (decision,) = diff(
        read(make_project(Band())), read(make_project(Band(clips=(Wave(blocks=(7,)),))))
    )
    assert (decision.kind, decision.stage) == ("clip.audio", "editing")
    assert decision.text == "Guitar: audio of clip 'take 1' changed"


def test_an_envelope_is_read_as_volume_of_its_clip() -> None:
    shaped = Band(clips=(Wave(envelope=((0.0, 1.0), (1.5, 0.25))),))
    session = read(make_project(shaped))
    (lane,) = session.tracks[0].clips[0].points
    assert [(float(p.at), p.value) for p in lane.points] == [(0.0, "1"), (1.5, "0.25")]


def test_a_plug_in_has_its_vendor_and_its_long_settings_stay_opaque() -> None:
    chain = ((PLUGIN, {"Mix": "0.5", "ProcessorState": "A" * 5000}),)
    (device,) = read(make_project(Band(effects=chain))).tracks[0].devices
    assert (device.name, device.vendor) == ("Clean Voice", "Some Maker")
    assert device.ids[0].kind is PluginKind.VST3
    assert [p.name for p in device.parameters] == ["Mix"]
    assert device.state is not None and device.state.size > 5000


def test_a_project_that_was_never_saved_is_read_from_its_autosave() -> None:
    writer = Writer()
    writer.start("project", audacityversion="3.1.0")
    writer.end("project")
    session = read(pack(writer.dictionary(), bytes(writer.doc), table="autosave"))
    assert session.version == "3.1.0"


REAL = Path(__file__).parent / "fixtures" / "aup3" / "saved_by_audacity_3_2_4"


def saved(number: int) -> bytes:
    """Give a save of Audacity 3.2.4: the two blobs that it wrote, without the audio."""
    return pack(*((REAL / f"{number}.{part}").read_bytes() for part in ("dict", "doc")))


@pytest.mark.parametrize(
    ("number", "want"),
    [
        (
            1,
            [
                "tone: track renamed to 'Lead Guitar'",
                "Lead Guitar: volume 0.0 -> -6.0 dB",
                "Lead Guitar: pan centre -> 30L",
            ],
        ),
        (
            2,
            [
                "Session: region 'chorus' added at 0:02.00 (bar 2)",
                "Audio 1: track added",
                "Audio 1: clip 'Audio 1' added at 0:01.00 (bar 1 beat 3)",
            ],
        ),
        (3, ["Lead Guitar: audio of clip 'tone' changed"]),
    ],
)
def test_saves_of_audacity_itself_tell_what_was_done(number: int, want: list[str]) -> None:
    assert told(saved(number), saved(number + 1)) == want
    assert read(saved(number)).unread == ()


def blobs(*fields: bytes) -> bytes:
    return pack(b"\x00\x04", b"".join(fields))


def named(doc: bytes) -> bytes:
    text = "project".encode("utf-32-le")
    return pack(b"\x00\x04" + struct.pack("<BHH", 15, 0, len(text)) + text, doc)


def evil(*statements: str) -> bytes:
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.execute(f"PRAGMA application_id={APPLICATION_ID}")
        for statement in statements:
            database.execute(statement)
        database.commit()
        return database.serialize()


START, END = struct.pack("<BH", 1, 0), struct.pack("<BH", 2, 0)
REFUSED = {
    "another SQLite file": evil("CREATE TABLE x (y)").replace(b"AUDY", b"\0\0\0\0"),
    "no table": evil("CREATE TABLE x (y)"),
    "no row": evil("CREATE TABLE project (id, dict, doc)"),
    "text for a blob": pack("names", "doc"),
    "a number for a blob": pack(1, 2),
    "a view that never ends": evil(
        "CREATE VIEW project AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) "
        "SELECT x'' AS dict, x'' AS doc, n FROM c WHERE n < 0"
    ),
    "columns that are worked out": evil(
        "CREATE TABLE project (id, dict AS (zeroblob(id)), doc AS (zeroblob(id)))",
        "INSERT INTO project (id) VALUES (1000000000)",
    ),
    "no element": blobs(),
    "an unknown field": blobs(b"\x63"),
    "a name that is not given": blobs(START),
    "an end without a start": named(END),
    "a start without an end": named(START),
    "a string of a gigabyte": named(START + struct.pack("<BHi", 3, 0, 1 << 30)),
    "a string below nothing": named(START + struct.pack("<BHi", 3, 0, -4)),
    "a string that is no text": named(START + struct.pack("<BHi", 3, 0, 4) + b"\xff" * 4 + END),
    "a number that is none": named(START + struct.pack("<BHdi", 10, 0, float("nan"), 3) + END),
    "characters of three bytes": pack(b"\x00\x03", b""),
    "nested too deep": named(START * (MAX_DEPTH + 2) + END * (MAX_DEPTH + 2)),
    "pushed too deep": named(b"\x0d" * (MAX_DEPTH + 2)),
    "popped what is not there": named(b"\x0e"),
    "another root": pack(b"\x00\x01" + struct.pack("<BHH", 15, 0, 1) + b"x", START + END),
    "a rate of nothing": make_project(Band()).replace(
        struct.pack("<q", 1000), struct.pack("<q", 0)
    ),
    "a tempo of zero": make_project(Band(), tempo=0.25),
    "cut": make_project(Band())[:9000],
    "a header alone": make_project(Band())[:100],
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_quickly_in_one_sentence(what: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(BadInput) as refused:
        read(REFUSED[what])
    assert time.perf_counter() - begin < 5
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 300


def test_triggers_and_functions_of_a_stranger_are_never_run() -> None:
    made = make_project(Band())
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(made)
        database.execute("CREATE TABLE seen (x)")
        database.execute(
            "CREATE TRIGGER t AFTER UPDATE ON project BEGIN INSERT INTO seen VALUES (1); END"
        )
        database.execute("CREATE INDEX i ON project (length(dict))")
        database.commit()
        data = database.serialize()
    assert told(made, data) == []


def test_damaged_projects_are_read_or_refused() -> None:
    data = make_project(Band(), LEFT, RIGHT, labels=((1.0, 2.0, "a"),))
    dice = random.Random(21)
    for _ in range(300):
        damaged = bytearray(data)
        for _ in range(dice.choice((1, 2, 8, 64))):
            damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        try:
            session = read(bytes(damaged))
        except BadInput as error:
            assert str(error).isprintable()
        else:
            assert diff(session, session) == []


def test_damaged_documents_are_read_or_refused() -> None:
    writer = Writer(width=1)
    writer.start("project", audacityversion="3.4.2", rate=44100.0)
    for _ in range(3):
        writer.start("wavetrack", name="a", rate=1000, gain=1.0, linked=0)
        writer.start("waveclip", offset=1.5, name="b")
        writer.end("waveclip")
        writer.end("wavetrack")
    writer.end("project")
    names, doc = writer.dictionary(), bytes(writer.doc)
    dice = random.Random(22)
    for _ in range(600):
        damaged = bytearray(doc)
        for _ in range(dice.choice((1, 2, 5))):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        try:
            read(pack(names, bytes(damaged[: dice.choice((len(doc), dice.randrange(len(doc))))])))
        except BadInput as error:
            assert str(error).isprintable()
