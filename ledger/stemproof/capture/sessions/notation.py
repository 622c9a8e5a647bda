"""What the readers of written music share: parts with exact times become tracks.

Positions and lengths are fractions of quarter notes until the whole score is known; then one
`ppq` is chosen that holds all of them exactly. Tied notes become one. Everything is as written:
repeats are not played out, and where a sign stands on the page is not kept. No I/O.
"""

from __future__ import annotations

import hashlib
import math
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from itertools import accumulate
from operator import attrgetter
from typing import Final, NamedTuple

from stemproof.errors import BadInput

from .model import (
    Clip,
    ClipKind,
    Device,
    Marker,
    Mixer,
    Moment,
    Note,
    Parameter,
    Session,
    TempoPoint,
    Track,
    TrackKind,
    Unit,
)
from .numbers import parse_integer
from .parts import count_parts, find_finest
from .signs import Sign

MAX_XML_BYTES: Final = 48 << 20
"""The largest score that is parsed: a whole opera has a third of it."""
MAX_NOTES: Final = 2_000_000
MAX_PARTS: Final = 5_000
WRITTEN_VELOCITY: Final = 80
"""Paper has no velocity: notes get the one of mezzo-forte unless the score sets another."""
DEFAULT_BPM: Final = "120"
# 1024th notes, triplets, quintuplets and septuplets in one score need 80,640.
_COARSEST_PPQ: Final = 480
_FINEST_PPQ: Final = 10_000_000
# Exporters that count in coarse divisions round tuplets: a tie may miss its end by this much.
_TIE_GAP: Final = Fraction(1, 8)
# Ties that nobody ends pile up: no more than so many are looked through.
_OPEN_TIES: Final = 16
_FRACTION = re.compile(r"(-?\d{1,6})/(\d{1,6})", re.ASCII)
_SHARP_KEYS: Final = ("C", "G", "D", "A", "E", "B", "F sharp", "C sharp")
_FLAT_KEYS: Final = ("C", "F", "B flat", "E flat", "A flat", "D flat", "G flat", "C flat")


class Tone(NamedTuple):
    """One written note head; `starts_tie` and `ends_tie` bind it to its neighbours."""

    pitch: int
    start: Fraction
    length: Fraction
    velocity: int
    staff: int
    starts_tie: bool = False
    ends_tie: bool = False
    muted: bool = False


@dataclass(slots=True)
class Part:
    """One player's part, while it is read."""

    name: str
    devices: tuple[Device, ...] = ()
    mixer: Mixer = field(default_factory=Mixer)
    parameters: tuple[Parameter, ...] = ()
    tones: list[Tone] = field(default_factory=list)
    signs: list[Sign] = field(default_factory=list)


class Measure(NamedTuple):
    """One bar as it is written: where it begins, how long it is, and the metre in force."""

    start: Fraction
    length: Fraction
    metre: tuple[int, int]


@dataclass(slots=True)
class Score:
    """All parts and what belongs to them together, while it is read."""

    parts: list[Part] = field(default_factory=list)
    measures: list[Measure] = field(default_factory=list)
    tempos: dict[Fraction, str] = field(default_factory=dict)
    keys: dict[Fraction, str] = field(default_factory=dict)
    markers: list[Marker] = field(default_factory=list)
    parameters: list[Parameter] = field(default_factory=list)
    busses: tuple[Track, ...] = ()


def parse_fraction(text: str, what: str) -> Fraction:
    """Read `3/8`, as a fraction of a whole note."""
    found = _FRACTION.fullmatch(text)
    if found is None or int(found[2]) == 0:
        raise BadInput(f"{what} is {text!r:.40}, want a fraction like 3/8")
    return Fraction(int(found[1]), int(found[2]))


def parse_metre(over: str, under: str) -> tuple[int, int]:
    """Read a time signature."""
    metre = parse_integer(over, "the time signature"), parse_integer(under, "the time signature")
    if not (0 < metre[0] < 1000 and 0 < metre[1] <= 1024):
        raise BadInput(f"the time signature is {over:.20}/{under:.20}, want two positive numbers")
    return metre


def bpm_text(bpm: Fraction) -> str:
    """Write a tempo, in quarter notes a minute."""
    if not 1 <= bpm <= 10_000:
        raise BadInput(f"the tempo is {float(bpm):g}, want 1 to 10000")
    # MuseScore stores beats a second with six digits: finer than this is rounding.
    return f"{float(bpm):.2f}".rstrip("0").rstrip(".")


def key_name(fifths: int) -> str:
    """Name a key signature by its major key and the number of its signs."""
    if not -7 <= fifths <= 7:
        return f"{fifths} fifths"
    names = _SHARP_KEYS if fifths >= 0 else _FLAT_KEYS
    signs = {0: "no sign", 1: "1 sharp", -1: "1 flat"}.get(
        fifths, f"{abs(fifths)} {'sharps' if fifths > 0 else 'flats'}"
    )
    return f"{names[abs(fifths)]} ({signs})"


def build_session(
    score: Score,
    *,
    program: tuple[str, str, str],
    data: bytes,
    unread: Mapping[str, int],
) -> Session:
    """Make the session of a score; `program` is the format, the application and its version."""
    if len(score.parts) > MAX_PARTS:
        raise BadInput(f"the score has {len(score.parts)} parts, want at most {MAX_PARTS}")
    if sum(len(part.tones) for part in score.parts) > MAX_NOTES:
        raise BadInput(f"the score has more than {MAX_NOTES} notes")
    ppq = _find_ppq(t for p in score.parts for tone in p.tones for t in (tone.start, tone.length))
    tempo = _tempo_points(score)
    tracks = (*(_track(part, ppq) for part in score.parts), *score.busses)
    markers = tuple(sorted(set(score.markers), key=lambda m: (m.at.value, m.name)))
    parameters = (*score.parameters, *_key_parameter(score), _length_parameter(score))
    said = repr((tempo, tracks, markers, parameters))
    return Session(
        format=program[0],
        application=program[1],
        version=program[2],
        digest=hashlib.sha256(data).hexdigest(),
        # Of what was understood: layout, fonts and page breaks are no decisions.
        content_digest=hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest(),
        size=len(data),
        tempo=tempo,
        tracks=tracks,
        markers=markers,
        parameters=parameters,
        unread=tuple(sorted(unread.items())),
    )


def join_ties(tones: Iterable[Tone]) -> list[Tone]:
    """Make one note of those that ties bind, on one staff and at one pitch."""
    joined: list[Tone] = []
    waiting: defaultdict[tuple[int, int], list[tuple[Fraction, int]]] = defaultdict(list)
    for tone in _in_order(list(tones)):
        if not (tone.starts_tie or tone.ends_tie):
            joined.append(tone)
            continue
        open_ties = waiting[(tone.staff, tone.pitch)]
        place = _find_tie(open_ties, tone.start) if tone.ends_tie else None
        end = tone.start + tone.length
        if place is None:
            index = len(joined)
            joined.append(tone)
        else:
            _, index = open_ties.pop(place)
            held = joined[index]
            joined[index] = held._replace(length=max(held.length, end - held.start))
        if tone.starts_tie:
            open_ties.append((end, index))
    return joined


def _in_order(tones: list[Tone]) -> list[Tone]:
    """Sort by start and length; as whole numbers, which compare ten times as fast as fractions."""
    finest = find_finest(time for tone in tones for time in (tone.start, tone.length))
    if finest is None:
        return sorted(tones, key=lambda t: (t.start, t.length))
    whole = partial(count_parts, parts=finest)
    return sorted(tones, key=lambda t: (whole(t.start), whole(t.length)))


def _find_tie(open_ties: Sequence[tuple[Fraction, int]], start: Fraction) -> int | None:
    """Find the tie that waits for a note at this place: the last of those that end nearest."""
    found, least = None, _TIE_GAP
    for place in range(len(open_ties) - 1, max(-1, len(open_ties) - 1 - _OPEN_TIES), -1):
        gap = abs(open_ties[place][0] - start)
        if gap < least or (gap == least and found is None):
            found, least = place, gap
    return found


def move_under(
    tones: Iterable[Tone], lines: Iterable[tuple[Fraction, Fraction, int]]
) -> list[Tone]:
    """Join ties, then move by semitones what begins under an ottava line (begin, end, shift)."""
    # A tied note goes on as it began, even where the line ends before it does.
    joined = [tone._replace(starts_tie=False, ends_tie=False) for tone in join_ties(tones)]
    starts = [tone.start for tone in joined]
    steps = [0] * (len(joined) + 1)
    for begin, end, shift in lines:
        first, last = bisect_left(starts, begin), bisect_left(starts, end)
        if first < last:
            steps[first] += shift
            steps[last] -= shift
    for index, shift in enumerate(accumulate(steps[:-1])):
        tone = joined[index]
        if shift and 0 <= tone.pitch + shift <= 127:
            joined[index] = tone._replace(pitch=tone.pitch + shift)
    return joined


def _track(part: Part, ppq: int) -> Track:
    ticks = partial(count_parts, parts=ppq)
    notes = [
        Note(t.pitch, ticks(t.start), ticks(t.length), t.velocity, muted=t.muted)
        for t in join_ties(part.tones)
    ]
    notes.sort()
    notes.sort(key=attrgetter("start", "pitch", "length"))
    clip = Clip(
        ClipKind.NOTES,
        "",
        Moment(Fraction(0)),
        # It follows from the number of bars, which the session tells once.
        Moment(Fraction(0)),
        notes=tuple(notes),
        ppq=ppq,
        signs=_signs(part),
    )
    return Track(
        part.name,
        TrackKind.INSTRUMENT,
        mixer=part.mixer,
        devices=part.devices,
        clips=(clip,),
        parameters=part.parameters,
    )


def _signs(part: Part) -> tuple[Sign, ...]:
    """Put each sign once, those of one kind and line in order of their places."""
    signs = set(part.signs)
    finest = find_finest(sign.at for sign in signs)
    if finest is None:
        return tuple(sorted(signs, key=lambda s: (s.kind, s.line, s.at, s.text)))
    return tuple(sorted(signs, key=lambda s: (s.kind, s.line, count_parts(s.at, finest), s.text)))


def _find_ppq(times: Iterable[Fraction]) -> int:
    ppq = _COARSEST_PPQ
    for denominator in sorted({time.denominator for time in times}):
        finer = math.lcm(ppq, denominator)
        # What does not fit any more is rounded to the nearest tick.
        ppq = finer if finer <= _FINEST_PPQ else ppq
    return ppq


def _tempo_points(score: Score) -> tuple[TempoPoint, ...]:
    """Merge tempo marks and metres; a bar shorter or longer than its metre has its own."""
    metres: dict[Fraction, tuple[int, int]] = {}
    last: tuple[int, int] | None = None
    for measure in score.measures:
        metre = _true_metre(measure)
        if metre != last:
            metres[measure.start] = last = metre
    metre, bpm = (4, 4), DEFAULT_BPM
    points: list[TempoPoint] = []
    for at in sorted({Fraction(0), *metres, *score.tempos}):
        metre, bpm = metres.get(at, metre), score.tempos.get(at, bpm)
        point = TempoPoint(Moment(at), bpm, metre[0], metre[1])
        if not points or (points[-1].bpm, points[-1].numerator, points[-1].denominator) != (
            bpm,
            *metre,
        ):
            points.append(point)
    return tuple(points)


def _true_metre(measure: Measure) -> tuple[int, int]:
    over, under = measure.metre
    if measure.length == Fraction(over * 4, under) or measure.length <= 0:
        return measure.metre
    beats = measure.length * under / 4
    if beats.denominator == 1:
        return (int(beats), under)
    part = measure.length / 4
    return (part.numerator, part.denominator)


def _key_parameter(score: Score) -> Sequence[Parameter]:
    if not score.keys:
        return ()
    changes: list[tuple[Fraction, str]] = []
    for at in sorted(score.keys):
        name = score.keys[at]
        if not changes or changes[-1][1] != name:
            changes.append((at, name))
    if len(changes) == 1:
        return (Parameter("key", changes[0][1], Unit.TEXT),)
    bars = {measure.start: number for number, measure in enumerate(score.measures, 1)}
    told = [name if at == 0 else f"{name} from bar {bars.get(at, '?')}" for at, name in changes]
    return (Parameter("key", "; ".join(told), Unit.TEXT),)


def _length_parameter(score: Score) -> Parameter:
    return Parameter("number of bars", str(len(score.measures)))
