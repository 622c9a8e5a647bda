"""Several processes, and processes that are killed: nothing acknowledged is ever lost."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.log.ledgers import check, draft, new_log, seal_now

from stemproof.log.store import Log, open_log

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "ledger")))}


def start(folder: Path, name: str, seed: int, *more: str) -> subprocess.Popen[str]:
    appender = subprocess.Popen(
        [sys.executable, str(ROOT / "tests/log/appender.py"), str(folder), name, str(seed), *more],
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        cwd=ROOT,
    )
    assert appender.stdout is not None
    assert appender.stdout.readline() == "ready\n"
    return appender


def text_of(log: Log, event: int) -> str:
    return str(json.loads(log.openings(event)["body"].value)["text"])


def assert_kept(log: Log, promises: list[str]) -> None:
    """Hold the log to every whole line that a process wrote before it ended."""
    for promise in promises:
        what, number, *event = promise.split()
        if what == "sealed":
            assert log.fetch_one("checkpoint", log.number, int(number)) is not None
        else:
            assert text_of(log, int(event[0])) == f"{what} {number}"


def test_two_processes_take_turns_and_lose_nothing(tmp_path: Path) -> None:
    new_log(tmp_path).close()
    appenders = [start(tmp_path, name, seed, "600") for seed, name in enumerate(("left", "right"))]
    promises = [appender.communicate(timeout=120)[0].splitlines() for appender in appenders]
    assert [appender.returncode for appender in appenders] == [0, 0]
    with open_log(tmp_path / "ledger.db") as log:
        for lines in promises:
            assert sum(not line.startswith("sealed") for line in lines) == 600
            assert_kept(log, lines)
        findings = check(log)
    assert (findings.events, findings.wrong) == (1201, [])
    assert findings.checkpoints > 1


def kill_and_look(folder: Path, rounds: int, seed: int) -> None:
    """Kill an appender at random moments; after each, the log keeps every promise and goes on."""
    new_log(folder).close()
    chance = random.Random(seed)
    acknowledged = 0
    for number in range(rounds):
        appender = start(folder, f"round{number}", seed + number)
        time.sleep(chance.uniform(0, 0.12))
        appender.kill()
        written = appender.communicate(timeout=30)[0]
        # A line without its end was not yet told.
        promises = written.splitlines() if written.endswith("\n") else written.splitlines()[:-1]
        acknowledged += len(promises)
        with open_log(folder / "ledger.db") as log:
            assert_kept(log, promises)
            # The next process begins on whatever the killed one left.
            log.append(bytes(16), [draft(f"after {number}")])
            if number % 5 == 4:
                seal_now(log)
            # Late rounds check a long log; each look is still complete.
            if number < 12 or number % 10 == 9:
                assert check(log).wrong == []
    assert acknowledged > rounds


def test_a_killed_process_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    kill_and_look(tmp_path, rounds=12, seed=1)


@pytest.mark.deep
def test_a_process_killed_a_hundred_times_loses_nothing(tmp_path: Path) -> None:
    kill_and_look(tmp_path, rounds=100, seed=1000)
