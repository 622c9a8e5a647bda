"""SIGKILL at any point of a look: whatever the log says was saved, the vault has."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from hashlib import sha256
from multiprocessing.queues import Queue
from pathlib import Path
from types import FrameType
from typing import Any

import pyrage
import pytest
from tests.acts.keyed import Keyed, make_keyed

from stemproof.acts.home import opened
from stemproof.log.check import check_log
from stemproof.testnet.song import write_step

TOUCHES = frozenset(("execute", "executemany", "fsync", "replace", "chmod"))
FORK = multiprocessing.get_context("fork")


def look(keyed: Keyed, die_at: int, points: Queue[int]) -> None:
    """Look once, and be killed just before the nth time that a file or database is touched."""
    passed = 0

    def count(_frame: FrameType, event: str, called: Any) -> None:
        nonlocal passed
        if event == "c_call" and getattr(called, "__name__", "") in TOUCHES:
            passed += 1
            if passed == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)
    keyed.room.look()
    sys.setprofile(None)
    points.put(passed)


def run(keyed: Keyed, die_at: int) -> int:
    """Run a look in a process of its own; give its exit code, or minus its points if it lived."""
    points: Queue[int] = FORK.Queue()
    process = FORK.Process(target=look, args=(keyed, die_at, points))
    process.start()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL)
    return 0 if process.exitcode else points.get(timeout=5)


def check(keyed: Keyed) -> None:
    """Demand that the log is whole, and that each save that it names is in the vault."""
    with opened(keyed.room.home) as log:
        assert check_log(log, {}).wrong == []
    for event in keyed.room.events():
        if event.action.startswith("session.") and "after" in event.fields:
            kept = keyed.kept(event.fields["after"])
            assert kept is not None
            assert sha256(kept).digest() == event.fields["after"]


@pytest.mark.parametrize(
    "round_", [0, 1, *(pytest.param(n, marks=pytest.mark.deep) for n in range(2, 12))]
)
def test_after_kills_each_save_in_the_log_is_in_the_vault(tmp_path: Path, round_: int) -> None:
    assert pyrage.x25519
    keyed = make_keyed(tmp_path)
    die_at, killed = 3 + round_, 0
    for step in (1, 2, 3, 4):
        write_step(keyed.room.folder, step)
        killed += run(keyed, die_at) == 0
        # The next save comes before anybody looked again, or after.
        die_at += 29
    assert run(keyed, 0) > 0
    assert killed >= 2
    check(keyed)
    saves = [e for e in keyed.room.events() if e.action in ("session.found", "session.saved")]
    assert keyed.count() >= len(saves) >= 1


@pytest.mark.parametrize("behind", range(1, 12))
def test_a_kill_between_record_and_vault_is_made_good(tmp_path: Path, behind: int) -> None:
    keyed = make_keyed(tmp_path)
    write_step(keyed.room.folder, 1)
    points = run(make_keyed_like(keyed, tmp_path), 0)
    run(keyed, points - behind)
    write_step(keyed.room.folder, 2)
    assert run(keyed, 0) > 0
    check(keyed)


def make_keyed_like(keyed: Keyed, tmp_path: Path) -> Keyed:
    """Make another one with the same song, to count the points of its first look."""
    (tmp_path / "like").mkdir()
    like = make_keyed(tmp_path / "like")
    write_step(like.room.folder, 1)
    return like
