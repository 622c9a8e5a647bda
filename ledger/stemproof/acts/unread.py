"""Sessions of programs that are not read yet: said aloud, so that nobody believes them recorded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

PROGRAMS: Final = {
    ".als": "Ableton Live",
    ".ardour": "Ardour",
    ".aup3": "Audacity",
    ".bwproject": "Bitwig Studio",
    ".cpr": "Cubase",
    ".dawproject": "DAWproject",
    ".flp": "FL Studio",
    ".h2song": "Hydrogen",
    ".logicx": "Logic Pro",
    ".mscz": "MuseScore",
    ".ptx": "Pro Tools",
    ".song": "Studio One",
}
# The session lies at the top of a project or one folder down.
_DEPTH: Final = 2
_MOST: Final = 5_000


def unread_sessions(folder: Path) -> list[str]:
    """Name the programs whose sessions lie in a project folder and are not read yet."""
    found: set[str] = set()
    waiting, seen = [(folder, 0)], 0
    while waiting and seen < _MOST:
        place, depth = waiting.pop()
        try:
            entries = list(os.scandir(place))
        except OSError:
            continue
        for entry in entries:
            seen += 1
            program = PROGRAMS.get(os.path.splitext(entry.name)[1].lower())
            if program is not None:
                found.add(program)
            elif depth + 1 < _DEPTH and entry.is_dir(follow_symlinks=False):
                waiting.append((Path(entry.path), depth + 1))
    return sorted(found)
