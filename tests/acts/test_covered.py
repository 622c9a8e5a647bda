"""Coverage: what was watched, out of what, and where nobody looked."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.acts.room import Room, command, write_tone

from stemproof.acts.covered import Covered, _in_order, look_over
from stemproof.acts.home import opened
from stemproof.acts.observe import Look, observe, watch_facts
from stemproof.testnet.song import write_step

START = datetime(2027, 3, 1, 10, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def watch(room: Room, action: str, minutes: float) -> None:
    with opened(room.home) as log:
        watch_facts(log, [room.work], f"watch.{action}", at(minutes), int(minutes * 60_000))


def save(room: Room, step: int, minutes: float, *, live: bool = True) -> None:
    [path] = write_step(room.folder, step)[:1]
    when = at(minutes).timestamp()
    os.utime(path, (when, when))
    with opened(room.home) as log:
        observe(log, room.work, Look(lambda: at(minutes), live, lambda: None))


def covered(room: Room) -> Covered:
    with opened(room.home) as log:
        [(_, found)] = look_over(log, room.work.id)
        return found


def gaps(room: Room) -> list[tuple[float, float, str]]:
    return [
        (
            (gap.start - START) / timedelta(minutes=1),
            (gap.end - START) / timedelta(minutes=1),
            gap.why,
        )
        for gap in covered(room).gaps
    ]


def test_a_watch_without_a_break_covers_all(room: Room) -> None:
    watch(room, "open", 0)
    for step, minutes in ((1, 1), (2, 10), (3, 20)):
        save(room, step, minutes)
        watch(room, "beat", minutes)
    watch(room, "close", 21)
    found = covered(room)
    assert found.gaps == []
    assert (found.watched, found.span) == (timedelta(minutes=19), timedelta(minutes=19))
    assert (found.saves["session.saved"], found.all_saves, found.unlinked) == (2, 3, 0)
    assert found.saves["session.found"] == 1
    assert 0 < found.live_bytes < found.all_bytes


def test_a_pause_shows_as_a_gap(room: Room) -> None:
    watch(room, "open", 0)
    save(room, 1, 1)
    watch(room, "pause", 5)
    watch(room, "open", 12)
    save(room, 2, 15, live=False)
    watch(room, "close", 16)
    assert gaps(room) == [(5, 12, "paused")]
    found = covered(room)
    assert (found.pauses, found.saves["session.jumped"]) == (1, 1)
    assert found.watched == timedelta(minutes=4 + 3)


def test_a_watch_that_was_killed_leaves_a_gap_from_its_last_sign_of_life(room: Room) -> None:
    watch(room, "open", 0)
    save(room, 1, 1)
    watch(room, "beat", 3)
    watch(room, "open", 30)
    save(room, 2, 31)
    watch(room, "close", 32)
    assert gaps(room) == [(3, 30, "without a word")]


def test_time_before_and_after_the_saves_counts_for_nothing(room: Room) -> None:
    watch(room, "open", 0)
    watch(room, "close", 5)
    watch(room, "open", 60)
    save(room, 1, 61)
    save(room, 2, 62)
    watch(room, "beat", 90)
    found = covered(room)
    assert (found.gaps, found.watched) == ([], timedelta(minutes=1))


def test_saves_without_any_watch_are_one_gap(room: Room) -> None:
    save(room, 1, 0, live=False)
    save(room, 2, 50, live=False)
    assert gaps(room) == [(0, 50, "before the watch")]
    assert covered(room).watched == timedelta(0)


def test_audio_that_nobody_saw_appear_is_without_origin(room: Room) -> None:
    for name, live in (("a.wav", True), ("b.wav", False)):
        write_tone(room.folder / name, seconds=1)
        room.look(live=live)
    found = covered(room)
    assert (found.audio_live, found.audio_found) == (1, 1)


def test_a_save_behind_an_unreadable_one_is_a_jump(room: Room, tmp_path: Path) -> None:
    save(room, 1, 0)
    whole = write_step(tmp_path / "elsewhere", 2)[0].read_bytes()
    for content in (whole[:3000], whole):
        path = room.folder / "Song.mmp"
        state = path.stat()
        path.write_bytes(content)
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1_000_000))
        room.look(moment=at(1))
    found = covered(room)
    counts = found.saves["session.unreadable"], found.saves["session.saved"], found.unlinked
    assert counts == (1, 1, 1)


def test_a_clock_that_went_back_is_counted_and_adds_no_time(room: Room) -> None:
    watch(room, "open", 10)
    save(room, 1, 11)
    watch(room, "beat", 2)
    save(room, 2, 12)
    assert covered(room).clock_jumps >= 1
    assert covered(room).watched <= timedelta(minutes=1)


MINUTES = st.integers(0, 50)


@given(st.lists(st.tuples(MINUTES, MINUTES)))
def test_stretches_never_count_a_moment_twice(pairs: list[tuple[int, int]]) -> None:
    stretches = [(at(min(pair)), at(max(pair)), "ended") for pair in pairs]
    ordered = list(_in_order(stretches))
    minutes = {m for one, two in pairs for m in range(min(one, two), max(one, two))}
    total = sum(((end - start) for start, end, _ in ordered), timedelta(0))
    assert total == timedelta(minutes=len(minutes))


def test_the_command_says_it_and_its_document_too(room: Room) -> None:
    watch(room, "open", 0)
    save(room, 1, 1)
    watch(room, "pause", 5)
    watch(room, "open", 12)
    save(room, 2, 15, live=False)
    watch(room, "close", 16)
    told = command(room, "coverage")
    assert told.returncode == 0, told.stderr
    assert "0 of 2 saves" in told.stdout
    assert "1: 1 paused; longest 7 min 00 s" in told.stdout
    found = json.loads(command(room, "coverage", "--json").stdout)["logs"][0]
    assert (found["jumped"], found["found"], found["pauses"]) == (1, 1, 1)
    assert found["gaps"][0]["why"] == "paused"


@pytest.mark.parametrize("arguments", [["coverage", "Nobody"]])
def test_an_unknown_work_is_a_usage_error(room: Room, arguments: list[str]) -> None:
    assert command(room, *arguments).returncode == 2
