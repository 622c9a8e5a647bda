"""The arrangement and the scenes of a DAWproject: lanes, clips and automation onto their strips.

A clip holds one timeline: notes, an audio file, a file with warps, automation, lanes of these, or
clips again. Bitwig wraps every audio file in a clip inside a clip, which is one clip here; several
inner clips are told one by one at their place in the song. A clip may name another timeline
instead (`reference`), which is followed once, so that references cannot multiply without end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from stemproof.errors import BadInput

from .dawproject_content import Content, read_points
from .dawproject_numbers import (
    PPQ,
    beats_or_seconds,
    is_true,
    level_unit,
    pan_value,
    shown_number,
    unit_of,
)
from .model import (
    Automation,
    Clip,
    MediaRef,
    Moment,
    Parameter,
    Slot,
    TimeUnit,
    Unit,
)
from .numbers import parse_decimal

if TYPE_CHECKING:
    from lxml.etree import _Element

    from .dawproject_tracks import Strip, Target

MAX_CLIPS: Final = 500_000
MAX_NOTES: Final = 1_000_000
_MARKERS: Final = ("Markers", "markers")
_CONTENT: Final = ("Notes", "Audio", "Warps", "Video", "Timeline")
_ZERO: Final = Moment(Fraction(0))


class Arranger:
    """Walks the timelines once and puts what it finds onto the strips."""

    def __init__(
        self, root: _Element, strips: Sequence[Strip], bpm: Fraction, unread: Counter[str]
    ) -> None:
        self._root = root
        self._bpm = bpm
        self._unread = unread
        self._strips = {key: strip for strip in strips for key in strip.ids()}
        self._targets: dict[str, Target] = {}
        for strip in strips:
            self._targets.update(strip.targets)
        self._known: dict[str, _Element] | None = None
        self._contents: dict[tuple[str, TimeUnit], Content] = {}
        self._clips = 0
        self._notes = 0
        self.markers: list[tuple[_Element, TimeUnit]] = []

    def read(self) -> None:
        """Read the arrangement, then what waits in scenes."""
        for arrangement in self._root.iterfind("Arrangement"):
            for node in arrangement:
                if node.tag == "Lanes":
                    self._lanes(node, TimeUnit.QUARTER, None, "")
        for place, scene in enumerate(self._root.iterfind("Scenes/Scene"), start=1):
            for node in scene:
                name = scene.get("name") or f"Scene {place}"
                self._lanes(node, TimeUnit.QUARTER, None, name)

    def _lanes(self, node: _Element, inherited: TimeUnit, strip: Strip | None, scene: str) -> None:
        unit = beats_or_seconds(node, inherited)
        strip = self._strips.get(node.get("track", ""), strip)
        if node.tag == "Lanes":
            for child in node:
                self._lanes(child, unit, strip, scene)
        elif node.tag in _MARKERS:
            self.markers.append((node, unit))
        elif node.tag == "Points":
            self._points(node, unit, strip)
        elif strip is None:
            # Also what lies on a lane of its own without any track.
            self._unread[f"{str(node.tag)[:40]} without a track"] += 1
        elif node.tag in ("Clips", "ClipSlot"):
            for clip in node.iterfind("Clip"):
                strip.clips += self._clip(clip, unit, scene)
        elif node.tag in _CONTENT:
            strip.clips.append(self._bare(node, unit, scene))
        else:
            self._unread[str(node.tag)[:40]] += 1

    def _points(self, node: _Element, unit: TimeUnit, strip: Strip | None) -> None:
        target = self._target(node)
        lane = read_points(node, unit)
        if target is None:
            if strip is not None and lane.points:
                strip.automations.append(lane)
            elif lane.points:
                self._unread["automation of an unknown parameter"] += 1
            return
        lane = _by_law(lane, target, node.get("unit"))
        if target.device is None:
            target.strip.automations.append(lane)
        else:
            target.strip.device_automations.setdefault(target.device, []).append(lane)

    def _target(self, node: _Element) -> Target | None:
        named = node.find("Target")
        return None if named is None else self._targets.get(named.get("parameter", ""))

    def _clip(self, node: _Element, unit: TimeUnit, scene: str) -> Iterator[Clip]:
        self._count_clip()
        inside = beats_or_seconds(node, unit, "contentTimeUnit")
        content = self._content(node, inside)
        outer = Clip(
            content.kind,
            node.get("name", ""),
            _moment(node, "time", unit),
            _moment(node, "duration", unit),
            offset=_moment(node, "playStart", inside),
            muted=node.get("enable") is not None and not is_true(node.get("enable")),
            parameters=tuple(_settings(node, unit, inside)),
        )
        outer = _with_scene(_filled(outer, content), scene)
        if len(content.clips) < 2:
            yield outer if not content.clips else self._merged(outer, content.clips[0])
            return
        for inner, inner_unit in content.clips:
            for found in self._clip(inner, inner_unit, scene):
                yield _moved_into(found, outer)

    def _merged(self, outer: Clip, inside: tuple[_Element, TimeUnit]) -> Clip:
        """Make one clip of a clip and the only clip in it."""
        node, unit = inside
        inner = self._content(node, beats_or_seconds(node, unit, "contentTimeUnit"))
        while len(inner.clips) == 1:
            node, unit = inner.clips[0]
            inner = self._content(node, beats_or_seconds(node, unit, "contentTimeUnit"))
        if inner.clips:
            self._unread["clips three levels deep"] += len(inner.clips)
        told = [p for p in _settings(node, unit, unit, prefix="audio ") if p.value != "none"]
        for name, attribute in (("audio place", "time"), ("audio start", "playStart")):
            value = parse_decimal(node.get(attribute, "0"), "a clip's time")
            told.append(Parameter(name, shown_number(value)))
        clip = _filled(replace(outer, kind=inner.kind), inner)
        return replace(
            clip,
            name=clip.name or node.get("name", ""),
            parameters=(*outer.parameters, *told, *_algorithm(inner)),
            points=(*outer.points, *inner.points),
        )

    def _bare(self, node: _Element, unit: TimeUnit, scene: str) -> Clip:
        """Make a clip of content that lies on a track without one."""
        self._count_clip()
        content = Content(self._bpm, self._unread)
        content.add(node, unit)
        self._count_notes(content)
        end = max((n.start + n.length for n in content.notes), default=0)
        length = Moment(Fraction(end, PPQ))
        return _with_scene(_filled(Clip(content.kind, "", _ZERO, length), content), scene)

    def _content(self, node: _Element, unit: TimeUnit) -> Content:
        reference = node.get("reference")
        if reference is not None and not len(node):
            content = self._shared(reference, unit)
        else:
            content = Content(self._bpm, self._unread)
            for child in node:
                content.add(child, unit)
        self._count_notes(content)
        return content

    def _shared(self, reference: str, unit: TimeUnit) -> Content:
        """Read content that clips refer to, once for all of them."""
        if self._known is None:
            self._known = {n.get("id", ""): n for n in self._root.iter() if n.get("id")}
        found = self._contents.get((reference, unit))
        if found is None:
            found = self._contents[reference, unit] = Content(self._bpm, self._unread)
            named = self._known.get(reference)
            if named is not None:
                found.add(named, unit)
            if named is None or found.clips:
                # Clips inside could refer to this very content again.
                self._unread["reference to clips"] += 1
                found.clips.clear()
        return found

    def _count_clip(self) -> None:
        self._clips += 1
        if self._clips > MAX_CLIPS:
            raise BadInput(f"the DAWproject has more than {MAX_CLIPS} clips")

    def _count_notes(self, content: Content) -> None:
        self._notes += len(content.notes)
        if self._notes > MAX_NOTES:
            raise BadInput(f"the DAWproject has more than {MAX_NOTES} notes")


def _by_law(lane: Automation, target: Target, word: str | None) -> Automation:
    """Name a lane after what it moves and give its values that parameter's law."""
    if target.pan is not None:
        scale = target.pan
        points = tuple(replace(p, value=pan_value(p.value, scale)) for p in lane.points)
        return replace(lane, target=target.name, points=points, unit=Unit.PAN)
    unit = target.unit
    if word is not None and unit is not Unit.SWITCH:
        unit = level_unit(word) if target.level else unit_of(word)
    return replace(lane, target=target.name, unit=unit)


def _moment(node: _Element, name: str, unit: TimeUnit) -> Moment:
    return Moment(parse_decimal(node.get(name, "0"), f"a clip's {name}"), unit)


def _settings(
    node: _Element, unit: TimeUnit, inside: TimeUnit, prefix: str = ""
) -> Iterator[Parameter]:
    """Tell a clip's loop and fades; a loop reads as one thing, because it is set as one."""
    start, end = node.get("loopStart"), node.get("loopEnd")
    loop = "none"
    if end is not None:
        ends = [shown_number(parse_decimal(text, "a clip's loop")) for text in (start or "0", end)]
        loop = f"{ends[0]} to {ends[1]} {'beats' if inside is TimeUnit.QUARTER else 's'}"
    yield Parameter(f"{prefix}loop", loop)
    faded = beats_or_seconds(node, unit, "fadeTimeUnit")
    law = Unit.SECONDS if faded is TimeUnit.SECOND else Unit.BEATS
    for name, attribute in (("fade in", "fadeInTime"), ("fade out", "fadeOutTime")):
        value = parse_decimal(node.get(attribute, "0"), "a clip's fade")
        # A fade of zero and none at all are one thing.
        if value:
            yield Parameter(f"{prefix}{name}", shown_number(value), law)
        else:
            yield Parameter(f"{prefix}{name}", "none")
    if node.get("playStop") is not None:
        stop = parse_decimal(node.get("playStop", ""), "a clip's end of playing")
        yield Parameter(f"{prefix}play stop", shown_number(stop))


def _algorithm(content: Content) -> Iterator[Parameter]:
    if content.algorithm:
        yield Parameter("stretching", content.algorithm)


def _filled(clip: Clip, content: Content) -> Clip:
    return replace(
        clip,
        media=MediaRef(content.media) if content.media else clip.media,
        notes=content.ordered_notes() or clip.notes,
        ppq=PPQ,
        controllers=content.expressions or clip.controllers,
        points=tuple(content.points),
    )


def _with_scene(clip: Clip, scene: str) -> Clip:
    return replace(clip, slot=Slot(scene, f"scene '{scene}'")) if scene else clip


def _moved_into(clip: Clip, outer: Clip) -> Clip:
    """Place an inner clip in the song, and give it what its outer clip says."""
    position = outer.position
    if outer.position.unit is clip.position.unit is outer.offset.unit:
        value = outer.position.value + clip.position.value - outer.offset.value
        position = Moment(value, outer.position.unit)
    told = (replace(p, name=f"group {p.name}") for p in outer.parameters if p.value != "none")
    return replace(
        clip,
        name=clip.name or outer.name,
        position=position,
        muted=clip.muted or outer.muted,
        parameters=(*clip.parameters, *told),
    )
