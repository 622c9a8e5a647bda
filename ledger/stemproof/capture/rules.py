"""Stage and class of a decision, by the table in rules.json: the first row that fits decides.

The table is versioned data: `rules_version()` goes into what is recorded, so that an answer can be
repeated later. `unknown` is the default, never `human`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from stemproof.errors import Usage

from .decision import Decision, Scope

TOOL_GRADES = ("none", "present", "changed", "burst", "reported")
"""How much is known of an AI-capable tool on the object; its presence alone means nothing."""
_FACTS = ("received", "ai_linked", "observed_live", "tool_changed", "tool_burst", "tool_reported")


@dataclass(frozen=True, slots=True)
class _StageRule:
    kind: str
    scope: str
    stage: str


@dataclass(frozen=True, slots=True)
class _ClassRule:
    required: frozenset[str]
    excluded: frozenset[str]
    kinds: tuple[str, ...]
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class _Rules:
    version: int
    burst: int
    stages: tuple[_StageRule, ...]
    classes: tuple[_ClassRule, ...]


@functools.cache
def _rules() -> _Rules:
    table = json.loads(files(__package__).joinpath("rules.json").read_text("utf-8"))
    stages = tuple(_StageRule(r["kind"], r["on"], r["stage"]) for r in table["stages"])
    classes = tuple(_class_rule(row) for row in table["classes"])
    return _Rules(table["version"], table["burst"]["parameters"], stages, classes)


def _class_rule(row: Mapping[str, Sequence[str] | str]) -> _ClassRule:
    return _ClassRule(
        frozenset(row.get("if", ())),
        frozenset(row.get("unless", ())),
        tuple(row.get("kinds", ())),
        str(row["class"]),
        str(row["why"]),
    )


def rules_version() -> int:
    """Number the table in force."""
    return _rules().version


def burst_size() -> int:
    """Say from how many parameters of one device in one save on a burst is inferred."""
    return _rules().burst


def stage_of(kind: str, scope: Scope) -> str:
    """Find the stage of a kind of change in a place; `none` where no row fits."""
    return _stage(kind, scope.value)


@functools.cache
def _stage(kind: str, scope: str) -> str:
    for rule in _rules().stages:
        if _fits(kind, rule.kind) and rule.scope in ("*", scope):
            return rule.stage
    return "none"


def classify(
    decision: Decision,
    *,
    observed_live: bool,
    received: bool,
    ai_linked: bool,
    tool_grade: str,
) -> tuple[str, str]:
    """Give stage and class: never `human` for what was not watched as it happened."""
    rule = _find_class(
        decision,
        observed_live=observed_live,
        received=received,
        ai_linked=ai_linked,
        tool_grade=tool_grade,
    )
    return decision.stage, rule.name


def explain_class(
    decision: Decision,
    *,
    observed_live: bool,
    received: bool,
    ai_linked: bool,
    tool_grade: str,
) -> str:
    """Give the reason of the row that decided, as the report prints it."""
    rule = _find_class(
        decision,
        observed_live=observed_live,
        received=received,
        ai_linked=ai_linked,
        tool_grade=tool_grade,
    )
    return rule.why


def _find_class(
    decision: Decision,
    *,
    observed_live: bool,
    received: bool,
    ai_linked: bool,
    tool_grade: str,
) -> _ClassRule:
    if tool_grade not in TOOL_GRADES:
        raise Usage(f"the tool grade is {tool_grade!r:.40}, want one of {', '.join(TOOL_GRADES)}")
    truths = (
        received,
        ai_linked,
        observed_live,
        tool_grade == "changed",
        tool_grade == "burst",
        tool_grade == "reported",
    )
    facts = {name for name, is_true in zip(_FACTS, truths, strict=True) if is_true}
    for rule in _rules().classes:
        if rule.required <= facts and not rule.excluded & facts and _fits_any(decision.kind, rule):
            return rule
    raise Usage("the table of classes has no last row that fits everything")


def _fits_any(kind: str, rule: _ClassRule) -> bool:
    return not rule.kinds or any(_fits(kind, pattern) for pattern in rule.kinds)


def _fits(kind: str, pattern: str) -> bool:
    if pattern.endswith("*"):
        return kind.startswith(pattern[:-1])
    return kind == pattern
