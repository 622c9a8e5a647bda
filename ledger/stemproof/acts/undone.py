"""Undo logs: what was done between saves, tried and dropped ideas too, each entry once.

    Song.rpp-UNDO    REAPER    beside Song.rpp
    Song.history     Ardour    beside Song.ardour

A program writes its whole history anew with each save. Entries that are not recorded yet
become one `undo.entry` each, under one `undo.read` that sums them up. Their times are the
program's claim. No stage counts them: what of them stayed is counted as decisions between
saves. Of a known class they are only if the log was watched since before they were made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from stemproof.acts.desk import Desk, Sitting, with_clock
from stemproof.acts.facts import fact
from stemproof.acts.failing import Failed, contained
from stemproof.acts.saved import program_version
from stemproof.acts.steps import Fresh, not_recorded, remember
from stemproof.acts.survey import (
    FileClosed,
    FileGone,
    Found,
    is_unchanged,
    read_session_file,
    time_of,
)
from stemproof.acts.unreadable import Reason
from stemproof.errors import BadInput
from stemproof.log.store import Draft
from stemproof.record.canonical import Json, canonical_bytes
from stemproof.record.event import format_time

if TYPE_CHECKING:
    from stemproof.capture.sessions.undo import UndoChange, UndoEntry

# One action can move thousands of notes; its body shows the first of them.
MAX_CHANGES: Final = 40
MAX_TEXT: Final = 300
SHOWN_LABELS: Final = 5
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = int((datetime(9999, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())


@dataclass(frozen=True, slots=True)
class _Kind:
    """Undo logs of one program: where they lie, and what reads them."""

    name: str
    extension: str
    # From the session's path to that of its undo log.
    beside: Callable[[PurePosixPath], PurePosixPath]
    ending: str

    def is_log(self, path: str) -> bool:
        """Say whether a path is that of such a log."""
        return path.lower().endswith(self.ending)


_KINDS: Final = (
    _Kind("rpp-undo 1", ".rpp", lambda path: path.with_name(f"{path.name}-UNDO"), ".rpp-undo"),
    _Kind("ardour-history 1", ".ardour", lambda path: path.with_suffix(".history"), ".history"),
)


@dataclass(frozen=True, slots=True)
class _Known:
    """An undo log as it was last read."""

    size: int
    mtime_ns: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class _Read:
    """An undo log that was read."""

    found: Found
    session: str
    kind: _Kind
    digest: bytes
    entries: int
    fresh: tuple[Fresh, ...]


def record_undo_logs(desk: Desk) -> None:
    """Read the undo logs of all known sessions that changed, and record what is new in them."""
    known: dict[str, _Known] | None = None
    for path, state in list(desk.seen.items()):
        kind = _kind_of(path)
        if kind is None or state.kind != "session" or state.is_gone:
            continue
        found = _find(desk, kind, path)
        if found is None:
            continue
        if known is None:
            rows = desk.log.fetch_all("undo_logs", desk.work.id)
            known = {row[0]: _Known(*row[1:]) for row in rows}
        before = known.get(found.path)
        if before is None or (before.size, before.mtime_ns) != (found.size, found.mtime_ns):
            _record_apart(desk, found, path, kind, before)


def _record_apart(desk: Desk, found: Found, path: str, kind: _Kind, before: _Known | None) -> None:
    """Record one log; where this program itself fails on it, tell that and go on."""
    try:
        with contained(desk.ledger, desk.work.id, found.path):
            _record(desk, found, path, kind, before)
    except Failed as error:
        # Its next state is read again.
        _note(desk, found, bytes(32))
        told = Reason(str(error), report=error.report).told
        desk.observed.problems.append(f"{found.path}: {told}")


def _record(desk: Desk, found: Found, path: str, kind: _Kind, before: _Known | None) -> None:
    try:
        data = read_session_file(desk.work.folder / found.path)
    except (FileGone, FileClosed, BadInput):
        return
    if not is_unchanged(desk.work.folder, found):
        return
    digest = sha256(data).digest()
    try:
        entries = _reader(kind)(data)
    except BadInput as error:
        # It may be written just now: the next state of it is read again.
        _note(desk, found, digest)
        desk.observed.problems.append(f"{found.path}: {error}")
        return
    fresh = tuple(not_recorded(desk.log, desk.work.id, entries))
    moment = desk.look.moment()
    if not fresh:
        _note(desk, found, digest)
        return
    desk.keep("undo", found.path, data, moment, before=None)
    read = _Read(found, path, kind, digest, len(entries), fresh)
    is_live = before is not None and desk.is_live(found, moment)
    # Somebody else's history, or one that nobody watched.
    is_live = is_live and path not in desk.unwatched and path not in desk.arrivals
    since = None if before is None or not is_live else before.mtime_ns // 10**9
    with desk.writing(moment) as sitting:
        desk.log.append(desk.work.id, _drafts(read, moment, sitting, since))
        remember(desk.log, desk.work.id, fresh)
        _note(desk, found, digest)
    desk.say(found.path, tell_labels(len(fresh), _labels(fresh)))


def tell_labels(count: int, labels: dict[str, int]) -> str:
    """Say in one line what was done most often."""
    told = ", ".join(f"{label} ({times})" for label, times in labels.items())
    return f"{count} undo step{'' if count == 1 else 's'}: {told}" + (
        " and others" if sum(labels.values()) < count else ""
    )


def read_entries(path: str, data: bytes) -> list[UndoEntry]:
    """Read an undo log by its name; raises `BadInput` where that cannot be done."""
    kind = next((one for one in _KINDS if one.is_log(path)), None)
    if kind is None:
        raise BadInput(f"{path!r:.80} is no undo log of a known program")
    return _reader(kind)(data)


def undo_readers() -> frozenset[str]:
    """Name the readers of undo logs with their versions."""
    return frozenset(kind.name for kind in _KINDS)


def _drafts(read: _Read, moment: datetime, sitting: Sitting, since: int | None) -> Iterator[Draft]:
    """Draft the reading of a log and its new entries; those after `since` were watched."""
    times = [one.entry.time_s for one in read.fresh]
    body: dict[str, Json] = {
        "path": read.found.path,
        "of": read.session,
        "bytes": read.found.size,
        "sha256": read.digest.hex(),
        "reader": read.kind.name,
        "program": program_version(),
        "entries": read.entries,
        "new": len(read.fresh),
        "live": since is not None,
        "first": _claimed(min(times), 0),
        "last": _claimed(max(times), 0),
        "labels": [[label, times] for label, times in _labels(read.fresh).items()],
    }
    yield fact(
        "undo.read",
        moment,
        with_clock(body, sitting),
        session=sitting.label,
        extra={"after": read.digest},
    )
    ahead = moment + timedelta(minutes=5)
    for one in read.fresh:
        made = one.entry.time_s
        is_live = since is not None and since <= made and _moment(made, 0) <= ahead
        yield Draft(
            time=format_time(moment),
            action="undo.entry",
            stage="none",
            class_="human_with_tool" if is_live else "unknown",
            observed="tool",
            actor="author" if is_live else "unknown",
            tool="daw",
            session=sitting.label,
            values={"body": canonical_bytes(entry_body(read.found.path, one.number, one.entry))},
        )


def entry_body(path: str, number: int, entry: UndoEntry) -> dict[str, Json]:
    """Write one entry of an undo log down."""
    body: dict[str, Json] = {
        "path": path,
        "number": number,
        "text": entry.label[:MAX_TEXT],
        "claimed_time": _claimed(entry.time_s, entry.time_us),
    }
    if entry.changes:
        body["changes"] = [_change(change) for change in entry.changes[:MAX_CHANGES]]
        body["count"] = len(entry.changes)
    return body


def _change(change: UndoChange) -> dict[str, Json]:
    return {
        "object": change.object_id[:MAX_TEXT],
        "kind": change.kind[:MAX_TEXT],
        "what": change.what[:MAX_TEXT],
        "from": None if change.before is None else change.before[:MAX_TEXT],
        "to": None if change.after is None else change.after[:MAX_TEXT],
    }


def _labels(fresh: Iterable[Fresh]) -> dict[str, int]:
    counts = Counter(one.entry.label[:MAX_TEXT] for one in fresh)
    return dict(counts.most_common(SHOWN_LABELS))


def _note(desk: Desk, found: Found, digest: bytes) -> None:
    values = (found.size, found.mtime_ns, digest)
    desk.log.run("put_undo_log", desk.work.id, found.path, *values)


def _kind_of(path: str) -> _Kind | None:
    lower = path.lower()
    return next((kind for kind in _KINDS if lower.endswith(kind.extension)), None)


def _find(desk: Desk, kind: _Kind, path: str) -> Found | None:
    beside = kind.beside(PurePosixPath(path))
    try:
        state = (desk.work.folder / beside).stat(follow_symlinks=False)
    except OSError:
        return None
    return Found(str(beside), "undo", state.st_size, time_of(state))


def _reader(kind: _Kind) -> Callable[[bytes], list[UndoEntry]]:
    from stemproof.capture.sessions.ardour_history import read_ardour_history
    from stemproof.capture.sessions.undo import read_undo_log

    return read_undo_log if kind.extension == ".rpp" else read_ardour_history


def _moment(seconds: int, microseconds: int) -> datetime:
    return _EPOCH + timedelta(seconds=min(max(seconds, 0), _LAST), microseconds=microseconds)


def _claimed(seconds: int, microseconds: int) -> str:
    return format_time(_moment(seconds, microseconds))
