"""Who set what of one save: origins in the shape of the session that they are about. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stemproof.capture.diff_tracks import track_labels
from stemproof.capture.sessions.model import Clip, Session, Track
from stemproof.capture.timeline import Timeline

from .values import clip_values, device_values, session_values, track_values
from .who import Origin

Held = Mapping[str, Origin]


@dataclass(frozen=True, slots=True)
class ClipHeld:
    """Who set what of one clip; notes, signs and devices are parallel to the clip's own."""

    own: Held
    notes: tuple[Origin, ...]
    signs: tuple[Origin, ...]
    devices: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class TrackHeld:
    """Who set what of one track."""

    own: Held
    devices: tuple[Held, ...]
    clips: tuple[ClipHeld, ...]


@dataclass(frozen=True, slots=True)
class SessionHeld:
    """Who set what of one save."""

    session: Session
    own: Held
    tracks: tuple[TrackHeld, ...]


def first_sight(session: Session, origin: Origin) -> SessionHeld:
    """Give everything of a session one origin."""
    line = Timeline(session.tempo)
    names = names_of(session)
    return SessionHeld(
        session,
        dict.fromkeys(session_values(session), origin),
        tuple(whole_track(track, names, line, origin) for track in session.tracks),
    )


def whole_track(
    track: Track, names: Mapping[str, str], line: Timeline, origin: Origin
) -> TrackHeld:
    """Give everything of a track one origin."""
    return TrackHeld(
        dict.fromkeys(track_values(track, names), origin),
        tuple(dict.fromkeys(device_values(device), origin) for device in track.devices),
        tuple(whole_clip(clip, line, origin) for clip in track.clips),
    )


def whole_clip(clip: Clip, line: Timeline, origin: Origin) -> ClipHeld:
    """Give everything of a clip one origin."""
    return ClipHeld(
        dict.fromkeys(clip_values(clip, line, ""), origin),
        (origin,) * len(clip.notes),
        (origin,) * len(clip.signs),
        tuple(dict.fromkeys(device_values(device), origin) for device in clip.devices),
    )


def names_of(session: Session) -> dict[str, str]:
    """Give what the tracks of a session are called, by identity."""
    labels = track_labels(session.tracks)
    return {t.identity: label for t, label in zip(session.tracks, labels, strict=True)}
