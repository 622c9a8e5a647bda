"""Tags that lie: cut, flipped, nested, enormous. Each is survived in little time and memory."""

from __future__ import annotations

import struct
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.audio.making_marks import (
    MPEG,
    SUNO,
    ape,
    atom,
    bext,
    c2pa_object,
    chunk,
    comment,
    comments,
    flac,
    frame,
    id3,
    info,
    itunes,
    ogg,
    size7,
    text_data,
    wave,
)

from stemproof.audio.marks import inspect_audio
from stemproof.audio.marks.containers import read_window
from stemproof.audio.marks.model import Tags
from stemproof.audio.marks.recognise import find_marks
from stemproof.audio.marks.window import BytesWindow
from stemproof.errors import BadInput

WHOLE = {
    "mp3": id3(frame("COMM", comment(SUNO, 1)), frame("GEOB", c2pa_object())) + MPEG + ape(a=SUNO),
    "wav": wave(
        info(ICMT=SUNO), bext("REAPER"), chunk(b"iXML", b"<BWFXML><NOTE>n</NOTE></BWFXML>")
    ),
    "m4a": itunes(atom("©cmt".encode("latin-1"), text_data(SUNO)), atom(b"----", bytes(30))),
    "flac": flac((0, bytes(34)), (4, comments([f"COMMENT={SUNO}", "a=b"]))),
    "ogg": ogg(b"\x01vorbis" + bytes(23), b"\x03vorbis" + comments([f"comment={SUNO}"])),
}


def read(data: bytes) -> Tags:
    return read_window(BytesWindow(data), "made.bin")


@contextmanager
def bounded(*, seconds: float = 5, megabytes: int = 64) -> Iterator[None]:
    tracemalloc.start()
    start = time.monotonic()
    try:
        yield
        assert time.monotonic() - start < seconds
        assert tracemalloc.get_traced_memory()[1] < megabytes << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", WHOLE)
def test_a_file_cut_anywhere_is_read_as_far_as_it_goes(kind: str) -> None:
    whole = WHOLE[kind]
    for length in range(len(whole)):
        try:
            tags = read(whole[:length])
        except BadInput as error:
            assert "not audio" in str(error)
            continue
        for problem in tags.problems:
            assert "\n" not in problem
            assert not problem.endswith(".")
        find_marks(tags)


@pytest.mark.parametrize("kind", WHOLE)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_flipped_bits_are_survived(kind: str, data: st.DataObject) -> None:
    changed = bytearray(WHOLE[kind])
    for place in data.draw(st.lists(st.integers(0, len(changed) * 8 - 1), min_size=1, max_size=6)):
        changed[place // 8] ^= 1 << place % 8
    try:
        find_marks(read(bytes(changed)))
    except BadInput as error:
        assert "\n" not in str(error)


@settings(max_examples=150, deadline=None)
@given(
    start=st.sampled_from([data[:40] for data in WHOLE.values()] + [b"ID3\x03\x00\xc0"]),
    rest=st.binary(max_size=400),
)
def test_noise_behind_a_true_beginning_is_survived(start: bytes, rest: bytes) -> None:
    try:
        find_marks(read(start + rest))
    except BadInput as error:
        assert "\n" not in str(error)


def test_an_object_of_a_hundred_megabytes_is_passed_over_by_its_length(tmp_path: Path) -> None:
    size = 100 << 20
    path = tmp_path / "huge.mp3"
    head = c2pa_object().replace(b"application/c2pa", b"application/data").replace(b"jumb", b"data")
    content = 10 + size + len(frame("COMM", comment(SUNO)))
    with path.open("wb") as file:
        file.write(b"ID3\x04\0\0" + size7(content) + b"GEOB" + size7(size) + b"\0\0" + head)
        # Real bytes: a file with holes is refused for another reason.
        for _ in range(size - len(head) >> 20):
            file.write(b"\x55" * (1 << 20))
        file.write(b"\x55" * ((size - len(head)) % (1 << 20)))
        file.write(frame("COMM", comment(SUNO)) + MPEG)
    with bounded(megabytes=16):
        assert [one.generator for one in inspect_audio(path).findings] == ["Suno"]


@pytest.mark.parametrize("version", [2, 3, 4])
def test_an_object_that_claims_more_than_there_is_is_told(version: int) -> None:
    name = "GEO" if version == 2 else "GEOB"
    lie = name.encode() + b"\x0f\xff\xff" + (b"\xff\0\0" if version != 2 else b"")
    tags = read(id3(lie, bytes(100), version=version) + MPEG)
    assert len(tags.problems) == 1
    assert "cut short" in tags.problems[0]


def test_a_bomb_in_a_frame_is_inflated_within_its_bound() -> None:
    bomb = zlib.compress(b"\0" * (96 << 20), 9)
    with bounded():
        read(id3(frame("COMM", size7(100) + bomb, flags=b"\0\x09")) + MPEG)


def test_atoms_in_atoms_cost_nothing() -> None:
    data = b""
    for _ in range(20_000):
        data = atom(b"moov", data) if len(data) < 1 << 20 else data
    with bounded():
        read(atom(b"ftyp", bytes(8)) + data)


def test_atoms_without_end_are_counted() -> None:
    with bounded():
        tags = read(itunes(*[atom(b"abcd", b"")] * 50_000))
    assert "more than 20000 atoms" in tags.problems[0]


def test_chunks_and_tags_without_end_are_counted() -> None:
    with bounded():
        assert "chunks" in read(wave(chunk(b"junk", b"") * 20_000)).problems[0]
        many = comments(["a=b"] * 100_000)
        assert "more than 4000 tags" in read(flac((4, many))).problems[0]


def test_a_count_of_comments_that_is_a_lie_is_told() -> None:
    lie = struct.pack("<I", 0) + b"\xff\xff\xff\xff"
    with bounded():
        assert read(flac((4, lie))).problems == ["its comments are cut short"]


@pytest.mark.parametrize(
    "inner",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]>',
        b'<!DOCTYPE BWFXML SYSTEM "file:///etc/hostname">',
        b"<BWFXML>" + b"<a>" * 500,
        b"<BWFXML>" + b"<a/>" * 5000,
        b"<OTHER/>",
        b"\xff\xfe<",
        b"<BWFXML>&a;",
    ],
)
def test_hostile_xml_is_told_and_not_followed(inner: bytes) -> None:
    tags = read(wave(chunk(b"iXML", inner + b"<BWFXML/>"), info(ICMT=SUNO)))
    assert len(tags.problems) == 1
    assert len(tags.tags) == 1


def test_json_of_a_hundred_thousand_brackets_is_not_parsed() -> None:
    deep = "[" * 100_000
    with bounded():
        found = find_marks(read(flac((4, comments([f"prompt={deep}", f"AIGC={deep}"])))))
    assert found == []


def test_patterns_do_not_backtrack_far() -> None:
    text = "made with suno; created=" + "2" * 60_000 + " made with suno;" * 3000
    with bounded(seconds=3):
        find_marks(read(flac((4, comments([f"comment={text}"] * 20)))))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.mp3", b""),
        ("notes.txt", b"just words\n" * 50),
        ("song.zip", b"PK\x03\x04" + bytes(100)),
        ("page.wav", b"<html>"),
        ("cut.wav", b"RIFF\0\0"),
        ("video.avi", b"RIFF\0\0\0\0AVI LIST"),
    ],
)
def test_what_is_no_audio_is_said_in_one_sentence(
    name: str, content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        inspect_audio(path)
    assert str(caught.value) == f"{name!r} is not audio that this version knows"


def test_a_folder_and_a_missing_file_are_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"cannot be read|not a regular file"):
        inspect_audio(tmp_path)
    with pytest.raises(BadInput, match="cannot be read"):
        inspect_audio(tmp_path / "nowhere.wav")
