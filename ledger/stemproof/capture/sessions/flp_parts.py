"""Channels, patterns, playlist and mixer of an FL Studio project while they are read."""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, NamedTuple

from stemproof.capture.states.decode import decode_state
from stemproof.errors import BadInput

from .model import (
    MEDIA_PARAMETER,
    Device,
    Note,
    Parameter,
    PluginId,
    PluginKind,
    Point,
    State,
    Unit,
)

MAX_NOTES: Final = 1_000_000
MAX_POINTS: Final = 500_000
PATTERN_BASE: Final = 20_480
NO_MIX: Final = 12_800
_WRAPPER: Final = "Fruity Wrapper"
# position, flags, channel, length, key, group, fine pitch, -, release, -, pan, velocity, mod x, y
_NOTE: Final = struct.Struct("<IHHIHHBBBBBBBB")
EXPRESSIONS: Final = (
    ("fine pitch of notes", 120),
    ("release of notes", 64),
    ("modulation X of notes", 128),
    ("modulation Y of notes", 128),
    ("slide of notes", 0),
)
"""What a note carries besides velocity and pan, with the program's default."""
_PLAIN: Final = tuple(plain for _, plain in EXPRESSIONS)
_POINT: Final = struct.Struct("<ddf4x")
_POINTS_AT: Final = 21
# position, pattern base, item, length, track from below, group, -, flags, -, start, end
_ITEM: Final = struct.Struct("<IHHIHHHHI4s4s")
_STRIDES: Final = range(_ITEM.size, 257, 4)
_MUTED: Final = 0x2000
_NUMBER_BYTES: Final = 4
SETTINGS: Final = {
    20: "ping-pong loop",
    69: "frequency tilt",
    70: "sample effects",
    71: "cutoff",
    74: "boost",
    75: "fade out",
    76: "fade in",
    83: "resonance",
    85: "stereo delay",
    86: "pogo",
    97: "swing",
    132: "cut group",
    135: "root note",
    138: "echo modulation",
    139: "sample reverb",
    145: "channel group",
    209: "echo",
    215: "arpeggiator and time stretching",
    218: "envelopes",
    219: "level ranges",
    221: "polyphony",
    228: "keyboard tracking",
    229: "level adjustments",
}
"""A channel's own sound, by event."""


@dataclass(slots=True)
class Plugin:
    """A generator or an effect: events 201, 203 and 213."""

    internal: str = ""
    name: str = ""
    data: bytes = b""


@dataclass(slots=True)
class Channel:
    """A channel of the rack."""

    number: int
    kind: int = 0
    enabled: bool = True
    insert: int = 0
    volume: int = 10_000
    pan: int = 6_400
    pitch: int = 0
    sample: str = ""
    plugin: Plugin = field(default_factory=Plugin)
    settings: list[tuple[int, bytes]] = field(default_factory=list)
    points: tuple[Point, ...] = ()

    @property
    def name(self) -> str:
        """What the rack shows."""
        return self.plugin.name or self.plugin.internal or f"Channel {self.number + 1}"


@dataclass(slots=True)
class Pattern:
    """A pattern: notes by channel."""

    name: str = ""
    notes: dict[int, list[Note]] = field(default_factory=dict)
    expressions: dict[int, list[tuple[int, ...]]] = field(default_factory=dict)
    recorded: bytearray = field(default_factory=bytearray)


@dataclass(slots=True)
class Insert:
    """A strip of the mixer; slots by number."""

    name: str = ""
    flags: int = 0
    slots: dict[int, Plugin] = field(default_factory=dict)
    routes: bytes = b""


class Item(NamedTuple):
    """A clip of the playlist, in ticks; `start` in quarter notes."""

    position: int
    length: int
    pattern: int | None
    channel: int | None
    track: int
    start: Fraction
    is_muted: bool


def read_notes(payload: bytes, pattern: Pattern) -> int:
    """Add a pattern's notes; give their number."""
    if len(payload) % _NOTE.size:
        raise BadInput(f"notes take {len(payload)} bytes in the FL Studio project, want 24 each")
    if len(payload) > MAX_NOTES * _NOTE.size:
        raise BadInput(f"the FL Studio project has more than {MAX_NOTES} notes")
    for found in _NOTE.iter_unpack(payload):
        start, flags, channel, length, key, _, fine, _, release, _, pan, velocity, x, y = found
        if key > 131:
            raise BadInput(f"a note has key {key} in the FL Studio project, want 0 to 131")
        note = Note(key, start, length, velocity, pan=pan - 64)
        pattern.notes.setdefault(channel, []).append(note)
        told = (fine, release, x, y, flags >> 3 & 1)
        if told != _PLAIN:
            pattern.expressions.setdefault(channel, []).append((start, key, *told))
    return len(payload) // _NOTE.size


def read_points(payload: bytes) -> tuple[Point, ...]:
    """Read the points of an automation clip: forward distances in quarter notes, values 0 to 1."""
    if len(payload) < _POINTS_AT:
        return ()
    count = int.from_bytes(payload[_POINTS_AT - 4 : _POINTS_AT], "little")
    if count > MAX_POINTS or _POINTS_AT + count * _POINT.size > len(payload):
        raise BadInput(f"an automation clip of the FL Studio project claims {count} points")
    at, points = 0.0, []
    for number in range(count):
        ahead, value, tension = _POINT.unpack_from(payload, _POINTS_AT + number * _POINT.size)
        at += ahead
        if not (math.isfinite(at) and abs(at) < 1e9 and math.isfinite(value)):
            raise BadInput("a point of an automation clip is at no place in the FL Studio project")
        place = Fraction(round(at * 10**6), 10**6)
        points.append(Point(place, f"{value:.6g}", f"{tension:.4g}"))
    return tuple(points)


def read_playlist(payload: bytes, tracks: int) -> tuple[Item, ...] | None:
    """Read the clips of a playlist, or None if their records are of no known shape.

    Records grew from 32 to 88 bytes over the years; the pattern base, the same in each, tells.
    """
    if not payload:
        return ()
    stride = next((s for s in _STRIDES if _fits(payload, s)), None)
    if stride is None:
        return None
    return tuple(_item(payload, at, tracks) for at in range(0, len(payload), stride))


def _fits(payload: bytes, stride: int) -> bool:
    base = PATTERN_BASE.to_bytes(2, "little")
    return len(payload) % stride == 0 and all(
        payload[at + 4 : at + 6] == base for at in range(0, len(payload), stride)
    )


def _item(payload: bytes, at: int, tracks: int) -> Item:
    position, _, item, length, track, _, _, flags, _, start, _ = _ITEM.unpack_from(payload, at)
    is_pattern = item >= PATTERN_BASE
    if is_pattern:
        # Ticks; all bits set where the clip begins at the pattern's start.
        ticks = int.from_bytes(start, "little", signed=True)
        offset = Fraction(max(0, ticks))
    else:
        (quarters,) = struct.unpack("<f", start)
        usable = math.isfinite(quarters) and 0 <= quarters < 1e9
        offset = Fraction(round(quarters * 10**6), 10**6) if usable else Fraction(0)
    return Item(
        position,
        length,
        item - PATTERN_BASE if is_pattern else None,
        None if is_pattern else item,
        tracks - track,
        offset,
        bool(flags & _MUTED),
    )


def plugin_device(plugin: Plugin, role: str, *, enabled: bool = True) -> Device:
    """Make a device of a plug-in: a hosted one tells its own name, vendor and id."""
    if plugin.internal != _WRAPPER:
        return Device(
            plugin.internal,
            ids=(PluginId(PluginKind.NATIVE, plugin.internal),),
            vendor="Image-Line",
            role=role,
            enabled=enabled,
            state=_state(plugin.data),
        )
    told = _wrapped(plugin.data)
    name, ids = _utf8(told.get(54, b"")) or plugin.name or _WRAPPER, _ids(told)
    parameters, state = decode_state(told.get(53, plugin.data), ids=ids, name=name)
    return Device(
        name,
        ids=ids,
        vendor=_utf8(told.get(56, b"")),
        role=role,
        enabled=enabled,
        parameters=parameters,
        state=state,
    )


def _wrapped(data: bytes) -> dict[int, bytes]:
    """Read a wrapper's records: number, size in eight bytes, data; a broken one ends it."""
    found: dict[int, bytes] = {}
    at = 4
    while at + 12 <= len(data):
        number = int.from_bytes(data[at : at + 4], "little")
        size = int.from_bytes(data[at + 4 : at + 12], "little")
        at += 12
        if size > len(data) - at:
            break
        found.setdefault(number, data[at : at + size])
        at += size
    return found


def _ids(told: dict[int, bytes]) -> tuple[PluginId, ...]:
    guid, code, path = told.get(52, b""), told.get(51, b""), _utf8(told.get(55, b""))
    found = []
    if len(guid) == 16 and any(guid):
        found.append(PluginId(PluginKind.VST3, guid.hex().upper()))
    if len(code) == 4 and any(code):
        found.append(PluginId(PluginKind.VST2, code.decode("latin-1")))
    if not found and path:
        found.append(PluginId(PluginKind.UNKNOWN, path.replace("\\", "/").rpartition("/")[2]))
    return tuple(found)


def _utf8(data: bytes) -> str:
    return data[:4096].decode("utf-8", "replace").rstrip("\0")


def _state(data: bytes) -> State | None:
    return State(hashlib.sha256(data).hexdigest(), len(data)) if data else None


def channel_devices(channel: Channel) -> tuple[Device, ...]:
    """Give a channel's generator or sampler."""
    found = []
    if channel.plugin.internal:
        found.append(plugin_device(channel.plugin, "instrument"))
    elif channel.sample:
        sample = Parameter(MEDIA_PARAMETER, channel.sample, Unit.TEXT)
        ids = (PluginId(PluginKind.NATIVE, "flstudio:sampler"),)
        found.append(Device("Sampler", ids=ids, role="instrument", parameters=(sample,)))
    return tuple(found)


def channel_settings(channel: Channel) -> Iterator[Parameter]:
    """Give a channel's own sound, part by part: numbers as stored, larger parts by their digest."""
    parts: dict[str, list[bytes]] = {}
    for number, payload in channel.settings:
        parts.setdefault(SETTINGS[number], []).append(payload)
    for name, payloads in sorted(parts.items()):
        if len(payloads) == 1 and len(payloads[0]) <= _NUMBER_BYTES:
            yield Parameter(name, str(int.from_bytes(payloads[0], "little")))
        else:
            digest = hashlib.sha256(b"".join(payloads)).hexdigest()
            yield Parameter(name, f"sha256 {digest[:16]}", Unit.DIGEST)
