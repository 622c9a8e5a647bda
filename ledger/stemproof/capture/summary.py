"""What to read first: decisions that belong together told as one line.

Dragging forty clips is forty decisions in the record and one line for a musician:
"Piecemeal: 40 clips moved 50.526 s later". Nothing is lost: each line keeps its decisions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .decision import Decision

SETTING: Final = "device.parameter"
MOST_SETTINGS: Final = 8
"""More settings of one device in one save are told by their number."""


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence and the decisions that it stands for."""

    text: str
    decisions: tuple[Decision, ...]


def summarise(decisions: Sequence[Decision]) -> list[Line]:
    """Tell groups as one line each, at the place of their first decision."""
    groups: dict[tuple[str, ...], list[Decision]] = {}
    for number, decision in enumerate(decisions):
        if decision.kind == SETTING:
            key = (decision.kind, decision.track, decision.object_id, decision.device)
        else:
            alone = "" if decision.group else str(number)
            key = (decision.kind, decision.track, decision.group, alone)
        groups.setdefault(key, []).append(decision)
    lines: list[Line] = []
    for found in groups.values():
        if found[0].kind == SETTING and len(found) <= MOST_SETTINGS:
            lines += [Line(decision.text, (decision,)) for decision in found]
        else:
            lines.append(_line(found))
    return lines


def _line(found: Sequence[Decision]) -> Line:
    first, last = found[0], found[-1]
    if len(found) == 1:
        return Line(first.text, (first,))
    if first.kind == SETTING:
        # A preset was loaded, or a model of the tool changed them together.
        return Line(f"{first.track}: {first.device}: {len(found)} settings changed", tuple(found))
    verb, _, label = first.group.partition(", ")
    text = f"{first.track}: {len(found)} clips {verb}"
    if label:
        text += f" ({label.removeprefix('clip ')})"
        places = [d.after or d.before or "" for d in (first, last)]
        text += f", first at {places[0]}, last at {places[1]}"
    return Line(text, tuple(found))
