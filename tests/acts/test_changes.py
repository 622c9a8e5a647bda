"""A file is read when it has kept still, and gone when it has been missing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stemproof.acts.changes import Changes, Settling
from stemproof.acts.survey import Found

FILE = Found("Song.mmp", "session", 10, 1)
GROWN = Found("Song.mmp", "session", 20, 2)


def changed(*found: Found) -> Changes:
    return Changes(found, frozenset(), ())


def test_a_file_settles_after_it_kept_still() -> None:
    settling = Settling(0.5, 3.0)
    assert settling.settle(changed(FILE), 10.0).changed == ()
    assert settling.settle(changed(FILE), 10.4).changed == ()
    assert settling.settle(changed(FILE), 10.5).changed == (FILE,)


def test_a_file_that_grows_begins_to_settle_anew() -> None:
    settling = Settling(0.5, 3.0)
    settling.settle(changed(FILE), 10.0)
    settling.settle(changed(GROWN), 10.4)
    assert settling.settle(changed(GROWN), 10.6).changed == ()
    assert settling.settle(changed(GROWN), 10.9).changed == (GROWN,)


def test_a_file_is_missing_for_longer_before_it_is_gone() -> None:
    settling = Settling(0.5, 3.0)
    gone = Changes((), frozenset({"Song.mmp"}), ())
    settling.settle(gone, 10.0)
    assert settling.settle(gone, 12.0).missing == frozenset()
    assert settling.settle(gone, 13.0).missing == {"Song.mmp"}


def test_a_file_that_came_back_in_between_is_not_gone() -> None:
    settling = Settling(0.5, 3.0)
    gone = Changes((), frozenset({"Song.mmp"}), ())
    settling.settle(gone, 10.0)
    settling.settle(changed(), 11.0)
    settling.settle(gone, 12.0)
    assert settling.settle(gone, 13.0).missing == frozenset()


@given(sizes=st.lists(st.integers(0, 3), min_size=1, max_size=30))
def test_nothing_is_read_that_changed_within_the_last_while(sizes: list[int]) -> None:
    settling = Settling(0.5, 3.0)
    states: list[Found] = []
    for number, size in enumerate(sizes):
        states.append(Found("Song.mmp", "session", size, 0))
        settled = settling.settle(changed(states[-1]), number * 0.2).changed
        # Three looks at 0.2 s apart span 0.4 s, four 0.6 s.
        is_still = len(states) >= 4 and len(set(states[-4:])) == 1
        assert bool(settled) == is_still
