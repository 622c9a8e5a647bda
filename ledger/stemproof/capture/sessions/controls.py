"""What is played beside the notes of a clip: pedals, wheels, bends, expression of single notes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ControlLane:
    """What one controller does in a clip: ticks of the clip and values.

    `of_notes`: it belongs to single notes, and each event's second number is the note's key.
    """

    name: str
    events: tuple[tuple[int, ...], ...]
    of_notes: bool = False
