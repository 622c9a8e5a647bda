"""What counts as a file of a song."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stemproof.acts.survey import (
    FileGone,
    FolderGone,
    hash_content,
    is_unchanged,
    kind_of,
    read_session_file,
    survey,
    time_of,
)


def names(folder: Path) -> list[str]:
    return [found.path for found in survey(folder).found]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Song.mmp", "session"),
        ("Song.MMPZ", "session"),
        ("Mix.rpp", "session"),
        ("take 1.WAV", "audio"),
        ("master.flac", "audio"),
        ("notes.txt", None),
        ("Mix.rpp-bak", None),
        ("Mix.rpp-UNDO", None),
        ("Song.mmp.bak", None),
        ("Song.mmp~", None),
        ("Song.mmp.part", None),
        ("recover.mmp", None),
        ("Mix-autosave.rpp", None),
        (".hidden.wav", None),
        ("._Song.mmp", None),
    ],
)
def test_a_name_says_whether_a_file_is_looked_at(name: str, kind: str | None) -> None:
    assert kind_of(name) == kind


def test_files_are_listed_oldest_change_first_with_forward_slashes(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for age, name in ((1, "late.wav"), (3, "a/b/early.wav"), (2, "a/middle.rpp")):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    assert names(tmp_path) == ["a/b/early.wav", "a/middle.rpp", "late.wav"]


def test_hidden_and_backup_folders_are_passed_by(tmp_path: Path) -> None:
    for folder in (".git", "Backup", "autosave", "kept"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "Song.mmp").touch()
    assert names(tmp_path) == ["kept/Song.mmp"]


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    song = tmp_path / "song"
    outside.mkdir()
    song.mkdir()
    (outside / "secret.wav").touch()
    (song / "file.wav").symlink_to(outside / "secret.wav")
    (song / "folder").symlink_to(outside)
    (song / "circle").symlink_to(song)
    assert names(song) == []


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "endless.wav")
    assert names(tmp_path) == []


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(FolderGone, match="cannot be read"):
        survey(tmp_path / "unplugged")


def test_a_file_that_went_away_is_no_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(FileGone):
        read_session_file(tmp_path / "Song.mmp")
    with pytest.raises(FileGone):
        hash_content(tmp_path / "take.wav")


def test_a_file_that_changed_since_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "Song.mmp").write_bytes(b"one")
    [found] = survey(tmp_path).found
    assert is_unchanged(tmp_path, found)
    (tmp_path / "Song.mmp").write_bytes(b"three")
    assert not is_unchanged(tmp_path, found)
    (tmp_path / "Song.mmp").unlink()
    assert not is_unchanged(tmp_path, found)


@pytest.mark.parametrize(
    ("path", "is_taken"),
    [
        ("interchange/Song/audiofiles/take.wav", True),
        ("interchange/Song/audiofiles/Song.rpp", False),
        ("interchange/Song/midifiles/region.wav", False),
        ("interchange/Song/peaks/take.wav", False),
        ("peaks/take.wav", False),
        ("export/bounce.wav", True),
        ("Samples/Recorded/0001.wav", True),
        ("Ableton Project Info/Song.rpp", False),
        ("Backup/Song.rpp", False),
        ("Session File Backups/Song.rpp", False),
        ("Song.logicx/Media/Audio Files/take.aif", True),
        ("Song.logicx/Media/Freeze Files.nosync/take.aif", False),
        ("Song.logicx/Alternatives/000/bounce.wav", False),
        ("Song.logicx/Media/Song.rpp", False),
        ("Song.band/Media/take.aif", True),
        ("Song.logicx/Alternatives/000/ProjectData", True),
        ("Song.logicx/Alternatives/001/ProjectData", True),
        ("Song.logicx/Alternatives/000/MetaData.plist", False),
        ("Song.logicx/Alternatives/000/Project File Backups/00/ProjectData", False),
        ("Song.logicx/Alternatives/ProjectData", False),
        ("Song.logicx/Resources/ProjectData", False),
        ("ProjectData", True),
        ("MetaData.plist", False),
    ],
)
def test_what_programs_keep_for_themselves_is_passed_by(
    tmp_path: Path, path: str, is_taken: bool
) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).touch()
    assert names(tmp_path) == ([path] if is_taken else [])


def test_musicxml_without_its_own_extension_is_known_by_content(tmp_path: Path) -> None:
    head = '<?xml version="1.0"?>\n'
    (tmp_path / "score.xml").write_text(head + '<score-partwise version="4.0"></score-partwise>')
    (tmp_path / "wide.XML").write_text(head + "<score-timewise/>", "utf-16")
    (tmp_path / "settings.xml").write_text(head + "<settings/>")
    (tmp_path / "late.xml").write_text(head + " " * 5000 + "<score-partwise/>")
    (tmp_path / "linked.xml").symlink_to(tmp_path / "score.xml")
    (tmp_path / "score.bak.xml").write_text(head + "<score-partwise/>")
    os.mkfifo(tmp_path / "pipe.xml")
    assert names(tmp_path) == ["score.xml", "wide.XML"]


@pytest.mark.parametrize("second", [-1, 10**12, 2**33])
def test_a_time_that_no_date_can_name_is_brought_within_the_years(
    tmp_path: Path, second: int
) -> None:
    save = tmp_path / "Song.rpp"
    save.write_text("x")
    try:
        os.utime(save, (second, second))
    except OverflowError:
        pytest.skip("this file system keeps no such time")
    (found,) = survey(tmp_path).found
    assert datetime.fromtimestamp(found.mtime_ns / 1e9, tz=UTC).year <= 9999
    assert is_unchanged(tmp_path, found)
    # What the file system itself would not keep.
    state = os.stat_result((0,) * 10, {"st_mtime_ns": second * 10**9})
    assert 1970 <= datetime.fromtimestamp(time_of(state) / 1e9, tz=UTC).year <= 9999
