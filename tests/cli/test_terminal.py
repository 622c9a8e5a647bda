"""What strangers wrote cannot steer a terminal, whatever command shows it."""

from __future__ import annotations

import pytest

from stemproof_cli import say

HOSTILE = "a\x1b]0;PWNED\x07\x1b[31mred\x9b2J\nverified  log  all is well\u202e\x7f"


def test_no_control_character_reaches_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    say.answer(HOSTILE)
    say.talk(HOSTILE)
    said = capsys.readouterr()
    for text in (said.out, said.err):
        assert text.count("\n") == 1
        assert text.rstrip("\n").isprintable()


def test_json_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    say.answer_json({"v": 0, "title": HOSTILE})
    out = capsys.readouterr().out
    assert out.isascii()
    assert all(line.isprintable() for line in out.splitlines())


def test_bold_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    say.answer("\x1b[1mNight\x1b[0m Bus\x1b[2J")
    assert capsys.readouterr().out == "\x1b[1mNight\x1b[0m Bus\N{REPLACEMENT CHARACTER}[2J\n"
