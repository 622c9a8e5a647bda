"""Programs whose sessions are not read are named, and nothing is walked without bounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from stemproof.acts.unread import unread_sessions


def programs(folder: Path) -> list[str]:
    return [unread.program for unread in unread_sessions(folder)]


def test_programs_are_named_by_their_sessions(tmp_path: Path) -> None:
    (tmp_path / "Cubase").mkdir()
    (tmp_path / "Cubase" / "song.CPR").touch()
    (tmp_path / "Tune.LOGICX").mkdir()
    (tmp_path / "old.aup").touch()
    (tmp_path / "mix.rpp").touch()
    assert programs(tmp_path) == ["Audacity 2", "Cubase and Nuendo", "Logic Pro"]


@pytest.mark.parametrize(
    ("name", "word"),
    [("a.cpr", "DAWproject"), ("a.song", "DAWproject"), ("a.ptx", "MIDI"), ("a.band", "MIDI")],
)
def test_a_closed_session_comes_with_the_export_that_opens_it(
    tmp_path: Path, name: str, word: str
) -> None:
    (tmp_path / name).touch()
    (unread,) = unread_sessions(tmp_path)
    assert word in unread.advice


def test_what_is_read_or_absent_is_not_named(tmp_path: Path) -> None:
    for name in ("song.mmpz", "song.als", "song.mscz", "song.aup3", "notes.txt"):
        (tmp_path / name).touch()
    assert programs(tmp_path) == []
    assert programs(tmp_path / "absent") == []
