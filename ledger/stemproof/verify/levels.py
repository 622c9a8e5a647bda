"""Evidence levels: how much stands behind each event, derived and never stored.

    E0  declared by the author
    E1  observed by a tool
    E2  observed by a tool, in a log whose key is bound to a person's
    E3  as E2, and sealed between two blocks: after its session's bound, before its anchor

E4 (co-signed by somebody whom the verifier trusts) and E5 (hardware) are not given by this
version. A level says how a fact came in and when it was sealed, never that it is true.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Final

from stemproof.record.event import Header
from stemproof.record.vocabulary import CLASSES, STAGES

LEVELS: Final = ("E0", "E1", "E2", "E3")


@dataclass(frozen=True, slots=True)
class LevelCount:
    """How many decisions of one stage and class have one level."""

    stage: str
    class_: str
    level: str
    events: int


@dataclass(frozen=True, slots=True)
class LeveledLog:
    """A work's covered headers in one log, and what is known of that log.

    `bracketed` holds the sequence numbers of events inside two confirmed time bounds.
    """

    headers: Iterable[Header]
    is_bound: bool
    bracketed: Container[int] = ()


def level_of(header: Header, *, is_bound: bool, is_bracketed: bool) -> str:
    """Give the level of one event."""
    if header.observed == "declared":
        return "E0"
    if not is_bound:
        return "E1"
    return "E3" if is_bracketed else "E2"


def count_levels(logs: Iterable[LeveledLog]) -> tuple[LevelCount, ...]:
    """Count decisions by stage, class and level, lowest first; stage `none` is not counted."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for log in logs:
        for header in log.headers:
            if header.stage != "none":
                is_bracketed = header.work_seq in log.bracketed
                level = level_of(header, is_bound=log.is_bound, is_bracketed=is_bracketed)
                counts[header.stage, header.class_, level] += 1
    return tuple(
        LevelCount(stage, class_, level, counts[stage, class_, level])
        for stage in STAGES
        for class_ in CLASSES
        for level in LEVELS
        if counts[stage, class_, level]
    )
