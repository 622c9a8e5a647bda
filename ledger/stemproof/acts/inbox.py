"""The downloads folder, where the artist wants it looked at: marks are read as files arrive.

    set_inbox(log, folder, moment)          `stemproof ai inbox DIR`; None turns it off
    inbox = Inbox(log, ledger); inbox.visit(moment, monotonic)

Only audio that carries a mark is remembered; of all other files nothing is kept, not even a
name. With one work the mark is recorded at once; with several it waits here until a file of
that content, or one that sounds like it, enters one of them.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stemproof.acts.begin import Work, list_works
from stemproof.acts.ears import Answer, Ears, Job
from stemproof.acts.kinds import kind_of
from stemproof.acts.marks import (
    First,
    Sighting,
    find_first,
    read_marks,
    record_marks,
    sounds_alike,
)
from stemproof.acts.sound import Heard, hear
from stemproof.acts.survey import Found, is_unchanged, time_of
from stemproof.errors import BadInput, StemproofError
from stemproof.record.event import format_time

if TYPE_CHECKING:
    from stemproof.log.store import Log

INBOX_SETTING: Final = "ai.inbox"
WAITING_SETTING: Final = "ai.inbox.waiting"
MAX_WAITING: Final = 100
# A folder of downloads that nobody ever tidied.
MAX_ENTRIES: Final = 50_000
# So long must a file have kept still.
_STILL_S: Final = 1.0
_LOOK_S: Final = 2.0
# A file may arrive within the same tick of its system's clock: FAT's is two seconds.
_TICK_NS: Final = 2_000_000_000

Waiting = dict[str, Any]  # JSON that this program wrote


def set_inbox(log: Log, folder: Path | None, moment: datetime) -> Path | None:
    """Look at a folder's arrivals from now on, or at none; give the folder."""
    if folder is None:
        log.put_setting(INBOX_SETTING, "")
        log.put_setting(WAITING_SETTING, "")
        return None
    folder = folder.expanduser().resolve()
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder")
    for work in list_works(log):
        if folder == work.folder or work.folder in folder.parents:
            raise BadInput(f"{folder} lies in the work {work.title!r}, which is recorded already")
    since_ns = int(moment.timestamp() * 1e9)
    log.put_setting(INBOX_SETTING, json.dumps({"folder": str(folder), "since_ns": since_ns}))
    return folder


def read_inbox(log: Log) -> tuple[Path, int] | None:
    """Give the folder that is looked at and since when, in ns; None where it is off."""
    text = log.setting(INBOX_SETTING)
    if not text:
        return None
    kept = json.loads(text)
    return Path(kept["folder"]), int(kept["since_ns"])


def waiting(log: Log) -> list[Waiting]:
    """Give the marked arrivals that no work has taken up."""
    kept: list[Waiting] = json.loads(log.setting(WAITING_SETTING) or "[]")
    return kept


def welcome(log: Log, heard: Heard, work: bytes = b"") -> tuple[Sighting, First | None]:
    """Make a sighting of what was heard; find where it, or what sounds like it, was seen first."""
    sighting = Sighting(
        heard.found.path,
        heard.digest.hex(),
        findings=heard.marks,
        fingerprint=heard.body.get("fingerprint"),
    )
    arrived = waiting(log)
    for one in arrived:
        if one["sha256"] == sighting.sha256:
            sighting = replace(sighting, arrived=one["time"])
    first = find_first(log, sighting, work)
    if first is None and not sighting.findings and isinstance(sighting.fingerprint, dict):
        for one in arrived:
            if one["fingerprint"] and sounds_alike(sighting.fingerprint, one["fingerprint"]):
                return sighting, _first_of(one)
    return sighting, first


class Inbox:
    """Looks at the folder now and then; reading goes on in a thread of its own."""

    def __init__(self, log: Log, ledger: Path) -> None:
        self._log = log
        self._ledger = ledger
        self._ears: Ears | None = None
        self._next_look = 0.0
        self._still: dict[str, tuple[Found, float]] = {}
        self._done: set[Found] = set()

    def visit(self, moment: datetime, monotonic: float) -> list[tuple[Work, str, str]]:
        """Look for arrivals and record what was read; give work, name and sentence of each."""
        told = [] if self._ears is None else self._take(self._ears, moment)
        if monotonic < self._next_look:
            return told
        self._next_look = monotonic + _LOOK_S
        place = read_inbox(self._log)
        if place is None:
            self._still.clear()
            self._done.clear()
            return told
        settled = self._settled(*place, monotonic)
        is_idle = self._ears is None or not self._ears.is_busy(b"")
        if self._done and is_idle and not settled and not self._still:
            # All that came is read: the next watch need not read it again.
            _advance(self._log, place[0], int(moment.timestamp() * 1e9) - _TICK_NS)
        for found in settled:
            if self._ears is None:
                self._ears = Ears(lambda _: None, _examine)
            job = Job(self._ledger, b"", place[0], found, frozenset(), live=False)
            self._ears.ask(job)
            self._done.add(found)
        return told

    def close(self) -> None:
        """Take no more files."""
        if self._ears is not None:
            self._ears.close(0)

    def _settled(self, folder: Path, since_ns: int, monotonic: float) -> list[Found]:
        """Give the arrivals that are whole by now."""
        found = list_arrivals(folder, since_ns)
        before, self._still = self._still, {}
        settled = []
        for one in found:
            if one in self._done:
                continue
            known = before.get(one.path)
            since = known[1] if known is not None and known[0] == one else monotonic
            self._still[one.path] = (one, since)
            if monotonic - since >= _STILL_S:
                settled.append(one)
        self._done &= set(found)
        return settled

    def _take(self, ears: Ears, moment: datetime) -> list[tuple[Work, str, str]]:
        told = []
        for answer in ears.answers():
            heard = answer.heard
            if heard is None or not heard.marks:
                continue
            works = [work for work in list_works(self._log) if not work.paused]
            for says in _arrive(self._log, works, heard, moment):
                told += [(works[0], heard.found.path, says)] if works else []
        return told


def list_arrivals(folder: Path, since_ns: int) -> list[Found]:
    """List the audio files that came into a folder after a moment; nothing below it."""
    found: list[Found] = []
    try:
        with os.scandir(folder) as entries:
            for count, entry in enumerate(entries):
                if count >= MAX_ENTRIES:
                    break
                if kind_of(entry.name) != "audio" or not entry.name.isprintable():
                    continue
                state = entry.stat(follow_symlinks=False)
                # A browser may set the file's own time back; the system's stays.
                if stat.S_ISREG(state.st_mode) and state.st_ctime_ns >= since_ns:
                    found.append(Found(entry.name, "audio", state.st_size, time_of(state)))
    except OSError:
        # Unplugged or closed to us: the next look tells.
        return []
    return sorted(found, key=lambda one: (one.mtime_ns, one.path))


def _advance(log: Log, folder: Path, since_ns: int) -> None:
    """Note that a folder's arrivals until then are read, unless another one was chosen."""
    with log.writing():
        place = read_inbox(log)
        if place is not None and place[0] == folder and place[1] < since_ns:
            kept = {"folder": str(folder), "since_ns": since_ns}
            log.put_setting(INBOX_SETTING, json.dumps(kept))


def _examine(job: Job) -> Answer:
    """Read a file's marks, and hear it only where it has some."""
    try:
        marks = read_marks(job.folder / job.found.path)
        if marks is None or not marks.generators or not is_unchanged(job.folder, job.found):
            return Answer(job, None)
        return Answer(job, hear(job.folder, job.found))
    except StemproofError as error:
        # No report: nothing is kept of a file without a mark that was read.
        return Answer(job, None, str(error))


def _arrive(log: Log, works: list[Work], heard: Heard, moment: datetime) -> list[str]:
    time = format_time(moment)
    sighting, first = welcome(log, heard)
    if first is not None and first.how == "digest":
        # It was seen before: a second download tells nothing new.
        return []
    if len(works) == 1:
        arrived = replace(sighting, arrived=time)
        with log.writing():
            return record_marks(log, works[0].id, arrived, None, moment)
    mark = heard.marks[0]
    kept = [one for one in waiting(log) if one["sha256"] != sighting.sha256]
    kept.append(
        {
            "sha256": sighting.sha256,
            "name": sighting.path,
            "time": time,
            "source": mark.source,
            "generator": mark.generator,
            "says": mark.says,
            "fingerprint": sighting.fingerprint,
        }
    )
    log.put_setting(WAITING_SETTING, json.dumps(kept[-MAX_WAITING:]))
    return [f"{mark.says}; it is recorded when it enters a work"]


def _first_of(one: Waiting) -> First:
    return First(
        work="",
        leaf="",
        work_seq=0,
        path=one["name"],
        time=one["time"],
        how="fingerprint",
        source=one["source"],
        generator=one["generator"],
        says=one["says"],
        place=f"{one['name']} in the downloads folder",
    )
