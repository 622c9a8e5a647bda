"""A ledger without keys and one song's folder: all that recording needs."""

from __future__ import annotations

import json
import math
import os
import signal
import struct
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.cli.transcript import environment

from stemproof.acts.begin import Work, add_work, list_works
from stemproof.acts.home import Home, now, opened
from stemproof.acts.observe import Look, Observed, observe
from stemproof.keys.device import mark_device
from stemproof.log.store import Log, create_log
from stemproof.record.event import Header, parse_header

ORIGIN = f"stemproof/{'1' * 32}/{'2' * 32}"


@dataclass(frozen=True)
class Event:
    """One event of a work: its header and its opened body."""

    header: Header
    body: dict[str, Any]  # Any: the JSON of a body
    fields: dict[str, bytes]

    @property
    def action(self) -> str:
        return self.header.action


@dataclass(frozen=True)
class Room:
    """A ledger and a folder whose saves it records."""

    home: Home
    folder: Path

    @property
    def work(self) -> Work:
        with opened(self.home) as log:
            return next(work for work in list_works(log) if work.folder == self.folder)

    def look(self, *, live: bool = True, moment: datetime | None = None) -> Observed:
        """Look once, as a watch does that was on since the last look."""
        with opened(self.home) as log:
            at = (lambda: moment) if moment is not None else now
            return observe(log, self.work, Look(moment=at, live=live, bound=lambda: None))

    def events(self) -> list[Event]:
        """Read all events of the work, oldest first."""
        work = self.work.id.hex()
        with opened(self.home) as log:
            return [event for event in read_events(log) if event.header.work == work]

    def actions(self) -> list[str]:
        """Name what was recorded since the work was added."""
        return [event.action for event in self.events()][1:]

    def last(self, action: str) -> Event:
        """Give the newest event with this action."""
        return [event for event in self.events() if event.action == action][-1]


def read_events(log: Log) -> list[Event]:
    """Read and open every event of a ledger."""
    found = []
    for entry in log.entries_after(-1, 1_000_000):
        fields = {name: opening.value for name, opening in log.openings(entry.id).items()}
        body = json.loads(fields["body"])
        found.append(Event(parse_header(entry.header), body, fields))
    return found


def make_room(tmp_path: Path) -> Room:
    """Make a ledger that records one empty folder."""
    home = Home(tmp_path / "ledger")
    home.make()
    mark_device(home.path)
    with create_log(home.database) as log:
        log.begin(ORIGIN)
    folder = tmp_path / "song"
    folder.mkdir()
    add_work(home, folder, "Small Hours", now())
    return Room(home, folder)


def is_refused(path: Path) -> bool:
    """Close a file or folder to us, and say whether that has an effect: root may read all."""
    path.chmod(0)
    return not os.access(path, os.R_OK)


def write_tone(path: Path, *, seconds: float = 4.0, hertz: float = 440.0) -> None:
    """Write a sweep as 16-bit mono; 0 hertz is silence."""
    rate = 11025
    count = int(rate * seconds)
    levels = (
        int(12000 * math.sin(2 * math.pi * hertz * (1 + n / count) * n / rate))
        for n in range(count)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, count, "NONE", ""))
        file.writeframes(struct.pack(f"<{count}h", *levels))


def command(room: Room, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one command of stemproof on the room's ledger."""
    return subprocess.run(
        [sys.executable, "-m", "stemproof_cli", *arguments],
        env=_environment(room),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def running_watch(room: Room, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run `stemproof watch` in a process of its own; ended in any case."""
    process = subprocess.Popen(
        [sys.executable, "-m", "stemproof_cli", "watch", *arguments],
        env=_environment(room),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: opens(room) or process.poll() is not None)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate(timeout=20)


def opens(room: Room) -> int:
    """Count how often a watch opened and did not close or pause since."""
    actions = room.actions()
    count = actions.count
    return count("watch.open") - count("watch.close") - count("watch.pause")


def wait_until(done: Callable[[], object], *, seconds: float = 20.0) -> float:
    """Wait for something to be so; give how long that took."""
    began = time.monotonic()
    while not done():
        took = time.monotonic() - began
        assert took < seconds, f"not within {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - began


def _environment(room: Room) -> dict[str, str]:
    own = environment(room.home.path.parent)
    kept = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    return {**own, **kept, "STEMPROOF_HOME": str(room.home.path), "PYTHONUNBUFFERED": "1"}
