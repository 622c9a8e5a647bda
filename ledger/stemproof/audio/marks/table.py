"""The table of marks, `marks.json`: each row with the source that was read and the date.

A row names fields, a pattern and what a match says; reviewed like code. Texts are cut before a
pattern sees them, and no pattern can backtrack far.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from stemproof.audio.marks.model import Tag

# Comments are short; what is longer is lyrics or data.
MATCHED_CHARACTERS: Final = 65_536


@dataclass(frozen=True, slots=True)
class Row:
    """One way in which a generator is named."""

    id: str
    generator: str
    names: frozenset[str]
    pattern: re.Pattern[str]
    says: str
    class_: str
    source: str
    read: str
    confidence: str

    def find(self, tag: Tag) -> re.Match[str] | None:
        """Match a text in one of the row's fields."""
        if "*" not in self.names and not _is_named(tag, self.names):
            return None
        return self.pattern.search(tag.text[:MATCHED_CHARACTERS])


@dataclass(frozen=True, slots=True)
class Table:
    """The whole table."""

    generators: tuple[Row, ...]
    signers: tuple[tuple[str, re.Pattern[str]], ...]
    program_names: frozenset[str]
    programs: tuple[tuple[str, re.Pattern[str]], ...]

    def find_program(self, tag: Tag) -> str | None:
        """Name the program that a field says wrote the file; None for other fields."""
        if not _is_named(tag, self.program_names):
            return None
        text = tag.text[:MATCHED_CHARACTERS]
        return next((name for name, pattern in self.programs if pattern.search(text)), None)

    def find_signer(self, text: str) -> str:
        """Name the generator that a signer's or a claim generator's name belongs to."""
        found = (name for name, pattern in self.signers if pattern.search(text[:1000]))
        return next(found, "")


@functools.cache
def load_table() -> Table:
    """Load the table that comes with this version."""
    text = files("stemproof.audio.marks").joinpath("marks.json").read_text("utf-8")
    # Any: our own file, whose form the tests check.
    document: dict[str, Any] = json.loads(text)
    programs = document["programs"]
    return Table(
        tuple(_parse_row(row) for row in document["generators"]),
        tuple((row["generator"], _compile(row["pattern"])) for row in document["signers"]),
        frozenset(name.lower() for name in programs["names"]),
        tuple((row["program"], re.compile(row["pattern"])) for row in programs["known"]),
    )


# Any: a row of our own file.
def _parse_row(row: dict[str, Any]) -> Row:
    return Row(
        row["id"],
        row["generator"],
        frozenset(name.lower() for name in row["names"]),
        _compile(row["pattern"]),
        row["says"],
        row["class"],
        row["source"],
        row["read"],
        row["confidence"],
    )


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _is_named(tag: Tag, names: frozenset[str]) -> bool:
    return tag.name.lower() in names or tag.name.split(":")[0].lower() in names or tag.key in names
