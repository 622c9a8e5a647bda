"""Why a plug-in counts as AI-capable or not: the row, how it matched, what that does not prove."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stemproof.acts.showing import PACKAGES, show_session
from stemproof.capture.tools.grades import devices_of
from stemproof.capture.tools.rows import Kind

if TYPE_CHECKING:
    from stemproof.capture.tools.catalogue import Catalogue, Match
    from stemproof.capture.tools.rows import Tool
    from stemproof.record.canonical import Json

_DOES: Final = {
    Kind.GEN: "can make notes, sound or a voice by a trained model",
    Kind.ASSIST: "can propose or set settings after listening",
    Kind.ADAPT: "works on sound by a trained model",
    Kind.SEP: "can take a mix apart by a trained model",
    Kind.NO: "is often taken for AI, and is not, as far as was read",
}
NOT_PROVED: Final = (
    "That a tool is present proves no use of it. A changed state may be a person's work as well"
    " as the tool's. No finding is no proof that nobody used AI."
)
_MOST_NEAR: Final = 6


@dataclass(frozen=True, slots=True)
class Row:
    """One tool that was found, at its place where a session was looked at."""

    match: Match
    place: str = ""


@dataclass(frozen=True, slots=True)
class Explained:
    """The answer about a name or about all devices of a session."""

    asked: str
    rows: tuple[Row, ...]
    # Tools whose names share a word or letters with the one asked for, and which it is not.
    near: tuple[Tool, ...]
    # How many devices a session has; None where a name was asked for.
    devices: int | None

    def lines(self) -> Iterator[str]:
        """Say it for people."""
        if self.devices is not None:
            yield f"{self.asked}: {self.devices} devices, {len(self.rows)} of them in the catalogue"
        for row in self.rows:
            yield from _tell(row)
        if not self.rows and self.devices is None:
            yield f"{self.asked}: no row of the catalogue has this name"
            yield "grade: none. What is not in the catalogue is not known, either way"
        if self.near:
            named = ", ".join(tool.title for tool in self.near[:_MOST_NEAR])
            yield f"not the same, though alike in letters or in a word: {named}"
        yield NOT_PROVED

    def as_json(self) -> dict[str, Json]:
        """Give the same facts as one object."""
        return {
            "asked": self.asked,
            "devices": self.devices,
            "found": [
                {
                    "place": row.place or None,
                    "how": row.match.how,
                    "by": row.match.by,
                    "grade": _grade(row),
                    "tool": row.match.tool.as_json(),
                }
                for row in self.rows
            ],
            "near": [tool.id for tool in self.near],
            "not_proved": NOT_PROVED,
        }


def explain(catalogue: Catalogue, asked: str) -> Explained:
    """Explain a name, or every device of a session file."""
    path = Path(asked)
    try:
        is_session = path.is_file() or (path.suffix.lower() in PACKAGES and path.is_dir())
    except (OSError, ValueError):
        is_session = False  # too long for a path, or no path at all
    return _explain_session(catalogue, path) if is_session else _explain_name(catalogue, asked)


def _explain_name(catalogue: Catalogue, asked: str) -> Explained:
    matches = catalogue.match_text(asked)
    found = {match.tool.id for match in matches}
    near = tuple(tool for tool in catalogue.near(asked) if tool.id not in found)
    return Explained(asked, tuple(Row(match) for match in matches), near, None)


def _explain_session(catalogue: Catalogue, path: Path) -> Explained:
    session = show_session(path).session
    devices = list(devices_of(session))
    rows = []
    for (track, name), device in devices:
        match = catalogue.match(device)
        if match is not None:
            rows.append(Row(match, f"{name} on {track}"))
    return Explained(path.name, tuple(rows), (), len(devices))


def _grade(row: Row) -> str:
    """A look at one session can only tell presence."""
    return "present" if row.place and row.match.tool.is_ai_capable else "none"


def _tell(row: Row) -> Iterator[str]:
    tool, match = row.match.tool, row.match
    yield f"{row.place + ': ' if row.place else ''}{tool.title} ({tool.id})"
    yield f"  kind: {tool.kind.value}, {_DOES[tool.kind]}"
    yield f"  says: {tool.says}"
    how = "its exact id" if match.how == "id" else "vendor and whole name" if row.place else "name"
    yield f"  found by: {how} ({match.by})"
    if row.place:
        yield f"  grade: {_grade(row)}"
    confidence = "your own row" if tool.is_own else f"confidence {tool.confidence.value}"
    yield f"  {confidence}"
    for source in tool.sources:
        yield f"  source of {source.of}: {source.url}, read {source.read.isoformat()}"
