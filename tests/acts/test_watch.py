"""A real watch in a process of its own: saves, signals, other processes, crashes."""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.acts.room import (
    Event,
    Room,
    command,
    opens,
    read_events,
    running_watch,
    wait_until,
    write_tone,
)

from stemproof.acts.begin import add_work
from stemproof.acts.home import now, opened
from stemproof.acts.observe import Observed
from stemproof.acts.watch import Clock, Pace, watch
from stemproof.acts.watching import is_watched
from stemproof.acts.works import move_work, set_paused
from stemproof.errors import BadInput, Unavailable
from stemproof.testnet.song import write_step

QUICK = Pace(tick_s=0.05, look_s=0.3, still_s=0.1, gone_s=0.3, beat_s=0.5, gap_s=20.0)


@contextmanager
def watching(
    room: Room, *, pace: Pace = QUICK, clock: Clock | None = None
) -> Iterator[list[Observed]]:
    """Watch in a thread of this process; raise what the watch raised."""
    end = threading.Event()
    said: list[Observed] = []
    problems: list[BaseException] = []

    def run() -> None:
        try:
            watch(
                room.home,
                stop=end.is_set,
                say=lambda observed, _: said.append(observed),
                pace=pace,
                clock=clock or Clock(),
            )
        except Exception as error:  # noqa: BLE001 - handed on to the test's own thread
            problems.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        wait_until(lambda: opens(room) or problems)
        yield said
    finally:
        end.set()
        thread.join(20)
    for problem in problems:
        raise problem


def saves(room: Room) -> int:
    return sum(action in ("session.saved", "session.found") for action in room.actions())


def save(room: Room, step: int) -> float:
    """Save, and give how long it took to stand in the log."""
    before = saves(room)
    write_step(room.folder, step)
    return wait_until(lambda: saves(room) > before)


def test_each_save_of_the_song_is_in_the_log_soon(room: Room) -> None:
    with running_watch(room) as process:
        took = [save(room, step) for step in (1, 2, 3, 4, 6, 8)]
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    # How soon is a figure of scripts/bench; a busy machine may take its time.
    assert max(took) < 15, took
    assert (process.returncode, err) == (0, "")
    assert "Song.mmp  Session: tempo 92 -> 96 bpm" in out
    assert room.actions()[-1] == "watch.close"
    decided = [e.header.class_ for e in room.events() if e.action.startswith("decision.")]
    assert set(decided) == {"human_with_tool"}


def test_ctrl_c_closes_the_watch(room: Room) -> None:
    with running_watch(room) as process:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode == 0
    assert room.actions() == ["watch.open", "watch.close"]


def test_a_second_watch_is_refused_in_a_sentence(room: Room) -> None:
    with running_watch(room):
        for arguments in (("watch",), ("watch", "--once")):
            done = command(room, *arguments)
            assert done.returncode == 3
            assert "a watch of the ledger at" in done.stderr
            assert "is running already" in done.stderr
        assert is_watched(room.home)
    assert not is_watched(room.home)


def test_a_killed_watch_loses_nothing_and_its_gap_is_not_live(room: Room) -> None:
    with running_watch(room) as process:
        save(room, 1)
        process.kill()
        process.wait(20)
    write_step(room.folder, 2)
    with running_watch(room):
        wait_until(lambda: "session.jumped" in room.actions())
        save(room, 3)
    actions = [a for a in room.actions() if a.startswith(("watch.", "session."))]
    assert actions == [
        "watch.open",
        "session.open",
        "session.found",
        "watch.open",
        "session.jumped",
        "session.saved",
    ]


def test_paused_means_not_recorded_and_resumed_means_not_live(room: Room) -> None:
    with running_watch(room):
        save(room, 1)
        assert command(room, "pause").stdout == "Small Hours: paused\n"
        wait_until(lambda: "watch.pause" in room.actions(), seconds=1.0)
        before = room.actions()
        write_step(room.folder, 2)
        time.sleep(1.5)
        assert room.actions() == before
        assert command(room, "resume", "Small Hours").stdout == "Small Hours: recording\n"
        wait_until(lambda: "session.jumped" in room.actions())
    assert {e.header.class_ for e in decisions(room)} == {"unknown"}


def decisions(room: Room) -> list[Event]:
    return [event for event in room.events() if event.action.startswith("decision.")]


def test_what_changed_before_the_watch_began_is_not_live(room: Room) -> None:
    write_step(room.folder, 1)
    room.look()
    write_step(room.folder, 2)
    with watching(room):
        wait_until(lambda: "session.jumped" in room.actions())
        save(room, 3)
    assert room.actions().count("session.saved") == 1


def test_a_work_that_another_process_adds_is_taken_up(room: Room, tmp_path: Path) -> None:
    other = Room(room.home, tmp_path / "other")
    other.folder.mkdir()
    with watching(room):
        add_work(room.home, other.folder, None, now())
        wait_until(lambda: opens(other))
        save(other, 1)


def test_a_folder_that_goes_away_is_waited_for(room: Room, tmp_path: Path) -> None:
    away = tmp_path / "another disk" / "song"
    away.parent.mkdir()
    with watching(room) as said:
        save(room, 1)
        room.folder.rename(away)
        wait_until(lambda: "watch.pause" in room.actions())
        away.rename(room.folder)
        wait_until(lambda: opens(room))
        save(room, 2)
    assert any("waiting for it" in problem for one in said for problem in one.problems)
    assert "session.gone" not in room.actions()


def test_a_work_that_moved_is_followed(room: Room, tmp_path: Path) -> None:
    moved = Room(room.home, tmp_path / "elsewhere")
    with watching(room):
        save(room, 1)
        room.folder.rename(moved.folder)
        with opened(room.home) as log:
            move_work(log, room.work, moved.folder)
        wait_until(lambda: moved.actions().count("watch.open") == 2)
        save(moved, 2)


def test_a_file_is_gone_only_after_a_while(room: Room) -> None:
    with watching(room):
        save(room, 1)
        save(room, 6)
        content = (room.folder / "Song.mmp").read_bytes()
        (room.folder / "Song.mmp").unlink()
        time.sleep(0.1)
        (room.folder / "Song.mmp").write_bytes(content)
        time.sleep(0.6)
        assert "session.gone" not in room.actions()
        (room.folder / "Song.mmp").unlink()
        wait_until(lambda: "session.gone" in room.actions())


def test_a_session_that_is_written_slowly_is_read_when_it_is_whole(room: Room) -> None:
    whole = write_step(room.folder.parent / "elsewhere", 4)[0].read_bytes()
    with watching(room):
        with (room.folder / "Song.mmp").open("wb", buffering=0) as file:
            for start in range(0, len(whole), 2000):
                file.write(whole[start : start + 2000])
                time.sleep(0.02)
        wait_until(lambda: saves(room))
    assert "session.unreadable" not in room.actions()


def test_a_save_does_not_wait_for_audio(room: Room) -> None:
    write_tone(room.folder.parent / "long.wav", seconds=60.0)
    with watching(room):
        for number in range(20):
            shutil.copyfile(room.folder.parent / "long.wav", room.folder / f"{number}.wav")
        time.sleep(0.3)
        save(room, 1)
        assert room.actions().count("audio.appeared") < 20
        wait_until(lambda: room.actions().count("audio.appeared") == 20, seconds=60)


def test_beats_show_that_the_watch_lives(room: Room) -> None:
    with watching(room):
        wait_until(lambda: room.actions().count("watch.beat") >= 2)
    beats = [e.body["monotonic_ms"] for e in room.events() if e.action == "watch.beat"]
    assert beats == sorted(set(beats))


class WallClock:
    """A wall clock that people set."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def moment(self) -> datetime:
        return now() + self.ahead


def test_a_clock_that_is_set_back_does_not_stop_the_watch(room: Room) -> None:
    wall = WallClock()
    with watching(room, clock=Clock(moment=wall.moment)):
        save(room, 1)
        wall.ahead = timedelta(hours=-2)
        # What this watch saw before, it saw by another clock.
        wait_until(lambda: room.actions().count("watch.open") == 2)
        # Files get the time of the clock that was set, too.
        [path] = write_step(room.folder.parent / "beside", 2)
        os.utime(path, (wall.moment().timestamp(),) * 2)
        path.replace(room.folder / path.name)
        wait_until(lambda: "session.saved" in room.actions())
    assert room.last("session.saved").body["clock_back_ms"] > 7_000_000
    assert room.actions()[-1] == "watch.close"


def test_after_a_sleep_nothing_that_changed_is_live(room: Room) -> None:
    wall = WallClock()
    with watching(room, clock=Clock(moment=wall.moment)):
        save(room, 1)
        # Wall time passed and nobody looked: the computer was asleep.
        wall.ahead = timedelta(minutes=10)
        wait_until(lambda: room.actions().count("watch.open") == 2)
    assert "watch.pause" not in room.actions()


def test_a_copied_ledger_is_not_written(room: Room, tmp_path: Path) -> None:
    (room.home.path / "device.json").unlink()
    with pytest.raises(BadInput, match="nothing is written here"), watching(room):
        pass


def test_a_ledger_that_cannot_be_locked_is_said_so(room: Room) -> None:
    room.home.locks.write_text("in the way")
    with pytest.raises(Unavailable, match="cannot be made"), watching(room):
        pass


def test_pausing_what_is_paused_changes_nothing(room: Room) -> None:
    with opened(room.home) as log:
        assert set_paused(log, [room.work], True) != []
        assert set_paused(log, [room.work], True) == []


def test_a_watch_that_is_killed_anywhere_leaves_whole_saves(room: Room) -> None:
    chance = random.Random(7)
    for _ in range(5):
        with running_watch(room) as process:
            for step in (1, 2, 3, 4):
                write_step(room.folder, step)
                time.sleep(chance.uniform(0.1, 0.7))
            os.kill(process.pid, signal.SIGKILL)
    with opened(room.home) as log:
        events = read_events(log)
        assert log.integrity() == []
    check_saves_are_whole(events)


def check_saves_are_whole(events: list[Event]) -> None:
    """Each save is followed by as many decisions as it says, and by no others."""
    expected = 0
    for event in events:
        if event.action.startswith("decision."):
            expected -= 1
            assert expected >= 0
        elif event.action != "session.upgraded":
            assert expected == 0, event
            expected = event.body.get("decisions", 0)
    assert expected == 0


def test_an_idle_watch_costs_next_to_nothing(room: Room) -> None:
    write_step(room.folder, 1)
    with running_watch(room) as process:
        time.sleep(1.5)
        before = cpu_seconds(process.pid)
        time.sleep(4)
        assert cpu_seconds(process.pid) - before < 0.2


def cpu_seconds(pid: int) -> float:
    path = Path(f"/proc/{pid}/stat")
    if not path.exists():
        pytest.skip("this system does not tell a process's time in /proc")
    fields = path.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_full_disk_is_told_once_and_the_save_is_recorded_when_there_is_room(room: Room) -> None:
    resource = pytest.importorskip("resource")
    if not hasattr(resource, "prlimit"):
        pytest.skip("this system cannot limit another process")
    with running_watch(room) as process:
        save(room, 1)
        kind, no_limit = resource.RLIMIT_FSIZE, resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        # No file may grow beyond what it has: as on a full disk, writing fails.
        resource.prlimit(process.pid, kind, (4096, no_limit[1]))
        before = room.actions()
        write_step(room.folder, 2)
        time.sleep(2)
        assert process.poll() is None
        assert room.actions() == before
        resource.prlimit(process.pid, kind, no_limit)
        wait_until(lambda: "session.saved" in room.actions())
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
    # This ledger has no keys, so that nothing is kept in a vault that could meet it as well.
    assert out.count("not recorded: ") == 1
