"""Beginning: a ledger is made once, a folder is one work, and a work is found by its names."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.acts.room import Room, read_events

from stemproof.acts.begin import add_work, find_work, list_works, make_ledger
from stemproof.acts.home import Home, now, opened
from stemproof.acts.works import move_work
from stemproof.errors import BadInput, Usage


def test_a_ledger_begins_with_the_event_that_binds_its_keys(tmp_path: Path) -> None:
    home = Home(tmp_path / "ledger")
    created = make_ledger(home, "correct horse battery", now())
    with opened(home) as log:
        [event] = read_events(log)
    assert event.action == "log.open"
    assert event.header.origin == created.keys.origin
    assert event.fields["body"] == created.keys.make_binding()
    with pytest.raises(BadInput, match="already"):
        make_ledger(home, "correct horse battery", now())


def test_a_known_folder_is_its_known_work(room: Room) -> None:
    again = add_work(room.home, room.folder / ".." / "song", "Another title", now())
    assert again == room.work
    assert room.actions() == []


@pytest.mark.parametrize("place", ["song/stems", "."])
def test_works_do_not_lie_in_each_other(room: Room, place: str) -> None:
    folder = room.folder.parent / place
    folder.mkdir(exist_ok=True)
    with pytest.raises(BadInput, match="lie in each other"):
        add_work(room.home, folder, None, now())


def test_what_is_no_folder_is_refused(room: Room) -> None:
    with pytest.raises(BadInput, match="is not a folder"):
        add_work(room.home, room.folder / "missing", None, now())


@pytest.mark.parametrize("title", ["", "x" * 201])
def test_a_title_has_bounds(room: Room, tmp_path: Path, title: str) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(Usage, match="characters"):
        add_work(room.home, tmp_path / "other", title, now())


def test_a_work_is_found_by_title_folder_and_id(room: Room) -> None:
    work = room.work
    with opened(room.home) as log:
        for name in (None, "Small Hours", str(room.folder), work.id.hex()[:8]):
            assert find_work(log, name) == work


def test_two_works_must_be_told_apart(room: Room, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    add_work(room.home, tmp_path / "other", "Small Hours", now())
    with opened(room.home) as log:
        with pytest.raises(Usage, match="2 works"):
            find_work(log, None)
        with pytest.raises(Usage, match="more than one"):
            find_work(log, "Small Hours")
        with pytest.raises(Usage, match="no work is called"):
            find_work(log, "Waltz")


def test_a_moved_work_keeps_its_history(room: Room, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    work = room.work
    with opened(room.home) as log:
        assert move_work(log, work, tmp_path / "elsewhere").folder == tmp_path / "elsewhere"
        assert [one.id for one in list_works(log)] == [work.id]


def test_a_work_does_not_move_into_another(room: Room, tmp_path: Path) -> None:
    (tmp_path / "other" / "inner").mkdir(parents=True)
    other = add_work(room.home, tmp_path / "other", None, now())
    with opened(room.home) as log:
        for folder in (other.folder, other.folder / "inner", tmp_path):
            with pytest.raises(BadInput, match="watched already"):
                move_work(log, room.work, folder)
        with pytest.raises(BadInput, match="is not a folder"):
            move_work(log, room.work, tmp_path / "missing")
