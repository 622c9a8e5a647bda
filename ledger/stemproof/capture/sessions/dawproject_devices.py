"""Devices of a DAWproject channel: plug-ins, the four that the schema describes, built-in ones.

Vst2Plugin's id is the four-character code as a decimal number, Vst3Plugin's the class id in
hexadecimal, ClapPlugin's the reverse domain name. Only parameters that the program chose to tell
stand in the file; the rest is in the state, which is read as far as its family is known.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from stemproof.capture.states.decode import Decoded, beside_named

from .dawproject_numbers import is_true, number, unit_of
from .model import Device, Parameter, PluginId, PluginKind, Unit

if TYPE_CHECKING:
    from lxml.etree import _Element

_KINDS: Final = {
    "Vst2Plugin": PluginKind.VST2,
    "Vst3Plugin": PluginKind.VST3,
    "ClapPlugin": PluginKind.CLAP,
    "AuPlugin": PluginKind.AU,
    "BuiltinDevice": PluginKind.NATIVE,
    "Device": PluginKind.UNKNOWN,
}
# Described by the schema itself, so their parameters are elements with names of their own.
_DESCRIBED: Final = frozenset({"Equalizer", "Compressor", "NoiseGate", "Limiter"})
_PARAMETERS: Final = frozenset(
    {"RealParameter", "BoolParameter", "IntegerParameter", "EnumParameter"}
)
_FRAME: Final = frozenset({"Parameters", "Enabled", "State", "Band"})
_CODE: Final = re.compile(r"-?\d{1,10}", re.ASCII)
_WORDS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def read_device(
    node: _Element, read_state: Callable[[_Element | None], Decoded], unread: Counter[str]
) -> tuple[Device, list[tuple[_Element, Parameter]]]:
    """Read a device, and give its parameters with the elements that automation names."""
    tag = str(node.tag)
    if tag not in _KINDS and tag not in _DESCRIBED:
        unread[tag[:40]] += 1
    found = [*_listed(node, unread), *_described(node, tag, unread)]
    name = node.get("deviceName") or node.get("name") or tag
    given = node.get("name", "")
    loaded = node.get("loaded")
    decoded, state = read_state(node.find("State"))
    device = Device(
        name,
        ids=_ids(node, tag),
        vendor=node.get("deviceVendor", ""),
        role="instrument" if node.get("deviceRole") == "instrument" else "effect",
        enabled=number(node.find("Enabled"), "1") == "1" and (loaded is None or is_true(loaded)),
        # Bitwig gives a device the name of its preset.
        preset="" if given == name else given,
        parameters=beside_named([parameter for _, parameter in found], decoded),
        state=state,
    )
    return device, found


def _ids(node: _Element, tag: str) -> tuple[PluginId, ...]:
    kind = _KINDS.get(tag, PluginKind.NATIVE)
    value = node.get("deviceID", "")
    if tag in _DESCRIBED:
        return (PluginId(kind, f"dawproject:{tag}"),)
    if kind is PluginKind.VST2 and _CODE.fullmatch(value):
        code = (int(value) % (1 << 32)).to_bytes(4, "big").decode("latin-1")
        return (PluginId(kind, code),)
    if kind is PluginKind.VST3:
        value = value.replace("-", "").upper()
    return (PluginId(kind, value),) if value else ()


def _listed(node: _Element, unread: Counter[str]) -> Iterator[tuple[_Element, Parameter]]:
    for child in node.iterfind("Parameters/*"):
        if child.tag not in _PARAMETERS:
            unread[str(child.tag)[:40]] += 1
            continue
        name = child.get("name") or f"parameter {child.get('parameterID', '?')}"
        yield child, _parameter(child, name)


def _described(
    node: _Element, tag: str, unread: Counter[str]
) -> Iterator[tuple[_Element, Parameter]]:
    for child in node:
        if child.tag in _FRAME:
            continue
        if tag not in _DESCRIBED:
            unread[str(child.tag)[:40]] += 1
            continue
        yield child, _parameter(child, _spaced(str(child.tag)))
    for place, band in enumerate(node.iterfind("Band"), start=1):
        for name in ("type", "order"):
            if band.get(name):
                yield band, Parameter(f"band {place} {name}", _spaced(band.get(name, "")))
        for child in band:
            yield child, _parameter(child, f"band {place} {_spaced(str(child.tag))}")


def _parameter(node: _Element, name: str) -> Parameter:
    is_switch = node.tag in ("BoolParameter", "Enabled", "AutoMakeup")
    unit = Unit.SWITCH if is_switch else unit_of(node.get("unit"))
    return Parameter(name, number(node, ""), unit)


def _spaced(word: str) -> str:
    return _WORDS.sub(" ", word).lower()
