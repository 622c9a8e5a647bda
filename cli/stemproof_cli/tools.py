"""tools: the catalogue of AI-capable tools, and why a plug-in is taken for one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stemproof_cli import context, say

if TYPE_CHECKING:
    from stemproof.acts.explaining import Explained
    from stemproof.capture.tools.catalogue import Catalogue
    from stemproof.record.canonical import Json as JsonValue

tools_app = typer.Typer(
    help="Which plug-ins and services can act by a trained model, and which not."
)

Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
OfKind = Annotated[
    str | None,
    typer.Option("--kind", metavar="KIND", help="Only gen, assist, adapt, sep or no."),
]
Named = Annotated[
    str,
    typer.Argument(metavar="NAME|FILE", help="A tool by its name or id, or a session file."),
]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(tools_app, name="tools", no_args_is_help=True)


@tools_app.command("list")
def list_(kind: OfKind = None, json: Json = False) -> None:
    """List the tools of the catalogue, your own rows among them."""
    from stemproof.capture.tools.rows import Kind
    from stemproof.errors import Usage

    catalogue = rows_in_force()
    if kind is not None and kind not in [one.value for one in Kind]:
        raise Usage(f"{kind!r:.40} is no kind", hint=f"one of {', '.join(Kind)}")
    tools = [tool for tool in catalogue.tools if kind in (None, tool.kind.value)]
    if json:
        rows: list[JsonValue] = [tool.as_json() for tool in tools]
        own = catalogue.own or None
        say.answer_json({"v": 0, "catalogue": catalogue.version, "own": own, "tools": rows})
        return
    table = [
        (
            tool.id,
            tool.title,
            tool.kind.value,
            tool.form,
            tool.stage,
            str(len(tool.ids)) if tool.ids else "",
            "yours" if tool.is_own else tool.confidence.value,
        )
        for tool in sorted(tools, key=lambda tool: (tool.kind.value, tool.id))
    ]
    say.table(("tool", "name", "kind", "form", "stage", "ids", "confidence"), table)


@tools_app.command()
def explain(name: Named, json: Json = False) -> None:
    """Say why a plug-in counts as AI-capable or not, by which source, and what that proves."""
    from stemproof.acts.explaining import explain as explain_tools

    found = explain_tools(rows_in_force(), name)
    if json:
        say.answer_json({"v": 0, **found.as_json()})
        return
    _write(found)


def rows_in_force() -> Catalogue:
    """Give the rows in force; without a ledger, those that ship."""
    from stemproof.acts.tooling import catalogue_of

    return catalogue_of(Path(context.home().path))


def _write(found: Explained) -> None:
    for line in found.lines():
        say.answer(say.clean(line))
