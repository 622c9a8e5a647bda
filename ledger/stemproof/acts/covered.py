"""What of a work's making was watched: saves, time, gaps and jumps, each with what it is out of.

Read from the log of this ledger alone. A claim states fewer of these counts (claim/report.py);
here they are for whoever wants to know where the record has holes. A share is never given:
a gap of a night asleep and one of an hour of work look alike.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from stemproof.record.event import format_time, parse_header, parse_time

if TYPE_CHECKING:
    from stemproof.log.store import Log
    from stemproof.record.canonical import Json
    from stemproof.record.event import Header

_WATCHING: Final = {"watch.open", "watch.beat", "watch.close", "watch.pause"}
_SAVES: Final = {"session.found", "session.saved", "session.jumped", "session.received"}
_ENDS: Final = {"watch.close": "ended", "watch.pause": "paused"}
# Killed, crashed, asleep or without power: the watch did not come to say so.
_SILENT: Final = "without a word"


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch between the first and the last save in which no watch was on."""

    start: datetime
    end: datetime
    why: str

    @property
    def length(self) -> timedelta:
        """How long nobody watched."""
        return self.end - self.start


@dataclass(slots=True)
class Covered:
    """How the saves of one work in one log came to be known."""

    saves: Counter[str] = field(default_factory=Counter)
    live_bytes: int = 0
    all_bytes: int = 0
    unlinked: int = 0
    audio_live: int = 0
    audio_found: int = 0
    undo_steps: int = 0
    pauses: int = 0
    clock_jumps: int = 0
    first: datetime | None = None
    last: datetime | None = None
    watched: timedelta = timedelta(0)
    gaps: list[Gap] = field(default_factory=list)

    @property
    def span(self) -> timedelta:
        """From the first save to the last, by the device's own clock."""
        return timedelta(0) if self.first is None or self.last is None else self.last - self.first

    @property
    def all_saves(self) -> int:
        """All saves that were read, past ones aside."""
        return sum(self.saves[action] for action in _SAVES)

    def as_json(self) -> dict[str, Json]:
        """Give the counts as one object."""
        gaps: list[Json] = [
            {"from": format_time(gap.start), "to": format_time(gap.end), "why": gap.why}
            for gap in self.gaps
        ]
        return {
            "saves": self.all_saves,
            "seen": self.saves["session.saved"],
            "jumped": self.saves["session.jumped"],
            "found": self.saves["session.found"],
            "received": self.saves["session.received"],
            "past": self.saves["session.past"],
            "unreadable": self.saves["session.unreadable"],
            "unlinked": self.unlinked,
            "bytes": self.all_bytes,
            "bytes_live": self.live_bytes,
            "audio_live": self.audio_live,
            "audio_found": self.audio_found,
            "undo_steps": self.undo_steps,
            "first_save": None if self.first is None else format_time(self.first),
            "last_save": None if self.last is None else format_time(self.last),
            "span_ms": self.span // timedelta(milliseconds=1),
            "watched_ms": self.watched // timedelta(milliseconds=1),
            "pauses": self.pauses,
            "gaps": gaps,
            "clock_jumps": self.clock_jumps,
        }


def look_over(log: Log, work: bytes) -> list[tuple[str, Covered]]:
    """Tell for each log of this ledger how a work was covered."""
    return [
        (origin, _look_over(log, tree)) for tree, _, origin in log.fetch_all("trees_of_work", work)
    ]


def _look_over(log: Log, tree: int) -> Covered:
    covered = Covered()
    stretches: list[tuple[datetime, datetime, str]] = []
    watching: tuple[datetime, datetime] | None = None
    afters: dict[str, str] = {}
    before: datetime | None = None
    for event_id, _, data in log.fetch_each("events", tree, 0, log.tree_size(tree)):
        header = parse_header(data)
        moment = parse_time(header.time)
        covered.clock_jumps += before is not None and moment < before
        before = moment
        if header.action in _WATCHING:
            watching = _follow(header.action, moment, watching, stretches)
            covered.pauses += header.action == "watch.pause"
        elif header.action.startswith(("session.", "audio.", "undo.")):
            if watching is not None and header.action == "session.saved":
                # A sign of life as good as any.
                watching = watching[0], max(watching[1], moment)
            _count(covered, header, moment, _opened(log, event_id), afters)
    if watching is not None:
        stretches.append((*watching, _SILENT))
    _measure(covered, stretches)
    return covered


def _follow(
    action: str,
    moment: datetime,
    watching: tuple[datetime, datetime] | None,
    stretches: list[tuple[datetime, datetime, str]],
) -> tuple[datetime, datetime] | None:
    """Follow the watch from one of its events to the next; a stretch that is over is added."""
    if action == "watch.open":
        if watching is not None:
            stretches.append((*watching, _SILENT))
        return moment, moment
    if watching is None:
        return None
    # A clock that went back adds nothing.
    reached = max(watching[1], moment)
    if action in _ENDS:
        stretches.append((watching[0], reached, _ENDS[action]))
        return None
    return watching[0], reached


def _count(
    covered: Covered,
    header: Header,
    moment: datetime,
    opened: Mapping[str, Json],
    afters: dict[str, str],
) -> None:
    action = header.action
    covered.saves[action] += 1
    covered.undo_steps += action == "undo.entry"
    if action in ("audio.appeared", "audio.changed"):
        covered.audio_live += opened.get("live") is True
        covered.audio_found += opened.get("live") is not True
    if action == "session.unreadable":
        # Whatever is read next does not follow from what was read last.
        afters[str(opened.get("path"))] = ""
    if action not in _SAVES:
        return
    covered.first = moment if covered.first is None else covered.first
    covered.last = moment if covered.last is None else max(covered.last, moment)
    size = opened.get("bytes")
    if isinstance(size, int):
        covered.all_bytes += size
        covered.live_bytes += size if action == "session.saved" else 0
    path = str(opened.get("path"))
    origin = str(opened.get("continues", path))
    if action == "session.saved" and afters.get(origin) != opened.get("before"):
        covered.unlinked += 1
    afters[path] = str(opened.get("after"))


def _opened(log: Log, event_id: int) -> dict[str, Json]:
    """Give what still opens an event: its body, and the digests before and after."""
    openings = log.openings(event_id)
    body: dict[str, Json] = json.loads(openings["body"].value) if "body" in openings else {}
    digests: dict[str, Json] = {
        name: openings[name].value.hex() for name in ("before", "after") if name in openings
    }
    return {**body, **digests}


def _measure(covered: Covered, stretches: Iterable[tuple[datetime, datetime, str]]) -> None:
    """Lay the watched stretches over the time between the first and the last save."""
    if covered.first is None or covered.last is None:
        return
    at, why = covered.first, "before the watch"
    for start, end, reason in _in_order(stretches):
        if end <= covered.first or start >= covered.last:
            if end <= covered.first:
                why = reason
            continue
        if start > at:
            covered.gaps.append(Gap(at, start, why))
        covered.watched += min(end, covered.last) - max(start, at)
        at, why = max(at, min(end, covered.last)), reason
    if at < covered.last:
        covered.gaps.append(Gap(at, covered.last, why))


def _in_order(
    stretches: Iterable[tuple[datetime, datetime, str]],
) -> Iterator[tuple[datetime, datetime, str]]:
    """Give stretches by their beginning, none twice over the same time."""
    reached = datetime.min.replace(tzinfo=UTC)
    for start, end, why in sorted(stretches):
        if end > reached:
            yield max(start, reached), end, why
            reached = end
