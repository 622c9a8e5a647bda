"""Clips of a Live set: notes by key, or a sample with its warping; loop, launch, envelopes.

    <MidiClip Id="3" Time="16">                     Time: where on the timeline, in quarter notes
      <CurrentStart Value="16" /><CurrentEnd Value="32" />
      <Loop><LoopStart …/><LoopEnd …/><StartRelative …/><LoopOn …/></Loop>
      <Notes><KeyTracks><KeyTrack>
        <Notes><MidiNoteEvent Time="2" Duration="1.5" Velocity="80" … /></Notes>
        <MidiKey Value="60" />

Times of notes and of the loop count from the start of the clip's content; those of a sample that is
not warped count seconds.
"""

from __future__ import annotations

import functools
import hashlib
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Final

from stemproof.errors import BadInput

from .live_catalog import make_parameter
from .live_envelopes import moment, read_points
from .live_media import RECORDED, read_media
from .live_xml import value
from .model import (
    Automation,
    Clip,
    ClipKind,
    Moment,
    Note,
    Parameter,
    State,
    TimeUnit,
    Unit,
)
from .numbers import is_decimal, parse_integer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from lxml.etree import _Element

CLIPS: Final = ("MidiClip", "AudioClip")
TICKS_PER_QUARTER: Final = 15_360
"""Live stores fractions in binary; this grid holds triplets and quintuplets of 1/256."""
_WARP_MODES: Final = ("Beats", "Tones", "Texture", "Re-Pitch", "Complex", "REX", "Complex Pro")
_LAUNCH_MODES: Final = ("trigger", "gate", "toggle", "repeat")
_FADES: Final = (("FadeInLength", "fade in length"), ("FadeOutLength", "fade out length"))
_LARGEST: Final = 1e12
_NOTE: Final = (
    *("Time", "Duration", "Velocity"),
    *("IsEnabled", "Probability", "VelocityDeviation"),
)
_NOTE_ORDER: Final = attrgetter("start", "pitch", "length", "velocity")
GROOVE: Final = "groove"
NO_GROOVE: Final = "none"


def read_clip(node: _Element) -> Clip:
    """Read one clip; what its envelopes move is still a number."""
    is_audio = node.tag == "AudioClip"
    parts = {str(part.tag): part for part in node}
    stored = {tag: part.get("Value", "") for tag, part in parts.items()}
    loop = {str(part.tag): part.get("Value", "0") for part in parts.get("Loop", ())}
    warped = not is_audio or stored.get("IsWarped") == "true"
    time = node.get("Time", "0")
    start, end = moment(stored.get("CurrentStart", time)), moment(stored.get("CurrentEnd", time))
    begin = moment(loop.get("LoopStart", "0"))
    if loop.get("LoopOn") == "true":
        begin += moment(loop.get("StartRelative", "0"))
    sample, notes = parts.get("SampleRef"), None if is_audio else parts.get("Notes")
    media = None if sample is None else read_media(sample)
    parameters = [make_parameter("loop", _loop(loop), Unit.RAW), *_launching(parts, stored)]
    if is_audio:
        parameters += _playing(parts, stored)
    else:
        program = f"{stored.get('BankSelectCoarse', '-1')}/{stored.get('ProgramChange', '-1')}"
        parameters.append(make_parameter("program", program, Unit.RAW))
    return Clip(
        ClipKind.AUDIO if is_audio else ClipKind.NOTES,
        stored.get("Name", ""),
        Moment(moment(time)),
        Moment(end - start),
        identity=node.get("Id", ""),
        offset=Moment(begin, TimeUnit.QUARTER if warped else TimeUnit.SECOND),
        muted=stored.get("Disabled") == "true",
        media=media,
        notes=() if notes is None else _notes(notes),
        ppq=TICKS_PER_QUARTER,
        controllers=None if notes is None else _expression(notes),
        points=tuple(_envelopes(parts)),
        parameters=tuple(parameters),
        recorded=media is not None and media.path.startswith(RECORDED),
    )


def _notes(node: _Element) -> tuple[Note, ...]:
    found: list[Note] = []
    for key_track in node.iterfind("KeyTracks/KeyTrack"):
        key = parse_integer(value(key_track, "MidiKey"), "a note's key")
        if not 0 <= key < 128:
            raise BadInput(f"a note's key is {key}, want 0 to 127")
        for events in key_track.iterchildren("Notes"):
            # Asking an element for one attribute costs as much as asking for all of them.
            for event in events:
                pick = _layout(tuple(event.keys()))
                time, length, *touch = pick((*event.values(), ""))
                found.append(Note(key, _ticks(time), _ticks(length), *_touch(*touch)))
    found.sort(key=_NOTE_ORDER)
    return tuple(found)


@functools.lru_cache(maxsize=256)
def _layout(names: tuple[str, ...]) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """Pick what a note is read from out of its attributes; the last one is the empty end."""
    places = [names.index(name) if name in names else -1 for name in _NOTE]
    return itemgetter(places[0], places[1], *places[2:])


@functools.lru_cache(maxsize=4096)
def _touch(
    velocity: str, enabled: str, chance: str, spread: str
) -> tuple[int, int, int, bool, int, int]:
    """Read how a note is struck: all that a `Note` tells behind its length."""
    percent = round(100 * _number(chance or "1"))
    return (
        round(_number(velocity or "100")),
        0,
        0,
        enabled == "false",
        percent,
        round(_number(spread or "0")),
    )


@functools.lru_cache(maxsize=1 << 15)
def _ticks(text: str) -> int:
    return round(_number(text) * TICKS_PER_QUARTER)


def _number(text: str) -> float:
    # Live writes doubles: as a fraction a time would be no more exact, and ten times as slow.
    if is_decimal(text):
        number = float(text)
        if abs(number) <= _LARGEST:
            return number
    raise BadInput(f"a number of a clip is {text!r:.60}, want a decimal number")


def _expression(node: _Element) -> State | None:
    """Digest the curves of single notes (pitch, slide, pressure); their notes are renumbered."""
    store = node.find("PerNoteEventStore")
    lists = () if store is None else store.findall("EventLists/PerNoteEventList")
    if not lists:
        return None
    notes = {
        event.get("NoteId", ""): f"{value(track, 'MidiKey')} {event.get('Time')}"
        for track in node.iterfind("KeyTracks/KeyTrack")
        for event in track.iterfind("Notes/MidiNoteEvent")
    }
    lines = [
        f"{notes.get(one.get('NoteId', ''), '?')} {one.get('CC')}"
        f" {event.get('TimeOffset')} {event.get('Value')}"
        for one in lists
        for event in one.iter("PerNoteEvent")
    ]
    return State(hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest(), len(lines))


def _envelopes(parts: Mapping[str, _Element]) -> Iterator[Automation]:
    holder = parts.get("Envelopes")
    for envelope in () if holder is None else holder.iterfind("Envelopes/ClipEnvelope"):
        points = read_points(envelope.find("Automation/Events"))
        if points:
            yield Automation(value(envelope, "EnvelopeTarget/PointeeId"), points)


def _launching(parts: Mapping[str, _Element], stored: Mapping[str, str]) -> Iterator[Parameter]:
    mode = stored.get("LaunchMode", "0")
    yield make_parameter("launch mode", _listed(_LAUNCH_MODES, mode), Unit.TEXT)
    yield make_parameter("launch quantization", stored.get("LaunchQuantisation", "0"), Unit.RAW)
    yield make_parameter("legato", _switch(stored, "Legato"), Unit.SWITCH)
    settings = parts.get("GrooveSettings")
    groove = "-1" if settings is None else value(settings, "GrooveId", "-1")
    yield make_parameter(GROOVE, NO_GROOVE if groove == "-1" else groove, Unit.TEXT)


def _playing(parts: Mapping[str, _Element], stored: Mapping[str, str]) -> Iterator[Parameter]:
    yield make_parameter("gain", stored.get("SampleVolume", "1"), Unit.GAIN)
    yield make_parameter("transpose", stored.get("PitchCoarse", "0"), Unit.SEMITONES)
    yield make_parameter("detune", stored.get("PitchFine", "0"), Unit.CENTS)
    warp = _switch(stored, "IsWarped")
    yield make_parameter("warp", warp, Unit.SWITCH)
    yield make_parameter("warp mode", _listed(_WARP_MODES, stored.get("WarpMode", "0")), Unit.TEXT)
    # Without warping Live sets two markers by itself, from the tempo.
    is_own = warp == "1"
    markers = _warp_markers(parts.get("WarpMarkers", ())) if is_own else "none"
    yield Parameter("warp markers", markers, automated=not is_own)
    yield make_parameter("fade", _switch(stored, "Fade"), Unit.SWITCH)
    lengths = {str(part.tag): part.get("Value", "0") for part in parts.get("Fades", ())}
    for tag, name in _FADES:
        yield make_parameter(name, lengths.get(tag, "0"), Unit.RAW)


def _loop(loop: Mapping[str, str]) -> str:
    if loop.get("LoopOn") != "true":
        return "off"
    start, end = (_number(loop.get(tag, "0")) for tag in ("LoopStart", "LoopEnd"))
    return f"{start:g} to {end:g}"


def _warp_markers(markers: Iterable[_Element]) -> str:
    """Count and digest the markers."""
    places = [
        f"{_number(m.get('SecTime', '0')):.6f}@{_number(m.get('BeatTime', '0')):.6f}"
        for m in markers
    ]
    return f"{len(places)} (#{hashlib.sha256(' '.join(places).encode()).hexdigest()[:6]})"


def _switch(stored: Mapping[str, str], tag: str) -> str:
    return "1" if stored.get(tag) == "true" else "0"


def _listed(names: tuple[str, ...], number: str) -> str:
    known = len(number) < 3 and number.isascii() and number.isdigit()
    return names[int(number)] if known and int(number) < len(names) else number
