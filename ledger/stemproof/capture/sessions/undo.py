"""REAPER's .rpp-UNDO: what was done between saves, by REAPER's own label and time.

    <UENT `Split items` 1666752458 311 2

Only label, time and order are read; the time is what the file claims.
"""

from __future__ import annotations

from dataclasses import dataclass

from .numbers import parse_integer
from .rpp_text import decode_text, parse_chunks

ROOT = "REAPER_UNDO_HISTORY"


@dataclass(frozen=True, slots=True)
class UndoChange:
    """One thing that an action changed, where the history tells it (Ardour does)."""

    object_id: str
    kind: str  # of the object: "region", "playlist", "notes", "markers", "automation", "tempo"
    what: str  # "position", "region added", "notes removed"
    before: str | None = None  # as stored
    after: str | None = None


@dataclass(frozen=True, slots=True)
class UndoEntry:
    """One undoable action."""

    label: str
    time_s: int
    time_us: int = 0  # beyond the second, where it is stored
    changes: tuple[UndoChange, ...] = ()


def read_undo_log(data: bytes) -> list[UndoEntry]:
    """Read the entries of an undo history in file order."""
    history = parse_chunks(decode_text(data), ROOT)
    found = []
    for chunk in history.chunks("UENT"):
        words = chunk.words()
        if len(words) > 1:
            found.append(UndoEntry(words[0], parse_integer(words[1], "the time of an undo entry")))
    return found
