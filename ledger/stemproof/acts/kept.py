"""What a program kept of a session before it was first seen, read into events.

Each past save becomes `session.past` with the decisions since the one before it. Their class
is `unknown`, and `claimed_time` is what the file says, by its name or by the file system.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from stemproof.acts.desk import Desk, Sitting, with_clock
from stemproof.acts.facts import fact
from stemproof.acts.past import Past, find_past, read_past
from stemproof.acts.saved import Save, decide, draft_decision, read_save, save_body
from stemproof.acts.survey import Found
from stemproof.errors import BadInput
from stemproof.log.store import Draft
from stemproof.record.canonical import Json

if TYPE_CHECKING:
    from stemproof.capture.decision import Decision

PAST: str = "session.past"


@dataclass(frozen=True, slots=True)
class Kept:
    """A past save, and what was decided since the one before it."""

    past: Past
    of: str
    save: Save
    before: bytes | None
    decisions: tuple[Decision, ...]

    def drafts(self, moment: datetime, sitting: Sitting) -> Iterator[Draft]:
        """Draft the events: the save, then each decision."""
        claim: dict[str, Json] = {
            "claimed_time": self.past.claimed_time,
            "claimed_by": self.past.claimed_by,
        }
        body: dict[str, Json] = {
            **save_body(self.save, list(self.decisions)),
            **claim,
            "live": False,
            "of": self.of,
        }
        extra = {"after": self.save.digest}
        if self.before is not None:
            extra["before"] = self.before
        body = with_clock(body, sitting)
        yield fact(PAST, moment, body, session=sitting.label, extra=extra)
        for decision in self.decisions:
            yield draft_decision(decision, moment, sitting, live=False, more=claim)


def find_kept(desk: Desk, found: Found, now: Save) -> list[Kept]:
    """Read what was kept of a session that is first seen now, oldest first, and keep it too."""
    folder, moment = desk.work.folder, desk.look.moment()
    known = {now.digest, *(state.digest for state in desk.seen.values())}
    kept: list[Kept] = []
    last: Save | None = None
    for past in find_past(folder, found.path):
        data = read_past(folder, past)
        if data is None:
            continue
        try:
            save = read_save(past.path, data)
        except BadInput as error:
            desk.observed.problems.append(f"{past.path}: {error}")
            continue
        if save.digest in known:
            # Kept twice, or as the session is now.
            continue
        known.add(save.digest)
        before = None if last is None else last.digest
        kept.append(Kept(past, found.path, save, before, tuple(decide(last, save))))
        desk.keep("session", data, moment, before=None if last is None else last.data)
        last = save
    return kept
