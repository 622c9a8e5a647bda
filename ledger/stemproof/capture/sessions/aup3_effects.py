"""Real-time effects of Audacity 3.2 and later: a chain in a track or in the project.

An effect's id is `Effect_<family>_<vendor>_<name>_<where it lies>`; its settings are named
parameters, among them the whole state of a plug-in as one long text.
"""

from __future__ import annotations

import hashlib
from typing import Final

from .aup3_xml import Element
from .model import Device, Parameter, PluginId, PluginKind, State

_FAMILIES: Final = {
    "Audacity": PluginKind.NATIVE,
    "VST": PluginKind.VST2,
    "VST3": PluginKind.VST3,
    "AudioUnit": PluginKind.AU,
    "LV2": PluginKind.LV2,
    "LADSPA": PluginKind.LADSPA,
    "Nyquist": PluginKind.NATIVE,
}
_MAX_PARAMETERS: Final = 5_000
# Longer than any number or name of a setting: it is a plug-in's packed state.
_LONGEST_VALUE: Final = 200


def read_effects(chain: Element) -> list[Device]:
    """Read a chain of effects, in order; a chain switched off switches each of them off."""
    is_on = chain.get("active", "1") != "0"
    return [_effect(node, is_on=is_on) for node in chain.all("effect")]


def _effect(node: Element, *, is_on: bool) -> Device:
    family, vendor, name, place = _parts(node.get("id"))
    kind = _FAMILIES.get(family, PluginKind.UNKNOWN)
    parameters, packed = [], hashlib.sha256()
    size = 0
    for group in node.all("parameters"):
        for parameter in group.all("parameter")[:_MAX_PARAMETERS]:
            value = parameter.get("value")
            if len(value) <= _LONGEST_VALUE:
                parameters.append(Parameter(parameter.get("name"), value))
                continue
            said = f"{parameter.get('name')}={value}\n".encode("utf-8", "surrogatepass")
            packed.update(said)
            size += len(said)
    own = name if kind is PluginKind.NATIVE else place.rpartition(";")[2] or name
    return Device(
        name or node.get("id")[:80],
        ids=(PluginId(kind, own),),
        vendor="" if vendor == "Audacity" else vendor,
        enabled=is_on and node.get("active", "1") != "0",
        parameters=tuple(sorted(parameters, key=lambda p: p.name)),
        state=State(packed.hexdigest(), size) if size else None,
    )


def _parts(identity: str) -> tuple[str, str, str, str]:
    pieces = identity[:1000].removeprefix("Effect_").split("_", 3)
    pieces += [""] * (4 - len(pieces))
    return pieces[0], pieces[1], pieces[2], pieces[3]
