"""Grades: presence, a changed state, a burst; hands in real songs make none of the last two."""

from __future__ import annotations

import gzip
import os
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from tests.tools.plugged import DDSP, PLAIN, changed, project

from stemproof.capture.diff import diff
from stemproof.capture.rules import burst_size, classify
from stemproof.capture.sessions.model import Session
from stemproof.capture.sessions.registry import read_session
from stemproof.capture.tools.catalogue import shipped_catalogue
from stemproof.capture.tools.grades import Graded, find_tools, grade_save
from stemproof.errors import BadInput

HERE = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("STEMPROOF_CORPUS", HERE.parent / "shared" / "corpus")) / "sessions"
MOST = burst_size()


def graded(before: bytes | None, after: bytes) -> Graded:
    one = None if before is None else read_session("a.rpp", before)
    two = read_session("a.rpp", after)
    decisions = [] if one is None else diff(one, two)
    return grade_save(one, two, decisions, shipped_catalogue())


def signs(before: bytes | None, after: bytes) -> list[tuple[str, str, str, int]]:
    found = graded(before, after).signs
    return [(sign.grade, sign.device, sign.match.how, sign.count) for sign in found]


def classes(before: bytes, after: bytes) -> set[str]:
    one, two = (read_session("a.rpp", data) for data in (before, after))
    decisions = diff(one, two)
    grades = grade_save(one, two, decisions, shipped_catalogue()).grades
    return {
        classify(d, observed_live=True, received=False, ai_linked=False, tool_grade=grade)[1]
        for d, grade in zip(decisions, grades, strict=True)
    }


def test_a_tool_that_comes_is_present_and_no_more() -> None:
    assert signs(None, project()) == [("present", "DDSP Effect", "id", 0)]
    assert signs(project(""), project()) == [("present", "DDSP Effect", "id", 0)]
    assert classes(project(""), project()) == {"human_with_tool"}


def test_a_tool_that_stays_as_it_was_says_nothing() -> None:
    assert signs(project(), project()) == []
    assert signs(project(), project(volume="0.5")) == []
    assert classes(project(), project(volume="0.5")) == {"human_with_tool"}


def test_a_changed_state_is_nobodys_until_more_is_known() -> None:
    assert signs(project(), project(values=changed(3))) == [("changed", "DDSP Effect", "id", 3)]
    assert classes(project(), project(values=changed(3))) == {"unknown"}


def test_many_parameters_at_once_are_a_burst() -> None:
    few, many = project(values=changed(MOST - 1)), project(values=changed(MOST))
    assert signs(project(), few) == [("changed", "DDSP Effect", "id", MOST - 1)]
    assert signs(project(), many) == [("burst", "DDSP Effect", "id", MOST)]
    assert classes(project(), many) == {"ai_automated"}


def test_a_preset_that_was_loaded_is_no_burst() -> None:
    one, two = project(preset="A"), project(preset="B", values=changed(MOST + 5))
    assert [sign[0] for sign in signs(one, two)] == ["changed"]
    assert classes(one, two) == {"unknown"}


def test_the_same_on_a_plain_plug_in_is_hands() -> None:
    one, two = project(PLAIN), project(PLAIN, changed(MOST + 5))
    assert signs(one, two) == []
    assert classes(one, two) == {"human_with_tool"}


def test_a_burst_touches_only_its_own_device() -> None:
    one, two = project(), project(values=changed(MOST), volume="0.5")
    assert classes(one, two) == {"ai_automated", "human_with_tool"}


def test_a_tool_that_goes_is_no_sign() -> None:
    assert signs(project(), project("")) == []


def test_what_a_plug_in_is_decides_and_not_what_its_track_is_called() -> None:
    track = project(PLAIN, name="Udio Suno Ozone 9")
    assert list(find_tools(read_session("a.rpp", track), shipped_catalogue())) == []
    renamed = DDSP.replace("DDSP Effect (Magenta)", "Clean Guitar (Nobody)")
    assert signs(None, project(renamed)) == [("present", "Clean Guitar", "id", 0)]


def corpus() -> list[Path]:
    if not CORPUS.is_dir():
        return []
    return sorted({path.parent for path in CORPUS.rglob("*") if path.is_file()} - {CORPUS})


def load(path: Path) -> Session | None:
    data = path.read_bytes()
    data = gzip.decompress(data) if path.suffix == ".gz" else data
    try:
        return read_session(path.name.removesuffix(".gz"), data)
    except BadInput:
        return None  # an undo log, or one of the files that no reader takes


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not on this machine")
@pytest.mark.parametrize("folder", corpus(), ids=lambda path: path.name)
def test_songs_that_people_made_give_no_ai_finding(folder: Path) -> None:
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    saves = [save for save in map(load, files) if save is not None]
    catalogue = shipped_catalogue()
    for save in saves:
        assert list(find_tools(save, catalogue)) == []
    for before, after in pairwise(saves):
        if before.format == after.format:
            decisions = diff(before, after)
            found = grade_save(before, after, decisions, catalogue)
            assert found.signs == ()
            assert set(found.grades) <= {"none"}
            # The rules say so of their threshold: hands set less than half as many.
            set_ = Counter((d.track, d.device) for d in decisions if d.kind == "device.parameter")
            assert max(set_.values(), default=0) * 2 < MOST
