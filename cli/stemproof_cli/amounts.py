"""How many of a thing there are, in words: 1 event, 2 events."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Count things by the name of one of them, whose plural ends in s."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
