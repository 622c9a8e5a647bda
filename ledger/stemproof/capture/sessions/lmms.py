"""LMMS projects (.mmp, .mmpz), versions 0.4 to 1.3: bytes -> Session, or BadInput.

Facts that shape this reader: attributes are shuffled on every save; nothing has an id;
1.3 raised note keys and base notes by 12 together (upgrade 20 of LMMS's DataFile), so older
files are read in the new numbering; 1.3 calls patterns clips and the FX mixer the mixer.
A tick is a 48th of a quarter note. Not read: window geometry, controllers, scales and keymaps,
MIDI ports, note detuning; what is unknown is counted in `Session.unread`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from stemproof.errors import BadInput

from .lmms_devices import model_value, plain_path, read_effect, read_instrument, read_native
from .lmms_xml import content_digest, parse_root, unpack_mmpz
from .model import (
    Automation,
    Clip,
    ClipKind,
    Device,
    MediaRef,
    Mixer,
    Moment,
    Note,
    Parameter,
    Point,
    Send,
    Session,
    TempoPoint,
    Track,
    TrackKind,
    Unit,
)
from .numbers import parse_decimal, parse_integer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml.etree import _Element

TICKS_PER_QUARTER = 48
MAX_TRACKS = 20_000
_EXTENDED_NOTE_RANGE = 20
# These ignored the base note, so LMMS's own upgrade leaves their keys alone (LMMS issue 1857).
_KEYS_NOT_RAISED = frozenset(
    {"zynaddsubfx", "vestige", "lv2instrument", "carlapatchbay", "carlarack"}
)
_BODIES = {
    "instrumenttrack": TrackKind.INSTRUMENT,
    "sampletrack": TrackKind.AUDIO,
    "bbtrack": TrackKind.PATTERN,
    "patterntrack": TrackKind.PATTERN,
    "automationtrack": TrackKind.AUTOMATION,
}
_CLIPS = {
    "pattern": ClipKind.NOTES,
    "midiclip": ClipKind.NOTES,
    "sampletco": ClipKind.AUDIO,
    "sampleclip": ClipKind.AUDIO,
    "bbtco": ClipKind.PATTERN,
    "patternclip": ClipKind.PATTERN,
    "automationpattern": ClipKind.AUTOMATION,
    "automationclip": ClipKind.AUTOMATION,
}
_NATIVE_PARTS = ("eldata", "arpeggiator", "chordcreator")
_KNOWN_PARTS = frozenset({"instrument", "fxchain", "midiport", "midicontrollers", *_NATIVE_PARTS})
# Windows and editors of the program, and what holds no decision about the music.
_NOT_MUSIC = frozenset(
    {
        *("trackcontainer", "track", "mixer", "fxmixer", "controllers", "scales", "keymaps"),
        *("ControllerRackView", "pianoroll", "automationeditor", "projectnotes", "timeline"),
    }
)
PATTERN_GROUP = "Beat/Bassline"


def read_lmms(data: bytes) -> Session:
    """Read an LMMS project, compressed or plain."""
    xml = data if data.lstrip()[:1] == b"<" else unpack_mmpz(data)
    root = parse_root(xml)
    if root.get("type") not in ("song", "songtemplate"):
        raise BadInput(f"the LMMS file is a {root.get('type')!r:.40}, want a song")
    return _Reader(root).session(data)


class _Reader:
    """One pass over one tree; keeps what later parts refer to."""

    def __init__(self, root: _Element) -> None:
        self._root = root
        self._targets: dict[str, str] = {}
        self._unread: Counter[str] = Counter()
        version = root.get("version", "")
        raised = version.isascii() and version.isdigit() and len(version) < 9
        self._key_shift = 0 if raised and int(version) >= _EXTENDED_NOTE_RANGE else 12
        self._channels: dict[str, str] = {}
        self._is_soloed = any(model_value(t, "solo", "0") == "1" for t in root.iter("track"))

    def session(self, data: bytes) -> Session:
        head = self._root.find("head")
        song = self._root.find("song")
        if head is None or song is None:
            raise BadInput("the LMMS project has no head or no song, want both")
        for child in song:
            if child.tag not in _NOT_MUSIC:
                self._unread[str(child.tag)] += 1
        self._targets.update(_head_targets(head))
        mixer = song.find("mixer")
        mixer = song.find("fxmixer") if mixer is None else mixer
        channels = self._mixer_tracks(mixer)
        found = [
            track for node in song.iterfind("trackcontainer/track") for track in self._tracks(node)
        ]
        found += [track for node in song.iterfind("track") for track in self._tracks(node)]
        if len(found) > MAX_TRACKS:
            raise BadInput(f"the LMMS project has {len(found)} tracks, want at most {MAX_TRACKS}")
        tracks = (*(t for t in found if not _is_empty_global(t)), *channels)
        return Session(
            format="lmms",
            application="LMMS",
            version=self._root.get("creatorversion", ""),
            digest=hashlib.sha256(data).hexdigest(),
            content_digest=content_digest(self._root),
            size=len(data),
            tempo=(_tempo(head),),
            tracks=tuple(_with_targets(track, self._targets) for track in tracks),
            parameters=(
                Parameter("master volume", model_value(head, "mastervol", "100"), Unit.PERCENT),
                Parameter("master pitch", model_value(head, "masterpitch", "0"), Unit.SEMITONES),
            ),
            unread=tuple(sorted(self._unread.items())),
        )

    def _mixer_tracks(self, mixer: _Element | None) -> list[Track]:
        if mixer is None:
            return []
        nodes = [n for n in mixer if n.tag in ("mixerchannel", "fxchannel")]
        for node in nodes:
            number = node.get("num", "")
            self._channels[number] = _channel_name(node.get("name", ""), number)
        return [self._channel(node) for node in nodes]

    def _channel(self, node: _Element) -> Track:
        number = node.get("num", "")
        name = self._channels[number]
        sends = tuple(
            Send(
                self._channels.get(s.get("channel", ""), s.get("channel", "")),
                (Parameter("amount", model_value(s, "amount", "1"), Unit.GAIN),),
            )
            for s in node.iterfind("send")
        )
        return Track(
            name,
            TrackKind.MASTER if number == "0" else TrackKind.BUS,
            mixer=Mixer(
                volume=Parameter("volume", model_value(node, "volume", "1"), Unit.GAIN),
                mute=model_value(node, "muted", "0") == "1",
                solo=model_value(node, "soloed", "0") == "1",
                sends=sends,
            ),
            devices=self._chain(node, name),
        )

    def _chain(self, parent: _Element, track: str) -> tuple[Device, ...]:
        return tuple(
            read_effect(e, self._targets, track) for e in parent.iterfind("fxchain/effect")
        )

    def _tracks(self, node: _Element, parent: str = "") -> Iterator[Track]:
        body = next((child for child in node if child.tag in _BODIES), None)
        if body is None:
            self._unread[f"track type {node.get('type', '')[:8]}"] += 1
            return
        kind = _BODIES[str(body.tag)]
        name = node.get("name", "")
        yield Track(
            name,
            kind,
            parent=parent,
            mixer=self._track_mixer(node, body),
            devices=self._track_devices(body, name),
            clips=tuple(self._clips(node, body, in_pattern=bool(parent))),
            parameters=self._track_parameters(body, kind),
        )
        # The instruments of all patterns live in the first pattern track.
        if not parent:
            for child in body.iterfind("trackcontainer/track"):
                yield from self._tracks(child, PATTERN_GROUP)

    def _track_mixer(self, node: _Element, body: _Element) -> Mixer:
        # Soloing a track stores the others as muted and keeps their real state beside.
        muted = model_value(node, "muted", "0")
        if self._is_soloed:
            muted = model_value(node, "mutedBeforeSolo", muted)
        for part in ("vol", "pan", "pitch"):
            child = body.find(part)
            if child is not None and child.get("id"):
                self._targets[child.get("id", "")] = f"{node.get('name', '')}: {part}"
        volume, pan = model_value(body, "vol"), model_value(body, "pan")
        channel = model_value(body, "mixch") or model_value(body, "fxch")
        return Mixer(
            volume=Parameter("volume", volume, Unit.PERCENT) if volume else None,
            pan=Parameter("pan", pan, Unit.PAN_PERCENT) if pan else None,
            mute=muted == "1",
            solo=model_value(node, "solo", "0") == "1",
            output=self._channels.get(channel, "Master") if channel else "",
        )

    def _track_devices(self, body: _Element, track: str) -> tuple[Device, ...]:
        devices: list[Device] = []
        for child in body:
            tag = str(child.tag)
            if tag == "instrument":
                devices.append(read_instrument(child, self._targets, track))
            elif tag in _NATIVE_PARTS:
                devices.append(read_native(child, self._targets, track))
            elif (
                tag not in _KNOWN_PARTS and tag != "trackcontainer" and "value" not in child.attrib
            ):
                self._unread[tag] += 1
        return (*devices, *self._chain(body, track))

    def _track_parameters(self, body: _Element, kind: TrackKind) -> tuple[Parameter, ...]:
        if kind is not TrackKind.INSTRUMENT:
            return ()
        base = parse_integer(model_value(body, "basenote", "57"), "the base note") + self._key_shift
        pitch = Parameter("pitch", model_value(body, "pitch", "0"), Unit.RAW)
        return (pitch, Parameter("base note", str(base), Unit.RAW))

    def _clips(self, node: _Element, body: _Element, *, in_pattern: bool) -> Iterator[Clip]:
        instrument = body.find("instrument")
        raised = instrument is None or instrument.get("name") not in _KEYS_NOT_RAISED
        shift = self._key_shift if raised else 0
        for child in node:
            kind = _CLIPS.get(str(child.tag))
            if kind is not None:
                yield self._clip(child, ClipKind.SLOT if in_pattern else kind, node, shift)
            elif child is not body and "value" not in child.attrib:
                self._unread[str(child.tag)] += 1

    def _clip(self, node: _Element, kind: ClipKind, track: _Element, shift: int) -> Clip:
        source = node.get("src", "")
        notes = tuple(self._note(n, shift) for n in node.iterfind("note"))
        written = parse_integer(node.get("len", "0"), "a clip's length")
        # Since 1.3 a pattern's length is not stored: it follows from its notes.
        length = 0 if kind in (ClipKind.NOTES, ClipKind.SLOT) else written
        name = node.get("name", "")
        return Clip(
            kind,
            # Before 1.3 a clip without a name of its own was stored with its track's.
            "" if name == track.get("name") else name,
            _moment(parse_integer(node.get("pos", "0"), "a clip's position")),
            _moment(length),
            offset=_moment(parse_integer(node.get("off", "0"), "a clip's offset")),
            muted=(node.get("muted") or node.get("mute") or "0") == "1",
            media=MediaRef(plain_path(source)) if source else None,
            notes=tuple(sorted(notes, key=_note_order)),
            ppq=TICKS_PER_QUARTER,
            points=(_points(node),) if kind is ClipKind.AUTOMATION else (),
        )

    def _note(self, node: _Element, shift: int) -> Note:
        if len(node):
            self._unread["note detuning"] += 1
        return Note(
            parse_integer(node.get("key", ""), "a note's key") + shift,
            parse_integer(node.get("pos", ""), "a note's position"),
            parse_integer(node.get("len", ""), "a note's length"),
            parse_integer(node.get("vol", "100"), "a note's volume"),
            pan=parse_integer(node.get("pan", "0"), "a note's pan"),
        )


def _note_order(note: Note) -> tuple[int, int, int, int]:
    return (note.start, note.pitch, note.length, note.velocity)


def _moment(ticks: int) -> Moment:
    return Moment(Fraction(ticks, TICKS_PER_QUARTER))


def _tempo(head: _Element) -> TempoPoint:
    bpm = model_value(head, "bpm", "140")
    if not 1 <= parse_decimal(bpm, "the tempo") <= 10_000:
        raise BadInput(f"the tempo is {bpm:.40}, want 1 to 10000")
    over = parse_integer(model_value(head, "timesig_numerator", "4"), "the time signature")
    under = parse_integer(model_value(head, "timesig_denominator", "4"), "the time signature")
    if not (0 < over < 1000 and 0 < under < 1000):
        raise BadInput(f"the time signature is {over}/{under}, want two small positive numbers")
    return TempoPoint(_moment(0), bpm, over, under)


def _head_targets(head: _Element) -> Iterator[tuple[str, str]]:
    names = {"bpm": "tempo", "mastervol": "master volume", "masterpitch": "master pitch"}
    for child in head:
        if child.get("id"):
            yield child.get("id", ""), names.get(str(child.tag), str(child.tag))


def _points(node: _Element) -> Automation:
    points = tuple(
        Point(
            Fraction(parse_integer(t.get("pos", "0"), "a point's position"), TICKS_PER_QUARTER),
            t.get("value", "0"),
        )
        for t in node.iterfind("time")
    )
    targets = ",".join(o.get("id", "") for o in node.iterfind("object"))
    return Automation(targets, points)


def _with_targets(track: Track, targets: dict[str, str]) -> Track:
    """Put names in place of the numbers of what automation moves: the numbers change."""
    if track.kind is not TrackKind.AUTOMATION:
        return track
    clips = []
    for clip in track.clips:
        lanes = tuple(
            replace(
                lane, target=", ".join(targets.get(n, "?") for n in lane.target.split(",") if n)
            )
            for lane in clip.points
        )
        clips.append(replace(clip, points=lanes))
    return replace(track, clips=tuple(clips))


def _channel_name(name: str, number: str) -> str:
    # 1.3 renamed the default names; a name that the musician gave is kept.
    return f"Channel {number}" if name == f"FX {number}" else name


def _is_empty_global(track: Track) -> bool:
    """Tell whether this is LMMS's hidden automation track with nothing on it."""
    return track.kind is TrackKind.AUTOMATION and not any(
        p.points for c in track.clips for p in c.points
    )
