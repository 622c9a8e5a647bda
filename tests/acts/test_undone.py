"""Undo logs: each entry recorded once, with the time that it claims, however often it is read."""

from __future__ import annotations

import gzip
import os
import time
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import pytest
from tests.acts.keyed import Keyed, make_keyed
from tests.acts.room import Event, Room
from tests.capture.test_corpus import SESSIONS
from tests.log.ledgers import behind_its_back

from stemproof.acts.erase import erase, plan_events, plan_work
from stemproof.acts.home import now, opened
from stemproof.acts.reading import Wanted, newest_lines
from stemproof.acts.steps import forget_steps

FIXTURE = Path(__file__).parents[1] / "capture" / "fixtures" / "rpp" / "track_volume"
LONG_AGO = 1_666_752_458


def reaper(*entries: tuple[str, int]) -> bytes:
    lines = "".join(f"  <UENT `{label}` {at} 311 2\n  >\n" for label, at in entries)
    return f"<REAPER_UNDO_HISTORY 1\n{lines}>\n".encode()


def write_log(room: Room, data: bytes, name: str = "Mix.rpp-UNDO") -> None:
    path = room.folder / name
    fresh = not path.exists()
    path.write_bytes(data)
    stat = path.stat()
    if not fresh:
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))


def save(room: Room, step: int) -> None:
    """Save the session of a fixture: as it was before a change, or after."""
    path = room.folder / "Mix.rpp"
    path.write_bytes((FIXTURE / ("before.rpp" if step == 0 else "after.rpp")).read_bytes())


def entries(room: Room) -> list[Event]:
    return [event for event in room.events() if event.action == "undo.entry"]


def test_the_steps_between_saves_are_recorded_with_what_they_claim(room: Room) -> None:
    save(room, 0)
    write_log(room, reaper(("Add track", LONG_AGO), ("Split items", LONG_AGO + 7)))
    observed = room.look()
    read = room.last("undo.read").body
    assert (read["entries"], read["new"], read["of"]) == (2, 2, "Mix.rpp")
    assert [event.body["text"] for event in entries(room)] == ["Add track", "Split items"]
    assert [event.body["claimed_time"] for event in entries(room)] == [
        "2022-10-26T02:47:38.000Z",
        "2022-10-26T02:47:45.000Z",
    ]
    assert "Mix.rpp-UNDO: 2 undo steps: Add track (1), Split items (1)" in observed.lines


def test_an_entry_is_recorded_once_however_often_the_log_is_written(room: Room) -> None:
    save(room, 0)
    write_log(room, reaper(("Add track", LONG_AGO)))
    room.look()
    save(room, 1)
    write_log(room, reaper(("Add track", LONG_AGO), ("Move items", LONG_AGO + 1)))
    room.look()
    room.look()
    assert [event.body["text"] for event in entries(room)] == ["Add track", "Move items"]
    assert room.actions().count("undo.read") == 2


def test_two_alike_steps_of_one_second_are_two(room: Room) -> None:
    save(room, 0)
    write_log(room, reaper(("Move items", LONG_AGO), ("Move items", LONG_AGO)))
    room.look()
    write_log(room, reaper(*[("Move items", LONG_AGO)] * 3))
    room.look()
    assert len(entries(room)) == 3


def test_a_copied_session_brings_no_step_twice(room: Room) -> None:
    save(room, 0)
    write_log(room, reaper(("Add track", LONG_AGO)))
    room.look()
    (room.folder / "Mix 2.rpp").write_bytes((room.folder / "Mix.rpp").read_bytes())
    write_log(room, reaper(("Add track", LONG_AGO)), "Mix 2.rpp-UNDO")
    room.look()
    assert len(entries(room)) == 1


def test_only_steps_that_were_watched_have_a_class(room: Room) -> None:
    save(room, 0)
    write_log(room, reaper(("Add track", LONG_AGO)))
    room.look()
    later = int(time.time()) + 1
    save(room, 1)
    write_log(
        room, reaper(("Add track", LONG_AGO), ("Old idea", LONG_AGO + 1), ("Move items", later))
    )
    room.look()
    found = {event.body["text"]: event.header for event in entries(room)}
    assert {text: header.class_ for text, header in found.items()} == {
        "Add track": "unknown",
        "Old idea": "unknown",
        "Move items": "human_with_tool",
    }
    assert {header.stage for header in found.values()} == {"none"}
    assert found["Move items"].actor == "author"


def test_steps_that_nobody_watched_have_none(room: Room) -> None:
    save(room, 0)
    write_log(room, reaper(("Add track", LONG_AGO)))
    room.look()
    write_log(room, reaper(("Move items", int(time.time()) + 1)))
    room.look(live=False)
    assert entries(room)[-1].header.class_ == "unknown"


def test_a_time_in_the_far_future_is_no_crash_and_not_watched(room: Room) -> None:
    save(room, 0)
    write_log(room, reaper(("Add track", LONG_AGO)))
    room.look()
    write_log(room, reaper(("Move items", 10**17), ("Move back", -5)))
    room.look()
    assert {event.header.class_ for event in entries(room)} == {"unknown"}
    assert entries(room)[1].body["claimed_time"].startswith("9999-")


def test_a_broken_undo_log_is_told_once_and_read_when_it_changed(room: Room) -> None:
    save(room, 0)
    write_log(room, b"<REAPER_UNDO_HISTORY 1\n  <UENT `Add")
    assert room.look().problems[0].startswith("Mix.rpp-UNDO: ")
    assert room.look().problems == []
    write_log(room, reaper(("Add track", LONG_AGO)))
    room.look()
    assert len(entries(room)) == 1


def test_the_undo_log_is_kept_in_the_vault(tmp_path: Path) -> None:
    keyed: Keyed = make_keyed(tmp_path)
    save(keyed.room, 0)
    data = reaper(("Add track", LONG_AGO))
    write_log(keyed.room, data)
    keyed.room.look()
    assert keyed.kept(bytes.fromhex(keyed.room.last("undo.read").body["sha256"])) == data


def test_the_log_shows_one_line_for_many_steps(room: Room) -> None:
    save(room, 0)
    write_log(room, reaper(*[(f"Step {n % 7}", LONG_AGO + n) for n in range(100)]))
    room.look()
    with opened(room.home) as log:
        shown = [line.text for line in newest_lines(log, Wanted(), 50)]
        everything = newest_lines(log, Wanted(heartbeats=True), 500)
    assert shown[-1] == (
        "Mix.rpp-UNDO: 100 undo steps: Step 0 (15), Step 1 (15), Step 2 (14), Step 3 (14),"
        " Step 4 (14) and others; 2022-10-26 to 2022-10-26 as it claims"
    )
    assert sum(line.header.action == "undo.entry" for line in everything) == 100


ARDOUR_HISTORY = b"""<?xml version="1.0" encoding="UTF-8"?>
<UndoHistory>
  <UndoTransaction tv-sec="1592362048" tv-usec="351960" name="delete objects">
    <StatefulDiffCommand obj-id="68262" type-name="ARDOUR::AudioPlaylist">
      <Changes><Regions><Remove id="82386"/></Regions></Changes>
    </StatefulDiffCommand>
  </UndoTransaction>
</UndoHistory>
"""
ARDOUR = b'<?xml version="1.0"?>\n<Session version="7003" name="Song" sample-rate="48000"/>\n'


def test_ardour_s_history_tells_what_changed_too(room: Room) -> None:
    (room.folder / "Song.ardour").write_bytes(ARDOUR)
    (room.folder / "Song.history").write_bytes(ARDOUR_HISTORY)
    room.look()
    if "session.found" not in room.actions() and "session.unreadable" not in room.actions():
        pytest.skip("Ardour sessions are not read in this version")
    [entry] = entries(room)
    assert entry.body["claimed_time"] == "2020-06-17T02:47:28.351Z"
    assert entry.body["changes"] == [
        {
            "object": "68262",
            "kind": "playlist",
            "what": "region removed",
            "from": "82386",
            "to": None,
        }
    ]


@pytest.mark.skipif(not SESSIONS.exists(), reason="the corpus is not here")
def test_all_378_entries_of_a_real_undo_log_are_recorded(room: Room) -> None:
    save(room, 0)
    packed = (SESSIONS / "rpp/undo_log/01_2022-10-25_931b097.rpp-UNDO.gz").read_bytes()
    write_log(room, gzip.decompress(packed))
    room.look()
    assert len(entries(room)) == 378
    assert room.last("undo.read").body["new"] == 378
    claimed = [datetime.fromisoformat(event.body["claimed_time"]) for event in entries(room)]
    assert claimed == sorted(claimed)


@pytest.mark.skipif(not SESSIONS.exists(), reason="the corpus is not here")
def test_a_growing_history_of_a_real_song_is_recorded_once(room: Room) -> None:
    (room.folder / "Song.ardour").write_bytes(ARDOUR)
    logs = sorted((SESSIONS / "ardour/with-you").glob("*.history.gz"))[:8]
    for path in logs:
        write_log(room, gzip.decompress(path.read_bytes()), "Song.history")
        room.look()
    found = [(event.body["claimed_time"], event.body["text"]) for event in entries(room)]
    assert len(found) == len(set(found))


def recorded(room: Room) -> list[str]:
    """Tell the steps that are recorded, erased ones too."""
    with opened(room.home) as log:
        lines = newest_lines(log, Wanted(heartbeats=True), 100)
    return [line.text for line in lines if line.header.action == "undo.entry"]


def erase_steps(room: Room, *, whole: bool) -> None:
    """Erase the first step that is recorded, or the work with all of them."""
    with opened(room.home) as log:
        first = min(
            line.entry.id
            for line in newest_lines(log, Wanted(heartbeats=True), 100)
            if line.header.action == "undo.entry"
        )
        plan = plan_work(log, room.work) if whole else plan_events(log, [first])
        assert erase(log, plan, now())


@pytest.mark.parametrize("whole", [True, False])
def test_of_erased_steps_nothing_is_left_that_could_be_guessed_back(
    room: Room, whole: bool
) -> None:
    save(room, 0)
    steps = [("Add track", LONG_AGO), ("Sing it again", LONG_AGO + 1)]
    write_log(room, reaper(*steps))
    room.look()
    erase_steps(room, whole=whole)
    with behind_its_back(room.home.path) as database:
        assert database.execute("SELECT count(*) FROM undo_entry").fetchone() == (0,)
        assert database.execute("SELECT digest FROM undo_log").fetchall() == [(bytes(32),)]
        dump = "\n".join(database.iterdump()).encode()
    guess = f"{LONG_AGO} 311000 1 Add track".encode()
    digest = sha256(room.work.id + guess).digest()[:16]
    assert digest.hex().encode() not in dump.lower()
    # And yet they are not recorded anew, while what is done from now on is.
    write_log(room, reaper(*steps, ("Mute", int(time.time()) + 2)))
    room.look()
    told = recorded(room)
    assert len(told) == 3
    assert told[-1].startswith("Mix.rpp-UNDO: Mute, ")


def test_erasing_twice_keeps_the_later_time(room: Room) -> None:
    save(room, 0)
    write_log(room, reaper(("Add track", LONG_AGO)))
    room.look()
    erase_steps(room, whole=True)
    os.utime(room.folder / "Mix.rpp-UNDO", (1, 1))
    room.look()
    with opened(room.home) as log, log.writing():
        forget_steps(log, room.work.id)
    write_log(room, reaper(("Add track", LONG_AGO)))
    room.look()
    assert recorded(room) == ["(erased)"]
