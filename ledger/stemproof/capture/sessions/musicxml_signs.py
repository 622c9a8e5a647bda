"""Words and signs of MusicXML: chord symbols, dynamics, articulations, metronome marks."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from .numbers import is_decimal, parse_decimal

if TYPE_CHECKING:
    from lxml.etree import _Element

_KINDS: Final = {
    "major": "",
    "minor": "m",
    "augmented": "aug",
    "diminished": "dim",
    "dominant": "7",
    "major-seventh": "maj7",
    "minor-seventh": "m7",
    "diminished-seventh": "dim7",
    "augmented-seventh": "aug7",
    "half-diminished": "m7b5",
    "major-minor": "m(maj7)",
    "major-sixth": "6",
    "minor-sixth": "m6",
    "dominant-ninth": "9",
    "major-ninth": "maj9",
    "minor-ninth": "m9",
    "suspended-second": "sus2",
    "suspended-fourth": "sus4",
    "power": "5",
    "none": "N.C.",
    "other": "",
}
_ALTERS: Final = {"-2": "bb", "-1": "b", "1": "#", "2": "##"}
_BEATS: Final = {
    "whole": Fraction(4),
    "half": Fraction(2),
    "quarter": Fraction(1),
    "eighth": Fraction(1, 2),
    "16th": Fraction(1, 4),
    "32nd": Fraction(1, 8),
}
# Whose beginning alone is a sign; `stop` closes it.
_SPANS: Final = frozenset({"slur", "glissando", "slide"})
_GROUPS: Final = frozenset({"articulations", "ornaments"})


def chord_name(node: _Element) -> str:
    """Write a chord symbol: root, quality, altered degrees, bass."""
    kind = node.find("kind")
    quality = ""
    if kind is not None:
        value = (kind.text or "").strip()
        quality = kind.get("text") or _KINDS.get(value, value)
    root = _degree(node, "root") or (node.findtext("function") or "").strip()
    bass = _degree(node, "bass")
    degrees = "".join(_altered(degree) for degree in node.iterfind("degree"))
    return f"{root}{quality}{degrees}{'/' + bass if bass else ''}"[:100]


def _degree(node: _Element, name: str) -> str:
    letter = (node.findtext(f"{name}/{name}-step") or "").strip()
    return letter + _ALTERS.get((node.findtext(f"{name}/{name}-alter") or "").strip(), "")


def _altered(node: _Element) -> str:
    value = (node.findtext("degree-value") or "").strip()
    alter = _ALTERS.get((node.findtext("degree-alter") or "").strip(), "")
    kind = (node.findtext("degree-type") or "").strip()
    return f"({'no' if kind == 'subtract' else ''}{alter}{value})"


def dynamics_of(node: _Element) -> str:
    """Write what a `dynamics` element holds: `p`, `mf`, or another word."""
    found = []
    for child in node:
        found.append(
            (child.text or "").strip() if child.tag == "other-dynamics" else str(child.tag)
        )
    return " ".join(found)[:40]


def marks_of(note: _Element) -> Iterator[str]:
    """Name the articulations, ornaments, slurs and fermatas of a note."""
    for notations in note.iterfind("notations"):
        for node in notations:
            tag = str(node.tag)
            if tag in _GROUPS:
                yield from (str(child.tag)[:40] for child in node if child.tag != "accidental-mark")
            elif tag in ("fermata", "arpeggiate") or (
                tag in _SPANS and node.get("type") == "start"
            ):
                yield tag
            elif tag == "dynamics":
                yield dynamics_of(node)


def metronome_bpm(node: _Element) -> Fraction | None:
    """Read a printed metronome mark in quarter notes a minute; None where it is a relation."""
    beat = _BEATS.get((node.findtext("beat-unit") or "").strip())
    pace = (node.findtext("per-minute") or "").strip()
    if beat is None or not is_decimal(pace):
        return None
    dots = len(node.findall("beat-unit-dot"))
    bpm = beat * (2 - Fraction(1, 2 ** min(dots, 4))) * parse_decimal(pace, "the tempo")
    return bpm if 1 <= bpm <= 10_000 else None
