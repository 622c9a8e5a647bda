"""The saves of one session as the log tells them, in the order in which they grew from another.

Each save names the digest of the save before it, so a session is followed through renames,
moves, copies and past saves without trusting any name. Where that link is missing or erased
the chain begins anew, and says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from stemproof.blame.steps import Burst, Step, Told
from stemproof.log.store import Log
from stemproof.record.event import Header, parse_header

_SAVES: Final = frozenset(
    {"session.found", "session.saved", "session.jumped", "session.past", "session.received"}
)
_PLACED: Final = frozenset({"session.moved", "session.copied", "session.returned"})

Body = Mapping[str, Any]  # Any: JSON of a body that this program wrote


@dataclass(slots=True)
class Save:
    """One save as it was recorded; a digest is empty where there is none, or it was erased."""

    event: int
    header: Header
    path: str
    live: bool
    size: int = 0
    before: bytes = b""
    after: bytes = b""
    is_cut: bool = False
    told: list[Told] = field(default_factory=list)
    bursts: list[Burst] = field(default_factory=list)

    def step(self) -> Step:
        """Give it as blame reads it."""
        header = self.header
        return Step(
            self.event,
            header.action,
            header.time,
            self.live,
            tuple(self.told),
            tuple(self.bursts),
            header.observed,
        )


@dataclass(frozen=True, slots=True)
class Fact:
    """An event that is no save: what came out of a generator, a mark, an audio file."""

    event: int
    header: Header
    body: Body
    fields: Mapping[str, bytes]


@dataclass(slots=True)
class History:
    """What a work's log tells of its sessions and of machines that generate."""

    saves: list[Save] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    erased: int = 0

    def chain(self, path: str, digest: bytes) -> tuple[list[Save], bool]:
        """Give the saves that led to a file, oldest first; True if its content is the newest.

        A file that was changed since is what its newest save became.
        """
        is_newest = True
        last = self._with(digest, len(self.saves), path)
        if last is None:
            is_newest = False
            places = [n for n, save in enumerate(self.saves) if save.path == path]
            last = places[-1] if places else None
        found: list[Save] = []
        while last is not None:
            save = self.saves[last]
            found.append(save)
            last = self._with(save.before, last, save.path) if save.before else None
        return found[::-1], is_newest

    def of(self, *actions: str) -> Iterator[Fact]:
        """Give the facts of some actions, oldest first."""
        return (fact for fact in self.facts if fact.header.action in actions)

    def _with(self, digest: bytes, before: int, path: str) -> int | None:
        """Find the newest save of a content that came before; one of the same name first."""
        places = [n for n in range(before) if self.saves[n].after == digest]
        named = [n for n in places if self.saves[n].path == path]
        return max(named or places, default=None)


def read_history(log: Log, work: bytes) -> History:
    """Read a work's events; each opens once."""
    history = History()
    newest: dict[str, Save] = {}
    events = sorted(
        row
        for tree, _, _ in log.fetch_all("trees_of_work", work)
        for row in log.fetch_all("events", tree, 0, log.tree_size(tree))
    )
    current: Save | None = None
    for event, _, data in events:
        header = parse_header(data)
        action = header.action
        if action in _SAVES:
            current = _save(log, event, header)
            history.saves.append(current)
            history.erased += current.is_cut
            newest[current.path] = current
        elif action.startswith("decision.") and current is not None:
            body = _body(_fields(log, event))
            history.erased += body is None
            if body is not None:
                current.told.append(_told(event, header, body))
        elif action == "tool.burst":
            body = _body(_fields(log, event)) or {}
            if (owner := newest.get(str(body.get("path")))) is not None:
                place = str(body.get("track", "")), str(body.get("device", ""))
                owner.bursts.append(Burst(event, *place))
        elif action in _PLACED or action.startswith(("gen.", "ai.", "audio.")):
            fields = _fields(log, event)
            if (body := _body(fields)) is not None:
                history.facts.append(Fact(event, header, body, fields))
                if action in _PLACED and (here := newest.get(str(body.get("from")))) is not None:
                    newest[str(body["path"])] = here
    return history


def steps_of(saves: Sequence[Save]) -> list[Step]:
    """Give saves as blame reads them."""
    return [save.step() for save in saves]


def _save(log: Log, event: int, header: Header) -> Save:
    fields = _fields(log, event)
    body = _body(fields)
    before, after = fields.get("before", b""), fields.get("after", b"")
    is_cut = body is None or (("before" in header.commit) and not before)
    told = body or {}
    return Save(
        event,
        header,
        path=str(told.get("path", "")),
        live=told.get("live") is True,
        size=int(told.get("bytes", 0)),
        before=before,
        after=after,
        is_cut=is_cut,
    )


def _told(event: int, header: Header, body: Body) -> Told:
    def word(name: str) -> str:
        value = body.get(name)
        return value if isinstance(value, str) else ""

    return Told(
        event=event,
        kind=header.action.removeprefix("decision."),
        track=word("track"),
        device=word("device"),
        what=word("what"),
        before=word("from"),
        after=word("to"),
        object_id=word("object"),
        class_=header.class_,
    )


def _fields(log: Log, event: int) -> dict[str, bytes]:
    return {name: opening.value for name, opening in log.openings(event).items()}


def _body(fields: Mapping[str, bytes]) -> Body | None:
    data = fields.get("body")
    return None if data is None else json.loads(data)
