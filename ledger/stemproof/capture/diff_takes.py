"""Takes compared: those of one clip, and those of a whole track (Ardour's playlists).

The clips of a track's takes that are not in use stand in slots of that take. When another one is
chosen, the clips did not move: they are brought to where they would stand had it been chosen
before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence, Sized
from dataclasses import replace

from .decision import Change, Subject
from .findings import Findings
from .sentences import clip_label, plain
from .sessions.model import Clip, Slot, Take, Track


def compare_takes(
    findings: Findings, subject: Subject, one: Track, two: Track
) -> tuple[tuple[Clip, ...], tuple[Clip, ...]]:
    """Report takes that came, went or were chosen; give the clips that remain to be compared."""
    if one.takes == two.takes and one.take == two.take:
        return one.clips, two.clips
    old = {take.identity: take for take in one.takes}
    new = {take.identity: take for take in two.takes}
    come = [take for take in two.takes if take.identity not in old] if one.takes else []
    gone = [take for take in one.takes if take.identity not in new]
    before, after = one.clips, two.clips
    for take in come:
        is_copy = _is_copy(_content(after, take, two), one)
        verb = "copied" if is_copy else "added"
        text = f"{subject.label}: take '{plain(take.name)}' {verb}, {_in_all(new)}"
        findings.add(subject, _change("take.added", text, take, None, take.name))
        if is_copy:
            after = tuple(c for c in after if _take_of(c, two) != take.identity)
    for take in gone:
        text = f"{subject.label}: take '{plain(take.name)}' removed"
        findings.add(subject, _change("take.removed", text, take, take.name, None))
        # Its clips went with it: not decisions of their own.
        before = tuple(c for c in before if _take_of(c, one) != take.identity)
    if one.take in old and two.take in old and one.take != two.take:
        names = old[one.take].name, new[two.take].name
        text = f"{subject.label}: take '{plain(names[1])}' chosen, not '{plain(names[0])}'"
        findings.add(subject, _change("take.chosen", text, new[two.take], *names))
    return tuple(_as_chosen(clip, one, two) for clip in before), after


def _change(kind: str, text: str, take: Take, before: str | None, after: str | None) -> Change:
    return Change(kind, f"take '{plain(take.name)}'", text, before, after, take.identity)


def _take_of(clip: Clip, track: Track) -> str:
    return track.take if clip.slot is None else clip.slot.identity


def _as_chosen(clip: Clip, one: Track, two: Track) -> Clip:
    take = _take_of(clip, one)
    if take == two.take:
        return replace(clip, slot=None)
    if clip.slot is None and one.take != two.take:
        return replace(clip, slot=Slot(take, "another take", is_timed=True))
    return clip


def _content(clips: Sequence[Clip], take: Take, track: Track) -> Counter[Hashable]:
    """Count what a take plays and where, whatever it is called."""
    return Counter(
        (c.kind, c.position, c.offset, c.length, c.media, c.notes)
        for c in clips
        if _take_of(c, track) == take.identity
    )


def _is_copy(content: Counter[Hashable], track: Track) -> bool:
    return bool(content) and any(content == _content(track.clips, t, track) for t in track.takes)


def _in_all(takes: Sized) -> str:
    return f"{len(takes)} take{'' if len(takes) == 1 else 's'} in all"


def _takes(clip: Clip) -> dict[str, Take]:
    alone = (Take(clip.take, clip.name),)
    return {take.identity or take.name: take for take in clip.takes or alone}


def compare_clip_takes(findings: Findings, subject: Subject, one: Clip, two: Clip) -> None:
    """Report takes that came and went, or another one chosen among those known."""
    label = clip_label(two)
    before, after = _takes(one), _takes(two)
    come = [key for key in after if key not in before]
    gone = [key for key in before if key not in after]
    if not one.take and not one.takes:
        return
    is_recording = two.recorded and not one.recorded
    names = [before[key].name for key in gone], [after[key].name for key in come]
    if len(come) == 1 and names[0] == names[1] and not is_recording:
        # Gluing makes the take anew, and it keeps its name.
        name = plain(names[1][0])
        where = "" if names[1][0] == two.name else f" of {label}"
        text = f"{subject.label}: take '{name}'{where} replaced"
        findings.add(subject, _clip_change("take.replaced", label, text, two, gone[0], come[0]))
        return
    for key in come:
        is_recorded = two.recorded and key == two.take
        kind, verb = ("take.recorded", "recorded") if is_recorded else ("take.added", "added")
        name = plain(after[key].name)
        text = f"{subject.label}: take '{name}' {verb}, {_in_all(after)}"
        findings.add(subject, _clip_change(kind, label, text, two, None, name))
    for key in gone:
        name = plain(before[key].name)
        text = f"{subject.label}: take '{name}' removed from {label}"
        findings.add(subject, _clip_change("take.removed", label, text, two, name, None))
    if one.take != two.take and not come and not gone:
        was, now = plain(one.name), plain(two.name)
        text = f"{subject.label}: take '{now}' chosen, not '{was}'"
        findings.add(subject, _clip_change("take.chosen", label, text, two, was, now))


def _clip_change(
    kind: str, what: str, text: str, clip: Clip, before: str | None, after: str | None
) -> Change:
    media = (clip.media.path,) if clip.media else ()
    return Change(kind, what, text, before, after, clip.identity, media=media)
