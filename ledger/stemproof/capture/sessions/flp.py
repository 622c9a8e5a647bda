"""FL Studio projects (.flp), versions 9 to 2026: bytes -> Session, or BadInput.

Channels of the rack become tracks, with their notes in one cell a pattern; patterns become tracks
whose clips are their places in the playlist; mixer inserts become busses and the master. Channels
and inserts have no names of their own for ever, so inserts and patterns go by their number, which
the program shows, and channels by name, kind and likeness.
flpkit (MIT, 0.9.0) is not used here: it reads from paths only, logs, and tells neither mixer
levels nor states, markers or pattern names; it is the second opinion in the tests.
Not read: windows, colours, icons, remote control, time spent, licensee, pattern length; what an
event number means is unknown for some, and those are counted in `Session.unread`.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final

from stemproof.errors import BadInput

from .controls import ControlLane
from .flp_mixer import Mix, mixer_tracks
from .flp_parts import EXPRESSIONS, Channel, Item, Pattern, channel_devices, channel_settings
from .flp_walk import Project, walk
from .model import (
    Automation,
    Clip,
    ClipKind,
    Marker,
    MediaRef,
    Mixer,
    Moment,
    Parameter,
    Session,
    Slot,
    State,
    TempoPoint,
    Track,
    TrackKind,
    Unit,
)

_AUTOMATION: Final = 5
_DEFAULT_BPM: Final = "140"
_AUDIO: Final = 4
# A marker's top byte is what it does (loop, skip, pause, start, punch); 8 is a new metre.
_SIGNATURE, _TICKS = 8, 0xFFFFFF
_ZERO: Final = Moment(Fraction(0))


def read_flp(data: bytes) -> Session:
    """Read an FL Studio project."""
    project = walk(data)
    reader = _Reader(project)
    tempo = tuple(reader.tempo())
    tracks = (*reader.channels(), *reader.patterns(), *mixer_tracks(project.inserts, reader.mix))
    markers = tuple(reader.markers())
    parameters = tuple(_parameters(project, reader.mix))
    told = repr((tempo, tracks, markers, parameters)).encode("utf-8", "replace")
    return Session(
        format="flp",
        application="FL Studio",
        version=project.version,
        digest=hashlib.sha256(data).hexdigest(),
        content_digest=hashlib.sha256(told).hexdigest(),
        size=len(data),
        tempo=tempo,
        tracks=tracks,
        markers=markers,
        parameters=parameters,
        unread=tuple(sorted(project.unread.items())),
    )


def _parameters(project: Project, mix: Mix) -> Iterator[Parameter]:
    level = mix.value(0x4000, 0, project.main_volume)
    yield Parameter("main volume", f"{level / 128:g}", Unit.PERCENT)
    yield Parameter("main pitch", str(project.main_pitch))
    yield Parameter("swing", str(project.swing))
    for name in ("title", "artists", "genre", "comments"):
        yield Parameter(name, project.texts.get(name, ""), Unit.TEXT)


class _Reader:
    """Turns what the walk found into the model's."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._ppq = project.ppq
        self.mix = Mix(project.mixer_values)
        self._clips: dict[int, list[Clip]] = defaultdict(list)
        self._places: dict[int, list[Clip]] = defaultdict(list)
        for arrangement in project.arrangements:
            for item in arrangement.items:
                self._place(item, arrangement.slot, arrangement.lanes)

    def tempo(self) -> Iterator[TempoPoint]:
        bpm = self._project.bpm or _DEFAULT_BPM
        if not 1 <= Fraction(bpm) <= 10_000:
            raise BadInput(f"the tempo is {bpm:.40}, want 1 to 10000")
        over, under = self._project.metre
        changes = [
            (word & _TICKS, metre)
            for _, word, metre, is_first in self._project.markers
            if word >> 24 == _SIGNATURE and is_first
        ]
        if not any(at == 0 for at, _ in changes):
            yield TempoPoint(_ZERO, bpm, over, under)
        for at, metre in sorted(changes):
            if not (0 < metre[0] < 1000 and 0 < metre[1] < 1000):
                raise BadInput(f"the time signature is {metre[0]}/{metre[1]}, want small numbers")
            yield TempoPoint(self._at(at), bpm, metre[0], metre[1])

    def markers(self) -> Iterator[Marker]:
        for name, word, _, is_first in self._project.markers:
            if word >> 24 != _SIGNATURE and is_first:
                yield Marker(name, self._at(word & _TICKS))

    def channels(self) -> Iterator[Track]:
        for channel in self._project.channels.values():
            clips = tuple(self._clips[channel.number])
            kind = TrackKind.INSTRUMENT
            if channel.kind == _AUTOMATION:
                kind = TrackKind.AUTOMATION
            elif channel.kind == _AUDIO and not channel.plugin.internal:
                kind = TrackKind.AUDIO
            yield Track(
                channel.name,
                kind,
                mixer=self._strip(channel),
                devices=channel_devices(channel),
                clips=(*clips, *self._cells(channel.number)),
                automations=self._automation(channel),
                parameters=_channel_parameters(channel),
            )

    def _strip(self, channel: Channel) -> Mixer:
        if channel.kind == _AUTOMATION:
            # Its level and pan are the range of the values that it sends.
            return Mixer(mute=not channel.enabled)
        return Mixer(
            volume=Parameter("volume", f"{channel.volume / 128:.6g}", Unit.PERCENT),
            pan=Parameter("pan", f"{channel.pan / 6400 - 1:.6g}", Unit.PAN),
            mute=not channel.enabled,
            output=f"insert {channel.insert}",
        )

    def _automation(self, channel: Channel) -> tuple[Automation, ...]:
        if channel.kind != _AUTOMATION or not channel.points:
            return ()
        target = self._project.links.get(channel.number)
        if target is None:
            return (Automation(channel.name, channel.points),)
        # Names of what is moved may change: the number of the place does not.
        name, identity = self._target(target, channel.name), f"{target[1]:x}:{target[0]:x}"
        return (Automation(name, channel.points, identity),)

    def _target(self, link: tuple[int, int], otherwise: str) -> str:
        """Name what a remote-control record moves; a plug-in's parameter by the clip's name."""
        parameter, where = link
        if where == 0x4000:
            return {0: "main volume", 2: "main pitch", 5: "tempo"}.get(parameter, otherwise)
        words = {0x1FC0: "volume", 0x1FC1: "pan"} if where >= 0x2000 else {0: "volume", 1: "pan"}
        if parameter not in words:
            return otherwise
        if where >= 0x2000:
            return f"{self.mix.name(self._project.inserts, where - 0x2000 >> 6)} {words[parameter]}"
        channel = self._project.channels.get(where)
        return f"{channel.name} {words[parameter]}" if channel else otherwise

    def _cells(self, number: int) -> Iterator[Clip]:
        for pattern, found in sorted(self._project.patterns.items()):
            notes = found.notes.get(number)
            if notes:
                yield Clip(
                    ClipKind.SLOT,
                    found.name,
                    _ZERO,
                    _ZERO,
                    notes=tuple(sorted(notes, key=lambda n: (n.start, n.pitch, n.length))),
                    ppq=self._ppq,
                    controllers=_expressions(found, number),
                    lanes=tuple(_lanes(found, number)),
                    slot=Slot(f"pattern {pattern}", _pattern_label(found, pattern)),
                )

    def patterns(self) -> Iterator[Track]:
        for number, pattern in sorted(self._project.patterns.items()):
            recorded = len(pattern.recorded) // 12
            digest = hashlib.sha256(pattern.recorded).hexdigest()[:12]
            told = f"{recorded} events ({digest})" if recorded else "none"
            yield Track(
                pattern.name or f"Pattern {number}",
                TrackKind.PATTERN,
                identity=f"pattern {number}",
                own_name=pattern.name,
                clips=tuple(self._places[number]),
                parameters=(Parameter("recorded automation", told),),
            )

    def _place(self, item: Item, slot: Slot | None, lanes: dict[int, tuple[str, bool]]) -> None:
        name, is_on = lanes.get(item.track, ("", True))
        clip = Clip(
            ClipKind.PATTERN,
            "",
            self._at(item.position),
            self._at(item.length),
            muted=item.is_muted or not is_on,
            parameters=(Parameter("playlist track", f"{item.track} {name}".strip()),),
            slot=slot,
        )
        if item.pattern is not None:
            offset = Moment(item.start / self._ppq)
            self._places[item.pattern].append(replace(clip, offset=offset))
            self._project.patterns.setdefault(item.pattern, Pattern())
            return
        channel = self._project.channels.get(item.channel or 0)
        if channel is None:
            self._project.unread["clip of an unknown channel"] += 1
            return
        is_automation = channel.kind == _AUTOMATION
        media = MediaRef(channel.sample) if channel.sample and not is_automation else None
        self._clips[channel.number].append(
            replace(
                clip,
                kind=ClipKind.AUTOMATION if is_automation else ClipKind.AUDIO,
                offset=Moment(item.start),
                media=media,
            )
        )

    def _at(self, ticks: int) -> Moment:
        return Moment(Fraction(ticks, self._ppq))


def _channel_parameters(channel: Channel) -> tuple[Parameter, ...]:
    if channel.kind == _AUTOMATION:
        # It makes no sound: what it stores of one is the program's default.
        return ()
    return (Parameter("pitch", str(channel.pitch)), *channel_settings(channel))


def _pattern_label(pattern: Pattern, number: int) -> str:
    return f"pattern '{pattern.name}'" if pattern.name else f"pattern {number}"


def _lanes(pattern: Pattern, channel: int) -> Iterator[ControlLane]:
    """Give what single notes carry by name, where it is not the default."""
    told = sorted(pattern.expressions.get(channel, ()))
    for place, (name, plain) in enumerate(EXPRESSIONS, start=2):
        events = tuple((one[0], one[1], one[place]) for one in told if one[place] != plain)
        if events:
            yield ControlLane(name, events, of_notes=True)


def _expressions(pattern: Pattern, channel: int) -> State | None:
    """Digest what single notes carry besides velocity: fine pitch, release, modulation, slide."""
    told: Sequence[tuple[int, ...]] = sorted(pattern.expressions.get(channel, ()))
    if not told:
        return None
    return State(hashlib.sha256(repr(told).encode()).hexdigest(), len(told))
