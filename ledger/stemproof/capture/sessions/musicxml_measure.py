"""One bar of MusicXML: a cursor in divisions of a quarter note that `backup` sets back.

A bar holds notes, `backup` and `forward` between voices, and attributes, directions, harmony
and barlines at the place of the cursor. A `chord` note begins with the note before it.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from stemproof.errors import BadInput

from .model import Marker, Moment
from .musicxml_signs import chord_name, dynamics_of, marks_of, metronome_bpm
from .notation import (
    WRITTEN_VELOCITY,
    Part,
    Score,
    Tone,
    bpm_text,
    key_name,
    parse_metre,
)
from .numbers import is_decimal, parse_decimal, parse_integer
from .places import bound_ratio, step, step_back
from .signs import Sign, SignKind

if TYPE_CHECKING:
    from lxml.etree import _Element

_STEPS: Final = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
# Forte, of which MusicXML gives a note's loudness in percent.
_FORTE: Final = 90
_MAX_DIVISIONS: Final = 10_000_000
_MAX_SUMMANDS: Final = 64
"""Of one time signature; 3+2+2/8 has three."""
_LAYOUT: Final = frozenset({"print", "bookmark", "link", "grouping", "footnote", "level"})
_WEDGES: Final = {"crescendo": "cresc.", "diminuendo": "dim."}
# How they are drawn; the pitch under an octave line is the sounding one already.
_DRAWN: Final = frozenset({"octave-shift", "dashes", "bracket", "image", "metronome", "scordatura"})


def bar_length(
    measure: _Element, divisions: int, metre: tuple[int, int]
) -> tuple[Fraction, int, tuple[int, int]]:
    """Measure a bar without reading it; give the divisions and the metre in force after it."""
    at = longest = Fraction(0)
    for node in measure:
        if node.tag == "attributes":
            divisions = _divisions(node, divisions)
            metre = _metre(node, metre)
        elif node.tag in ("note", "backup", "forward"):
            if node.find("chord") is None and node.find("grace") is None:
                length = _duration(node, divisions)
                is_back = node.tag == "backup"
                at = step_back(at, length, Fraction(0)) if is_back else step(at, length)
                longest = max(longest, at)
    return longest, divisions, metre


def is_transposing(measures: Iterable[_Element | None]) -> bool:
    """Tell whether a part is written at another pitch than it sounds."""
    return any(m is not None and m.find("attributes/transpose") is not None for m in measures)


def _divisions(attributes: _Element, divisions: int) -> int:
    text = attributes.findtext("divisions")
    if text is None:
        return divisions
    found = parse_integer(text.strip(), "the divisions of a quarter note")
    if not 0 < found <= _MAX_DIVISIONS:
        raise BadInput(f"a quarter note has {found} divisions, want 1 to {_MAX_DIVISIONS}")
    return found


def _metre(attributes: _Element, metre: tuple[int, int]) -> tuple[int, int]:
    node = attributes.find("time")
    if node is None or node.find("senza-misura") is not None:
        return metre
    # 3+2/8 is written as such; several pairs are played one after the other.
    total, count = Fraction(0), 0
    under = metre[1]
    for beats, kind in zip(node.iterfind("beats"), node.iterfind("beat-type"), strict=False):
        summands = (beats.text or "").split("+", _MAX_SUMMANDS)
        count += len(summands)
        if count > _MAX_SUMMANDS:
            raise BadInput(f"a time signature has more than {_MAX_SUMMANDS} summands")
        for over in summands:
            pair = parse_metre(over.strip(), (kind.text or "").strip())
            under = max(under, pair[1]) if total else pair[1]
            total = bound_ratio(total + Fraction(*pair), "a time signature")
    if total <= 0:
        return metre
    whole = total * under
    return (int(whole), under) if whole.denominator == 1 else (total.numerator, total.denominator)


def _duration(node: _Element, divisions: int) -> Fraction:
    text = node.findtext("duration")
    return Fraction(0) if text is None else _length(text, divisions)


# A score repeats a few dozen lengths, keys and alterations thousands of times.
@functools.lru_cache(maxsize=1 << 12)
def _length(text: str, divisions: int) -> Fraction:
    length = parse_decimal(text.strip(), "a duration") / divisions
    if length < 0:
        raise BadInput(f"a duration is {text:.40}, want none below 0")
    return length


@functools.lru_cache(maxsize=1 << 8)
def _alteration(text: str) -> tuple[int, bool]:
    """Read by how many keys a note is altered, and whether that is rounded."""
    alter = parse_decimal(text.strip() or "0", "an alteration")
    return round(alter), alter.denominator != 1


class MeasureReader:
    """Reads the bars of one part; the first part also tells what belongs to the whole score."""

    def __init__(
        self,
        score: Score,
        part: Part,
        drum_keys: Mapping[str, int],
        unread: Counter[str],
        *,
        is_first: bool,
    ) -> None:
        self._score, self._part, self._drum_keys = score, part, drum_keys
        self._unread, self._is_first = unread, is_first
        self._divisions = 1
        self._transpose: dict[str, int] = {}
        self._begin = self._at = self._previous = Fraction(0)
        self._tells_keys = False

    def read(self, measure: _Element, begin: Fraction, *, tells_keys: bool) -> None:
        """Read one bar that begins at a place."""
        self._begin = self._at = self._previous = begin
        self._tells_keys = tells_keys
        for node in measure:
            tag = str(node.tag)
            if tag == "note":
                self._read_note(node)
            elif tag == "backup":
                length = _duration(node, self._divisions)
                self._at = step_back(self._at, length, self._begin)
            elif tag == "forward":
                self._at = step(self._at, _duration(node, self._divisions))
            elif tag == "attributes":
                self._read_attributes(node)
            elif tag == "direction":
                self._read_direction(node)
            elif tag == "harmony":
                self._sign(SignKind.CHORDS, chord_name(node), self._offset(node))
            elif tag == "barline":
                self._read_barline(node)
            elif tag == "sound":
                self._read_tempo(node, self._at)
            elif tag not in _LAYOUT:
                self._unread[tag[:40]] += 1

    def _read_attributes(self, node: _Element) -> None:
        self._divisions = _divisions(node, self._divisions)
        for transpose in node.iterfind("transpose"):
            chromatic = parse_decimal(
                transpose.findtext("chromatic", "0").strip(), "a transposition"
            )
            octaves = parse_integer(
                transpose.findtext("octave-change", "0").strip(), "a transposition"
            )
            shift = round(chromatic) + 12 * octaves
            if not -127 <= shift <= 127:
                raise BadInput(f"a transposition is {shift} semitones, want at most 127")
            self._transpose[transpose.get("number", "")] = shift
        fifths = node.findtext("key/fifths")
        if fifths is not None and self._tells_keys:
            self._score.keys.setdefault(
                self._at, key_name(parse_integer(fifths.strip(), "a key signature"))
            )

    def _read_note(self, node: _Element) -> None:
        is_chord, is_grace = node.find("chord") is not None, node.find("grace") is not None
        length = Fraction(0) if is_grace else _duration(node, self._divisions)
        start = self._previous if is_chord else self._at
        if node.find("rest") is None:
            self._add_tone(node, start, length)
            self._read_lyrics(node, start)
        for mark in marks_of(node):
            self._sign(SignKind.ARTICULATIONS, mark, start)
        if not is_chord:
            self._previous = self._at
            self._at = step(self._at, length)

    def _add_tone(self, node: _Element, start: Fraction, length: Fraction) -> None:
        pitch = self._pitch(node)
        if pitch is None:
            self._unread["note without a pitch"] += 1
            return
        ties = {tie.get("type") for tie in node.iterfind("tie")}
        self._part.tones.append(
            Tone(
                pitch,
                start,
                length,
                _velocity(node),
                _staff(node),
                "start" in ties,
                "stop" in ties,
                # A cue is silent, but some programs write every small note as one.
                node.find("cue") is not None,
            )
        )

    def _pitch(self, node: _Element) -> int | None:
        pitch = node.find("pitch")
        if pitch is None:
            return self._drum_pitch(node)
        key = _key(pitch.findtext("step"), pitch.findtext("octave"))
        if key is None:
            return None
        alter, is_rounded = _alteration(pitch.findtext("alter", "0"))
        if is_rounded:
            self._unread["microtone"] += 1
        staff = node.findtext("staff", "")
        shift = self._transpose.get(staff, self._transpose.get("", 0))
        sounding = key + alter + shift
        return sounding if 0 <= sounding <= 127 else None

    def _drum_pitch(self, node: _Element) -> int | None:
        unpitched = node.find("unpitched")
        if unpitched is None:
            return None
        instrument = node.find("instrument")
        named = "" if instrument is None else instrument.get("id", "")
        if named in self._drum_keys:
            return self._drum_keys[named]
        shown = _key(unpitched.findtext("display-step"), unpitched.findtext("display-octave"))
        return shown if shown is not None and 0 <= shown <= 127 else None

    def _read_lyrics(self, node: _Element, start: Fraction) -> None:
        for place, lyric in enumerate(node.iterfind("lyric"), 1):
            text = "".join(part.text or "" for part in lyric if part.tag in ("text", "elision"))
            goes_on = lyric.findtext("syllabic") in ("begin", "middle")
            number = lyric.get("number", "")
            plain = number.isascii() and number.isdigit() and 0 < len(number) < 4
            verse = int(number) if plain else place
            text = " ".join(text.split())[:500]
            self._sign(SignKind.LYRICS, text + "-" * (goes_on and bool(text)), start, verse)

    def _read_direction(self, node: _Element) -> None:
        at = self._offset(node)
        sound = node.find("sound")
        has_tempo = sound is not None and self._read_tempo(sound, at)
        for kind in node.iterfind("direction-type"):
            for child in kind:
                self._read_direction_type(child, at)
                if child.tag == "metronome" and not has_tempo:
                    bpm = metronome_bpm(child)
                    if bpm is not None:
                        self._score.tempos.setdefault(at, bpm_text(bpm))

    def _read_direction_type(self, node: _Element, at: Fraction) -> None:
        tag = str(node.tag)
        text = " ".join((node.text or "").split())[:500]
        if tag == "dynamics":
            self._sign(SignKind.DYNAMICS, dynamics_of(node), at)
        elif tag == "wedge":
            self._sign(SignKind.DYNAMICS, _WEDGES.get(node.get("type", ""), ""), at)
        elif tag == "words":
            self._sign(SignKind.DIRECTIONS, text, at)
        elif tag in ("rehearsal", "segno", "coda"):
            if self._is_first:
                self._mark(text or tag, at)
        elif tag == "pedal":
            if node.get("type") in ("start", "sostenuto"):
                self._sign(SignKind.ARTICULATIONS, "pedal", at)
        elif tag not in _DRAWN:
            self._unread[tag[:40]] += 1

    def _read_tempo(self, sound: _Element, at: Fraction) -> bool:
        tempo = sound.get("tempo")
        if tempo is None or not is_decimal(tempo):
            return False
        bpm = parse_decimal(tempo, "the tempo")
        if bpm > 0:
            self._score.tempos.setdefault(at, bpm_text(bpm))
        return True

    def _read_barline(self, node: _Element) -> None:
        if not self._is_first:
            return
        repeat, ending = node.find("repeat"), node.find("ending")
        if ending is not None and ending.get("type") == "start":
            self._mark(f"ending {ending.get('number', '')[:20]}", self._at)
        if repeat is not None and repeat.get("direction") == "forward":
            self._mark("repeat begins", self._begin)
        elif repeat is not None:
            times = repeat.get("times", "2")[:4]
            self._mark("repeat ends" + (f" ({times} times)" if times != "2" else ""), self._begin)

    def _offset(self, node: _Element) -> Fraction:
        text = (node.findtext("offset") or "").strip()
        if not is_decimal(text):
            return self._at
        return max(Fraction(0), self._at + parse_decimal(text, "an offset") / self._divisions)

    def _mark(self, name: str, at: Fraction) -> None:
        self._score.markers.append(Marker(name, Moment(at)))

    def _sign(self, kind: SignKind, text: str, at: Fraction, line: int = 1) -> None:
        if text:
            self._part.signs.append(Sign(kind, at, text, line))


@functools.lru_cache(maxsize=1 << 10)
def _key(name: str | None, octave: str | None) -> int | None:
    steps = _STEPS.get((name or "").strip())
    number = (octave or "").strip()
    if steps is None or not (number.isascii() and number.isdigit() and len(number) < 3):
        return None
    return steps + 12 * (int(number) + 1)


def _velocity(node: _Element) -> int:
    percent = node.get("dynamics", "")
    if not is_decimal(percent):
        return WRITTEN_VELOCITY
    return max(1, min(127, round(parse_decimal(percent, "a note's loudness") * _FORTE / 100)))


def _staff(node: _Element) -> int:
    text = node.findtext("staff", "1").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 1
