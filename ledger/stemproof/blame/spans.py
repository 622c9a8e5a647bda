"""Text against the raw outputs that it may have come from, by character spans.

    spans = find_spans(text, [output, ...])     the stretches that stand in an output

A stretch counts from MIN_WORDS whole words and MIN_LENGTH characters on: shorter ones ("all
night long") are common to songs that know nothing of each other. Line breaks, runs of blanks
and the shape of quotation marks do not count: editors change them. Greedy from the left, the
longest continuation first. Every output is indexed by its runs of MIN_LENGTH characters, of
which at most MAX_PLACES places each are kept: time and room are linear in the lengths.
That words are equal says where they stand, and not who copied whom. No I/O.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MIN_LENGTH: Final = 20
MIN_WORDS: Final = 4
# "La la la" repeats itself at every place: more would make it quadratic.
MAX_PLACES: Final = 8
# A song has a few thousand characters; a novel is no lyric.
MAX_TEXT: Final = 1_000_000

# Of quotation marks and dashes, the one that a typewriter has.
_PLAIN: Final = {
    "\u2018": "'",
    "\u2019": "'",
    "\u201c": '"',
    "\u201d": '"',
    "\u2013": "-",
    "\u2014": "-",
}
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` of a text stand in output number `output` too."""

    start: int
    end: int
    output: int


def find_spans(text: str, outputs: Sequence[str]) -> list[Span]:
    """Find which stretches of a text stand in one of the outputs, from left to right."""
    folded, places = _fold(text[:MAX_TEXT])
    sources = [_fold(output[:MAX_TEXT])[0] for output in outputs]
    index = _index(sources)
    found = []
    at = 0
    while at + MIN_LENGTH <= len(folded):
        number, place, length = _longest(folded, at, sources, index)
        if length:
            sides = _Side(folded, at), _Side(sources[number], place)
            start, end = (at + part for part in _whole_words(sides, length))
            if end - start >= MIN_LENGTH and len(_WORD.findall(folded, start, end)) >= MIN_WORDS:
                found.append(Span(places[start], places[end - 1] + 1, number))
        at += max(length, 1)
    return found


def covered(spans: Sequence[Span], text: str) -> tuple[int, int]:
    """Count the characters of a text that stand in spans, and all of them; blanks aside."""
    inside = sum(len("".join(text[span.start : span.end].split())) for span in spans)
    return inside, len("".join(text.split()))


def _fold(text: str) -> tuple[str, list[int]]:
    """Write a text so that editors' changes do not count, and where each character stood."""
    letters: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        if char.isspace():
            if letters and letters[-1] != " ":
                letters.append(" ")
                places.append(place)
        elif letters and unicodedata.combining(char):
            # An accent that is written by itself joins its letter.
            letters[-1] = unicodedata.normalize("NFC", letters[-1] + char)[:1]
        else:
            letters.append(unicodedata.normalize("NFC", _PLAIN.get(char, char))[:1])
            places.append(place)
    return "".join(letters), places


def _index(sources: Sequence[str]) -> dict[str, list[tuple[int, int]]]:
    index: dict[str, list[tuple[int, int]]] = {}
    for number, source in enumerate(sources):
        for at in range(len(source) - MIN_LENGTH + 1):
            places = index.setdefault(source[at : at + MIN_LENGTH], [])
            if len(places) < MAX_PLACES:
                places.append((number, at))
    return index


def _longest(
    text: str, at: int, sources: Sequence[str], index: dict[str, list[tuple[int, int]]]
) -> tuple[int, int, int]:
    """Give the output in which the text goes on longest from here, where, and for how long."""
    best = (0, 0, 0)
    for number, place in index.get(text[at : at + MIN_LENGTH], ()):
        length = _common(text, at, sources[number], place)
        if length > best[2]:
            best = number, place, length
    return best


def _common(text: str, at: int, source: str, place: int) -> int:
    length = MIN_LENGTH
    most = min(len(text) - at, len(source) - place)
    while length < most and text[at + length] == source[place + length]:
        length += 1
    return length


@dataclass(frozen=True, slots=True)
class _Side:
    """A text, and where in it a stretch begins."""

    text: str
    at: int

    def is_inner(self, part: int) -> bool:
        """Say whether a place of the stretch lies inside of a word."""
        place = self.at + part
        return (
            0 < place < len(self.text)
            and _is_letter(self.text[place - 1])
            and _is_letter(self.text[place])
        )


def _whole_words(sides: tuple[_Side, _Side], length: int) -> tuple[int, int]:
    """Leave out halves of words at both ends, on either side: `unhappy` is not `happy`."""
    text, at = sides[0].text, sides[0].at
    start, end = 0, length
    while start < end and any(side.is_inner(start) for side in sides):
        start += 1
    while end > start and any(side.is_inner(end) for side in sides):
        end -= 1
    while start < end and text[at + start] == " ":
        start += 1
    while end > start and text[at + end - 1] == " ":
        end -= 1
    return start, end


def _is_letter(char: str) -> bool:
    return char.isalnum() or char in "'_"
