"""LMMS instruments and effects: one Device each, every named setting a Parameter.

A setting is an attribute, or, once it is automated or logarithmic, a child element
`<name id="…" value="…" scale_type="…"/>`: both spell one parameter with one path.
LADSPA ports are written `port02/data`; ZynAddSubFX nests `<par name="volume" value="96"/>`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

from stemproof.capture.states.decode import decode_state
from stemproof.errors import BadInput

from .model import MEDIA_PARAMETER, Device, Parameter, PluginId, PluginKind, State, Unit
from .numbers import is_decimal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml.etree import _Element

MAX_TEXT = 256
"""A longer setting is a blob (a wave shape, a plug-in's chunk): digest and size."""
MAX_PARAMETERS = 500_000

# Not settings: identifiers, layout, and what only says how the rest is stored.
_SKIPPED = frozenset(
    {
        *("id", "scale_type", "link", "ports", "numofeffects", "version", "name"),
        *("guivisible", "chunksize"),
        *("version-major", "version-minor", "version-revision", "ZynAddSubFX-author"),
    }
)
_SKIPPED_ELEMENTS = frozenset({"key", "INFORMATION", "connection"})
# A VST plug-in without a chunk: param3="3:Cutoff:0.5".
_VST_NAME = re.compile(r"param\d{1,6}", re.ASCII)
_VST_PARAMETER = re.compile(r"\d{1,6}:([^:]{1,100}):([^:]{1,40})", re.ASCII)
# `factorysample:`, `usersample:`, `local:` and the like.
_FOLDER = re.compile(r"^(?:(?:factory|user|default)[a-z]{0,12}|local):")
_PLAIN_NAMES = {
    "vol": "volume",
    "fcut": "cutoff",
    "fres": "resonance",
    "ftype": "type",
    "fwet": "on",
    "elvol": "volume envelope",
    "elcut": "cutoff envelope",
    "elres": "resonance envelope",
}
_UNITS = {"vol": Unit.PERCENT, "fcut": Unit.HERTZ, "amp": Unit.PERCENT, "fwet": Unit.SWITCH}
_TITLES = {
    "audiofileprocessor": "AudioFileProcessor",
    "tripleoscillator": "TripleOscillator",
    "zynaddsubfx": "ZynAddSubFX",
    "bitinvader": "BitInvader",
    "stereomatrix": "Stereo Matrix",
    "eldata": "Envelopes and filter",
    "arpeggiator": "Arpeggiator",
    "chordcreator": "Chords",
}


def plain_title(name: str) -> str:
    """Name a device as LMMS shows it, or as stored."""
    return _TITLES.get(name, name)


def plain_path(path: str) -> str:
    """Strip the prefix by which 1.3 says in which of LMMS's folders a file is."""
    return _FOLDER.sub("", path)


def model_value(element: _Element, name: str, default: str = "") -> str:
    """Read a setting in either of its two spellings."""
    value = element.get(name)
    if value is not None:
        return value
    child = element.find(name)
    return default if child is None else child.get("value", default)


class ParameterReader:
    """Collects the settings below one element, and the ids that automation refers to."""

    def __init__(self, targets: dict[str, str], label: str) -> None:
        self._targets = targets
        self._label = label
        self._blobs: list[str] = []
        self._unread_bytes = 0
        self.parameters: list[Parameter] = []

    def read(self, element: _Element, prefix: str = "") -> None:
        """Flatten the attributes and children of `element` into named parameters."""
        stack = [(element, prefix)]
        while stack:
            node, path = stack.pop()
            for name, value in node.attrib.items():
                if name not in _SKIPPED:
                    self._add(path, str(name), str(value))
            stack.extend((child, where) for child, where in self._children(node, path))
        self.parameters.sort(key=lambda p: p.name)

    def state(self) -> State | None:
        """Digest the settings that are blobs."""
        if not self._blobs:
            return None
        text = "\n".join(sorted(self._blobs)).encode()
        return State(hashlib.sha256(text).hexdigest(), self._unread_bytes)

    def _children(self, node: _Element, path: str) -> Iterator[tuple[_Element, str]]:
        seen: Counter[str] = Counter()
        for child in node:
            tag = str(child.tag)
            if tag in _SKIPPED_ELEMENTS:
                continue
            name = child.get("nodename", tag)
            if "id" in child.attrib and "value" in child.attrib:
                self._add(path, name, child.get("value", ""), child.get("id", ""))
            elif "name" in child.attrib and "value" in child.attrib:
                self._add(path, child.get("name", ""), child.get("value", ""))
            else:
                number = (
                    child.get("id", str(seen[tag])) if seen[tag] or "id" in child.attrib else ""
                )
                seen[tag] += 1
                yield child, f"{path}{_PLAIN_NAMES.get(name, name)}{number}/"

    def _read_chunk(self, text: str) -> bool:
        """Read what a VST plug-in gave LMMS to keep; False if it is not base64."""
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            return False
        parameters, state = decode_state(data, name=self._label)
        self.parameters += parameters
        if state is not None:
            self._leave(f"chunk={state.digest}", state.size)
        return True

    def _leave(self, what: str, size: int) -> None:
        self._blobs.append(what)
        self._unread_bytes += size

    def _add(self, path: str, name: str, value: str, target: str = "") -> None:
        if len(self.parameters) >= MAX_PARAMETERS:
            raise BadInput(
                f"the device {self._label!r:.40} has more than {MAX_PARAMETERS} settings"
            )
        if name == "sus" and is_decimal(value):
            # Until 0.4 the envelope stored how far it falls, since then how far it stays up.
            name, value = "sustain", format(1 - Decimal(value), "f")
        if name == "chunk" and self._read_chunk(value):
            return
        if (known := _VST_PARAMETER.fullmatch(value)) and _VST_NAME.fullmatch(name):
            name, value = known[1], known[2]
        if len(value) > MAX_TEXT:
            self._leave(f"{path}{name}={value}", len(value))
            return
        unit = _UNITS.get(name, Unit.RAW if is_decimal(value) else Unit.TEXT)
        plain = "" if name == "data" and path else _PLAIN_NAMES.get(name, name)
        full = (path + plain).rstrip("/")
        if unit is Unit.TEXT:
            value = plain_path(value)
        if name == "src":
            full = MEDIA_PARAMETER
        self.parameters.append(Parameter(full, value, unit))
        if target:
            self._targets[target] = f"{self._label}: {full}"


def read_instrument(element: _Element, targets: dict[str, str], track: str) -> Device:
    """Read an `<instrument>`, whose one child other than `<key>` holds the settings."""
    name = element.get("name", "")
    title = plain_title(name)
    reader = ParameterReader(targets, f"{track}, {title}")
    for child in element:
        if child.tag != "key":
            reader.read(child)
    ids = _plugin_ids(name, element, element.find(name) if name.isalnum() else None)
    return Device(
        title,
        ids=ids,
        role="instrument",
        parameters=tuple(reader.parameters),
        state=reader.state(),
    )


def read_effect(element: _Element, targets: dict[str, str], track: str) -> Device:
    """Read one `<effect>` of a chain."""
    name = element.get("name", "")
    ids = _plugin_ids(name, element, None)
    title = plain_title(name)
    if ids and ids[0].kind is not PluginKind.NATIVE:
        title = ids[0].value.rpartition("/")[2]
    reader = ParameterReader(targets, f"{track}, {title}")
    for child in element:
        if child.tag not in ("key", "wet", "gate", "autoquit"):
            reader.read(child)
    decay = model_value(element, "autoquit", "1")
    parameters = (
        Parameter("wet level", model_value(element, "wet", "1")),
        Parameter("gate", model_value(element, "gate", "0")),
        # Programs before 1.0 stored 0 for the shortest decay, which later ones call 1.
        Parameter("decay", "1" if decay == "0" else decay),
    )
    return Device(
        title,
        ids=ids,
        enabled=model_value(element, "on", "1") != "0",
        parameters=(*parameters, *reader.parameters),
        state=reader.state(),
    )


def read_native(element: _Element, targets: dict[str, str], track: str) -> Device:
    """Read a fixed part of a track (envelopes, arpeggio, chords) as a native device."""
    tag = str(element.tag)
    title = plain_title(tag)
    reader = ParameterReader(targets, f"{track}, {title}")
    reader.read(element)
    return Device(
        title,
        ids=(PluginId(PluginKind.NATIVE, f"lmms:{tag}"),),
        role="instrument",
        parameters=tuple(reader.parameters),
        state=reader.state(),
    )


def _plugin_ids(name: str, element: _Element, inner: _Element | None) -> tuple[PluginId, ...]:
    keys = {
        str(a.get("name", "")): str(a.get("value", "")) for a in element.iterfind("key/attribute")
    }
    if name == "ladspaeffect":
        # LMMS on Windows wrote `caps.dll`, on Linux `caps` or `caps.so`: one library.
        library = keys.get("file", "").removesuffix(".so").removesuffix(".dll")
        return (PluginId(PluginKind.LADSPA, f"{library}/{keys.get('plugin', '')}"),)
    if name in ("lv2effect", "lv2instrument"):
        return (PluginId(PluginKind.LV2, keys.get("uri", "")),)
    if name in ("vsteffect", "vestige"):
        path = keys.get("file") or (str(inner.get("plugin", "")) if inner is not None else "")
        return (PluginId(PluginKind.VST2, path.replace("\\", "/")),)
    return (PluginId(PluginKind.NATIVE, f"lmms:{name}"),)
