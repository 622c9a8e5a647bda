"""Ardour's undo history (.history): what was done between saves, with times and what changed.

    <UndoTransaction tv-sec="1592362048" tv-usec="351960" name="delete objects">
      <StatefulDiffCommand obj-id="68262" type-name="ARDOUR::AudioPlaylist">
        <Changes><Regions><Remove id="82386"/></Regions></Changes>
      </StatefulDiffCommand>
      <NoteDiffCommand midi-source="5372"><RemovedNotes>...</RemovedNotes></NoteDiffCommand>
      <MementoCommand obj-id="34" type-name="ARDOUR::Locations">before, after</MementoCommand>
    </UndoTransaction>

The notes of MIDI lie in files beside the session: only here are their changes seen. What was
selected on the screen (`SelectionMemento`) is no change. The times are what the file claims.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stemproof.errors import BadInput

from .numbers import parse_integer
from .strict_xml import parse_xml
from .undo import UndoChange, UndoEntry

if TYPE_CHECKING:
    from lxml.etree import _Element

ROOT = "UndoHistory"
MAX_XML_BYTES = 64 * 1024 * 1024
_KINDS = {
    "AudioRegion": "region",
    "MidiRegion": "region",
    "AudioPlaylist": "playlist",
    "MidiPlaylist": "playlist",
    "AutomationList": "automation",
    "Locations": "markers",
    "Location": "marker",
    "TempoMap": "tempo",
}
_NOTES = (("AddedNotes", "notes added"), ("RemovedNotes", "notes removed"))
# The program's own state.
_NO_CHANGE = frozenset({"SelectionMemento"})
_MOST_MICROSECONDS = 1_000_000


def read_ardour_history(data: bytes) -> list[UndoEntry]:
    """Read the entries of an undo history in file order."""
    root = parse_xml(data, "the Ardour history", roots=(ROOT,), max_bytes=MAX_XML_BYTES)
    return [_entry(node) for node in root.iterfind("UndoTransaction")]


def _entry(node: _Element) -> UndoEntry:
    microseconds = parse_integer(node.get("tv-usec", "0"), "the time of an undo entry")
    if not 0 <= microseconds < _MOST_MICROSECONDS:
        raise BadInput(f"the time of an undo entry has {microseconds} microseconds")
    return UndoEntry(
        node.get("name", ""),
        parse_integer(node.get("tv-sec", ""), "the time of an undo entry"),
        microseconds,
        tuple(change for command in node for change in _changes(command)),
    )


def _changes(command: _Element) -> Iterator[UndoChange]:
    kind = _kind(command)
    number = command.get("obj-id", "")
    if command.tag == "StatefulDiffCommand":
        for change in command.iterfind("Changes/*"):
            yield from _property(change, number, kind)
    elif command.tag == "NoteDiffCommand":
        yield from _notes(command)
    elif command.tag in ("MementoCommand", "MementoUndoCommand", "MementoRedoCommand"):
        yield from _memento(command, number, kind)
    elif kind not in _NO_CHANGE:
        yield UndoChange(number, kind, "changed")


def _kind(command: _Element) -> str:
    written = (command.get("type-name") or command.get("type_name") or str(command.tag))[:60]
    name = written.rpartition("::")[2]
    return _KINDS.get(name, name)


def _property(change: _Element, number: str, kind: str) -> Iterator[UndoChange]:
    what = str(change.tag).replace("-", " ")[:60]
    if change.get("from") is not None or change.get("to") is not None:
        yield UndoChange(number, kind, what, change.get("from"), change.get("to"))
        return
    # A curve, whole before and after.
    if change.find("from") is not None or change.find("to") is not None:
        curves = [change.find(f"{side}/AutomationList") for side in ("from", "to")]
        yield UndoChange(number, kind, what.lower(), *(_points(curve) for curve in curves))
    # A set that things were put into and taken from, as the regions of a playlist.
    single = what.lower().removesuffix("s")
    for part in change:
        if part.tag == "Add":
            yield UndoChange(number, kind, f"{single} added", None, part.get("id", ""))
        elif part.tag == "Remove":
            yield UndoChange(number, kind, f"{single} removed", part.get("id", ""), None)


def _notes(command: _Element) -> Iterator[UndoChange]:
    number = command.get("midi-source") or command.get("midi_source") or ""
    for tag, what in _NOTES:
        for part in command.iterfind(tag):
            for note in part.iterfind("note"):
                said = _note(note)
                ends = (None, said) if tag == "AddedNotes" else (said, None)
                yield UndoChange(number, "notes", what.replace("notes", "note"), *ends)
    for change in command.iterfind("ChangedNotes/Change"):
        what = change.get("property", "note").lower().replace("_", " ")[:40]
        old, new = change.get("old"), change.get("new")
        yield UndoChange(number, "notes", f"note {what}", old, new)


def _note(note: _Element) -> str:
    words = (note.get(key, "?") for key in ("note", "time", "length", "velocity", "channel"))
    return "key {} at {} for {} velocity {} channel {}".format(*(w[:24] for w in words))


def _memento(command: _Element, number: str, kind: str) -> Iterator[UndoChange]:
    if kind in _NO_CHANGE:
        return
    states = list(command)
    if kind != "markers" or len(states) != 2:
        said = [_points(state) for state in states]
        before, after = said if len(said) == 2 else (None, None)
        yield UndoChange(number, kind, "changed", before, after)
        return
    one, two = ({place.get("id", ""): place for place in state} for state in states)
    for key in [*one, *(key for key in two if key not in one)]:
        ends = [None if key not in side else _place(side[key]) for side in (one, two)]
        if ends[0] != ends[1]:
            verb = "added" if ends[0] is None else "removed" if ends[1] is None else "changed"
            yield UndoChange(key, "marker", verb, ends[0], ends[1])


def _place(node: _Element) -> str:
    start, end = node.get("start", "")[:24], node.get("end", "")[:24]
    return f"{node.get('name', '')[:80]} from {start} to {end}"


def _points(state: _Element | None) -> str | None:
    events = None if state is None else state.find("events")
    if events is None:
        return None
    count = len((events.text or "").split()) // 2
    return "1 point" if count == 1 else f"{count} points"
