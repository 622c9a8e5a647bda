"""The scripts that DAWs run, put where a DAW looks for them, and taken away again.

    path = install_script("reaper", folder, spool=spool)      written whole or not at all
    remove_script("reaper", folder)

Each script is one file that knows the spool's folder and nothing else of the ledger. A file
that is not ours is never written over and never removed.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from stemproof.errors import BadInput, Unavailable, Usage

MARK: Final = "stemproof daw script 1"
"""Stands in the first line of each installed file."""


@dataclass(frozen=True, slots=True)
class Script:
    """One DAW's script: the file that it becomes, and what a person does then."""

    name: str
    title: str
    file: str
    source: str
    next_step: str


SCRIPTS: Final = (
    Script(
        "reaper",
        "REAPER",
        "stemproof.lua",
        "reaper.lua",
        "in REAPER: Actions > Show action list > New action > Load ReaScript, then run it;"
        " to run it at each start, call it from Scripts/__startup.lua",
    ),
    Script(
        "ardour",
        "Ardour",
        "stemproof.lua",
        "ardour.lua",
        "in Ardour: Edit > Lua Scripts > Script Manager > Action Hooks > Add/Set: stemproof",
    ),
    Script(
        "live",
        "Ableton Live",
        "Stemproof/__init__.py",
        "live.py.txt",
        "in Live: start it anew, then Preferences > Link, Tempo & MIDI > Control Surface:"
        " Stemproof",
    ),
)


def find_script(name: str) -> Script:
    """Find a DAW's script by its short name."""
    for script in SCRIPTS:
        if script.name == name:
            return script
    known = ", ".join(script.name for script in SCRIPTS)
    raise Usage(f"there is no script for {name!r:.40}", hint=f"one of {known}")


def format_script(script: Script, spool: Path) -> bytes:
    """Write a script as it is installed: with the spool's folder in it."""
    source = _source(script.source)
    if script.source.endswith(".lua"):
        told = f"local SPOOL = {_lua_text(str(spool))}\n" + _source("spool.lua")
        # Ardour hands its function over as text: all that it uses must stand within it.
        whole = (
            source.replace("--@SPOOL@\n", told) if "--@SPOOL@\n" in source else told + "\n" + source
        )
        return f"-- {MARK}\n{whole}".encode()
    return f"# {MARK}\nSPOOL = {str(spool)!a}\n{source}".encode()


def install_script(script: Script, folder: Path, *, spool: Path) -> Path:
    """Write a script into the folder where its DAW looks; an older one of ours is replaced."""
    path = folder / script.file
    if path.exists() and not is_ours(path):
        raise BadInput(
            f"{path} is not stemproof's and is left as it is",
            hint="move it away, or give another folder with --to",
        )
    try:
        spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(path.name + ".new")
        beside.write_bytes(format_script(script, spool))
        beside.replace(path)
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}") from error
    return path


def remove_script(path: Path) -> bool:
    """Remove an installed script; False if there is none. A file that is not ours stays."""
    if not path.exists():
        return False
    if not is_ours(path):
        raise BadInput(f"{path} is not stemproof's and is left as it is")
    try:
        path.unlink()
        if path.name == "__init__.py":
            # Live's folder, and what its Python compiled into it.
            for compiled in path.parent.glob("__pycache__/__init__.*.pyc"):
                compiled.unlink()
            for place in (path.parent / "__pycache__", path.parent):
                if place.is_dir() and not any(place.iterdir()):
                    place.rmdir()
    except OSError as error:
        raise Unavailable(f"{path} cannot be removed: {error.strerror}") from error
    return True


def is_ours(path: Path) -> bool:
    """Say whether an installed file begins as ours do."""
    try:
        with path.open("rb") as file:
            return MARK.encode() in file.read(200).split(b"\n", 1)[0]
    except OSError:
        return False


def _source(name: str) -> str:
    return (files(__package__) / "shipped" / name).read_text("utf-8")


def _lua_text(text: str) -> str:
    """Write a text as Lua reads it back, byte by byte (Lua 5.3 manual, 3.1)."""
    plain = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 /._-:"
    data = text.encode("utf-8", "surrogateescape")
    return '"' + "".join(chr(b) if b in plain else f"\\{b:03d}" for b in data) + '"'
