"""The counting rules of a report, against a second writing of them."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from stemproof.claim.report import Coverage, make_report
from stemproof.record.event import Header, format_header, parse_header
from stemproof.record.vocabulary import CLASSES, OBSERVED, STAGES

ACTIONS = (
    "session.saved",
    "session.jumped",
    "session.found",
    "session.received",
    "session.unreadable",
    "session.open",
    "watch.open",
    "watch.beat",
    "watch.close",
    "watch.pause",
    "decision.param",
)
START = datetime(2027, 1, 1)


def _time(ms: int) -> str:
    return (START + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds") + "Z"


@st.composite
def events(draw: st.DrawFn) -> list[tuple[Header, int]]:
    found = []
    for seq in range(draw(st.integers(0, 12))):
        ms = draw(st.integers(-2_000_000_000_000, 60_000))
        action = draw(st.sampled_from(ACTIONS))
        commit = {"body": "00" * 32}
        if action.startswith("session.") and draw(st.booleans()):
            commit["after"] = "11" * 32
        header = Header(
            origin="stemproof/" + "0" * 32 + "/" + "1" * 32,
            work="22" * 16,
            work_seq=seq,
            prev="33" * 32 if seq else "",
            time=_time(ms),
            session="",
            stage=draw(st.sampled_from(STAGES)),
            action=action,
            class_=draw(st.sampled_from(CLASSES)),
            observed=draw(st.sampled_from(OBSERVED)),
            actor="author",
            tool="daw",
            commit=commit,
        )
        found.append((parse_header(format_header(header)), ms))
    return found


def _coverage(log: list[tuple[Header, int]]) -> Counter[str]:
    """Count as docs/format.md says, written down independently."""
    found: Counter[str] = Counter()
    since: int | None = None
    saves = [ms for header, ms in log if "after" in header.commit]
    for place, (header, ms) in enumerate(log):
        if place and ms < log[place - 1][1]:
            found["clock_jumps"] += 1
        kind, _, what = header.action.partition(".")
        if kind == "session":
            found[{"saved": "seen"}.get(what, what)] += 1
        if kind == "watch":
            if since is not None and what != "open":
                found["watched_ms"] += max(0, ms - since)
            since = ms if what in ("open", "beat") else None
    if saves:
        found["span_ms"] = max(saves) - saves[0]
    return found


@given(st.lists(events(), max_size=3))
def test_a_report_counts_as_the_format_says(logs: list[list[tuple[Header, int]]]) -> None:
    report = make_report([[header for header, _ in log] for log in logs])
    total: Counter[str] = Counter()
    for log in logs:
        total += _coverage(log)
    names = Coverage.__dataclass_fields__
    assert report.coverage == Coverage(**{name: total[name] for name in names})
    decisions = Counter(
        (header.stage, header.class_, header.observed)
        for log in logs
        for header, _ in log
        if header.stage != "none"
    )
    rows = {(row.stage, row.class_, row.observed): row.events for row in report.stages}
    assert rows == decisions
    order = [
        (STAGES.index(row.stage), CLASSES.index(row.class_), OBSERVED.index(row.observed))
        for row in report.stages
    ]
    assert order == sorted(order)


def test_no_events_give_an_empty_report() -> None:
    report = make_report([[], []])
    assert (report.stages, report.coverage) == ((), Coverage(0, 0, 0, 0, 0, 0, 0, 0))
