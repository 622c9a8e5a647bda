"""Takes of a whole track compared: kept side by side, one of them in use (Ardour's playlists).

The clips of the takes not in use stand in slots of that take. When another take is chosen, the
clips did not move: they are brought to where they would stand had it been chosen before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace

from .decision import Change, Subject
from .findings import Findings
from .sentences import plain
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
        text = f"{subject.label}: take '{plain(take.name)}' {verb}, {len(new)} takes in all"
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
