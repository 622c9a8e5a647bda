"""The command `stemproof`: one file a group of commands; parse, call, say.

Nothing heavy is imported here or at the top of a group: the command line starts at once.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from stemproof_cli import context, say

GROUPS = ("begin", "keys", "works", "said", "logs", "backups", "chain", "pins", "claims", "demo")

app = typer.Typer(
    name="stemproof",
    help="A record of how a piece of music was made, kept by itself and checkable by a stranger.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from stemproof import __version__

        say.answer(f"stemproof {__version__}")
        raise typer.Exit


@app.callback()
def _settings(
    home: Annotated[
        Path | None,
        typer.Option(
            envvar="STEMPROOF_HOME",
            help="The ledger folder; by default the one that your system keeps such things in.",
        ),
    ] = None,
    passphrase_fd: Annotated[
        int | None,
        typer.Option(help="Read the passphrase from this file descriptor, one line."),
    ] = None,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Say the version."),
    ] = False,
) -> None:
    context.settings = context.Settings(home=home, passphrase_fd=passphrase_fd)


def load_groups() -> None:
    """Add every group's commands to the app."""
    for name in GROUPS:
        import_module(f"stemproof_cli.{name}").register(app)


def run() -> None:
    """Run the command line; every foreseen error is one sentence and an exit code."""
    load_groups()
    sys.exit(say.run(app, context.move_settings_first(sys.argv[1:])))
