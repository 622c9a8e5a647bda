"""What a watch tells: each thing that is in its way once, until recording goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from stemproof.acts.begin import Work
from stemproof.acts.desk import Line, Observed
from stemproof.acts.telling import Telling
from stemproof.errors import Unavailable

WORK = Work(bytes(16), Path("song"), "Small Hours", False, "", "")
FULL = Unavailable("the disk is full: the ledger was not changed")


class Heard(list[Observed]):
    """Takes in what is told."""

    def take(self, observed: Observed, work: Work) -> None:
        assert work is WORK
        self.append(observed)

    @property
    def problems(self) -> list[str]:
        return [problem for one in self for problem in one.problems]


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_a_full_disk_is_told_once_though_a_quiet_look_comes_between(heard: Heard) -> None:
    telling = Telling(heard.take)
    telling.complain([WORK], FULL)
    telling.report(WORK, Observed())
    telling.complain([WORK], FULL)
    assert heard.problems == [str(FULL)]


def test_what_to_do_about_it_is_told_with_it(heard: Heard) -> None:
    error = Unavailable("the disk is full", hint="free some space")
    Telling(heard.take).complain([WORK], error)
    assert heard.problems == ["the disk is full; free some space"]


def test_it_is_told_again_once_something_was_recorded(heard: Heard) -> None:
    telling = Telling(heard.take)
    telling.complain([WORK], FULL)
    telling.report(WORK, Observed(said=[Line("Song.mmp", "saved")]))
    telling.complain([WORK], FULL)
    assert heard.problems == [str(FULL), str(FULL)]


def test_two_things_in_the_way_are_both_told(heard: Heard) -> None:
    telling = Telling(heard.take)
    for error in (FULL, Unavailable("the ledger is in use"), FULL):
        telling.complain([WORK], error)
    assert len(heard.problems) == 2


def test_a_save_that_the_vault_refuses_twice_is_told_once(heard: Heard) -> None:
    telling = Telling(heard.take)
    refused = Line("Song.mmp", "not kept in the vault: the disk is full")
    telling.report(WORK, Observed(said=[Line("Song.mmp", "saved")], unkept=[refused]))
    telling.report(WORK, Observed(unkept=[refused]))
    assert [one.unkept for one in heard] == [[refused]]
    telling.report(WORK, Observed(said=[Line("Song.mmp", "saved")], unkept=[refused]))
    assert len(heard) == 2
