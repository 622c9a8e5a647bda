"""Busses that a program always has and nobody used: FL Studio stores all 127 inserts of its mixer.

They are read, so that the first touch of one is told as what it is; a page for people leaves
them out. No I/O.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from .sessions.model import Mixer, Track, TrackKind

NUMBERED: Final = re.compile(r"(?:Channel|FX|Bus|Insert) \d{1,5}")
"""What programs call a bus that nobody named."""
LEAST: Final = 4
"""So many alike ones are left out; fewer are shown."""


def unused_busses(tracks: Sequence[Track]) -> frozenset[int]:
    """Give the indices of busses that nobody named, changed or sent anything to."""
    reached = {track.mixer.output for track in tracks}
    reached |= {send.target for track in tracks for send in track.mixer.sends}
    reached |= {track.parent for track in tracks}
    alike: dict[int, Track] = {}
    for index, track in enumerate(tracks):
        names = {track.name, track.identity} - {""}
        if _is_untouched(track) and not names & reached:
            alike[index] = replace(track, name="", identity="", mixer=_bare(track.mixer))
    count = Counter(alike.values())
    return frozenset(index for index, track in alike.items() if count[track] >= LEAST)


def count_used(tracks: Sequence[Track]) -> int:
    """Count the tracks that a page for people shows."""
    return len(tracks) - len(unused_busses(tracks))


def _is_untouched(track: Track) -> bool:
    if track.kind is not TrackKind.BUS or track.own_name or not NUMBERED.fullmatch(track.name):
        return False
    return not (track.devices or track.clips or track.automations or track.mixer.sends)


def _bare(mixer: Mixer) -> Mixer:
    return replace(mixer, output="")
