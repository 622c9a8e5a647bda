"""Plug-ins in a Live set: VST2, VST3 and Audio Units, with vendor, ids, preset and state.

    <PluginDevice Id="1">
      <SourceContext>…<BrowserContentPath Value="query:Plugins#VST3:FabFilter:Pro-Q%203" />
                      <BranchDeviceId Value="device:vst3:audiofx:72c4db71-…" />
      <PluginDesc>
        <VstPluginInfo>  <PlugName/> <UniqueId/> <Preset><VstPreset> <Buffer>hexadecimal
        <Vst3PluginInfo> <Name/> <Uid><Fields.0…3/> <Preset><Vst3Preset>
                         <ProcessorState> and <ControllerState>, hexadecimal
        <AuPluginInfo>   <Name/> <Manufacturer/> <ComponentType…/> <Preset><AuPreset> <Buffer>

The vendor of a VST stands only in the path by which it was found in the browser, if it was.
"""

from __future__ import annotations

import binascii
import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from stemproof.capture.states.decode import Decoded, decode_state

from .live_xml import value
from .model import Parameter, PluginId, PluginKind, State
from .numbers import is_decimal

if TYPE_CHECKING:
    from lxml.etree import _Element

PLUGINS: Final = frozenset({"PluginDevice", "AuPluginDevice"})
_INFOS: Final = {
    "VstPluginInfo": PluginKind.VST2,
    "Vst3PluginInfo": PluginKind.VST3,
    "AuPluginInfo": PluginKind.AU,
}
_STATES: Final = ("Buffer", "ProcessorState", "ControllerState")
_NO_VENDOR: Final = frozenset({"", "Local", "Custom", "Unknown", "System"})
_VST2_SYNTH: Final = "2"
_VST3_INSTRUMENT: Final = "1"
_AU_COMPONENTS: Final = ("ComponentType", "ComponentSubType", "ComponentManufacturer")


@dataclass(frozen=True, slots=True)
class PluginFacts:
    """What a set says about a plug-in besides its parameters."""

    name: str
    ids: tuple[PluginId, ...]
    vendor: str
    role: str
    preset: str
    parameters: tuple[Parameter, ...]
    state: State | None


def read_plugin_facts(device: _Element, unread: Counter[str]) -> PluginFacts:
    """Read a plug-in's description."""
    holder = device.find("PluginDesc")
    info = next(iter(holder), None) if holder is not None else None
    if info is None or info.tag not in _INFOS:
        unread["plug-in of an unknown kind"] += 1
        return PluginFacts("plug-in", (), "", "effect", "", (), None)
    kind = _INFOS[str(info.tag)]
    name = value(info, "PlugName") or value(info, "Name") or value(device, "UserName")
    preset = info.find("Preset/*")
    ids = _ids(info, kind)
    parameters, state = ((), None) if preset is None else _settings(preset, ids, name)
    return PluginFacts(
        name or "plug-in",
        ids,
        _vendor(device, info),
        "instrument" if _is_instrument(device, info, kind) else "effect",
        value(preset, "Name") if preset is not None else "",
        parameters,
        state,
    )


def _ids(info: _Element, kind: PluginKind) -> tuple[PluginId, ...]:
    if kind is PluginKind.VST2:
        number = _unsigned(value(info, "UniqueId"))
        return (
            () if number is None else (PluginId(kind, number.to_bytes(4, "big").decode("latin-1")),)
        )
    if kind is PluginKind.VST3:
        fields = [_unsigned(value(info, f"Uid/Fields.{n}")) for n in range(4)]
        whole = "".join(f"{field:08X}" for field in fields if field is not None)
        return (PluginId(kind, whole),) if len(whole) == 32 else ()
    codes = [_unsigned(value(info, tag)) for tag in _AU_COMPONENTS]
    parts = [code.to_bytes(4, "big").decode("latin-1") for code in codes if code is not None]
    return (PluginId(kind, " ".join(parts)),) if len(parts) == 3 else ()


def _unsigned(text: str) -> int | None:
    # Ids are written as signed or unsigned numbers of 32 bits.
    if len(text) > 11 or not text.removeprefix("-").isdigit() or not text.isascii():
        return None
    return int(text) % (1 << 32)


def _vendor(device: _Element, info: _Element) -> str:
    for tag in ("Manufacturer", "ManufacturerName", "Vendor"):
        name = value(info, tag)
        if name and not is_decimal(name):
            return name
    path = value(device, "SourceContext/Value/BranchSourceContext/BrowserContentPath")
    parts = path.partition("#")[2].split(":")
    vendor = unquote(parts[1]) if len(parts) > 2 else ""
    return "" if vendor in _NO_VENDOR else vendor


def _is_instrument(device: _Element, info: _Element, kind: PluginKind) -> bool:
    known = value(device, "SourceContext/Value/BranchSourceContext/BranchDeviceId").split(":")
    if len(known) > 2:
        return known[2] == "instr"
    if kind is PluginKind.VST2:
        return value(info, "Category") == _VST2_SYNTH
    if kind is PluginKind.VST3:
        return value(info, "DeviceType") == _VST3_INSTRUMENT
    return value(info, "ComponentType") == str(int.from_bytes(b"aumu", "big"))


def _settings(preset: _Element, ids: tuple[PluginId, ...], name: str) -> Decoded:
    """Read what the plug-in stored itself, as far as its family is known."""
    found: list[Parameter] = []
    left: list[State] = []
    for tag in _STATES:
        stored = _bytes(preset.find(tag))
        if stored:
            parameters, state = decode_state(stored, ids=ids, name=name)
            found += parameters
            left += [state] if state is not None else []
    if len(left) < 2:
        return tuple(found), left[0] if left else None
    digests = hashlib.sha256("".join(state.digest for state in left).encode())
    return tuple(found), State(digests.hexdigest(), sum(state.size for state in left))


def _bytes(node: _Element | None) -> bytes:
    text = "" if node is None else node.text or ""
    try:
        return bytes.fromhex(text)
    except ValueError:
        # Blanks within a pair of digits, or no digits at all.
        text = "".join(text.split())
    try:
        return binascii.unhexlify(text)
    except (binascii.Error, ValueError):
        return text.encode("utf-8", "surrogatepass")
