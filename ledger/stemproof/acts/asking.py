"""The question why, when it can still be answered: after a bounce or a kept generation.

    occasions, last = occasions_after(log, last)
    say_why(log, occasions[0], "brighter, for the radio", now())

The answer is a note: declared by a person (E0), written down minutes after what it is about
and linked to it. Asking is the terminal's part; nothing here waits for anybody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from stemproof.acts.begin import list_works
from stemproof.acts.facts import saying
from stemproof.acts.said import MAX_NOTE
from stemproof.errors import BadInput, Malformed, Usage
from stemproof.record.canonical import Json, parse_object
from stemproof.record.event import Header, leaf_hash, parse_header, parse_time

if TYPE_CHECKING:
    from stemproof.acts.generated import Said
    from stemproof.log.store import Entry, Log

ASK_SETTING: Final = "ask.why"
# Afterwards it is a memory and no word of the moment.
PATIENCE: Final = timedelta(minutes=10)
_PAGE: Final = 500
_MAX_BODY: Final = 16 << 20
# What is shorter is a click, a sample or a test.
_SHORTEST_MS: Final = 1000
# Where programs keep what they record, and what people bring along.
_TAKES: Final = frozenset({"audiofiles", "samples", "audio files", "media", "recorded", "takes"})
_RENDERS: Final = frozenset({"audio.appeared", "audio.changed"})
_KEPT: Final = "gen.kept"
_MARK: Final = "ai.mark"
_STARTS: Final = (b"audio.", b"gen.", _MARK.encode())
# How far back `status` looks for bounces without a word.
_LOOKED_BACK: Final = 2000


@dataclass(frozen=True, slots=True)
class Occasion:
    """Something that a person may want to say a word about."""

    event: int
    work: bytes
    what: str
    leaf: str
    work_seq: int
    moment: datetime
    # The question as a terminal puts it after `what`.
    question: str = "why?"
    # The marked file, where what was asked of a generator is the question.
    marked: Said | None = None


def is_asking(log: Log) -> bool:
    """Say whether this ledger's owner wants to be asked."""
    return log.setting(ASK_SETTING) != "never"


def set_asking(log: Log, wanted: bool) -> None:
    """Keep whether to ask."""
    log.put_setting(ASK_SETTING, "yes" if wanted else "never")


def occasions_after(log: Log, event: int) -> tuple[list[Occasion], int]:
    """Give what happened after an event and is worth a question, and the last event seen."""
    entries = log.entries_after(event, _PAGE)
    found = [one for entry in entries if (one := _occasion(log, entry)) is not None]
    return found, entries[-1].id if entries else event


def answer(log: Log, occasion: Occasion, text: str, moment: datetime) -> int:
    """Record a person's answer to an occasion's question; give its event."""
    if occasion.marked is None:
        return say_why(log, occasion, text, moment)
    from stemproof.acts.generated import say_generated

    work = next(work for work in list_works(log) if work.id == occasion.work)
    return say_generated(log, work, replace(occasion.marked, prompt=text), moment)


def say_why(log: Log, occasion: Occasion, text: str, moment: datetime) -> int:
    """Record a person's word about an occasion, while it is fresh; give its event."""
    text = " ".join(text.split())
    if not 0 < len(text) <= MAX_NOTE:
        raise Usage(f"the note has {len(text)} characters, want 1 to {MAX_NOTE}")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise Usage("the note is not valid text in this terminal's encoding")
    after = moment - occasion.moment
    if not timedelta(0) <= after <= PATIENCE:
        raise BadInput(
            "that is too long ago for a word of the moment",
            hint="`stemproof note` takes it as a note of now",
        )
    body: dict[str, Json] = {
        "text": text,
        "about": {"leaf": occasion.leaf, "work_seq": occasion.work_seq},
        "asked": True,
        "after_ms": after // timedelta(milliseconds=1),
    }
    return log.append(occasion.work, [saying("note.said", moment, body)])[0]


def wordless(log: Log) -> dict[bytes, int]:
    """Count for each work the bounces that no word followed, among what was recorded last."""
    counts: dict[bytes, int] = {}
    said: set[bytes] = set()
    (last,) = log.fetch_one("last_event_id")
    for entry in log.entries_before(last + 1, _LOOKED_BACK):
        if b'"action":"note.said"' in entry.header:
            said.add(entry.work)
        elif (
            entry.work not in said
            and (found := _occasion(log, entry)) is not None
            and found.marked is None
        ):
            counts[entry.work] = counts.get(entry.work, 0) + 1
    return counts


def is_bounce(path: str, duration_ms: int) -> bool:
    """Say whether new audio looks rendered: not where programs keep takes, and no mere click."""
    parts = {part.lower() for part in PurePosixPath(path).parts[:-1]}
    return duration_ms >= _SHORTEST_MS and not parts & _TAKES


def _occasion(log: Log, entry: Entry) -> Occasion | None:
    # Parsing every header of a big save would cost more than it is worth.
    if not any(b'"action":"%s' % start in entry.header for start in _STARTS):
        return None
    header = parse_header(entry.header)
    if header.action == _MARK:
        return _marked(log, entry, header)
    what = _what(log, entry, header)
    if what is None:
        return None
    leaf = leaf_hash(entry.header).hex()
    return Occasion(entry.id, entry.work, what, leaf, header.work_seq, parse_time(header.time))


def _marked(log: Log, entry: Entry, header: Header) -> Occasion | None:
    """Ask once what was asked of a generator: where its mark is seen first."""
    from stemproof.acts.generated import Said

    body = _open(log, entry)
    if body is None or body.get("first") is not None or body.get("kind") != "generator":
        return None
    path, sha256 = str(body.get("path")), str(body.get("sha256"))
    provider, leaf = str(body.get("generator")), leaf_hash(entry.header).hex()
    return Occasion(
        entry.id,
        entry.work,
        f"{path}, made by {provider or 'a generator'}",
        leaf,
        header.work_seq,
        parse_time(header.time),
        question="which prompt?",
        marked=Said(path, sha256, provider, mark=leaf),
    )


def _what(log: Log, entry: Entry, header: Header) -> str | None:
    if header.action not in _RENDERS | {_KEPT}:
        return None
    body = _open(log, entry)
    if body is None:
        return None
    path, length = body.get("path"), body.get("duration_ms")
    if header.action == _KEPT:
        return f"kept {path}" if isinstance(path, str) else "a kept generation"
    if body.get("live") is not True or not isinstance(path, str) or not isinstance(length, int):
        return None
    return f"bounce {path}" if is_bounce(path, length) else None


def _open(log: Log, entry: Entry) -> dict[str, Json] | None:
    opening = log.openings(entry.id).get("body")
    if opening is None:
        return None
    try:
        return parse_object(opening.value, what="body", max_bytes=_MAX_BODY)
    except Malformed:
        return None
