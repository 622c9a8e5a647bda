"""The desk at which one look is written down: what was seen before, and one sitting's thread.

A *sitting* is the working session of the log: it opens at the first change seen and closes
after thirty quiet minutes. Whatever is written inside `Desk.writing` is one transaction.
"""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from stemproof.acts.begin import Work, list_works
from stemproof.acts.facts import fact
from stemproof.acts.sound import NO_DIGEST
from stemproof.acts.survey import Found
from stemproof.acts.unreadable import note_unreadable, read_unreadable
from stemproof.acts.vault import OWED_SETTING, Fresh, is_kept, keep
from stemproof.errors import BadInput
from stemproof.log.store import Log
from stemproof.record.canonical import Json
from stemproof.record.event import format_time, parse_time

QUIET: Final = timedelta(minutes=30)
# A file whose own time lies so long before or after it turned up was brought here.
# Servers' clocks differ from ours; by more than this they are wrong.
BROUGHT: Final = timedelta(minutes=5)
_GONE: Final = -1
_SAMPLE_BYTES: Final = 16_384

Bound = Callable[[], Json]
"""Gives the newest block and head that a node shows, or None: the session's lower time bound."""


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence for people, about one file; `path` is empty for the whole work."""

    path: str
    text: str


@dataclass(slots=True)
class Observed:
    """What one look brought into the log, for people to read."""

    saves: int = 0
    decisions: int = 0
    audio: int = 0
    problems: list[str] = field(default_factory=list)
    # Recorded, but the vault did not take the file.
    unkept: list[Line] = field(default_factory=list)
    said: list[Line] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """The sentences, each with its file."""
        return [f"{line.path}: {line.text}" if line.path else line.text for line in self.said]


@dataclass(frozen=True, slots=True)
class Look:
    """How this look is taken: by which clock, and whether a watch was on since the last one."""

    moment: Callable[[], datetime]
    live: bool
    bound: Bound


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it was last seen; `digest` is of the newest content, readable or not."""

    kind: str
    size: int
    mtime_ns: int
    digest: bytes

    @property
    def is_gone(self) -> bool:
        """Whether it was recorded as gone."""
        return self.size == _GONE

    def is_state_of(self, found: Found) -> bool:
        """Whether a file looks untouched since."""
        return (self.size, self.mtime_ns) == (found.size, found.mtime_ns)


@dataclass(frozen=True, slots=True)
class Sitting:
    """The running working session, and how far the clock went back since its last event."""

    label: str
    clock_back_ms: int


@dataclass(slots=True)
class Desk:
    """One look at one work."""

    log: Log
    work: Work
    look: Look
    seen: dict[str, Seen]
    # Known files that the survey did not find; a new file may be one of them under a new name.
    missing: set[str] = field(default_factory=set)
    # Changed before this watch began: never live, whenever they are read.
    unwatched: set[str] = field(default_factory=set)
    # Made elsewhere and only arrived here; how, for each path.
    arrivals: dict[str, str] = field(default_factory=dict)
    observed: Observed = field(default_factory=Observed)

    @property
    def ledger(self) -> Path:
        """The ledger folder."""
        return self.log.path.parent

    def is_live(self, found: Found, moment: datetime) -> bool:
        """Say whether a change was made while a watch was on, as far as its file's time tells."""
        written = datetime.fromtimestamp(found.mtime_ns / 1e9, tz=moment.tzinfo)
        known = self.seen.get(found.path)
        return (
            self.look.live
            and found.path not in self.unwatched
            and abs(moment - written) <= BROUGHT
            and not (known is not None and known.is_gone)
        )

    def say(self, path: str, text: str) -> None:
        """Tell people what was recorded."""
        self.observed.said.append(Line(path, text))

    @contextmanager
    def writing(self, moment: datetime) -> Iterator[Sitting]:
        """Hold the write lock within the running sitting; a new one gets its lower bound first."""
        # A node may take its time: it is asked before the lock is held.
        bound = self.look.bound() if self._needs_sitting(moment) else None
        with self.log.writing():
            yield self._open_sitting(moment, bound)

    def put(self, found: Found, digest: bytes, packed: bytes | None) -> None:
        """Keep the new state of a file; `packed` is a session's last readable content."""
        self._put(found.path, Seen(found.kind, found.size, found.mtime_ns, digest), packed)

    def touch(self, found: Found, digest: bytes) -> None:
        """Keep a file's new state where its last readable content is the same as before."""
        state = Seen(found.kind, found.size, found.mtime_ns, digest)
        self._put(found.path, state, self.packed(found.path))

    def keep(
        self, kind: str, path: str, data: bytes, moment: datetime, *, before: bytes | None
    ) -> None:
        """Keep a file's bytes in the vault; `before` is the one that it may resemble."""
        fresh = Fresh(self.work.id, kind, data, format_time(moment), before)
        if problem := keep(self.log, fresh, moment):
            self.observed.unkept.append(Line(path, f"not kept in the vault: {problem}"))

    def owe(self, path: str) -> None:
        """Note, within a save's transaction, that its file is to be kept after it."""
        self.log.put_setting(OWED_SETTING, f"{self.work.id.hex()} {path}")

    def settle(self, moment: datetime) -> None:
        """Keep the last recorded save where a crash came before that."""
        work, _, path = (self.log.setting(OWED_SETTING) or "").partition(" ")
        state = self.seen.get(path)
        if (
            state is None
            or work != self.work.id.hex()
            or is_kept(self.log, self.work.id, state.digest)
        ):
            return
        data = self.saved_bytes(path)
        if data is not None:
            self.keep("session", path, data, moment, before=None)
        # Once is enough: without this each look would unpack and hash the save anew.
        with self.log.writing():
            self.log.put_setting(OWED_SETTING, "")

    def read_again(self) -> None:
        """Take from the log what is known of the files: what was undone there is not known."""
        # The same table: the watch holds it, too.
        self.seen.clear()
        self.seen.update(read_seen(self.log, self.work))

    def move(self, origin: str, found: Found) -> None:
        """Carry what is known of a file to its new path."""
        state = Seen(found.kind, found.size, found.mtime_ns, self.seen[origin].digest)
        self._put(found.path, state, self.packed(origin))
        self.log.run("drop_seen", self.work.id, origin)
        del self.seen[origin]
        self.missing.discard(origin)
        why = read_unreadable(self.log, self.work.id).get(origin)
        note_unreadable(self.log, self.work.id, origin, None)
        note_unreadable(self.log, self.work.id, found.path, why)

    def bury(self, path: str) -> None:
        """Keep a file's last content, and that it is gone."""
        known = self.seen[path]
        self._put(path, Seen(known.kind, _GONE, 0, known.digest), self.packed(path))

    def saved_bytes(self, path: str) -> bytes | None:
        """Give a session's last readable content."""
        packed = self.packed(path)
        return None if packed is None else zlib.decompress(packed)

    def find_missing(self, kind: str, digest: bytes) -> str | None:
        """Find the file that had this content and is no longer where it was."""
        if digest == NO_DIGEST:
            return None
        found = [
            path
            for path, known in self.seen.items()
            if (known.kind, known.digest) == (kind, digest)
            and (path in self.missing or known.is_gone)
        ]
        return min(found, default=None)

    def packed(self, path: str) -> bytes | None:
        """Give a session's last readable content as it is kept, compressed."""
        row = self.log.fetch_one("seen_saved", self.work.id, path)
        return None if row is None else row[0]

    def _put(self, path: str, state: Seen, packed: bytes | None) -> None:
        values = (state.kind, state.size, state.mtime_ns, state.digest, packed)
        self.log.run("put_seen", self.work.id, path, *values)
        self.seen[path] = state

    def _needs_sitting(self, moment: datetime) -> bool:
        current = self._current()
        return not current.session or _is_over(current, moment)

    def _open_sitting(self, moment: datetime, bound: Json) -> Sitting:
        current = self._current()
        label, back_ms = current.session, 0
        if label and _is_over(current, moment):
            close_sitting(self.log, current, moment)
            label = ""
        if label and current.last_change:
            back_ms = max(
                0, _milliseconds(parse_time(current.last_change) - parse_time(format_time(moment)))
            )
        if not label:
            label = secrets.token_hex(16)
            opened = fact("session.open", moment, {"after": bound}, session=label)
            self.log.append(self.work.id, [opened])
        self.log.run("put_session", label, format_time(moment), self.work.id)
        return Sitting(label, back_ms)

    def _current(self) -> Work:
        for work in list_works(self.log):
            if work.id == self.work.id:
                return work
        raise BadInput(f"the work {self.work.title!r} is no longer in this ledger")


def pack(data: bytes) -> bytes:
    """Compress a session's content, as it is kept until the next save."""
    # Fast rather than small: the vault keeps saves for good. Plug-in states in base64 or what
    # is compressed already take a fifth of a second for next to nothing.
    places = (len(data) // 4, len(data) // 2, 3 * len(data) // 4)
    sample = b"".join(data[place : place + _SAMPLE_BYTES] for place in places)
    is_dense = len(zlib.compress(sample, 1)) > len(sample) // 2
    return zlib.compress(data, 0 if is_dense else 1)


def read_seen(log: Log, work: Work) -> dict[str, Seen]:
    """Read what is known of a work's files."""
    return {row[0]: Seen(*row[1:]) for row in log.fetch_all("seen_files", work.id)}


def close_quiet_sitting(log: Log, work: Work, moment: datetime) -> bool:
    """Close a work's sitting if thirty minutes have passed without a change; say if so."""
    if not work.session or not _is_over(work, moment):
        return False
    close_sitting(log, work, moment)
    log.run("put_session", "", work.last_change, work.id)
    return True


def close_sitting(log: Log, work: Work, moment: datetime) -> None:
    """Record that a sitting is over."""
    body: dict[str, Json] = {"last_change": work.last_change}
    log.append(work.id, [fact("session.close", moment, body, session=work.session)])


def with_clock(body: dict[str, Json], sitting: Sitting) -> dict[str, Json]:
    """Note in a body that the clock went back since the sitting's last event."""
    return body if not sitting.clock_back_ms else {**body, "clock_back_ms": sitting.clock_back_ms}


def _is_over(work: Work, moment: datetime) -> bool:
    return bool(work.last_change) and moment - parse_time(work.last_change) > QUIET


def _milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
