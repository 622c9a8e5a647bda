"""Every kind of tag is read, in each of its forms, and nothing is read that is not there."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.audio.making_marks import (
    MPEG,
    SUNO,
    aiff,
    ape,
    atom,
    bext,
    chunk,
    comment,
    comments,
    flac,
    frame,
    id3,
    info,
    itunes,
    named,
    ogg,
    own_item,
    size7,
    text_data,
    wave,
)

from stemproof.audio.marks import inspect_audio
from stemproof.audio.marks.containers import read_window
from stemproof.audio.marks.model import Tags
from stemproof.audio.marks.window import BytesWindow

Convert = Callable[..., Path]
IXML = f"<BWFXML><PROJECT>Low Tide</PROJECT><NOTE>{SUNO}</NOTE></BWFXML>".encode()
PACKED = zlib.compress(comment(SUNO))


def read(data: bytes) -> Tags:
    return read_window(BytesWindow(data), "made.bin")


def escaped(data: bytes) -> bytes:
    """Write bytes unsynchronised: no 0xFF is followed by what could be a frame of sound."""
    return data.replace(b"\xff", b"\xff\x00")


BY_HAND = {
    "id3v2.4 latin-1": id3(frame("COMM", comment(SUNO, 0))) + MPEG,
    "id3v2.4 utf-16": id3(frame("COMM", comment(SUNO, 1))) + MPEG,
    "id3v2.4 utf-16-be": id3(frame("COMM", comment(SUNO, 2))) + MPEG,
    "id3v2.4 utf-8": id3(frame("COMM", comment(SUNO, 3))) + MPEG,
    "id3v2.3": id3(frame("COMM", comment(SUNO, 1), version=3), version=3) + MPEG,
    "id3v2.2": id3(frame("COM", comment(SUNO, 0), version=2), version=2) + MPEG,
    "id3v2.3 unsynchronised": id3(
        escaped(frame("COMM", comment(SUNO, 1), version=3)), version=3, flags=0x80
    )
    + MPEG,
    "id3v2.4 frame unsynchronised": id3(
        frame("COMM", escaped(comment(SUNO, 1)), flags=b"\0\x02"), flags=0x80
    )
    + MPEG,
    "id3v2.3 extended header": id3(
        struct.pack(">IHI", 6, 0, 0) + frame("COMM", comment(SUNO, 0), version=3),
        version=3,
        flags=0x40,
    )
    + MPEG,
    "id3v2.4 extended header": id3(
        size7(6) + b"\x01\x00" + frame("COMM", comment(SUNO)), flags=0x40
    )
    + MPEG,
    "id3v2.4 compressed": id3(frame("COMM", size7(len(comment(SUNO))) + PACKED, flags=b"\0\x09"))
    + MPEG,
    "id3v2.4 plain sizes": id3(frame("TIT2", b"\0" * 200, version=3), frame("COMM", comment(SUNO)))
    + MPEG,
    "id3 padded": id3(frame("COMM", comment(SUNO)), bytes(500)) + MPEG,
    "id3 TXXX": id3(frame("TXXX", named("comment", SUNO))) + MPEG,
    "id3 USLT": id3(frame("USLT", comment(SUNO))) + MPEG,
    "id3v1 is too short for the id, APE has it": MPEG + ape(Comment=SUNO),
    "APE before ID3v1": MPEG + ape(Comment=SUNO) + b"TAG" + bytes(125),
    "WavPack": b"wvpk" + bytes(60) + ape(comment=SUNO),
    "RIFF INFO": wave(info(ISFT="Lavf", ICMT=SUNO)),
    "RF64 INFO": wave(info(ICMT=SUNO), head=b"RF64"),
    "ID3 in WAV": wave(chunk(b"id3 ", id3(frame("COMM", comment(SUNO))))),
    "ID3 in AIFF": aiff(chunk(b"ID3 ", id3(frame("COMM", comment(SUNO))), ">")),
    "AIFF annotation": aiff(chunk(b"ANNO", SUNO.encode(), ">")),
    "bext history": wave(bext("REAPER", history=SUNO)),
    "iXML": wave(chunk(b"iXML", IXML)),
    "M4A comment": itunes(atom("©cmt".encode("latin-1"), text_data(SUNO))),
    "M4A free form": itunes(own_item("comment", SUNO)),
    "FLAC": flac((0, bytes(34)), (4, comments([f"COMMENT={SUNO}"]))),
    "FLAC after ID3": id3(frame("TIT2", b"\3x")) + flac((4, comments([f"COMMENT={SUNO}"]))),
    "Ogg Vorbis": ogg(b"\x01vorbis" + bytes(23), b"\x03vorbis" + comments([f"comment={SUNO}"])),
    "Opus": ogg(b"OpusHead" + bytes(11), b"OpusTags" + comments([f"COMMENT={SUNO}"])),
    "Ogg FLAC": ogg(b"\x7fFLAC" + bytes(40), b"\x84\0\0\0" + comments([f"COMMENT={SUNO}"])),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_comment_is_read_wherever_it_stands(name: str, tmp_path: Path) -> None:
    path = tmp_path / "made.bin"
    path.write_bytes(BY_HAND[name])
    report = inspect_audio(path)
    assert report.problems == ()
    assert [one.generator for one in report.generators] == ["Suno"]
    assert "116d34f4-b3d5-48b8-9334-011b1dd1df00" in report.findings[0].says
    assert report.findings[0].signed is False


FORMATS = {
    "mp3": ("-b:a", "64k"),
    "flac": (),
    "ogg": ("-c:a", "libvorbis"),
    "opus": ("-c:a", "libopus"),
    "m4a": ("-c:a", "aac"),
    "wav": (),
    "aiff": ("-write_id3v2", "1"),
    "wv": (),
}


@pytest.mark.parametrize("ext", FORMATS)
def test_what_ffmpeg_writes_is_read(ext: str, song: Path, convert: Convert) -> None:
    path = convert(
        f"tagged.{ext}",
        *("-i", str(song / "mix.wav"), "-t", "1", "-metadata", f"comment={SUNO}", *FORMATS[ext]),
    )
    assert [one.generator for one in inspect_audio(path).generators] == ["Suno"]


@pytest.mark.parametrize("ext", FORMATS)
def test_what_nobody_marked_has_no_mark(ext: str, song: Path, convert: Convert) -> None:
    path = convert(
        f"bare.{ext}", "-i", str(song / "mix.wav"), "-t", "1", "-metadata", "title=x", *FORMATS[ext]
    )
    report = inspect_audio(path)
    assert report.findings == ()
    assert report.problems == ()


def test_own_keys_of_ffmpeg_are_read(song: Path, convert: Convert) -> None:
    label = '{"Label":"1","ContentProducer":"Producer","ProduceID":"7"}'
    path = convert(
        "keys.m4a",
        *("-i", str(song / "mix.wav"), "-t", "1", "-metadata", f"AIGC={label}"),
        *("-movflags", "use_metadata_tags"),
    )
    assert [one.source for one in inspect_audio(path).findings] == ["aigc"]


def test_chunks_behind_the_sound_of_an_rf64_are_read() -> None:
    sizes = chunk(b"ds64", struct.pack("<QQQI", 0, 4000, 1000, 0))
    whole = wave(sizes, head=b"RF64").replace(
        b"data" + struct.pack("<I", 4000), b"data" + b"\xff" * 4
    )
    assert [tag.name for tag in read(whole + info(ICMT="behind")).tags] == ["ICMT"]


def test_a_wav_written_to_a_pipe_is_read_to_its_sound() -> None:
    whole = wave(info(ICMT="before")).replace(
        b"data" + struct.pack("<I", 4000), b"data" + b"\xff" * 4
    )
    assert [tag.text for tag in read(whole).tags] == ["before"]


def test_damage_in_one_tag_hides_no_other() -> None:
    tags = read(wave(chunk(b"bext", b"short"), chunk(b"id3 ", b"ID3\x09"), info(ICMT=SUNO)))
    assert [tag.text for tag in tags.tags] == [SUNO]
    assert len(tags.problems) == 2


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (
            id3(frame("GEOB", b"\0application/c2pa\0f\0d\0" + b"\0\0\0\x10jumb")),
            "an ID3 GEOB frame",
        ),
        (
            id3(frame("GEOB", b"\0application/x-c2pa-manifest-store\0\0\0" + bytes(9))),
            "an ID3 GEOB frame",
        ),
        (wave(chunk(b"C2PA", b"\0\0\0\x10jumb" + bytes(8))), "a RIFF chunk"),
        (aiff(chunk(b"C2PA", b"\0\0\0\x10jumb" + bytes(8), ">")), "an AIFF chunk"),
        (
            itunes() + atom(b"uuid", bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + bytes(9)),
            "an MP4 box",
        ),
        (id3(frame("GEOB", b"\0image/png\0f\0d\0" + bytes(30))), ""),
        (wave(chunk(b"JUNK", b"C2PA")), ""),
    ],
)
def test_content_credentials_are_noticed_in_their_places_only(data: bytes, place: str) -> None:
    assert read(data).credentials == place
