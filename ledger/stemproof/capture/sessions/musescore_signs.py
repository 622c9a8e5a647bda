"""Words and signs of a MuseScore score: chord symbols, articulations, text without its fonts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .numbers import parse_integer

if TYPE_CHECKING:
    from lxml.etree import _Element

# The line of fifths: "tonal pitch class" 13 is F, 14 is C, 20 is F sharp (MuseScore's tpc).
_FIFTHS: Final = "FCGDAEB"
_FIRST_NATURAL: Final = 13
_LONGEST_WORD: Final = 500
MARKS: Final = frozenset(
    {"Articulation", "Ornament", "Arpeggio", "Tremolo", "TremoloSingleChord", "TremoloTwoChord"}
)
_SIDES: Final = ("Above", "Below")
_FAMILIES: Final = ("artic", "ornament", "strings", "brass", "guitar", "lute", "keyboard")


def word_of(node: _Element | None) -> str:
    """Give the text of an element without its fonts, on one line."""
    if node is None:
        return ""
    text = "".join(node.itertext()) if len(node) else node.text or ""
    return " ".join(text.split())[:_LONGEST_WORD]


def chord_name(node: _Element) -> str:
    """Write a chord symbol: root, quality, bass."""
    info = node.find("harmonyInfo")
    info = node if info is None else info
    name = word_of(info.find("name"))
    root, bass = _degree(info.findtext("root")), _degree(info.findtext("base"))
    bass = bass or _degree(info.findtext("bass"))
    return f"{root}{name}" + (f"/{bass}" if bass else "")


def read_articulation(node: _Element, tag: str) -> str:
    """Name an articulation or ornament; on which side of the note it stands is layout."""
    name = word_of(node.find("subtype"))
    for side in _SIDES:
        name = name.removesuffix(side)
    for family in _FAMILIES:
        if name != family:
            name = name.removeprefix(family)
    if tag.startswith(("Arpeggio", "Tremolo")):
        name = f"{tag[:8].lower().removesuffix('o') + 'o'} {name}".strip()
    return name[:1].lower() + name[1:]


def _degree(text: str | None) -> str:
    if text is None or not text.strip():
        return ""
    number = parse_integer(text.strip(), "the root of a chord symbol")
    if not -8 <= number - _FIRST_NATURAL <= 40:
        return ""
    signs, place = divmod(number - _FIRST_NATURAL, len(_FIFTHS))
    return _FIFTHS[place] + ("#" * signs if signs > 0 else "b" * -signs)
