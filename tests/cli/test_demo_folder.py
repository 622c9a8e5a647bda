"""demo --folder: what it could not tell to its end, it does not begin."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.typed import stemproof


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (None, "there is no folder "),
        ("Song.mmp", "is called a master, which the demo claims at its end"),
        ("take.wav", "is called a master, which the demo claims at its end"),
    ],
)
def test_a_folder_without_a_master_is_refused_before_anything_is_made(
    tmp_path: Path, file: str | None, sentence: str
) -> None:
    song = tmp_path / "song"
    if file is not None:
        song.mkdir()
        (song / file).write_bytes(b"something")
    out = tmp_path / "out"
    answer = stemproof(tmp_path / "home", "demo", "--folder", str(song), "--out", str(out))
    assert (answer.code, answer.out) == (3, "")
    assert sentence in answer.err
    assert not out.exists()
