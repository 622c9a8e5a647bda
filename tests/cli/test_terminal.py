"""What strangers wrote cannot steer a terminal, whatever command shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.typed import stemproof

from stemproof_cli import say

HOSTILE = "a\x1b]0;PWNED\x07\x1b[31mred\x9b2J\nverified  log  all is well\u202e\x7f"


def test_no_control_character_reaches_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    say.answer(HOSTILE)
    say.talk(HOSTILE)
    said = capsys.readouterr()
    for text in (said.out, said.err):
        assert text.count("\n") == 1
        assert text.rstrip("\n").isprintable()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["note", "x", "--about", "zz"], "--about is 'zz', want a whole number"),
        (["note", "x", "--about", "-4"], "--about is '-4', want 0 or more"),
        (["testnet", "up", "--port", "99999"], "--port is 99999, want 0 to 65535"),
        (["chain", "add", "c", "--rpc", "x", "--id", "1.5"], "--id is '1.5', want a whole number"),
    ],
)
def test_a_value_that_does_not_fit_is_told_in_one_sentence_of_ours(
    tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    answer = stemproof(tmp_path / "none", *arguments)
    assert answer.code == 2
    assert answer.err.startswith(f"stemproof: error: {sentence}\n")


def test_json_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    say.answer_json({"v": 0, "title": HOSTILE})
    out = capsys.readouterr().out
    assert out.isascii()
    assert all(line.isprintable() for line in out.splitlines())


def test_only_our_own_styles_are_kept(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    stranger = "\x1b[1mBus\x1b[0m"
    say.answer(f"{say.strong('Night')} {say.coloured('and', 'added')} {stranger}")
    mark = "\N{REPLACEMENT CHARACTER}"
    wanted = f"\x1b[1mNight\x1b[0m \x1b[32mand\x1b[0m {mark}[1mBus{mark}[0m\n"
    assert capsys.readouterr().out == wanted
