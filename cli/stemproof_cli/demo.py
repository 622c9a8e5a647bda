"""demo: the whole line, told step by step, on a small piece of music or on your own folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stemproof_cli import say


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(demo)


def demo(
    folder: Annotated[
        Path | None, typer.Option(help="A project folder of your own, instead of the song.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where everything that it makes goes.")] = Path(
        "demo-out"
    ),
) -> None:
    """Show it all on real parts: record, timestamp, pin, claim, and a stranger's verdict."""
    from stemproof_cli.story import Story

    if folder is not None:
        _check_folder(folder)
    story = Story.begin(out, folder)
    try:
        is_told = story.tell()
    finally:
        story.end()
    if not is_told:
        say.complain("the demo did not end as it should", "the lines above say where")
        raise typer.Exit(1)


def _check_folder(folder: Path) -> None:
    """Refuse a folder that the story could not be told on to its end."""
    from stemproof.acts.survey import survey
    from stemproof.errors import BadInput

    if not folder.is_dir():
        raise BadInput(f"there is no folder {folder}")
    audio = [item.path for item in survey(folder).found if item.kind == "audio"]
    if not any("master" in Path(path).stem.lower() for path in audio):
        raise BadInput(
            f"no audio file in {folder} is called a master, which the demo claims at its end",
            hint="give the finished piece a name with master in it, such as master.wav",
        )
