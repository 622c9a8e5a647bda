"""Which thing of the later save is which thing of the earlier one.

Keys are tried from the strictest to the loosest; things with equal keys pair up in their order.
Everything is linear in the number of things, but for a last look at a few leftovers by likeness.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
Key = Callable[[T], Hashable]

MAX_LIKENESS_PAIRS = 4096
"""Leftovers are compared all with all only below this product."""
MIN_LIKENESS = 0.5


@dataclass(frozen=True, slots=True)
class Pairing:
    """Indices that belong together, and those without a partner."""

    pairs: tuple[tuple[int, int], ...]
    removed: tuple[int, ...]
    added: tuple[int, ...]


def pair_things(before: Sequence[T], after: Sequence[T], keys: Sequence[Key[T]]) -> Pairing:
    """Pair by each key in turn; a key that gives None leaves its thing to the others."""
    first, last = _same_ends(before, after)
    pairs = [(i, i) for i in range(first)]
    pairs += [(len(before) - n, len(after) - n) for n in range(last, 0, -1)]
    left, right = (list(range(first, len(side) - last)) for side in (before, after))
    for key in keys:
        if not left or not right:
            break
        found = _pair_equal(
            [(key(before[i]), i) for i in left], [(key(after[j]), j) for j in right]
        )
        pairs += found
        taken, given = {i for i, _ in found}, {j for _, j in found}
        left, right = [i for i in left if i not in taken], [j for j in right if j not in given]
    return Pairing(tuple(sorted(pairs, key=lambda p: p[1])), tuple(left), tuple(right))


def _same_ends(before: Sequence[T], after: Sequence[T]) -> tuple[int, int]:
    """Count the equal things at the beginning and at the end.

    Of several equal ones the one that went is then the one in whose place the others differ.
    """
    shorter = min(len(before), len(after))
    first = 0
    while first < shorter and before[first] == after[first]:
        first += 1
    last = 0
    while last < shorter - first and before[-1 - last] == after[-1 - last]:
        last += 1
    return first, last


def _pair_equal(
    left: Iterable[tuple[Hashable, int]], right: Iterable[tuple[Hashable, int]]
) -> list[tuple[int, int]]:
    """Pair what has one key, in order; of more than find a partner, those in their old place."""
    groups: defaultdict[Hashable, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for side, things in enumerate((left, right)):
        for key, index in things:
            if key is not None:
                groups[key][side].append(index)
    pairs: list[tuple[int, int]] = []
    for one, two in groups.values():
        if len(one) == len(two):
            pairs += zip(one, two, strict=True)
        else:
            pairs += zip(_keep_places(one, two), _keep_places(two, one), strict=True)
    return pairs


def _keep_places(indices: Sequence[int], others: Sequence[int]) -> list[int]:
    """Choose as many as the others are: first what stands where one of those does."""
    places = set(others)
    chosen = sorted(indices, key=lambda index: index not in places)[: len(others)]
    return sorted(chosen)


def pair_alike(
    before: Sequence[T],
    after: Sequence[T],
    pairing: Pairing,
    features: Callable[[T], frozenset[Hashable]],
) -> Pairing:
    """Pair leftovers that share at least half of their features, the most alike first."""
    left, right = pairing.removed, pairing.added
    if not left or not right or len(left) * len(right) > MAX_LIKENESS_PAIRS:
        return pairing
    one = {i: features(before[i]) for i in left}
    two = {i: features(after[i]) for i in right}
    scored = sorted(
        (-_likeness(one[i], two[j]), i, j)
        for i in left
        for j in right
        if _likeness(one[i], two[j]) >= MIN_LIKENESS
    )
    pairs, used_left, used_right = list(pairing.pairs), set[int](), set[int]()
    for _, i, j in scored:
        if i not in used_left and j not in used_right:
            pairs.append((i, j))
            used_left.add(i)
            used_right.add(j)
    return Pairing(
        tuple(sorted(pairs, key=lambda p: p[1])),
        tuple(i for i in left if i not in used_left),
        tuple(j for j in right if j not in used_right),
    )


def find_reordered(pairs: Sequence[tuple[int, int]]) -> frozenset[int]:
    """Name the fewest later indices that must have moved for the new order to arise."""
    # The longest increasing run stayed where it was; the others moved around it.
    tails: list[int] = []
    tail_at: list[int] = []
    previous: list[int] = [-1] * len(pairs)
    for at, (old, _) in enumerate(pairs):
        place = bisect_left(tails, old)
        if place == len(tails):
            tails.append(old)
            tail_at.append(at)
        else:
            tails[place], tail_at[place] = old, at
        previous[at] = tail_at[place - 1] if place else -1
    stayed = set()
    at = tail_at[-1] if tail_at else -1
    while at >= 0:
        stayed.add(at)
        at = previous[at]
    return frozenset(new for at, (_, new) in enumerate(pairs) if at not in stayed)


def _likeness(one: frozenset[Hashable], two: frozenset[Hashable]) -> float:
    return len(one & two) / max(len(one | two), 1)
