"""Words and signs of written music, as the neutral model holds them."""

from __future__ import annotations

import enum
from fractions import Fraction
from typing import NamedTuple


class SignKind(enum.StrEnum):
    """What a sign in written music is about."""

    LYRICS = "lyrics"
    CHORDS = "chords"
    DYNAMICS = "dynamics"
    ARTICULATIONS = "articulations"
    DIRECTIONS = "directions"  # words to the player


class Sign(NamedTuple):
    """A word or sign that stands at a place of a clip: a syllable, a chord symbol, a `mf`.

    `at` counts quarter notes of the clip's content; a syllable that goes on ends with `-`.
    """

    kind: SignKind
    at: Fraction
    text: str
    line: int = 1  # the verse
