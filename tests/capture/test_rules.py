"""Stage and class: the table decides, and never says human of what nobody watched."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from stemproof.capture.decision import Decision, Scope
from stemproof.capture.rules import (
    TOOL_GRADES,
    classify,
    explain_class,
    rules_version,
    stage_of,
)
from stemproof.errors import Usage
from stemproof.record.vocabulary import CLASSES, STAGES

KINDS = (
    *("session.upgraded", "session.tempo", "marker.added", "track.added", "mixer.volume"),
    *("send.added", "device.parameter", "automation.changed", "clip.added", "clip.moved"),
    *("clip.trimmed", "take.recorded", "take.chosen", "notes.added", "notes.recorded"),
    *("controllers.changed", "nobody.knows"),
)


def decision(kind: str, scope: Scope = Scope.TRACK) -> Decision:
    return Decision(kind, stage_of(kind, scope), scope, "Bass", "x", "1", "2", "Bass: x", "id")


def judge(
    kind: str,
    *,
    live: bool = True,
    received: bool = False,
    linked: bool = False,
    grade: str = "none",
) -> str:
    _, found = classify(
        decision(kind),
        observed_live=live,
        received=received,
        ai_linked=linked,
        tool_grade=grade,
    )
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_catch_up_and_received_work_is_never_human(kind: str) -> None:
    for linked, grade in itertools.product((False, True), TOOL_GRADES):
        assert not judge(kind, live=False, linked=linked, grade=grade).startswith("human")
        assert judge(kind, received=True, linked=linked, grade=grade) == "unknown"
        assert judge(kind, received=True, live=False, linked=linked, grade=grade) == "unknown"


@pytest.mark.parametrize("kind", KINDS)
def test_a_tool_that_is_more_than_present_is_never_human(kind: str) -> None:
    for grade in ("changed", "burst", "reported"):
        assert not judge(kind, grade=grade).startswith("human")


@pytest.mark.parametrize("kind", KINDS)
def test_linked_ai_material_is_never_human(kind: str) -> None:
    for live, grade in itertools.product((False, True), TOOL_GRADES):
        assert not judge(kind, live=live, linked=True, grade=grade).startswith("human")


@pytest.mark.parametrize(
    ("kind", "facts", "wanted"),
    [
        ("mixer.volume", {}, "human_with_tool"),
        ("mixer.volume", {"grade": "present"}, "human_with_tool"),
        ("mixer.volume", {"live": False}, "unknown"),
        ("notes.added", {}, "human_with_tool"),
        ("notes.recorded", {}, "human"),
        ("take.recorded", {}, "human"),
        ("take.recorded", {"live": False}, "unknown"),
        ("device.parameter", {"grade": "burst"}, "ai_automated"),
        ("device.parameter", {"grade": "burst", "live": False}, "unknown"),
        ("device.parameter", {"grade": "reported", "live": False}, "ai_automated"),
        ("device.state", {"grade": "changed"}, "unknown"),
        ("clip.added", {"linked": True}, "ai_generated"),
        ("clip.moved", {"linked": True}, "ai_assisted"),
        ("nobody.knows", {}, "unknown"),
        ("session.upgraded", {}, "unknown"),
    ],
)
def test_the_first_row_that_fits_decides(kind: str, facts: dict[str, bool], wanted: str) -> None:
    assert judge(kind, **facts) == wanted  # type: ignore[arg-type]  # one table for str and bool


@pytest.mark.parametrize(
    ("kind", "scope", "stage"),
    [
        ("mixer.volume", Scope.TRACK, "mixing"),
        ("mixer.volume", Scope.MASTER, "mastering"),
        ("device.added", Scope.TRACK, "mixing"),
        ("device.added", Scope.BUS, "mixing"),
        ("device.added", Scope.MASTER, "mastering"),
        ("device.parameter", Scope.INSTRUMENT, "production"),
        ("device.added", Scope.INPUT, "recording"),
        ("device.added", Scope.CLIP, "editing"),
        ("notes.added", Scope.TRACK, "composition"),
        ("notes.recorded", Scope.TRACK, "performance"),
        ("take.recorded", Scope.TRACK, "recording"),
        ("clip.moved", Scope.TRACK, "arrangement"),
        ("clip.trimmed", Scope.TRACK, "editing"),
        ("session.tempo", Scope.SESSION, "composition"),
        ("device.moved", Scope.MASTER, "mastering"),
        ("track.setting", Scope.MASTER, "mastering"),
        ("lyrics.added", Scope.TRACK, "lyrics"),
        ("take.chosen", Scope.TRACK, "editing"),
        ("media.relinked", Scope.SESSION, "none"),
        ("session.upgraded", Scope.SESSION, "none"),
        ("nobody.knows", Scope.TRACK, "none"),
    ],
)
def test_stages_follow_kind_and_place(kind: str, scope: Scope, stage: str) -> None:
    assert stage_of(kind, scope) == stage


def test_the_table_uses_only_words_of_the_record() -> None:
    for kind, scope in itertools.product(KINDS, Scope):
        assert stage_of(kind, scope) in STAGES
    for kind, live, grade in itertools.product(KINDS, (False, True), TOOL_GRADES):
        assert judge(kind, live=live, grade=grade) in CLASSES
    assert rules_version() == 3


def test_every_kind_that_a_fixture_tells_has_a_row_of_its_own() -> None:
    files = (Path(__file__).parent / "fixtures").rglob("expected.json")
    kinds = {row["kind"] for path in files for row in json.loads(path.read_text("utf-8"))}
    assert len(kinds) > 40
    # What is no decision about the music has no stage, and says why.
    without = {"session.upgraded", "session.credit", "session.changed", "media.relinked"}
    silent = {kind for kind in kinds if stage_of(kind, Scope.TRACK) == "none"}
    assert silent <= without
    unknown = {kind for kind in kinds if judge(kind) == "unknown"}
    assert unknown <= {"session.upgraded", "session.changed"}


def test_an_unknown_grade_is_an_error_and_not_human() -> None:
    with pytest.raises(Usage, match="tool grade"):
        judge("mixer.volume", grade="maybe")


def test_the_reason_is_told() -> None:
    why = explain_class(
        decision("mixer.volume"),
        observed_live=True,
        received=False,
        ai_linked=False,
        tool_grade="none",
    )
    assert why.endswith("no AI tool observed")
