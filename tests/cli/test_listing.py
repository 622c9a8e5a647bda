"""What a list says: whole sentences of help, spans of numbers, nothing where there is nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cli.typed import stemproof

from stemproof_cli.amounts import spans

PASSPHRASE = "correct horse battery staple"


@pytest.mark.parametrize("words", [(), ("key",), ("pin", "--help"), ("log",)])
def test_no_sentence_of_help_is_cut(tmp_path: Path, words: tuple[str, ...]) -> None:
    answer = stemproof(tmp_path / "none", *words)
    shown = answer.out + answer.err
    assert "Commands:" in shown
    assert "..." not in shown.replace("[ARGS]...", "")
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_long_sentences_of_help_go_on_in_the_next_line(tmp_path: Path) -> None:
    shown = " ".join(stemproof(tmp_path / "none").err.split())
    assert (
        "pause Stop recording a song, or all of them; what changes until it goes on is not watched."
    ) in shown


def test_without_a_pin_that_is_said(tmp_path: Path) -> None:
    home = tmp_path / "ledger"
    assert stemproof(home, "init", passphrase_fd=PASSPHRASE).code == 0
    answer = stemproof(home, "pin", "status")
    assert (answer.code, answer.out) == (0, "")
    assert answer.err == "nothing is pinned yet: `stemproof pin add FILE`\n"


def test_a_short_passphrase_makes_no_ledger(tmp_path: Path) -> None:
    answer = stemproof(tmp_path / "ledger", "init", passphrase_fd="abc")
    assert answer.code == 3
    assert "a new passphrase has at least 8 characters" in answer.err
    assert not (tmp_path / "ledger").exists()


@given(st.sets(st.integers(0, 40)))
def test_spans_name_each_number_once(numbers: set[int]) -> None:
    told = spans(sorted(numbers))
    named: list[int] = []
    for part in filter(None, told.split(", ")):
        first, _, last = part.partition("-")
        named += range(int(first), int(last or first) + 1)
    assert named == sorted(numbers)


def test_spans_join_what_stands_in_a_row() -> None:
    assert spans([]) == ""
    assert spans([3, 4, 5, 7, 9, 10]) == "3-5, 7, 9-10"
