"""Marks in audio become events: at first sight, before any program writes the file anew.

    first = find_first(log, sighting)                    by digest, else by fingerprint
    record_marks(log, work, sighting, first, moment)     one ai.mark a finding

The first sight of a content is kept: a later file with the same digest names it, and a file
that only sounds like it is told as likeness, which proves nothing. Which program wrote a file
is no mark: it stands in the file's own event.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stemproof.acts.facts import fact
from stemproof.errors import BadInput, Malformed
from stemproof.record.canonical import Json, parse_object
from stemproof.record.event import leaf_hash, parse_header

if TYPE_CHECKING:
    from stemproof.audio.marks import Finding, Report
    from stemproof.log.store import Draft, Log

#: Numbers of events: of a mark seen first, and of the file's own event (0 where it has none).
FIRSTS_SETTING: Final = "marks.first"
# Beyond that the oldest are not compared any more; the log still has them.
MAX_FIRSTS: Final = 500
# Each takes some milliseconds.
MAX_COMPARED: Final = 64
_MAX_BODY: Final = 16 << 20

Body = dict[str, Any]  # JSON that this program wrote, or fetched from its own log


@dataclass(frozen=True, slots=True)
class First:
    """Where a mark was seen first."""

    work: str
    leaf: str
    work_seq: int
    path: str
    time: str
    how: str
    source: str
    generator: str
    says: str
    class_: str = "unknown"
    # What to call it in the log of another work, which is told nothing of its files.
    place: str = "a file of another work"

    def as_json(self) -> dict[str, Json]:
        """Give what an event says of it."""
        return {
            "work": self.work,
            "leaf": self.leaf,
            "work_seq": self.work_seq,
            "path": self.path,
            "time": self.time,
            "how": self.how,
        }


@dataclass(frozen=True, slots=True)
class Sighting:
    """A file at the moment when it is seen: `fingerprint` is as its own event has it."""

    path: str
    sha256: str
    findings: Sequence[Finding] = ()
    fingerprint: Json = None
    # When it came into the downloads folder, where it did.
    arrived: str = ""
    session: str = ""
    # Its own event in the log; 0 where it has none.
    event: int = 0


def read_marks(path: Path) -> Report | None:
    """Inspect a file; None where this version knows no tags of its kind."""
    from stemproof.audio.marks import inspect_audio

    try:
        return inspect_audio(path)
    except BadInput:
        return None


def find_first(log: Log, sighting: Sighting, work: bytes = b"") -> First | None:
    """Find where this content was seen first: the same bytes, else what sounds the same.

    Of several sights of the same bytes, one in `work` is preferred.
    """
    same: list[First] = []
    alike: list[tuple[int, Body, Body]] = []
    for number, own in _firsts(log):
        body = _body(log, number)
        if body is None:
            continue
        if body.get("sha256") == sighting.sha256:
            same += [one for one in (_first(log, number, body, "digest"),) if one is not None]
        elif body.get("kind") == "generator":
            place = body.get("fingerprint") or (_body(log, own) or {}).get("fingerprint")
            if isinstance(place, dict):
                alike.append((number, body, place))
    if same:
        return next((one for one in same if one.work == work.hex()), same[0])
    if not isinstance(sighting.fingerprint, dict):
        return None
    for number, body, fingerprint in alike[-MAX_COMPARED:]:
        if sounds_alike(sighting.fingerprint, fingerprint):
            return _first(log, number, body, "fingerprint")
    return None


def record_marks(
    log: Log, work: bytes, sighting: Sighting, first: First | None, moment: datetime
) -> list[str]:
    """Record what a file's marks say, or what it is like; give the sentences."""
    is_known = first is not None and first.how == "digest" and first.work == work.hex()
    if first is not None and first.work != work.hex():
        first = replace(first, work="", leaf="", work_seq=0, path=first.place)
    marks = [one for one in sighting.findings if one.kind != "program"]
    bodies = [_mark_body(sighting, one, first) for one in marks]
    if not marks and first is not None:
        bodies = [_like_body(sighting, first)]
    if not bodies:
        return []
    drafts = [_draft(body, sighting, moment) for body in bodies]
    for place, mark in enumerate(marks):
        drafts[place] = drafts[place]._replace(
            class_=mark.class_,
            values={**drafts[place].values, **_prompt(mark.prompt)},
        )
    if not marks and first is not None and first.how == "digest":
        drafts[0] = drafts[0]._replace(class_=first.class_)
    events = log.append(work, drafts)
    if marks and not is_known:
        # One is enough to find them by.
        remember(log, events[0], sighting.event)
    return [str(body["says"]) for body in bodies]


def remember(log: Log, event: int, own: int) -> None:
    """Keep the numbers of a first sight; what they open to stays in the log."""
    kept = [*_firsts(log), (event, own)][-MAX_FIRSTS:]
    log.put_setting(FIRSTS_SETTING, json.dumps(kept))


def sounds_alike(a: Body, b: Body) -> bool:
    """Say whether two fingerprints, as events hold them, are of one recording."""
    from stemproof.audio.codec import parse_text
    from stemproof.audio.match import compare_items

    if not (a.get("telling", True) and b.get("telling", True)):
        return False
    try:
        (kind, items), (other, others) = (parse_text(str(x["compressed"])) for x in (a, b))
    except (BadInput, Malformed, KeyError):
        return False
    return kind == other and compare_items(items, others).verdict == "same"


def _firsts(log: Log) -> Iterator[tuple[int, int]]:
    for number, own in json.loads(log.setting(FIRSTS_SETTING) or "[]"):
        yield int(number), int(own)


def _body(log: Log, event: int) -> Body | None:
    """Open the body of an event; None where it was erased."""
    opening = log.openings(event).get("body") if event else None
    if opening is None:
        return None
    return parse_object(opening.value, what="body", max_bytes=_MAX_BODY)


def _first(log: Log, number: int, body: Body, how: str) -> First | None:
    entry = log.entry(number)
    if entry is None:
        return None
    header = parse_header(entry.header)
    return First(
        work=entry.work.hex(),
        leaf=leaf_hash(entry.header).hex(),
        work_seq=header.work_seq,
        path=str(body["path"]),
        time=body.get("arrived") or header.time,
        how=how,
        source=str(body["source"]),
        generator=str(body["generator"]),
        says=str(body["says"]),
        class_=header.class_,
    )


def _mark_body(sighting: Sighting, mark: Finding, first: First | None) -> dict[str, Json]:
    linked = first if first is not None and first.how == "digest" else None
    says = _plain(mark.says)
    if linked is not None:
        says += f"; first seen {linked.time[:10]} as {linked.path}"
    elif sighting.arrived:
        says += f"; it came into the downloads folder {sighting.arrived[:10]}"
    return {
        **_common(sighting, linked),
        "source": mark.source,
        "generator": _plain(mark.generator),
        "text": _plain(mark.text),
        "says": says,
        "kind": mark.kind,
        "signed": mark.signed,
        "valid": mark.valid,
        "trusted": mark.trusted,
    }


def _like_body(sighting: Sighting, first: First) -> dict[str, Json]:
    seen = f"{first.path}, first seen {first.time[:10]}"
    if first.how == "digest":
        says = f"the same file as {seen}, which had a mark: {first.says}"
    else:
        says = f"sounds like {seen}, which had a mark: {first.says}; likeness, not proof"
    return {
        **_common(sighting, first),
        "source": first.source,
        "generator": first.generator,
        "text": "",
        "says": says,
        "kind": "generator",
        "signed": None,
        "valid": None,
        "trusted": None,
    }


def _common(sighting: Sighting, first: First | None) -> dict[str, Json]:
    body: dict[str, Json] = {
        "path": sighting.path,
        "sha256": sighting.sha256,
        "first": None if first is None else first.as_json(),
    }
    if sighting.arrived:
        body["arrived"] = sighting.arrived
    if sighting.arrived and not sighting.event and sighting.fingerprint is not None:
        # It has no event of its own that holds it.
        body["fingerprint"] = sighting.fingerprint
    return body


def _draft(body: dict[str, Json], sighting: Sighting, moment: datetime) -> Draft:
    draft = fact("ai.mark", moment, body, session=sighting.session)
    return draft._replace(tool="generator")


def _prompt(text: str) -> dict[str, bytes]:
    return {"prompt": text.encode("utf-8", "replace")} if text else {}


def _plain(text: str) -> str:
    # A stranger's JSON may hold halves of characters, which canonical JSON refuses.
    return text.encode("utf-8", "replace").decode()
