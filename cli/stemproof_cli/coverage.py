"""coverage: what of a song's making was watched, and where the record has gaps."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from stemproof_cli import context, say

if TYPE_CHECKING:
    from stemproof.acts.covered import Covered


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(coverage)


def coverage(
    work: Annotated[
        str | None,
        typer.Argument(metavar="[WORK]", help="Its title, its folder or the start of its id."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")] = False,
) -> None:
    """Show how much of a song's making was watched: saves, time, pauses, gaps and jumps."""
    from stemproof.acts.begin import find_work
    from stemproof.acts.covered import look_over
    from stemproof.acts.home import opened

    with opened(context.ledger()) as log:
        found = find_work(log, work)
        logs = look_over(log, found.id)
    if json:
        say.answer_json(
            {
                "v": 0,
                "work": found.id.hex(),
                "logs": [{"origin": origin, **covered.as_json()} for origin, covered in logs],
            }
        )
        return
    for origin, covered in logs:
        if len(logs) > 1:
            say.answer(say.clean(origin))
        for name, told in _rows(covered):
            say.answer(f"{name:<11} {told}")


def _rows(covered: Covered) -> list[tuple[str, str]]:
    from stemproof.acts.vault import tell_size

    saves = covered.saves
    total = covered.all_saves
    rows = [
        (
            "seen live",
            f"{saves['session.saved']} of {_amount(total, 'save')},"
            f" {tell_size(covered.live_bytes)} of {tell_size(covered.all_bytes)}",
        ),
        (
            "not seen",
            f"{saves['session.jumped']} changed unobserved, {saves['session.found']} found,"
            f" {saves['session.received']} received, {saves['session.unreadable']} unreadable",
        ),
    ]
    if covered.unlinked:
        rows.append(("jumps", f"{_amount(covered.unlinked, 'save')} not after the one before"))
    if saves["session.past"]:
        rows.append(("past saves", f"{saves['session.past']}, with times that they claim"))
    if covered.undo_steps:
        rows.append(("undo steps", str(covered.undo_steps)))
    rows.append(
        ("audio", f"{covered.audio_live} seen to appear, {covered.audio_found} without origin")
    )
    rows.append(("watched", f"{_length(covered.watched)} of {_length(covered.span)} between saves"))
    rows.append(("gaps", _gaps(covered)))
    rows.append(("pauses", str(covered.pauses)))
    if covered.clock_jumps:
        rows.append(("clock", f"went back {_amount(covered.clock_jumps, 'time')}"))
    return rows


def _gaps(covered: Covered) -> str:
    from stemproof.record.event import format_time
    from stemproof_cli.logs import local_time

    if not covered.gaps:
        return "none"
    counts = Counter(gap.why for gap in covered.gaps)
    told = ", ".join(f"{count} {why}" for why, count in counts.most_common())
    longest = max(covered.gaps, key=lambda gap: gap.length)
    start = local_time(format_time(longest.start))
    return f"{len(covered.gaps)}: {told}; longest {_length(longest.length)} from {start}"


def _length(span: timedelta) -> str:
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {seconds:02d} s"


def _amount(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
