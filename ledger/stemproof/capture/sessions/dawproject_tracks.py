"""Tracks and channel strips of a DAWproject, and which parameter an automation lane may move.

A `Track` holds one `Channel` and nested tracks; a `Channel` may also stand alone (busses of
programs that have no track for them). Both are one `Strip` here. `destination` and `Target` name
others by the file's passing numbers, which are resolved to names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from stemproof.capture.states.decode import Decoded
from stemproof.errors import BadInput

from .dawproject_devices import read_device
from .dawproject_numbers import is_true, level_unit, number, pan_scale, pan_value
from .model import (
    Automation,
    Clip,
    Device,
    Mixer,
    Parameter,
    Send,
    TrackKind,
    Unit,
)

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_TRACKS: Final = 20_000
ReadState = Callable[["_Element | None"], Decoded]
_ROLES: Final = {
    "master": TrackKind.MASTER,
    "effect": TrackKind.BUS,
    "effectTrack": TrackKind.BUS,  # so before the schema was final
    "submix": TrackKind.BUS,
    "vca": TrackKind.BUS,
}
_CHANNEL_PARTS: Final = frozenset({"Devices", "Mute", "Pan", "Sends", "Volume"})


@dataclass(frozen=True, slots=True)
class Target:
    """A parameter that can be automated; `device` is its place in the chain, or None."""

    strip: Strip
    device: int | None
    name: str
    unit: Unit
    pan: tuple[Fraction, Fraction] | None = None
    level: bool = False


@dataclass(slots=True, eq=False)
class Strip:
    """A track or a lone channel while it is read."""

    name: str
    kind: TrackKind
    parent: str
    track: _Element | None
    channel: _Element | None
    mixer: Mixer = field(default_factory=Mixer)
    parameters: tuple[Parameter, ...] = ()
    devices: list[Device] = field(default_factory=list)
    clips: list[Clip] = field(default_factory=list)
    automations: list[Automation] = field(default_factory=list)
    device_automations: dict[int, list[Automation]] = field(default_factory=dict)
    targets: dict[str, Target] = field(default_factory=dict)

    def finished_devices(self) -> Iterator[Device]:
        """Give the devices with the lanes that move them."""
        for index, device in enumerate(self.devices):
            lanes = self.device_automations.get(index, [])
            moved = {lane.target for lane in lanes if lane.points}
            parameters = mark_moved(device.parameters, moved)
            yield replace(device, automations=tuple(lanes), parameters=parameters)

    def ids(self) -> Iterator[str]:
        """Give the numbers under which the file names this strip."""
        for node in (self.track, self.channel):
            if node is not None and node.get("id"):
                yield node.get("id", "")


def mark_moved(
    parameters: Sequence[Parameter], moved: Collection[str], prefix: str = ""
) -> tuple[Parameter, ...]:
    """Mark what automation moves: the stored number is where the playhead left it."""
    return tuple(replace(p, automated=True) if prefix + p.name in moved else p for p in parameters)


def read_structure(root: _Element, read_state: ReadState, unread: Counter[str]) -> list[Strip]:
    """Read every track and channel in the order of the document, without what lies on them."""
    structure = root.find("Structure")
    strips = [] if structure is None else list(_walk(structure, "", unread))
    if len(strips) > MAX_TRACKS:
        raise BadInput(f"the DAWproject has {len(strips)} tracks, want at most {MAX_TRACKS}")
    names = {key: strip.name for strip in strips for key in strip.ids()}
    for strip in strips:
        channel = strip.channel
        if channel is not None:
            _read_channel(strip, channel, names, unread)
            for index, node in enumerate(channel.iterfind("Devices/*")):
                _read_device(strip, index, node, read_state, unread)
        strip.parameters = tuple(_parameters(strip))
    return strips


def _walk(parent: _Element, folder: str, unread: Counter[str]) -> Iterator[Strip]:
    for node in parent:
        if node.tag == "Track":
            strip = _track(node, folder)
            yield strip
            yield from _walk(node, strip.name, unread)
        elif node.tag == "Channel" and parent.tag == "Structure":
            kind = _ROLES.get(node.get("role", ""), TrackKind.BUS)
            yield Strip(node.get("name", ""), kind, folder, None, node)
        elif node.tag != "Channel":
            unread[str(node.tag)[:40]] += 1


def _track(node: _Element, folder: str) -> Strip:
    channel = node.find("Channel")
    content = node.get("contentType", "").split()
    role = "" if channel is None else channel.get("role", "")
    if "tracks" in content or node.find("Track") is not None:
        kind = TrackKind.FOLDER
    elif role in _ROLES:
        kind = _ROLES[role]
    elif content == ["notes"]:
        kind = TrackKind.INSTRUMENT
    elif content == ["audio"]:
        kind = TrackKind.AUDIO
    elif content == ["automation"]:
        kind = TrackKind.AUTOMATION
    else:
        kind = TrackKind.TRACK
    return Strip(node.get("name", ""), kind, folder, node, channel)


def _parameters(strip: Strip) -> Iterator[Parameter]:
    if strip.track is not None and strip.track.get("loaded") is not None:
        yield Parameter("active", "1" if is_true(strip.track.get("loaded")) else "0", Unit.SWITCH)


def _read_channel(
    strip: Strip, channel: _Element, names: dict[str, str], unread: Counter[str]
) -> None:
    for node in channel:
        if node.tag not in _CHANNEL_PARTS:
            unread[str(node.tag)[:40]] += 1
    volume, pan, mute = channel.find("Volume"), channel.find("Pan"), channel.find("Mute")
    destination = channel.get("destination", "")
    strip.mixer = Mixer(
        volume=_level(strip, volume, "volume"),
        pan=_pan(strip, pan, "pan"),
        mute=number(mute, "0") == "1",
        solo=is_true(channel.get("solo")),
        output=names.get(destination, "") if destination else "",
        sends=tuple(_send(strip, node, names) for node in channel.iterfind("Sends/Send")),
    )
    _register(strip, mute, Target(strip, None, "mute", Unit.SWITCH))


def _send(strip: Strip, node: _Element, names: dict[str, str]) -> Send:
    name = names.get(node.get("destination", ""), "")
    enable = node.find("Enable")
    found = [
        _level(strip, node.find("Volume"), f"send to {name} volume"),
        _pan(strip, node.find("Pan"), f"send to {name} pan"),
    ]
    parameters = [replace(p, name=p.name.rpartition(" ")[2]) for p in found if p is not None]
    parameters.append(Parameter("enabled", number(enable, "1"), Unit.SWITCH))
    parameters.append(Parameter("tap", node.get("type", "post")))
    _register(strip, enable, Target(strip, None, f"send to {name} enabled", Unit.SWITCH))
    return Send(name, tuple(parameters))


def _level(strip: Strip, node: _Element | None, name: str) -> Parameter | None:
    if node is None:
        return None
    unit = level_unit(node.get("unit"))
    _register(strip, node, Target(strip, None, name, unit, level=True))
    return Parameter(name, number(node, "1"), unit)


def _pan(strip: Strip, node: _Element | None, name: str) -> Parameter | None:
    if node is None:
        return None
    scale = pan_scale(node)
    _register(strip, node, Target(strip, None, name, Unit.PAN, pan=scale))
    return Parameter(name, pan_value(number(node, "0.5"), scale), Unit.PAN)


def _read_device(
    strip: Strip, index: int, node: _Element, read_state: ReadState, unread: Counter[str]
) -> None:
    device, parameters = read_device(node, read_state, unread)
    strip.devices.append(device)
    for parameter, told in parameters:
        _register(strip, parameter, Target(strip, index, told.name, told.unit))
    _register(strip, node.find("Enabled"), Target(strip, index, "on", Unit.SWITCH))


def _register(strip: Strip, node: _Element | None, target: Target) -> None:
    if node is not None and node.get("id"):
        strip.targets[node.get("id", "")] = target
