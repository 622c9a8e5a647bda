"""Where in the music a moment is: bars and beats, minutes and seconds.

Built from a session's tempo points. Inside a ramp the tempo is taken as linear in time.
Floats serve only to show and to compare with a tolerance; the model keeps the exact values.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction

from .sessions.model import Moment, TempoPoint, TimeUnit

SAME_SECONDS = 1e-5
"""Half a sample at 48 kHz: REAPER rewrites positions with less error than that."""
SAME_QUARTERS = 1e-4
SAME_TICK = 1 / 1920
"""A program that begins to count in beats rounds what it counted in samples to its ticks."""


_DEFAULT_TEMPO = TempoPoint(Moment(Fraction(0)), "120", 4, 4)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """From a tempo point to the next."""

    seconds: float
    quarters: float
    bars: float
    per_second: float
    ramp: float
    quarters_a_bar: float


class Timeline:
    """Turns moments of one session into bars, beats and clock time."""

    def __init__(self, tempo: tuple[TempoPoint, ...]) -> None:
        self.tempo = tempo
        # A format without tempo counts bars as MIDI does until it is told.
        self._stretches = _stretches(tempo or (_DEFAULT_TEMPO,))
        self._seconds = [s.seconds for s in self._stretches]
        self._quarters = [s.quarters for s in self._stretches]

    def quarters(self, moment: Moment) -> float:
        """Count quarter notes from the start."""
        value = float(moment.value)
        if moment.unit is TimeUnit.QUARTER:
            return value
        part = self._stretches[max(0, bisect_right(self._seconds, value) - 1)]
        past = value - part.seconds
        return part.quarters + past * part.per_second + past * past * part.ramp / 2

    def bar(self, quarters: float) -> int:
        """Number the bar of a place, from 1."""
        return int(self._bars(quarters) + 1e-6) + 1

    def place(self, moment: Moment) -> str:
        """Say where a moment is, as a musician would."""
        where = self.place_at(self.quarters(moment))
        if moment.unit is TimeUnit.SECOND:
            return f"{clock(float(moment.value))} ({where})"
        return where

    def place_at(self, quarters: float) -> str:
        """Say in which bar and on which beat a place is."""
        bars = self._bars(quarters) + 1e-6
        part = self._stretches[max(0, bisect_right(self._quarters, quarters) - 1)]
        beat = (bars - int(bars)) * part.quarters_a_bar + 1
        if round(beat, 2) >= part.quarters_a_bar + 1:
            # A hair before the bar line, as samples are rounded.
            return f"bar {int(bars) + 2}"
        where = f"bar {int(bars) + 1}"
        if beat >= 1.01:
            where += f" beat {beat:.2f}".rstrip("0").rstrip(".")
        return where

    def span(self, moment: Moment) -> str:
        """Say how long a length is."""
        value = float(moment.value)
        if moment.unit is TimeUnit.SECOND:
            return f"{value:.3f} s"
        return beats_text(value)

    def shift(self, one: Moment, two: Moment) -> str:
        """Say how far two moments are apart, for those that moved together."""
        seconds = one.unit is TimeUnit.SECOND and two.unit is TimeUnit.SECOND
        ahead = float(two.value) - float(one.value)
        if not seconds:
            ahead = self.quarters(two) - self.quarters(one)
        direction = "later" if ahead > 0 else "earlier"
        if seconds:
            return f"{abs(ahead):.3f} s {direction}"
        return f"{beats_text(abs(ahead))} {direction}"

    def bars_between(self, first: float, last: float) -> str:
        """Say which bars a stretch of quarter notes touches."""
        one, two = self.bar(first), self.bar(max(first, last))
        return f"bar {one}" if one == two else f"bars {one}-{two}"

    def _bars(self, quarters: float) -> float:
        part = self._stretches[max(0, bisect_right(self._quarters, quarters) - 1)]
        return max(0.0, part.bars + (quarters - part.quarters) / part.quarters_a_bar)


def is_same_moment(one: Moment, at: Timeline, two: Moment, other: Timeline) -> bool:
    """Tell whether two moments are one place: in time, or in the music when the tempo changed."""
    if one == two:
        return True
    if one.unit is two.unit:
        tolerance = SAME_SECONDS if one.unit is TimeUnit.SECOND else SAME_QUARTERS
        if abs(float(one.value) - float(two.value)) <= tolerance:
            return True
        if one.unit is TimeUnit.QUARTER or at.tempo == other.tempo:
            return False
    tolerance = SAME_QUARTERS if one.unit is two.unit else SAME_TICK
    return abs(at.quarters(one) - other.quarters(two)) <= tolerance


def beats_text(quarters: float) -> str:
    """Write a length in quarter notes."""
    number = f"{quarters:.3f}".rstrip("0").rstrip(".")
    return f"{number} beat" if number == "1" else f"{number} beats"


def clock(seconds: float) -> str:
    """Write seconds as minutes, seconds and hundredths."""
    sign = "-" if seconds < 0 else ""
    hundredths = round(abs(seconds) * 100)
    minutes, rest = divmod(hundredths, 6000)
    return f"{sign}{minutes}:{rest / 100:05.2f}"


def _stretches(tempo: tuple[TempoPoint, ...]) -> list[_Stretch]:
    found: list[_Stretch] = []
    for index, point in enumerate(tempo):
        per_second = float(point.bpm) / 60
        following = tempo[index + 1] if index + 1 < len(tempo) else None
        seconds, quarters, bars = 0.0, 0.0, 0.0
        if found:
            last, at = found[-1], float(point.at.value)
            if point.at.unit is TimeUnit.SECOND:
                past = at - last.seconds
                seconds = at
                quarters = last.quarters + past * last.per_second + past * past * last.ramp / 2
            else:
                quarters = at
                seconds = last.seconds + (at - last.quarters) / last.per_second
            bars = last.bars + (quarters - last.quarters) / last.quarters_a_bar
        ramp = 0.0
        if point.ramp and following is not None and following.at.unit is TimeUnit.SECOND:
            length = float(following.at.value - point.at.value)
            ramp = (float(following.bpm) / 60 - per_second) / length if length > 0 else 0.0
        a_bar = point.numerator * 4 / point.denominator
        found.append(_Stretch(seconds, quarters, bars, per_second, ramp, a_bar))
    return found
