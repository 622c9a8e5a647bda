"""Places in a score as exact fractions of quarter notes, which must not grow without end."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from stemproof.errors import BadInput

# Beyond this, tuplets of primes make every sum slower than the last.
_MAX_DENOMINATOR: Final = 10**12
_MAX_QUARTERS: Final = 10**8


def step(at: Fraction, length: Fraction) -> Fraction:
    """Go on by a length, within what a score can need."""
    reached = at + length
    over, under = reached.numerator, reached.denominator
    if under > _MAX_DENOMINATOR or not 0 <= over <= _MAX_QUARTERS * under:
        raise BadInput("a position in the score is beyond all measure, want bars of plain notes")
    return reached


def step_back(at: Fraction, length: Fraction, first: Fraction) -> Fraction:
    """Go back by a length, to `first` at most, within what a score can need."""
    return first if length >= at - first else step(at, -length)


def bound_ratio(ratio: Fraction, what: str) -> Fraction:
    """Give a ratio that has not grown beyond all measure by being multiplied."""
    if max(ratio.numerator, ratio.denominator) > _MAX_DENOMINATOR:
        raise BadInput(f"{what} is beyond all measure, want a ratio of small numbers")
    return ratio
