"""A REAPER session of one track with clips, in as few lines as REAPER reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TRACK = "{11111111-2222-3333-4444-555555555555}"


@dataclass(frozen=True)
class Item:
    """A clip: file, place and length in seconds."""

    file: str
    at: float
    length: float
    number: int = 1
    fade: float = 0.01


def project(items: Sequence[Item], *, volume: float = 1.0, name: str = "Song") -> bytes:
    """Write the session."""
    lines = [
        '<REAPER_PROJECT 0.1 "6.82/linux-x86_64" 1700000000',
        "  TEMPO 120 4 4",
        f"  <TRACK {TRACK}",
        f"    NAME {name}",
        f"    VOLPAN {volume:g} 0 -1 -1 1",
        "    MUTESOLO 0 0 0",
        f"    TRACKID {TRACK}",
    ]
    for item in items:
        guid = f"{{{item.number:08d}-0000-0000-0000-000000000000}}"
        lines += [
            "    <ITEM",
            f"      POSITION {item.at:g}",
            f"      LENGTH {item.length:g}",
            f"      FADEIN 1 {item.fade:g} 0 1 0 0 0",
            f"      IGUID {guid}",
            f'      NAME "{item.file}"',
            f"      GUID {guid}",
            "      <SOURCE WAVE",
            f'        FILE "{item.file}"',
            "      >",
            "    >",
        ]
    return ("\n".join([*lines, "  >", ">"]) + "\n").encode()
