"""Automation and controls of an Ardour session.

    <Controllable name="gaincontrol" id="146" flags="GainLike" value="0.5"/>
    <AutomationList automation-id="gain" id="145" time-domain="AudioTime" state="Play">
      <events>a0 1                  one point a line: time and value
    a282240000 0.5
    </events>
    </AutomationList>

While a list plays, the value of its control is only where the play-head stood at the save.
The way between two points (interpolation-style) is not read. No I/O.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from stemproof.errors import BadInput

from .midi_names import lane_name
from .model import Automation, Parameter, Point, TimeUnit, Unit
from .numbers import is_decimal

if TYPE_CHECKING:
    from lxml.etree import _Element

    from .ardour_time import Clock

MAX_POINTS = 2_000_000
MAX_VALUE = 60
"""A stored float has at most 25 characters."""
TARGETS = {
    "gain": ("volume", Unit.GAIN),
    "trim": ("trim", Unit.GAIN),
    "send": ("level", Unit.GAIN),
    "mute": ("mute", Unit.SWITCH),
    "phase": ("phase", Unit.RAW),
    "pan-azimuth": ("pan", Unit.PAN_UNIT),
    "pan-width": ("width", Unit.RATIO),
    "pan-elevation": ("pan elevation", Unit.RAW),
    "pan-frontback": ("pan front to back", Unit.RAW),
    "pan-lfe": ("LFE level", Unit.RAW),
}
# The control of each list, where both are named otherwise.
_CONTROLS = {"gain": "gaincontrol", "trim": "trimcontrol", "send": "gaincontrol"}
# The session's own state, and what records and listens.
_NO_DECISION = frozenset({"solo", "solo-iso", "solo-safe", "rec-enable", "rec-safe", "monitor"})


def is_on(text: str) -> bool:
    """Read a switch, as version 3 ("yes", "1.000000000000") or as later ones write it."""
    if is_decimal(text):
        return float(text) != 0
    return text.strip().lower() in ("yes", "true", "y")


def read_value(node: _Element) -> str:
    """Give a control's value as stored; plug-ins write `inf` and `nan` too."""
    return node.get("value", "0")[:MAX_VALUE]


def read_list(node: _Element, clock: Clock, target: str, unit: Unit) -> Automation:
    """Read one automation list."""
    events = node.find("events")
    words = (events.text or "").split() if events is not None else []
    if len(words) % 2 or len(words) > 2 * MAX_POINTS:
        raise BadInput(f"an automation list has {len(words)} numbers, want pairs of them")
    points = [
        Point(clock.point(at, "an automation point's time"), value[:MAX_VALUE])
        for at, value in zip(words[::2], words[1::2], strict=True)
    ]
    is_musical = bool(words) and words[0][:1] == "b"
    if any((at[:1] == "b") is not is_musical for at in words[::2]):
        raise BadInput("an automation list counts samples and beats, want one of them")
    return Automation(
        target,
        tuple(points),
        node.get("id", ""),
        TimeUnit.QUARTER if is_musical else TimeUnit.SECOND,
        node.get("state", "Off") not in ("Off", "Manual"),
        unit,
    )


class Controls:
    """The controls and the lists of one route, send or plug-in."""

    def __init__(
        self,
        nodes: Iterable[_Element],
        clock: Clock,
        unread: Counter[str],
    ) -> None:
        self._controls: dict[str, _Element] = {}
        self._lists: dict[str, _Element] = {}
        self._clock, self._unread = clock, unread
        for node in nodes:
            for child in node.iterfind("Controllable"):
                self._controls.setdefault(child.get("name", ""), child)
            for child in node.iterfind("Automation/AutomationList"):
                if child.find("events") is not None:
                    self._lists.setdefault(child.get("automation-id", ""), child)

    def is_playing(self, target: str) -> bool:
        """Tell whether the control of a list follows it."""
        node = self._lists.get(target)
        return node is not None and node.get("state", "Off") not in ("Off", "Manual")

    def parameter(self, target: str, name: str = "") -> Parameter | None:
        """Read the control that belongs to a list, or None where there is none."""
        label, unit = TARGETS[target]
        node = self._controls.get(_CONTROLS.get(target, target))
        if node is None:
            return None
        return read_parameter(node, name or label, unit, is_playing=self.is_playing(target))

    def lanes(self, prefix: str = "", names: dict[str, str] | None = None) -> Iterator[Automation]:
        """Read every list that has points; `names` are those of a plug-in's parameters."""
        for target, node in self._lists.items():
            if target in _NO_DECISION:
                continue
            label, unit = TARGETS.get(target, ("", Unit.RAW))
            label = label or self._label(target, names or {})
            lane = read_list(node, self._clock, f"{prefix}{label}", unit)
            if lane.points:
                yield lane

    def _label(self, target: str, names: dict[str, str]) -> str:
        if target.startswith("midi"):
            return _midi_label(target)
        if target not in names:
            self._unread["automation of unknown controls"] += 1
        return names.get(target, target)


def _midi_label(target: str) -> str:
    """Name what a MIDI track plays: `midicc-CHANNEL-CONTROLLER`, `midi-pitch-bender-CHANNEL`."""
    word, *numbers = re.split(r"-(?=\d)", target)
    if len(numbers) > 2 or not all(n.isascii() and n.isdigit() and len(n) < 4 for n in numbers):
        return target.replace("-", " ")
    channel = f" on channel {int(numbers[0]) + 1}" if numbers and int(numbers[0]) else ""
    if word == "midicc" and len(numbers) == 2:
        return lane_name("controller", int(numbers[1])) + channel
    name = {"midi-pitch-bender": "pitch bend"}.get(word, word.removeprefix("midi-"))
    key = f" of key {numbers[1]}" if len(numbers) == 2 else ""
    return name.replace("-", " ") + key + channel


def read_parameter(node: _Element, name: str, unit: Unit, *, is_playing: bool) -> Parameter:
    """Read one control; while automation plays, its value says nothing."""
    if is_playing:
        return Parameter(name, AUTOMATED, unit, automated=True)
    return Parameter(name, read_value(node), unit)


AUTOMATED = "automated"
"""Stands for a value that automation set."""
