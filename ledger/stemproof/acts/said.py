"""What only a person can say: notes and credits, recorded as declared (evidence level E0)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from stemproof.acts.begin import Work
from stemproof.acts.facts import saying
from stemproof.errors import Usage
from stemproof.log.store import Log
from stemproof.record.roles import find_role
from stemproof.record.vocabulary import STAGES

# A page of text; lyrics and letters belong into files.
MAX_NOTE: Final = 10_000
MAX_NAME: Final = 200
NOTE_STAGES: Final = tuple(stage for stage in STAGES if stage != "none")


def say_note(log: Log, work: Work, text: str, stage: str | None, moment: datetime) -> int:
    """Record a note on a work; give its event."""
    text = _checked("note", text.strip(), MAX_NOTE)
    if stage is not None and stage not in NOTE_STAGES:
        raise Usage(f"{stage!r:.80} is not a stage", hint="one of " + ", ".join(NOTE_STAGES))
    draft = saying("note.said", moment, {"text": text}, stage=stage or "none")
    return log.append(work.id, [draft])[0]


def say_credit(log: Log, work: Work, name: str, role: str, moment: datetime) -> tuple[int, str]:
    """Record who did what on a work; give its event and the role's code."""
    name = _checked("name", " ".join(name.split()), MAX_NAME)
    code = find_role(role)
    # A credit is no decision about the music: it counts for no stage.
    draft = saying("credit.said", moment, {"name": name, "role": code})
    return log.append(work.id, [draft])[0], code


def _checked(what: str, text: str, most: int) -> str:
    if not 0 < len(text) <= most:
        raise Usage(f"the {what} has {len(text)} characters, want 1 to {most}")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise Usage(f"the {what} is not valid text in this terminal's encoding")
    return text
