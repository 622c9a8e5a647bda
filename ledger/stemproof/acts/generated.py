"""What a person says of a generated file: the prompt, the provider and the plan (E0).

    say_generated(log, work, Said(path="song.mp3", sha256=..., prompt="..."), moment)

It stands beside the mark that was read in the file (E1), and names it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stemproof.acts.begin import Work
from stemproof.acts.facts import saying
from stemproof.acts.marks import Sighting, find_first, read_marks, record_marks
from stemproof.acts.survey import hash_content
from stemproof.capture.prompts.plain import plain_endpoint, without_secrets
from stemproof.errors import Usage
from stemproof.record.canonical import Json

if TYPE_CHECKING:
    from stemproof.log.store import Log

# As long as the longest prompts that services take, with lyrics.
MAX_PROMPT: Final = 100_000
MAX_WORD: Final = 200


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of one file; empty members are left open."""

    path: str
    sha256: str
    provider: str = ""
    plan: str = ""
    terms: str = ""
    prompt: str = ""
    mark: str | None = None


def say_generated(log: Log, work: Work, said: Said, moment: datetime) -> int:
    """Record what a person says of a generated file; give the event."""
    prompt = without_secrets(said.prompt.strip())
    if len(prompt) > MAX_PROMPT:
        raise Usage(f"the prompt has {len(prompt)} characters, want at most {MAX_PROMPT}")
    body: dict[str, Json] = {
        "path": said.path,
        "sha256": said.sha256,
        "provider": _word("provider", said.provider),
        "plan": _word("plan", said.plan),
        "terms": f"https://{plain_endpoint(said.terms)}" if said.terms else "",
        "mark": said.mark,
    }
    if any("\ud800" <= character <= "\udfff" for character in prompt):
        raise Usage("the prompt is not valid text in this terminal's encoding")
    draft = saying("ai.said", moment, body)
    if prompt:
        draft = draft._replace(values={**draft.values, "prompt": prompt.encode()})
    return log.append(work.id, [draft])[0]


def add_file(log: Log, work: Work, path: Path, said: Said, moment: datetime) -> tuple[int, str]:
    """Record what is said of a file, and its marks where they are not recorded yet.

    Gives the event and who made it, as far as that is said or marked.
    """
    sha256 = hash_content(path).hex()
    name = path.resolve()
    inside = work.folder in name.parents
    place = name.relative_to(work.folder).as_posix() if inside else name.name
    marks = read_marks(path)
    findings = () if marks is None else marks.generators
    sighting = Sighting(place, sha256, findings=findings)
    with log.writing():
        first = find_first(log, sighting, work.id)
        if first is None or first.work != work.id.hex():
            record_marks(log, work.id, sighting, first, moment)
            first = find_first(log, sighting, work.id)
        named = (one.generator for one in findings if one.generator)
        provider = said.provider or next(named, "") or (first.generator if first else "")
        leaf = first.leaf if first is not None and first.work == work.id.hex() else None
        event = say_generated(
            log,
            work,
            Said(place, sha256, provider, said.plan, said.terms, said.prompt, leaf),
            moment,
        )
    return event, provider


def _word(what: str, text: str) -> str:
    text = " ".join(text.split())
    if len(text) > MAX_WORD or not text.isprintable():
        raise Usage(f"the {what} is {text!r:.60}, want at most {MAX_WORD} printable characters")
    return text
