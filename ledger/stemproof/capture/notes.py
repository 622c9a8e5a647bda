"""What happened to the notes of one clip: added, removed, moved, transposed, longer, louder.

A shift of all notes by one interval and one time is one change. Else equal notes are set aside,
and a shift of all the rest is one change; then a length or a velocity that differs at the same
place; then groups of notes that share one shift; then notes of which several things changed, and
those that each moved a little, as quantising does. What is left was added or removed.
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
    again: int = 0  # how many of the notes, the last ones, another change told of too


def compare_notes(
    before: Sequence[Note], after: Sequence[Note], *, near: int = 0
) -> list[NoteChange]:
    """List the changes between two sets of notes on one time base.

    A note that is at most `near` ticks from its old place was moved, as by quantising.
    """
    if before and (whole := _uniform_shift(sorted(before, key=_order), sorted(after, key=_order))):
        # Before equal notes are set aside: a scale moved up a step shares most of its notes.
        return [whole]
    gone, new = Counter(before), Counter(after)
    common = gone & new
    removed = sorted((gone - common).elements(), key=_order)
    added = sorted((new - common).elements(), key=_order)
    if not removed or not added:
        return _rest(removed, added)
    whole = _uniform_shift(removed, added)
    if whole is not None:
        return [whole]
    changes: list[NoteChange] = []
    for kind, key, value in _PROPERTIES:
        removed, added, pairs = _pair(removed, added, key)
        if pairs:
            changes.append(_property(kind, value, pairs, 0))
    for _ in range(_MAX_SHIFT_GROUPS):
        group = _shared_shift(removed, added, _exact)
        if group is None:
            break
        found, removed, added = group
        changes += found
    return changes + _several_at_once(removed, added, near)


def _several_at_once(removed: Sequence[Note], added: Sequence[Note], near: int) -> list[NoteChange]:
    """Find notes of which more than one thing changed: velocity and length, place and velocity."""
    changes: list[NoteChange] = []
    removed, added, pairs = _pair(removed, added, _bare)
    changes += _properties(pairs, told=[])
    group = _shared_shift(removed, added, _bare)
    if group is not None:
        found, removed, added = group
        changes += found
    group = _nearest(removed, added, near)
    if group is not None:
        found, removed, added = group
        changes += found
    return changes + _rest(removed, added)


def _property(
    kind: str, value: Callable[[Note], int], pairs: Sequence[tuple[Note, Note]], again: int
) -> NoteChange:
    deltas = {value(two) - value(one) for one, two in pairs}
    amount = deltas.pop() if len(deltas) == 1 else None
    return NoteChange(kind, tuple(two for _, two in pairs), amount, again=again)


def _properties(
    pairs: Sequence[tuple[Note, Note]], told: Sequence[tuple[Note, Note]]
) -> list[NoteChange]:
    """Tell each property that differs in some pairs; those of `told` are known already."""
    changes = []
    seen = {id(pair) for pair in told}
    for kind, _, value in _PROPERTIES:
        changed = [pair for pair in pairs if value(pair[0]) != value(pair[1])]
        if changed:
            # Those told for the first time stand first.
            changed.sort(key=lambda pair: id(pair) in seen)
            again = sum(id(pair) in seen for pair in changed)
            changes.append(_property(kind, value, changed, again))
            seen |= {id(pair) for pair in changed}
    return changes


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
    removed: Sequence[Note], added: Sequence[Note], plain: Callable[[Note], Note]
) -> tuple[list[NoteChange], list[Note], list[Note]] | None:
    """Find the shift that most of the leftovers share, if it explains enough of them."""
    if not removed or not added:
        return None
    votes: Counter[tuple[int, int]] = Counter()
    for keep in (_same_pitch, _same_start):
        places: defaultdict[Hashable, list[Note]] = defaultdict(list)
        for note in added:
            places[keep(plain(note))].append(note)
        for note in removed:
            for other in islice(places.get(keep(plain(note)), ()), _NEIGHBOURS):
                votes[_shift(note, other)] += 1
    votes.pop((0, 0), None)
    if not votes:
        return None
    shift = min(votes, key=lambda s: (-votes[s], abs(s[1]), abs(s[0]), s))
    left, rest, pairs = _pair([_shifted(n, shift) for n in removed], added, plain)
    if not _is_enough(pairs, removed, added):
        return None
    back = (-shift[0], -shift[1])
    moved = _change(shift, [two for _, two in pairs])
    return [moved, *_properties(pairs, pairs)], [_shifted(n, back) for n in left], rest


def _nearest(
    removed: Sequence[Note], added: Sequence[Note], near: int
) -> tuple[list[NoteChange], list[Note], list[Note]] | None:
    """Pair what moved a little and each by another amount, in the order of time."""
    waiting: defaultdict[Hashable, deque[Note]] = defaultdict(deque)
    for note in sorted(removed, key=_order):
        waiting[(note.pitch, note.channel)].append(note)
    pairs, left, rest = [], [], []
    for note in sorted(added, key=_order):
        queue = waiting[(note.pitch, note.channel)]
        while queue and queue[0].start < note.start - near:
            left.append(queue.popleft())
        if queue and queue[0].start <= note.start + near:
            pairs.append((queue.popleft(), note))
        else:
            rest.append(note)
    left += [note for queue in waiting.values() for note in queue]
    if not pairs or not _is_enough(pairs, removed, added):
        return None
    moved = NoteChange("moved", tuple(two for _, two in pairs))
    return [moved, *_properties(pairs, pairs)], sorted(left, key=_order), rest


def _is_enough(pairs: Sequence[object], removed: Sequence[Note], added: Sequence[Note]) -> bool:
    # One removed and ten added are not a move: a shift must explain half of both sides.
    return 2 * len(pairs) >= max(len(removed), len(added))


def _exact(note: Note) -> Note:
    return note


def _bare(note: Note) -> Note:
    """Leave only what, where and for whom: pitch, start and channel."""
    return Note(note.pitch, note.start, 0, 0, note.channel)


def _same_pitch(note: Note) -> Hashable:
    return (note.pitch, note.length, note.velocity, note.channel)


def _same_start(note: Note) -> Hashable:
    return (note.start, note.length, note.velocity, note.channel)
