"""The catalogue: which tool a plug-in is, by exact id before vendor and name.

    found = shipped_catalogue().match(device)
    found.tool.id, found.how          # "izotope-ozone-8", "id"

That a tool is here says what it can do, never that it did it.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from stemproof.errors import BadInput

from .rows import Kind, Tool, parse_row
from .words import Words, contains, matches, name_words, split_words

if TYPE_CHECKING:
    from stemproof.capture.sessions.model import Device, PluginId

# A VST3 id that was made from a VST2 code: "VST", the code, the first nine characters of a name.
_FROM_VST2: Final = "565354"
_VERSION: Final = 0
# More words than any pattern takes: somebody asked for a tool by its full title.
_WHOLE: Final = 1000


@dataclass(frozen=True, slots=True)
class Match:
    """A row, and how a device came to it: by `id`, or by `name`."""

    tool: Tool
    how: str
    by: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Rows in force, found by their ids and names."""

    version: int
    tools: tuple[Tool, ...]
    by_id: dict[tuple[str, str], Tool] = field(repr=False)
    by_word: dict[str, tuple[tuple[Tool, str], ...]] = field(repr=False)
    # The digest of the user's own rows; empty where there are none.
    own: str = ""

    def match(self, device: Device) -> Match | None:
        """Find the row of a device; None where none is known."""
        return self.match_ids(device.ids) or self.match_name(device.name, device.vendor)

    def match_ids(self, ids: Iterable[PluginId]) -> Match | None:
        """Find a row by exact id."""
        for one in ids:
            for kind, value in _spellings(one.kind.value, one.value):
                tool = self.by_id.get((kind, value))
                if tool is not None:
                    return Match(tool, "id", f"{kind} {value}")
        return None

    def match_name(self, name: str, vendor: str) -> Match | None:
        """Find a row of a plug-in by vendor and whole name; the longest pattern decides.

        Where no vendor is known, only a name that stands for itself is enough.
        """
        found = [
            (tool, pattern, size)
            for tool, pattern, size in self._named(name, vendor)
            if tool.form in ("plugin", "feature")
            and (_is_by(tool, vendor) if vendor else tool.is_known_alone)
        ]
        return _best(found)

    def match_text(self, text: str) -> list[Match]:
        """Find the rows of any form that a person may mean by a text, best first."""
        found: dict[str, tuple[int, Match]] = {}
        for tool in self.tools:
            titles = {split_words(tool.product), split_words(tool.title), split_words(tool.id)}
            sizes = {name: matches(name, name_words(text, tool.vendor)) for name in tool.names}
            if split_words(text) in titles:
                sizes[tool.product] = _WHOLE
            name = max(sizes, key=lambda one: sizes[one], default="")
            if name and sizes[name]:
                found[tool.id] = (sizes[name], Match(tool, "name", name))
        ranked = sorted(found.items(), key=lambda one: (-one[1][0], one[0]))
        return [match for _, (_, match) in ranked]

    def near(self, text: str) -> list[Tool]:
        """List the rows that have words in common with a text, or letters inside a word."""
        words = split_words(text)
        return [tool for tool in self.tools if _is_near(tool, words, text.casefold())]

    def _named(self, name: str, vendor: str) -> Iterable[tuple[Tool, str, int]]:
        for spelled in {name_words(name, vendor), name_words(name), split_words(name)}:
            yield from self._spelled(spelled)
            # iZotope Ozone 9: the maker stands before the name, whatever the vendor is called.
            for tool, pattern in self.by_word.get("".join(spelled[:1]), ()):
                maker = split_words(tool.vendor)
                if maker and spelled[: len(maker)] == maker:
                    size = matches(pattern, spelled[len(maker) :])
                    if size:
                        yield tool, pattern, size

    def _spelled(self, words: Words) -> Iterable[tuple[Tool, str, int]]:
        for tool, pattern in self.by_word.get("".join(words[:1]), ()):
            size = matches(pattern, words)
            if size:
                yield tool, pattern, size


def make_catalogue(version: int, tools: Sequence[Tool], own: str = "") -> Catalogue:
    """Index rows; two rows of one id, or one plug-in id in two rows, are refused."""
    by_id: dict[tuple[str, str], Tool] = {}
    by_word: dict[str, list[tuple[Tool, str]]] = {}
    if len({tool.id for tool in tools}) != len(tools):
        raise BadInput("two rows of the catalogue have one id")
    for tool in tools:
        for kind_value in tool.ids:
            if kind_value in by_id and not tool.is_own:
                other = by_id[kind_value]
                raise BadInput(f"{' '.join(kind_value)} is in two rows: {other.id} and {tool.id}")
            by_id[kind_value] = tool
        makers = {split_words(tool.vendor)[:1]}
        for pattern in tool.names:
            for words in {split_words(pattern.removesuffix(" *"))[:1], *makers}:
                if words:
                    by_word.setdefault(words[0], []).append((tool, pattern))
    kept = {word: tuple(rows) for word, rows in by_word.items()}
    return Catalogue(version, tuple(tools), by_id, kept, own)


@functools.cache
def shipped_catalogue() -> Catalogue:
    """Read the table that comes with this program."""
    return parse_catalogue(files(__package__).joinpath("catalogue.json").read_bytes())


def parse_catalogue(data: bytes) -> Catalogue:
    """Read a whole table."""
    table = json.loads(data)
    if table["v"] != _VERSION:
        raise BadInput(f"the catalogue is of version {table['v']!r:.20}, want {_VERSION}")
    tools = [parse_row(row, f"row {at} of the catalogue") for at, row in enumerate(table["tools"])]
    return make_catalogue(table["version"], tools)


def _spellings(kind: str, value: str) -> Iterable[tuple[str, str]]:
    if kind == "vst3":
        value = value.upper()
    yield kind, value
    if kind == "vst3" and value.startswith(_FROM_VST2) and len(value) == 32:
        try:
            yield "vst2", bytes.fromhex(value[6:14]).decode("ascii")
        except ValueError:
            return  # another maker's id that begins alike


def _is_by(tool: Tool, vendor: str) -> bool:
    return contains(split_words(vendor), split_words(tool.vendor))


def _best(found: Sequence[tuple[Tool, str, int]]) -> Match | None:
    if not found:
        return None
    # The user's own row first; of two as long, the one that accuses nobody.
    tool, pattern, _ = max(
        found, key=lambda one: (one[0].is_own, one[2], one[0].kind is Kind.NO, one[0].id, one[1])
    )
    return Match(tool, "name", pattern)


def _is_near(tool: Tool, words: Words, text: str) -> bool:
    known = split_words(f"{tool.vendor} {tool.product}")
    common = [word for word in words if word in known and len(word) > 1 and not word.isdigit()]
    inside = any(len(word) > 3 and word in text for word in split_words(tool.product))
    return bool(common) or inside
