"""Numbers and units as DAWproject writes them: six decimals, `true` and `false`, laws by name."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from stemproof.errors import BadInput

from .model import TimeUnit, Unit
from .numbers import is_decimal, parse_decimal

if TYPE_CHECKING:
    from lxml.etree import _Element

PPQ: Final = 15_360
"""Ticks of a quarter note: 16 x 960. Six decimals of a beat round to them without doubt."""

_UNITS: Final = {
    "percent": Unit.PERCENT,
    "decibel": Unit.DECIBEL,
    "hertz": Unit.HERTZ,
    "semitones": Unit.SEMITONES,
    "seconds": Unit.SECONDS,
    "bpm": Unit.BPM,
}


def beats_or_seconds(node: _Element, inherited: TimeUnit, attribute: str = "timeUnit") -> TimeUnit:
    """Tell what times inside a timeline count; without a word they count as around it."""
    word = node.get(attribute)
    if word is None:
        return inherited
    if word == "beats":
        return TimeUnit.QUARTER
    if word == "seconds":
        return TimeUnit.SECOND
    raise BadInput(f"a time unit is {word!r:.40}, want beats or seconds")


def number(node: _Element | None, default: str) -> str:
    """Give a parameter's value as text; a switch is 0 or 1."""
    value = default if node is None else node.get("value", default)
    return {"true": "1", "false": "0"}.get(value, value)


def is_true(text: str | None) -> bool:
    """Tell whether an XML boolean is true."""
    return text in ("true", "1")


def level_unit(word: str | None) -> Unit:
    """Give the law of a level: linear amplitude, or decibels."""
    return Unit.GAIN if word == "linear" else _UNITS.get(word or "", Unit.RAW)


def unit_of(word: str | None) -> Unit:
    """Give the law of any other parameter; `linear` and `normalized` say nothing about it."""
    return _UNITS.get(word or "", Unit.RAW)


def shown_number(value: Fraction) -> str:
    """Write a number with six decimals at most, as DAWproject does."""
    text = f"{float(value):.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


@lru_cache(maxsize=1 << 16)
def ticks(text: str, what: str) -> int:
    """Turn beats into ticks."""
    return round(parse_decimal(text, what) * PPQ)


def pan_scale(node: _Element | None) -> tuple[Fraction, Fraction]:
    """Give the lowest value of a pan and its span; 0 to 1 where the file does not say."""
    low, high = ("0", "1") if node is None else (node.get("min", "0"), node.get("max", "1"))
    if is_decimal(low) and is_decimal(high):
        start, end = parse_decimal(low, "a pan's range"), parse_decimal(high, "a pan's range")
        if end > start:
            return start, end - start
    return Fraction(0), Fraction(1)


def pan_value(text: str, scale: tuple[Fraction, Fraction]) -> str:
    """Turn a pan into -1 (left) .. 1 (right)."""
    if not is_decimal(text):
        return text
    return shown_number((parse_decimal(text, "a pan") - scale[0]) / scale[1] * 2 - 1)
