"""The search for cycles is paused while a session is read, and goes on afterwards."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemproof.capture.sessions.collector import pause_collector
from stemproof.capture.sessions.parts import count_parts, find_finest
from stemproof.errors import BadInput


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    yield
    gc.enable()


def test_the_search_is_off_inside_and_on_again_after_an_error() -> None:
    def read() -> None:
        with pause_collector():
            assert not gc.isenabled()
            raise BadInput("cut short")

    with pytest.raises(BadInput, match="cut short"):
        read()
    assert gc.isenabled()


def test_whoever_turned_it_off_finds_it_off() -> None:
    gc.disable()
    with pause_collector():
        pass
    assert not gc.isenabled()


@given(st.lists(st.fractions(0, 100, max_denominator=10_000), max_size=8))
def test_whole_numbers_stand_in_the_order_of_the_times(times: list[Fraction]) -> None:
    finest = find_finest(times)
    assert finest is not None
    assert [Fraction(count_parts(time, finest), finest) for time in times] == times


@given(st.fractions(0, 100, max_denominator=10_000), st.integers(1, 10_000))
def test_a_time_between_two_parts_is_rounded_to_the_nearest(time: Fraction, parts: int) -> None:
    assert count_parts(time, parts) == round(time * parts)


def test_times_that_no_machine_word_holds_are_told() -> None:
    primes = [n for n in range(2, 200) if all(n % m for m in range(2, n))]
    assert find_finest(Fraction(1, prime) for prime in primes) is None
