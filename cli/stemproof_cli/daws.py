"""daw: scripts that tell what is decided in a DAW while it is decided."""

from __future__ import annotations

import json as json_text
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stemproof_cli import context, say

if TYPE_CHECKING:
    from stemproof.acts.home import Home
    from stemproof.daws.scripts import Script
    from stemproof.record.canonical import Json as JsonValue

daw_app = typer.Typer(help="Scripts for REAPER, Ardour and Live that tell more than a save does.")

Name = Annotated[str, typer.Argument(metavar="DAW", help="reaper, ardour or live.")]
To = Annotated[
    Path | None,
    typer.Option("--to", metavar="DIR", help="The DAW's folder of scripts, if it is another one."),
]
Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]

_SETTING = "daw.scripts"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(daw_app, name="daw", no_args_is_help=True)


@daw_app.command()
def install(name: Name, to: To = None) -> None:
    """Put the script of a DAW where that DAW looks for scripts."""
    from stemproof.acts.spool import spool_folder
    from stemproof.daws.scripts import find_script, install_script

    home = context.writable()
    script = find_script(name)
    folder = _folder(script, to)
    path = install_script(script, folder, spool=spool_folder(home))
    _remember(home, name, path)
    say.answer(say.clean(f"installed {path}"))
    say.talk(f"next, {script.next_step}")


@daw_app.command("list")
def list_(json: Json = False) -> None:
    """List the DAWs that there are scripts for, and where they are installed."""
    from stemproof.daws.scripts import SCRIPTS, is_ours

    known = _known(context.ledger())
    rows = []
    for script in SCRIPTS:
        path = known.get(script.name)
        state = "not installed"
        if path is not None:
            state = "installed" if is_ours(Path(path)) else "gone"
        rows.append((script.name, script.title, state, path or ""))
    if json:
        names = ("daw", "title", "state", "path")
        found: list[JsonValue] = [dict(zip(names, row, strict=True)) for row in rows]
        say.answer_json({"v": 0, "scripts": found})
        return
    say.table(("daw", "title", "state", "file"), rows)


@daw_app.command()
def remove(name: Name, to: To = None) -> None:
    """Take the script of a DAW away again."""
    from stemproof.daws.scripts import find_script, remove_script

    home = context.ledger()
    script = find_script(name)
    known = _known(home).get(name)
    path = Path(known) if known and to is None else _folder(script, to) / script.file
    removed = remove_script(path)
    _remember(home, name, None)
    say.answer(say.clean(f"removed {path}" if removed else f"there was no script at {path}"))


def _folder(script: Script, to: Path | None) -> Path:
    """Give the folder where a DAW looks for scripts on this system."""
    if to is not None:
        return to.expanduser().absolute()
    own = Path.home()
    if script.name == "live":
        music = own / ("Documents" if sys.platform == "win32" else "Music")
        return music / "Ableton" / "User Library" / "Remote Scripts"
    folders = {"reaper": ("REAPER", "Scripts"), "ardour": ("ardour7", "scripts")}[script.name]
    if sys.platform == "darwin":
        if script.name == "ardour":
            return own / "Library" / "Preferences" / "Ardour7" / "scripts"
        return own / "Library" / "Application Support" / "REAPER" / "Scripts"
    if sys.platform == "win32":
        place = Path(os.environ.get("APPDATA") or own / "AppData" / "Roaming")
    else:
        place = Path(os.environ.get("XDG_CONFIG_HOME") or own / ".config")
    return place.joinpath(*folders)


def _known(home: Home) -> dict[str, str]:
    from stemproof.acts.home import opened

    with opened(home) as log:
        kept = log.setting(_SETTING)
    found: dict[str, str] = {} if kept is None else json_text.loads(kept)
    return found


def _remember(home: Home, name: str, path: Path | None) -> None:
    from stemproof.acts.home import opened

    known = _known(home)
    known.pop(name, None)
    if path is not None:
        known[name] = str(path)
    with opened(home) as log:
        log.put_setting(_SETTING, json_text.dumps(known, sort_keys=True))
