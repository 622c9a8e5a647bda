"""Real histories saved into a watched folder, revision by revision (corpus README)."""

from __future__ import annotations

import gzip
import os
from collections import Counter
from pathlib import Path

import pytest
from tests.acts.room import Event, Room, read_events

from stemproof.acts.home import opened
from stemproof.acts.observe import Observed

HERE = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("STEMPROOF_CORPUS", HERE.parent / "shared" / "corpus"))
SESSIONS = CORPUS / "sessions"

pytestmark = pytest.mark.skipif(not SESSIONS.is_dir(), reason="the corpus is not on this machine")
LMMS_SONGS = ("TameAnderson-MakeMe", "Oglsdl-PpTrip")


def replay(room: Room, history: str, name: str) -> list[Observed]:
    """Save each revision under one name, as its program did."""
    looked = []
    for number, path in enumerate(sorted((SESSIONS / history).iterdir())):
        if path.suffix == ".tsv":
            continue
        data = path.read_bytes()
        content = gzip.decompress(data) if path.suffix == ".gz" else data
        beside = room.folder / "saving.tmp"
        beside.write_bytes(content)
        stat = beside.stat()
        os.utime(beside, ns=(stat.st_atime_ns, stat.st_mtime_ns + number))
        beside.rename(room.folder / name)
        looked.append(room.look())
    return looked


def of_saves(room: Room) -> list[list[Event]]:
    """Group the events by save: the save first, then its decisions and notes."""
    groups: list[list[Event]] = []
    with opened(room.home) as log:
        for event in read_events(log):
            if event.action in ("session.found", "session.saved", "session.jumped"):
                groups.append([event])
            elif event.action.startswith(("decision.", "session.upgraded")):
                groups[-1].append(event)
    return groups


@pytest.mark.parametrize("song", LMMS_SONGS)
def test_a_lmms_history_is_recorded_as_its_truths_say(room: Room, song: str) -> None:
    looked = replay(room, f"lmms/{song}", "Song.mmpz")
    groups = of_saves(room)
    assert len(groups) == len(looked) == 6
    assert [group[0].action for group in groups] == ["session.found"] + 5 * ["session.saved"]
    # 02 -> 03: no attribute differs at all.
    assert len(groups[2]) == 1
    # 05 -> 06: a format upgrade of thousands of attributes is one note and no decision.
    assert [event.action for event in groups[5][1:]] == ["session.upgraded"]
    assert groups[5][0].body["decisions"] == 0
    assert all(observed.problems == [] for observed in looked)


def test_a_reaper_history_is_recorded_without_a_problem(room: Room) -> None:
    looked = replay(room, "rpp/vapors_track2", "Song.rpp")
    assert [problem for observed in looked for problem in observed.problems] == []
    assert "Song.rpp: Piecemeal: volume 0.0 -> -1.51 dB" in looked[2].lines
    for group in of_saves(room):
        decided = [event for event in group if event.action.startswith("decision.")]
        assert group[0].body["decisions"] == len(decided)
        assert {event.header.class_ for event in decided} <= {"human", "human_with_tool"}
        assert all(event.header.stage != "none" for event in decided)


def test_the_last_reaper_save_is_mixing_and_mastering(room: Room) -> None:
    replay(room, "rpp/vapors_track2", "Song.rpp")
    stages = Counter(event.header.stage for event in of_saves(room)[-1][1:])
    assert stages["mixing"] >= 3
    assert stages["mastering"] >= 1


@pytest.mark.parametrize("folder", ["bwv879", "lighterfluid", "pypi-rpp-tests"])
def test_single_reaper_projects_are_found(room: Room, folder: str) -> None:
    looked = replay(room, f"rpp/{folder}", "Song.rpp")
    assert [problem for observed in looked for problem in observed.problems] == []
    assert of_saves(room)[0][0].action == "session.found"


def test_a_history_kept_as_numbered_files_is_one_line_of_saves(room: Room) -> None:
    for path in sorted((SESSIONS / "rpp/vapors_track2").glob("*.rpp")):
        (room.folder / f"Vapors v{path.name[:2]}.rpp").write_bytes(path.read_bytes())
        os.utime(room.folder / f"Vapors v{path.name[:2]}.rpp", (int(path.name[:2]),) * 2)
    room.look(live=False)
    groups = of_saves(room)
    assert [group[0].body.get("continues") for group in groups] == [
        None,
        "Vapors v01.rpp",
        "Vapors v02.rpp",
        "Vapors v03.rpp",
    ]
    classes = {event.header.class_ for group in groups for event in group}
    assert classes == {"unknown"}
