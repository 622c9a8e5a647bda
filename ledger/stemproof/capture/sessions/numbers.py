"""Numbers as a stranger's session file writes them: bounded, finite, plain.

Python reads ` 1_0 `, `nan` and numbers of a million digits; these readers do not.
"""

from __future__ import annotations

import functools
import re
from fractions import Fraction

from stemproof.errors import BadInput

_DECIMAL = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d{0,60})?|\.\d{1,60})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
# A session a year long, in seconds or in quarter notes, is still below this.
_LARGEST = 10**12
_SMALLEST_EXPONENT = 60
_SHORT = 18


def is_decimal(text: str) -> bool:
    """Tell whether the text is a plain decimal number."""
    return _DECIMAL.fullmatch(text) is not None


def parse_decimal(text: str, what: str) -> Fraction:
    """Read a decimal number exactly."""
    if _DECIMAL.fullmatch(text):
        exponent = int(text.lower().partition("e")[2] or 0)
        if exponent < -_SMALLEST_EXPONENT:
            return Fraction(0)
        if exponent <= 12:
            number = Fraction(text)
            if abs(number) <= _LARGEST:
                return number
    raise BadInput(f"{what} is {text!r:.60}, want a decimal number")


# A session repeats a few thousand numbers half a million times.
@functools.lru_cache(maxsize=1 << 16)
def parse_integer(text: str, what: str) -> int:
    """Read a whole number; a decimal one with a zero fraction is taken too."""
    if len(text) <= _SHORT and text.isascii() and text.isdigit():
        return int(text)
    if _INTEGER.fullmatch(text):
        return int(text)
    number = parse_decimal(text, what)
    if number.denominator == 1:
        return int(number)
    raise BadInput(f"{what} is {text!r:.60}, want a whole number")


def is_same_number(before: str, after: str) -> bool:
    """Tell whether two texts are one number but for the rounding of a float."""
    if before == after:
        return True
    if not (is_decimal(before) and is_decimal(after)):
        return False
    one, two = float(before), float(after)
    return abs(one - two) <= RELATIVE_TOLERANCE * max(abs(one), abs(two), SMALLEST_SCALE)


RELATIVE_TOLERANCE = 1e-5
"""Programs rewrite floats with six or seven good digits: below this it is rounding."""
SMALLEST_SCALE = 1e-3
"""Beside zero a relative tolerance means nothing; 1e-8 of full scale is inaudible."""
