"""What a DAWproject clip holds: notes, files, warps, envelopes."""

from __future__ import annotations

import hashlib
from collections import Counter
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from stemproof.errors import BadInput

from .dawproject_numbers import PPQ, beats_or_seconds, number, ticks, unit_of
from .midi_names import lane_name
from .model import Automation, ClipKind, Note, Point, State, TimeUnit, Unit
from .numbers import parse_decimal, parse_integer

if TYPE_CHECKING:
    from lxml.etree import _Element

_POINTS: Final = frozenset({"RealPoint", "BoolPoint", "IntegerPoint", "EnumPoint"})
_DEFAULT_VELOCITY: Final = 100  # the schema leaves it open; Bitwig writes 0.787402
_EXPRESSION_UNITS: Final = {
    "gain": Unit.GAIN,
    "transpose": Unit.SEMITONES,
    "pitchBend": Unit.RAW,
}


class Content:
    """What was found in one clip; `clips` are inner clips with the unit that they count in."""

    def __init__(self, bpm: Fraction, unread: Counter[str]) -> None:
        self._bpm = bpm
        self._unread = unread
        self.notes: list[Note] = []
        self.points: list[Automation] = []
        self.clips: list[tuple[_Element, TimeUnit]] = []
        self.media = ""
        self.algorithm = ""
        self._expressions = hashlib.sha256()
        self._expressed = 0
        self._ordered: tuple[Note, ...] = ()

    @property
    def kind(self) -> ClipKind:
        """Tell what kind of clip it makes."""
        if self.media or (self.clips and not self.notes):
            return ClipKind.AUDIO
        if self.points and not self.notes:
            return ClipKind.AUTOMATION
        # An empty clip is one for notes: programs write no empty clip of audio.
        return ClipKind.NOTES

    @property
    def expressions(self) -> State | None:
        """Give count and digest of what single notes carry: bends, pressure, timbre."""
        if not self._expressed:
            return None
        return State(self._expressions.hexdigest(), self._expressed)

    def ordered_notes(self) -> tuple[Note, ...]:
        """Give the notes in one order, and one tuple to all clips that share them."""
        if len(self._ordered) != len(self.notes):
            self._ordered = tuple(sorted(self.notes))
        return self._ordered

    def add(self, node: _Element, inherited: TimeUnit) -> None:
        """Read one timeline into this content."""
        unit = beats_or_seconds(node, inherited)
        tag = node.tag
        if tag == "Notes":
            for child in node:
                self._add_note(child, unit)
        elif tag == "Lanes":
            for child in node:
                self.add(child, unit)
        elif tag in ("Audio", "Video"):
            self._add_media(node)
        elif tag == "Warps":
            self._add_warps(node, unit)
        elif tag == "Points":
            self.points.append(read_points(node, unit))
        elif tag == "Clips":
            self.clips += [(child, unit) for child in node.iterfind("Clip")]
        else:
            self._unread[str(tag)[:40]] += 1

    def _add_note(self, node: _Element, unit: TimeUnit) -> None:
        key = parse_integer(node.get("key", ""), "a note's key")
        channel = parse_integer(node.get("channel", "0"), "a note's channel")
        if node.tag != "Note" or not (0 <= key < 128 and -1 <= channel < 128):
            raise BadInput(f"a note has key {key} on channel {channel}, want 0 to 127")
        times = node.get("time", ""), node.get("duration", "")
        if unit is TimeUnit.QUARTER:
            start, length = ticks(times[0], "a note's time"), ticks(times[1], "a note's duration")
        else:
            start, length = (
                round(parse_decimal(text, "a note's time") * self._bpm / 60 * PPQ) for text in times
            )
        self.notes.append(Note(key, start, length, _velocity(node.get("vel")), max(channel, 0)))
        if not len(node):
            return
        for points in node.iter("Points"):
            lane = read_points(points, unit)
            told = (key, channel, *times, lane.target, [(str(p.at), p.value) for p in lane.points])
            self._expressions.update(repr(told).encode("utf-8", "replace"))
            self._expressed += len(lane.points)

    def _add_media(self, node: _Element) -> None:
        file = node.find("File")
        path = "" if file is None else file.get("path", "")
        if self.media and self.media != path:
            self._unread["second file in one clip"] += 1
            return
        self.media = path
        self.algorithm = node.get("algorithm", "")
        if node.tag == "Video":
            self._unread["Video"] += 1

    def _add_warps(self, node: _Element, unit: TimeUnit) -> None:
        inside = beats_or_seconds(node, unit, "contentTimeUnit")
        points = []
        for child in node:
            if child.tag != "Warp":
                self.add(child, inside)
                continue
            at = parse_decimal(child.get("time", ""), "a warp's time")
            points.append(Point(at, child.get("contentTime", "")))
        self.points.append(Automation("time warp", tuple(points), time_unit=unit))


def read_points(node: _Element, inherited: TimeUnit) -> Automation:
    """Read automation points; what they move is told by the expression, if there is one."""
    unit = beats_or_seconds(node, inherited)
    points = []
    for child in node:
        if child.tag in _POINTS:
            at = parse_decimal(child.get("time", ""), "an automation point's time")
            points.append(Point(at, number(child, "0"), child.get("interpolation", "")))
    points.sort(key=lambda point: point.at)
    name, law = _expression(node.find("Target"))
    if law is Unit.RAW:
        law = unit_of(node.get("unit"))
    return Automation(name, tuple(points), time_unit=unit, unit=law)


def _expression(target: _Element | None) -> tuple[str, Unit]:
    if target is None:
        return "", Unit.RAW
    name = target.get("expression", "")
    law = _EXPRESSION_UNITS.get(name, Unit.RAW)
    if name == "channelController":
        number = target.get("controller", "?")
        is_known = len(number) < 4 and number.isascii() and number.isdigit()
        name = lane_name("controller", int(number)) if is_known else "a controller"
    for part in ("key", "channel"):
        if target.get(part) is not None:
            name += f", {part} {target.get(part)}"
    return name, law


@lru_cache(maxsize=1 << 12)
def _velocity(text: str | None) -> int:
    if text is None:
        return _DEFAULT_VELOCITY
    # 0 to 1 in the file; MIDI's 127 steps are what musicians know.
    return max(0, min(127, round(parse_decimal(text, "a note's velocity") * 127)))
