"""Saves whose identities have nothing in common: one project written anew by another program.

A converter, an import or "save as a new project" gives every track, clip and device another
identity. Then identities tell nothing, and both saves are compared as if they had none.
"""

from __future__ import annotations

from dataclasses import replace

from .sessions.model import Automation, Clip, Device, Session, Track, TrackKind

# Their identity may be a fixed word of the format.
_FIXED = (TrackKind.MASTER, TrackKind.BUS)


def is_renewed(before: Session, after: Session) -> bool:
    """Tell whether no track of the later save has the identity of an earlier one."""
    one, two = _identities(before), _identities(after)
    return bool(one) and bool(two) and one.isdisjoint(two)


def without_identities(session: Session) -> Session:
    """Leave out every identity; what refers to a track refers to its name."""
    names = {
        track.identity: track.name or f"Track {number}"
        for number, track in enumerate(session.tracks, start=1)
        if track.identity
    }
    return replace(
        session,
        tracks=tuple(_track(track, names) for track in session.tracks),
        markers=tuple(replace(marker, identity="") for marker in session.markers),
    )


def _identities(session: Session) -> set[str]:
    return {t.identity for t in session.tracks if t.identity and t.kind not in _FIXED}


def _track(track: Track, names: dict[str, str]) -> Track:
    mixer = track.mixer
    sends = tuple(replace(send, target=names.get(send.target, send.target)) for send in mixer.sends)
    return replace(
        track,
        identity="",
        parent=names.get(track.parent, track.parent),
        mixer=replace(mixer, output=names.get(mixer.output, mixer.output), sends=sends),
        devices=tuple(_device(device) for device in track.devices),
        clips=tuple(_clip(clip) for clip in track.clips),
        automations=_automations(track.automations),
    )


def _device(device: Device) -> Device:
    return replace(device, identity="", automations=_automations(device.automations))


def _clip(clip: Clip) -> Clip:
    # Takes have no other name to be known by, so their identities stay where they name files.
    return replace(
        clip,
        identity="",
        devices=tuple(_device(device) for device in clip.devices),
        points=_automations(clip.points),
        takes=tuple(replace(take, identity=take.name) for take in clip.takes),
        take=next((take.name for take in clip.takes if take.identity == clip.take), ""),
    )


def _automations(lanes: tuple[Automation, ...]) -> tuple[Automation, ...]:
    return tuple(replace(lane, identity="") for lane in lanes)
