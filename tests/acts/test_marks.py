"""Marks in a work: first sights, copies, likenesses, the downloads folder, and what is said."""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import struct
import subprocess
import time
import wave
from datetime import timedelta
from pathlib import Path

import pytest
from tests.acts.room import Event, Room
from tests.audio.making_marks import SUNO, bext

from stemproof.acts.asking import Occasion, answer, occasions_after, wordless
from stemproof.acts.begin import Work, add_work
from stemproof.acts.erase import erase, plan_events, plan_prompts
from stemproof.acts.generated import MAX_PROMPT, Said, add_file, say_generated
from stemproof.acts.home import now, opened
from stemproof.acts.inbox import Inbox, list_arrivals, read_inbox, set_inbox, waiting
from stemproof.acts.observe import Look, observe
from stemproof.acts.reading import Wanted, newest_lines, tell
from stemproof.audio.ffmpeg import find_ffmpeg
from stemproof.errors import BadInput, Usage


@pytest.fixture(scope="module")
def melody(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds of notes that a fingerprint can tell from others."""
    return write_melody(tmp_path_factory.mktemp("melody") / "plain.wav", seed=5)


def write_melody(path: Path, *, seed: int) -> Path:
    chance, rate = random.Random(seed), 11_025
    samples: list[int] = []
    for _ in range(48):
        tone = 220 * 2 ** (chance.randrange(24) / 12)
        length = rate // 4
        samples += [
            int(9000 * math.sin(2 * math.pi * tone * n / rate) * (1 - n / length))
            for n in range(length)
        ]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return path


def convert(source: Path, target: Path, *options: str) -> Path:
    command = [str(find_ffmpeg().path), "-nostdin", "-v", "error", "-i", str(source), *options]
    subprocess.run([*command, str(target)], check=True, timeout=60)
    return target


@pytest.fixture(scope="module")
def generated(melody: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as Suno delivers it."""
    target = tmp_path_factory.mktemp("generated") / "gen.mp3"
    return convert(melody, target, "-metadata", f"comment={SUNO}")


def marks(room: Room) -> list[Event]:
    return [event for event in room.events() if event.action == "ai.mark"]


def test_a_mark_is_recorded_beside_its_file(room: Room, generated: Path) -> None:
    shutil.copy(generated, room.folder / "gen.mp3")
    observed = room.look()
    assert room.actions()[-2:] == ["audio.appeared", "ai.mark"]
    (mark,) = marks(room)
    assert mark.body["sha256"] == room.last("audio.appeared").body["sha256"]
    assert (mark.body["source"], mark.body["generator"]) == ("id3", "Suno")
    assert (mark.body["signed"], mark.body["valid"], mark.body["first"]) == (False, None, None)
    assert (mark.header.class_, mark.header.stage) == ("ai_generated", "none")
    assert mark.header.observed == "tool"
    assert any("Suno wrote here" in line for line in observed.lines)
    assert "Suno wrote here" in tell("ai.mark", mark.body)


def test_a_copy_names_where_its_content_was_seen_first(room: Room, generated: Path) -> None:
    shutil.copy(generated, room.folder / "gen.mp3")
    room.look()
    shutil.copy(generated, room.folder / "copy.mp3")
    room.look()
    _, copy = marks(room)
    assert copy.body["first"]["path"] == "gen.mp3"
    assert copy.body["first"]["how"] == "digest"
    assert "first seen" in copy.body["says"]


def test_a_bounce_without_the_mark_is_told_as_likeness(
    room: Room, generated: Path, melody: Path
) -> None:
    shutil.copy(generated, room.folder / "gen.mp3")
    room.look()
    convert(generated, room.folder / "bounce.wav", "-map_metadata", "-1", "-af", "volume=0.7")
    write_melody(room.folder / "other.wav", seed=6)
    room.look()
    like = marks(room)[1:]
    assert [event.body["path"] for event in like] == ["bounce.wav"]
    assert like[0].body["first"]["how"] == "fingerprint"
    assert like[0].body["says"].endswith("likeness, not proof")
    assert like[0].header.class_ == "unknown"
    assert (like[0].body["signed"], like[0].body["valid"]) == (None, None)


def test_music_that_nobody_marked_gives_no_mark(room: Room, melody: Path) -> None:
    shutil.copy(melody, room.folder / "plain.wav")
    room.look()
    assert marks(room) == []
    assert "programs" not in room.last("audio.appeared").body


def test_the_program_that_wrote_a_bounce_is_a_fact_of_the_file_and_no_mark(
    room: Room, melody: Path
) -> None:
    whole = melody.read_bytes() + bext("REAPER")
    (room.folder / "bounce.wav").write_bytes(
        b"RIFF" + struct.pack("<I", len(whole) - 8) + whole[8:]
    )
    room.look()
    assert marks(room) == []
    assert room.last("audio.appeared").body["programs"] == ["REAPER"]


def test_another_work_is_told_nothing_of_the_first_ones_files(
    room: Room, generated: Path, tmp_path: Path
) -> None:
    shutil.copy(generated, room.folder / "secret name.mp3")
    room.look()
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(generated, other / "gen.mp3")
    second = Room(room.home, other)
    add_work(room.home, other, None, now())
    second.look()
    (mark,) = marks(second)
    assert mark.body["first"]["how"] == "digest"
    assert (mark.body["first"]["work"], mark.body["first"]["leaf"]) == ("", "")
    assert "secret name" not in json.dumps(mark.body)


def test_a_prompt_in_a_mark_is_a_commitment_of_its_own(room: Room, melody: Path) -> None:
    graph = {"1": {"class_type": "TextEncode", "inputs": {"text": "a private idea"}}}
    convert(melody, room.folder / "comfy.flac", "-metadata", f"prompt={json.dumps(graph)}")
    room.look()
    (mark,) = marks(room)
    assert mark.fields["prompt"] == b"a private idea"
    assert "private idea" not in json.dumps(mark.body)
    with opened(room.home) as log:
        assert [target.fields for target in plan_prompts(log, room.work).targets] == [("prompt",)]


def look_at_inbox(room: Room, folder: Path, *, for_s: float = 8) -> list[str]:
    """Visit the downloads folder until something is told, as the watch does."""
    with opened(room.home) as log:
        inbox = Inbox(log, room.home.path)
        told: list[str] = []
        start = time.monotonic()
        while not told and time.monotonic() - start < for_s:
            told = [f"{name}: {says}" for _, name, says in inbox.visit(now(), time.monotonic())]
            time.sleep(0.1)
        inbox.close()
    return told


def use_inbox(room: Room, folder: Path) -> None:
    folder.mkdir()
    with opened(room.home) as log:
        set_inbox(log, folder, now() - timedelta(seconds=2))


def test_a_marked_download_is_recorded_and_nothing_else(
    room: Room, generated: Path, melody: Path, tmp_path: Path
) -> None:
    downloads = tmp_path / "Downloads"
    use_inbox(room, downloads)
    shutil.copy(melody, downloads / "holiday.wav")
    (downloads / "letter.pdf").write_bytes(b"%PDF")
    shutil.copy(generated, downloads / "neon.mp3")
    told = look_at_inbox(room, downloads)
    assert len(told) == 1
    assert told[0].startswith("neon.mp3: ")
    (mark,) = marks(room)
    assert mark.body["arrived"]
    assert mark.body["fingerprint"]["digest"]
    kept = b"".join(path.read_bytes() for path in room.home.path.rglob("*") if path.is_file())
    assert b"holiday" not in kept
    assert b"letter" not in kept
    convert(downloads / "neon.mp3", room.folder / "import.wav", "-map_metadata", "-1")
    room.look()
    assert marks(room)[1].body["first"]["path"] == "neon.mp3"


def test_the_next_watch_does_not_read_what_was_read(
    room: Room, generated: Path, tmp_path: Path
) -> None:
    downloads = tmp_path / "Downloads"
    use_inbox(room, downloads)
    shutil.copy(generated, downloads / "neon.mp3")
    with opened(room.home) as log:
        inbox, later = Inbox(log, room.home.path), now() + timedelta(seconds=30)
        told: list[tuple[Work, str, str]] = []
        monotonic, patience = 0.0, time.monotonic() + 10
        while not told and time.monotonic() < patience:
            told, monotonic = inbox.visit(later, monotonic), monotonic + 3
            time.sleep(0.1)
        inbox.visit(later, monotonic + 3)
        place = read_inbox(log)
        inbox.close()
    assert len(told) == 1
    assert place is not None
    assert list_arrivals(*place) == []
    assert look_at_inbox(room, downloads, for_s=1) == []
    assert len(marks(room)) == 1


def test_with_several_works_an_arrival_waits_for_the_one_that_takes_it(
    room: Room, generated: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    add_work(room.home, other, None, now())
    downloads = tmp_path / "Downloads"
    use_inbox(room, downloads)
    shutil.copy(generated, downloads / "neon.mp3")
    told = look_at_inbox(room, downloads)
    assert told[0].endswith("it is recorded when it enters a work")
    assert marks(room) == []
    with opened(room.home) as log:
        assert [one["name"] for one in waiting(log)] == ["neon.mp3"]
    shutil.copy(generated, room.folder / "import.mp3")
    convert(generated, other / "bounce.wav", "-map_metadata", "-1")
    room.look()
    (mark,) = marks(room)
    assert mark.body["arrived"]
    assert "downloads folder" in mark.body["says"]
    Room(room.home, other).look()
    (like,) = marks(Room(room.home, other))
    assert like.body["first"]["how"] == "fingerprint"


def test_what_lay_in_the_folder_before_is_no_arrival(room: Room, tmp_path: Path) -> None:
    downloads = tmp_path / "Downloads"
    downloads.mkdir()
    (downloads / "old.mp3").write_bytes(b"x")
    time.sleep(0.05)
    with opened(room.home) as log:
        set_inbox(log, downloads, now())
        place = read_inbox(log)
    assert place is not None
    assert list_arrivals(*place) == []
    os.rename(downloads / "old.mp3", downloads / "renamed.mp3")
    (downloads / "new.mp3").write_bytes(b"x")
    os.symlink(downloads / "new.mp3", downloads / "link.mp3")
    (downloads / "folder.mp3").mkdir()
    assert "new.mp3" in [found.path for found in list_arrivals(*place)]
    assert {"link.mp3", "folder.mp3"}.isdisjoint(found.path for found in list_arrivals(*place))


def test_the_inbox_is_turned_off_with_all_that_waits(room: Room, tmp_path: Path) -> None:
    with opened(room.home) as log:
        set_inbox(log, tmp_path / "room" if (tmp_path / "room").is_dir() else tmp_path, now())
        set_inbox(log, None, now())
        assert read_inbox(log) is None
        assert waiting(log) == []
        assert Inbox(log, room.home.path).visit(now(), time.monotonic()) == []


def test_a_folder_of_a_work_or_none_at_all_is_no_inbox(room: Room, tmp_path: Path) -> None:
    with opened(room.home) as log:
        with pytest.raises(BadInput, match="recorded already"):
            set_inbox(log, room.folder, now())
        with pytest.raises(BadInput, match="not a folder"):
            set_inbox(log, tmp_path / "nowhere", now())


def add(room: Room, path: Path, said: Said) -> tuple[int, str]:
    with opened(room.home) as log:
        return add_file(log, room.work, path, said, now())


def test_what_is_said_stands_beside_the_mark_and_names_it(room: Room, generated: Path) -> None:
    shutil.copy(generated, room.folder / "gen.mp3")
    room.look()
    said = Said("", "", plan="pro", terms="https://suno.com/terms?me=1", prompt="dreamy pads")
    event, provider = add(room, room.folder / "gen.mp3", said)
    assert provider == "Suno"
    (mark,), said_event = marks(room), room.last("ai.said")
    assert said_event.fields["prompt"] == b"dreamy pads"
    assert said_event.header.observed == "declared"
    assert said_event.header.actor == "author"
    assert said_event.body["mark"] is not None
    assert said_event.body["sha256"] == mark.body["sha256"]
    assert said_event.body["terms"] == "https://suno.com/terms"
    assert "dreamy" not in json.dumps(said_event.body)
    assert event > 0


def test_a_file_outside_the_work_gets_its_mark_with_what_is_said(
    room: Room, generated: Path
) -> None:
    for _ in range(2):
        add(room, generated, Said("", "", prompt="dreamy pads"))
    assert room.actions() == ["ai.mark", "ai.said", "ai.said"]
    assert room.last("ai.said").body["path"] == "gen.mp3"


def test_a_file_without_a_mark_is_said_to_be_generated_all_the_same(
    room: Room, melody: Path
) -> None:
    assert add(room, melody, Said("", "", provider="A model of mine"))[1] == "A model of mine"
    assert room.actions() == ["ai.said"]
    assert room.last("ai.said").body["mark"] is None
    assert "prompt" not in room.last("ai.said").fields


@pytest.mark.parametrize(
    "said",
    [
        Said("a", "0", prompt="x" * (MAX_PROMPT + 1)),
        Said("a", "0", plan="p" * 201),
        Said("a", "0", provider="\x1b[31m"),
        Said("a", "0", prompt="\udcff"),
    ],
)
def test_what_cannot_be_recorded_is_refused(room: Room, said: Said) -> None:
    with opened(room.home) as log, pytest.raises(Usage):
        say_generated(log, room.work, said, now())


def asked(room: Room) -> list[Occasion]:
    with opened(room.home) as log:
        return [one for one in occasions_after(log, 0)[0] if one.marked is not None]


def test_the_prompt_is_asked_for_once_a_content(room: Room, generated: Path) -> None:
    for name in ("gen.mp3", "copy.mp3"):
        shutil.copy(generated, room.folder / name)
        room.look()
    (one,) = asked(room)
    assert (one.what, one.question) == ("gen.mp3, made by Suno", "which prompt?")
    with opened(room.home) as log:
        answer(log, one, "dreamy pads", now() + timedelta(hours=2))
        assert wordless(log) == {room.work.id: 2}
    said = room.last("ai.said")
    assert said.fields["prompt"] == b"dreamy pads"
    assert said.body["provider"] == "Suno"
    assert said.body["mark"] == one.leaf


def test_erased_marks_are_no_first_sights(room: Room, generated: Path) -> None:
    shutil.copy(generated, room.folder / "gen.mp3")
    room.look()
    with opened(room.home) as log:
        (mark,) = (e.id for e in log.entries_before(10**6, 100) if b'"ai.mark"' in e.header)
        erase(log, plan_events(log, [mark]), now())
    shutil.copy(generated, room.folder / "copy.mp3")
    room.look()
    with opened(room.home) as log:
        newest = newest_lines(log, Wanted(), 1)[-1]
    assert newest.header.action == "ai.mark"
    assert newest.body is not None
    assert newest.body["first"] is None


def test_an_import_before_the_watch_is_read_too(room: Room, generated: Path) -> None:
    shutil.copy(generated, room.folder / "gen.mp3")
    with opened(room.home) as log:
        observe(log, room.work, Look(moment=now, live=False, bound=lambda: None))
    assert len(marks(room)) == 1
