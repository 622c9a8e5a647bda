"""Notes against the notes that a generator gave: which of a clip's are the same, moved as one.

All notes may have been shifted in time by one amount, as a clip that is placed; pitch, rhythm
and length must be equal. Fewer than MIN_NOTES, or less than a half of the smaller side, tell
nothing: any two melodies share a few. Velocity does not count, since programs scale it. No I/O.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from stemproof.capture.sessions.model import Clip, Note

MIN_NOTES: Final = 8
# A shift is looked for among so many of the rarest pitches' notes.
_MOST_PAIRS: Final = 20_000

Key = tuple[int, Fraction, Fraction]


def same_notes(clip: Clip, given: Sequence[Key]) -> frozenset[int]:
    """Give the places in `clip.notes` of those that stand in what was given."""
    mine = keys_of(clip.notes, clip.ppq)
    if min(len(mine), len(given)) < MIN_NOTES:
        return frozenset()
    shift = _shift(mine, given)
    if shift is None:
        return frozenset()
    pool = Counter((pitch, start + shift, length) for pitch, start, length in given)
    found = []
    for place, key in enumerate(mine):
        if pool[key] > 0:
            pool[key] -= 1
            found.append(place)
    smaller = min(len(mine), len(given))
    is_telling = len(found) >= MIN_NOTES and 2 * len(found) >= smaller
    return frozenset(found) if is_telling else frozenset()


def keys_of(notes: Sequence[Note], ppq: int) -> list[Key]:
    """Write notes as pitch, start and length in quarter notes."""
    return [(note.pitch, Fraction(note.start, ppq), Fraction(note.length, ppq)) for note in notes]


def _shift(mine: Sequence[Key], given: Sequence[Key]) -> Fraction | None:
    """Find the shift that most pairs of equal pitch and length have in common."""
    by_kind: dict[tuple[int, Fraction], tuple[list[Fraction], list[Fraction]]] = {}
    for side, keys in enumerate((mine, given)):
        for pitch, start, length in keys:
            by_kind.setdefault((pitch, length), ([], []))[side].append(start)
    votes: Counter[Fraction] = Counter()
    left = _MOST_PAIRS
    for one, two in sorted(by_kind.values(), key=lambda pair: len(pair[0]) * len(pair[1])):
        left -= len(one) * len(two)
        if left < 0 and votes:
            break
        votes.update(a - b for a in one[:_MOST_PAIRS] for b in two[: 1 if left < 0 else None])
    # Of equal counts the smallest shift: an answer must not depend on an order.
    return min(votes, key=lambda shift: (-votes[shift], abs(shift), shift), default=None)
