"""The neutral model that every session reader fills and the differ compares.

Times are exact: a `Moment` is a fraction of quarter notes or of seconds, as the format counts;
notes inside a clip are integers in ticks of the clip's own `ppq`.
Numbers that a format writes as text stay text (`Parameter.value`), so no float noise enters here.
`identity` is the format's own stable name for a thing (a REAPER GUID, an Ardour id), or empty
where the format has none; the matcher then goes by name, kind, order and likeness.
A program's windows (cursor, zoom, selection, record-arm, meters) have no place in it. No I/O.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from .controls import ControlLane
from .signs import Sign


class Unit(enum.StrEnum):
    """The law by which a stored number becomes what a musician reads."""

    RAW = ""  # unknown law: shown as stored
    GAIN = "gain"  # linear amplitude, shown in dB
    DECIBEL = "dB"
    PERCENT = "%"
    HERTZ = "Hz"
    LOG2_HERTZ = "log2 Hz"  # shown in Hz
    SECONDS = "s"
    MILLISECONDS = "ms"
    BEATS = "beats"
    SEMITONES = "semitones"
    CENTS = "cents"
    DEGREES = "degrees"
    BPM = "bpm"
    PAN = "pan"  # -1 (left) .. 1 (right), shown as 30L, centre, 30R
    PAN_PERCENT = "pan%"  # -100 .. 100, shown likewise
    PAN_FIFTY = "pan50"  # -1 .. 1, shown as 15L, centre, 15R, with 50 at the edge
    PAN_UNIT = "pan01"  # 0 (left) .. 1 (right), shown as 30L, centre, 30R
    RATIO = "ratio"  # 0 .. 1, shown in %
    SWITCH = "switch"  # 0 or 1, shown as off or on
    TEXT = "text"
    DIGEST = "digest"  # what the value says of itself is only whether it changed


class TimeUnit(enum.StrEnum):
    """What a `Moment` counts."""

    QUARTER = "quarter"
    SECOND = "second"


@dataclass(frozen=True, slots=True)
class Moment:
    """A position or a length, exact."""

    value: Fraction
    unit: TimeUnit = TimeUnit.QUARTER


@dataclass(frozen=True, slots=True)
class Parameter:
    """One named number or text, as stored, with the law of its unit."""

    name: str
    value: str
    unit: Unit = Unit.RAW
    automated: bool = False  # automation set the value: it says nothing of its own


class Note(NamedTuple):
    """One note; pitch is the MIDI number of the sounding key, times are ticks of the clip.

    A tuple and not a dataclass: sessions hold half a million of them, and tuples are made,
    compared and hashed three times as fast.
    """

    pitch: int
    start: int
    length: int
    velocity: int
    channel: int = 0
    pan: int = 0
    muted: bool = False
    chance: int = 100  # percent: how likely it plays
    spread: int = 0  # by how much its velocity may differ from pass to pass


@dataclass(frozen=True, slots=True)
class Point:
    """One automation point; `at` counts in the unit of its `Automation`."""

    at: Fraction
    value: str
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Automation:
    """An envelope: what it moves and its points in order."""

    target: str
    points: tuple[Point, ...]
    identity: str = ""
    time_unit: TimeUnit = TimeUnit.QUARTER
    enabled: bool = True
    unit: Unit = Unit.RAW


@dataclass(frozen=True, slots=True)
class State:
    """A plug-in's opaque settings: only whether they changed can be said."""

    digest: str
    size: int


class PluginKind(enum.StrEnum):
    """How a device is hosted."""

    NATIVE = "native"
    VST2 = "vst2"
    VST3 = "vst3"
    AU = "au"
    CLAP = "clap"
    LV2 = "lv2"
    LADSPA = "ladspa"
    JS = "js"
    DX = "dx"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PluginId:
    """One id of a plug-in; `value` is spelt as the plug-in standard spells it."""

    kind: PluginKind
    value: str


@dataclass(frozen=True, slots=True)
class Device:
    """An instrument or an effect in a chain."""

    name: str
    ids: tuple[PluginId, ...] = ()
    vendor: str = ""
    identity: str = ""
    place: str = ""  # inside which rack and which of its chains
    role: str = "effect"  # or "instrument", "input", "take"
    enabled: bool = True
    preset: str = ""
    parameters: tuple[Parameter, ...] = ()
    state: State | None = None
    automations: tuple[Automation, ...] = ()


@dataclass(frozen=True, slots=True)
class MediaRef:
    """A file that a session points to; the path is the session's own spelling."""

    path: str
    content: str = ""  # digest or checksum by which the format knows what is in it

    @property
    def file_name(self) -> str:
        """The last part of the path, whichever system wrote it."""
        return self.path.replace("\\", "/").rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Take:
    """One of several recordings in the same place; the active one is also spread on the clip."""

    identity: str
    name: str
    media: str = ""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a clip is kept that does not stand on the track's own timeline.

    A cell of a launch grid, or another lane of the track. What it is called changes as
    others come and go, so only the identity counts.
    """

    identity: str
    label: str = field(compare=False)
    is_timed: bool = False  # the clip's position counts too


class ClipKind(enum.StrEnum):
    """What a clip holds."""

    AUDIO = "audio"
    NOTES = "notes"
    PATTERN = "pattern"  # a reference to a pattern track
    AUTOMATION = "automation"
    SLOT = "slot"  # a fixed cell of a pattern grid: nobody adds or removes it by hand
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Clip:
    """Something with a position on a track."""

    kind: ClipKind
    name: str
    position: Moment
    length: Moment
    identity: str = ""
    offset: Moment = field(default_factory=lambda: Moment(Fraction(0)))
    muted: bool = False
    media: MediaRef | None = None
    more_media: tuple[MediaRef, ...] = ()  # files of its other channels
    notes: tuple[Note, ...] = ()
    ppq: int = 960
    controllers: State | None = None  # pedals, bends and the like: count and digest
    lanes: tuple[ControlLane, ...] = ()  # the same by name, where the format tells them apart
    points: tuple[Automation, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    devices: tuple[Device, ...] = ()
    signs: tuple[Sign, ...] = ()
    takes: tuple[Take, ...] = ()
    take: str = ""  # identity of the active take
    slot: Slot | None = None
    recorded: bool = False  # the program says that it recorded this


@dataclass(frozen=True, slots=True)
class Send:
    """A path from one track to another."""

    target: str
    parameters: tuple[Parameter, ...] = ()
    incoming: bool = False  # stored on the receiving track, as REAPER does
    is_fixed: bool = False  # the program makes one for each bus, silent at first


@dataclass(frozen=True, slots=True)
class Mixer:
    """A channel strip. Absent values are None: the format does not store them there."""

    trim: Parameter | None = None  # gain before everything else
    volume: Parameter | None = None
    pan: Parameter | None = None
    width: Parameter | None = None
    mute: bool = False
    solo: bool = False
    phase: bool = False
    output: str = ""
    sends: tuple[Send, ...] = ()


class TrackKind(enum.StrEnum):
    """What a track is."""

    AUDIO = "audio"
    INSTRUMENT = "instrument"
    TRACK = "track"  # a format that does not tell audio from notes
    FOLDER = "folder"
    PATTERN = "pattern"
    AUTOMATION = "automation"
    BUS = "bus"
    MASTER = "master"


@dataclass(frozen=True, slots=True)
class Track:
    """A track, a bus or the master."""

    name: str
    kind: TrackKind
    identity: str = ""
    own_name: str | None = None  # as the musician typed it; None where the format cannot tell
    parent: str = ""
    mixer: Mixer = field(default_factory=Mixer)
    devices: tuple[Device, ...] = ()
    clips: tuple[Clip, ...] = ()
    takes: tuple[Take, ...] = ()  # kept side by side; clips of the unused ones stand in slots
    take: str = ""  # identity of the one in use
    automations: tuple[Automation, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    source: str = ""  # the input it records from; what a take came by, and no decision


@dataclass(frozen=True, slots=True)
class TempoPoint:
    """From here on: tempo in quarter notes a minute, and the time signature."""

    at: Moment
    bpm: str
    numerator: int
    denominator: int
    ramp: bool = False
    ramp_to: str = ""  # the tempo at its end, where the format stores it


@dataclass(frozen=True, slots=True)
class Marker:
    """A named place, or a region if it has a length."""

    name: str
    at: Moment
    length: Moment | None = None
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """One save of a project."""

    format: str
    application: str
    version: str
    digest: str  # SHA-256 of the bytes that were read
    content_digest: str  # the same for what they say, without order of attributes and version
    size: int
    tempo: tuple[TempoPoint, ...]
    tracks: tuple[Track, ...]
    markers: tuple[Marker, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    opaque: State | None = None  # the whole save, where its format is not read
    unread: tuple[tuple[str, int], ...] = ()  # what was met and not understood, with counts

    @property
    def media(self) -> tuple[MediaRef, ...]:
        """Every file that the session points to, once, in order of path."""
        clips = [clip for t in self.tracks for clip in t.clips]
        paths = {clip.media.path for clip in clips if clip.media}
        paths |= {media.path for clip in clips for media in clip.more_media}
        paths |= {take.media for clip in clips for take in clip.takes if take.media}
        paths |= {
            p.value
            for t in self.tracks
            for d in t.devices
            for p in d.parameters
            if p.name == MEDIA_PARAMETER and p.value
        }
        return tuple(MediaRef(path) for path in sorted(paths))


MEDIA_PARAMETER = "sample"
"""The name under which readers put the file that a sampler plays."""

AUDIO_PARAMETER = "audio"
"""The name under which readers put the digest of audio that lies in the session file itself."""
