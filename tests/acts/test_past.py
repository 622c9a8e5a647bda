"""Past saves: read once, oldest first, by what they claim; never live."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import pytest
from tests.acts.room import Room, write_tone

from stemproof.acts.past import MAX_BYTES, MAX_PAST, find_past
from stemproof.testnet.song import write_step

Place = Callable[[str], Path]


def saved(room: Room, step: int) -> bytes:
    return write_step(room.folder.parent / "elsewhere", step)[0].read_bytes()


def put(room: Room, name: str, data: bytes, at: str) -> None:
    path = room.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    when = datetime.fromisoformat(at).timestamp()
    os.utime(path, (when, when))


def names(folder: Path, session: str) -> list[str]:
    return [past.path for past in find_past(folder, session)]


@pytest.mark.parametrize(
    ("session", "kept"),
    [
        ("Song.als", "Backup/Song [2024-05-01 120000].als"),
        ("Song.rpp", "Song.rpp-bak"),
        ("Song.RPP", "Song.RPP-bak"),
        ("Song.rpp", "Song-2024-05-01_120000.rpp-bak"),
        ("Song.rpp", "Song-2024-05-01_1200.rpp-bak"),
        ("Song.rpp", "Backups/Song-2024-05-01_120000.rpp-bak"),
        ("Song.ardour", "Song.ardour.bak"),
        ("Song.flp", "Backup/Song (overwritten at 14h05).flp"),
        ("Song.flp", "Backup/Song_overwritten.flp"),
        ("Song.flp", "Backup/Song (autosaved).flp"),
        ("Song.mmp", "Song.mmp.bak"),
        ("Song.mmpz", "Song.mmpz.bak"),
        ("Song.mmpz", "Song.mmp.bak"),
        ("Song.mmp", "recover.mmp"),
        ("Song.ptx", "Session File Backups/Song.bak.003.ptx"),
        ("Song [live].als", "Backup/Song [live] [2024-05-01 120000].als"),
    ],
)
def test_what_programs_keep_beside_a_session_is_found(
    tmp_path: Path, session: str, kept: str
) -> None:
    for name in (session, kept):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert names(tmp_path, session) == [kept]


@pytest.mark.parametrize(
    ("session", "other"),
    [
        ("Song.als", "Backup/Other [2024-05-01 120000].als"),
        ("Song.als", "Backup/Song two [2024-05-01 120000].als"),
        ("Song.als", "Backup/Song [2024-05-01 120000].rpp"),
        ("Song.als", "Song [2024-05-01 120000].als"),
        ("Song.rpp", "Other.rpp-bak"),
        ("Song.rpp", "Song.rpp"),
        ("Song.rpp", "Song.rpp-UNDO"),
        ("Song.rpp", "Deep/Backup/Song.rpp-bak"),
        ("Song.mmp", "Song (overwritten at 14h05).mmp"),
        ("Song.mmp", "Song 2.mmp.bak"),
        ("Song.rpp", "recover.mmp"),
    ],
)
def test_other_files_are_not_past_saves_of_a_session(
    tmp_path: Path, session: str, other: str
) -> None:
    for name in (session, other):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert names(tmp_path, session) == []


def test_a_time_in_the_name_counts_before_that_of_the_file(tmp_path: Path) -> None:
    for name in ("Song [2024-05-02 080000].als", "Song [2024-05-01 120000].als"):
        (tmp_path / "Backup").mkdir(exist_ok=True)
        (tmp_path / "Backup" / name).write_bytes(b"")
    (tmp_path / "Backup" / "Song.als").write_bytes(b"")
    os.utime(tmp_path / "Backup" / "Song.als", (1714600000, 1714600000))
    found = find_past(tmp_path, "Song.als")
    assert [past.claimed_by for past in found] == ["name", "file", "name"]
    assert found[0].claimed_time == "2024-05-01T12:00:00"


def test_a_name_with_an_impossible_date_claims_none(tmp_path: Path) -> None:
    (tmp_path / "Backup").mkdir()
    (tmp_path / "Backup" / "Song [2024-13-45 999999].als").write_bytes(b"")
    [past] = find_past(tmp_path, "Song.als")
    assert past.claimed_by == "file"


def test_of_very_many_past_saves_the_newest_are_read(tmp_path: Path) -> None:
    for number in range(MAX_PAST + 5):
        name = f"Song-2024-05-01_12{number // 60:02d}{number % 60:02d}.rpp-bak"
        (tmp_path / name).write_bytes(b"")
    found = names(tmp_path, "Song.rpp")
    assert len(found) == MAX_PAST
    assert found[0] == "Song-2024-05-01_120005.rpp-bak"


def test_of_very_large_past_saves_the_newest_are_read(tmp_path: Path) -> None:
    for number in range(4):
        path = tmp_path / f"Song-2024-05-01_12000{number}.rpp-bak"
        path.touch()
        os.truncate(path, MAX_BYTES // 2)
    assert names(tmp_path, "Song.rpp") == [
        "Song-2024-05-01_120002.rpp-bak",
        "Song-2024-05-01_120003.rpp-bak",
    ]


def test_past_saves_come_first_and_tell_how_the_session_came_to_be(room: Room) -> None:
    put(room, "Song.mmp", saved(room, 4), "2026-11-01T12:00:00")
    put(room, "Song.mmp.bak", saved(room, 3), "2026-10-02T12:00:00")
    put(room, "Backup/Song.mmp", saved(room, 1), "2026-10-01T12:00:00")
    observed = room.look()
    saves = [event for event in room.events() if event.action in ("session.past", "session.found")]
    assert [(event.action, event.body["path"]) for event in saves] == [
        ("session.past", "Backup/Song.mmp"),
        ("session.past", "Song.mmp.bak"),
        ("session.found", "Song.mmp"),
    ]
    assert [event.body.get("claimed_time") for event in saves] == [
        "2026-10-01T12:00:00",
        "2026-10-02T12:00:00",
        None,
    ]
    assert saves[0].body["claimed_by"] == "file"
    assert saves[0].body["of"] == "Song.mmp"
    assert saves[2].body["continues"] == "Song.mmp.bak"
    assert [event.body["decisions"] > 0 for event in saves] == [False, True, True]
    assert "2 past saves read" in observed.lines[0]


def test_what_past_saves_tell_is_of_no_known_class(room: Room) -> None:
    put(room, "Song.mmp", saved(room, 4), "2026-11-01T12:00:00")
    put(room, "Song.mmp.bak", saved(room, 1), "2026-10-01T12:00:00")
    room.look(live=True)
    decided = [event for event in room.events() if event.action.startswith("decision.")]
    assert decided
    assert {(event.header.class_, event.header.actor) for event in decided} == {
        ("unknown", "unknown")
    }
    assert not room.last("session.found").body["live"]


def test_past_saves_follow_one_another_by_their_digests(room: Room) -> None:
    for step, name in ((1, "Song [2026-10-01 120000].mmp"), (2, "Song [2026-10-02 120000].mmp")):
        put(room, f"Backup/{name}", saved(room, step), "2026-11-01T12:00:00")
    put(room, "Song.mmp", saved(room, 3), "2026-11-01T12:00:00")
    room.look()
    first, second, found = [
        event.fields
        for event in room.events()
        if event.action.startswith("session.") and "after" in event.fields
    ]
    assert "before" not in first
    assert second["before"] == first["after"] == sha256(saved(room, 1)).digest()
    assert found["before"] == second["after"]


def test_past_saves_are_read_once(room: Room) -> None:
    put(room, "Song.mmp", saved(room, 2), "2026-11-01T12:00:00")
    put(room, "Song.mmp.bak", saved(room, 1), "2026-10-01T12:00:00")
    room.look()
    put(room, "Song.mmp.bak", saved(room, 2), "2026-11-01T12:00:00")
    (room.folder / "Song.mmp").write_bytes(saved(room, 3))
    room.look()
    assert room.actions().count("session.past") == 1
    assert "session.saved" in room.actions()


def test_a_kept_file_that_is_the_session_itself_is_no_past_save(room: Room) -> None:
    put(room, "Song.mmp", saved(room, 2), "2026-11-01T12:00:00")
    put(room, "Song.mmp.bak", saved(room, 2), "2026-10-01T12:00:00")
    room.look()
    assert "session.past" not in room.actions()
    assert "decision" not in " ".join(room.actions())


def test_a_broken_past_save_is_told_and_passed_over(room: Room) -> None:
    put(room, "Song.mmp", saved(room, 2), "2026-11-01T12:00:00")
    put(room, "Song.mmp.bak", saved(room, 1)[:900], "2026-10-01T12:00:00")
    write_tone(room.folder / "a.wav", seconds=1)
    observed = room.look()
    assert "session.found" in room.actions()
    assert "session.past" not in room.actions()
    assert observed.problems[0].startswith("Song.mmp.bak: ")
