"""A ledger whose making was cut short is finished by the next `start`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.transcript import environment

from stemproof.acts.begin import make_ledger
from stemproof.acts.home import Home, now, opened
from stemproof.log.store import create_log

START = [sys.executable, "-m", "stemproof_cli", "start", "--once"]
PASSPHRASE = "correct horse battery staple"


def _start(home: Path, song: Path) -> subprocess.CompletedProcess[str]:
    reader, writer = os.pipe()
    os.write(writer, PASSPHRASE.encode() + b"\n")
    os.close(writer)
    try:
        return subprocess.run(
            [*START, str(song), "--passphrase-fd", str(reader)],
            env={**environment(home.parent), "STEMPROOF_HOME": str(home)},
            pass_fds=(reader,),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(reader)


@pytest.mark.parametrize("left", ["keys alone", "an empty database"])
def test_start_finishes_what_a_kill_left(tmp_path: Path, left: str) -> None:
    home, song = Home(tmp_path / "ledger"), tmp_path / "song"
    song.mkdir()
    make_ledger(home, PASSPHRASE, now())
    for path in home.path.glob("ledger.db*"):
        path.unlink()
    if left == "an empty database":
        create_log(home.database).close()
    done = _start(home.path, song)
    assert done.returncode == 0, done.stderr
    assert "cut short" in done.stderr
    with opened(home) as log:
        assert log.size == 2  # the binding, and the work's beginning
