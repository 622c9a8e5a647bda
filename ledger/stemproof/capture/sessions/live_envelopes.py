"""What Live calls a timeable: a value that a knob sets, that automation and clips can move.

    <Volume>
      <Manual Value="1" />                          the knob; Live 8 has only the first event
      <ArrangerAutomation><Events>…                 Live 8: the envelope stands here
      <AutomationTarget Id="16136">                 from Live 9 on: its number, and in the track
      <ModulationTarget Id="16137">
    </Volume>
    <AutomationEnvelopes><Envelopes><AutomationEnvelope>
      <EnvelopeTarget><PointeeId Value="16136" />…  the envelope with that number

The event at -63072000 (two years before the start) is no point of an envelope: it holds the value
from which the envelope starts, as a line without points.
The numbers are given anew on every save; names take their place.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

from .live_xml import value
from .model import Automation, Clip, Parameter, Point, Unit
from .numbers import parse_decimal

if TYPE_CHECKING:
    from lxml.etree import _Element

AUTOMATED: Final = "automated"
BEFORE_ALL: Final = -63_072_000
SILENCE: Final = 0.000317
"""Live's faders end at 0.0003162277571, -70 dB, and call it -inf dB."""
SWITCHES: Final = {"true": "1", "false": "0"}
_CURVE: Final = ("CurveControl1X", "CurveControl1Y", "CurveControl2X", "CurveControl2Y")
_TARGETS: Final = ("AutomationTarget", "ModulationTarget")
_UNKNOWN: Final = "an unknown target"


class Knob(NamedTuple):
    """One timeable: what it is called, its parameter, and the envelope that moves it."""

    parameter: Parameter
    automation: Automation | None


class Envelopes:
    """The envelopes of one track, and what they and those of its clips move."""

    def __init__(self, track: _Element, clips: Iterable[Clip]) -> None:
        self._points: dict[str, tuple[Point, ...]] = {}
        self._names: dict[str, str] = {}
        for node in track.iterfind("AutomationEnvelopes/Envelopes/AutomationEnvelope"):
            points = read_points(node.find("Automation/Events"))
            if points:
                self._points[value(node, "EnvelopeTarget/PointeeId")] = points
        wanted = set(self._points)
        wanted.update(lane.target for clip in clips for lane in clip.points)
        # By element: most of a set is moved by nothing and need not be asked.
        self._numbers: dict[_Element, list[str]] = {}
        for target in track.iter(*_TARGETS) if wanted else ():
            number, owner = target.get("Id", ""), target.getparent()
            if number in wanted and owner is not None:
                self._numbers.setdefault(owner, []).append(number)
                wanted.discard(number)
                if not wanted:
                    break
        self._places: dict[_Element, tuple[Point, ...]] = dict(_points_in_place(track))
        # Few things of a set are moved by anything; the others need not be asked.
        self.touched = self._places.keys() | self._numbers.keys()

    def moved(self, node: _Element, place: str, label: str) -> tuple[Point, ...]:
        """Give the points of the envelope that moves a timeable, and note what it is called."""
        points = self._places.get(node, ()) if self._places else ()
        if self._numbers and node in self._numbers:
            for number in self._numbers[node]:
                self._names[number] = f"{place}: {label}" if place else label
                points = self._points.pop(number, points)
        return points

    def knob(self, node: _Element, label: str, unit: Unit) -> Knob | None:
        """Read one timeable of a mixer; None where the element is none."""
        stored = next(node.iterchildren("Manual"), None)
        manual = None if stored is None else stored.get("Value")
        if manual is None:
            manual = first_value(node.find("ArrangerAutomation/Events"))
        if manual is None:
            return None
        points = self.moved(node, "", label)
        if unit is Unit.RAW and manual in SWITCHES:
            unit = Unit.SWITCH
        if not points:
            return Knob(Parameter(label, plain_value(manual, unit), unit), None)
        # The stored number is the playhead's, not the musician's.
        return Knob(
            Parameter(label, AUTOMATED, unit, automated=True),
            Automation(label, points, unit=unit),
        )

    def name_targets(self, node: _Element) -> None:
        """Name what clips can move in a sequencer: clip gain, transposition, MIDI controllers."""
        for part in node:
            tag = str(part.tag)
            if tag == "MidiControllers":
                for target in part:
                    number = str(target.tag).rpartition(".")[2]
                    self._names[target.get("Id", "")] = _controller(number)
            elif tag.endswith("ModulationTarget"):
                name = words(tag.removesuffix("ModulationTarget"))
                self._names[part.get("Id", "")] = f"clip {name}"

    def named(self, clip: Clip) -> Clip:
        """Put names in place of the numbers of what a clip's envelopes move."""
        if not clip.points:
            return clip
        lanes = tuple(replace(p, target=self._names.get(p.target, _UNKNOWN)) for p in clip.points)
        return replace(clip, points=tuple(sorted(lanes, key=lambda lane: lane.target)))

    def count_rest(self, unread: Counter[str]) -> None:
        """Count the envelopes whose target was not met."""
        if self._points:
            unread["automation of an unknown target"] += len(self._points)


def read_points(events: _Element | None) -> tuple[Point, ...]:
    """Read an envelope's points in order of time, without the value from before all time."""
    if events is None or not len(events):
        return ()
    return tuple(point for point in _points(events) if point.at > BEFORE_ALL)


def first_value(events: _Element | None) -> str | None:
    """Read the value from which an envelope starts."""
    return events[0].get("Value") if events is not None and len(events) else None


def plain_value(stored: str, unit: Unit) -> str:
    """Write a switch as 0 or 1, and the lower end of a fader as silence."""
    if unit is Unit.GAIN and len(stored) > 6 and stored.startswith("0.000"):
        return "0" if float(parse_decimal(stored, "a level")) < SILENCE else stored
    return SWITCHES.get(stored, stored)


@functools.lru_cache(maxsize=4096)
def words(tag: str) -> str:
    """Write a name in camel case as words: `DecayTime` -> `decay time`."""
    found: list[str] = []
    for index, letter in enumerate(tag):
        after = tag[index + 1 : index + 2]
        if found and letter.isupper() and (tag[index - 1].islower() or after.islower()):
            found.append(" ")
        found.append(letter)
    return "".join(found).replace("_", " ").lower()


@functools.lru_cache(maxsize=1 << 15)
def moment(text: str) -> Fraction:
    """Read a time in quarter notes."""
    return parse_decimal(text, "a time")


def _points_in_place(track: _Element) -> Iterator[tuple[_Element, tuple[Point, ...]]]:
    """Find the envelopes that stand in what they move, as Live 8 and 9 write them."""
    for holder in track.iter("ArrangerAutomation"):
        node = holder.getparent()
        if node is not None and len(holder) and len(holder[0]) > 1:
            points = read_points(holder[0])
            if points:
                yield node, points


def _points(events: _Element) -> Iterator[Point]:
    for event in events:
        stored = event.get("Value")
        if stored is None:
            continue
        shape = ""
        if event.get("CurveControl1X") is not None:
            shape = " ".join(event.get(name, "") for name in _CURVE)
        at = moment(event.get("Time", "0"))
        yield Point(at, SWITCHES.get(stored, stored), shape)


def _controller(number: str) -> str:
    if number == "0":
        return "pitch bend"
    if number == "1":
        return "channel pressure"
    known = len(number) < 4 and number.isascii() and number.isdigit()
    return f"CC {int(number) - 2}" if known else "a controller"
