"""The runner of transcripts can say no, and writes back what it read."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.transcript import Step, accept, agrees, format_transcript, parse_transcript, replay

TEXT = """\
# a greeting
$ echo one; echo two >&2; exit 3
one
! two
? 3

$ true
"""


def test_a_transcript_is_written_as_it_was_read() -> None:
    assert format_transcript(parse_transcript(TEXT)) == TEXT


def test_the_answer_of_a_command_is_what_it_printed(tmp_path: Path) -> None:
    assert list(replay(parse_transcript(TEXT), tmp_path)) == parse_transcript(TEXT)


def test_each_replay_has_an_empty_home_of_its_own(tmp_path: Path) -> None:
    [step] = replay([Step("echo $HOME; ls -A; echo ${STEMPROOF_HOME#$HOME}")], tmp_path)
    assert step.out == ["<home>", "/ledger"]


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        (["root <hex>"], ["root 5d41402abc4b2a76"]),
        (["root <hex>"], ["root 0x5d41402abc4b2a76"]),
        (["at <time>"], ["at 2026-02-03T04:05:06Z"]),
        (["<number> events"], ["1,024 events"]),
        (["<any>"], [""]),
        (["first", "...", "last"], ["first", "x", "y", "last"]),
        (["first", "...", "last"], ["first", "last"]),
    ],
)
def test_a_placeholder_stands_for_what_differs(wanted: list[str], got: list[str]) -> None:
    assert agrees(wanted, got)


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        (["root <hex>"], ["root xyz"]),
        (["at <time>"], ["at noon"]),
        (["a.c"], ["abc"]),
        (["one"], ["one", "two"]),
        (["one", "two"], ["one"]),
        ([], ["one"]),
        (["first", "...", "last"], ["first", "x"]),
    ],
)
def test_another_answer_is_noticed(wanted: list[str], got: list[str]) -> None:
    assert not agrees(wanted, got)


def test_accepting_hides_what_differs_by_run_and_keeps_what_agrees() -> None:
    old = Step("x", ["# why"], ["<number> events"], ["gone"])
    new = Step("x", [], ["12 events"], ["root 5d41402abc4b2a76 at 2026-02-03T04:05:06Z"], 1)
    wanted = Step("x", ["# why"], ["<number> events"], ["root <hex> at <time>"], 1)
    assert accept(old, new) == wanted


def test_output_that_would_be_read_as_a_command_is_not_written() -> None:
    with pytest.raises(AssertionError, match="read as something else"):
        format_transcript([Step("x", [], ["$ rm"])])
