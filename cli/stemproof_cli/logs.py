"""log show, log follow, log check: the record as people read it, and derived anew."""

from __future__ import annotations

import re
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from stemproof_cli import context, say
from stemproof_cli.amounts import counted

if TYPE_CHECKING:
    from stemproof.acts.reading import Line, Wanted
    from stemproof.log.check import Findings
    from stemproof.log.store import Log

POLL_S = 0.3
CUT = 160
# More lines than anybody reads; all of a log is in its file.
MAX_SHOWN = 1_000_000
_AGO = re.compile(r"(\d{1,6}) ?(m|h|d|w|minutes?|hours?|days?|weeks?)( ago)?", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DAYS = {"today": 0, "yesterday": 1}

log_app = typer.Typer(help="What is recorded: to read, to follow, to check.")

Name = Annotated[
    str | None,
    typer.Argument(metavar="[WORK]", help="Its title, its folder or the start of its id."),
]
Stage = Annotated[str | None, typer.Option(help="Only this stage, such as mixing.")]
Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
Each = Annotated[
    bool,
    typer.Option(
        "--all",
        help="A line for each event: also the watch's signs of life, and each undo step.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(log_app, name="log", no_args_is_help=True)


@log_app.command()
def show(
    work: Name = None,
    stage: Stage = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="A date (and time), yesterday, 2h or '3 days ago'."),
    ] = None,
    limit: Annotated[
        int,
        typer.Option(
            min=1,
            max=MAX_SHOWN,
            help="At most so many, the newest; a save is one, with --all or --json each event.",
        ),
    ] = 50,
    all_: Each = False,
    json: Json = False,
) -> None:
    """Show what was recorded, newest last: by working session, and in it by save."""
    from stemproof.acts.home import opened
    from stemproof.acts.reading import newest_lines
    from stemproof.acts.sittings import newest_blocks
    from stemproof_cli.journal import show_blocks

    with opened(context.ledger()) as log:
        wanted = _wanted(log, work, stage, since, all_)
        blocks = [] if all_ or json else newest_blocks(log, wanted, limit)
        lines = newest_lines(log, wanted, limit) if all_ or json else []
    if blocks:
        show_blocks(blocks, stage)
        return
    if json:
        say.answer_json({"v": 0, "events": [line.as_json() for line in lines]})
    elif lines:
        several = len({line.entry.work for line in lines}) > 1
        columns = ("event", "time", *(("work",) if several else ()), "stage", "class", "what")
        say.table(columns, [_cells(line, several) for line in lines])
    else:
        say.talk("nothing was recorded that fits")


@log_app.command()
def follow(
    work: Name = None,
    stage: Stage = None,
    for_: Annotated[
        float | None, typer.Option("--for", metavar="SECONDS", min=0, help="Stop after so long.")
    ] = None,
    all_: Each = False,
) -> None:
    """Print what is recorded from now on, as it comes, a save at once; Ctrl-C ends it."""
    from stemproof.acts.home import opened
    from stemproof.acts.reading import lines_after, newest_event
    from stemproof.acts.sittings import items_after
    from stemproof_cli.journal import show_item

    end = None if for_ is None else time.monotonic() + for_
    with opened(context.ledger()) as log:
        wanted = _wanted(log, work, stage, None, all_)
        last = newest_event(log)
        say.talk("waiting for what will be recorded; Ctrl-C ends")
        try:
            while True:
                before = last
                if all_:
                    lines, last = lines_after(log, last, wanted)
                    for line in lines:
                        say.answer(say.clean("  ".join(_cells(line, several=True))))
                else:
                    items, last = items_after(log, last, wanted)
                    for item in items:
                        show_item(item, stage)
                sys.stdout.flush()
                if end is not None and time.monotonic() >= end:
                    return
                if last == before:
                    time.sleep(POLL_S)
        except KeyboardInterrupt:
            return


@log_app.command()
def check(json: Json = False) -> None:
    """Derive everything anew from the stored bytes, and say what does not fit."""
    from stemproof.acts.home import opened
    from stemproof.log.bound import bound_keys
    from stemproof.log.check import check_log

    with opened(context.ledger()) as log:
        bound = bound_keys(log)
        findings = check_log(log, bound.keys, _progress if sys.stderr.isatty() else None)
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    for problem in bound.problems:
        findings.blame(problem)
    if json:
        say.answer_json(
            {
                "v": 0,
                "verdict": "refuted" if findings.wrong else "verified",
                "events": findings.events,
                "works": findings.works,
                "openings": findings.openings,
                "erased": findings.erased,
                "checkpoints": findings.checkpoints,
                "wrong": list(findings.wrong),
                "unlisted": findings.unlisted,
            }
        )
    else:
        _tell(findings)
    if findings.wrong:
        raise typer.Exit(1)


def local_time(text: str) -> str:
    """Write a header's time as the clock on the wall had it."""
    from stemproof.record.event import parse_time

    return parse_time(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _wanted(
    log: Log, work: str | None, stage: str | None, since: str | None, heartbeats: bool
) -> Wanted:
    from stemproof.acts.begin import find_work
    from stemproof.acts.reading import Wanted
    from stemproof.errors import Usage
    from stemproof.record.vocabulary import STAGES

    if stage is not None and stage not in STAGES:
        raise Usage(f"{stage!r:.80} is not a stage", hint="one of " + ", ".join(STAGES))
    return Wanted(
        work=None if work is None else find_work(log, work).id,
        stage=stage,
        since=None if since is None else moment(since),
        heartbeats=heartbeats,
    )


def moment(text: str) -> datetime:
    """Read a time as people say it: a date, yesterday, 2h, 3 days ago."""
    from stemproof.errors import Usage

    try:
        word = " ".join(text.lower().split())
        if word in _DAYS:
            # Days begin at midnight of the clock on the wall.
            day = datetime.now().astimezone().date() - timedelta(days=_DAYS[word])
            return datetime(day.year, day.month, day.day).astimezone(UTC)
        ago = _AGO.fullmatch(word)
        if ago is not None:
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2][0]]: int(ago[1])})
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Usage(
            f"{text!r:.40} is not a time",
            hint="for example 2026-11-22, 2026-11-22T18:30, yesterday, 2h or '3 days ago'",
        ) from error


def _cells(line: Line, several: bool) -> tuple[str, ...]:
    about_record = line.header.stage == "none"
    text = line.text if len(line.text) <= CUT else line.text[: CUT - 1] + "…"
    return (
        str(line.entry.id),
        local_time(line.header.time),
        *((line.title,) if several else ()),
        "-" if about_record else line.header.stage,
        "-" if about_record else line.header.class_.replace("_", " "),
        text,
    )


def _progress(events: int) -> None:
    sys.stderr.write(f"\r{events} events checked")
    sys.stderr.flush()


def _tell(findings: Findings) -> None:
    verdict = "refuted" if findings.wrong else "verified"
    say.answer(
        f"{verdict}: {counted(findings.events, 'event')} of {counted(findings.works, 'work')},"
        f" sealed {counted(findings.checkpoints, 'time')} for a timestamp"
    )
    held = (
        "1 detail that they hold is"
        if findings.openings == 1
        else f"{findings.openings} details that they hold are"
    )
    gone = f"{findings.erased} {'is' if findings.erased == 1 else 'are'} erased"
    say.answer(f"  {held} as recorded, {gone}")
    for sentence in findings.wrong:
        say.answer(f"  {say.clean(sentence)}")
    if findings.unlisted:
        say.answer(f"  and {findings.unlisted} more like these")
