"""Clips that were split: one went, and parts of it came under other identities in its place.

REAPER keeps the identity of the left part; Ardour gives all parts new ones, and so does a copy
and paste. A part plays the same file at the same time as the whole did, so nothing moved.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace
from fractions import Fraction

from .decision import Change
from .diff_clips import LooseClip, Times, compare_clip
from .findings import Findings
from .sentences import clip_label, clip_place
from .sessions.model import Clip

_TOLERANCE = Fraction(1, 10_000)
_SHORTEST = Fraction(1, 1000)
_EDGES = ("fade-in", "fade-out")


def report_splits(
    findings: Findings, times: Times, gone: Sequence[LooseClip], come: Sequence[LooseClip]
) -> tuple[list[LooseClip], list[LooseClip]]:
    """Report splits and cuts; give back the clips that are no part of one."""
    stayed = {loose.clip.identity for loose in come}
    waiting: defaultdict[Hashable, list[LooseClip]] = defaultdict(list)
    for loose in come:
        waiting[_key(loose)].append(loose)
    rest, used = [], set[int]()
    for loose in gone:
        parts = []
        if _key(loose) is not None and not loose.is_silent and loose.clip.identity not in stayed:
            candidates = waiting.get(_key(loose), ())
            parts = [p for p in candidates if id(p) not in used and _is_part(p.clip, loose.clip)]
        if not parts:
            rest.append(loose)
            continue
        used |= {id(part) for part in parts}
        _report(findings, times, loose, parts)
    return rest, [loose for loose in come if id(loose) not in used]


def _key(loose: LooseClip) -> Hashable:
    """Say where a part must be found, and of which file; None for what has no parts."""
    clip = loose.clip
    if not clip.identity or clip.media is None or clip.notes or clip.takes:
        return None
    units = (clip.position.unit, clip.offset.unit, clip.length.unit)
    if len(set(units)) > 1:
        return None
    slot = "" if clip.slot is None else clip.slot.identity
    return (loose.subject.identity, clip.media, slot, units[0])


def _is_part(part: Clip, whole: Clip) -> bool:
    shift = (part.position.value - part.offset.value) - (whole.position.value - whole.offset.value)
    before = whole.position.value - part.position.value
    after = _end(part) - _end(whole)
    return abs(shift) <= _TOLERANCE and before <= _TOLERANCE and after <= _TOLERANCE


def _end(clip: Clip) -> Fraction:
    return clip.position.value + clip.length.value


def _report(findings: Findings, times: Times, whole: LooseClip, parts: Sequence[LooseClip]) -> None:
    clip, subject = whole.clip, whole.subject
    if len(parts) > 1:
        label, place = clip_label(clip), clip_place(clip, times.before)
        text = f"{subject.label}: {label} at {place} split into {len(parts)} clips"
        lost = clip.length.value - sum(p.clip.length.value for p in parts)
        if lost > _SHORTEST:
            text += f", {times.before.span(replace(clip.length, value=lost))} cut out"
        media = (clip.media.path,) if clip.media else ()
        change = Change("clip.split", label, text, place, f"{len(parts)} clips", clip.identity)
        findings.add(subject, replace(change, media=media))
    for part in parts:
        whole_there = replace(clip, name=part.clip.name, identity=part.clip.identity)
        if len(parts) > 1:
            whole_there = _cut(whole_there, part.clip)
        if whole_there != part.clip:
            compare_clip(findings, subject, times, whole_there, part.clip)


def _cut(whole: Clip, part: Clip) -> Clip:
    """Give the stretch of the whole that a part covers; fades at the cut come by themselves."""
    fades = {p.name: p for p in part.parameters if p.name in _EDGES}
    return replace(
        whole,
        position=part.position,
        length=part.length,
        offset=part.offset,
        points=part.points,
        recorded=part.recorded,
        parameters=tuple(fades.get(p.name, p) for p in whole.parameters),
    )
