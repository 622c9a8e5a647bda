"""What only a person can say: notes and credits, recorded as declared (evidence level E0)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from stemproof.acts.begin import Work
from stemproof.acts.facts import saying
from stemproof.errors import Usage
from stemproof.log.store import OWN_WORK, Log
from stemproof.record.canonical import Json
from stemproof.record.event import leaf_hash
from stemproof.record.roles import find_role
from stemproof.record.vocabulary import CLASSES, STAGES

# A page of text; lyrics and letters belong into files.
MAX_NOTE: Final = 10_000
MAX_NAME: Final = 200
NOTE_STAGES: Final = tuple(stage for stage in STAGES if stage != "none")


def say_note(log: Log, work: Work, text: str, stage: str | None, moment: datetime) -> int:
    """Record a note on a work; give its event."""
    text = _checked("note", text.strip(), MAX_NOTE)
    _check_word("stage", stage, NOTE_STAGES)
    draft = saying("note.said", moment, {"text": text}, stage=stage or "none")
    return log.append(work.id, [draft])[0]


@dataclass(frozen=True, slots=True)
class View:
    """What a person says that an event's stage or class is, against the rules' answer."""

    stage: str | None = None
    class_: str | None = None


def say_about(log: Log, event: int, text: str, view: View, moment: datetime) -> tuple[int, bytes]:
    """Record a note on an event; give the note's own event and the work.

    It changes nothing that stands: it is a declaration beside it (evidence level E0).
    """
    text = _checked("note", text.strip(), MAX_NOTE)
    _check_word("stage", view.stage, NOTE_STAGES)
    _check_word("class", view.class_, CLASSES)
    entry = log.entry(event)
    if entry is None or entry.work == OWN_WORK:
        raise Usage(
            f"there is no event {event} of a work", hint="`stemproof log show` numbers the events"
        )
    body: dict[str, Json] = {
        "text": text,
        "about": {"leaf": leaf_hash(entry.header).hex(), "work_seq": entry.work_seq},
    }
    says: dict[str, Json] = {"stage": view.stage, "class": view.class_}
    if any(says.values()):
        body["says"] = {name: word for name, word in says.items() if word is not None}
    draft = saying("note.said", moment, body, stage=view.stage or "none")
    return log.append(entry.work, [draft])[0], entry.work


def _check_word(what: str, word: str | None, known: tuple[str, ...]) -> None:
    if word is not None and word not in known:
        raise Usage(f"{word!r:.80} is not a {what}", hint="one of " + ", ".join(known))


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
