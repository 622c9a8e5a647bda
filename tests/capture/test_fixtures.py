"""Each folder under fixtures/ is two saves and the decisions between them, nothing more."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from stemproof.capture.diff import diff
from stemproof.capture.sessions.model import Session
from stemproof.capture.sessions.registry import read_session

FIXTURES = Path(__file__).parent / "fixtures"
CASES = sorted(p.parent for p in FIXTURES.glob("*/*/expected.json"))
SAVES = sorted({p.read_bytes(): p for p in sorted(FIXTURES.glob("*/*/*.[mr][mp]p"))}.values())
ACTION = re.compile(r"[a-z]{1,20}(?:\.[a-z_]{1,24}){1,3}")


def load(path: Path) -> Session:
    return read_session(path.name, path.read_bytes())


@pytest.mark.parametrize("case", CASES, ids=lambda p: f"{p.parent.name}-{p.name}")
def test_a_change_gives_exactly_its_decisions(case: Path) -> None:
    before, after = next(case.glob("before.*")), next(case.glob("after.*"))
    decisions = diff(load(before), load(after))
    told = [{"kind": d.kind, "stage": d.stage, "track": d.track, "text": d.text} for d in decisions]
    assert told == json.loads((case / "expected.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda p: f"{p.parent.name}-{p.name}")
def test_undoing_a_change_gives_as_many_decisions_back(case: Path) -> None:
    before, after = load(next(case.glob("before.*"))), load(next(case.glob("after.*")))
    there, back = diff(before, after), diff(after, before)
    assert bool(there) == bool(back)
    assert all(d.text and d.object_id for d in back)


@pytest.mark.parametrize("path", SAVES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_a_save_does_not_differ_from_itself(path: Path) -> None:
    assert diff(load(path), load(path)) == []


def test_kinds_are_words_that_an_action_can_carry() -> None:
    kinds = {
        row["kind"] for case in CASES for row in json.loads((case / "expected.json").read_text())
    }
    assert len(kinds) > 35
    assert all(ACTION.fullmatch(f"decision.{kind}") for kind in kinds)


def test_every_format_has_cases_without_any_decision() -> None:
    silent = {c.parent.name for c in CASES if json.loads((c / "expected.json").read_text()) == []}
    assert silent >= {"ardour", "lmms", "rpp"}


def test_a_project_carried_to_another_program_can_be_compared() -> None:
    lmms = load(FIXTURES / "lmms/tempo/before.mmp")
    reaper = load(FIXTURES / "rpp/track_pan/before.rpp")
    there, back = diff(lmms, reaper), diff(reaper, lmms)
    assert [d.kind for d in there if d.is_note] == ["session.upgraded"]
    assert {"track.added", "track.removed"} <= {d.kind for d in there} & {d.kind for d in back}
