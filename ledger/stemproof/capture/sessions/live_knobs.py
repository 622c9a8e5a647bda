"""Every named parameter of the devices of a track, gathered in one pass.

A timeable is an element with a child `Manual` (in Live 8: `ArrangerAutomation`), and a set has
tens of thousands of them among ten times as many other elements. So they are looked for by that
child, in libxml2, and each is given to the device that owns the nearest known element above it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from stemproof.errors import BadInput

from .live_catalog import Entry, make_parameter
from .live_envelopes import AUTOMATED, Envelopes, first_value
from .live_media import read_media
from .model import MEDIA_PARAMETER, Automation, Parameter, Unit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lxml.etree import _Element

MAX_PARAMETERS: Final = 2_000_000
_MAX_PARTS: Final = 16
"""Elements between a device and a parameter; Live needs eight."""
_LISTED: Final = ("ParameterName", "Name")
"""What plug-ins and Max devices publish has its name beside its value."""
_PUBLISHED: Final = ("Plugin", "MxD")
_SAMPLE_PARTS: Final = "MultiSamplePart"
_SAMPLES: Final = "SampleRef"


@dataclass(slots=True)
class Settings:
    """What is set in one device."""

    label: str
    enabled: bool = True
    parameters: list[Parameter] = field(default_factory=list)
    automations: list[Automation] = field(default_factory=list)


class _Place(NamedTuple):
    """What an element's children belong to, and what their names begin with."""

    settings: Settings
    prefix: str
    entry: Entry | None  # None: the prefix is the whole name


class Knobs:
    """Gathers the parameters of one track's devices; first all are added, then read."""

    def __init__(self, envelopes: Envelopes) -> None:
        self._envelopes = envelopes
        self._places: dict[_Element, _Place | None] = {}
        self._roots: set[_Element] = set()
        self._counts: dict[tuple[_Element | None, str], int] = {}

    def add(self, device: _Element, entry: Entry, label: str) -> Settings:
        """Take up a device and read what is not automatable in it."""
        settings = Settings(label)
        self._roots.add(device)
        self.own(device, settings, "", entry)
        for child in device:
            if not len(child):
                self._setting(child, _Place(settings, "", entry))
        return settings

    def own(self, element: _Element, settings: Settings, prefix: str, entry: Entry) -> None:
        """Say to whom the parameters right below an element belong."""
        self._places[element] = _Place(settings, prefix, entry)

    def read(self, devices: _Element) -> None:
        """Read all samples and timeables below."""
        for part in devices.iter(_SAMPLE_PARTS):
            place = self._place(part)
            if place is not None:
                self._sample_part(part, place, 0)
        for sample in devices.iter(_SAMPLES):
            self._sample(sample)
        knobs = list(devices.iter("Manual"))
        if knobs:
            self._read_knobs(zip(knobs, [knob.get("Value") for knob in knobs], strict=True))
            return
        # Live 8.
        events = devices.iter("ArrangerAutomation")
        self._read_knobs((node, first_value(node[0]) if len(node) else None) for node in events)

    def _read_knobs(self, knobs: Iterable[tuple[_Element, str | None]]) -> None:
        # The one long loop over a set: what a knob can do without is not asked.
        places, roots, touched = self._places, self._roots, self._envelopes.touched
        last, place = None, None
        for part, stored in knobs:
            node = part.getparent()
            holder = None if node is None else node.getparent()
            if node is None or holder is None or stored is None:
                continue
            if holder is not last:
                last = holder
                place = places[holder] if holder in places else self._place(holder)
            if place is None:
                continue
            settings, prefix, entry = place
            if entry is None:
                parameter: Parameter | None = make_parameter(prefix, stored, Unit.RAW)
            else:
                tag = str(node.tag)
                if tag == "On" and holder in roots:
                    self._switch(settings, node, stored)
                    continue
                parameter = entry.parameter(prefix, tag, stored)
            if parameter is None:
                continue
            if node in touched:
                parameter = self._moved(settings, node, parameter)
            settings.parameters.append(parameter)

    def _moved(self, settings: Settings, node: _Element, parameter: Parameter) -> Parameter:
        label, unit = parameter.name, parameter.unit
        points = self._envelopes.moved(node, settings.label, label)
        if not points:
            return parameter
        settings.automations.append(Automation(label, points, unit=unit))
        # The stored number is the playhead's, not the musician's.
        return Parameter(label, AUTOMATED, unit, automated=True)

    def _switch(self, settings: Settings, node: _Element, stored: str) -> None:
        points = self._envelopes.moved(node, settings.label, "on")
        if points:
            settings.automations.append(Automation("on", points, unit=Unit.SWITCH))
        else:
            settings.enabled = stored != "false"

    def _place(self, element: _Element) -> _Place | None:
        """Find out to whom an element belongs: its way up to a known one."""
        if str(element.tag).startswith(_PUBLISHED):
            return self._published(element)
        way = [element]
        while way[-1] not in self._places:
            above = way[-1].getparent()
            if above is None or len(way) > _MAX_PARTS:
                return None
            way.append(above)
        place = self._places[way.pop()]
        while way:
            node = way.pop()
            place = None if place is None else self._below(node, place)
            self._places[node] = place
            if len(self._places) > MAX_PARAMETERS:
                raise BadInput(f"a track has more than {MAX_PARAMETERS} groups of parameters")
        return place

    def _published(self, node: _Element) -> _Place | None:
        """Find out to whom a parameter belongs that has a name of its own beside its value."""
        above = node.getparent()
        if above is None:
            return None
        place = self._places[above] if above in self._places else self._place(above)
        if place is None:
            return None
        for part in node:
            if part.tag in _LISTED:
                name = part.get("Value")
                return _Place(place.settings, name, None) if name else None
        return None

    def _below(self, node: _Element, place: _Place) -> _Place | None:
        tag = str(node.tag)
        step = None if place.entry is None else place.entry.step(place.prefix, tag)
        if step is None:
            return None
        key = (node.getparent(), tag)
        self._counts[key] = number = self._counts.get(key, 0) + 1
        label = f"{step.label} {number}" if number > 1 else step.label
        return _Place(place.settings, label, place.entry)

    def _sample_part(self, part: _Element, place: _Place, depth: int) -> None:
        """Read the zone of a sampler: keys, velocities, loops; none of it is automatable."""
        for child in part:
            if not len(child):
                self._setting(child, place)
            elif depth < 2 and child.tag != _SAMPLES:
                entry = place.entry
                step = None if entry is None else entry.step(place.prefix, str(child.tag))
                if step is not None:
                    self._sample_part(child, place._replace(prefix=step.label), depth + 1)

    def _setting(self, node: _Element, place: _Place) -> None:
        stored = node.get("Value")
        if stored is not None and place.entry is not None:
            parameter = place.entry.parameter(place.prefix, str(node.tag), stored)
            if parameter is not None:
                place.settings.parameters.append(parameter)

    def _sample(self, node: _Element) -> None:
        holder = node.getparent()
        place = None if holder is None else self._place(holder)
        media = None if place is None else read_media(node)
        if place is not None and media is not None:
            parameter = Parameter(MEDIA_PARAMETER, media.path, Unit.TEXT)
            place.settings.parameters.append(parameter)
