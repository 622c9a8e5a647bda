"""Replay: the recorded bodies, once more from the saves themselves.

Each save event commits to the digests of the file before and after. Whoever has these files
runs the reader and the differ on them again and compares, member by member, with what was
recorded. A reader of another version may tell it differently; that is said and is no
contradiction. No keys are needed, and nothing is written.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from stemproof.acts.saved import (
    Save,
    decide,
    decision_action,
    decision_body,
    program_version,
    read_save,
    save_body,
)
from stemproof.acts.undone import entry_body, read_entries, undo_readers
from stemproof.errors import BadInput, Usage
from stemproof.log.store import OWN_WORK, Log
from stemproof.record.event import parse_header

if TYPE_CHECKING:
    from stemproof.acts.disclosed import Source
    from stemproof.capture.decision import Decision
    from stemproof.capture.sessions.undo import UndoEntry
    from stemproof.record.canonical import Json

# Events of a file that was read, with the digest of its bytes.
SAVES: Final = frozenset(
    {"session.found", "session.saved", "session.jumped", "session.past", "session.received"}
)
_UPGRADED: Final = "session.upgraded"
# An undo log, and what was read from it.
_UNDO: Final = "undo.read"
_STEP: Final = "undo.entry"
# What the program that replays writes itself, and not what it reads.
_OF_PROGRAM: Final = frozenset({"reader", "program", "rules"})

Body = Mapping[str, Any]  # Any: JSON of a body that this program wrote


class State(enum.StrEnum):
    """What came of one event."""

    REPRODUCED = "reproduced"
    DIFFERS = "differs"
    MISSING = "save missing"
    OTHER_VERSION = "other version"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One event, and whether its body came out again."""

    event: int
    action: str
    path: str
    text: str
    state: State
    why: str = ""

    def as_json(self) -> dict[str, Json]:
        """Give the same facts as one object."""
        return {
            "event": self.event,
            "action": self.action,
            "file": self.path,
            "text": self.text,
            "state": self.state.value,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class _Event:
    """A recorded event with what still opens it."""

    id: int
    action: str
    commits: frozenset[str]
    fields: Mapping[str, bytes]

    @property
    def body(self) -> Body | None:
        data = self.fields.get("body")
        return None if data is None else json.loads(data)


@dataclass(frozen=True, slots=True)
class _Recorded:
    """A save and the decisions that were recorded with it, in their order."""

    work: bytes
    save: _Event
    decisions: tuple[_Event, ...]


def replay(log: Log, work: bytes, events: Collection[int], source: Source) -> Iterator[Verdict]:
    """Replay all saves of a work, or only the named events with the saves they belong to."""
    for recorded in _recorded(log, work):
        wanted = {recorded.save.id, *(event.id for event in recorded.decisions)}
        if not events or wanted & set(events):
            for verdict in _replay(recorded, source):
                if not events or verdict.event in events or recorded.save.id in events:
                    yield verdict


def works_of(log: Log, events: Iterable[int]) -> dict[bytes, set[int]]:
    """Sort events by the work that they belong to."""
    found: dict[bytes, set[int]] = {}
    for event in events:
        entry = log.entry(event)
        if entry is None:
            raise Usage(f"there is no event {event}", hint="`stemproof log show` numbers them")
        action = parse_header(entry.header).action
        if entry.work == OWN_WORK or not (_is_file(action) or _is_told(action)):
            raise Usage(
                f"event {event} ({action}) was not read from a save",
                hint="name saves, decisions and steps of undo logs",
            )
        found.setdefault(entry.work, set()).add(event)
    return found


def saves_of(log: Log, work: bytes, events: Collection[int]) -> dict[tuple[bytes, bytes], str]:
    """List the files that a replay of a work, or of some of its events, takes."""
    found: dict[tuple[bytes, bytes], str] = {}
    for recorded in _recorded(log, work):
        wanted = {recorded.save.id, *(event.id for event in recorded.decisions)}
        body = recorded.save.body
        if body is None or not _is_file(recorded.save.action):
            continue
        if events and not wanted & set(events):
            continue
        for name, path in (
            ("before", body.get("continues", body["path"])),
            ("after", body["path"]),
        ):
            digest = recorded.save.fields.get(name)
            if digest is not None:
                found.setdefault((work, digest), str(path))
    return found


def _recorded(log: Log, work: bytes) -> Iterator[_Recorded]:
    for tree, _, _ in log.fetch_all("trees_of_work", work):
        save: _Event | None = None
        decisions: list[_Event] = []
        for event_id, _, data in log.fetch_all("events", tree, 0, log.tree_size(tree)):
            header = parse_header(data)
            if save is not None and _is_told(header.action):
                decisions.append(_event(log, event_id, header.action, header.commit))
                continue
            if save is not None:
                yield _Recorded(work, save, tuple(decisions))
            save, decisions = None, []
            if _is_file(header.action):
                save = _event(log, event_id, header.action, header.commit)
            elif _is_told(header.action):
                # It was read from no save that stands before it; it is judged alone.
                yield _Recorded(work, _event(log, event_id, header.action, header.commit), ())
        if save is not None:
            yield _Recorded(work, save, tuple(decisions))


def _is_file(action: str) -> bool:
    return action in SAVES or action == _UNDO


def _is_told(action: str) -> bool:
    return action.startswith("decision.") or action in (_UPGRADED, _STEP)


def _event(log: Log, event_id: int, action: str, commit: Mapping[str, str]) -> _Event:
    fields = {name: opening.value for name, opening in log.openings(event_id).items()}
    return _Event(event_id, action, frozenset(commit), fields)


def _replay(recorded: _Recorded, source: Source) -> Iterator[Verdict]:
    events = (recorded.save, *recorded.decisions)
    body = recorded.save.body
    if not _is_file(recorded.save.action):
        yield _verdict(recorded.save, "", State.DIFFERS, "no save stands before it")
        return
    if body is None or "after" not in recorded.save.fields:
        yield from (_verdict(event, "", State.ERASED, "its save was erased") for event in events)
        return
    path = str(body["path"])
    after = source(recorded.work, recorded.save.fields["after"])
    before_path = str(body.get("continues", path))
    before: bytes | None = None
    lacking = [] if after is not None else [recorded.save.fields["after"]]
    if "before" in recorded.save.commits:
        digest = recorded.save.fields.get("before")
        if digest is None:
            why = "the digest of the save before was erased"
            yield from (_verdict(event, path, State.ERASED, why) for event in events)
            return
        before = source(recorded.work, digest)
        lacking += [] if before is not None else [digest]
    if after is None or lacking:
        why = f"no file with sha256 {' or '.join(one.hex()[:12] for one in lacking)}"
        yield from (_verdict(event, path, State.MISSING, why) for event in events)
        return
    try:
        if recorded.save.action == _UNDO:
            yield from _compare_steps(recorded, body, read_entries(path, after))
            return
        save = read_save(path, after)
        decisions = decide(None if before is None else _read(before_path, before), save)
    except BadInput as error:
        yield from (_judged(event, body, path, str(error)) for event in events)
        return
    yield from _compare(recorded, save, decisions)


def _compare(recorded: _Recorded, save: Save, decisions: list[Decision]) -> Iterator[Verdict]:
    body = recorded.save.body or {}
    wrong = _difference(body, save_body(save, decisions), _OF_PROGRAM)
    wrong = wrong or _wrong_number(recorded, len(decisions))
    yield _judged(recorded.save, body, save.path, wrong)
    for place, event in enumerate(recorded.decisions):
        told = event.body
        if told is None:
            yield _verdict(event, save.path, State.ERASED, "its body was erased")
            continue
        if place >= len(decisions):
            yield _judged(event, body, save.path, "the saves do not tell it")
            continue
        # The order counts: an event is compared with the one that was read in its place.
        decision = decisions[place]
        wrong = _difference(told, decision_body(decision), ())
        if event.action != decision_action(decision):
            wrong = f"it is {event.action}, the saves tell {decision_action(decision)}"
        yield _judged(event, body, save.path, wrong)


def _compare_steps(recorded: _Recorded, body: Body, entries: list[UndoEntry]) -> Iterator[Verdict]:
    path = str(body["path"])
    wrong = _difference(body, {"entries": len(entries)}, ())
    wrong = wrong or _wrong_number(recorded, int(body["new"]))
    yield _judged(recorded.save, body, path, wrong)
    last = -1
    for event in recorded.decisions:
        told = event.body
        if told is None:
            yield _verdict(event, path, State.ERASED, "its body was erased")
            continue
        number = told["number"]
        if not 0 <= number < len(entries):
            yield _judged(event, body, path, f"the undo log has {len(entries)} steps")
            continue
        if number <= last:
            yield _judged(event, body, path, f"step {number} stands behind step {last}")
            continue
        last = number
        found = entry_body(path, number, entries[number])
        yield _judged(event, body, path, _difference(told, found, ()))


def _wrong_number(recorded: _Recorded, told: int) -> str:
    """Say that more or fewer events follow a save than were read from it, if that is so."""
    count = len(recorded.decisions)
    return "" if count == told else f"the number of events behind it is {count}, want {told}"


def _difference(recorded: Body, found: Body, ignored: Collection[str]) -> str:
    """Say which recorded members are others than those found; those not recorded do not count."""
    for name, value in found.items():
        if name in recorded and name not in ignored and recorded[name] != value:
            return f"{name} is recorded as {recorded[name]!r:.60}, the saves tell {value!r:.60}"
    return ""


def _judged(event: _Event, save: Body, path: str, wrong: str) -> Verdict:
    if not wrong:
        return _verdict(event, path, State.REPRODUCED, "")
    other = _other_version(save)
    if other:
        return _verdict(event, path, State.OTHER_VERSION, f"{wrong}; {other}")
    return _verdict(event, path, State.DIFFERS, wrong)


def _other_version(save: Body) -> str:
    """Say by which other program a save was read, if it was another one."""
    from stemproof.capture.rules import rules_version
    from stemproof.capture.sessions.registry import known_formats

    readers = {one.reader_name for one in known_formats()} | undo_readers()
    # Undo logs are told without rules.
    is_same = save.get("rules", rules_version()) == rules_version()
    if is_same and save.get("program") == program_version() and save.get("reader") in readers:
        return ""
    recorded = f"reader {save.get('reader', '(not recorded)')} of {save.get('program', 'earlier')}"
    return f"recorded by {recorded}, this program is {program_version()}"


def _verdict(event: _Event, path: str, state: State, why: str) -> Verdict:
    body = event.body or {}
    text = str(body.get("text") or body.get("path") or "(erased)")
    return Verdict(event.id, event.action, path, text, state, why)


def _read(path: str, data: bytes) -> Save | None:
    try:
        return read_save(path, data)
    except BadInput:
        # As when it was recorded: what cannot be read is compared with nothing.
        return None
