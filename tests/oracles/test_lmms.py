"""LMMS itself opens and rewrites our saves: every known edit survives, and nothing is added.

`lmms upgrade` reads a project into LMMS's own objects and writes it anew, attributes shuffled.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from stemproof.capture.diff import diff
from stemproof.capture.sessions.model import Session
from stemproof.capture.sessions.registry import read_session

HOST = shutil.which("lmms")
HERE = Path(__file__).parents[2]
CASES = sorted((HERE / "tests/capture/fixtures/lmms").iterdir())
CORPUS = Path(os.environ.get("STEMPROOF_CORPUS", HERE.parent / "shared" / "corpus"))
SONGS = sorted((CORPUS / "sessions/lmms").glob("*/*.mmp*"))
TIMEOUT_S = 60


def upgrade(source: Path, folder: Path, name: str) -> Path:
    """Let LMMS read a project and write it again as plain XML."""
    if HOST is None:
        if os.environ.get("CI") == "true":
            pytest.fail("lmms is not installed: .ci/run installs Debian's lmms")
        pytest.skip("lmms is not on this machine")
    target = folder / f"{name}.mmp"
    subprocess.run(
        [HOST, "--allowroot", "upgrade", str(source), str(target)],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(folder)},
        capture_output=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    return target


def load(path: Path) -> Session:
    return read_session(path.name, path.read_bytes())


@pytest.mark.parametrize("case", CASES, ids=lambda p: p.name)
def test_known_edits_survive_lmms_and_nothing_comes_with_them(case: Path, tmp_path: Path) -> None:
    before = upgrade(next(case.glob("before.*")), tmp_path, "before")
    after = upgrade(next(case.glob("after.*")), tmp_path, "after")
    told = [d.text for d in diff(load(before), load(after))]
    assert told == [row["text"] for row in json.loads((case / "expected.json").read_text())]


@pytest.mark.parametrize("case", CASES, ids=lambda p: p.name)
def test_a_second_upgrade_is_no_decision(case: Path, tmp_path: Path) -> None:
    once = upgrade(next(case.glob("after.*")), tmp_path, "once")
    twice = upgrade(once, tmp_path, "twice")
    assert diff(load(once), load(twice)) == []


@pytest.mark.skipif(not SONGS, reason="the corpus is not on this machine")
@pytest.mark.parametrize("song", SONGS, ids=lambda p: f"{p.parent.name}-{p.name[:2]}")
def test_a_real_song_is_upgraded_once_and_then_no_more(song: Path, tmp_path: Path) -> None:
    once = upgrade(song, tmp_path, "once")
    twice = upgrade(once, tmp_path, "twice")
    assert {d.kind for d in diff(load(song), load(once))} <= {"session.upgraded"}
    assert diff(load(once), load(twice)) == []
