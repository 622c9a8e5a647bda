"""Clips that were split: one went, and parts of it came under other identities in its place.

REAPER keeps the identity of the left part; Ardour gives all parts new ones, and so does a copy
and paste. A part plays the same file at the same time as the whole did, so nothing moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from .decision import Change
from .diff_clips import LooseClip, Times, compare_clip
from .diff_parts import Parts
from .findings import Findings
from .sentences import clip_label, clip_place
from .sessions.model import Clip

_SHORTEST = Fraction(1, 1000)
_EDGES = ("fade-in", "fade-out")


def report_splits(
    findings: Findings, times: Times, gone: Sequence[LooseClip], come: Sequence[LooseClip]
) -> tuple[list[LooseClip], list[LooseClip]]:
    """Report splits and cuts; give back the clips that are no part of one."""
    # What came on another track under its identity was moved there and not split.
    moved = {identity for identity, _ in _own(come) - _own(gone) if identity}
    parts = Parts((i, loose.subject.identity, loose.clip) for i, loose in enumerate(come))
    rest, used = [], set[int]()
    for loose in gone:
        found = []
        if not loose.is_silent and loose.clip.identity not in moved:
            found = [i for i in parts.of(loose.clip, loose.subject.identity) if i not in used]
        if not found:
            rest.append(loose)
            continue
        used |= set(found)
        _report(findings, times, loose, [come[i] for i in found])
    return rest, [loose for i, loose in enumerate(come) if i not in used]


def _own(clips: Sequence[LooseClip]) -> frozenset[tuple[str, str]]:
    return frozenset((loose.clip.identity, loose.subject.identity) for loose in clips)


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
        devices=part.devices,
        take=part.take,
        recorded=part.recorded,
        parameters=tuple(fades.get(p.name, p) for p in whole.parameters),
    )
