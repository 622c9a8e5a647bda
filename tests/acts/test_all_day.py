"""A watch all day: drives that tell nothing, folders that are renamed, several programs at once."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.acts.room import Room, opens, wait_until, write_tone
from tests.acts.test_watch import saves, watching

from stemproof.acts.survey import Survey, Tree, survey
from stemproof.testnet.song import write_step


class SilentObserver:
    """An observer as on a network drive: it takes every folder and never tells anything."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def join(self, timeout: float | None = None) -> None: ...

    def schedule(self, *_: object, **__: object) -> object:
        return object()

    def unschedule(self, watch: object) -> None: ...


class RefusingObserver(SilentObserver):
    """An observer of a system that has no more watches to give."""

    asked = 0

    def schedule(self, *_: object, **__: object) -> object:
        type(self).asked += 1
        raise OSError(28, "inotify watch limit reached")


@pytest.fixture(params=[SilentObserver, RefusingObserver])
def silent(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the system tell nothing."""
    monkeypatch.setattr("watchdog.observers.Observer", request.param)


def replace(room: Room, step: int) -> None:
    """Save as careful programs do: beside, then renamed over the old file."""
    [whole, *_] = write_step(room.folder.parent / "elsewhere", step)
    beside = room.folder / "Song.mmp.tmp"
    beside.write_bytes(whole.read_bytes())
    beside.replace(room.folder / "Song.mmp")


@pytest.mark.usefixtures("silent")
def test_where_the_system_tells_nothing_saves_are_found_by_looking(room: Room) -> None:
    with watching(room):
        write_step(room.folder, 1)
        wait_until(lambda: saves(room) == 1)
        write_step(room.folder, 2)
        wait_until(lambda: saves(room) == 2)
        replace(room, 3)
        wait_until(lambda: saves(room) == 3)
        write_tone(room.folder / "takes" / "new" / "take 1.wav")
        wait_until(lambda: "audio.appeared" in room.actions())
        (room.folder / "takes" / "new" / "take 1.wav").unlink()
        wait_until(lambda: "audio.gone" in room.actions())


def test_a_system_that_refuses_is_not_asked_all_the_time(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watchdog.observers.Observer", RefusingObserver)
    RefusingObserver.asked = 0
    with watching(room):
        write_step(room.folder, 1)
        wait_until(lambda: saves(room) == 1)
    assert RefusingObserver.asked == 1


def test_a_file_that_is_replaced_by_renaming_is_a_save(room: Room) -> None:
    with watching(room):
        replace(room, 1)
        wait_until(lambda: saves(room) == 1)
        replace(room, 2)
        wait_until(lambda: saves(room) == 2)
    kinds = {action for action in room.actions() if action.startswith("session.")}
    assert kinds == {"session.open", "session.found", "session.saved"}


def test_two_programs_that_save_at_once_are_both_recorded(room: Room) -> None:
    sessions = Path(__file__).parents[1] / "capture" / "fixtures" / "rpp" / "track_volume"
    with watching(room):
        for step, name in ((1, "before.rpp"), (2, "after.rpp")):
            write_step(room.folder, step)
            (room.folder / "Mix.rpp").write_bytes((sessions / name).read_bytes())
            wait_until(partial(has_saves, room, 2 * step))
    saved = [e.body["path"] for e in room.events() if e.action == "session.saved"]
    assert sorted(saved) == ["Mix.rpp", "Song.mmp"]


def has_saves(room: Room, count: int) -> bool:
    return saves(room) == count


def test_a_project_folder_that_is_renamed_is_followed(room: Room) -> None:
    renamed = Room(room.home, room.folder.with_name("song, final"))
    with watching(room):
        write_step(room.folder, 1)
        wait_until(lambda: saves(room) == 1)
        work = room.work.id
        room.folder.rename(renamed.folder)
        wait_until(lambda: (renamed.home.path / "locks").exists() and is_at(renamed))
        assert renamed.work.id == work
        wait_until(lambda: opens(renamed))
        write_step(renamed.folder, 2)
        wait_until(lambda: saves(renamed) == 2)
    assert "session.gone" not in renamed.actions()


def is_at(room: Room) -> bool:
    from stemproof.acts.begin import list_works
    from stemproof.acts.home import opened

    with opened(room.home) as log:
        return any(work.folder == room.folder for work in list_works(log))


def test_another_folder_in_the_place_of_a_removed_one_is_not_followed(room: Room) -> None:
    with watching(room) as said:
        write_step(room.folder, 1)
        wait_until(lambda: saves(room) == 1)
        for path in sorted(room.folder.rglob("*"), reverse=True):
            path.unlink()
        room.folder.rename(room.folder.with_name("empty"))
        wait_until(lambda: any("waiting for it" in p for one in said for p in one.problems))
    assert room.work.folder == room.folder


def test_a_folder_within_that_is_renamed_carries_its_files(room: Room) -> None:
    with watching(room):
        write_step(room.folder / "mix", 1)
        write_tone(room.folder / "mix" / "take.wav")
        wait_until(lambda: saves(room) == 1 and "audio.appeared" in room.actions())
        (room.folder / "mix").rename(room.folder / "mix 2")
        wait_until(lambda: {"session.moved", "audio.moved"} <= set(room.actions()))
    assert {"session.gone", "audio.gone"} & set(room.actions()) == set()


NAMES = st.sampled_from(["a", "b", "a/b", "a/b/c", "b/a"])
FILES = st.sampled_from(["Song.mmp", "take.wav", "notes.txt"])
STEPS = st.lists(st.tuples(st.sampled_from("make write remove rename".split()), NAMES, FILES))


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_looking_where_something_changed_finds_what_a_walk_finds(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, str]]
) -> None:
    root = tmp_path_factory.mktemp("tree")
    tree = Tree(root)
    tree.walk()
    for number, (deed, folder, name) in enumerate(steps):
        apply(root, deed, folder, name, number)
        found = tree.look_at(tree.changed_folders())
        assert found == survey(root)


def apply(root: Path, deed: str, folder: str, name: str, number: int) -> None:
    place = root / folder
    if deed == "make":
        place.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(str(number))
    elif deed == "write" and (place / name).exists() and name != "take.wav":
        (place / name).write_text("x" * number)
    elif deed == "remove" and (place / name).exists():
        (place / name).unlink()
    elif deed == "rename" and place.exists() and not (root / "moved").exists():
        place.rename(root / "moved")


def test_a_folder_that_was_told_of_is_listed_with_what_is_new_in_it(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.walk()
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "Song.mmp").touch()
    inner = tree.within(os.fspath(tmp_path / "a" / "b"))
    assert inner == "a/b"
    assert [found.path for found in tree.look_at([inner]).found] == ["a/b/Song.mmp"]


def test_a_place_elsewhere_is_not_within(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "song")
    assert tree.within(os.fspath(tmp_path / "song")) == ""
    assert tree.within(os.fspath(tmp_path / "song 2" / "x")) is None


def test_a_folder_that_became_a_link_is_left(tmp_path: Path) -> None:
    song, outside = tmp_path / "song", tmp_path / "outside"
    (song / "inner").mkdir(parents=True)
    outside.mkdir()
    (outside / "Secret.mmp").touch()
    (song / "inner" / "Song.mmp").touch()
    tree = Tree(song)
    tree.walk()
    (song / "inner" / "Song.mmp").unlink()
    (song / "inner").rmdir()
    (song / "inner").symlink_to(outside)
    assert tree.look_at(["inner"]) == Survey(())
