"""Devices of a Live set: Live's own, plug-ins, Max devices, and racks with their chains.

    <Devices>
      <Eq8 Id="3">
        <On>…</On>                                  timeables, see live_envelopes.py
        <Bands.1><ParameterA><Gain>…
      <InstrumentGroupDevice Id="4">                a rack
        <MacroControls.0>…, <MacroDisplayNames.0 Value="Cutoff" />
        <Branches><InstrumentBranch Id="0">         its chains
          <DeviceChain><MidiToAudioDeviceChain><Devices>…
          <MixerDevice>…

An `Id` is unique only inside its chain, so the identity of a device is the way to it.
The devices of a rack follow the rack in one flat list; `Device.place` says where each is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from stemproof.capture.states.decode import beside_named
from stemproof.errors import BadInput

from .live_catalog import Entry, entry_of
from .live_envelopes import Envelopes
from .live_knobs import Knobs, Settings
from .live_media import file_stem
from .live_plugins import PLUGINS, read_plugin_facts
from .live_xml import is_true, value
from .model import Device, Parameter, PluginId, PluginKind, Unit

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_RACKS: Final = 40
"""Racks inside racks; Live's own window is full at ten."""
_MAX_DEVICES: Final = frozenset({"MxDeviceAudioEffect", "MxDeviceInstrument", "MxDeviceMidiEffect"})
_STRIP: Final = Entry(
    "",
    laws={"Volume": Unit.GAIN, "Panorama": Unit.PAN_FIFTY, "Speaker": Unit.SWITCH},
    names={"Panorama": "pan", "Speaker": "on"},
    only=True,
)
"""The mixer of a rack's chain."""
_ZONES: Final = (
    ("ZoneSettings/KeyRange", "keys"),
    ("ZoneSettings/VelocityRange", "velocities"),
    ("BranchSelectorRange", "selector"),
)


def read_chain(
    devices: _Element | None, envelopes: Envelopes, way: str, unread: Counter[str]
) -> tuple[Device, ...]:
    """Read the devices of a track; `way` begins their identities."""
    if devices is None or not len(devices):
        return ()
    chain = _Chain(Knobs(envelopes), unread)
    found = list(chain.read(devices, way, "", 0))
    chain.knobs.read(devices)
    return tuple(
        replace(
            device,
            enabled=settings.enabled,
            parameters=beside_named(settings.parameters, device.parameters),
            automations=tuple(settings.automations),
        )
        for device, settings in found
    )


class _Chain:
    """Goes through the chains of one track, racks and all."""

    def __init__(self, knobs: Knobs, unread: Counter[str]) -> None:
        self.knobs = knobs
        self._unread = unread

    def read(
        self, devices: _Element, way: str, place: str, depth: int
    ) -> Iterator[tuple[Device, Settings]]:
        """Give the devices of a chain in order, those inside a rack behind their rack."""
        if depth > MAX_RACKS:
            raise BadInput(f"racks stand inside one another more than {MAX_RACKS} times")
        for node in devices:
            device, entry = self._device(node, way, place)
            branches = list(_branches(node))
            if branches:
                entry = _with_macros(entry, node)
            settings = self.knobs.add(node, entry, _label(device))
            yield device, settings
            rack = value(node, "UserName") or device.name
            for number, branch in enumerate(branches, start=1):
                name = _branch_name(branch, number)
                self._strip(settings, branch, f"chain '{name}'")
                below = f"{device.identity}/{branch.get('Id', str(number))}:{branch.tag!s}"
                where = f"{place} > {rack} > {name}" if place else f"{rack} > {name}"
                for chain in branch.iterfind("DeviceChain/*"):
                    inner = chain.find("Devices")
                    if inner is not None:
                        yield from self.read(inner, below, where, depth + 1)

    def _device(self, node: _Element, way: str, place: str) -> tuple[Device, Entry]:
        tag = str(node.tag)
        entry = _entry(node, tag)
        own_name = value(node, "UserName")
        device = Device(
            entry.title,
            ids=(PluginId(PluginKind.NATIVE, f"live:{tag}"),),
            vendor="Ableton",
            identity=f"{way}/{node.get('Id', '')}:{tag}",
            place=place,
            role=entry.role,
            preset=_preset(node),
        )
        if tag in PLUGINS:
            facts = read_plugin_facts(node, self._unread)
            device = replace(
                device,
                name=facts.name,
                ids=facts.ids,
                vendor=facts.vendor,
                role=facts.role,
                preset=facts.preset or device.preset,
                parameters=facts.parameters,
                state=facts.state,
            )
        elif tag in _MAX_DEVICES:
            patch = next(node.iterfind("PatchSlot/Value/*/FileRef"), None)
            title = (file_stem(patch) if patch is not None else "") or entry.title
            ids = (PluginId(PluginKind.NATIVE, f"max:{title}"),)
            device = replace(device, name=title, ids=ids, vendor="")
        if own_name and own_name != device.name:
            device = replace(device, name=f"{device.name} '{own_name}'")
        return device, entry

    def _strip(self, settings: Settings, branch: _Element, prefix: str) -> None:
        """Read the strip of a rack's chain, and which keys play it."""
        mixer = branch.find("MixerDevice")
        if mixer is not None:
            self.knobs.own(mixer, settings, prefix, _STRIP)
        solo = "1" if is_true(branch, "IsSoloed") else "0"
        settings.parameters.append(Parameter(f"{prefix} solo", solo, Unit.SWITCH))
        for path, name in _ZONES:
            zone = branch.find(path)
            if zone is not None:
                text = f"{value(zone, 'Min')} to {value(zone, 'Max')}"
                settings.parameters.append(Parameter(f"{prefix} {name}", text))
        pad = value(branch, "BranchInfo/ReceivingNote")
        if pad:
            settings.parameters.append(Parameter(f"{prefix} pad", pad))


def _label(device: Device) -> str:
    return f"{device.place} > {device.name}" if device.place else device.name


def _entry(node: _Element, tag: str) -> Entry:
    # Until Live 9 Utility's gain was stored in dB, since then as an amplitude.
    if tag == "StereoGain" and node.find("StereoSeparation") is not None:
        return entry_of("StereoGain 9")
    return entry_of(tag)


def _preset(node: _Element) -> str:
    reference = node.find("LastPresetRef/Value/FilePresetRef/FileRef")
    return "" if reference is None else file_stem(reference)


def _branches(node: _Element) -> Iterator[_Element]:
    for tag in ("Branches", "ReturnBranches"):
        holder = next(node.iterchildren(tag), None)
        if holder is not None:
            yield from holder


def _branch_name(branch: _Element, number: int) -> str:
    name = value(branch, "Name/UserName") or value(branch, "Name/EffectiveName")
    return name or value(branch, "Name") or f"chain {number}"


def _with_macros(entry: Entry, rack: _Element) -> Entry:
    """Call macros as the musician named them."""
    names = {}
    for child in rack:
        stem, _, number = str(child.tag).partition(".")
        if stem == "MacroDisplayNames" and len(number) < 4 and number.isdecimal():
            plain, shown = f"macro {int(number) + 1}", child.get("Value", "")
            is_own = shown and shown.lower() != plain
            names[f"MacroControls.{number}"] = f"{plain} ({shown})" if is_own else plain
    return Entry(entry.title, entry.role, entry.laws, {**entry.names, **names}, entry.words)
