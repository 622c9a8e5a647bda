"""REAPER items: position, takes, source, notes, fades, take effects.

The first take's lines stand in the item; each further take starts with a line `TAKE …`,
and `TAKE SEL` marks the active one. `RECPASS` says that REAPER recorded the take.

    SM 0 0 + 1.5 1.25                 stretch markers: place in the item, place in the source
    <SOURCE SECTION                   a part of a source, or a source played backwards
      MODE 2
      <SOURCE WAVE
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from .model import (
    Automation,
    Clip,
    ClipKind,
    MediaRef,
    Moment,
    Parameter,
    Point,
    State,
    Take,
    TimeUnit,
    Unit,
)
from .numbers import parse_decimal, parse_integer
from .rpp_fx import read_chain, read_envelope
from .rpp_midi import MidiData
from .rpp_text import Chunk, split_words

MAX_SOURCE_DEPTH = 8
TAKE_ENVELOPES = {
    "VOLENV": ("take volume", Unit.GAIN),
    "PANENV": ("take pan", Unit.PAN),
    "MUTEENV": ("take mute", Unit.SWITCH),
    "PITCHENV": ("take pitch", Unit.SEMITONES),
}
_PARAMETERS = (
    # line, index, name, unit, default
    ("PLAYRATE", 0, "play rate", Unit.RAW, "1"),
    ("PLAYRATE", 1, "preserve pitch", Unit.SWITCH, "1"),
    ("PLAYRATE", 2, "pitch", Unit.SEMITONES, "0"),
    ("CHANMODE", 0, "channel mode", Unit.RAW, "0"),
)
_ITEM_PARAMETERS = (
    ("VOLPAN", 0, "volume", Unit.GAIN, "1"),
    ("FADEIN", 1, "fade-in", Unit.SECONDS, "0"),
    ("FADEOUT", 1, "fade-out", Unit.SECONDS, "0"),
    ("LOOP", 0, "loop source", Unit.SWITCH, "0"),
)
_TAKE_LEVELS = (
    ("VOLPAN", 2, "take volume", Unit.GAIN, "1"),
    ("VOLPAN", 1, "take pan", Unit.PAN, "0"),
)
_LATER_TAKE_LEVELS = (
    ("TAKEVOLPAN", 1, "take volume", Unit.GAIN, "1"),
    ("TAKEVOLPAN", 0, "take pan", Unit.PAN, "0"),
)


@dataclass(slots=True)
class _TakePart:
    """The lines and chunks of one take."""

    active: bool
    settings: dict[str, list[str]] = field(default_factory=dict)
    chunks: list[Chunk] = field(default_factory=list)
    stretches: list[list[str]] = field(default_factory=list)

    def word(self, key: str, index: int, default: str) -> str:
        words = self.settings.get(key, [])
        return words[index] if index < len(words) else default


def read_item(item: Chunk) -> Clip:
    """Read one item with its active take; the others are listed by name."""
    parts = _split_takes(item)
    first = parts[0]
    active = next((p for p in parts if p.active), first)
    source = next((c for c in active.chunks if c.name == "SOURCE"), None)
    kind, media, midi = _source(source)
    note = next((c for c in active.chunks if c.name == "NOTES"), None)
    levels = _TAKE_LEVELS if active is first else _LATER_TAKE_LEVELS
    parameters = [
        *_parameters(first, _ITEM_PARAMETERS),
        *_parameters(active, (*_PARAMETERS, *levels)),
        Parameter("reversed", "1" if _is_reversed(source) else "0", Unit.SWITCH),
    ]
    if note is not None:
        text = "\n".join(line.removeprefix("|") for line in note.lines())
        parameters.append(Parameter("text", text[:2000], Unit.TEXT))
    takes = tuple(_take(p) for p in parts)
    return Clip(
        kind,
        active.word("NAME", 0, ""),
        _seconds(first.word("POSITION", 0, "0"), "an item's position"),
        _seconds(first.word("LENGTH", 0, "0"), "an item's length"),
        identity=first.word("IGUID", 0, ""),
        offset=_seconds(active.word("SOFFS", 0, "0"), "an item's offset"),
        muted=first.word("MUTE", 0, "0") != "0",
        media=media,
        notes=tuple(midi.notes) if midi else (),
        ppq=midi.ppq if midi else 960,
        controllers=midi.controllers if midi else _opaque(source),
        lanes=midi.lanes if midi else (),
        points=(*_envelopes(active), *_stretches(active)),
        parameters=tuple(parameters),
        devices=tuple(
            d for c in active.chunks if c.name == "TAKEFX" for d in read_chain(c, "take")
        ),
        takes=takes if len(takes) > 1 else (),
        take=active.word("GUID", 0, ""),
        recorded="RECPASS" in active.settings,
    )


def _split_takes(item: Chunk) -> list[_TakePart]:
    parts = [_TakePart(active=False)]
    for child in item.children:
        if isinstance(child, Chunk):
            parts[-1].chunks.append(child)
            continue
        words = split_words(child)
        if words[0] == "TAKE":
            parts.append(_TakePart(active="SEL" in words[1:]))
        elif words[0] == "SM":
            parts[-1].stretches.append(words[1:])
        else:
            parts[-1].settings.setdefault(words[0], words[1:])
    return parts


def _source(source: Chunk | None) -> tuple[ClipKind, MediaRef | None, MidiData | None]:
    for _ in range(MAX_SOURCE_DEPTH):
        # A section or a reversed source wraps the real one.
        inner = source.chunks("SOURCE") if source else []
        if not inner:
            break
        source = inner[0]
    if source is None:
        return ClipKind.EMPTY, None, None
    words = source.words()
    if words[:1] in (["MIDI"], ["MIDIPOOL"]):
        file = source.settings().get("FILE", [])
        return ClipKind.NOTES, MediaRef(file[0]) if file else None, MidiData(source)
    file = source.settings().get("FILE", [])
    return ClipKind.AUDIO, MediaRef(file[0]) if file and file[0] else None, None


def _is_reversed(source: Chunk | None) -> bool:
    if source is None or source.words()[:1] != ["SECTION"]:
        return False
    mode = source.settings().get("MODE", [])
    return bool(mode) and bool(parse_integer(mode[0], "the mode of a section") & 2)


def _stretches(part: _TakePart) -> tuple[Automation, ...]:
    points = []
    for words in part.stretches:
        for group in " ".join(words).split(" + "):
            place = group.split()
            if len(place) > 1:
                at = parse_decimal(place[0], "a stretch marker's place")
                points.append(Point(at, place[1], " ".join(place[2:])))
    if not points:
        return ()
    return (Automation("stretch markers", tuple(points), time_unit=TimeUnit.SECOND),)


def _opaque(source: Chunk | None) -> State | None:
    """Digest a source that is neither a file nor notes (a click, a video processor)."""
    import hashlib

    if source is None or source.settings().get("FILE"):
        return None
    lines = sorted(source.lines())
    text = "\n".join(lines).encode("utf-8", "surrogatepass")
    return State(hashlib.sha256(text).hexdigest(), len(lines)) if lines else None


def _take(part: _TakePart) -> Take:
    source = next((c for c in part.chunks if c.name == "SOURCE"), None)
    media = _source(source)[1] if source is not None and source.words()[:1] != ["MIDI"] else None
    return Take(part.word("GUID", 0, ""), part.word("NAME", 0, ""), media.path if media else "")


def _parameters(
    part: _TakePart, table: tuple[tuple[str, int, str, Unit, str], ...]
) -> list[Parameter]:
    return [Parameter(name, part.word(line, i, base), unit) for line, i, name, unit, base in table]


def _envelopes(part: _TakePart) -> tuple[Automation, ...]:
    found = []
    for chunk in part.chunks:
        if chunk.name in TAKE_ENVELOPES:
            target, unit = TAKE_ENVELOPES[chunk.name]
            envelope = read_envelope(chunk, target, unit)
            if envelope is not None:
                found.append(envelope)
    return tuple(found)


def _seconds(word: str, what: str) -> Moment:
    return Moment(Fraction(parse_decimal(word, what)), TimeUnit.SECOND)
