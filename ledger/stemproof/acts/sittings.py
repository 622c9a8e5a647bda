"""The log as a day of work: by working session, and in it by save.

    for block in newest_blocks(log, Wanted(), 50): ...

A save and what was decided in it are one item, told in as many lines as a musician needs
(capture/summary.py): forty clips that were dragged together are one of them. Nothing is lost:
an item holds the events that it stands for, and reading.py gives each of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Final

from stemproof.acts.desk import QUIET
from stemproof.acts.reading import Body, Line, Wanted, lines_after, lines_before
from stemproof.capture.decision import Decision, Scope
from stemproof.capture.summary import summarise
from stemproof.log.store import Log
from stemproof.record.event import parse_time

_OPEN: Final = "session.open"
_CLOSE: Final = "session.close"
_BEAT: Final = "watch.beat"
_STEP: Final = "undo.entry"
_DECISION: Final = "decision."
# Events of files that were read; what was read from one follows it in the log.
_SAVED: Final = frozenset({"session.saved", "session.jumped", "session.received"})
_FILES: Final = _SAVED | {"session.found", "session.past", "undo.read"}
_FOLLOWING: Final = frozenset(
    {"session.upgraded", "take.kept", "take.dropped", "tool.present", "tool.changed", "tool.burst"}
    | {_STEP}
)


@dataclass(frozen=True, slots=True)
class Told:
    """One line about a save, of one stage; how many decisions it stands for."""

    text: str
    stage: str
    count: int


@dataclass(frozen=True, slots=True)
class Item:
    """One fact, or a save with all that was read from it: its events, oldest first."""

    lines: tuple[Line, ...]

    @property
    def head(self) -> Line | None:
        """The fact itself, or the save; None where only decisions of a save are there."""
        return None if _follows(self.lines[0]) else self.lines[0]

    @property
    def events(self) -> tuple[int, int]:
        """The numbers of its first and last event."""
        return self.lines[0].entry.id, self.lines[-1].entry.id

    @property
    def decisions(self) -> list[Line]:
        """Its decisions about the music."""
        return [line for line in self.lines if line.header.action.startswith(_DECISION)]

    @property
    def classes(self) -> list[str]:
        """Who decided, each answer once."""
        return list(dict.fromkeys(line.header.class_ for line in self.decisions))

    def told(self, stage: str | None = None) -> list[Told]:
        """Tell what was decided in it, or what of it in one stage, like things in one line."""
        inner = [line for line in self.lines if _follows(line) and line.header.action != _STEP]
        if stage is not None:
            inner = [line for line in inner if line.header.stage == stage]
        known = [
            _decision(line, line.body)
            for line in inner
            if line.body is not None and line.header.action.startswith(_DECISION)
        ]
        told = [
            Told(one.text, one.decisions[0].stage, len(one.decisions)) for one in summarise(known)
        ]
        for line in inner:
            if line.body is None or not line.header.action.startswith(_DECISION):
                told.append(Told(line.text, line.header.stage, 1))
        return told


@dataclass(slots=True)
class Block:
    """What happened in one working session of a work, or outside of one (`session` is empty)."""

    work: bytes
    title: str
    session: str
    items: list[Item] = field(default_factory=list)
    # Whether the session's own first event is among what is shown.
    is_whole: bool = False
    is_over: bool = False
    last: datetime | None = None

    def takes(self, session: str, moment: datetime) -> bool:
        """Say whether what comes next belongs here: of this session, or without one and soon."""
        if session:
            return session == self.session
        return not self.is_over and (self.last is None or moment - self.last <= QUIET)

    @property
    def saves(self) -> int:
        """How many saves it shows: not first sights, nor what programs kept of earlier ones."""
        heads = [item.head for item in self.items]
        return sum(head is not None and head.header.action in _SAVED for head in heads)

    @property
    def stages(self) -> Counter[str]:
        """Its decisions by stage."""
        return Counter(line.header.stage for item in self.items for line in item.decisions)


def newest_blocks(log: Log, wanted: Wanted, limit: int) -> list[Block]:
    """Give the newest items by working session, oldest first; a save is one item."""
    # The save that a decision belongs to is of no stage: stages are looked for in whole items.
    every = replace(wanted, stage=None, heartbeats=True)
    lines = (line for line in lines_before(log, every) if line.header.action != _BEAT)
    items = (item for item in _items(lines) if _has_stage(item, wanted.stage))
    return _blocks(list(islice(items, limit))[::-1])


def items_after(log: Log, event: int, wanted: Wanted) -> tuple[list[Item], int]:
    """Give the items after an event, oldest first, and the last event that was looked at."""
    every = replace(wanted, stage=None, heartbeats=True)
    lines, last = lines_after(log, event, every)
    items = _items(line for line in reversed(lines) if line.header.action != _BEAT)
    return [item for item in items if _has_stage(item, wanted.stage)][::-1], last


def _has_stage(item: Item, stage: str | None) -> bool:
    return stage is None or any(line.header.stage == stage for line in item.lines)


def _items(lines: Iterable[Line]) -> Iterator[Item]:
    """Join what was read from a save with the save; both ways newest first."""
    inner: list[Line] = []
    for line in lines:
        if _follows(line) and (not inner or inner[-1].entry.work == line.entry.work):
            inner.append(line)
            continue
        if inner and not (line.header.action in _FILES and line.entry.work == inner[-1].entry.work):
            yield Item(tuple(inner[::-1]))
            inner = []
        if _follows(line):
            inner = [line]
        else:
            yield Item((line, *inner[::-1]))
            inner = []
    if inner:
        yield Item(tuple(inner[::-1]))


def _blocks(items: Sequence[Item]) -> list[Block]:
    """Sort items by their working session; facts without one stay in the one that is running."""
    blocks: list[Block] = []
    running: dict[bytes, Block] = {}
    for item in items:
        header, work = item.lines[0].header, item.lines[0].entry.work
        action, moment = header.action, parse_time(header.time)
        block = running.get(work)
        if block is None or not block.takes(header.session, moment):
            block = running[work] = Block(work, item.lines[0].title, header.session)
            blocks.append(block)
        block.last = moment
        if action == _OPEN:
            block.is_whole = True
        elif action == _CLOSE:
            block.is_over = True
        else:
            block.items.append(item)
    return [block for block in blocks if block.items]


def _follows(line: Line) -> bool:
    action = line.header.action
    return action.startswith(_DECISION) or action in _FOLLOWING


def _decision(line: Line, body: Body) -> Decision:
    """Put a recorded decision back together, as far as telling it needs; older ones lack words."""

    def word(name: str) -> str:
        value = body.get(name)
        return value if isinstance(value, str) else ""

    return Decision(
        kind=line.header.action.removeprefix(_DECISION),
        stage=line.header.stage,
        scope=Scope.TRACK,
        track=word("track"),
        what=word("what"),
        before=word("from") or None,
        after=word("to") or None,
        text=line.text,
        object_id=word("object"),
        group=word("group"),
        device=word("device"),
    )
