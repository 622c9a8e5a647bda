"""One pass over an FL Studio project's events: which channel, pattern or insert each belongs to.

Channel 0 is open from the start. A channel's events follow its number (64), a pattern's its
number (65), an arrangement's its number (99). In the mixer a slot's plug-in comes before the
number of the slot (98), and an insert's name before its flags (236).
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from stemproof.errors import BadInput

from .flp_events import decode_text, parse_flp
from .flp_mixer import read_mixer_values
from .flp_parts import (
    MAX_NOTES,
    MAX_POINTS,
    SETTINGS,
    Channel,
    Insert,
    Item,
    Pattern,
    Plugin,
    read_notes,
    read_playlist,
    read_points,
)
from .model import Slot

MAX_ITEMS: Final = 500_000
MAX_TRACKS: Final = 20_000
MAX_INSERTS: Final = 512
"""The program has 127."""
_TEXTS: Final = {194: "title", 195: "comments", 206: "genre", 207: "artists"}
# These open channel 0, whose number many files leave out.
_IMPLICIT: Final = frozenset({2, 3, 21, 72, 73, 192, 201, 203, 219, 234})
# Windows, colours, icons, locks, licensee, time spent, remote control, lengths, old duplicates.
_NOT_MUSIC: Final = frozenset(
    {
        *(9, 10, 12, 15, 23, 28, 29, 30, 31, 32, 35, 36, 37, 38, 39, 40, 67, 89, 95, 100, 122),
        *(128, 131, 133, 143, 144, 146, 147, 149, 150, 154, 155, 157, 158, 159, 160, 164, 172),
        *(197, 198, 200, 202, 208, 212, 216, 226, 231, 235, 237),
    }
)
_OLD_TRACKS, _TRACKS = 199, 500


@dataclass(slots=True)
class Arrangement:
    """A playlist: clips, and name and switch of its tracks by number."""

    slot: Slot | None = None
    items: list[Item] = field(default_factory=list)
    lanes: dict[int, tuple[str, bool]] = field(default_factory=dict)


@dataclass(slots=True)
class Project:
    """Everything that the events say, not yet in the neutral model."""

    ppq: int
    version: str = ""
    bpm: str = ""
    metre: tuple[int, int] = (4, 4)
    main_volume: int = 12_800
    main_pitch: int = 0
    swing: int = 0
    texts: dict[str, str] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    patterns: dict[int, Pattern] = field(default_factory=dict)
    arrangements: list[Arrangement] = field(default_factory=list)
    inserts: list[Insert] = field(default_factory=list)
    mixer_values: dict[tuple[int, int], int] = field(default_factory=dict)
    links: dict[int, tuple[int, int]] = field(default_factory=dict)
    # name, ticks, metre, whether it stands in the first arrangement
    markers: list[tuple[str, int, tuple[int, int], bool]] = field(default_factory=list)
    unread: Counter[str] = field(default_factory=Counter)


def walk(data: bytes) -> Project:
    """Read an FL Studio project's events in their order."""
    parsed = parse_flp(data)
    walker = _Walker(Project(parsed.ppq))
    if parsed.trailing:
        walker.project.unread["bytes after the events"] = parsed.trailing
    for number, payload in parsed.events:
        walker.event(number, payload)
    walker.finish()
    return walker.project


class _Walker:
    """What is open at the moment."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._is_wide = False
        self._channel: Channel | None = None
        self._pattern = Pattern()
        self._notes = self._items = self._points = 0
        self._insert_name = ""
        self._plugin: Plugin | None = None
        self._tempo = [0, 0]
        self._track = 0

    def event(self, number: int, payload: bytes) -> None:
        value = int.from_bytes(payload, "little") if number < 192 else 0
        if number == 64:
            self._channel = self.project.channels.setdefault(value, Channel(value))
        elif number in (99, 233, 236, 100, 204):
            self._channel = None
        elif number in _IMPLICIT and not (self.project.channels or self.project.inserts):
            self._channel = self.project.channels.setdefault(0, Channel(0))
        is_taken = (
            self._head(number, value, payload)
            or self._patterns(number, value, payload)
            or self._arrangement(number, value, payload)
            or (self._channel is not None and self._rack(self._channel, number, value, payload))
            or self._mixer(number, value, payload)
        )
        if not is_taken and number not in _NOT_MUSIC and number != 64:
            self.project.unread[f"event {number}"] += 1

    def finish(self) -> None:
        tracks = len(self.project.channels) + len(self.project.patterns)
        if tracks > MAX_TRACKS:
            raise BadInput(f"the FL Studio project has {tracks} channels and patterns")
        coarse, fine = self._tempo
        if not self.project.bpm and coarse:
            self.project.bpm = f"{coarse + fine / 1000:g}"

    def _text(self, payload: bytes) -> str:
        return decode_text(payload, is_wide=self._is_wide)

    def _head(self, number: int, value: int, payload: bytes) -> bool:
        project = self.project
        if number == 199:
            self._version(payload)
        elif number in _TEXTS:
            project.texts[_TEXTS[number]] = self._text(payload)
        elif number == 156:
            project.bpm = f"{value / 1000:.6g}"
        elif number in (66, 93):
            self._tempo[number == 93] = value
        elif number == 17 and value:
            project.metre = (value, project.metre[1])
        elif number == 18 and value:
            project.metre = (project.metre[0], value)
        elif number == 11:
            project.swing = value
        elif number == 80:
            project.main_pitch = int.from_bytes(payload, "little", signed=True)
        elif number == 225:
            project.mixer_values.update(read_mixer_values(payload))
        elif number == 227 and len(payload) == 20:
            channel, parameter, where = struct.unpack("<2xH4xHH8x", payload)
            project.links[channel] = (parameter, where)
        else:
            return False
        return True

    def _version(self, payload: bytes) -> None:
        text = payload[:40].decode("latin-1").rstrip("\0")
        parts = text.split(".")
        if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
            raise BadInput(f"the FL Studio project was saved by version {text!r:.50}")
        self.project.version = text
        self._is_wide = [int(part) for part in parts[:2]] >= [11, 5]

    def _patterns(self, number: int, value: int, payload: bytes) -> bool:
        if number == 65:
            self._pattern = self.project.patterns.setdefault(value, Pattern())
        elif number == 193:
            self._pattern.name = self._text(payload)
        elif number == 223:
            self._pattern.recorded += payload
        elif number == 224:
            if not self.project.patterns:
                self._pattern = self.project.patterns.setdefault(1, Pattern())
            self._notes += read_notes(payload, self._pattern)
            if self._notes > MAX_NOTES:
                raise BadInput(f"the FL Studio project has more than {MAX_NOTES} notes")
        else:
            return False
        return True

    def _arrangement(self, number: int, value: int, payload: bytes) -> bool:
        found = self.project.arrangements
        if number == 99:
            label = f"arrangement {value + 1}"
            found.append(Arrangement(Slot(label, label, is_timed=True) if found else None))
        elif number == 241:
            if found and found[-1].slot is not None:
                name = self._text(payload)
                found[-1].slot = Slot(name, f"arrangement '{name}'", is_timed=True)
        elif number == 233:
            self._playlist(payload)
        elif number == 238 and len(payload) >= 13:
            self._track = int.from_bytes(payload[:4], "little")
            self._lane("", payload[12] != 0)
        elif number == 239:
            is_on = self._last().lanes.get(self._track, ("", True))[1]
            self._lane(self._text(payload), is_on)
        elif number == 148:
            self.project.markers.append(("", value, (4, 4), len(found) < 2))
        elif number in (33, 34, 205) and self.project.markers:
            self._marker(number, value, payload)
        else:
            return False
        return True

    def _last(self) -> Arrangement:
        if not self.project.arrangements:
            self.project.arrangements.append(Arrangement())
        return self.project.arrangements[-1]

    def _lane(self, name: str, is_on: bool) -> None:
        self._last().lanes[self._track] = (name, is_on)

    def _playlist(self, payload: bytes) -> None:
        parts = [int(part) for part in self.project.version.split(".") if part][:3]
        items = read_playlist(payload, _TRACKS if parts >= [12, 9, 1] else _OLD_TRACKS)
        if items is None:
            self.project.unread["playlist of an unknown shape"] += 1
            return
        self._items += len(items)
        if self._items > MAX_ITEMS:
            raise BadInput(f"the FL Studio project has more than {MAX_ITEMS} clips")
        self._last().items.extend(items)

    def _marker(self, number: int, value: int, payload: bytes) -> None:
        name, at, (over, under), is_first = self.project.markers[-1]
        if number == 205:
            name = self._text(payload)
        elif number == 33:
            over = value
        else:
            under = value
        self.project.markers[-1] = (name, at, (over, under), is_first)

    def _rack(self, channel: Channel, number: int, value: int, payload: bytes) -> bool:
        if number == 0:
            channel.enabled = value != 0
        elif number == 21:
            channel.kind = value
        elif number == 22:
            # Signed: -1 is the insert that is selected.
            channel.insert = value if value < 128 else 0
        elif number in (2, 72):
            channel.volume = value
        elif number in (3, 73):
            channel.pan = value
        elif number == 219 and len(payload) >= 12:
            channel.pan, channel.volume, channel.pitch = struct.unpack_from("<iIi", payload)
            channel.settings.append((number, payload[12:]))
        elif number == 196:
            channel.sample = self._text(payload)
        elif number == 234:
            channel.points = read_points(payload)
            self._points += len(channel.points)
            if self._points > MAX_POINTS:
                raise BadInput(f"the FL Studio project has more than {MAX_POINTS} points")
        elif number in SETTINGS:
            channel.settings.append((number, payload))
        else:
            return self._describe(channel.plugin, number, payload)
        return True

    def _describe(self, plugin: Plugin, number: int, payload: bytes) -> bool:
        if number == 201:
            plugin.internal = self._text(payload)
        elif number in (192, 203):
            plugin.name = self._text(payload)
        elif number == 213:
            plugin.data = payload
        else:
            return False
        return True

    def _mixer(self, number: int, value: int, payload: bytes) -> bool:
        inserts = self.project.inserts
        if number == 204:
            self._insert_name = self._text(payload)
        elif number == 236:
            flags = int.from_bytes(payload[4:8], "little")
            inserts.append(Insert(self._insert_name, flags))
            if len(inserts) > MAX_INSERTS:
                raise BadInput(f"the FL Studio project has more than {MAX_INSERTS} inserts")
            self._insert_name, self._plugin = "", None
        elif number == 201:
            self._plugin = Plugin(self._text(payload))
        elif number in (203, 213) and self._plugin is not None:
            self._describe(self._plugin, number, payload)
        elif number == 98 and inserts:
            if self._plugin is not None and self._plugin.internal:
                inserts[-1].slots[value & 0x3F] = self._plugin
            self._plugin = None
        elif number == 235 and inserts:
            if len(payload) > MAX_INSERTS:
                raise BadInput(f"an insert of the FL Studio project has {len(payload)} routes")
            inserts[-1].routes = payload
        else:
            return False
        return True
