"""What happened to the notes of one clip: added, removed, moved, transposed, longer, louder.

A shift of all notes by one interval and one time is one change. Else equal notes are set aside,
and a shift of all the rest is one change; then a length or a velocity that differs at the same
place; then groups of notes that share one shift. What is left was added or removed.
Linear but for sorting.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import islice

from .sessions.model import Note

_NEIGHBOURS = 8
"""How many candidates of one pitch or one start vote for a shift: keeps the cost linear."""
_MAX_SHIFT_GROUPS = 4


@dataclass(frozen=True, slots=True)
class NoteChange:
    """One kind of change of one clip's notes."""

    kind: str  # added, removed, moved, transposed, resized, velocity, muted
    notes: tuple[Note, ...]  # as they are after it, or as they were before they were removed
    amount: int | None = None  # ticks or semitones, where all share one
    ticks: int = 0  # for a transposition that also moved


def compare_notes(before: Sequence[Note], after: Sequence[Note]) -> list[NoteChange]:
    """List the changes between two sets of notes on one time base."""
    if before and (whole := _uniform_shift(sorted(before, key=_order), sorted(after, key=_order))):
        # Before equal notes are set aside: a scale moved up a step shares most of its notes.
        return [whole]
    gone, new = Counter(before), Counter(after)
    common = gone & new
    removed = sorted((gone - common).elements(), key=_order)
    added = sorted((new - common).elements(), key=_order)
    if not removed or not added:
        return _rest(removed, added)
    changes: list[NoteChange] = []
    whole = _uniform_shift(removed, added)
    if whole is not None:
        return [whole]
    for kind, key, value in _PROPERTIES:
        removed, added, pairs = _pair(removed, added, key)
        if pairs:
            deltas = {value(two) - value(one) for one, two in pairs}
            amount = deltas.pop() if len(deltas) == 1 else None
            changes.append(NoteChange(kind, tuple(two for _, two in pairs), amount))
    for _ in range(_MAX_SHIFT_GROUPS):
        group = _shared_shift(removed, added)
        if group is None:
            break
        change, removed, added = group
        changes.append(change)
    return changes + _rest(removed, added)


def _order(note: Note) -> tuple[int, int, int, int, int, int]:
    return (note.start, note.pitch, note.channel, note.length, note.velocity, note.pan)


_PROPERTIES: tuple[tuple[str, Callable[[Note], Hashable], Callable[[Note], int]], ...] = (
    ("velocity", lambda n: n._replace(velocity=0), lambda n: n.velocity),
    ("resized", lambda n: n._replace(length=0), lambda n: n.length),
    ("panned", lambda n: n._replace(pan=0), lambda n: n.pan),
    ("muted", lambda n: n._replace(muted=False), lambda n: int(n.muted)),
    ("chance", lambda n: n._replace(chance=100), lambda n: n.chance),
    ("spread", lambda n: n._replace(spread=0), lambda n: n.spread),
)


def _rest(removed: Sequence[Note], added: Sequence[Note]) -> list[NoteChange]:
    found = [("removed", removed), ("added", added)]
    return [NoteChange(kind, tuple(notes)) for kind, notes in found if notes]


def _shift(one: Note, two: Note) -> tuple[int, int]:
    return two.start - one.start, two.pitch - one.pitch


def _uniform_shift(removed: Sequence[Note], added: Sequence[Note]) -> NoteChange | None:
    if len(removed) != len(added):
        return None
    shift = _shift(removed[0], added[0])
    moved = sorted((_shifted(n, shift) for n in removed), key=_order)
    return _change(shift, added) if moved == list(added) and shift != (0, 0) else None


def _shifted(note: Note, shift: tuple[int, int]) -> Note:
    return note._replace(start=note.start + shift[0], pitch=note.pitch + shift[1])


def _change(shift: tuple[int, int], notes: Sequence[Note]) -> NoteChange:
    ticks, semitones = shift
    if semitones:
        return NoteChange("transposed", tuple(notes), semitones, ticks)
    return NoteChange("moved", tuple(notes), ticks)


def _pair(
    removed: Sequence[Note], added: Sequence[Note], key: Callable[[Note], Hashable]
) -> tuple[list[Note], list[Note], list[tuple[Note, Note]]]:
    waiting: defaultdict[Hashable, deque[Note]] = defaultdict(deque)
    for note in removed:
        waiting[key(note)].append(note)
    pairs, rest = [], []
    for note in added:
        found = waiting.get(key(note))
        if found:
            pairs.append((found.popleft(), note))
        else:
            rest.append(note)
    left = sorted((n for notes in waiting.values() for n in notes), key=_order)
    return left, rest, pairs


def _shared_shift(
    removed: Sequence[Note], added: Sequence[Note]
) -> tuple[NoteChange, list[Note], list[Note]] | None:
    """Find the shift that most of the leftovers share, if it explains enough of them."""
    if not removed or not added:
        return None
    votes: Counter[tuple[int, int]] = Counter()
    for keep in (_same_pitch, _same_start):
        places: defaultdict[Hashable, list[Note]] = defaultdict(list)
        for note in added:
            places[keep(note)].append(note)
        for note in removed:
            for other in islice(places.get(keep(note), ()), _NEIGHBOURS):
                votes[_shift(note, other)] += 1
    if not votes:
        return None
    shift = min(votes, key=lambda s: (-votes[s], abs(s[1]), abs(s[0]), s))
    left, rest, pairs = _pair([_shifted(n, shift) for n in removed], added, lambda n: n)
    # One removed and ten added are not a move: a shift must explain half of both sides.
    if 2 * len(pairs) < max(len(removed), len(added)):
        return None
    back = (-shift[0], -shift[1])
    return _change(shift, [two for _, two in pairs]), [_shifted(n, back) for n in left], rest


def _same_pitch(note: Note) -> Hashable:
    return (note.pitch, note.length, note.velocity, note.channel)


def _same_start(note: Note) -> Hashable:
    return (note.start, note.length, note.velocity, note.channel)
