"""Clips of one track compared: added, removed, moved, trimmed, set, and the notes inside."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from .decision import Change, Scope, Subject
from .diff_controllers import compare_controllers
from .diff_devices import compare_chain, report_loose
from .diff_media import compare_media, inner_audio, settings_of
from .diff_parts import find_cut
from .diff_signs import added_signs, compare_signs
from .diff_takes import compare_clip_takes
from .findings import Findings, moved_scope
from .match import Key, pair_things
from .notes import NoteChange, compare_notes
from .sentences import (
    clip_group,
    clip_label,
    clip_place,
    note_count,
    note_sentence,
    notes_place,
    plain,
)
from .sessions.model import Clip, ClipKind, Moment
from .timeline import Timeline, is_same_moment

TAKE_PARAMETERS = frozenset(
    {"reversed", "play rate", "preserve pitch", "pitch", "channel mode", "take volume", "take pan"}
)


@dataclass(frozen=True, slots=True)
class LooseClip:
    """A clip that came or went; it may have moved to another track, or be a copy."""

    subject: Subject
    clip: Clip
    is_silent: bool = False  # its whole track went: not a decision of its own


@dataclass(frozen=True, slots=True)
class Times:
    """The timelines of the two saves."""

    before: Timeline
    after: Timeline


def clip_content(clip: Clip) -> Hashable:
    """What a clip plays, wherever it stands; None if that tells nothing."""
    if clip.kind in (ClipKind.SLOT, ClipKind.EMPTY, ClipKind.PATTERN):
        return None
    media = clip.media or inner_audio(clip)
    if not clip.notes and media is None and not clip.points:
        return None
    notes = (clip.notes, clip.controllers)
    return (clip.kind, clip.name, media, clip.offset, clip.length, notes, clip.points)


def copied_content(clip: Clip) -> Hashable:
    """What a copy of a clip plays: programs number the names of copies."""
    return clip_content(replace(clip, name=""))


def compare_clips(
    findings: Findings,
    subject: Subject,
    times: Times,
    before: Sequence[Clip],
    after: Sequence[Clip],
) -> tuple[list[LooseClip], list[LooseClip]]:
    """Report what changed in place; give back what came and went."""
    if before == after:
        return [], []
    pairing = pair_things(before, after, CLIP_KEYS)
    cut = find_cut(before, after, pairing)
    for old, new in pairing.pairs:
        if before[old] != after[new] and (old, new) not in cut:
            compare_clip(findings, subject, times, before[old], after[new])
    gone = [*pairing.removed, *(old for old, _ in cut)]
    come = [*pairing.added, *(new for _, new in cut)]
    return (
        [LooseClip(subject, before[i]) for i in sorted(gone)],
        [LooseClip(subject, after[i]) for i in sorted(come)],
    )


def compare_clip(findings: Findings, subject: Subject, times: Times, one: Clip, two: Clip) -> None:
    """Report each changed property of one clip."""
    label = clip_label(two)
    if two.kind is not ClipKind.SLOT:
        _compare_place(findings, subject, times, one, two)
        if one.muted != two.muted:
            text = f"{subject.label}: {label} {'muted' if two.muted else 'unmuted'}"
            states = ["muted" if c.muted else "playing" for c in (one, two)]
            found = _change("clip.muted", label, text, two, states[0], states[1])
            findings.add(subject, replace(found, group="muted" if two.muted else "unmuted"))
    has_other_take = bool(one.take and two.take and one.take != two.take)
    compare_clip_takes(findings, subject, one, two)
    pattern = _change("clip.setting", label, "", two)
    if has_other_take:
        # Name, file, notes and settings are the other take's: they did not change.
        kept = [[p for p in c.parameters if p.name not in TAKE_PARAMETERS] for c in (one, two)]
        findings.compare_parameters(subject, kept[0], kept[1], pattern)
        return
    findings.compare_parameters(subject, settings_of(one), settings_of(two), pattern)
    _compare_content(findings, subject, times, one, two)


def _compare_content(
    findings: Findings, subject: Subject, times: Times, one: Clip, two: Clip
) -> None:
    label = clip_label(two)
    if one.name != two.name and two.kind is not ClipKind.SLOT and not findings.upgraded:
        text = f"{subject.label}: {clip_label(one)} renamed to '{plain(two.name)}'"
        findings.add(subject, _change("clip.renamed", label, text, two, one.name, two.name))
    compare_media(findings, subject, one, two)
    if not is_same_moment(one.offset, times.before, two.offset, times.after):
        _compare_offset(findings, subject, times, one, two)
    for change in _note_changes(one, two):
        add_notes(findings, subject, times.after, two, change)
    for found in compare_signs(subject.label, times.after, one, two):
        findings.add(subject, found)
    compare_controllers(findings, subject, times.after, one, two)
    findings.compare_automations(subject, one.points, two.points, _envelope_scope(subject, two))
    gone, come = compare_chain(findings, subject, one.devices, two.devices)
    report_loose(findings, gone, come)


def _compare_offset(
    findings: Findings, subject: Subject, times: Times, one: Clip, two: Clip
) -> None:
    if _is_left_trim(times, one, two):
        return
    label = clip_label(two)
    spans = times.before.span(one.offset), times.after.span(two.offset)
    text = f"{subject.label}: {label} plays its source from {spans[1]}, not {spans[0]}"
    findings.add(subject, _change("clip.slipped", label, text, two, spans[0], spans[1]))


def _envelope_scope(subject: Subject, clip: Clip) -> Scope:
    if clip.kind is not ClipKind.AUTOMATION:
        return Scope.CLIP
    return moved_scope(clip.points[0].target if clip.points else "") or subject.scope


def add_notes(
    findings: Findings, subject: Subject, line: Timeline, clip: Clip, change: NoteChange
) -> None:
    """Report one kind of change of a clip's notes."""
    text = note_sentence(change, clip, line, subject.label)
    what = f"notes in {notes_place(change, clip, line)}"
    count = len(change.notes)
    one = note_count(count) if change.kind == "removed" else None
    two = note_count(count) if change.kind in ("added", "recorded") else None
    if change.amount is not None:
        two = f"{change.amount:+d}"
        if change.kind in ("moved", "resized"):
            two = f"{change.amount / clip.ppq:+g} beats"
    found = _change(f"notes.{change.kind}", what, text, clip, one, two)
    findings.add(subject, replace(found, count=count))


def report_loose_clips(
    findings: Findings,
    times: Times,
    gone: Sequence[LooseClip],
    come: Sequence[LooseClip],
    known: frozenset[Hashable],
) -> None:
    """Report clips that came and went; those found on another track have moved there."""
    # Some programs keep clips in the order in which they were made.
    gone, come = _in_time(gone), _in_time(come)
    pairing = pair_things(gone, come, (_loose_identity, _loose_place, _loose_content, _recreated))
    for old, new in pairing.pairs:
        _report_retracked(findings, times, gone[old], come[new])
    for index in pairing.removed:
        loose = gone[index]
        if not loose.is_silent:
            _report_removed(findings, times.before, loose)
    for index in pairing.added:
        _report_added(findings, times.after, come[index], known)


def _in_time(clips: Sequence[LooseClip]) -> list[LooseClip]:
    """Order the clips of each track by their place; the tracks stay in order."""
    tracks: dict[str, int] = {}
    for loose in clips:
        tracks.setdefault(loose.subject.identity, len(tracks))
    return sorted(clips, key=lambda one: (tracks[one.subject.identity], one.clip.position.value))


def _report_retracked(findings: Findings, times: Times, one: LooseClip, two: LooseClip) -> None:
    if one.subject.identity != two.subject.identity:
        labels = one.subject.label, two.subject.label
        text = f"{clip_label(two.clip)} moved from {labels[0]} to {labels[1]}"
        found = _change(
            "clip.retracked", clip_label(two.clip), text, two.clip, labels[0], labels[1]
        )
        findings.add(two.subject, found)
    before = one.clip
    if before.identity != two.clip.identity:
        # Made anew by the program, which numbers the names.
        before = replace(before, name=two.clip.name, identity=two.clip.identity)
    if before != two.clip:
        compare_clip(findings, two.subject, times, before, two.clip)


def _report_removed(findings: Findings, line: Timeline, loose: LooseClip) -> None:
    clip, subject = loose.clip, loose.subject
    if clip.notes:
        # Notes are the piece: their going is told beside the clip's.
        add_notes(findings, subject, line, clip, NoteChange("removed", clip.notes))
    if clip.kind is ClipKind.SLOT:
        return
    place = clip_place(clip, line)
    label = clip_label(clip)
    text = f"{subject.label}: {label} removed at {place}"
    found = _change("clip.removed", label, text, clip, place, None)
    findings.add(subject, replace(found, group=f"removed, {clip_group(clip)}"))


def _report_added(
    findings: Findings, line: Timeline, loose: LooseClip, known: frozenset[Hashable]
) -> None:
    clip, subject = loose.clip, loose.subject
    content = copied_content(clip)
    is_copy = content is not None and content in known
    if clip.kind is not ClipKind.SLOT:
        place = clip_place(clip, line)
        label = clip_label(clip)
        kind, verb, where = "clip.added", "added", f"at {place}"
        if is_copy:
            kind, verb, where = "clip.copied", "copied", f"to {place}"
        elif clip.recorded and clip.kind is ClipKind.AUDIO and clip.media not in known:
            kind, verb = "take.recorded", "recorded"
        text = f"{subject.label}: {label} {verb} {where}"
        found = _change(kind, label, text, clip, None, place)
        findings.add(subject, replace(found, group=f"{verb}, {clip_group(clip)}"))
    if clip.notes and not is_copy:
        verb = "recorded" if clip.recorded else "added"
        add_notes(findings, subject, line, clip, NoteChange(verb, clip.notes))
    for sign in added_signs(subject.label, line, clip) if not is_copy else ():
        findings.add(subject, sign)


def _note_changes(one: Clip, two: Clip) -> list[NoteChange]:
    if one.notes == two.notes:
        return []
    before = one.notes
    if one.ppq != two.ppq:
        scale = two.ppq / one.ppq
        before = tuple(
            n._replace(start=round(n.start * scale), length=round(n.length * scale)) for n in before
        )
    return compare_notes(before, two.notes, near=two.ppq // 4)


def _compare_place(
    findings: Findings, subject: Subject, times: Times, one: Clip, two: Clip
) -> None:
    label = clip_label(two)
    places = clip_place(one, times.before), clip_place(two, times.after)
    if _is_left_trim(times, one, two):
        # The left edge was dragged: position, length and offset follow from one another.
        text = f"{subject.label}: start of {label} trimmed from {places[0]} to {places[1]}"
        findings.add(subject, _change("clip.trimmed", label, text, two, places[0], places[1]))
        return
    if one.slot != two.slot or not _same(times, one.position, two.position):
        text = f"{subject.label}: {label} moved from {places[0]} to {places[1]}"
        found = _change("clip.moved", label, text, two, places[0], places[1])
        shift = times.after.shift(one.position, two.position)
        findings.add(subject, replace(found, group=f"moved {shift}"))
    if not _same(times, one.length, two.length) and not findings.upgraded:
        spans = times.before.span(one.length), times.after.span(two.length)
        text = f"{subject.label}: length of {label} at {places[1]}: {spans[0]} -> {spans[1]}"
        found = _change("clip.resized", label, text, two, spans[0], spans[1])
        findings.add(subject, replace(found, group="resized"))


def _is_left_trim(times: Times, one: Clip, two: Clip) -> bool:
    return (
        not _same(times, one.position, two.position)
        and not _same(times, one.length, two.length)
        and _same(times, _end(one), _end(two))
    )


def _same(times: Times, one: Moment, two: Moment) -> bool:
    return is_same_moment(one, times.before, two, times.after)


def _end(clip: Clip) -> Moment:
    if clip.position.unit is not clip.length.unit:
        return clip.position
    return Moment(clip.position.value + clip.length.value, clip.position.unit)


def _change(
    kind: str,
    what: str,
    text: str,
    clip: Clip,
    before: str | None = None,
    after: str | None = None,
) -> Change:
    media = (clip.media.path,) if clip.media else ()
    return Change(kind, what, text, before, after, clip.identity, media=media)


def _identity(clip: Clip) -> Hashable:
    return clip.identity or None


def _equal(clip: Clip) -> Hashable:
    return None if clip.identity else clip


def _same_place(clip: Clip) -> Hashable:
    return None if clip.identity else (clip.kind, clip.slot, clip.position)


# A clip that was cut and pasted has a new identity: what it plays tells that it is the same.
CLIP_KEYS: tuple[Key[Clip], ...] = (_identity, _equal, _same_place, clip_content, inner_audio)


def _loose_identity(loose: LooseClip) -> Hashable:
    return loose.clip.identity or None


def _loose_place(loose: LooseClip) -> Hashable:
    content = clip_content(loose.clip)
    return None if content is None else (content, loose.clip.position)


def _recreated(loose: LooseClip) -> Hashable:
    """Ardour makes a region anew when it is dragged to another track."""
    content = copied_content(loose.clip) if loose.clip.identity else None
    return None if content is None else (content, loose.clip.position)


def _loose_content(loose: LooseClip) -> Hashable:
    return clip_content(loose.clip)
