"""Standard MIDI Files (.mid, .midi, .rmi): bytes -> Session, or BadInput.

Spec: MIDI 1.0, Standard MIDI Files 1.0 (RP-001); RMID wraps one in RIFF. Formats 0, 1 and 2.
A file becomes tracks with one clip of notes each; the one track of format 0 becomes a track for
each channel, and tracks without a name are joined where they play on one channel. A level, a pan,
a program that are set once are the track's; what moves while it plays is automation of the clip;
set-up messages are told by count and digest.
The parser is our own (`midi_events`), which says why. Not read: system exclusive messages,
sequencer-specific data and free texts; they are counted in `Session.unread`.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from typing import Final

from stemproof.errors import BadInput

from .controls import ControlLane
from .midi_events import SmfFile, SmfTrack, parse_smf
from .midi_names import DRUM_CHANNEL, controller_name, key_name, lane_name, program_name
from .model import (
    Automation,
    Clip,
    ClipKind,
    Marker,
    Mixer,
    Moment,
    Note,
    Parameter,
    Point,
    Session,
    State,
    TempoPoint,
    Track,
    TrackKind,
    Unit,
)
from .signs import Sign, SignKind

MAX_POINTS: Final = 200_000
"""Controller events beyond this are told by count and digest: a point is forty times a note."""
# Data entry, (non-)registered parameters, resets and modes: they prepare an instrument.
_SETUP: Final = frozenset({6, 38, *range(96, 102), *range(120, 128)})
# Wheels and pedals: a hand or a foot plays them. The other controllers are levels.
_PLAYED: Final = frozenset({1, 2, 4, *range(64, 70)})
_ZERO: Final = Moment(Fraction(0))


def read_midi(data: bytes) -> Session:
    """Read a Standard MIDI File."""
    file = parse_smf(data)
    unread: Counter[str] = Counter()
    for part in file.tracks:
        unread.update(part.unread)
    unread.update(file.unread)
    points = sum(len(lane) for part in file.tracks for lane in part.lanes.values())
    reader = _Reader(file, has_points=points <= MAX_POINTS)
    tracks = tuple(reader.tracks())
    tempo = tuple(_tempo(file))
    parameters = (
        Parameter("title", reader.title, Unit.TEXT),
        Parameter("copyright", _first(p.copyright for p in file.tracks), Unit.TEXT),
        Parameter("key", _first(key_name(*p.key) for p in file.tracks if p.key), Unit.TEXT),
    )
    markers = tuple(
        Marker(text, _at(tick, file.ppq))
        for tick, text in sorted(chain.from_iterable(p.markers for p in file.tracks))
    )
    return Session(
        format="midi",
        application="Standard MIDI File",
        version="",
        digest=hashlib.sha256(data).hexdigest(),
        content_digest=_digest_content(tracks, (tempo, markers, parameters)),
        size=len(data),
        tempo=tempo,
        tracks=tracks,
        markers=markers,
        parameters=parameters,
        unread=tuple(sorted(unread.items())),
    )


def _first(texts: Iterator[str]) -> str:
    return next((text for text in texts if text), "")


def _at(tick: int, ppq: int) -> Moment:
    return Moment(Fraction(tick, ppq))


class _Reader:
    """Turns parsed tracks into the model's."""

    def __init__(self, file: SmfFile, *, has_points: bool) -> None:
        self._file = file
        self._has_points = has_points
        self.title = ""

    def tracks(self) -> Iterator[Track]:
        parts = list(self._file.tracks)
        if self._file.format == 0:
            self.title = parts[0].name
            parts = list(_by_channel(parts[0]))
        elif self._file.format == 1 and _is_empty(parts[0]):
            # Tempo and metre alone: its name is the song's.
            self.title = parts.pop(0).name
        for part in _joined(parts):
            if part.name or not _is_empty(part):
                yield self._track(part)

    def _track(self, part: SmfTrack) -> Track:
        channel = _main_channel(part)
        still: dict[str, int] = {}
        moving: dict[str, list[tuple[int, int]]] = {}
        played: dict[str, list[tuple[int, int]]] = {}
        setup: list[tuple[int, int]] = []
        for (own, (kind, number)), events in sorted(part.lanes.items()):
            on = "" if own == channel else f" on channel {own + 1}"
            if kind == "controller" and number in _SETUP:
                # Bend ranges, resets: single ones mean nothing.
                setup += [(tick, number << 7 | value) for tick, value in events]
                continue
            if kind not in ("controller", "program") or number in _PLAYED:
                played[lane_name(kind, number) + on] = events
                continue
            title = controller_name(kind, number) + on
            still[title] = events[0][1]
            if len(events) > 1:
                moving[title] = events
        is_played = bool(played)
        if setup:
            played["setup messages"] = sorted(setup)
        clip = self._clip(part, moving, played)
        if self._has_points:
            clip = replace(clip, points=tuple(self._lanes(moving, channel)))
        volume, pan = (
            None
            if name not in still
            else Parameter(name, law(still.pop(name)), unit, automated=name in moving)
            for name, law, unit in (("volume", str, Unit.RAW), ("pan", _pan, Unit.PAN))
        )
        return Track(
            part.name or ("Drums" if channel == DRUM_CHANNEL else f"Channel {channel + 1}"),
            TrackKind.INSTRUMENT,
            own_name=part.name,
            mixer=Mixer(
                volume=volume,
                pan=pan,
                output=f"port {(part.port or 0) + 1}",
            ),
            clips=(clip,) if part.notes or moving or is_played or clip.signs else (),
            parameters=tuple(_settings(part, still, channel, moving.keys())),
        )

    def _clip(
        self,
        part: SmfTrack,
        moving: dict[str, list[tuple[int, int]]],
        played: dict[str, list[tuple[int, int]]],
    ) -> Clip:
        told = played if self._has_points else {**played, **moving}
        return Clip(
            ClipKind.NOTES,
            "",
            _ZERO,
            # It follows from what is inside: nobody sets it.
            _ZERO,
            notes=tuple(sorted(part.notes, key=_note_order)),
            ppq=self._file.ppq,
            controllers=_digest_lanes(told) if told else None,
            lanes=tuple(
                ControlLane(title, tuple(events)) for title, events in sorted(told.items())
            ),
            signs=tuple(
                Sign(SignKind.LYRICS, Fraction(tick, self._file.ppq), text)
                for tick, text in part.lyrics
            ),
        )

    def _lanes(
        self, moving: dict[str, list[tuple[int, int]]], channel: int
    ) -> Iterator[Automation]:
        for title, events in moving.items():
            points = tuple(
                Point(Fraction(tick, self._file.ppq), _shown(title, value, channel))
                for tick, value in events
            )
            yield Automation(title, points)


def _shown(title: str, value: int, channel: int) -> str:
    return program_name(value, channel) if title == "program" else str(value)


def _is_empty(part: SmfTrack) -> bool:
    return not (part.notes or part.lanes or part.lyrics)


def _main_channel(part: SmfTrack) -> int:
    """Give the channel of most notes, the lowest of those that tie."""
    count = Counter(note.channel for note in part.notes)
    if count:
        return min(count, key=lambda channel: (-count[channel], channel))
    return min((channel for channel, _ in part.lanes), default=0)


def _by_channel(part: SmfTrack) -> Iterator[SmfTrack]:
    """Split format 0's only track."""
    found: defaultdict[int, SmfTrack] = defaultdict(lambda: SmfTrack(port=part.port))
    for note in part.notes:
        found[note.channel].notes.append(note)
    for (channel, lane), events in part.lanes.items():
        found[channel].lanes[channel, lane] = events
    tracks = [found[channel] for channel in sorted(found)] or [SmfTrack()]
    tracks[0].lyrics = part.lyrics
    yield from tracks


def _joined(parts: Sequence[SmfTrack]) -> Iterator[SmfTrack]:
    """Join tracks without a name that play on one channel, as the staves of an instrument do.

    A channel is all the identity that they have; the port is not asked, because programs
    scatter the parts of one instrument over ports.
    """
    known: dict[int, SmfTrack] = {}
    order: list[SmfTrack] = []
    for part in parts:
        if part.name or _is_empty(part):
            order.append(part)
            continue
        first = known.get(_main_channel(part))
        if first is None:
            known[_main_channel(part)] = part
            order.append(part)
            continue
        first.notes += part.notes
        first.lyrics += part.lyrics
        first.instrument = first.instrument or part.instrument
        first.port = part.port if first.port is None else first.port
        for key, events in part.lanes.items():
            first.lanes[key] = sorted({*first.lanes[key], *events})
    yield from order


def _note_order(note: Note) -> tuple[int, int, int, int]:
    return (note.start, note.pitch, note.length, note.velocity)


def _pan(value: int) -> str:
    # 64 is the centre; 0 and 1 are both hard left.
    return f"{max(-63, value - 64) / 63:.4f}"


def _settings(
    part: SmfTrack, still: dict[str, int], channel: int, moving: Collection[str]
) -> Iterator[Parameter]:
    yield Parameter("channel", str(channel + 1))
    if part.instrument:
        yield Parameter("instrument", part.instrument, Unit.TEXT)
    program = still.pop("program", None)
    name = "none" if program is None else program_name(program, channel)
    yield Parameter("program", name, automated="program" in moving)
    for title, value in still.items():
        # The value that it has at first, where it moves.
        yield Parameter(title, str(value), automated=title in moving)


def _tempo(file: SmfFile) -> Iterator[TempoPoint]:
    """Join the tempo and metre events of all tracks, later ones at one tick overruling."""
    changes: defaultdict[int, list[tuple[str, int, int]]] = defaultdict(list)
    for part in file.tracks:
        for tick, microseconds in part.tempi:
            changes[tick].append(("tempo", microseconds, 0))
        for tick, over, under in part.metres:
            changes[tick].append(("metre", over, under))
    if file.is_smpte:
        # Ticks are parts of a second there, and a second is one quarter note here.
        changes = defaultdict(list)
    bpm, over, under = "60" if file.is_smpte else "120", 4, 4
    if 0 not in changes:
        yield TempoPoint(_ZERO, bpm, over, under)
    for tick in sorted(changes):
        for kind, one, two in changes[tick]:
            if kind == "tempo":
                if not 6_000 <= one <= 60_000_000:
                    raise BadInput(
                        f"a tempo is {one} microseconds a quarter note, want 1-10000 bpm"
                    )
                # 105 bpm is 571429 microseconds, which is 104.99992: three decimals are enough.
                bpm = f"{60_000_000 / one:.3f}".rstrip("0").rstrip(".")
            else:
                over, under = one, two
        yield TempoPoint(_at(tick, file.ppq), bpm, over, under)


def _digest_lanes(moving: dict[str, list[tuple[int, int]]]) -> State:
    digest, size = hashlib.sha256(), 0
    for key, events in sorted(moving.items()):
        digest.update(repr(key).encode())
        digest.update(array("q", chain.from_iterable(events)).tobytes())
        size += len(events)
    return State(digest.hexdigest(), size)


def _digest_content(tracks: Sequence[Track], others: object) -> str:
    """Digest what the file says and not how: running status and order of tracks' chunks aside."""
    digest = hashlib.sha256(repr(others).encode("utf-8", "replace"))
    for track in tracks:
        told = (track.name, track.mixer, track.parameters)
        digest.update(repr(told).encode("utf-8", "replace"))
        for clip in track.clips:
            numbers = array("q", chain.from_iterable(note[:5] for note in clip.notes))
            digest.update(numbers.tobytes())
            rest = (clip.ppq, clip.controllers, clip.points, clip.signs)
            digest.update(repr(rest).encode("utf-8", "replace"))
    return digest.hexdigest()
