"""The commands about keys: what they show, what they refuse, what they leave behind."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.cli.typed import Answer, at_terminal, stemproof

from stemproof.keys import ring
from stemproof.keys.device import mark_device
from stemproof.keys.keyfile import open_key_file

PASSPHRASE = "correct horse battery staple"
NUMBERED = re.compile(r"(\d{1,2})\. ([a-z]{3,8})\b")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new ledger, to be copied."""
    home = tmp_path_factory.mktemp("made") / "ledger"
    answer = stemproof(home, "init", passphrase_fd=PASSPHRASE)
    assert answer.code == 0, answer.err
    return home


@pytest.fixture(scope="module")
def keys(made: Path) -> ring.Keys:
    """The keys of that ledger and its copies; opening them takes seconds."""
    return ring.open_keys(made, PASSPHRASE)


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """A ledger of one's own, whose mark says that it was made here."""
    path = Path(shutil.copytree(made, tmp_path / "ledger"))
    mark_device(path)
    return path


def shown_words(answer: Answer) -> list[str]:
    """Read the lists of 24 words, numbered along the lines."""
    found = sorted(
        (place // 24, int(number), word)
        for place, (number, word) in enumerate(
            pair for line in answer.out.splitlines() for pair in _words_in(line)
        )
    )
    return [
        " ".join(word for _, _, word in found[start : start + 24])
        for start in range(0, len(found), 24)
    ]


def _words_in(line: str) -> Sequence[tuple[str, str]]:
    pairs = NUMBERED.findall(line)
    return pairs if len(pairs) == 4 else []


def test_show_gives_the_public_keys_without_unlocking(home: Path) -> None:
    (home / "keys.age").unlink()
    answer = stemproof(home, "key", "show")
    document = json.loads(stemproof(home, "key", "show", "--json").out)
    assert answer.code == 0
    for name in ("account", "identity_key", "origin", "age_recipient"):
        assert document[name] in answer.out
    assert [device["origin"] for device in document["devices"]] == [document["origin"]]
    assert document["copied"] is None
    assert answer.err == ""


def test_show_says_that_a_folder_was_copied(made: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(made, tmp_path / "copy"))
    answer = stemproof(copy, "key", "show")
    assert "copy of another" in answer.out
    assert "key new-device" in answer.out


def test_without_keys_every_command_says_so(tmp_path: Path) -> None:
    for command in ("show", "backup --yes", "passphrase", "forget"):
        answer = stemproof(tmp_path / "none", "key", *command.split(), passphrase_fd="x" * 8)
        assert answer.code == 3, command
        assert "there are no keys" in answer.err, command
    assert not (tmp_path / "none").exists()


def test_words_are_not_written_where_no_person_reads(home: Path) -> None:
    answer = stemproof(home, "key", "backup", passphrase_fd=PASSPHRASE)
    assert answer.code == 2
    assert answer.out == ""
    assert "on a terminal only" in answer.err


def test_backup_shows_both_lists_until_a_person_has_them_and_then_one(
    home: Path, keys: ring.Keys
) -> None:
    asked = "written all of them down?"
    first = at_terminal(home, "key", "backup", types=[(asked, "n")], passphrase_fd=PASSPHRASE)
    assert first.code == 130
    assert shown_words(first) == [keys.words, keys.recovery_words]
    second = at_terminal(home, "key", "backup", types=[(asked, "y")], passphrase_fd=PASSPHRASE)
    assert second.code == 0
    assert shown_words(second) == [keys.words, keys.recovery_words]
    assert open_key_file(home, PASSPHRASE).recovery_seed is None
    third = stemproof(home, "key", "backup", "--yes", passphrase_fd=PASSPHRASE)
    assert third.code == 0
    assert shown_words(third) == [keys.words]
    assert "shown before" in third.out
    logged = [path for path in home.rglob("*") if path.is_file()]
    secret = keys.words.split(" ", 1)[1].encode()
    assert not [path for path in logged if secret in path.read_bytes()]


def test_the_words_restore_the_keys_into_an_empty_folder(keys: ring.Keys, tmp_path: Path) -> None:
    home = tmp_path / "new"
    words = "\n".join(keys.words.split())
    answer = stemproof(home, "key", "restore", passphrase_fd="new words", words_fd=words)
    assert answer.code == 0, answer.err
    assert keys.account_address in answer.out
    assert "a backup restores your history" in answer.err
    assert ring.open_keys(home, "new words").public.identity_key == keys.public.identity_key
    assert (home / "ledger.db").exists()


def test_words_typed_at_a_terminal_restore_the_keys(keys: ring.Keys, tmp_path: Path) -> None:
    home = tmp_path / "new"
    types = [
        ("the 24 words", keys.words),
        ("new passphrase", "typed words"),
        ("the same again", "typed words"),
    ]
    answer = at_terminal(home, "key", "restore", types=types)
    assert answer.code == 0, answer.out
    assert ring.open_keys(home, "typed words").account_address == keys.account_address


@pytest.mark.parametrize("asked", ["the 24 words", "new passphrase"])
def test_a_person_who_types_the_end_instead_stops_the_command(
    keys: ring.Keys, tmp_path: Path, asked: str
) -> None:
    types = [("the 24 words", keys.words), ("new passphrase", "")]
    ends = [(what, "\x04" if what == asked else answer) for what, answer in types]
    answer = at_terminal(
        tmp_path / "new", "key", "restore", types=ends[: 1 + (asked == "new passphrase")]
    )
    assert answer.code == 130
    assert "stopped" in answer.out
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("abandon " * 23, "these are 23 words"),
        ("abandon " * 24, "checksum"),
        ("abandon " * 23 + "nonsense", "word 24 of 24"),
        ("a" * 5000, "far too many"),
    ],
)
def test_words_with_a_slip_are_refused_before_anything_is_made(
    tmp_path: Path, words: str, says: str
) -> None:
    home = tmp_path / "new"
    answer = stemproof(home, "key", "restore", passphrase_fd="new words", words_fd=words)
    assert answer.code == 3
    assert says in answer.err
    assert not home.exists()


def test_words_are_never_an_argument(tmp_path: Path) -> None:
    answer = stemproof(tmp_path / "new", "key", "restore", *["abandon"] * 24)
    assert answer.code == 2
    assert not (tmp_path / "new").exists()


def test_rotation_makes_new_keys_for_the_same_log(home: Path) -> None:
    before = json.loads(stemproof(home, "key", "show", "--json").out)
    unasked = stemproof(home, "key", "rotate", passphrase_fd=PASSPHRASE)
    assert unasked.code == 2
    answer = stemproof(home, "key", "rotate", "--yes", passphrase_fd=PASSPHRASE)
    after = json.loads(stemproof(home, "key", "show", "--json").out)
    assert answer.code == 0, answer.err
    assert after["account"] in answer.out
    assert before["account"] in answer.err
    assert after["account"] != before["account"]
    assert (after["origin"], after["recovery"]) == (before["origin"], before["recovery"])
    assert "key backup" in answer.err


def test_rotation_by_the_recovery_key_wants_its_words(home: Path, keys: ring.Keys) -> None:
    rotate = ("key", "rotate", "--recovery", "--yes")
    wrong = stemproof(home, *rotate, passphrase_fd=PASSPHRASE, words_fd=keys.words)
    assert wrong.code == 3
    assert "not the words of this ledger's recovery key" in wrong.err
    assert ring.open_keys(home, PASSPHRASE) == keys
    right = stemproof(home, *rotate, passphrase_fd=PASSPHRASE, words_fd=str(keys.recovery_words))
    assert right.code == 0, right.err
    renewed = ring.open_keys(home, PASSPHRASE)
    assert renewed.public.recovery != keys.public.recovery
    assert renewed.recovery_words is not None


def test_a_copied_folder_is_refused_until_it_is_a_new_device(made: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(made, tmp_path / "copy"))
    for command in ("key rotate --yes", "key backup --yes", f"backup {tmp_path / 'b'}"):
        answer = stemproof(copy, *command.split(), passphrase_fd=PASSPHRASE)
        assert answer.code == 3, command
        assert "copy of another" in answer.err, command
        assert "key new-device" in answer.err, command
    answer = stemproof(copy, "key", "new-device", passphrase_fd=PASSPHRASE)
    assert answer.code == 0, answer.err
    document = json.loads(stemproof(copy, "key", "show", "--json").out)
    assert document["copied"] is None
    assert len(document["devices"]) == 2
    assert document["origin"] in answer.out


def test_a_folder_in_its_own_place_asks_before_it_becomes_a_new_device(home: Path) -> None:
    answer = stemproof(home, "key", "new-device", passphrase_fd=PASSPHRASE)
    assert answer.code == 2
    assert len(json.loads(stemproof(home, "key", "show", "--json").out)["devices"]) == 1


def test_the_passphrase_is_changed(home: Path) -> None:
    answer = stemproof(
        home, "key", "passphrase", passphrase_fd=PASSPHRASE, new_passphrase_fd="another one"
    )
    assert answer.code == 0, answer.err
    ring.open_keys(home, "another one")
    again = stemproof(
        home, "key", "passphrase", passphrase_fd=PASSPHRASE, new_passphrase_fd="a third one"
    )
    assert again.code == 3
    assert "the passphrase is wrong" in again.err


def test_forgetting_says_whether_the_keyring_had_it(home: Path) -> None:
    answer = stemproof(home, "key", "forget")
    assert answer.code == 0
    assert "held no passphrase" in answer.out


def test_damaged_public_keys_are_written_anew_by_unlocking(home: Path) -> None:
    whole = (home / "keys.json").read_bytes()
    (home / "keys.json").write_text("{}")
    shown = stemproof(home, "key", "show")
    assert shown.code == 3
    assert "key backup" in shown.err
    stemproof(home, "key", "backup", "--yes", passphrase_fd=PASSPHRASE)
    assert (home / "keys.json").read_bytes() == whole


def test_words_stand_in_four_columns_numbered_along_the_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from stemproof_cli.keys import _show_words

    _show_words(" ".join(f"word{number}" for number in range(1, 25)), "words")
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["words", ""]
    assert [line.split() for line in lines[2:4]] == [
        ["1.", "word1", "2.", "word2", "3.", "word3", "4.", "word4"],
        ["5.", "word5", "6.", "word6", "7.", "word7", "8.", "word8"],
    ]
    assert len(lines) == 8
