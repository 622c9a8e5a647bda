"""What a session holds, listed for people and programs: each value once, with who set it.

Objects stand in the session's own order: the session, then each track with its strip, its
devices and its clips. No I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from stemproof.capture.diff_devices import chain_labels
from stemproof.capture.diff_tracks import track_labels
from stemproof.capture.sentences import clip_label, clip_place
from stemproof.capture.sessions.model import Clip, ClipKind, Device, Note
from stemproof.capture.timeline import Timeline, beats_text

from .held import ClipHeld, Held, SessionHeld
from .values import Value, clip_values, device_values, session_values, track_values
from .who import Origin

_PITCHES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


@dataclass(frozen=True, slots=True)
class Item:
    """One value of an object and who set it last; `kind` is value, note, lyric, sign or sound."""

    kind: str
    what: str
    value: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Thing:
    """One object: the session itself, a track's strip, a device or a clip."""

    kind: str
    label: str
    items: tuple[Item, ...]
    identity: str = ""


@dataclass(frozen=True, slots=True)
class TrackBlame:
    """One track (or the session, where it stands first) and its objects."""

    label: str
    kind: str
    things: tuple[Thing, ...]

    @property
    def items(self) -> Iterator[Item]:
        """All values of its objects."""
        return (item for thing in self.things for item in thing.items)


Sound = Callable[[str], Origin | None]
"""Gives where the sound of a file came from, by the session's spelling of its path."""


def list_tracks(held: SessionHeld, sound: Sound) -> list[TrackBlame]:
    """List everything in a session."""
    session = held.session
    line = Timeline(session.tempo)
    labels = track_labels(session.tracks)
    names = {t.identity: label for t, label in zip(session.tracks, labels, strict=True)}
    own = _values(session_values(session), held.own)
    found = [TrackBlame("Session", "session", (Thing("session", "session", own),))]
    for track, label, one in zip(session.tracks, labels, held.tracks, strict=True):
        things = [Thing("track", "track", _values(track_values(track, names), one.own))]
        things += _devices(track.devices, one.devices, "")
        for clip, two in zip(track.clips, one.clips, strict=True):
            if clip.kind is ClipKind.SLOT and not (clip.notes or clip.signs or clip.parameters):
                continue  # an empty cell of a grid that the program makes
            things.append(_clip(clip, two, line, sound))
            things += _devices(clip.devices, two.devices, f"{clip_label(clip)}: ")
        found.append(TrackBlame(label, track.kind.value, tuple(things)))
    return found


def _clip(clip: Clip, held: ClipHeld, line: Timeline, sound: Sound) -> Thing:
    place = clip_place(clip, line)
    items = list(_values(clip_values(clip, line, place), held.own))
    if clip.media is not None:
        origin = sound(clip.media.path)
        if origin is not None:
            items.append(Item("sound", "sound", clip.media.file_name, origin))
    items += [
        Item("note", "note", _note(note, clip.ppq), origin)
        for note, origin in zip(clip.notes, held.notes, strict=True)
    ]
    for sign, origin in zip(clip.signs, held.signs, strict=True):
        kind = "lyric" if sign.kind.value == "lyrics" else "sign"
        where = f"{sign.kind.value} at {beats_text(float(sign.at))}"
        verse = f", verse {sign.line}" if sign.line > 1 else ""
        items.append(Item(kind, where + verse, sign.text, origin))
    label = clip_label(clip) if clip.kind is ClipKind.SLOT else f"{clip_label(clip)} at {place}"
    return Thing("clip", label, tuple(items), clip.identity)


def _devices(devices: Sequence[Device], held: Sequence[Held], lead: str) -> list[Thing]:
    return [
        Thing("device", lead + title, _values(device_values(device), one), device.identity)
        for title, device, one in zip(chain_labels(devices), devices, held, strict=True)
    ]


def _values(values: dict[str, Value], held: Held) -> tuple[Item, ...]:
    return tuple(Item("value", name, value.shown, held[name]) for name, value in values.items())


def _note(note: Note, ppq: int) -> str:
    name = f"{_PITCHES[note.pitch % 12]}{note.pitch // 12 - 1}"
    start, length = (beats_text(ticks / ppq) for ticks in (note.start, note.length))
    return f"{name} at {start}, {length} long, velocity {note.velocity}"
