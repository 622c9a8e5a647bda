"""Instruments, notes and effects of a Hydrogen song."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from stemproof.errors import BadInput

from .controls import ControlLane
from .model import (
    MEDIA_PARAMETER,
    Clip,
    ClipKind,
    Device,
    Mixer,
    Moment,
    Note,
    Parameter,
    PluginId,
    PluginKind,
    Send,
    Slot,
    State,
    Track,
    TrackKind,
    Unit,
)
from .numbers import is_decimal, parse_decimal, parse_integer

if TYPE_CHECKING:
    from lxml.etree import _Element

TICKS: Final = 48
_KEY: Final = re.compile(r"(C|Cs|D|Ef|E|F|Fs|G|Af|A|Bf|B)(-?\d)", re.ASCII)
_SEMITONES: Final = ("C", "Cs", "D", "Ef", "E", "F", "Fs", "G", "Af", "A", "Bf", "B")
_OWN_PITCH: Final = 60
_EXPRESSIONS: Final = (
    ("lead and lag of notes", "0"),
    ("fine pitch of notes", "0"),
    ("note-off of notes", "false"),
)
_PLAIN: Final = tuple(plain for _, plain in _EXPRESSIONS)
_SENDS: Final = ("FX1Level", "FX2Level", "FX3Level", "FX4Level")
_STRIP: Final = frozenset(
    {"id", "name", "volume", "isMuted", "isSoloed", "pan", "pan_L", "pan_R", "layer", *_SENDS}
)
# Where samples lie, MIDI, and old ways to write the same.
_NOT_MUSIC: Final = frozenset(
    {"drumkitLookup", "midiOutChannel", "midiOutNote", "exclude", "component_id", "lower_cc"}
)
_NOT_SOUND: Final = frozenset({"ismodified", "rubberdivider", "rubberCsettings", "userubber"})
_NESTED: Final = frozenset({"layer", "instrumentComponent", "volume", "pan"})
_ZERO: Final = Moment(Fraction(0))


def is_true(text: str | None) -> bool:
    """Tell whether a switch is on."""
    return text in ("true", "1")


def quarters(ticks: int) -> Moment:
    """Turn ticks into quarter notes."""
    return Moment(Fraction(ticks, TICKS))


@dataclass(slots=True)
class Cell:
    """The notes of one instrument in one pattern."""

    notes: list[Note] = field(default_factory=list)
    expressions: list[tuple[str, ...]] = field(default_factory=list)


def read_notes(
    patterns: Sequence[_Element],
    name_of: Callable[[_Element], str],
    unread: Counter[str],
    most: int,
) -> dict[str, dict[str, Cell]]:
    """Sort the notes of all patterns by instrument and by pattern."""
    found: dict[str, dict[str, Cell]] = {}
    count = 0
    for pattern in patterns:
        name = name_of(pattern)
        if pattern.find("sequenceList") is not None:
            unread["pattern of before 0.9.2"] += 1
        for node in pattern.iterfind("noteList/note"):
            count += 1
            if count > most:
                raise BadInput(f"the Hydrogen song has more than {most} notes")
            told = {str(child.tag): child.text or "" for child in node}
            cells = found.setdefault(told.get("instrument", ""), {})
            _add_note(cells.setdefault(name, Cell()), told)
    return found


def _add_note(cell: Cell, told: Mapping[str, str]) -> None:
    start = parse_integer(told.get("position", ""), "a note's position")
    length = parse_integer(told.get("length", "-1"), "a note's length")
    velocity = parse_decimal(told.get("velocity", "0.8"), "a note's velocity")
    chance = parse_decimal(told.get("probability", "1"), "a note's probability")
    if not (0 <= velocity <= 2 and 0 <= chance <= 1):
        raise BadInput(f"a note has velocity {float(velocity):g} and probability {float(chance):g}")
    pitch = _pitch(told.get("key", "C0"))
    cell.notes.append(
        Note(
            pitch,
            start,
            max(0, length),  # -1 lets the sample ring out
            round(velocity * 127),
            pan=round(parse_decimal(_pan(told), "a note's pan") * 100),
            chance=round(chance * 100),
        )
    )
    rest = (told.get("leadlag", "0"), told.get("pitch", "0"), told.get("note_off", "false"))
    if rest != _PLAIN:
        cell.expressions.append((str(start), str(pitch), *rest))


def _pitch(key: str) -> int:
    match = _KEY.fullmatch(key)
    if match is None:
        raise BadInput(f"a note's key is {key!r:.20}, want one like C0 or Fs-1")
    return _OWN_PITCH + 12 * int(match[2]) + _SEMITONES.index(match[1])


def _pan(told: Mapping[str, str]) -> str:
    """Give a pan of -1 to 1; before 1.1 it was two levels, the larger one whole."""
    if "pan" in told or "pan_L" not in told:
        return told.get("pan") or "0"
    left, right = told["pan_L"] or "1", told.get("pan_R") or "1"
    if not (is_decimal(left) and is_decimal(right)):
        return "0"
    one, two = parse_decimal(left, "a pan"), parse_decimal(right, "a pan")
    largest = max(one, two)
    return f"{float((two - one) / largest):.6g}" if largest > 0 else "0"


def instrument_track(node: _Element, cells: Mapping[str, Cell], unread: Counter[str]) -> Track:
    """Make a track of an instrument: strip, sampler, notes by pattern."""
    told = {str(child.tag): child.text or "" for child in node if not len(child)}
    number = told.get("id", "")
    return Track(
        told.get("name", ""),
        TrackKind.INSTRUMENT,
        identity=f"instrument {number}" if number else "",
        mixer=Mixer(
            volume=Parameter("volume", told.get("volume") or "1", Unit.GAIN),
            pan=Parameter("pan", _pan(told), Unit.PAN),
            mute=is_true(told.get("isMuted")),
            solo=is_true(told.get("isSoloed")),
            output="Master",
            sends=tuple(_sends(told)),
        ),
        devices=(_sampler(node, told, unread),),
        clips=tuple(_clip(name, cell) for name, cell in cells.items()),
    )


def _sends(told: Mapping[str, str]) -> Iterator[Send]:
    for place, name in enumerate(_SENDS, start=1):
        yield Send(f"FX {place}", (Parameter("level", told.get(name) or "0", Unit.GAIN),))


def _lanes(cell: Cell) -> tuple[ControlLane, ...]:
    """Give what single notes carry by name, where it is not the default."""
    found: dict[str, list[tuple[int, ...]]] = {}
    for start, key, *rest in sorted(cell.expressions):
        for (name, plain), text in zip(_EXPRESSIONS, rest, strict=True):
            if text != plain:
                # Only whether it is another value is asked.
                value = int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:6])
                found.setdefault(name, []).append((int(start), int(key), value))
    return tuple(ControlLane(name, tuple(ev), of_notes=True) for name, ev in sorted(found.items()))


def _clip(name: str, cell: Cell) -> Clip:
    state = None
    if cell.expressions:
        digest = hashlib.sha256(repr(sorted(cell.expressions)).encode("utf-8", "replace"))
        state = State(digest.hexdigest(), len(cell.expressions))
    return Clip(
        ClipKind.SLOT,
        name,
        _ZERO,
        _ZERO,
        notes=tuple(sorted(cell.notes, key=lambda n: (n.start, n.pitch, n.length, n.velocity))),
        ppq=TICKS,
        controllers=state,
        lanes=_lanes(cell),
        slot=Slot(name, f"pattern '{name}'"),
    )


def _sampler(node: _Element, told: Mapping[str, str], unread: Counter[str]) -> Device:
    parameters = [
        Parameter(_spaced(name), _number(value))
        for name, value in told.items()
        if name not in _STRIP and name not in _NOT_MUSIC
    ]
    layers = list(node.iterfind("layer"))
    for component in node.iterfind("instrumentComponent"):
        layers += component.iterfind("layer")
        gain = component.findtext("gain")
        if gain is not None:
            parameters.append(Parameter("component gain", gain, Unit.GAIN))
    for place, layer in enumerate(layers, start=1):
        parameters += _layer(layer, place)
    for child in node:
        if len(child) and child.tag not in _NESTED:
            unread[str(child.tag)[:40]] += 1
    ids = (PluginId(PluginKind.NATIVE, "hydrogen:sampler"),)
    return Device("Sampler", ids=ids, role="instrument", parameters=tuple(parameters))


def _layer(layer: _Element, place: int) -> Iterator[Parameter]:
    for child in layer:
        name, value = str(child.tag), child.text or ""
        if name == "filename":
            yield Parameter(MEDIA_PARAMETER, value, Unit.TEXT)
        elif not len(child) and name not in _NOT_SOUND:
            unit = Unit.GAIN if name == "gain" else Unit.RAW
            yield Parameter(f"layer {place} {_spaced(name)}", _number(value), unit)


def _number(value: str) -> str:
    return {"true": "on", "false": "off"}.get(value, value)


def _spaced(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").lower()


def effect_track(node: _Element, place: int) -> Track | None:
    """Make a bus of one of the four effects, if there is a plug-in in it."""
    name = node.findtext("name") or ""
    if name in ("", "no plugin"):
        return None
    library = (node.findtext("filename") or "").replace("\\", "/").rpartition("/")[2]
    parameters = tuple(
        Parameter(port.findtext("name") or "", port.findtext("value") or "")
        for port in node.iterfind("inputControlPort")
    )
    device = Device(
        name,
        ids=(PluginId(PluginKind.LADSPA, library or name),),
        enabled=is_true(node.findtext("enabled")),
        parameters=parameters,
    )
    return Track(
        f"FX {place}",
        TrackKind.BUS,
        identity=f"FX {place}",
        mixer=Mixer(
            volume=Parameter("volume", node.findtext("volume") or "0", Unit.GAIN), output="Master"
        ),
        devices=(device,),
    )
