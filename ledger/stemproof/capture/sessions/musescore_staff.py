"""One staff of a MuseScore score, bar by bar: notes, words and signs with their exact places.

From version 3 on each voice of a bar is a `<voice>` that begins with the bar, and `<location>`
moves within it; tuplets and ties are brackets in the stream. In version 2 everything stands in
one row: `<tick>` says where a voice begins again, tuplets and ties have numbers.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from stemproof.errors import BadInput

from .model import Marker, Moment
from .musescore_signs import MARKS, chord_name, read_articulation, word_of
from .notation import (
    WRITTEN_VELOCITY,
    Measure,
    Part,
    Score,
    Tone,
    bpm_text,
    key_name,
    move_under,
    parse_fraction,
    parse_metre,
)
from .numbers import parse_decimal, parse_integer
from .places import bound_ratio, step
from .signs import Sign, SignKind

if TYPE_CHECKING:
    from lxml.etree import _Element

_VALUES: Final = (
    *("long", "breve", "whole", "half", "quarter", "eighth", "16th", "32nd", "64th"),
    *("128th", "256th", "512th", "1024th"),
)
_QUARTERS: Final[dict[str, Fraction]] = {
    name: Fraction(16) / 2**power for power, name in enumerate(_VALUES)
}
_OTTAVAS: Final = {"8va": 12, "8vb": -12, "15ma": 24, "15mb": -24, "22ma": 36, "22mb": -36}
# Clefs, beams, stems and line breaks: how it looks and not what it says.
_LAYOUT: Final = frozenset(
    {
        *("Clef", "Beam", "LayoutBreak", "StemDirection", "BarLine", "eid", "irregular", "len"),
        *("vspacerUp", "vspacerDown", "vspacerFixed", "vspacer", "stretch", "startRepeat"),
        *("endRepeat", "noOffset", "measureNumberMode", "linked", "linkedMain", "linkedTo"),
        *("breakMultiMeasureRest", "visible", "multiMeasureRest", "Spacer", "Ambitus", "move"),
        *("MeasureNumber", "MMRestRange", "slashStyle", "endSpanner", "Segment", "offset"),
    }
)
_WORDS: Final = {
    "StaffText": SignKind.DIRECTIONS,
    "SystemText": SignKind.DIRECTIONS,
    "Expression": SignKind.DIRECTIONS,
    "PlayTechAnnotation": SignKind.DIRECTIONS,
    "InstrumentChange": SignKind.DIRECTIONS,
    "TripletFeel": SignKind.DIRECTIONS,
    "Sticking": SignKind.DIRECTIONS,
}
_MAX_TUPLETS: Final = 100_000
# One in another is rare, three deep are not heard of.
_MAX_NESTED: Final = 8
_GRACES: Final = ("acciaccatura", "appoggiatura")
_TIES: Final = frozenset({"Spanner", "Tie", "endSpanner"})


class StaffReader:
    """Reads one staff into its part; staff 0 also tells the bars of the whole score."""

    def __init__(
        self,
        score: Score,
        part: Part,
        number: int,
        division: int,
        unread: Counter[str],
        has_voices: bool,
    ) -> None:
        self._score, self._part, self._number = score, part, number
        self._division, self._unread, self._has_voices = division, unread, has_voices
        self._at = Fraction(0)
        self._length = Fraction(4)
        self._stack: list[Fraction] = []
        self._tuplets: dict[str, tuple[Fraction, int]] = {}
        self._ties: set[str] = set()
        self._ottavas: list[tuple[Fraction, int, str]] = []
        self._shifts: list[tuple[Fraction, Fraction, int]] = []
        self._first = len(part.tones)

    def read(self, staff: _Element, *, tells_keys: bool) -> None:
        """Read all bars of the staff."""
        begin, metre = Fraction(0), (4, 4)
        for node in staff:
            if node.tag != "Measure" or node.find("multiMeasureRest") is not None:
                # Frames are layout; a rest over many bars stands beside the bars themselves.
                continue
            metre = _find_metre(node, metre)
            self._length = Fraction(4 * metre[0], metre[1])
            if node.get("len"):
                self._length = 4 * parse_fraction(node.get("len", ""), "a bar's length")
            if self._length <= 0:
                raise BadInput("a bar has no length, want a fraction above 0")
            if self._number == 0:
                self._score.measures.append(Measure(begin, self._length, metre))
            self._read_measure(node, begin, tells_keys=tells_keys)
            begin = step(begin, self._length)
        self._shifts += [(start, begin, shift) for start, shift, _ in self._ottavas]
        self._part.tones[self._first :] = move_under(self._part.tones[self._first :], self._shifts)

    def _read_measure(self, node: _Element, begin: Fraction, *, tells_keys: bool) -> None:
        self._read_repeats(node, begin)
        voices = [child for child in node if child.tag == "voice"]
        for voice in voices if self._has_voices else [node]:
            self._at = begin
            self._stack.clear()
            for child in voice:
                self._read_element(child, tells_keys=tells_keys)
        if self._has_voices:
            for child in node:
                if child.tag not in _LAYOUT and child.tag != "voice":
                    self._read_element(child, tells_keys=tells_keys)

    def _read_repeats(self, node: _Element, begin: Fraction) -> None:
        if self._number:
            return
        if node.find("startRepeat") is not None:
            self._mark("repeat begins", begin)
        ends = node.findtext("endRepeat")
        if ends is not None:
            self._mark("repeat ends" + (f" ({ends:.4} times)" if ends != "2" else ""), begin)

    def _mark(self, name: str, at: Fraction) -> None:
        self._score.markers.append(Marker(name, Moment(at)))

    def _read_element(self, node: _Element, *, tells_keys: bool) -> None:
        tag = str(node.tag)
        if tag in ("Chord", "Rest", "MeasureRepeat", "RepeatMeasure"):
            self._read_chord(node, tag)
        elif tag == "Tuplet":
            self._begin_tuplet(node)
        elif tag == "endTuplet":
            if self._stack:
                self._stack.pop()
        elif tag == "location":
            moved = node.findtext("fractions")
            if moved is not None:
                self._at = step(self._at, 4 * parse_fraction(moved, "a location"))
        elif tag == "tick":
            ticks = parse_integer(node.text or "", "a tick")
            self._at = step(Fraction(0), Fraction(ticks, self._division))
        elif tag == "KeySig":
            if tells_keys:
                self._read_key(node)
        elif tag == "Spanner" or (not self._has_voices and node.get("id") is not None):
            self._read_spanner(node)
        elif tag not in _LAYOUT and tag != "TimeSig":
            self._read_sign(node, tag)

    def _read_key(self, node: _Element) -> None:
        fifths = node.findtext("concertKey") or node.findtext("accidental") or "0"
        self._score.keys.setdefault(self._at, key_name(parse_integer(fifths, "a key signature")))

    def _read_sign(self, node: _Element, tag: str) -> None:
        if tag == "Tempo":
            pace = 60 * parse_decimal(node.findtext("tempo", "2"), "the tempo")
            self._score.tempos.setdefault(self._at, bpm_text(pace))
        elif tag == "Dynamic":
            self._sign(SignKind.DYNAMICS, word_of(node.find("subtype")) or word_of(node))
        elif tag == "Harmony":
            self._sign(SignKind.CHORDS, chord_name(node))
        elif tag == "FretDiagram":
            harmony = node.find("Harmony")
            if harmony is not None:
                self._sign(SignKind.CHORDS, chord_name(harmony))
        elif tag in ("Fermata", "Breath"):
            self._sign(SignKind.ARTICULATIONS, tag.lower())
        elif tag == "RehearsalMark":
            self._mark(word_of(node.find("text")), self._at)
        elif tag in ("Marker", "Jump"):
            text = word_of(node.find("text"))
            # Segno and coda may be glyphs of a music font, which no terminal has.
            label = word_of(node.find("label")) or word_of(node.find("jumpTo"))
            self._mark(text if text.isprintable() and text else label, self._at)
        elif tag in _WORDS:
            self._sign(_WORDS[tag], word_of(node.find("text")))
        elif tag == "HairPin":
            self._read_spanner(node)
        else:
            self._unread[tag[:40]] += 1

    def _sign(self, kind: SignKind, text: str, line: int = 1) -> None:
        if text:
            self._part.signs.append(Sign(kind, self._at, text, line))

    def _begin_tuplet(self, node: _Element) -> None:
        normal = parse_integer(node.findtext("normalNotes", "2"), "a tuplet")
        actual = parse_integer(node.findtext("actualNotes", "3"), "a tuplet")
        if not (0 < normal < 10_000 and 0 < actual < 10_000):
            raise BadInput(f"a tuplet is {actual} in the time of {normal}, want two small numbers")
        if self._has_voices:
            outer, depth = (self._stack[-1] if self._stack else Fraction(1)), len(self._stack)
        else:
            outer, depth = self._tuplets.get(node.findtext("Tuplet", ""), (Fraction(1), 0))
        if depth == _MAX_NESTED:
            raise BadInput(f"tuplets are nested deeper than {_MAX_NESTED}")
        ratio = bound_ratio(outer * Fraction(normal, actual), "a tuplet of tuplets")
        if self._has_voices:
            self._stack.append(ratio)
        elif len(self._tuplets) < _MAX_TUPLETS:
            self._tuplets[node.get("id", "")] = ratio, depth + 1

    def _read_chord(self, node: _Element, tag: str) -> None:
        parts = [(str(child.tag), child) for child in node]
        is_grace = any(name in _GRACES or name.startswith("grace") for name, _ in parts)
        length = Fraction(0) if is_grace else self._duration(node)
        if tag == "Chord":
            for name, child in parts:
                if name == "Note":
                    self._read_note(child, length)
            for name, child in parts:
                self._read_of_chord(name, child)
        if not is_grace:
            self._at = step(self._at, length)

    def _duration(self, node: _Element) -> Fraction:
        kind = node.findtext("durationType", "measure")
        if kind == "measure":
            return self._written_duration(node)
        plain = _quarters(kind, node.findtext("dots", "0"))
        ratio = self._stack[-1] if self._stack else None
        if not self._has_voices and self._tuplets:
            ratio, _ = self._tuplets.get(node.findtext("Tuplet", ""), (None, 0))
        return plain if ratio is None else plain * ratio

    def _written_duration(self, node: _Element) -> Fraction:
        child = node.find("duration")
        if child is None:
            return self._length
        text = child.text or f"{child.get('z', '')}/{child.get('n', '')}"
        return 4 * parse_fraction(text.strip(), "a rest's length")

    def _read_note(self, node: _Element, length: Fraction) -> None:
        # Once through what it holds, since a score has half a million notes.
        texts: dict[str, str] = {}
        for child in node:
            texts.setdefault(str(child.tag), child.text or "")
        pitch = parse_integer(texts.get("pitch", ""), "a note's pitch")
        if not 0 <= pitch <= 127:
            raise BadInput(f"a note's pitch is {pitch}, want 0 to 127")
        starts, ends = (False, False) if _TIES.isdisjoint(texts) else self._ties_of(node)
        velocity = _velocity(texts)
        is_mute = texts.get("play") == "0"
        self._part.tones.append(
            Tone(pitch, self._at, length, velocity, self._number, starts, ends, is_mute)
        )

    def _ties_of(self, note: _Element) -> tuple[bool, bool]:
        starts = ends = False
        for child in note:
            if child.tag == "Spanner" and child.get("type") == "Tie":
                starts |= child.find("next") is not None
                ends |= child.find("prev") is not None
            elif child.tag == "Tie" and child.get("id") is not None:
                starts = True
                self._ties.add(child.get("id", ""))
            elif child.tag == "endSpanner":
                ends |= child.get("id", "") in self._ties
        return starts, ends

    def _read_of_chord(self, tag: str, node: _Element) -> None:
        if tag in MARKS:
            self._sign(SignKind.ARTICULATIONS, read_articulation(node, tag))
        elif tag == "Lyrics":
            verse = parse_integer(node.findtext("no", "0"), "a verse") + 1
            goes_on = node.findtext("syllabic") in ("begin", "middle")
            text = word_of(node.find("text"))
            self._sign(SignKind.LYRICS, text + "-" * (goes_on and bool(text)), verse)
        elif tag == "Spanner":
            self._read_spanner(node)

    def _read_spanner(self, node: _Element) -> None:
        """Read the beginning or the end of what spans notes: hairpin, ottava, slur, volta."""
        kind = node.get("type") or str(node.tag)
        body = node.find(kind) if node.get("type") else node
        if kind == "Ottava":
            self._read_ottava(body)
        elif body is None or (node.get("type") and node.find("next") is None):
            # Version 3 marks both ends; the first one tells all.
            return
        elif kind == "HairPin":
            is_less = body.findtext("subtype", "0") in ("1", "3", "decrescendo")
            self._sign(SignKind.DYNAMICS, "dim." if is_less else "cresc.")
        elif kind == "Volta":
            if not self._number:
                self._mark(f"ending {word_of(body.find('beginText')) or '?'}", self._at)
        elif kind in ("TextLine", "PalmMute", "LetRing", "Vibrato", "Pedal", "Trill", "Slur"):
            self._sign(SignKind.ARTICULATIONS, kind.lower())
        elif kind not in _LAYOUT and kind != "Tie":
            self._sign(SignKind.ARTICULATIONS, kind.lower()[:40])

    def _read_ottava(self, body: _Element | None) -> None:
        if body is not None:
            shift = _OTTAVAS.get(body.findtext("subtype", "8va"), 0)
            self._ottavas.append((self._at, shift, body.get("id", "")))
        elif self._ottavas:
            begin, shift, _ = self._ottavas.pop()
            self._shifts.append((begin, self._at, shift))


def _find_metre(measure: _Element, metre: tuple[int, int]) -> tuple[int, int]:
    for path in ("voice/TimeSig", "TimeSig"):
        node = measure.find(path)
        if node is not None:
            return parse_metre(node.findtext("sigN", "4"), node.findtext("sigD", "4"))
    return metre


# A score repeats a dozen note values all through.
@functools.lru_cache(maxsize=1 << 10)
def _quarters(kind: str, dots_text: str) -> Fraction:
    """Read a note value with its dots."""
    plain = _QUARTERS.get(kind)
    if plain is None:
        raise BadInput(f"a note lasts {kind!r:.40}, want a note value like 'quarter'")
    dots = parse_integer(dots_text, "the dots of a note")
    if not 0 <= dots <= 4:
        raise BadInput(f"a note has {dots} dots, want at most 4")
    return plain * (2 - Fraction(1, 1 << dots))


def _velocity(note: Mapping[str, str]) -> int:
    """Read a velocity that the musician set for this note; what dynamics make of it is playback."""
    text = note.get("velocity")
    if text is None or note.get("veloType") != "user":
        return WRITTEN_VELOCITY
    velocity = parse_integer(text, "a note's velocity")
    return velocity if 0 <= velocity <= 127 else WRITTEN_VELOCITY
