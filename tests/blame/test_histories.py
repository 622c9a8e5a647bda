"""Histories as a ledger records them: other sessions, moves, and saves that are not to be had."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from tests.acts.keyed import Keyed, make_keyed
from tests.blame.reaper import Item, project

from stemproof.acts.blaming import Blame, Source, blame_session
from stemproof.acts.choosing import no_source
from stemproof.acts.disclosed import from_vault
from stemproof.acts.home import opened
from stemproof.acts.vault import opened_vault
from stemproof.testnet.song import write_step

SONG = (project([]), project([Item("a.wav", 0, 4)]), project([Item("a.wav", 2, 4)], volume=0.5))


@pytest.fixture
def keyed(tmp_path: Path) -> Keyed:
    return make_keyed(tmp_path)


def save(keyed: Keyed, name: str, data: bytes) -> None:
    (keyed.room.folder / name).write_bytes(data)
    keyed.room.look()


def ask(keyed: Keyed, name: str, *, with_vault: bool = True) -> Blame:
    room = keyed.room
    data = (room.folder / name).read_bytes()
    with opened(room.home) as log, from_vault(log, keyed.keys) as kept:
        source: Source = partial(kept, room.work.id) if with_vault else no_source
        return blame_session(log, room.work, name, data, source)


def story(blame: Blame) -> list[tuple[str, str, str, str]]:
    """Tell who set what, without the numbers of events."""
    return [
        (thing.label, item.what, item.origin.class_, item.origin.how)
        for track in blame.tracks
        for thing in track.things
        for item in thing.items
    ]


def test_saves_of_another_session_change_nothing(tmp_path: Path) -> None:
    stories = []
    orders: Sequence[str] = ("AAA", "ABABA", "BBAAA", "AABBA")
    for order in orders:
        keyed = make_keyed(tmp_path / order)
        saves, steps = iter(SONG), iter((1, 2))
        for name in order:
            if name == "A":
                save(keyed, "A.rpp", next(saves))
            else:
                write_step(keyed.room.folder, next(steps))
                keyed.room.look()
        stories.append(story(ask(keyed, "A.rpp")))
    assert all(one == stories[0] for one in stories)


def test_a_session_that_was_moved_keeps_its_history(keyed: Keyed) -> None:
    for data in SONG:
        save(keyed, "Song.rpp", data)
    before = story(ask(keyed, "Song.rpp"))
    (keyed.room.folder / "Song.rpp").rename(keyed.room.folder / "Night.rpp")
    keyed.room.look()
    after = ask(keyed, "Night.rpp")
    assert (after.basis.read, after.basis.recorded) == (3, 3)
    assert story(after) == before


def test_a_save_that_is_not_in_the_vault_is_told_by_its_decisions(keyed: Keyed) -> None:
    for data in SONG:
        save(keyed, "Song.rpp", data)
    exact = ask(keyed, "Song.rpp")
    with opened(keyed.room.home) as log, opened_vault(log) as vault:
        assert vault is not None
        vault.drop_work(keyed.room.work.id)
    told = ask(keyed, "Song.rpp")
    assert (told.basis.how, told.basis.read, told.basis.recorded) == ("saves and decisions", 1, 3)
    assert {(label, what, class_) for label, what, class_, _ in story(told)} == {
        (label, what, class_) for label, what, class_, _ in story(exact)
    }


def test_what_was_changed_since_the_last_look_is_not_recorded(keyed: Keyed) -> None:
    save(keyed, "Song.rpp", SONG[0])
    (keyed.room.folder / "Song.rpp").write_bytes(project([], volume=0.3))
    blame = ask(keyed, "Song.rpp")
    assert not blame.basis.is_recorded
    volume = next(i for t in blame.tracks for i in t.items if i.what == "volume")
    assert volume.origin.word == "unknown: not recorded yet"


def test_a_file_that_was_never_recorded_is_nobody_s(keyed: Keyed) -> None:
    save(keyed, "Song.rpp", SONG[0])
    (keyed.room.folder / "New.rpp").write_bytes(SONG[1])
    blame = ask(keyed, "New.rpp", with_vault=False)
    assert blame.basis.how == "nothing"
    assert {how for *_, how in story(blame)} == {"not recorded"}


def test_a_change_while_nobody_watched_is_unknown(keyed: Keyed) -> None:
    save(keyed, "Song.rpp", SONG[0])
    (keyed.room.folder / "Song.rpp").write_bytes(SONG[2])
    keyed.room.look(live=False)
    blame = ask(keyed, "Song.rpp")
    volume = next(i for t in blame.tracks for i in t.items if i.what == "volume")
    assert (volume.origin.class_, volume.origin.live) == ("unknown", False)
