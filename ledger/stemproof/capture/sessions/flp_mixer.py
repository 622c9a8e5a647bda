"""The mixer of an FL Studio project: inserts with levels, equalizer, slots, routes.

Event 225 holds all numbers as records of twelve bytes: four unknown, the parameter, where it is
(0x2000 + insert x 64 + slot; 0x4000 the whole project), the value.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from .flp_parts import NO_MIX, Insert, plugin_device
from .model import Device, Mixer, Parameter, Send, Track, TrackKind, Unit

_RECORD: Final = struct.Struct("<4xHHi")
_SLOT_ON, _SLOT_MIX = 0x1F00, 0x1F01
_ROUTE: Final = 0x1F40
_VOLUME, _PAN, _SEPARATION = 0x1FC0, 0x1FC1, 0x1FC2
_EQ: Final = tuple(
    (first + place, f"EQ {band} {name}", unit)
    for first, name, unit in (
        (0x1FD0, "gain", Unit.DECIBEL),
        (0x1FD8, "frequency", Unit.RAW),
        (0x1FE0, "width", Unit.RAW),
    )
    for place, band in enumerate(("low", "mid", "high"))
)
_POLARITY, _ENABLED, _SOLO = 1, 1 << 3, 1 << 12


def read_mixer_values(payload: bytes) -> dict[tuple[int, int], int]:
    """Read event 225: the value of each parameter at each place."""
    whole = len(payload) - len(payload) % _RECORD.size
    return {
        (where, parameter): value
        for parameter, where, value in _RECORD.iter_unpack(payload[:whole])
    }


@dataclass(frozen=True, slots=True)
class Mix:
    """All numbers of the mixer."""

    values: Mapping[tuple[int, int], int]

    def value(self, where: int, parameter: int, default: int) -> int:
        """Give a number, or the program's default where it is not stored."""
        return self.values.get((where, parameter), default)

    def of(self, insert: int, parameter: int, default: int, slot: int = 0) -> int:
        """Give a number of an insert or of one of its slots."""
        return self.value(0x2000 + (insert << 6) + slot, parameter, default)

    def name(self, inserts: Sequence[Insert], number: int) -> str:
        """Name an insert as the program does."""
        if 0 <= number < len(inserts) and inserts[number].name:
            return inserts[number].name
        return "Master" if number == 0 else f"Insert {number}"


def mixer_tracks(inserts: Sequence[Insert], mix: Mix) -> Iterator[Track]:
    """Give the master and every insert: they are always all there, so none comes or goes."""
    for number, insert in enumerate(inserts):
        yield _track(number, insert, inserts, mix)


def _track(number: int, insert: Insert, inserts: Sequence[Insert], mix: Mix) -> Track:
    volume, pan = mix.of(number, _VOLUME, NO_MIX), mix.of(number, _PAN, 0)
    routes = [target for target, is_on in enumerate(insert.routes) if is_on and target != number]
    # Without the event every insert plays into the master.
    to_master = number > 0 and (0 in routes or not insert.routes)
    sends = (
        Send(
            f"insert {target}",
            (
                Parameter(
                    "volume", f"{mix.of(number, _ROUTE + target, NO_MIX) / 128:.6g}", Unit.PERCENT
                ),
            ),
        )
        for target in routes
        if target and number
    )
    return Track(
        mix.name(inserts, number),
        TrackKind.BUS if number else TrackKind.MASTER,
        identity=f"insert {number}",
        own_name=insert.name,
        mixer=Mixer(
            volume=Parameter("volume", f"{volume / 128:.6g}", Unit.PERCENT),
            pan=Parameter("pan", f"{pan / 6400:.6g}", Unit.PAN),
            width=Parameter("width", str(mix.of(number, _SEPARATION, 0))),
            mute=not insert.flags & _ENABLED,
            solo=bool(insert.flags & _SOLO),
            phase=bool(insert.flags & _POLARITY),
            output="insert 0" if to_master else "",
            sends=tuple(sends),
        ),
        devices=tuple(_slots(number, insert, mix)),
        parameters=tuple(_equalizer(number, mix)),
    )


def _slots(number: int, insert: Insert, mix: Mix) -> Iterator[Device]:
    for slot, plugin in sorted(insert.slots.items()):
        level = mix.of(number, _SLOT_MIX, NO_MIX, slot) / 128
        is_on = mix.of(number, _SLOT_ON, 1, slot) != 0
        device = plugin_device(plugin, "effect", enabled=is_on)
        mixed = Parameter("mix", f"{level:.6g}", Unit.PERCENT)
        yield replace(device, parameters=(mixed, *device.parameters))


def _equalizer(number: int, mix: Mix) -> Iterator[Parameter]:
    for parameter, name, unit in _EQ:
        value = mix.of(number, parameter, 0)
        yield Parameter(name, f"{value / 100:g}" if unit is Unit.DECIBEL else str(value), unit)
