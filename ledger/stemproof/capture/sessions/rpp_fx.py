"""REAPER FX chains: devices with ids, presets, digests of their state, envelopes.

    BYPASS 0 0 0                      before the device: bypassed, offline
    <VST "VST: Name (Vendor)" file.dll 0 "name given by the user" 1919247213<hex or {guid}> ""
      base64 lines: wiring, state, preset
    >
    WET 0.5 0                         after the device, where its mix is not 100 %
    PRESETNAME "Slow"
    FXID {GUID}                       so are PARMENV, and JS_SER with what a script keeps
    <CONTAINER Container "Drive" ""   a rack: devices as above, then the rack's own lines

The lines of a VST are REAPER's wiring, the plug-in's own bytes (see states/decode.py) and the
programme's name. A VST2 id is the decimal four-character code; `<565354…>` beside it is the same
id in VST3's spelling. `{…}` is a VST3 class id.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from stemproof.capture.states.decode import decode_state

from .model import (
    Automation,
    Device,
    Parameter,
    PluginId,
    PluginKind,
    Point,
    State,
    TimeUnit,
    Unit,
)
from .numbers import parse_decimal
from .rpp_text import Chunk, split_words

if TYPE_CHECKING:
    from collections.abc import Iterator

_KINDS = {
    "VST": PluginKind.VST2,
    "AU": PluginKind.AU,
    "CLAP": PluginKind.CLAP,
    "LV2": PluginKind.LV2,
    "JS": PluginKind.JS,
    "DX": PluginKind.DX,
    "VIDEO_EFFECT": PluginKind.NATIVE,
}
_TITLE = re.compile(r"^(?:(VST3?|AU(?:v3)?|CLAP|LV2|DX|JS)(i)?: )?(.*)$", re.DOTALL)
# A longer title is no plug-in's; each ending taken off it costs a walk through all of it.
_MAX_TITLE = 300
_CHANNELS = re.compile(
    r"\s*\((?:\d+(?:->\d+)?(?:ch| out| in)|x86|x64|x86_64|arm64|mono|stereo)\)$", re.IGNORECASE
)
_ID = re.compile(r"(\d{1,10})(?:<([0-9A-Fa-f]{32})>|\{([0-9A-Fa-f]{32})\})?")


@dataclass(slots=True)
class _Open:
    """A device whose following lines are still being read."""

    device: Device
    inner: tuple[Device, ...] = ()
    wet: str = "1"
    automations: list[Automation] = field(default_factory=list)

    def read_line(self, words: list[str]) -> None:
        if len(words) < 2:
            return
        if words[0] == "FXID":
            self.device = replace(self.device, identity=words[1])
        elif words[0] == "PRESETNAME":
            self.device = replace(self.device, preset=words[1])
        elif words[0] == "WET":
            self.wet = words[1]

    def read_chunk(self, chunk: Chunk) -> None:
        if chunk.name == "PARMENV":
            envelope = read_envelope(chunk, _parameter_name(chunk, self.device.name))
            if envelope is not None:
                self.automations.append(envelope)
        elif chunk.name == "JS_SER":
            kept = _stored(chunk)
            state = State(hashlib.sha256(kept).hexdigest(), len(kept)) if kept else None
            self.device = replace(self.device, state=state)

    def done(self) -> tuple[Device, ...]:
        wet = Parameter("wet", self.wet, Unit.RATIO)
        parameters = (*self.device.parameters, wet)
        automations = tuple(self.automations)
        return (
            replace(self.device, parameters=parameters, automations=automations),
            *self.inner,
        )


def read_chain(chain: Chunk, role: str = "effect", place: str = "") -> Iterator[Device]:
    """Read the devices of a chain in order; a container's devices follow it, placed in it."""
    opened: _Open | None = None
    bypassed = False
    for child in chain.children:
        if isinstance(child, str):
            words = split_words(child)
            if words[0] == "BYPASS":
                bypassed = any(word != "0" for word in words[1:3])
            elif opened is not None:
                opened.read_line(words)
        elif child.name in _KINDS or child.name == "CONTAINER":
            if opened is not None:
                yield from opened.done()
            if child.name == "CONTAINER":
                opened = _container(child, role, place)
            else:
                opened = _Open(_device(child, role))
            opened.device = replace(opened.device, enabled=not bypassed, place=place)
        elif opened is not None:
            opened.read_chunk(child)
    if opened is not None:
        yield from opened.done()


def _container(chunk: Chunk, role: str, place: str) -> _Open:
    words = chunk.words()
    name = words[1] if len(words) > 1 and words[1] else "Container"
    own = Device(name, ids=(PluginId(PluginKind.NATIVE, "Container"),), role=role)
    inside = f"{place}/{name}" if place else name
    return _Open(own, tuple(read_chain(chunk, role, inside)))


def read_envelope(chunk: Chunk, target: str, unit: Unit = Unit.RAW) -> Automation | None:
    """Read an envelope's points; one without points moves nothing and is left out."""
    points: list[Point] = []
    identity, enabled = "", True
    for line in chunk.lines():
        words = line.split()
        if words[0] == "PT" and len(words) > 2:
            at = parse_decimal(words[1], "an envelope point's time")
            points.append(Point(at, words[2], words[3] if len(words) > 3 else ""))
        elif words[0] == "EGUID" and len(words) > 1:
            identity = words[1]
        elif words[0] == "ACT" and len(words) > 1:
            enabled = words[1] != "0"
    if not points:
        return None
    return Automation(target, tuple(points), identity, TimeUnit.SECOND, enabled, unit)


def _parameter_name(chunk: Chunk, device_name: str) -> str:
    # `PARMENV 0:_Threshold 0 2 1 "Threshold / ReaComp"`; older ones have only the number.
    words = chunk.words()
    if len(words) > 4 and words[4]:
        return words[4].removesuffix(f" / {device_name}")
    number, _, name = words[0].partition(":") if words else ("", "", "")
    return name.removeprefix("_").replace("_", " ") or f"parameter {number}"


def _device(chunk: Chunk, role: str) -> Device:
    words = chunk.words()
    title = words[0] if words else ""
    kind = _KINDS[chunk.name]
    name, vendor, is_instrument, is_vst3 = _split_title(title)
    parameters: tuple[Parameter, ...] = ()
    state: State | None = None
    if kind is PluginKind.JS:
        ids: tuple[PluginId, ...] = (PluginId(kind, title),)
        parameters = _sliders(chunk)
        given = words[1] if len(words) > 1 else ""
    else:
        # A VST's file and a number stand before the name that the user gave.
        named = words[3:4] if kind is PluginKind.VST2 else words[2:3]
        given = named[0] if named else ""
        ids = _ids(PluginKind.VST3 if is_vst3 else kind, words)
        parameters, state = _settings(chunk, ids, name)
    return Device(
        f"{name} '{given}'" if given else name,
        ids=ids,
        vendor=vendor,
        role="instrument" if is_instrument and role == "effect" else role,
        parameters=parameters,
        state=state,
    )


def _split_title(title: str) -> tuple[str, str, bool, bool]:
    match = _TITLE.match(title)
    prefix, instrument, rest = match.groups() if match else (None, None, title)
    rest = rest[:_MAX_TITLE]
    while (shorter := _CHANNELS.sub("", rest)) != rest:
        rest = shorter
    name, vendor = rest, ""
    if rest.endswith(")") and " (" in rest:
        name, _, vendor = rest[:-1].rpartition(" (")
    return name, vendor, instrument is not None, prefix == "VST3"


def _ids(kind: PluginKind, words: list[str]) -> tuple[PluginId, ...]:
    if kind in (PluginKind.VST2, PluginKind.VST3):
        match = _ID.fullmatch(words[4]) if len(words) > 4 else None
        if match is None:
            return (PluginId(kind, words[1]),) if len(words) > 1 else ()
        number, vst2_spelling, class_id = match.groups()
        if class_id:
            return (PluginId(PluginKind.VST3, class_id.upper()),)
        code = int(number).to_bytes(8, "big")[-4:].decode("latin-1")
        found = [PluginId(PluginKind.VST2, code)]
        if vst2_spelling:
            found.append(PluginId(PluginKind.VST3, vst2_spelling.upper()))
        return tuple(found)
    if kind is PluginKind.AU and len(words) > 5:
        codes = [
            int(w).to_bytes(8, "big")[-4:] for w in words[3:6] if w.isdecimal() and len(w) < 11
        ]
        if len(codes) == 3:
            return (PluginId(kind, " ".join(c.decode("latin-1") for c in codes)),)
    return (PluginId(kind, words[1] if len(words) > 1 else ""),)


def _sliders(chunk: Chunk) -> tuple[Parameter, ...]:
    lines = chunk.lines()
    values = split_words(lines[0]) if lines else []
    return tuple(
        Parameter(f"slider {number}", value, Unit.RAW)
        for number, value in enumerate(values, start=1)
        if value != "-"
    )


def _stored(chunk: Chunk) -> bytes:
    """Join what the lines of a device hold, in base64 or as they stand.

    A CLAP's settings stand in a chunk of their own, beside the size of its window.
    """
    kept = chunk.chunks("STATE")
    lines = [] if kept else chunk.lines()
    for inner in kept or chunk.chunks():
        lines += inner.lines()
    parts = []
    for line in lines:
        try:
            parts.append(base64.b64decode(line, validate=True))
        except (binascii.Error, ValueError):
            parts.append(line.encode("utf-8", "surrogatepass"))
    return b"".join(parts)


def _unwrap(data: bytes, *, is_vst3: bool) -> tuple[bytes, ...] | None:
    """Take a VST's own bytes out of REAPER's: a head with the wiring, and a trailer.

    id, magic, count of inputs with 64-bit masks, outputs likewise, size, two words, the state,
    the programme's name. Around a VST3's two states stand their sizes, each with a word.
    """
    if data[5:8] != b"\x5e\xed\xfe" or data[4] not in b"\xee\xef":
        return None
    at = 8
    for _ in ("inputs", "outputs"):
        at += 4 + 8 * int.from_bytes(data[at : at + 4], "little")
    size = int.from_bytes(data[at : at + 4], "little")
    at += 12
    state = data[at : at + size]
    if at > len(data) or len(state) != size:
        return None
    return _unwrap_vst3(state) if is_vst3 else (state,)


def _unwrap_vst3(state: bytes) -> tuple[bytes, ...]:
    parts = []
    at = 0
    while at + 8 <= len(state):
        size = int.from_bytes(state[at : at + 4], "little")
        part = state[at + 8 : at + 8 + size]
        if len(part) != size:
            return (state,)
        parts.append(part)
        at += 8 + size
    return tuple(parts) if at == len(state) else (state,)


def _settings(
    chunk: Chunk, ids: tuple[PluginId, ...], name: str
) -> tuple[tuple[Parameter, ...], State | None]:
    """Read a plug-in's settings as far as their family is known."""
    data = _stored(chunk)
    is_vst3 = bool(ids) and ids[0].kind is PluginKind.VST3
    parts = _unwrap(data, is_vst3=is_vst3) if chunk.name == "VST" else None
    component, *rest = parts or (data,)
    parameters, state = decode_state(component, ids=ids, name=name)
    # What a VST3's controller keeps repeats the component's settings, or is its window's.
    if not parameters and any(rest):
        component = b"".join(parts or ())
        parameters, state = decode_state(component, ids=ids, name=name)
    return parameters, state
