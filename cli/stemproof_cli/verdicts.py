"""A verdict in words: the checks, the stages, the sessions, and one last plain sentence.

What is printed says no more than the checks do. Hashes are cut for people, except where
somebody must compare them; `--json` holds them whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stemproof_cli import say

if TYPE_CHECKING:
    from stemproof.claim.claim import Claim
    from stemproof.record.canonical import Json
    from stemproof.verify.bounds import SessionBracket
    from stemproof.verify.bundle import Verdict
    from stemproof.verify.timestamps import Dated

SHOWN_SESSIONS: Final = 5

DOES_NOT_SAY: Final = (
    "not shown by this: that what the claim says is true, that no AI was used unobserved, who sat"
    " at the keyboard, and that no other log exists under other keys.",
    "below evidence level E4, the log was kept on a device that its author controls.",
)

HUMAN_MEANS = (
    "human, human_with_tool: a change between two saves that were seen live, with no AI tool"
    " observed. That a person made it is assumed: a tool that nobody observed leaves no trace, and"
    " records by rules before 3 looked for none."
)
LEVEL_WORDS: Final = {
    "E0": "said by the author",
    "E1": "observed by a tool",
    "E2": "observed by a tool, in a log bound to a person's key",
    "E3": "observed by a tool, in a log bound to a person's key, sealed between two blocks",
}

# By check. What a log or a claim is refuted for is in the table above the sentence.
REFUTED_WORDS: Final = {
    "bundle": "it is no whole bundle, or was changed after it was signed",
    "bundle signature": "it is not signed by whoever holds its record",
    "log": "its record was changed, or is not whole",
    "chain evidence": "its date does not hold",
    "time bounds": "its dates contradict each other",
    "contract": "it was dated on another chain than you asked for",
    "canonical block": "the block that should date it is not the chain's",
    "timestamp": "a timestamp in it is of something else, or forged",
    "origin": "it rests on another log than you named",
    "log on chain": "the chain that you asked does not hold the block that should date it",
}
UNDECIDED_WORDS: Final = {
    "bundle": "this version cannot read the bundle, so that nothing more was checked",
    "chain evidence": "its record is not dated by a chain yet",
    "contract": "the contract that dates it is not one that you trust",
    "canonical block": "nobody confirmed the block that dates it, so that its date is open",
    "timestamp": "a timestamp in it could not be checked with what you named",
    "policy": "fewer kinds of timestamp count for you than you asked for",
    "log on chain": "the block that dates it and the nodes that you asked contradict each other",
    "former account": "the chain does not show that its keys follow those before them",
    "audio": "no proof was found that a file is this music",
    "audio file": "a file to compare could not be read",
}


def print_verdict(bundle: Path, verdict: Verdict) -> None:
    """Write a verdict for people: warnings first, the answer, a line for each check."""
    for warning in verdict.warnings:
        say.paragraph(warning)
    say.answer(f"{verdict.state}: {say.clean(headline(bundle.name, verdict))}")
    claim = verdict.claim
    if claim is not None:
        say.answer(f"  {say.clean(claim.title)}, said to be made {claim.made}", "")
    say.table(
        ("", "check", "found"),
        [(line.state, line.name, line.says) for line in verdict.checks.lines],
    )
    hints = dict.fromkeys(line.hint for line in verdict.checks.lines if line.hint)
    for hint in hints:
        say.paragraph(f"hint: {say.clean(hint)}")
    if claim is not None and not _is_refuted(verdict):
        _print_record(claim, verdict)
    say.answer("")
    say.paragraph(summary(verdict))


def headline(bundle: str, verdict: Verdict) -> str:
    """Say what the one word is about: the bundle, or a file that was held against it."""
    own, state = verdict.checks.state_of_bundle, verdict.state
    if own == state:
        return bundle
    files = [line.file for line in verdict.checks.lines if line.file and line.state == state]
    says = "the audio that it claims" if state == "refuted" else "shown to be its audio"
    says = f"{', '.join(files)} {'is' if len(files) == 1 else 'are'} not {says}"
    holds = f"{bundle} holds" if own == "verified" else f"{bundle} is {own}"
    return f"{holds}; {says}"


def summary(verdict: Verdict) -> str:
    """Say in one plain sentence what the verdict comes to."""
    match str(verdict.state):
        case "verified":
            return _summary_verified(verdict)
        case "refuted" if not _is_refuted(verdict):
            return _summary_of_other_files(verdict)
        case "refuted":
            default = "it claims what its record does not show"
            reasons = _reasons(verdict, REFUTED_WORDS, default)
            return f"Do not rely on this bundle: {reasons[0]}."
        case _:
            reasons = _reasons(verdict, UNDECIDED_WORDS, "not everything could be checked")
            return f"Nothing wrong was found, but {', and '.join(reasons)}."


def verdict_document(bundle: Path, verdict: Verdict) -> dict[str, Json]:
    """Give the same facts as one JSON document."""
    return {
        "v": 0,
        "bundle": bundle.name,
        "verdict": str(verdict.state),
        "verdict_of_bundle": str(verdict.checks.state_of_bundle),
        "summary": summary(verdict),
        "warnings": list(verdict.warnings),
        "checks": [
            {
                "name": line.name,
                "state": str(line.state),
                "says": line.says,
                "hint": line.hint,
                "file": line.file,
            }
            for line in verdict.checks.lines
        ],
        "brackets": [
            {
                "origin": item.origin,
                "confirmed": item.is_confirmed,
                "not_after": item.not_after,
                "block": item.block,
                "block_hash": item.block_hash.hex(),
                "chain": item.chain_id,
                "contract": item.contract.hex(),
            }
            for item in verdict.brackets
        ],
        "timestamps": [_stamp_document(item) for item in verdict.dated],
        "not_after": verdict.not_after,
        "levels": [
            {
                "stage": item.stage,
                "class": item.class_,
                "level": item.level,
                "events": item.events,
            }
            for item in verdict.levels
        ],
        "sessions": [
            {
                "origin": item.origin,
                "session": item.session,
                "work_seq": item.work_seq,
                "not_before": item.not_before,
                "not_before_block": item.not_before_block,
                "not_after": item.not_after,
                "not_after_block": item.not_after_block,
                "rests_on": item.rests_on,
            }
            for item in verdict.sessions
        ],
        "claim": None if verdict.claim is None else _claim_document(verdict.claim),
        "does_not_say": list(DOES_NOT_SAY),
    }


def _stamp_document(item: Dated) -> dict[str, Json]:
    return {
        "origin": item.origin,
        "kind": item.kind,
        "size": item.size,
        "not_after": item.not_after,
        "by": item.by,
    }


def _claim_document(claim: Claim) -> dict[str, Json]:
    return {
        "title": claim.title,
        "work": claim.work,
        "identity": claim.identity,
        "account": claim.account,
        "made": claim.made,
        "stages": [
            {
                "stage": item.stage,
                "class": item.class_,
                "observed": item.observed,
                "events": item.events,
            }
            for item in claim.report.stages
        ],
    }


def _is_refuted(verdict: Verdict) -> bool:
    """Say whether the bundle itself is refuted, and not only a file beside it."""
    return verdict.checks.state_of_bundle == "refuted"


def _reasons(verdict: Verdict, words: dict[str, str], default: str) -> list[str]:
    names = [line.name for line in verdict.checks.lines if line.state == verdict.state]
    return list(dict.fromkeys(words.get(name, default) for name in names)) or [default]


def _summary_of_other_files(verdict: Verdict) -> str:
    """Say of a file that is another one, and of the bundle that is sound beside it."""
    says = "Do not rely on this bundle for that file: it is none of those that it names."
    if verdict.checks.state_of_bundle == "verified":
        says += " For the files that it names it holds."
    return says


def _summary_verified(verdict: Verdict) -> str:
    says = "This music's record is unchanged."
    if verdict.not_after is not None:
        by = _moment(verdict.not_after)
        says = f"This music's record is unchanged and was on record by {by}."
    if any(warning.startswith("rehearsal") for warning in verdict.warnings):
        says = "In a rehearsal, which proves nothing to others: " + says[0].lower() + says[1:]
    if not any(line.name == "audio" for line in verdict.checks.lines):
        says += " No audio file was compared with it."
    return says


def _print_record(claim: Claim, verdict: Verdict) -> None:
    if verdict.levels:
        say.answer("")
        say.table(("stage", "class", "decisions", "evidence"), list(_stage_rows(verdict)))
        shown = {item.level for item in verdict.levels}
        legend = [f"{level} {says}" for level, says in LEVEL_WORDS.items() if level in shown]
        say.paragraph("; ".join(legend) + ".")
        if any(count.class_.startswith("human") for count in claim.report.stages):
            say.paragraph(HUMAN_MEANS)
    if verdict.sessions:
        say.answer("")
        rows = [_session_row(item, verdict) for item in verdict.sessions[:SHOWN_SESSIONS]]
        say.table(("session", "sealed"), rows)
        if len(verdict.sessions) > SHOWN_SESSIONS:
            say.answer(f"and {len(verdict.sessions) - SHOWN_SESSIONS} more")
    coverage = claim.report.coverage
    say.answer("")
    say.paragraph(
        f"saves: {coverage.seen} seen live, {coverage.jumped} after unobserved changes,"
        f" {coverage.found} found, {coverage.unreadable} unreadable",
    )
    for text in DOES_NOT_SAY:
        say.paragraph(text)


def _stage_rows(verdict: Verdict) -> Iterator[tuple[str, str, str, str]]:
    """Give a row for each stage and class; the name of a stage stands in its first one."""
    last = ""
    for stage, class_ in dict.fromkeys((item.stage, item.class_) for item in verdict.levels):
        counts = [each for each in verdict.levels if (each.stage, each.class_) == (stage, class_)]
        # The strongest first.
        levels = ", ".join(f"{each.level}: {each.events}" for each in reversed(counts))
        name = "" if stage == last else stage
        last = stage
        yield name, class_.replace("_", " "), str(sum(each.events for each in counts)), levels


def _session_row(item: SessionBracket, verdict: Verdict) -> tuple[str, str]:
    of = f" of log …{item.origin[-12:]}" if len(verdict.logs) > 1 else ""
    after = f"block {item.not_before_block}"
    if item.not_before is not None:
        after = f"{_moment(item.not_before)} ({after})"
    before = f"{_moment(item.not_after)} (block {item.not_after_block})"
    return f"from event {item.work_seq}{of}", f"after {after} and before {before}"


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
