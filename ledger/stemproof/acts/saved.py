"""One save as it was read, and the bodies that are recorded of it.

`replay` calls the same functions on the same bytes, and must come to the same bodies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from typing import TYPE_CHECKING

from stemproof.acts.desk import Sitting
from stemproof.acts.parsed import read_once
from stemproof.capture.diff import diff
from stemproof.capture.rules import classify, rules_version
from stemproof.capture.sessions.registry import find_format
from stemproof.capture.unused import count_used
from stemproof.log.store import Draft
from stemproof.record.canonical import Json, canonical_bytes
from stemproof.record.event import format_time

if TYPE_CHECKING:
    from stemproof.capture.decision import Decision
    from stemproof.capture.sessions.model import Session


@dataclass(frozen=True, slots=True)
class Save:
    """A session file's bytes and what its reader made of them."""

    path: str
    data: bytes
    digest: bytes
    session: Session
    reader: str


@cache
def program_version() -> str:
    """Give the version of this program, as each save names it."""
    return version("stemproof")


def read_save(path: str, data: bytes) -> Save:
    """Read a session file; raises `BadInput` where that cannot be done."""
    session = read_once(path, data)
    return Save(path, data, sha256(data).digest(), session, find_format(path, data).reader_name)


def decide(before: Save | None, after: Save) -> list[Decision]:
    """Tell what was decided between two saves; nothing where there is none before."""
    return [] if before is None else diff(before.session, after.session)


def save_body(save: Save, decisions: list[Decision]) -> dict[str, Json]:
    """Tell what of a save follows from its bytes, and from those of the one before."""
    session = save.session
    unused = len(session.tracks) - count_used(session.tracks)
    # A mixer that nobody touched is counted apart, where there is one.
    apart: dict[str, Json] = {"unused": unused} if unused else {}
    return {
        **apart,
        "path": save.path,
        "bytes": len(save.data),
        "sha256": save.digest.hex(),
        "format": session.format,
        "reader": save.reader,
        "program": program_version(),
        "application": f"{session.application} {session.version}".strip(),
        "tracks": len(session.tracks),
        "decisions": sum(not decision.is_note for decision in decisions),
        "events": len(decisions),
        "rules": rules_version(),
    }


def decision_body(decision: Decision) -> dict[str, Json]:
    """Write one decision down; bodies of earlier versions lack `device` and `group`."""
    return {
        "kind": decision.kind,
        "track": decision.track,
        "device": decision.device,
        "group": decision.group,
        "what": decision.what,
        "from": decision.before,
        "to": decision.after,
        "text": decision.text,
        "object": decision.object_id,
        "count": decision.count,
    }


def decision_action(decision: Decision) -> str:
    """Name the event of a decision."""
    return decision.kind if decision.is_note else f"decision.{decision.kind}"


def draft_decision(
    decision: Decision,
    moment: datetime,
    sitting: Sitting,
    *,
    live: bool,
    tool_grade: str = "none",
    more: Mapping[str, Json] | None = None,
) -> Draft:
    """Draft the event of a decision, of a class only if it was seen live.

    `tool_grade` is what is known of an AI-capable tool on the decision's device.
    """
    stage, class_ = classify(
        decision, observed_live=live, received=False, ai_linked=False, tool_grade=tool_grade
    )
    return Draft(
        time=format_time(moment),
        action=decision_action(decision),
        stage=stage,
        class_="unknown" if decision.is_note else class_,
        observed="tool",
        actor="author" if live else "unknown",
        tool="daw",
        session=sitting.label,
        values={"body": canonical_bytes({**decision_body(decision), **(more or {})})},
    )
