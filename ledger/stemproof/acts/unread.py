"""Sessions that are not read, or only by their digest: said aloud, so that nobody believes more.

A closed format has an export that is open; naming it when a song is added is when it helps.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stemproof.capture.sessions.registry import CLOSED_FORMATS, Format

# Sessions that are folders, each with the program that saves them.
PACKAGES: Final = {".logicx": "Logic Pro", ".band": "GarageBand"}
UNKNOWN: Final = {
    ".acd": "ACID",
    ".aup": "Audacity 2",
    ".mx9": "Mixcraft",
    ".mx10": "Mixcraft",
    ".tracktionedit": "Waveform",
}
# The session lies at the top of a project or one folder down.
_DEPTH: Final = 2
_MOST: Final = 5_000


@dataclass(frozen=True, slots=True, order=True)
class Unread:
    """A program whose sessions lie in a folder; without advice they are not recorded at all."""

    program: str
    advice: str = ""


def unread_sessions(folder: Path) -> list[Unread]:
    """Name the programs whose sessions lie in a project folder and cannot be read."""
    found: set[Unread] = set()
    waiting, seen = [(folder, 0)], 0
    while waiting and seen < _MOST:
        place, depth = waiting.pop()
        try:
            entries = list(os.scandir(place))
        except OSError:
            continue
        for entry in entries:
            seen += 1
            unread = _unread(entry.name)
            if unread is not None:
                found.add(unread)
            elif depth + 1 < _DEPTH and entry.is_dir(follow_symlinks=False):
                waiting.append((Path(entry.path), depth + 1))
    return sorted(found)


def _unread(name: str) -> Unread | None:
    extension = os.path.splitext(name)[1].lower()
    if extension in UNKNOWN:
        return Unread(UNKNOWN[extension])
    if extension in PACKAGES:
        return Unread(PACKAGES[extension], _of_packages().advice)
    closed = next((one for one in CLOSED_FORMATS if extension in one.extensions), None)
    return None if closed is None else Unread(closed.title, closed.advice)


def _of_packages() -> Format:
    return next(one for one in CLOSED_FORMATS if one.name == "logic")
