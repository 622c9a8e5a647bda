"""How many of a thing there are, in words: 1 event, 2 events, events 3-7."""

from __future__ import annotations

from collections.abc import Sequence


def counted(count: int, noun: str) -> str:
    """Count things by the name of one of them, whose plural ends in s."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def spans(numbers: Sequence[int]) -> str:
    """Write ascending numbers with those in a row as one span: 3-7, 9, 12-14."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = runs[-1][0], number
        else:
            runs.append((number, number))
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
