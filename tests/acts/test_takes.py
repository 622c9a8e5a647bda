"""Takes: recorded audio that a save brings in, or lets go, joined with the file that was heard."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest
from tests.acts.room import Room, write_tone

FIXTURES = Path(__file__).parents[1] / "capture" / "fixtures" / "rpp"


def save(room: Room, case: str, side: str) -> None:
    path = room.folder / "Song.rpp"
    fresh = not path.exists()
    path.write_bytes((FIXTURES / case / f"{side}.rpp").read_bytes())
    if not fresh:
        stat = path.stat()
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))
    room.look()


def takes(room: Room) -> list[tuple[str, str]]:
    return [
        (event.action, event.body["media"])
        for event in room.events()
        if event.action.startswith("take.")
    ]


@pytest.mark.parametrize("case", ["item_recorded", "take_recorded"])
def test_a_recorded_file_that_a_save_brings_in_is_a_take(room: Room, case: str) -> None:
    save(room, case, "before")
    assert takes(room) == []
    save(room, case, "after")
    [(action, media)] = takes(room)
    assert action == "take.kept"
    assert media.endswith(".wav")
    event = room.last("take.kept")
    assert event.body["track"] == "Lead Vox"
    assert event.body["length_ms"] > 0
    assert event.body["input"] == "input 1"
    assert (event.header.stage, event.header.class_) == ("none", "unknown")


def test_a_take_that_a_save_lets_go_was_dropped(room: Room) -> None:
    for side in ("before", "after", "before"):
        save(room, "item_recorded", side)
    assert [action for action, _ in takes(room)] == ["take.kept", "take.dropped"]


def test_what_was_not_recorded_is_no_take(room: Room) -> None:
    for side in ("before", "after"):
        save(room, "media_relinked", side)
    assert takes(room) == []


def test_a_take_names_the_file_that_was_heard(room: Room) -> None:
    save(room, "item_recorded", "before")
    path = room.folder / "Media" / "double 1.wav"
    write_tone(path, seconds=1)
    room.look()
    save(room, "item_recorded", "after")
    body = room.last("take.kept").body
    assert body["file"] == "Media/double 1.wav"
    assert body["sha256"] == sha256(path.read_bytes()).hexdigest()
