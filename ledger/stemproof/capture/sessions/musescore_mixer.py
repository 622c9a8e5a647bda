"""The mixer of MuseScore 4: `audiosettings.json` beside the score in the .mscz.

    {"tracks": [{"partId": "1", "instrumentId": "piano", "in": {"resourceMeta": {…}},
                 "out": {"volumeDb": 0, "balance": 0, "fxChain": {"0": {…}}, "auxSends": […]},
                 "soloMuteState": {"mute": false, "solo": false}}], "master": {…}, "aux": […]}

Anything of another shape than expected is passed by: a mixer that cannot be read is no reason
to lose the notes. What is not JSON at all is refused.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Final

from stemproof.errors import BadInput
from stemproof.record.depth import is_deeper

from .model import (
    Device,
    Mixer,
    Parameter,
    PluginId,
    PluginKind,
    Send,
    State,
    Track,
    TrackKind,
    Unit,
)

_KINDS: Final = {
    "vst_plugin": PluginKind.VST3,
    "vstplugin": PluginKind.VST3,
    "audio_unit": PluginKind.AU,
    "lv2": PluginKind.LV2,
}
# A strip with its effects is five deep.
_MAX_DEPTH: Final = 32
_MAX_TRACKS: Final = 5_000
_MAX_EFFECTS: Final = 64


@dataclass(frozen=True, slots=True)
class Strip:
    """What the mixer says of one part: the strip, what sounds, and its effects."""

    mixer: Mixer
    sound: Device | None
    effects: tuple[Device, ...]

    def devices(self, written: Device) -> tuple[Device, ...]:
        """Give the chain of a part: what plays it, with what the score says of it, and effects."""
        if self.sound is None:
            return (written, *self.effects)
        return (replace(self.sound, parameters=written.parameters), *self.effects)


@dataclass(frozen=True, slots=True)
class AudioSettings:
    """The mixer of a score."""

    strips: dict[tuple[str, str], Strip]
    master: Track

    def find(self, part: str, instrument: str) -> Strip | None:
        """Find the strip of a part; instruments changed within it have strips of their own."""
        found = self.strips.get((part, instrument))
        if found is not None or not part:
            return found
        return next((strip for (owner, _), strip in self.strips.items() if owner == part), None)


def parse_audio_settings(data: bytes) -> AudioSettings:
    """Read `audiosettings.json`."""
    if is_deeper(data, _MAX_DEPTH):
        raise BadInput("the mixer of the MuseScore score is nested too deep")
    try:
        root = json.loads(data.decode("utf-8-sig"))
    except ValueError as error:
        raise BadInput("the mixer of the MuseScore score is not JSON") from error
    root = _object(root)
    strips: dict[tuple[str, str], Strip] = {}
    tracks = root.get("tracks")
    for track in tracks[:_MAX_TRACKS] if isinstance(tracks, list) else ():
        node = _object(track)
        strips[_text(node.get("partId")), _text(node.get("instrumentId"))] = _strip(node)
    master = _object(root.get("master"))
    bus = Track("Master", TrackKind.MASTER, mixer=_mixer(master), devices=_effects(master))
    return AudioSettings(strips, bus)


def _strip(node: dict[str, object]) -> Strip:
    out, state = _object(node.get("out")), _object(node.get("soloMuteState"))
    mixer = replace(_mixer(out), mute=state.get("mute") is True, solo=state.get("solo") is True)
    return Strip(mixer, _device(_object(node.get("in")), "instrument"), _effects(out))


def _mixer(out: dict[str, object]) -> Mixer:
    sends = out.get("auxSends")
    return Mixer(
        volume=Parameter("volume", _number(out.get("volumeDb")), Unit.DECIBEL),
        pan=Parameter("pan", _number(out.get("balance")), Unit.PAN),
        sends=tuple(
            Send(
                f"aux {number}", (Parameter("amount", _number(_object(send).get("signalAmount"))),)
            )
            for number, send in enumerate(sends[:16] if isinstance(sends, list) else (), 1)
        ),
    )


def _device(node: dict[str, object], role: str) -> Device | None:
    meta = _object(node.get("resourceMeta"))
    identity = _text(meta.get("id"))
    if not identity:
        return None
    attributes = _object(meta.get("attributes"))
    kind = _KINDS.get(_text(meta.get("type")).lower(), PluginKind.NATIVE)
    named = _text(attributes.get("museName")) or _text(attributes.get("soundFontName"))
    return Device(
        named or identity,
        ids=(PluginId(kind, identity),),
        vendor=_text(meta.get("vendor")),
        role=role,
        enabled=node.get("active") is not False,
        state=_state(node.get("unitConfiguration")),
    )


def _effects(out: dict[str, object]) -> tuple[Device, ...]:
    """Read the effects of a strip in the order of their places."""
    chain = sorted(_object(out.get("fxChain")).items())[:_MAX_EFFECTS]
    found = (_device(_object(effect), "effect") for _, effect in chain)
    return tuple(device for device in found if device is not None)


def _state(configuration: object) -> State | None:
    if not configuration:
        return None
    said = json.dumps(configuration, sort_keys=True).encode()
    return State(hashlib.sha256(said).hexdigest(), len(said))


def _object(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value[:200] if isinstance(value, str) else ""


def _number(value: object) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e6:
        return f"{value:.6g}"
    return "0"
