"""Times of Ardour sessions: samples (versions 3 to 6), superclock or beats (7 and later).

    position="553255"                  samples
    start="a282240000"                 superclock ticks, as many a second as the tempo map says
    length="b7680@a599760000"          1920 ticks a quarter note, and where the length is measured
    sclock="1354752000" quarters="8:0" a tempo point

Version 3 counts tempo points by bars and beats, later ones by frames. No I/O.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from stemproof.errors import BadInput

from .model import Moment, TempoPoint, TimeUnit
from .numbers import parse_decimal, parse_integer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lxml.etree import _Element

TICKS_PER_QUARTER = 1920
DEFAULT_SUPERCLOCK = 282_240_000
_LARGEST_RATE = 10_000_000_000
_START = Moment(Fraction(0), TimeUnit.SECOND)


@dataclass(frozen=True, slots=True)
class Clock:
    """How one session counts time."""

    sample_rate: int
    superclock: int

    def point(self, text: str, what: str) -> Fraction:
        """Read a position as `moment` does, without its unit: lists have thousands."""
        digits = text[1:]
        if text[:1] == "a" and len(digits) < 18 and digits.isascii() and digits.isdigit():
            return Fraction(int(digits), self.superclock)
        return self.moment(text, what).value

    def moment(self, text: str, what: str) -> Moment:
        """Read a position or a length; of a length only how long it is."""
        number = text.partition("@")[0]
        if number[:1] == "b":
            return Moment(Fraction(parse_integer(number[1:], what), TICKS_PER_QUARTER))
        if number[:1] == "a":
            ticks = parse_integer(number[1:], what)
            return Moment(Fraction(ticks, self.superclock), TimeUnit.SECOND)
        if len(number) < 13 and number.isascii() and number.isdigit():
            return Moment(Fraction(int(number), self.sample_rate), TimeUnit.SECOND)
        # Automation of version 3 to 6 counts parts of samples.
        return Moment(parse_decimal(number, what) / self.sample_rate, TimeUnit.SECOND)


def read_clock(root: _Element) -> Clock:
    """Find out how the session counts time."""
    rate = parse_decimal(root.get("sample-rate", ""), "the sample rate")
    tempo_map = root.find("TempoMap")
    written = "" if tempo_map is None else tempo_map.get("superclocks-per-second", "")
    superclock = parse_integer(written or str(DEFAULT_SUPERCLOCK), "the superclock rate")
    if not (1 <= rate <= _LARGEST_RATE and 1 <= superclock <= _LARGEST_RATE):
        raise BadInput(f"the rates are {float(rate):g} and {superclock}, want positive numbers")
    return Clock(round(rate), superclock)


def read_tempo(tempo_map: _Element | None, clock: Clock) -> tuple[TempoPoint, ...]:
    """Read tempi and metres into one list of points, the first at the start."""
    if tempo_map is None:
        return (TempoPoint(_START, "120", 4, 4),)
    metres = {_place(m, clock): _metre(m) for m in tempo_map.iter("Meter")}
    if None in metres:
        return _read_by_bars(tempo_map)
    tempi = {_place(t, clock): _speed(t) for t in tempo_map.iter("Tempo") if _is_active(t)}
    places = {at for at in (*tempi, *metres) if at is not None}
    points: list[TempoPoint] = []
    bpm, (over, under) = "120", (4, 4)
    for at in sorted(places, key=lambda place: place.value):
        bpm, ramp_to = tempi.get(at, (bpm, ""))
        over, under = metres.get(at, (over, under))
        place = at if points else _START
        points.append(TempoPoint(place, bpm, over, under, bool(ramp_to), ramp_to))
    return tuple(points) or (TempoPoint(_START, "120", 4, 4),)


def _read_by_bars(tempo_map: _Element) -> tuple[TempoPoint, ...]:
    """Read version 3: points stand at bar, beat and tick; bars are counted metre by metre."""
    metres = [(_bar_beat(m), *_metre(m)) for m in tempo_map.iter("Meter")]
    starts = [(1, Fraction(0), 4, 4)]
    for (bar, _), over, under in sorted(metres):
        last_bar, last_at, last_over, last_under = starts[-1]
        at = last_at + Fraction((bar - last_bar) * last_over * 4, last_under)
        starts.append((bar, max(at, last_at), over, under))
    found = [(at, "", over, under) for _, at, over, under in starts]
    bars = [start[0] for start in starts]
    for node in tempo_map.iter("Tempo"):
        bar, beat = _bar_beat(node)
        first, at, over, under = starts[max(0, bisect_right(bars, bar) - 1)]
        quarters = at + (Fraction((bar - first) * over) + beat) * Fraction(4, under)
        found.append((max(quarters, Fraction(0)), _speed(node)[0], 0, 0))
    return _merged(found)


def _merged(found: Sequence[tuple[Fraction, str, int, int]]) -> tuple[TempoPoint, ...]:
    points: dict[Fraction, TempoPoint] = {}
    bpm, over, under = "120", 4, 4
    for at, tempo, divisions, unit in sorted(found, key=lambda f: f[0]):
        bpm = tempo or bpm
        over, under = (divisions, unit) if divisions else (over, under)
        points[at] = TempoPoint(Moment(at), bpm, over, under)
    return tuple(points.values())


def _place(node: _Element, clock: Clock) -> Moment | None:
    if node.get("sclock") is not None:
        ticks = parse_integer(node.get("sclock", ""), "a tempo point's place")
        return Moment(Fraction(ticks, clock.superclock), TimeUnit.SECOND)
    frames = node.get("frame") or node.get("sample")
    return None if frames is None else clock.moment(frames, "a tempo point's place")


def _bar_beat(node: _Element) -> tuple[int, Fraction]:
    parts = (node.get("start") or "1|1|0").split("|")
    if len(parts) != 3:
        raise BadInput(f"a tempo point stands at {node.get('start')!r:.40}, want bar|beat|tick")
    bar, beat, tick = (parse_integer(part, "a tempo point's place") for part in parts)
    return bar, beat - 1 + Fraction(tick, TICKS_PER_QUARTER)


def _speed(node: _Element) -> tuple[str, str]:
    """Give quarter notes a minute at the point, and at the end of a ramp or nothing."""
    unit = parse_decimal(node.get("note-type", "4"), "the note of a tempo")
    start = node.get("npm") or node.get("beats-per-minute") or ""
    end = node.get("enpm") or node.get("end-beats-per-minute") or start
    if not 1 <= unit <= 128:
        raise BadInput(f"a tempo counts notes of 1/{float(unit):g}, want 1 to 128")
    return _per_quarter(start, unit), "" if end == start else _per_quarter(end, unit)


def _per_quarter(written: str, unit: Fraction) -> str:
    bpm = parse_decimal(written, "a tempo") * 4 / unit
    if not 1 <= bpm <= 10_000:
        raise BadInput(f"a tempo is {written:.40}, want 1 to 10000 quarter notes a minute")
    return written if unit == 4 else f"{float(bpm):.9g}"


def _metre(node: _Element) -> tuple[int, int]:
    over = parse_decimal(node.get("divisions-per-bar", "4"), "a time signature")
    under = parse_decimal(
        node.get("note-value") or node.get("note-type") or "4", "a time signature"
    )
    if not (1 <= over < 1000 and 1 <= under < 1000):
        raise BadInput(f"a time signature is {float(over):g}/{float(under):g}, want two numbers")
    return round(over), round(under)


def _is_active(node: _Element) -> bool:
    return node.get("active", "1") not in ("0", "no")
