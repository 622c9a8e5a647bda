"""What a work's headers add up to: decisions by stage and class, and coverage.

Recomputed by every verifier from the headers alone, so a claim cannot say more than
its events. Counts are counts: nothing here is a share, a score or a percentage.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from stemproof.record.event import Header, parse_time
from stemproof.record.vocabulary import CLASSES, OBSERVED, STAGES

_WATCHING: Final = ("watch.open", "watch.beat", "watch.close", "watch.pause")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class StageCount:
    """How many decisions of one stage fall to one class, seen in one way."""

    stage: str
    class_: str
    observed: str
    events: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """How the saves of a work came to be known.

    `seen` were observed live and follow from the save before; `jumped` were observed live
    but something changed unobserved in between; `found` were there before anybody looked;
    `received` came from another device or person; `unreadable` could not be read.
    `watched_ms` is the time between a watch's opening and its last sign of life, `span_ms`
    the time from the first to the last save, both by the device's own clock.
    """

    seen: int
    jumped: int
    found: int
    received: int
    unreadable: int
    watched_ms: int
    span_ms: int
    clock_jumps: int


@dataclass(frozen=True, slots=True)
class Report:
    """The sums over one work's headers in one or more logs."""

    stages: tuple[StageCount, ...]
    coverage: Coverage


def make_report(logs: Iterable[Iterable[Header]]) -> Report:
    """Add up the headers of a work; one iterable a log, each in the order of `work_seq`."""
    stages: Counter[tuple[str, str, str]] = Counter()
    saves: Counter[str] = Counter()
    watched = span = jumps = 0
    for headers in logs:
        clock = _Clock()
        for header in headers:
            if header.stage != "none":
                stages[header.stage, header.class_, header.observed] += 1
            clock.follow(header)
            saves[header.action] += 1
        watched += clock.watched_ms
        span += clock.span_ms
        jumps += clock.jumps
    return Report(
        stages=tuple(StageCount(*key, stages[key]) for key in sorted(stages, key=_order)),
        coverage=Coverage(
            seen=saves["session.saved"],
            jumped=saves["session.jumped"],
            found=saves["session.found"],
            received=saves["session.received"],
            unreadable=saves["session.unreadable"],
            watched_ms=watched,
            span_ms=span,
            clock_jumps=jumps,
        ),
    )


@dataclass(slots=True)
class _Clock:
    watched_ms: int = 0
    jumps: int = 0
    _first_save: int | None = None
    _last_save: int = 0
    _now: int | None = None
    _watching_since: int | None = None

    @property
    def span_ms(self) -> int:
        """From the first save in order to the latest by the clock."""
        return 0 if self._first_save is None else self._last_save - self._first_save

    def follow(self, header: Header) -> None:
        now = _milliseconds(header.time)
        if self._now is not None and now < self._now:
            self.jumps += 1
        self._now = now
        if header.action in _WATCHING:
            if self._watching_since is not None and header.action != "watch.open":
                # A clock that went back adds nothing.
                self.watched_ms += max(0, now - self._watching_since)
            is_over = header.action in ("watch.close", "watch.pause")
            self._watching_since = None if is_over else now
        elif header.action.startswith("session.") and "after" in header.commit:
            if self._first_save is None:
                self._first_save = self._last_save = now
            self._last_save = max(self._last_save, now)


def _milliseconds(time: str) -> int:
    # Whole numbers: before 1970 a truncated fraction would round the other way.
    return (parse_time(time) - _EPOCH) // timedelta(milliseconds=1)


def _order(key: tuple[str, str, str]) -> tuple[int, int, int]:
    stage, class_, observed = key
    return STAGES.index(stage), CLASSES.index(class_), OBSERVED.index(observed)
