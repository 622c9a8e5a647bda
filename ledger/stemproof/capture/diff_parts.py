"""Which clips are parts of another: they play the same source at the same time as it did."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from fractions import Fraction
from typing import Final

from .match import Pairing
from .sessions.model import Clip
from .sessions.numbers import is_decimal

TOLERANCE: Final = Fraction(1, 10_000)
MOST_LOOKED_AT: Final = 1000
"""So many clips beside each other are looked at for parts of one."""


def source_of(clip: Clip) -> Hashable:
    """Say what a part of a clip must play, and in which lane; None for what has no parts."""
    played: Hashable = clip.media or clip.notes
    if not played or clip.takes:
        return None
    units = {clip.position.unit, clip.length.unit}
    if clip.offset.value:
        units.add(clip.offset.unit)
    if len(units) > 1:
        return None
    return (clip.kind, played, "" if clip.slot is None else clip.slot.identity, clip.position.unit)


def is_part(part: Clip, whole: Clip) -> bool:
    """Tell whether a clip with the same source plays a stretch of the whole, where it was."""
    shift = _source_start(part) - _source_start(whole)
    before = whole.position.value - part.position.value
    after = end_of(part) - end_of(whole)
    return abs(shift) <= TOLERANCE and before <= TOLERANCE and after <= TOLERANCE


def end_of(clip: Clip) -> Fraction:
    """Give where a clip ends, in its unit."""
    return clip.position.value + clip.length.value


def _source_start(clip: Clip) -> Fraction:
    """Give where the source would begin if all of it were played."""
    rate = next((p.value for p in clip.parameters if p.name == "play rate"), "1")
    pace = Fraction(rate) if is_decimal(rate) and Fraction(rate) > 0 else Fraction(1)
    return clip.position.value - clip.offset.value / pace


class Parts:
    """Clips that came, to be found as parts of one that was there; indices are the caller's."""

    def __init__(self, clips: Iterable[tuple[int, Hashable, Clip]]) -> None:
        found: defaultdict[Hashable, list[tuple[Fraction, int, Clip]]] = defaultdict(list)
        for index, owner, clip in clips:
            source = source_of(clip)
            if source is not None:
                found[(owner, source)].append((clip.position.value, index, clip))
        self._clips = {key: sorted(some, key=lambda one: one[:2]) for key, some in found.items()}

    def of(self, whole: Clip, owner: Hashable = None) -> list[int]:
        """List the parts of a clip in their order."""
        source = source_of(whole)
        some = self._clips.get((owner, source), ()) if source is not None else ()
        first = bisect_left(some, whole.position.value - TOLERANCE, key=lambda one: one[0])
        last = end_of(whole)
        parts = []
        for place, index, clip in some[first : first + MOST_LOOKED_AT]:
            if place > last:
                break
            if is_part(clip, whole):
                parts.append(index)
        return parts


def find_cut(
    before: Sequence[Clip], after: Sequence[Clip], pairing: Pairing
) -> frozenset[tuple[int, int]]:
    """Find pairs of which the later clip is only the left part: the right one has come."""
    if not pairing.added:
        return frozenset()
    parts = Parts((j, None, after[j]) for j in pairing.added)
    return frozenset(
        (i, j)
        for i, j in pairing.pairs
        if after[j].length.value < before[i].length.value
        and source_of(before[i]) == source_of(after[j])
        and is_part(after[j], before[i])
        and any(not is_part(after[j], after[k]) for k in parts.of(before[i]))
    )
