"""Routes of an Ardour session: tracks, busses, the master and VCAs with their channel strips.

A route's main output is where its ports are connected: to the ports of other routes, which
carry the routes' names. Connections to the sound card are not read, as another computer has
another card.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from .ardour_automation import Controls, is_on, read_parameter
from .ardour_processors import read_chain
from .model import Mixer, Parameter, Send, Track, TrackKind, Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lxml.etree import _Element

    from .ardour_time import Clock

_KNOWN_PARTS = frozenset(
    {
        *("PresentationInfo", "Controllable", "IO", "MuteMaster", "Automation", "Pannable"),
        *("Processor", "Slavable", "Slaved", "Diskstream", "Comment", "RemoteControl", "Extra"),
        *("MonitorState", "FreezeInfo", "SurroundSends", "ProcessorStreams", "Panner"),
    }
)


class Network:
    """Who is connected to whom, which group and which VCA a route belongs to."""

    def __init__(self, root: _Element, routes: Sequence[_Element]) -> None:
        self._ids = {node.get("name", ""): node.get("id", "") for node in routes}
        self._master = next((n.get("id", "") for n in routes if _kind(n) is TrackKind.MASTER), "")
        self._groups: dict[str, str] = {}
        for group in root.iterfind("RouteGroups/RouteGroup"):
            for number in group.get("routes", "").split():
                self._groups[number] = group.get("name", "")
        self._vcas = {
            v.get("number", ""): v.get("name", "") for v in root.iterfind("VCAManager/VCA")
        }

    def targets(self, node: _Element) -> list[str]:
        """List the routes that a route's main outputs feed, the master first."""
        outputs = [io for io in node.iterfind("IO") if io.get("direction") == "Output"]
        if not any(port.get("type") == "audio" for io in outputs for port in io.iterfind("Port")):
            # Once it has sound (from an instrument), Ardour connects it to the master.
            return [self._master]
        found = set()
        for io in outputs:
            for connection in io.iter("Connection"):
                name, _, port = connection.get("other", "").rpartition("/")
                if name in self._ids and "_in" in port:
                    found.add(self._ids[name])
        return sorted(found, key=lambda t: (t != self._master, len(t), t))

    def group(self, node: _Element) -> str:
        """Name the group of a route."""
        return self._groups.get(node.get("id", ""), "") or node.get("route-group", "")

    def vcas(self, node: _Element) -> str:
        """Name the VCAs that a route follows."""
        numbers = [m.get("number", "") for m in node.iterfind("Slavable/Master")]
        return ", ".join(sorted(self._vcas.get(n, n) for n in numbers))


def read_route(node: _Element, network: Network, clock: Clock, unread: Counter[str]) -> Track:
    """Read one route without its clips."""
    for child in node:
        if child.tag not in _KNOWN_PARTS:
            unread[f"part of a route: {str(child.tag)[:30]}"] += 1
    chain = read_chain(node, clock, unread)
    controls = _controls(node, clock, unread)
    targets = network.targets(node)
    mixer = Mixer(
        trim=_unless_playing(controls.parameter("trim")),
        volume=_unless_playing(controls.parameter("gain")),
        pan=_unless_playing(controls.parameter("pan-azimuth")),
        width=_unless_playing(controls.parameter("pan-width")),
        mute=_is_muted(node) and not controls.is_playing("mute"),
        solo=_is_soloed(node),
        phase="1" in _phase(node),
        output=targets[0] if targets else "",
        sends=(*chain.sends, *(Send(target) for target in targets[1:])),
    )
    return Track(
        node.get("name", ""),
        _kind(node),
        identity=node.get("id", ""),
        mixer=mixer,
        devices=tuple(chain.devices),
        automations=(*controls.lanes(), *chain.automations),
        parameters=_settings(node, network),
        source=_inputs(node),
    )


def read_vca(node: _Element, clock: Clock, unread: Counter[str]) -> Track:
    """Read a VCA: a fader that moves those of other routes."""
    controls = Controls([node], clock, unread)
    return Track(
        node.get("name", ""),
        TrackKind.BUS,
        identity=f"vca {node.get('number', '')}",
        mixer=Mixer(
            volume=_unless_playing(controls.parameter("gain")),
            mute=_is_muted(node),
            solo=_is_soloed(node),
        ),
        automations=tuple(controls.lanes()),
    )


def _inputs(node: _Element) -> str:
    """Name what its inputs are connected to, each once."""
    found = [
        connection.get("other", "")
        for io in node.iterfind("IO")
        if io.get("direction") == "Input"
        for connection in io.iterfind("Port/Connection")
    ]
    return ", ".join(dict.fromkeys(name for name in found if name))


def _controls(node: _Element, clock: Clock, unread: Counter[str]) -> Controls:
    faders = [p for p in node.iterfind("Processor") if p.get("type") in ("amp", "trim")]
    # The main fader is the amp that is called so; a later one belongs to a send.
    return Controls([node, *node.iterfind("Pannable"), *faders], clock, unread)


def _unless_playing(parameter: Parameter | None) -> Parameter | None:
    if parameter is None or parameter.automated:
        return None
    return parameter


def _kind(node: _Element) -> TrackKind:
    info = node.find("PresentationInfo")
    flags = node.get("flags", "") if info is None else info.get("flags", "")
    if "MasterOut" in flags:
        return TrackKind.MASTER
    is_track = (
        node.find("Diskstream") is not None
        or node.get("audio-playlist") is not None
        or node.get("midi-playlist") is not None
    )
    if not is_track:
        return TrackKind.BUS
    return TrackKind.INSTRUMENT if node.get("default-type") == "midi" else TrackKind.AUDIO


def _control(node: _Element, name: str) -> _Element | None:
    return next((c for c in node.iterfind("Controllable") if c.get("name") == name), None)


def _is_muted(node: _Element) -> bool:
    master = node.find("MuteMaster")
    if master is not None and master.get("muted") is not None:
        return is_on(master.get("muted", ""))
    control = _control(node, "mute")
    return control is not None and is_on(control.get("value", "0"))


def _is_soloed(node: _Element) -> bool:
    control = _control(node, "solo")
    # The value counts solo by neighbours too; version 3 keeps the switch on the route.
    own = node.get("self-solo") if control is None else control.get("self-solo")
    own = own or node.get("self-solo") or (control.get("value") if control is not None else "0")
    return is_on(own or "0")


def _phase(node: _Element) -> str:
    """Give one digit a channel."""
    control = _control(node, "phase")
    return (control.get("phase-invert") if control is not None else node.get("phase-invert")) or ""


def _settings(node: _Element, network: Network) -> tuple[Parameter, ...]:
    comment = node.find("Comment")
    found = [
        Parameter("active", "1" if is_on(node.get("active", "1")) else "0", Unit.SWITCH),
        Parameter("comment", (comment.text or "") if comment is not None else "", Unit.TEXT),
        Parameter("group", network.group(node), Unit.TEXT),
        Parameter("VCA", network.vcas(node), Unit.TEXT),
    ]
    level = _control(node, "mastervolume")
    if level is not None:
        found.append(read_parameter(level, "listening level", Unit.GAIN, is_playing=False))
    digits = _phase(node)
    if "1" in digits and "0" in digits:
        found.append(replace(found[1], name="phase by channel", value=digits))
    return tuple(found)
