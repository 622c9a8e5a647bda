"""Sessions are read once and remembered within bounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from stemproof.acts import parsed
from stemproof.acts.parsed import read_once
from stemproof.errors import BadInput

SESSIONS = Path(__file__).parents[1] / "capture" / "fixtures" / "rpp"


def session_bytes(number: int) -> bytes:
    base = (SESSIONS / "track_volume" / "before.rpp").read_bytes()
    return base.replace(b"\n>\n", b"\n  <NOTES 0 2\n    |%d\n  >\n>\n" % number)


def test_the_same_bytes_are_the_same_session() -> None:
    data = session_bytes(1)
    assert read_once("a/Song.rpp", data) is read_once("b/Other.RPP", bytes(bytearray(data)))


def test_two_programs_that_save_in_turns_find_their_last_save() -> None:
    one, two = session_bytes(10), session_bytes(20)
    kept = [read_once("One.rpp", one), read_once("Two.rpp", two)]
    read_once("One.rpp", session_bytes(11))
    assert read_once("One.rpp", one) is kept[0]
    read_once("Two.rpp", session_bytes(21))
    assert read_once("Two.rpp", two) is kept[1]


def test_no_more_than_a_few_are_kept() -> None:
    for number in range(50):
        read_once("Song.rpp", session_bytes(number))
    assert len(parsed._kept) == 3


def test_what_cannot_be_read_is_refused_each_time() -> None:
    for _ in range(2):
        with pytest.raises(BadInput):
            read_once("Song.rpp", b"<REAPER_PROJECT\n")
