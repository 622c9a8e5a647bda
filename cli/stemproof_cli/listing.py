"""The list of commands in --help: each with its whole sentence, over two lines where it is long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typer.core import TyperGroup

if TYPE_CHECKING:
    # Typer brings its own Click, and names these nowhere else.
    from typer._click import Context, HelpFormatter

_NO_END = 10_000
"""Longer than any sentence: where one is cut, what it says is lost."""


class Group(TyperGroup):
    """A group of commands whose sentences are not cut to one line."""

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the commands under a heading."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [
            (name, command.get_short_help_str(_NO_END))
            for name, command in commands
            if command is not None and not command.hidden
        ]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)
