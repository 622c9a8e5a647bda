"""What Live calls its devices and their parameters, and by which law a number is read.

`live_names.json` is the table: elements of a set on the left, words and units on the right.
A parameter that is not in it is called by its element's name in plain words, and its number is
shown as stored.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final, NamedTuple

from .live_envelopes import SWITCHES, plain_value, words
from .model import Parameter, Unit
from .numbers import is_decimal

_TABLE: Final = "live_names.json"
_MAX_STEPS: Final = 4096
_MAX_KNOWN: Final = 8192
"""How much is remembered of one device of Live's own from set to set."""
_LONGEST: Final = 64
"""Longer names and values are rare, and not remembered."""


class Step(NamedTuple):
    """One element on the way to a parameter, or the parameter itself."""

    label: str
    unit: Unit


@dataclass(frozen=True)
class Entry:
    """One device of Live's own."""

    title: str
    role: str = "effect"
    laws: dict[str, Unit] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    words: dict[str, list[str]] = field(default_factory=dict)
    only: bool = False  # nothing but what is named or has a law
    _steps: dict[tuple[str, str], Step | None] = field(default_factory=dict, repr=False)
    _known: dict[tuple[str, str, str], Parameter | None] = field(default_factory=dict, repr=False)

    def step(self, prefix: str, tag: str) -> Step | None:
        """Tell what an element below `prefix` is called; None for what is not about sound."""
        key = (prefix, tag)
        try:
            return self._steps[key]
        except KeyError:
            step = None
        is_known = not self.only or tag in self.names or tag in self.laws
        if is_known and (tag in self.names or not _views().search(tag)):
            part = self.names.get(tag) or _part(tag)
            if not prefix or not part or part.startswith(f"{prefix} "):
                label = part or prefix
            else:
                label = f"{prefix} {part}"
            step = Step(label, self.laws.get(tag) or _general().laws.get(tag, Unit.RAW))
        if len(self._steps) < _MAX_STEPS and sum(map(len, key)) < 2 * _LONGEST:
            self._steps[key] = step
        return step

    def parameter(self, prefix: str, tag: str, stored: str) -> Parameter | None:
        """Make a parameter of what is stored; None for what is not about sound."""
        key = (prefix, tag, stored)
        # The usual way costs nothing but the look-up: it is taken for every knob of a set.
        try:
            return self._known[key]
        except KeyError:
            found = None
        step = self.step(prefix, tag)
        if step is not None:
            label, unit = step
            word = self.named(tag, stored)
            if word is not None:
                stored, unit = word, Unit.TEXT
            elif stored in SWITCHES:
                unit = Unit.SWITCH
            elif not (stored.isdecimal() or is_decimal(stored)):
                unit = Unit.TEXT
            found = Parameter(label, plain_value(stored, unit), unit)
        if len(self._known) < _MAX_KNOWN and sum(map(len, key)) < 2 * _LONGEST:
            self._known[key] = found
        return found

    def named(self, tag: str, stored: str) -> str | None:
        """Name the choice of a list, where the list is known."""
        choices = self.words.get(tag)
        known = choices is not None and len(stored) < 3 and stored.isascii() and stored.isdigit()
        return choices[int(stored)] if choices and known and int(stored) < len(choices) else None


def make_parameter(name: str, stored: str, unit: Unit) -> Parameter:
    """Make a parameter, or give the one that was made of the same: most of a set is alike."""
    make = _remembered if len(name) + len(stored) < 2 * _LONGEST else _made
    return make(name, stored, unit)


def _made(name: str, stored: str, unit: Unit) -> Parameter:
    return Parameter(name, plain_value(stored, unit), Unit.SWITCH if stored in SWITCHES else unit)


_remembered = functools.lru_cache(maxsize=1 << 15)(_made)


def entry_of(tag: str) -> Entry:
    """Look a device up; an unknown one is called by its element's name."""
    return _entry(tag) if tag in _table()["devices"] else Entry(words(tag).title())


@functools.cache
def _entry(tag: str) -> Entry:
    stored = _table()["devices"][tag]
    laws = {name: Unit(unit) for name, unit in stored.get("laws", {}).items()}
    return Entry(
        stored["title"],
        stored.get("role", "effect"),
        laws,
        stored.get("names", {}),
        stored.get("words", {}),
    )


@functools.lru_cache(maxsize=4096)
def _part(tag: str) -> str:
    general = _general()
    if tag in general.names:
        return general.names[tag]
    stem, dot, number = tag.partition(".")
    if stem in _containers():
        return ""
    if dot and len(number) < 5 and number.isascii() and number.isdigit():
        # `Bands.0` is the first band.
        return f"{words(stem).removesuffix('s')} {int(number) + 1}"
    return words(stem)


@functools.cache
def _general() -> Entry:
    table = _table()
    laws = {name: Unit(unit) for name, unit in table["laws"].items()}
    return Entry("", laws=laws, names=table["names"])


@functools.cache
def _containers() -> frozenset[str]:
    return frozenset(_table()["containers"])


@functools.cache
def _views() -> re.Pattern[str]:
    return re.compile(_table()["views"])


@functools.cache
def _table() -> dict[str, Any]:  # as JSON comes; a test reads every row
    text = files(__package__).joinpath(_TABLE).read_text("utf-8")
    table: dict[str, Any] = json.loads(text)
    return table
