"""What scripts tell: lines from a folder that any program can write to."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.acts.room import Room, make_room, wait_until
from tests.acts.test_watch import watching

from stemproof.acts.home import now, opened
from stemproof.acts.spool import MAX_FILE_BYTES, parse_told, spool_folder, take_spool
from stemproof.errors import Malformed
from stemproof.record.canonical import canonical_bytes

RUN = "0123456789abcdef"


def line(**changes: Any) -> bytes:  # Any: wrong kinds are what is tested
    members: dict[str, Any] = {
        "from": "-3.0 dB",
        "n": 1,
        "object": "{GUID}",
        "project": "/songs/Song.rpp",
        "run": RUN,
        "script": "reaper",
        "text": "Vox: volume -3.0 dB -> -4.5 dB",
        "time": "2026-11-22T12:00:00Z",
        "to": "-4.5 dB",
        "track": "Vox",
        "v": 0,
        "what": "track.volume",
    }
    return canonical_bytes({**members, **changes})


def write(room: Room, *lines: bytes, name: str = f"reaper-{RUN}.jsonl") -> Path:
    folder = spool_folder(room.home)
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(b"".join(one + b"\n" for one in lines))
    return path


def take(room: Room) -> list[str]:
    """Take twice: once to take the files away, once to read them; give the problems."""
    problems = []
    for later in (timedelta(0), timedelta(seconds=2)):
        with opened(room.home) as log:
            taken = take_spool(room.home, log, now() + later, only=[room.work])
        problems += taken.problems
    return problems


def told(room: Room) -> list[dict[str, Any]]:
    return [event.body for event in room.events() if event.action == "daw.told"]


def of(room: Room, **changes: Any) -> bytes:
    return line(project=str(room.folder / "Song.rpp"), **changes)


def test_a_line_is_read_as_it_was_written() -> None:
    one = parse_told(line())
    assert (one.script, one.n, one.what, one.after) == ("reaper", 1, "track.volume", "-4.5 dB")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        line()[:-1],
        line() + b" ",
        line(v=1),
        line(v=False),
        line(n=0),
        line(n=True),
        line(n="1"),
        line(extra=""),
        line(run="0" * 15),
        line(run="../../../etc/ab"),
        line(script="cubase"),
        line(what="decision.param"),
        line(what="track."),
        line(what="track.volume\n"),
        line(time="2026-11-22T12:00:00"),
        line(time="2026-13-22T12:00:00Z"),
        line(text="a" * 301),
        line(text=None),
        line(project="/" + "a" * 5000),
        line().replace(b'"n":1', b'"n":1.0'),
        line().replace(b'"n":1', b'"n":1,"n":2'),
        line().replace(b'"Vox"', b'"\\u0056ox"'),
        b"[" * 10_000,
    ],
)
def test_a_line_in_any_other_form_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_told(data)


@given(data=st.binary(max_size=300))
def test_any_bytes_are_a_line_or_refused(data: bytes) -> None:
    try:
        parse_told(data)
    except Malformed:
        return


def test_what_a_script_tells_is_recorded_with_its_time_as_a_claim(room: Room) -> None:
    write(room, of(room), of(room, n=2, what="track.pan"))
    assert take(room) == []
    first, second = told(room)
    assert (first["what"], first["path"], first["text"]) == (
        "track.volume",
        "Song.rpp",
        "Vox: volume -3.0 dB -> -4.5 dB",
    )
    assert first["claimed_time"] == "2026-11-22T12:00:00Z"
    assert second["n"] == 2
    header = room.last("daw.told").header
    assert (header.class_, header.actor, header.observed, header.stage) == (
        "unknown",
        "unknown",
        "tool",
        "none",
    )
    assert list(spool_folder(room.home).iterdir()) == []


def test_a_line_is_recorded_once_and_what_was_lost_is_told(room: Room) -> None:
    write(room, of(room), of(room, n=2))
    take(room)
    write(room, of(room, n=2), of(room, n=5), of(room, n=1))
    take(room)
    assert [(body["n"], body.get("lost")) for body in told(room)] == [(1, None), (2, None), (5, 2)]


def test_what_is_told_of_other_projects_is_left_out(room: Room) -> None:
    write(
        room,
        of(room),
        line(n=2),
        line(n=3, project=f"{room.folder}/../elsewhere/Song.rpp"),
        line(n=4, project=f"{room.folder}-2/Song.rpp"),
        line(n=5, project=""),
        line(n=6, project="Song.rpp"),
    )
    assert len(take(room)) == 1
    assert [body["n"] for body in told(room)] == [1]


def test_live_without_a_path_means_the_only_work(room: Room) -> None:
    write(room, line(project="", script="live"), name=f"live-{RUN}.jsonl")
    take(room)
    assert [body["path"] for body in told(room)] == [""]


def test_bad_lines_are_counted_and_good_ones_recorded(room: Room) -> None:
    write(room, b"nonsense", of(room), b"{}", b"\x00" * 50)
    assert take(room) == [f"reaper-{RUN}.jsonl.taken: 3 lines are not such as our scripts write"]
    assert len(told(room)) == 1


def test_a_file_too_large_is_read_as_far_as_it_may_be(room: Room) -> None:
    write(room, of(room), b"x" * MAX_FILE_BYTES)
    assert len(take(room)) == 1
    assert len(told(room)) == 1


def test_only_files_with_a_scripts_name_are_touched(room: Room) -> None:
    for name in ("other.jsonl", "reaper-XYZ.jsonl", f"reaper-{RUN}.json", f"word-{RUN}.jsonl"):
        write(room, of(room), name=name)
    outside = room.folder / "outside"
    outside.write_bytes(of(room) + b"\n")
    (spool_folder(room.home) / f"live-{RUN}.jsonl").symlink_to(outside)
    assert take(room) == []
    assert told(room) == []
    assert len(list(spool_folder(room.home).iterdir())) == 5
    assert outside.exists()


def test_a_file_that_was_just_taken_is_left_to_its_writer_for_a_moment(room: Room) -> None:
    path = write(room, of(room))
    with path.open("ab") as writer, opened(room.home) as log:
        take_spool(room.home, log, now(), only=[room.work])
        writer.write(of(room, n=2) + b"\n")
        assert not path.exists()
    take(room)
    assert [body["n"] for body in told(room)] == [1, 2]


def test_the_watch_takes_what_is_told(room: Room) -> None:
    with watching(room) as said:
        write(room, of(room))
        wait_until(lambda: told(room))
    assert any(one.lines == ["Song.rpp: Vox: volume -3.0 dB -> -4.5 dB"] for one in said)


def test_many_files_are_taken_in_turns(tmp_path: Path) -> None:
    room = make_room(tmp_path)
    for number in range(80):
        run = f"{number:016x}"
        write(room, of(room, run=run), name=f"reaper-{run}.jsonl")
    problems = take(room) + take(room)
    assert len(told(room)) == 80
    assert any("80 files" in problem for problem in problems)


def test_what_waits_when_a_watch_begins_is_recorded(room: Room) -> None:
    write(room, of(room), name=f"reaper-{RUN}.jsonl.taken")
    with watching(room):
        wait_until(lambda: told(room))


def test_a_paused_work_is_told_nothing(room: Room) -> None:
    write(room, of(room))
    for later in (timedelta(0), timedelta(seconds=2)):
        with opened(room.home) as log:
            take_spool(room.home, log, now() + later, only=[])
    assert told(room) == []
    assert list(spool_folder(room.home).iterdir()) == []
