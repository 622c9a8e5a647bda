"""AI-capable tools in the sessions of a ledger: which rows hold, what saves told of them.

    tool.present    once for each tool at its place in a work
    tool.changed    its state differs from the save before
    tool.burst      so many of its parameters changed in one save that the tool may have done it

A user's own rows lie in `ai-tools.json` in the ledger folder. A broken file of theirs stops no
recording: the catalogue that ships is used, and that is said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stemproof.acts.facts import fact
from stemproof.capture.tools.catalogue import Catalogue, shipped_catalogue
from stemproof.capture.tools.grades import Graded, Sign, grade_save
from stemproof.capture.tools.own import MAX_OWN_BYTES, OWN_FILE, with_own
from stemproof.errors import BadInput

if TYPE_CHECKING:
    from stemproof.acts.desk import Desk, Sitting
    from stemproof.acts.saved import Save
    from stemproof.capture.decision import Decision
    from stemproof.log.store import Draft, Log
    from stemproof.record.canonical import Json

_PRESENT: Final = "tool.present"
_TOLD: Final = {
    "present": "AI-capable tool present: {device} on {track}",
    "changed": "state of an AI-capable tool changed: {device} on {track}",
    "burst": "{count} parameters of an AI-capable tool changed in one save: {device} on {track}",
}


def catalogue_of(ledger: Path) -> Catalogue:
    """Give the rows that hold for a ledger; raises `BadInput` where the user's own are broken."""
    try:
        with (ledger / OWN_FILE).open("rb") as file:
            data = file.read(MAX_OWN_BYTES + 1)
    except FileNotFoundError:
        return shipped_catalogue()
    except OSError as error:
        raise BadInput(f"{OWN_FILE} cannot be read: {error.strerror}") from error
    return with_own(shipped_catalogue(), data)


def told_rows(catalogue: Catalogue) -> dict[str, Json]:
    """Name, in a save's event, the rows by which it was graded."""
    return {"catalogue": catalogue.version, "own": catalogue.own or None}


def grade(
    desk: Desk, before: Save | None, after: Save, decisions: Sequence[Decision]
) -> tuple[Catalogue, Graded]:
    """Grade the AI-capable tools of one save by the rows in force."""
    try:
        catalogue = catalogue_of(desk.ledger)
    except BadInput as error:
        desk.observed.problems.append(f"{error}; the rows that ship are used")
        catalogue = shipped_catalogue()
    last = None if before is None else before.session
    return catalogue, grade_save(last, after.session, decisions, catalogue)


def draft_signs(
    desk: Desk, signs: Sequence[Sign], path: str, moment: datetime, sitting: Sitting
) -> Iterator[Draft]:
    """Draft the events of a save's signs; that a tool is present is said once at its place."""
    known: set[tuple[str, str, str]] | None = None
    for sign in signs:
        place = (sign.match.tool.id, sign.track, sign.device)
        if sign.grade == "present":
            # Few saves bring a tool: only they look back.
            known = _present(desk.log, desk.work.id) if known is None else known
            if place in known:
                continue
            known.add(place)
        body: dict[str, Json] = {
            "path": path,
            "track": sign.track,
            "device": sign.device,
            "tool": sign.match.tool.id,
            "kind": sign.match.tool.kind.value,
            "how": sign.match.how,
            "count": sign.count,
        }
        yield fact(f"tool.{sign.grade}", moment, body, session=sitting.label)
        told = _TOLD[sign.grade]
        desk.say(path, told.format(device=sign.device, track=sign.track, count=sign.count))


@dataclass(frozen=True, slots=True)
class Told:
    """What a work's record says of one tool: at how many places, and what changed."""

    tool: str
    places: int
    changes: int
    bursts: int

    @property
    def text(self) -> str:
        """Say it in one sentence, which claims no use."""
        more = [f"state changed {self.changes} times"] if self.changes else []
        more += [f"{self.bursts} bursts"] if self.bursts else []
        return f"AI-capable tool present: {self.tool}" + (f" ({', '.join(more)})" if more else "")

    def as_json(self) -> dict[str, Json]:
        """Give the same facts as one object."""
        return {
            "tool": self.tool,
            "places": self.places,
            "changes": self.changes,
            "bursts": self.bursts,
        }


def tools_told(log: Log, work: bytes) -> list[Told]:
    """Sum up what was recorded of AI-capable tools in a work, by tool."""
    counts: dict[str, dict[str, int]] = {}
    for action in (_PRESENT, "tool.changed", "tool.burst"):
        for body in _bodies(log, work, action):
            found = counts.setdefault(str(body["tool"]), {})
            found[action] = found.get(action, 0) + 1
    return [
        Told(tool, c.get(_PRESENT, 0), c.get("tool.changed", 0), c.get("tool.burst", 0))
        for tool, c in sorted(counts.items())
    ]


def _present(log: Log, work: bytes) -> set[tuple[str, str, str]]:
    return {
        (str(body["tool"]), str(body["track"]), str(body["device"]))
        for body in _bodies(log, work, _PRESENT)
    }


def _bodies(log: Log, work: bytes, action: str) -> Iterator[dict[str, Json]]:
    """Open the bodies of one action's events, as far as they still can be."""
    for (event,) in log.fetch_all("events_of_action", work, b'"action":"%s"' % action.encode()):
        opening = log.openings(event).get("body")
        if opening is not None:
            yield json.loads(opening.value)
