"""ai inbox, ai add: the downloads folder, and what you asked of a generator."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from stemproof_cli import context, prompts, say


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = typer.Typer(
        help="Files that a generator made: your downloads folder, and what you asked for.",
        no_args_is_help=True,
    )
    group.command()(inbox)
    group.command()(add)
    group.command()(prompts.otlp)
    group.command()(prompts.export)
    app.add_typer(group, name="ai")


def inbox(
    folder: Annotated[
        str | None,
        typer.Argument(metavar="[DIR|off]", help="The folder, or off; without it: say which."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")] = False,
) -> None:
    """Let `stemproof watch` read marks in the folder that your browser downloads to.

    Only audio with a mark in it is recorded, from now on; nothing is kept of any other file.
    """
    from stemproof.acts.home import now, opened
    from stemproof.acts.inbox import read_inbox, set_inbox, waiting

    home = context.ledger() if folder is None else context.writable()
    with opened(home) as log:
        if folder is not None:
            set_inbox(log, None if folder == "off" else Path(folder), now())
        place, kept = read_inbox(log), waiting(log)
    if json:
        say.answer_json(
            {
                "v": 0,
                "folder": None if place is None else str(place[0]),
                "waiting": [{"name": one["name"], "says": one["says"]} for one in kept],
            }
        )
        return
    if place is None:
        say.answer("no downloads folder is looked at")
        return
    say.answer(say.clean(f"marks are read in {place[0]} while `stemproof watch` runs"))
    for one in kept:
        say.hanging("  ", f"{one['name']}: {one['says']}; recorded when it enters a work")


def add(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The audio that was generated.")],
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", metavar="TEXT", help="What you asked for; - reads it from stdin."),
    ] = None,
    provider: Annotated[
        str, typer.Option("--provider", help="Who made it; by default the one its mark names.")
    ] = "",
    plan: Annotated[
        str, typer.Option("--plan", help="Your plan there, such as pro: rights hang on it.")
    ] = "",
    terms: Annotated[
        str, typer.Option("--terms", metavar="URL", help="Where their terms stand; not fetched.")
    ] = "",
    work: Annotated[
        str | None,
        typer.Option(
            "--work", metavar="WORK", help="Its title, its folder or the start of its id."
        ),
    ] = None,
) -> None:
    """Record what you asked of a generator, beside the mark in its file.

    Declared by you (E0); the mark that was read in the file stands beside it (E1). The prompt is
    private: a salted commitment that only you can open.
    """
    from stemproof.acts.generated import MAX_PROMPT, Said, add_file
    from stemproof.acts.generating import choose_work
    from stemproof.acts.home import now, opened
    from stemproof.errors import Usage

    if prompt is None and not (provider or plan or terms):
        raise Usage("nothing was said of the file", hint="give --prompt -, --provider or --plan")
    if prompt == "-":
        data = sys.stdin.buffer.read(4 * MAX_PROMPT + 4)
        prompt = data.decode("utf-8", "surrogateescape")
    with opened(context.writable()) as log:
        found = choose_work(log, work, file.parent)
        said = Said("", "", provider, plan, terms, prompt or "")
        event, made_by = add_file(log, found, file, said, now())
    name = made_by or "a generator"
    say.answer(say.clean(f"event {event}: {file.name}, made with {name}, on {found.title}"))
