"""work, watch, pause, resume: what is recorded, and recording it."""

from __future__ import annotations

import json as json_text
import signal
import sys
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stemproof.errors import BadInput
from stemproof_cli import context, say
from stemproof_cli.amounts import counted

if TYPE_CHECKING:
    from types import FrameType

    from stemproof.acts.begin import Work
    from stemproof.acts.home import Home
    from stemproof.acts.observe import Observed
    from stemproof.acts.stamps import Record
    from stemproof.record.canonical import Json as JsonValue

work_app = typer.Typer(help="The pieces of music that this ledger records.")

Title = Annotated[str | None, typer.Option(help="The title; by default the folder's name.")]
Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
Name = Annotated[
    str | None,
    typer.Argument(metavar="[WORK]", help="Its title, its folder or the start of its id."),
]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(work_app, name="work", no_args_is_help=True)
    app.command()(watch)
    app.command()(pause)
    app.command()(resume)


@work_app.command()
def add(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The song's project folder.")],
    title: Title = None,
) -> None:
    """Add a song; a watch that runs takes it up at once."""
    from stemproof.acts.begin import add_work
    from stemproof.acts.home import now
    from stemproof.acts.keeping import check_place

    home = context.ledger()
    check_place(home)
    work = add_work(home, folder, title, now())
    say.answer(say.clean(f"{work.title}  {work.id.hex()[:12]}  {work.folder}"))


@work_app.command("list")
def list_(json: Json = False) -> None:
    """List the songs of this ledger."""
    from stemproof.acts.begin import list_works
    from stemproof.acts.home import opened

    with opened(context.ledger()) as log:
        works = list_works(log)
    if json:
        say.answer_json({"v": 0, "works": [_work_json(work) for work in works]})
        return
    rows = [
        (
            work.title,
            work.id.hex()[:12],
            "paused" if work.paused else "recording",
            str(work.folder),
        )
        for work in works
    ]
    say.table(("title", "id", "state", "folder"), rows)


@work_app.command()
def move(
    work: Annotated[str, typer.Argument(help="Its title, its folder or the start of its id.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where its folder is now.")],
) -> None:
    """Tell where a song's folder is now; its history stays."""
    from stemproof.acts.begin import find_work
    from stemproof.acts.home import opened
    from stemproof.acts.works import move_work

    with opened(context.ledger()) as log:
        moved = move_work(log, find_work(log, work), folder)
    say.answer(say.clean(f"{moved.title} is in {moved.folder}"))


@work_app.command()
def share(
    work: Annotated[str, typer.Argument(help="Its title, its folder or the start of its id.")],
) -> None:
    """Write the file by which your band records the same work; it holds an id, a title, no key."""
    from stemproof.acts.band import format_share
    from stemproof.acts.begin import find_work
    from stemproof.acts.home import opened

    with opened(context.ledger()) as log:
        data = format_share(find_work(log, work))
    say.answer(data.decode().rstrip("\n"))


@work_app.command()
def join(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `work share` wrote.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The song's folder here.")],
) -> None:
    """Record the song in DIR as the work that others record, too."""
    from stemproof.acts.band import join_work, read_share
    from stemproof.acts.home import now, opened

    with opened(context.writable()) as log:
        joined = join_work(log, read_share(file), folder, now())
    say.answer(say.clean(f"{joined.title}  {joined.id.hex()[:12]}  {joined.folder}"))


def watch(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[DIR]...", help="Watch these songs only; by default all."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Look once and stop.")] = False,
    for_: Annotated[
        float | None, typer.Option("--for", min=0, help="Stop after so many seconds.")
    ] = None,
    json: Annotated[
        bool,
        typer.Option("--json", help="Answer with one JSON document a line, as things happen."),
    ] = False,
    ask: Annotated[
        bool | None,
        typer.Option(
            "--ask/--no-ask",
            help="Ask why after a bounce, from now on; or not this time. Only on a terminal.",
        ),
    ] = None,
    install: Annotated[
        bool, typer.Option("--install", help="Watch all day: a service of yours, from login on.")
    ] = False,
    uninstall: Annotated[
        bool, typer.Option("--uninstall", help="Stop that service and remove it.")
    ] = False,
) -> None:
    """Record what is saved, as it is saved, until you stop it with Ctrl-C."""
    home = context.ledger()
    if install or uninstall:
        from stemproof_cli import services

        services.change(home, install=install, uninstall=uninstall)
        return
    works = _works_in(home, folders or ())
    watch_works(home, once=once, works=works, seconds=for_, json=json, ask=ask)


def pause(work: Name = None) -> None:
    """Stop recording a song, or all of them; what changes until it goes on is not watched."""
    _set_paused(work, True)


def resume(work: Name = None) -> None:
    """Go on recording a song, or all of them."""
    _set_paused(work, False)


def watch_works(
    home: Home,
    *,
    once: bool,
    works: Collection[bytes] | None = None,
    seconds: float | None = None,
    json: bool = False,
    ask: bool | None = None,
) -> None:
    """Look once, or watch until stopped, and say what is recorded."""
    teller = _say_json if json else _say_lines
    if once:
        from stemproof.acts.once import look_once

        looked = look_once(home, say=teller, works=works)
        if not json:
            say.talk(_total(looked))
        return
    from stemproof.acts.beside import own_command, timestamping
    from stemproof.acts.promises import keeping_promises
    from stemproof.acts.watch import watch as watch_until
    from stemproof_cli.whys import asking

    told = _tell_json if json else _tell_line
    with (
        asking(home, teller, wanted=False if json else ask) as telling,
        timestamping(home, own_command(home), tell=told),
        keeping_promises(home, tell=lambda record: told(_say_kept(record))),
    ):
        watch_until(home, stop=_stopping(seconds), say=telling, works=works)


def _say_kept(record: Record) -> str:
    return f"timestamp of {counted(record.size, 'event')} is in a Bitcoin block now"


def _stopping(seconds: float | None) -> Callable[[], bool]:
    """End at Ctrl-C and SIGTERM, and after a while if one is given; the watch closes cleanly."""
    told: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        told.append(number)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    end = None if seconds is None else time.monotonic() + seconds
    return lambda: bool(told) or (end is not None and time.monotonic() >= end)


def _say_lines(observed: Observed, work: Work) -> None:
    from stemproof.acts.unreadable import reason_in

    clock = time.strftime("%H:%M:%S")
    for line in observed.said:
        text = say.clean(line.text)
        where = say.clean(line.path or work.title)
        say.answer(f"{clock}  {where}  {text}")
    for line in observed.unkept:
        say.answer(f"{clock}  {say.clean(line.path)}  {say.clean(line.text)}")
    for problem in observed.problems:
        told = say.clean(reason_in(problem))
        say.answer(f"{clock}  {say.clean(work.title)}  not recorded: {told}")
    # A watch lives long, and what it says is often piped into something.
    sys.stdout.flush()


def _say_json(observed: Observed, work: Work) -> None:
    from stemproof.acts.home import now
    from stemproof.record.event import format_time

    said = [(line.path, line.text, False) for line in observed.said]
    said += [(line.path, line.text, True) for line in observed.unkept]
    said += [("", problem, True) for problem in observed.problems]
    for path, text, is_problem in said:
        fact: dict[str, JsonValue] = {
            "v": 0,
            "time": format_time(now()),
            "work": work.id.hex(),
            "file": path or None,
            "problem": is_problem,
            "text": text,
        }
        say.answer(json_text.dumps(fact, sort_keys=True))
    sys.stdout.flush()


def _tell_line(text: str) -> None:
    say.answer(f"{time.strftime('%H:%M:%S')}  {say.clean(text)}")
    sys.stdout.flush()


def _tell_json(text: str) -> None:
    from stemproof.acts.home import now
    from stemproof.record.event import format_time

    fact: dict[str, JsonValue] = {
        "v": 0,
        "time": format_time(now()),
        "work": None,
        "file": None,
        "problem": False,
        "text": text,
    }
    say.answer(json_text.dumps(fact, sort_keys=True))
    sys.stdout.flush()


def _total(looked: Sequence[Observed]) -> str:
    if not any(one.said or one.unkept or one.problems for one in looked):
        return "nothing new"
    counts = {
        "save": sum(one.saves for one in looked),
        "decision": sum(one.decisions for one in looked),
        "audio file": sum(one.audio for one in looked),
    }
    told = [f"{count} {noun}{'' if count == 1 else 's'}" for noun, count in counts.items()]
    return f"recorded: {', '.join(told)}"


def _works_in(home: Home, folders: Sequence[Path]) -> set[bytes] | None:
    """Find the works of these folders; None, for all of them, where no folder is named."""
    from stemproof.acts.begin import find_work, list_works
    from stemproof.acts.home import opened

    with opened(home) as log:
        known = {work.folder for work in list_works(log)}
        if not known:
            raise BadInput(
                "this ledger has no work yet", hint="add one with `stemproof work add DIR`"
            )
        for folder in folders:
            if folder.is_dir() and folder.resolve() not in known:
                raise BadInput(
                    f"{folder} is not recorded yet", hint="add it with `stemproof work add DIR`"
                )
        return {find_work(log, str(folder)).id for folder in folders} or None


def _set_paused(name: str | None, paused: bool) -> None:
    from stemproof.acts.begin import find_work, list_works
    from stemproof.acts.home import opened
    from stemproof.acts.works import set_paused

    with opened(context.ledger()) as log:
        works = list_works(log) if name is None else [find_work(log, name)]
        changed = set_paused(log, works, paused)
    state = "paused" if paused else "recording"
    for work in works:
        again = "" if work in changed else " already"
        say.answer(say.clean(f"{work.title}: {state}{again}"))


def _work_json(work: Work) -> dict[str, JsonValue]:
    return {
        "id": work.id.hex(),
        "title": work.title,
        "folder": str(work.folder),
        "paused": work.paused,
        "last_change": work.last_change or None,
    }
