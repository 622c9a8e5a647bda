"""Closed formats: recorded by digest and size, with what lies open, and the advice."""

from __future__ import annotations

import io
import os
import plistlib
import random
import struct
import time
import zipfile
from pathlib import Path

import pytest

from stemproof.acts.showing import show_session
from stemproof.capture.diff import diff
from stemproof.capture.rules import classify
from stemproof.capture.sessions.model import PluginKind
from stemproof.capture.sessions.opaque_table import CLOSED, LOGIC_MAGIC, PRO_TOOLS_MARK
from stemproof.capture.sessions.registry import find_format, is_session_name, read_session
from stemproof.errors import BadInput

GUID = "44E1149EDB3E4387BDD827FEA3A39EE7"


def token(text: str) -> bytes:
    data = text.encode() + b"\0"
    return bytes((len(data),)) + data


def cubase(*plugins: str, version: str = "13.0.40") -> bytes:
    out = b"RIFF\0\0\0\x10NUNDROOT" + b"PAppVersion\0" + bytes(9) + token("Cubase")
    out += bytes(3) + token(f"Version {version}") + bytes(50)
    for name in plugins:
        out += b"Plugin UID\0" + bytes(22) + token(GUID) + bytes(3) + token("Plugin Name")
        out += bytes(5) + token(name)
    return out + bytes(200)


def studio_one(tempo: str = "128", **extra: str) -> bytes:
    values = {"Document:Generator": "Studio One/6.5.2", "Media:Tempo": tempo, **extra}
    rows = "".join(f'<Attribute id="{key}" value="{value}"/>' for key, value in values.items())
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("metainfo.xml", f"<MetaInformation>{rows}</MetaInformation>")
        archive.writestr("Song/song.xml", "<Song x:id='a'/>")
    return out.getvalue()


def bitwig(version: str = "5.1.9") -> bytes:
    name = b"application_version_name\x08" + len(version).to_bytes(4, "big") + version.encode()
    return b"BtWg0003000200000049" + bytes(24) + b"\0\0\0\x16" + name + bytes(99)


SAMPLES = {
    "song.cpr": cubase("Clean Voice"),
    "song.npr": cubase(),
    "song.song": studio_one(),
    "song.bwproject": bitwig(),
    "song.ptx": b"\x03" + PRO_TOOLS_MARK + b"\x00\x05\x11" + bytes(100),
    "song.ptf": b"\x03" + PRO_TOOLS_MARK + b"\x00\x01\x11" + bytes(100),
    "Song.logicx/Alternatives/000/ProjectData": LOGIC_MAGIC + bytes(100),
    "Song.band/Alternatives/000/ProjectData": LOGIC_MAGIC + bytes(100),
    "song.reason": b"FORM" + bytes(100),
    "song.cwp": b"RIFF" + bytes(100),
    "song.vip": b"RIFF" + bytes(100),
    "song.xrns": b"PK\x03\x04" + bytes(100),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_closed_session_is_its_digest_and_size(name: str) -> None:
    data = SAMPLES[name]
    session = read_session(name, data)
    assert session.opaque is not None
    assert (session.opaque.digest, session.opaque.size) == (session.digest, len(data))
    assert session.unread
    assert is_session_name(name)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_closed_session_comes_with_advice(name: str) -> None:
    assert len(find_format(name, SAMPLES[name]).advice) > 20


def test_every_closed_format_has_a_sample() -> None:
    seen = {find_format(name, data).name for name, data in SAMPLES.items()}
    assert seen == {one.name for one in CLOSED} - {"logic-metadata"}


@pytest.mark.parametrize(
    ("name", "application", "version"),
    [
        ("song.cpr", "Cubase", "13.0.40"),
        ("song.song", "Studio One", "6.5.2"),
        ("song.bwproject", "Bitwig Studio", "5.1.9"),
        ("song.ptx", "Pro Tools", "10 or later"),
        ("song.ptf", "Pro Tools", "5 to 9"),
    ],
)
def test_the_version_that_lies_open_is_read(name: str, application: str, version: str) -> None:
    session = read_session(name, SAMPLES[name])
    assert (session.application, session.version) == (application, version)


@pytest.mark.parametrize("name", ["song.reason", "song.ptx", "song.bwproject"])
def test_a_save_that_differs_is_told_and_belongs_to_no_stage(name: str) -> None:
    data = SAMPLES[name]
    one, two = read_session(name, data), read_session(name, data + b"\0")
    (decision,) = diff(one, two)
    assert decision.kind == "session.changed"
    assert decision.text == (
        "Session: changed, but its format does not tell what "
        f"({len(data)} -> {len(data) + 1} bytes)"
    )
    watched = classify(
        decision, observed_live=True, received=False, ai_linked=False, tool_grade="none"
    )
    assert watched == ("none", "unknown")
    assert diff(one, one) == []


def test_plug_ins_of_cubase_are_named_and_come_and_go() -> None:
    before, after = (read_session("a.cpr", cubase(*names)) for names in ((), ("Clean Voice",)))
    (device,) = after.tracks[0].devices
    assert (device.name, device.ids[0].kind, device.ids[0].value) == (
        "Clean Voice",
        PluginKind.VST3,
        GUID,
    )
    assert "Plug-ins: Clean Voice added" in [d.text for d in diff(before, after)]


def test_tempo_and_title_of_studio_one_are_read() -> None:
    session = read_session(
        "a.song",
        studio_one(
            "92.5",
            **{"Document:Title": "Night", "Media:TimeSignatureNumerator": "3"},
        ),
    )
    assert [(p.bpm, p.numerator, p.denominator) for p in session.tempo] == [("92.5", 3, 4)]
    assert [(p.name, p.value) for p in session.parameters] == [("title", "Night")]


METADATA = {
    "BeatsPerMinute": 92.5,
    "SongKey": "D",
    "SongGenderKey": "minor",
    "SongSignatureNumerator": 3,
    "SongSignatureDenominator": 4,
    "NumberOfTracks": 12,
    "AudioFiles": ["a.wav", "b.wav"],
    "SampleRate": 48000,
}


@pytest.mark.parametrize("style", [plistlib.FMT_BINARY, plistlib.FMT_XML])
def test_the_open_part_of_logic_is_read(style: plistlib.PlistFormat) -> None:
    session = read_session(
        "S.logicx/Alternatives/000/MetaData.plist", plistlib.dumps(METADATA, fmt=style)
    )
    assert [(p.bpm, p.numerator) for p in session.tempo] == [("92.5", 3)]
    assert {p.name: p.value for p in session.parameters} == {
        "key": "D minor",
        "sample rate": "48000",
        "number of tracks": "12",
        "audio files": "2",
    }


def test_a_change_of_key_in_logic_is_composition() -> None:
    name = "S.logicx/Alternatives/000/MetaData.plist"
    one = read_session(name, plistlib.dumps(METADATA))
    two = read_session(name, plistlib.dumps({**METADATA, "SongKey": "E"}))
    (decision,) = diff(one, two)
    assert (decision.stage, decision.text) == (
        "composition",
        "Session: key 'D minor' -> 'E minor'",
    )


def test_a_package_folder_is_one_session(tmp_path: Path) -> None:
    folder = tmp_path / "Night.logicx"
    for number, size in (("000", 10), ("001", 20)):
        place = folder / "Alternatives" / number
        place.mkdir(parents=True)
        (place / "ProjectData").write_bytes(LOGIC_MAGIC + bytes(size))
        (place / "MetaData.plist").write_bytes(plistlib.dumps(METADATA))
    (folder / "Resources").mkdir()
    (folder / "Resources" / "ProjectInformation.plist").write_bytes(
        plistlib.dumps({"LastSavedFrom": "Logic Pro 11.0.1 (6047)"})
    )
    newest = folder / "Alternatives/000/ProjectData"
    os.utime(folder / "Alternatives/001/ProjectData", (1, 1))
    shown = show_session(folder)
    assert shown.session.version == "11.0.1 (6047)"
    assert shown.session.size == newest.stat().st_size
    assert shown.session.tempo
    assert shown.advice


def test_another_folder_is_no_session(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="folder and no session"):
        show_session(tmp_path)


def nested(depth: int) -> bytes:
    return b"<plist>" + b"<array>" * depth + b"</array>" * depth + b"</plist>"


def sharing(size: int, lists: int, table: int) -> bytes:
    """Make a list of lists that all have one big array of references as their own."""
    shared = b"\xaf\x12" + size.to_bytes(4, "big") + bytes(range(2, lists + 2)) * (size // lists)
    outer = b"\xd1\x01\x02"
    offsets = [8, 8 + len(outer), *[8 + len(outer) + 2] * lists]
    body = b"bplist00" + outer + b"\x51k" + shared
    width = 1 << table
    ends = b"".join(at.to_bytes(width, "big") for at in offsets)
    return body + ends + struct.pack(">6xBBQQQ", width, 1, len(offsets), 0, len(body))


def big_integers(count: int) -> bytes:
    """Make a list whose integers of 32 kilobytes are all the same bytes."""
    outer = b"\xaf\x10" + bytes((count,)) + bytes(range(1, count + 1))
    integer = b"\x1f" + b"\x7f" * 32_768
    body = b"bplist00" + outer + integer
    offsets = [8, *[8 + len(outer)] * count]
    ends = b"".join(at.to_bytes(2, "big") for at in offsets)
    return body + ends + struct.pack(">6xBBQQQ", 2, 1, len(offsets), 0, len(body))


@pytest.mark.parametrize("data", [sharing(8_000, 100, 2), big_integers(200)])
def test_a_list_whose_objects_share_their_bytes_is_refused_unread(data: bytes) -> None:
    plistlib.loads(data)
    with pytest.raises(BadInput, match="together larger than its file"):
        read_session("MetaData.plist", data)


REFUSED = {
    "empty": ("a.reason", b""),
    "a text called .ptx": ("a.ptx", b"hello"),
    "Pro Tools cut short": ("a.ptx", b"\x03" + PRO_TOOLS_MARK),
    "another RIFF file": ("a.cpr", b"RIFF\0\0\0\0WAVEfmt "),
    "another zip called .song": ("a.song", b"PK\x03\x04" + bytes(30)),
    "no project data": ("ProjectData", b"hello"),
    "another property list": ("MetaData.plist", plistlib.dumps({"CFBundleName": "x"})),
    "a list": ("MetaData.plist", plistlib.dumps([1, 2])),
    "a broken binary list": ("MetaData.plist", b"bplist00" + bytes(60)),
    "a deep list": ("MetaData.plist", nested(200_000)),
    "an entity": (
        "MetaData.plist",
        b'<?xml version="1.0"?><!DOCTYPE p [<!ENTITY a "b">]><plist><dict/></plist>',
    ),
    "an integer without end": (
        "MetaData.plist",
        b"<plist><dict><key>NumberOfTracks</key><integer>"
        + b"9" * 5000
        + b"</integer></dict></plist>",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_in_one_sentence(what: str) -> None:
    name, data = REFUSED[what]
    with pytest.raises(BadInput) as refused:
        read_session(name, data)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("name", [*SAMPLES, "MetaData.plist"])
def test_damaged_sessions_are_read_or_refused(name: str) -> None:
    data = SAMPLES.get(name) or plistlib.dumps(METADATA, fmt=plistlib.FMT_BINARY)
    dice = random.Random(17)
    for _ in range(200):
        damaged = bytearray(data)
        for _ in range(dice.choice((1, 2, 8))):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        try:
            session = read_session(name, bytes(damaged))
        except BadInput as error:
            assert str(error).isprintable()
        else:
            assert diff(session, session) == []


def test_a_search_in_many_megabytes_takes_no_time_to_speak_of() -> None:
    data = cubase() + b"Plugin UID\0" * 500_000
    begin = time.perf_counter()
    read_session("a.cpr", data)
    assert time.perf_counter() - begin < 3
