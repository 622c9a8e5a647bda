"""A band: saves that were made elsewhere are told from one's own, and logs share a work."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.acts.room import Room, make_room, wait_until, write_tone
from tests.acts.test_watch import saves, watching

from stemproof.acts.band import arrival_of, format_share, join_work, parse_share
from stemproof.acts.begin import Work
from stemproof.acts.home import now, opened
from stemproof.acts.survey import Found
from stemproof.errors import BadInput, Malformed
from stemproof.testnet.song import write_step

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def found(path: str, age: timedelta) -> Found:
    return Found(path, "session", 100, int((NOW - age).timestamp() * 1e9))


def arrival(folder: Path, age_s: float, path: str = "Song.rpp") -> str | None:
    """Ask of a file of that age, where the watch looked ten seconds ago."""
    looked = NOW - timedelta(seconds=10)
    return arrival_of(folder, found(path, timedelta(seconds=age_s)), looked=looked, moment=NOW)


@pytest.mark.parametrize("age_s", [0, 1, 9, 60, 200, 300])
def test_a_fresh_file_is_of_ones_own(tmp_path: Path, age_s: float) -> None:
    assert arrival(tmp_path, age_s) is None


def test_a_file_older_than_the_last_look_was_brought(tmp_path: Path) -> None:
    assert arrival(tmp_path, 311) == "brought"
    assert arrival(tmp_path, 86400 * 300) == "brought"


@pytest.mark.parametrize(("age_s", "how"), [(59, None), (69, None), (71, "brought")])
def test_a_file_older_than_the_watch_was_brought(
    tmp_path: Path, age_s: float, how: str | None
) -> None:
    one, minute = found("Song.rpp", timedelta(seconds=age_s)), timedelta(minutes=1)
    for looked in (None, NOW):
        asked = arrival_of(tmp_path, one, looked=looked, opened=NOW - minute, moment=NOW)
        assert asked == how


@pytest.mark.parametrize(("ahead_s", "how"), [(299, None), (301, "brought"), (10**9, "brought")])
def test_a_file_of_the_future_was_brought(tmp_path: Path, ahead_s: float, how: str | None) -> None:
    assert arrival(tmp_path, -ahead_s) == how


def test_an_old_save_that_is_put_in_place_while_watching_is_received(room: Room) -> None:
    with watching(room):
        write_step(room.folder, 1)
        wait_until(lambda: saves(room) == 1)
        [older] = write_step(room.folder.parent / "beside", 2)
        # Within what clocks differ, but from before this watch.
        os.utime(older, (time.time() - 120, time.time() - 120))
        older.replace(room.folder / older.name)
        wait_until(lambda: "session.received" in room.actions())
    assert room.last("session.received").body["arrival"] == "brought"


def test_without_an_earlier_look_age_says_nothing(tmp_path: Path) -> None:
    one = found("Song.rpp", timedelta(days=3))
    assert arrival_of(tmp_path, one, looked=None, moment=NOW) is None


@pytest.mark.parametrize("mark", [".stfolder", ".dropbox", ".sync", ".nextcloudsync.log"])
def test_where_a_sync_client_keeps_the_folder_less_age_is_enough(tmp_path: Path, mark: str) -> None:
    song = tmp_path / "band" / "song"
    song.mkdir(parents=True)
    (tmp_path / mark).mkdir()
    assert arrival(song, 19) is None
    assert arrival(song, 21) == "sync"
    assert arrival(song, 21, "mixes/Song.rpp") == "sync"


def test_a_folder_of_icloud_is_known_by_its_place(tmp_path: Path) -> None:
    song = tmp_path / "Mobile Documents" / "com~apple~CloudDocs" / "song"
    song.mkdir(parents=True)
    assert arrival(song, 21) == "sync"


@pytest.mark.parametrize(
    "name",
    [
        "Song.sync-conflict-20261122-120000-ABCDEFG.rpp",
        "Song (Anna's conflicted copy 2026-11-22).rpp",
        "Song (conflicted copy).rpp",
    ],
)
def test_a_conflict_is_of_somebody_else(tmp_path: Path, name: str) -> None:
    assert arrival(tmp_path, 0, name) == "sync"


def git(folder: Path, *words: str) -> None:
    name = ["-c", "user.name=Anna", "-c", "user.email=anna@music.example"]
    subprocess.run(["git", *name, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(room: Room) -> Room:
    """A song under git with two saves in it."""
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    git(room.folder, "init", "-q", "-b", "main")
    for step in (1, 2):
        write_step(room.folder, step)
        git(room.folder, "add", "-A")
        git(room.folder, "commit", "-q", "-m", f"step {step}")
    return room


def test_what_git_checks_out_is_received_and_ones_own_save_after_it_is_not(
    repository: Room,
) -> None:
    room = repository
    with watching(room):
        wait_until(lambda: saves(room) == 1)
        git(room.folder, "checkout", "-q", "HEAD~1")
        wait_until(lambda: "session.received" in room.actions())
        # Git's log counts in whole seconds, and two more are left to it.
        time.sleep(3.1)
        write_step(room.folder, 3)
        wait_until(lambda: "session.saved" in room.actions())
    received = room.last("session.received")
    assert received.body["arrival"] == "git"
    assert received.body["live"] is False
    at = [e.action for e in room.events()].index("session.received")
    of_git = room.events()[at + 1 : at + 1 + received.body["decisions"]]
    assert {(e.header.class_, e.header.actor) for e in of_git} == {("unknown", "unknown")}


def test_a_commit_of_ones_own_save_leaves_it_ones_own(repository: Room) -> None:
    room = repository
    with watching(room):
        wait_until(lambda: saves(room) == 1)
        write_step(room.folder, 3)
        git(room.folder, "commit", "-q", "-a", "-m", "mine")
        wait_until(lambda: {"session.saved", "session.received"} & set(room.actions()))
    assert "session.received" not in room.actions()


def test_a_lock_that_git_left_behind_says_nothing(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    lock = tmp_path / ".git" / "index.lock"
    lock.touch()
    os.utime(lock, (NOW.timestamp() - 5, NOW.timestamp() - 5))
    assert arrival(tmp_path, 0) == "git"
    os.utime(lock, (NOW.timestamp() - 900, NOW.timestamp() - 900))
    assert arrival(tmp_path, 0) is None


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"x" * 9000, b"0" * 40 + b" \tpull: \n"])
def test_a_broken_log_of_git_says_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".git" / "logs").mkdir(parents=True)
    (tmp_path / ".git" / "logs" / "HEAD").write_bytes(content)
    assert arrival(tmp_path, 0) is None


def test_what_a_sync_client_writes_is_received(room: Room) -> None:
    [theirs, *_] = write_step(room.folder.parent / "theirs", 2)
    (room.folder / ".stfolder").mkdir()
    with watching(room):
        write_step(room.folder, 1)
        wait_until(lambda: saves(room) == 1)
        # Syncthing writes beside, sets the time that the file had there, and renames.
        beside = room.folder / ".syncthing.Song.mmp.tmp"
        beside.write_bytes(theirs.read_bytes())
        os.utime(beside, (time.time() - 60, time.time() - 60))
        time.sleep(1)
        beside.replace(room.folder / "Song.mmp")
        wait_until(lambda: "session.received" in room.actions())
    assert room.last("session.received").body["arrival"] == "sync"


def test_a_shared_work_is_recorded_under_one_id_in_two_logs(room: Room, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = make_room(tmp_path / "other")
    with opened(other.home) as log:
        (tmp_path / "other" / "copy").mkdir()
        joined = join_work(log, format_share(room.work), tmp_path / "other" / "copy", now())
    theirs = Room(other.home, tmp_path / "other" / "copy")
    assert (joined.id, joined.title) == (room.work.id, "Small Hours")
    assert theirs.work.id == room.work.id
    assert theirs.events()[0].body == {"title": "Small Hours", "joined": True}


def test_a_work_is_joined_once_and_not_where_another_lies(room: Room, tmp_path: Path) -> None:
    stranger = Work(b"\x07" * 16, tmp_path, "Theirs", False, "", "")
    with opened(room.home) as log:
        with pytest.raises(BadInput, match="records that work already"):
            join_work(log, format_share(room.work), tmp_path, now())
        with pytest.raises(BadInput, match="in or around"):
            join_work(log, format_share(stranger), room.folder, now())
        with pytest.raises(BadInput, match="is not a folder"):
            join_work(log, format_share(stranger), tmp_path / "nowhere", now())


@given(number=st.integers(1, 2**128 - 1), title=st.text(min_size=1, max_size=200))
def test_a_share_is_read_as_it_was_written(number: int, title: str) -> None:
    if not title.isprintable():
        title = "Small Hours"
    work = Work(number.to_bytes(16, "big"), Path("song"), title, False, "", "")
    assert parse_share(format_share(work)) == (work.id, title)


GOOD = '{"stemproof_work":0,"title":"A","work":"%s"}\n' % ("1" * 32)


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOOD.rstrip("\n"),
        GOOD + "\n",
        GOOD.replace(":0", ":1"),
        GOOD.replace(":0", ":false"),
        GOOD.replace('"A"', '""'),
        GOOD.replace('"A"', '"\\u001b[2J"'),
        GOOD.replace('"A"', '"' + "a" * 201 + '"'),
        GOOD.replace("1" * 32, "0" * 32),
        GOOD.replace("1" * 32, "A" * 32),
        GOOD.replace("}", ',"key":"x"}'),
        GOOD.replace('"title":"A",', '"title":"A","title":"A",'),
        " " + GOOD,
        "[" * 5000 + "\n",
    ],
)
def test_a_share_in_any_other_form_is_refused(text: str) -> None:
    assert parse_share(GOOD.encode()) == (b"\x11" * 16, "A")
    with pytest.raises(Malformed):
        parse_share(text.encode())


def test_a_bounce_that_a_sync_client_brought_is_not_ones_own(room: Room) -> None:
    write_tone(room.folder.parent / "theirs.wav")
    write_tone(room.folder.parent / "mine.wav", hertz=300.0)
    (room.folder / ".stfolder").mkdir()
    with watching(room):
        theirs = room.folder.parent / "theirs.wav"
        os.utime(theirs, (time.time() - 60, time.time() - 60))
        time.sleep(1)
        theirs.rename(room.folder / "theirs.wav")
        shutil.copyfile(room.folder.parent / "mine.wav", room.folder / "mine.wav")
        wait_until(lambda: room.actions().count("audio.appeared") == 2)
    heard = {e.body["path"]: e.body["live"] for e in room.events() if "audio" in e.action}
    assert heard == {"theirs.wav": False, "mine.wav": True}
