"""Tempo and time signature of a Live set: two timeables in the mixer of the master.

A time signature is one number, numerator - 1 + 99 * log2(denominator): 201 is 4/4.
Between two points of the tempo's envelope the tempo moves in a line; two points at one time are a
step.
"""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from stemproof.errors import BadInput

from .live_envelopes import first_value, read_points
from .live_xml import value
from .model import Moment, Point, TempoPoint
from .numbers import parse_decimal, parse_integer

if TYPE_CHECKING:
    from lxml.etree import _Element

_COMMON_TIME: Final = "201"
_NUMERATORS: Final = 99
_LARGEST_SIGNATURE: Final = 494
"""Live goes to 99/16; 99/32 would be the end of the next row."""


def read_tempo(master: _Element) -> tuple[TempoPoint, ...] | None:
    """Read the tempo map; None where the master stores no tempo."""
    mixer = master.find("DeviceChain/Mixer")
    mixer = master.find("MasterChain/Mixer") if mixer is None else mixer
    tempo = None if mixer is None else mixer.find("Tempo")
    if mixer is None or tempo is None:
        return None
    bpm, tempi = _line(master, tempo, "")
    signature, changes = _line(master, mixer.find("TimeSignature"), _COMMON_TIME)
    lines = [(Fraction(0), _bpm(bpm), False)]
    if tempi:
        first = Point(Fraction(0), tempi[0].value)
        lines = _tempo_lines([first, *tempi] if tempi[0].at > 0 else tempi)
    metres = [(Fraction(0), _metre(signature))]
    metres += [(point.at, _metre(point.value)) for point in changes]
    return tuple(_merged(lines, metres))


def _line(master: _Element, node: _Element | None, default: str) -> tuple[str, list[Point]]:
    """Read where a timeable starts, and its points from the start of the song on."""
    if node is None:
        return default, []
    events = node.find("ArrangerAutomation/Events")
    number = node.find("AutomationTarget")
    if number is not None:
        for envelope in master.iterfind("AutomationEnvelopes/Envelopes/AutomationEnvelope"):
            if value(envelope, "EnvelopeTarget/PointeeId") == number.get("Id"):
                events = envelope.find("Automation/Events")
    points = [point for point in read_points(events) if point.at >= 0]
    start = first_value(events) if points else None
    return start or value(node, "Manual") or first_value(events) or default, points


def _tempo_lines(points: list[Point]) -> list[tuple[Fraction, str, bool]]:
    lines = []
    for index, point in enumerate(points):
        following = points[index + 1] if index + 1 < len(points) else None
        ramp = following is not None and following.at > point.at and following.value != point.value
        lines.append((point.at, _bpm(point.value), ramp))
    return lines


def _merged(
    lines: list[tuple[Fraction, str, bool]], metres: list[tuple[Fraction, tuple[int, int]]]
) -> list[TempoPoint]:
    starts = [at for at, _ in metres]
    found = [
        TempoPoint(Moment(at), bpm, *metres[max(0, bisect_right(starts, at) - 1)][1], ramp=ramp)
        for at, bpm, ramp in lines
    ]
    known = {at for at, _, _ in lines}
    places = [at for at, _, _ in lines]
    for at, metre in metres:
        if at not in known:
            index = bisect_right(places, at) - 1
            _, bpm, ramp = lines[max(0, index)]
            if ramp and index >= 0:
                bpm = _between(lines[index], lines[index + 1], at)
            found.append(TempoPoint(Moment(at), bpm, *metre, ramp=ramp))
    return sorted(found, key=lambda point: point.at.value)


def _between(one: tuple[Fraction, str, bool], two: tuple[Fraction, str, bool], at: Fraction) -> str:
    share = float((at - one[0]) / (two[0] - one[0]))
    return f"{float(one[1]) + share * (float(two[1]) - float(one[1])):.6f}"


def _bpm(text: str) -> str:
    if not 1 <= parse_decimal(text, "the tempo") <= 10_000:
        raise BadInput(f"the tempo is {text:.40}, want 1 to 10000")
    return text


def _metre(text: str) -> tuple[int, int]:
    number = parse_integer(text, "the time signature")
    if not 0 <= number <= _LARGEST_SIGNATURE:
        raise BadInput(f"the time signature is {number}, want 0 to {_LARGEST_SIGNATURE}")
    return number % _NUMERATORS + 1, 1 << (number // _NUMERATORS)
