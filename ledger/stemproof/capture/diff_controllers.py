"""What is played beside the notes of a clip, compared: pedals, wheels, bends, expression of notes.

Each controller is one decision, by name and place. What belongs to single notes is compared only
where the note is in both saves: the coming and going of notes is told as notes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from .decision import Change, Subject
from .findings import Findings
from .sentences import clip_label, moved_by, stretch_place
from .sessions.controls import ControlLane
from .sessions.model import Clip, ClipKind, State
from .timeline import Timeline

Event = tuple[int, ...]
# A message of many bytes stands as its digest, which is larger.
_LARGEST_VALUE = 1 << 14
_KINDS = frozenset({ClipKind.NOTES, ClipKind.SLOT})


def compare_controllers(
    findings: Findings, subject: Subject, line: Timeline, one: Clip, two: Clip
) -> None:
    """Report each controller that changed; of formats without names, that something did."""
    if two.kind not in _KINDS:
        return
    if one.lanes or two.lanes:
        before, after = ({lane.name: lane for lane in clip.lanes} for clip in (one, two))
        for name in dict.fromkeys((*before, *after)):
            _compare_lane(findings, subject, line, (one, two), (before.get(name), after.get(name)))
    elif one.controllers != two.controllers:
        _report_state(findings, subject, one.controllers, two)


def _compare_lane(
    findings: Findings,
    subject: Subject,
    line: Timeline,
    clips: tuple[Clip, Clip],
    lanes: tuple[ControlLane | None, ControlLane | None],
) -> None:
    lane = lanes[1] or lanes[0]
    if lane is None or lanes[0] == lanes[1]:
        return
    scale = clips[1].ppq / clips[0].ppq
    before, after = (_events(side) for side in lanes)
    if scale != 1:
        before = [(round(event[0] * scale), *event[1:]) for event in before]
    if lane.of_notes:
        before, after = _on_kept_notes(clips, before, after)
    gone, come = Counter(before), Counter(after)
    gone, come = gone - come, come - gone
    if not gone and not come:
        return
    clip = clips[1]
    where = stretch_place([event[0] for event in (*gone, *come)], clip, line)
    told = _told(lane.name, gone, come, clip, is_of_notes=lane.of_notes)
    text = f"{subject.label}: {told} in {where}"
    ends = [f"{len(side)}, {events_digest(side)}" if side else None for side in (before, after)]
    change = Change(
        "controllers.changed", f"{lane.name} in {where}", text, ends[0], ends[1], clip.identity
    )
    shown = tuple(event_count(len(side)) if side else "none" for side in (before, after))
    findings.add(subject, replace(change, shown=(shown[0], shown[1])))


def _told(
    name: str, gone: Counter[Event], come: Counter[Event], clip: Clip, *, is_of_notes: bool
) -> str:
    if not gone:
        return f"{event_count(come.total())} of {name} added"
    if not come:
        return f"{event_count(gone.total())} of {name} removed"
    shifts = {
        (two[0] - one[0], one[1:] == two[1:])
        for one, two in zip(sorted(gone.elements()), sorted(come.elements()), strict=False)
    }
    if gone.total() == come.total() and len(shifts) == 1:
        ticks, is_same = shifts.pop()
        if ticks and is_same:
            return f"{name} {moved_by(ticks, clip)}"
    if gone.total() == come.total() == 1 and not is_of_notes:
        (one,), (two,) = gone, come
        if one[0] == two[0] and max(map(abs, (*one[1:], *two[1:]))) <= _LARGEST_VALUE:
            return f"{name} {one[-1]} -> {two[-1]}"
    return f"{name} changed"


def event_count(number: int) -> str:
    """Count events."""
    return "1 event" if number == 1 else f"{number} events"


def _events(lane: ControlLane | None) -> list[Event]:
    return [] if lane is None else list(lane.events)


def _on_kept_notes(
    clips: tuple[Clip, Clip], before: Iterable[Event], after: Iterable[Event]
) -> tuple[list[Event], list[Event]]:
    """Leave the events of notes that both saves have at their place."""
    scale = clips[1].ppq / clips[0].ppq
    notes = {(round(n.start * scale), n.pitch) for n in clips[0].notes}
    notes &= {(n.start, n.pitch) for n in clips[1].notes}
    one, two = ([event for event in side if event[:2] in notes] for side in (before, after))
    return one, two


def _report_state(findings: Findings, subject: Subject, before: State | None, clip: Clip) -> None:
    label, states = clip_label(clip), (before, clip.controllers)
    counts = [str(s.size if s else 0) for s in states]
    shown = counts[1] if counts[0] == counts[1] else f"{counts[0]} -> {counts[1]}"
    text = f"{subject.label}: expression of single notes of {label} changed (events: {shown})"
    ends = [f"{n}, {s.digest[:12]}" if s else n for n, s in zip(counts, states, strict=True)]
    change = Change("controllers.changed", label, text, ends[0], ends[1], clip.identity)
    findings.add(subject, replace(change, shown=(counts[0], counts[1])))


def events_digest(events: Sequence[Event]) -> str:
    """Give the start of a digest that tells events apart, in whatever order they are."""
    return hashlib.sha256(repr(sorted(events)).encode()).hexdigest()[:12]
