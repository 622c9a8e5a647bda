"""The command `stemproof`: one file a group of commands; parse, call, say.

Nothing heavy is imported here or at the top of a group, and only the group that is called
is loaded: the command line starts at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from stemproof_cli import context, say
from stemproof_cli.listing import Group

GROUPS = {
    "begin": ("start", "init", "status"),
    "keys": ("key",),
    "works": ("work", "watch", "pause", "resume"),
    "daws": ("daw",),
    "said": ("note", "credit", "erase"),
    "logs": ("log",),
    "backups": ("backup", "restore"),
    "vault": ("vault", "replay"),
    "coverage": ("coverage",),
    "blame": ("blame",),
    "anchors": ("anchor",),
    "relays": ("relay",),
    "chain": ("chain",),
    "testnets": ("testnet",),
    "stamps": ("stamp",),
    "proxy": ("proxy",),
    "mcp": ("mcp",),
    "pins": ("pin", "node", "cid"),
    "claims": ("claim", "verify"),
    "compare": ("diff",),
    "inspect": ("inspect",),
    "ai": ("ai",),
    "sessions": ("show",),
    "tools": ("tools",),
    "demo": ("demo",),
}
"""Module -> the first words that it answers to."""

app = typer.Typer(
    name="stemproof",
    cls=Group,
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
        typer.Option(
            envvar="STEMPROOF_PASSPHRASE_FD",
            help="Read the passphrase from this file descriptor, one line.",
        ),
    ] = None,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Say the version."),
    ] = False,
) -> None:
    context.settings = context.Settings(home=home, passphrase_fd=passphrase_fd)


def load_groups(names: Iterable[str] = GROUPS) -> None:
    """Add the commands of these groups to the app."""
    for name in names:
        import_module(f"stemproof_cli.{name}").register(app)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            group.typer_instance.info.cls = Group


def run() -> None:
    """Run the command line; every foreseen error is one sentence and an exit code."""
    arguments = context.move_settings_first(sys.argv[1:])
    word = context.find_word(arguments)
    if word == "--version":
        load_groups(())
    else:
        # A word that no group knows: all are loaded, so that the answer can name the nearest.
        load_groups([name for name, words in GROUPS.items() if word in words] or GROUPS)
    if word in ("", "--help"):
        _keep_sentences()
    sys.exit(say.run(app, arguments))


def _keep_sentences() -> None:
    """Drop what the list of commands does not show: working out parameters takes Typer long."""
    for command in app.registered_commands:
        if command.callback is not None:
            command.callback = _without_parameters(command.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            group.typer_instance.registered_commands.clear()


# Any: a command may take and give anything.
def _without_parameters(callback: Callable[..., Any]) -> Callable[[], None]:
    def named() -> None:
        """Stand for a command whose name and sentence alone are shown."""

    named.__name__, named.__doc__ = callback.__name__, callback.__doc__
    return named
