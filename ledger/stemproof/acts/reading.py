"""Reading the log as people do: one line an event, in sentences, newest last."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, Final

from stemproof.acts.ai_sentences import AI_TELLERS
from stemproof.acts.begin import list_works
from stemproof.acts.undone import tell_labels
from stemproof.acts.unreadable import reason
from stemproof.errors import Malformed, Usage
from stemproof.log.store import OWN_WORK, Entry, Log
from stemproof.record.canonical import MAX_INTEGER, Json, parse_object
from stemproof.record.event import Header, leaf_hash, parse_header, parse_time

_PAGE: Final = 500
# Longer than any body that this program writes.
_MAX_BODY: Final = 16 << 20
# A sign of life every few minutes tells a person nothing, and the steps of an undo log are
# summed up by the event before them.
HIDDEN: Final = frozenset({"watch.beat", "undo.entry"})

Body = Mapping[str, Any]  # JSON that this program wrote; read for showing only


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events to show."""

    work: bytes | None = None
    stage: str | None = None
    since: datetime | None = None
    heartbeats: bool = False

    def takes(self, entry: Entry, header: Header) -> bool:
        """Say whether an event is wanted."""
        return (
            (self.work is None or entry.work == self.work)
            and (self.stage is None or header.stage == self.stage)
            and (self.since is None or parse_time(header.time) >= self.since)
            and (self.heartbeats or header.action not in HIDDEN)
        )


@dataclass(frozen=True, slots=True)
class Line:
    """One event, opened as far as it still can be."""

    entry: Entry
    header: Header
    title: str
    body: dict[str, Json] | None
    erased: tuple[str, ...]
    # The event that a note is about, as far as this ledger holds it.
    about: Line | None = None

    @property
    def text(self) -> str:
        """The event in one sentence."""
        if self.body is None:
            return "(erased)"
        told = tell(self.header.action, self.body)
        if self.about is not None:
            said = self.about.text
            quoted = said if len(said) <= _QUOTED else said[: _QUOTED - 1] + "…"
            told = told.replace(_EARLIER, f"on event {self.about.entry.id} ({quoted})", 1)
        return told + (f" (erased: {', '.join(self.erased)})" if self.erased else "")

    def as_json(self) -> dict[str, Json]:
        """Give the same facts as one object."""
        return {
            "event": self.entry.id,
            "work": self.entry.work.hex(),
            "work_seq": self.entry.work_seq,
            "title": self.title,
            "origin": self.header.origin,
            "time": self.header.time,
            "stage": self.header.stage,
            "class": self.header.class_,
            "observed": self.header.observed,
            "action": self.header.action,
            "text": self.text,
            "body": self.body,
            "about_event": None if self.about is None else self.about.entry.id,
            "erased": list(self.erased),
        }


def newest_lines(log: Log, wanted: Wanted, limit: int) -> list[Line]:
    """Give the newest wanted events, oldest of them first."""
    return list(islice(lines_before(log, wanted), limit))[::-1]


def lines_before(log: Log, wanted: Wanted) -> Iterator[Line]:
    """Give the wanted events, newest first."""
    titles = _titles(log)
    return (_line(log, entry, header, titles) for entry, header in _backwards(log, wanted))


def lines_after(log: Log, event: int, wanted: Wanted) -> tuple[list[Line], int]:
    """Give the wanted events after one, and the last event that was looked at."""
    titles = _titles(log)
    entries = log.entries_after(event, _PAGE)
    pairs = [(entry, parse_header(entry.header)) for entry in entries]
    lines = [_line(log, *pair, titles) for pair in pairs if wanted.takes(*pair)]
    return lines, entries[-1].id if entries else event


def lines_of(log: Log, events: Iterable[tuple[Entry, Header]]) -> list[Line]:
    """Give the lines of these events."""
    titles = _titles(log)
    return [_line(log, entry, header, titles) for entry, header in events]


def line_of(log: Log, event: int) -> Line:
    """Give the line of one event, by its number."""
    entry = log.entry(event)
    if entry is None:
        raise Usage(f"there is no event {event}", hint="`stemproof log show` numbers them")
    return _line(log, entry, parse_header(entry.header), _titles(log))


def newest_event(log: Log) -> int:
    """Give the number of the newest event; 0 if there is none."""
    (last,) = log.fetch_one("last_event_id")
    return int(last)


def _backwards(log: Log, wanted: Wanted) -> Iterator[tuple[Entry, Header]]:
    before = newest_event(log) + 1
    while entries := log.entries_before(before, _PAGE):
        before = entries[-1].id
        for entry in entries:
            header = parse_header(entry.header)
            if wanted.takes(entry, header):
                yield entry, header


def _line(log: Log, entry: Entry, header: Header, titles: Mapping[bytes, str]) -> Line:
    line = _alone(log, entry, header, titles)
    if header.action != "note.said" or line.body is None:
        return line
    return replace(line, about=_about(log, entry, line.body, titles))


def _alone(log: Log, entry: Entry, header: Header, titles: Mapping[bytes, str]) -> Line:
    """Open one event, and not the one that it is about: notes may stand upon notes."""
    openings = log.openings(entry.id)
    title = titles.get(entry.work, entry.work.hex()[:12])
    erased = tuple(sorted(set(header.commit) - set(openings)))
    body = openings.get("body")
    if body is None:
        return Line(entry, header, title, None, erased)
    try:
        members = parse_object(body.value, what="body", max_bytes=_MAX_BODY)
    except Malformed:
        members = {}
    return Line(entry, header, title, members, erased)


def _about(log: Log, note: Entry, body: Body, titles: Mapping[bytes, str]) -> Line | None:
    """Find the event that a note names by its leaf and its place in the work's tree."""
    about = body.get("about")
    if not isinstance(about, dict):
        return None
    place = about.get("work_seq")
    if type(place) is not int or not 0 <= place < MAX_INTEGER:
        return None
    for tree, _, _ in log.fetch_all("trees_of_work", note.work):
        for event, _, data in log.fetch_all("events", tree, place, place + 1):
            entry = log.entry(event)
            if entry is not None and leaf_hash(data).hex() == about.get("leaf"):
                return _alone(log, entry, parse_header(data), titles)
    return None


def _titles(log: Log) -> dict[bytes, str]:
    return {OWN_WORK: "this log"} | {work.id: work.title for work in list_works(log)}


def tell(action: str, body: Body) -> str:
    """Put an event's body into one sentence."""
    teller = _TELLERS.get(action)
    try:
        if teller is not None:
            return _one_line(teller(body))
    except (KeyError, TypeError, ValueError):
        # Written by another version: show what it holds.
        pass
    text = body.get("text")
    return _one_line(
        str(text)
        if text
        else f"{action} {json.dumps(body, ensure_ascii=False)}".removesuffix(" {}")
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _amount(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _path(text: str) -> Callable[[Body], str]:
    return lambda body: f"{body['path']}: {text}"


def _audio(word: str) -> Callable[[Body], str]:
    return lambda body: f"{body['path']}: {word} audio, {int(body['duration_ms']) / 1000:.1f} s"


def _saved(word: str) -> Callable[[Body], str]:
    return lambda body: f"{body['path']}: {word}, {_amount(body['decisions'], 'decision')}"


def _undo_read(body: Body) -> str:
    labels = {label: count for label, count in body["labels"]}
    told = tell_labels(body["new"], labels)
    return f"{body['path']}: {told}; {body['first'][:10]} to {body['last'][:10]} as it claims"


def _unreadable(body: Body) -> str:
    return f"{body['path']}: cannot be read: {reason(body['path'], body['why'])}"


# What a note says of its event where this ledger does not hold that.
_EARLIER: Final = "on an earlier event"
_QUOTED: Final = 70


def _note(body: Body) -> str:
    says = ", ".join(f"{name} {word}" for name, word in sorted(body.get("says", {}).items()))
    about = _EARLIER if "about" in body else ""
    head = " ".join(filter(None, ("note", about, f"(it says: {says})" if says else "")))
    return f"{head}: {body['text']}"


def _events_erased(body: Body) -> str:
    count = sum(last - first + 1 for item in body["erased"] for first, last in item["events"])
    return f"erased: what opened {_amount(count, 'event')}"


_TELLERS: Final[dict[str, Callable[[Body], str]]] = {
    **AI_TELLERS,
    "log.open": lambda body: f"the log begins, bound to account 0x{body['account'][:12]}",
    "log.continue": lambda body: f"goes on from log {body['origin'][-12:]}",
    "key.rotate": lambda body: "keys were replaced",
    "key.revoked": lambda body: (
        f"log {body['log'].rpartition('/')[2][:12]} was ended on chain {body['chain']} at"
        f" {_amount(body['size'], 'event')}"
    ),
    "work.open": lambda body: f"the work begins: {body['title']}",
    "work.continue": lambda body: "goes on on another device",
    "session.open": lambda body: "working session opens",
    "session.close": lambda body: "working session closes",
    "session.found": lambda body: (
        f"{body['path']}: first seen, {_amount(body['tracks'] - body.get('unused', 0), 'track')}"
    ),
    "session.saved": _saved("saved"),
    "session.received": _saved("made elsewhere, received"),
    "session.jumped": _saved("changed while nobody watched"),
    "session.past": lambda body: (
        f"{body['path']}: saved {body['claimed_time']} as it claims,"
        f" {_amount(body['decisions'], 'decision')}"
    ),
    "session.unreadable": _unreadable,
    "audio.unreadable": _unreadable,
    "session.gone": _path("no longer there"),
    "audio.gone": _path("no longer there"),
    "session.returned": _path("there again"),
    "audio.returned": _path("there again"),
    "session.moved": lambda body: f"{body['path']}: moved here from {body['from']}",
    "audio.moved": lambda body: f"{body['path']}: moved here from {body['from']}",
    "session.copied": lambda body: f"{body['path']}: a copy of {body['from']}",
    "audio.appeared": _audio("new"),
    "audio.changed": _audio("changed"),
    "take.kept": lambda body: f"{body['track']}: take {body['media']} kept",
    "take.dropped": lambda body: f"{body['track']}: take {body['media']} dropped",
    "undo.read": _undo_read,
    "undo.entry": lambda body: f"{body['path']}: {body['text']}, {body['claimed_time']} it claims",
    "watch.open": lambda body: "watch begins",
    "watch.beat": lambda body: "watch goes on",
    "watch.close": lambda body: "watch ends",
    "watch.pause": lambda body: "watch pauses",
    "note.said": _note,
    "credit.said": lambda body: f"credit: {body['name']}, {body['role']}",
    "record.erased": _events_erased,
    "pin.added": lambda body: f"{body['path']}: pinned as {body['cid']}",
    "claim.made": lambda body: f"claim made: {body['claim']['title']}",
    "claim.published": lambda body: f"claim published as {body['publication']}",
}
