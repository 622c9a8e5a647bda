"""Processors of an Ardour route: plug-ins as devices, sends, and what is only plumbing.

    <Processor id="195" name="ACE EQ" active="1" type="lv2" unique-id="urn:ardour:a-eq">
      <lv2 last-preset-label="" state-dir="state1"><Port symbol="gl" value="3.5"/></lv2>
      <Controllable name="Gain L" value="3.5" parameter="1" symbol="gl"/>
    </Processor>

The vendor of a plug-in is not stored. An opaque state is a `chunk` of base64 (VST), a property
list (Audio Units) or a numbered folder beside the session (LV2): then the number stands for it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .ardour_automation import Controls, is_on, read_parameter, read_value
from .model import (
    Automation,
    Device,
    Parameter,
    PluginId,
    PluginKind,
    Send,
    State,
    Unit,
)

if TYPE_CHECKING:
    from lxml.etree import _Element

    from .ardour_time import Clock

_PLUGINS = {
    "lv2": PluginKind.LV2,
    "ladspa": PluginKind.LADSPA,
    "windows-vst": PluginKind.VST2,
    "lxvst": PluginKind.VST2,
    "mac-vst": PluginKind.VST2,
    "vst": PluginKind.VST2,
    "vst3": PluginKind.VST3,
    "audiounit": PluginKind.AU,
    "luaproc": PluginKind.NATIVE,
}
_STATE_NODES = (*_PLUGINS, "plugin")
# Fader, trim, meters, delays and the disk: their controls are read with the route.
_PLUMBING = frozenset(
    {
        *("amp", "trim", "meter", "main-outs", "polarity", "diskreader", "diskwriter", "delay"),
        *("intreturn", "return", "capture", "monitor", "delivery", "volume", "latcomp", "beatbox"),
    }
)
_VST2_CODE = 1 << 32


@dataclass(slots=True)
class Chain:
    """What the processors of one route are, in order."""

    devices: list[Device] = field(default_factory=list)
    sends: list[Send] = field(default_factory=list)
    automations: list[Automation] = field(default_factory=list)


def read_chain(route: _Element, clock: Clock, unread: Counter[str]) -> Chain:
    """Read the processors of a route."""
    chain = Chain()
    for node in route.iterfind("Processor"):
        kind = node.get("type", "")
        if kind in _PLUGINS:
            chain.devices.append(read_plugin(node, clock, unread))
        elif kind in ("intsend", "send"):
            _read_send(node, chain, clock, unread)
        elif kind in ("insert", "port"):
            chain.devices.append(_insert(node))
        elif kind == "triggerbox":
            used = sum(1 for t in node.iter("Trigger") if t.get("region"))
            unread.update({"launch slots": used} if used else {})
        elif kind not in _PLUMBING:
            unread[f"processor {kind[:30]}"] += 1
    return chain


def read_plugin(node: _Element, clock: Clock, unread: Counter[str]) -> Device:
    """Read a plug-in of a route or, since version 8, of a region."""
    kind = _PLUGINS.get(node.get("type", ""), PluginKind.UNKNOWN)
    state = next((child for child in node if child.tag in _STATE_NODES), None)
    controls = Controls([node], clock, unread)
    numbered = [c for c in node.iterfind("Controllable") if c.get("parameter") is not None]
    names = {f"parameter-{c.get('parameter')}": c.get("name", "") for c in numbered}
    parameters = [
        read_parameter(
            control,
            control.get("name", ""),
            Unit.SWITCH if "Toggle" in control.get("flags", "") else Unit.RAW,
            is_playing=controls.is_playing(f"parameter-{control.get('parameter')}"),
        )
        for control in numbered
    ]
    if state is not None:
        known = {c.get(key) for c in numbered for key in ("symbol", "parameter")}
        parameters += _ports(state, known)
    return Device(
        node.get("name", ""),
        ids=(_plugin_id(kind, node.get("unique-id", "")),),
        identity=node.get("id", ""),
        role="instrument" if _is_instrument(node) else "effect",
        enabled=is_on(node.get("active", "1")),
        preset="" if state is None else state.get("last-preset-label", ""),
        parameters=tuple(parameters),
        state=None if state is None else _state(state),
        automations=tuple(controls.lanes(names=names)),
    )


def _plugin_id(kind: PluginKind, written: str) -> PluginId:
    if kind is PluginKind.VST2 and written.lstrip("-").isdecimal() and len(written) < 12:
        # A VST2 id is four characters, which Ardour writes as one signed number.
        code = (int(written) % _VST2_CODE).to_bytes(4, "big").decode("latin-1")
        return PluginId(kind, code)
    if kind is PluginKind.VST3:
        return PluginId(kind, written.upper())
    if kind is PluginKind.NATIVE:
        return PluginId(kind, f"ardour:lua:{written}")
    return PluginId(kind, written)


def _ports(state: _Element, known: set[str | None]) -> Iterator[Parameter]:
    """Read values that stand only in the plug-in's own state, under the names used there."""
    for port in state.iterfind("Port"):
        name = port.get("symbol") or port.get("number") or port.get("id") or ""
        # The numbers of a VST3 are not those of its controls: then the controls are enough.
        if name not in known and not (known and port.get("id")):
            shown = name if port.get("symbol") else f"parameter {name}"
            yield Parameter(shown, read_value(port))
    for values in state.iterfind("parameters"):
        if not known:
            for key, value in sorted(values.attrib.items()):
                yield Parameter(str(key).replace("_", " ").replace("-", " "), str(value))


def _state(state: _Element) -> State | None:
    digest, size = hashlib.sha256(), 0
    for child in state:
        if child.tag in ("Port", "parameters"):
            continue
        for element in child.iter():
            text = "".join((element.text or "").split())
            digest.update(f"{element.tag!s} {text}\n".encode("utf-8", "surrogatepass"))
            size += len(text)
    folder = state.get("state-dir", "")
    digest.update(folder.encode("utf-8", "surrogatepass"))
    return State(digest.hexdigest(), size) if size or folder else None


def _is_instrument(node: _Element) -> bool:
    """Tell a device that makes sound of notes from one that changes sound."""
    counts = {
        (part, channels.get("type")): channels.get("count", "0")
        for part in ("ConfiguredInput", "ConfiguredOutput")
        for channels in node.iterfind(f"{part}/Channels")
    }
    takes_audio = counts.get(("ConfiguredInput", "audio"), "0") != "0"
    takes_notes = counts.get(("ConfiguredInput", "midi"), "0") != "0"
    gives_audio = counts.get(("ConfiguredOutput", "audio"), "0") != "0"
    return takes_notes and gives_audio and not takes_audio


def _insert(node: _Element) -> Device:
    return Device(
        node.get("name", ""),
        ids=(PluginId(PluginKind.NATIVE, "ardour:insert"),),
        identity=node.get("id", ""),
        enabled=is_on(node.get("active", "1")),
    )


def _read_send(node: _Element, chain: Chain, clock: Clock, unread: Counter[str]) -> None:
    if node.get("role") == "Listen":
        return  # to the monitor section
    target = node.get("target") or node.get("name") or ""
    # Version 3 to 5 keep the level in a fader of its own.
    controls = Controls([node, *node.iterfind("Processor")], clock, unread)
    level = controls.parameter("send") or controls.parameter("gain")
    found = [] if level is None else [replace(level, name="level")]
    shell = node.find("PannerShell")
    if shell is not None and not is_on(shell.get("linked-to-route", "1")):
        panner = Controls(node.iterfind("Pannable"), clock, unread)
        pan = panner.parameter("pan-azimuth")
        found += [] if pan is None else [pan]
    found.append(Parameter("on", "1" if is_on(node.get("active", "1")) else "0", Unit.SWITCH))
    chain.sends.append(Send(target, tuple(found)))
    chain.automations += controls.lanes(f"send to {node.get('name', '')}: ")
