"""backup and restore as commands: what is said, and that the way back works."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.cli.typed import stemproof

from stemproof.keys import ring
from stemproof.keys.binding import format_origin

PASSPHRASE = "correct horse battery staple"


@dataclass(frozen=True, slots=True)
class Saved:
    """A ledger, a backup of it, and its words."""

    home: Path
    file: Path
    words: str


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    folder = tmp_path_factory.mktemp("saved")
    home, file = folder / "ledger", folder / "ledger.backup"
    made = stemproof(home, "init", passphrase_fd=PASSPHRASE)
    assert made.code == 0, made.err
    done = stemproof(home, "backup", str(file), "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["number"] == 1
    return Saved(home, file, ring.open_keys(home, PASSPHRASE).words)


def test_a_backup_needs_no_passphrase_and_says_what_was_new_and_kept(saved: Saved) -> None:
    answer = stemproof(saved.home, "backup", str(saved.file))
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0].startswith("backup ")
    assert [line.split()[0] for line in lines[1:]] == ["new", "kept", "file"]
    assert "the backup restores your history" in answer.err


def test_a_backup_into_the_ledger_itself_is_refused(saved: Saved) -> None:
    answer = stemproof(saved.home, "backup", str(saved.home / "b"))
    assert answer.code == 2
    assert "choose another place" in answer.err


def test_a_file_that_is_no_backup_is_left_alone(saved: Saved, tmp_path: Path) -> None:
    other = tmp_path / "song.wav"
    other.write_bytes(b"RIFF")
    answer = stemproof(saved.home, "backup", str(other))
    assert answer.code == 3
    assert "not a stemproof backup" in answer.err
    assert other.read_bytes() == b"RIFF"


def test_restoring_goes_on_as_a_new_device(saved: Saved, tmp_path: Path) -> None:
    home = tmp_path / "new"
    answer = stemproof(
        home, "restore", str(saved.file), "--json", passphrase_fd="new words", words_fd=saved.words
    )
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    keys = ring.open_keys(home, "new words")
    assert document["origin"] == keys.origin
    assert keys.origin == format_origin(keys.public.identity_key, keys.public.log_key)
    again = stemproof(
        home, "restore", str(saved.file), passphrase_fd="new words", words_fd=saved.words
    )
    assert again.code == 2
    assert "not an empty folder" in again.err


def test_other_words_restore_nothing(saved: Saved, tmp_path: Path) -> None:
    words = str(ring.open_keys(saved.home, PASSPHRASE).recovery_words)
    home = tmp_path / "new"
    answer = stemproof(home, "restore", str(saved.file), passphrase_fd="new words", words_fd=words)
    assert answer.code == 3
    assert "no finished backup made with these keys" in answer.err
    assert not home.exists()


def test_words_that_nobody_gives_are_asked_for(saved: Saved, tmp_path: Path) -> None:
    answer = stemproof(tmp_path / "new", "restore", str(saved.file), passphrase_fd="new words")
    assert answer.code == 3
    assert "the 24 words are needed" in answer.err
    assert "--words-fd" in answer.err


def test_a_backup_into_a_folder_that_is_not_there_says_so(saved: Saved, tmp_path: Path) -> None:
    answer = stemproof(saved.home, "backup", str(tmp_path / "disk" / "b"))
    assert (answer.code, answer.out) == (3, "")
    assert f"there is no folder {tmp_path / 'disk'} to put the backup in" in answer.err
    answer = stemproof(saved.home, "backup", str(tmp_path))
    assert f"{tmp_path} is a folder" in answer.err


def test_what_cannot_be_restored_is_told_before_words_are_asked_for(
    saved: Saved, tmp_path: Path
) -> None:
    absent = stemproof(tmp_path / "new", "restore", str(tmp_path / "nope.bak"))
    assert absent.code == 3
    assert f"there is no backup at {tmp_path / 'nope.bak'}" in absent.err
    taken = stemproof(saved.home, "restore", str(saved.file))
    assert taken.code == 2
    assert "not an empty folder" in taken.err
