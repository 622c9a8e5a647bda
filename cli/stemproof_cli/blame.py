"""blame: who set each value of a session last, and how that is known."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stemproof_cli import context, say

if TYPE_CHECKING:
    from stemproof.acts.begin import Work
    from stemproof.acts.blaming import Source
    from stemproof.acts.home import Home
    from stemproof.log.store import Log


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(blame)


def blame(
    what: Annotated[
        str,
        typer.Argument(
            metavar="SESSION|TEXT|WORK",
            help="A session or a text file in a watched folder, or a work: all its sessions.",
        ),
    ],
    track: Annotated[
        str | None, typer.Option(metavar="T", help="Show this track alone, value by value.")
    ] = None,
    decisions: Annotated[
        bool,
        typer.Option(
            "--decisions",
            help="Go by the recorded decisions alone: the vault is not opened, no passphrase.",
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")] = False,
) -> None:
    """Tell who set each value, note, clip and word last, and how that is known."""
    from stemproof.acts.begin import find_work
    from stemproof.acts.finding import TEXT_FILES
    from stemproof.acts.home import opened
    from stemproof_cli import blame_view

    home = context.ledger()
    with opened(home) as log, ExitStack() as stack:
        path = Path(what)
        work = _work_around(log, path) if path.is_file() else find_work(log, what)
        source = _source(home, log, work, stack, is_closed=decisions)
        if path.suffix.lower() in TEXT_FILES and path.is_file():
            blame_view.answer_text(log, work, path, source, json=json)
            return
        files = [path] if path.is_file() else list(_sessions(log, work))
        blame_view.answer_sessions(log, work, files, source, track=track, json=json)


def _work_around(log: Log, path: Path) -> Work:
    """Find the work whose folder holds a file."""
    from stemproof.acts.begin import list_works
    from stemproof.errors import BadInput

    full = path.resolve()
    for work in list_works(log):
        if work.folder in full.parents:
            return work
    raise BadInput(
        f"{path} lies in no watched folder", hint="`stemproof work list` shows which there are"
    )


def _sessions(log: Log, work: Work) -> Iterator[Path]:
    from stemproof.acts.desk import read_seen

    for name, state in sorted(read_seen(log, work).items()):
        # What went away since the last look has nothing that could be asked about.
        if state.kind == "session" and not state.is_gone and (work.folder / name).is_file():
            yield work.folder / name


def _source(home: Home, log: Log, work: Work, stack: ExitStack, *, is_closed: bool) -> Source:
    """Open the vault where there is one and somebody has the passphrase."""
    from stemproof.acts.choosing import no_source
    from stemproof.acts.disclosed import from_vault
    from stemproof.acts.vault import VAULT_FILE
    from stemproof.errors import Locked

    if is_closed or not (home.path / VAULT_FILE).exists():
        return no_source
    try:
        keys = context.unlock(home)
    except Locked as error:
        if context.settings.passphrase_fd is not None:
            raise
        say.talk(f"the vault stays closed ({error}): going by the recorded decisions")
        return no_source
    return partial(stack.enter_context(from_vault(log, keys)), work.id)
