"""What a program kept of a session before it was first seen, read into events.

Each past save becomes `session.past` with the decisions since the one before it. Their class
is `unknown`, and `claimed_time` is what the file says, by its name or by the file system.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from stemproof.acts.desk import Desk, Sitting, with_clock
from stemproof.acts.facts import fact
from stemproof.acts.failing import contained
from stemproof.acts.past import Past, find_past, read_past
from stemproof.acts.saved import Save, decide, draft_decision, read_save, save_body
from stemproof.acts.survey import Found
from stemproof.errors import BadInput
from stemproof.log.store import Draft
from stemproof.record.canonical import Json

if TYPE_CHECKING:
    from stemproof.capture.decision import Decision

PAST: Final = "session.past"


@dataclass(frozen=True, slots=True)
class Kept:
    """What is told of a past save: not the save itself, of which there may be hundreds."""

    body: dict[str, Json]
    claim: dict[str, Json]
    digest: bytes
    before: bytes | None
    decisions: tuple[Decision, ...]

    def drafts(self, moment: datetime, sitting: Sitting) -> Iterator[Draft]:
        """Draft the events: the save, then each decision."""
        extra = {"after": self.digest}
        if self.before is not None:
            extra["before"] = self.before
        body = with_clock(self.body, sitting)
        yield fact(PAST, moment, body, session=sitting.label, extra=extra)
        for decision in self.decisions:
            yield draft_decision(decision, moment, sitting, live=False, more=self.claim)


def find_kept(desk: Desk, found: Found, now: Save) -> tuple[list[Kept], Save | None]:
    """Read what was kept of a session that is first seen now, oldest first; keep it here too.

    Gives what is told of each, and the newest of them itself.
    """
    folder, moment = desk.work.folder, desk.look.moment()
    known = {now.digest, *(state.digest for state in desk.seen.values())}
    kept: list[Kept] = []
    last: Save | None = None
    for past in find_past(folder, found.path):
        data = read_past(folder, past)
        if data is None:
            continue
        try:
            with contained(desk.ledger, desk.work.id, past.path):
                save = read_save(past.path, data)
                # Kept twice, or as the session is now.
                told = None if save.digest in known else _tell(past, found.path, last, save)
        except BadInput as error:
            desk.observed.problems.append(f"{past.path}: {error}")
            continue
        if told is None:
            continue
        known.add(save.digest)
        earlier = None if last is None else last.data
        desk.keep("session", past.path, data, moment, before=earlier)
        kept.append(told)
        last = save
    return kept, last


def _tell(past: Past, session: str, last: Save | None, save: Save) -> Kept:
    decisions = decide(last, save)
    claim: dict[str, Json] = {
        "claimed_time": past.claimed_time,
        "claimed_by": past.claimed_by,
    }
    body: dict[str, Json] = {**save_body(save, decisions), **claim, "live": False, "of": session}
    before = None if last is None else last.digest
    return Kept(body, claim, save.digest, before, tuple(decisions))
