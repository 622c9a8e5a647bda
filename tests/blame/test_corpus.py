"""Real songs that nobody on this project made: nothing in them is a machine's."""

from __future__ import annotations

import gzip
import os
from itertools import pairwise
from pathlib import Path

import pytest
from tests.blame.test_carry import HERE, step_of

from stemproof.blame.carry import carry
from stemproof.blame.held import first_sight
from stemproof.blame.listing import list_tracks
from stemproof.capture.sessions.model import Session
from stemproof.capture.sessions.registry import read_session

HERE_FOLDER = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("STEMPROOF_CORPUS", HERE_FOLDER.parent / "shared" / "corpus"))
SONGS = CORPUS / "sessions" / "lmms"

pytestmark = pytest.mark.skipif(not SONGS.is_dir(), reason="the corpus is not on this machine")


def load(path: Path) -> Session:
    data = path.read_bytes()
    return read_session(
        path.name.removesuffix(".gz"), gzip.decompress(data) if path.suffix == ".gz" else data
    )


@pytest.mark.parametrize("song", ["TameAnderson-MakeMe", "Oglsdl-PpTrip"])
def test_every_value_of_a_real_song_has_one_origin_and_none_is_a_machine(song: str) -> None:
    saves = [load(p) for p in sorted((SONGS / song).iterdir()) if p.suffix != ".tsv"]
    held = first_sight(saves[0], HERE)
    steps = []
    for number, (one, two) in enumerate(pairwise(saves), 1):
        steps.append(step_of(one, two, number))
        held = carry(held, two, steps[-1])
    items = [item for track in list_tracks(held, lambda _: None) for item in track.items]
    notes = sum(len(clip.notes) for track in saves[-1].tracks for clip in track.clips)
    assert sum(item.kind == "note" for item in items) == notes
    assert not any(item.origin.class_.startswith("ai_") for item in items)
    # What a decision tells of is the decision's: hardly anything is left to a save as a whole.
    unnamed = [
        item for item in items if item.origin.how == "save" and item.origin.class_ == "unknown"
    ]
    assert len(unnamed) <= len(items) // 100
