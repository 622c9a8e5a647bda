"""Programs whose sessions are not read are named, and nothing is walked without bounds."""

from __future__ import annotations

from pathlib import Path

from stemproof.acts.unread import unread_sessions


def test_programs_are_named_by_their_sessions(tmp_path: Path) -> None:
    (tmp_path / "Live Set").mkdir()
    (tmp_path / "Live Set" / "song.als").touch()
    (tmp_path / "Tune.LOGICX").mkdir()
    (tmp_path / "mix.rpp").touch()
    assert unread_sessions(tmp_path) == ["Ableton Live", "Logic Pro"]


def test_what_is_read_or_absent_is_not_named(tmp_path: Path) -> None:
    (tmp_path / "song.mmpz").touch()
    (tmp_path / "notes.txt").touch()
    assert unread_sessions(tmp_path) == []
    assert unread_sessions(tmp_path / "absent") == []
