"""Handing a bundle over: written whole where the artist wants it, by one process at a time."""

from __future__ import annotations

from collections.abc import Callable
from glob import escape
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from stemproof.acts.home import Home
from stemproof.anchor.filelock import hold_lock
from stemproof.errors import BadInput, Unavailable
from stemproof.keys.durable import write_whole

_PATIENCE_S: Final = 60.0


def write_bundle(home: Home, path: Path, make: Callable[[], bytes]) -> int:
    """Make a bundle and put it at `path`; give its size. What cannot be written is not made."""
    check_target(path)
    with hold_lock(home.locks / "bundle.lock", timeout_s=_PATIENCE_S):
        _clear_parts(path)
        data = make()
        write_whole(path, data)
    return len(data)


def check_target(path: Path) -> None:
    """Refuse a path that nothing can be written to, before anything is signed or recorded."""
    if path.is_dir():
        raise BadInput(f"{path} is a folder", hint="name the bundle's file with --out")
    if not path.absolute().parent.is_dir():
        raise BadInput(f"there is no folder {path.absolute().parent}")
    _probe(path)


def _probe(path: Path) -> None:
    """Make a file beside a bundle and drop it: only an attempt tells what the system grants."""
    folder = path.absolute().parent
    try:
        with TemporaryFile(prefix=f".{path.name}.", suffix=".part", dir=folder):
            pass
    except OSError as error:
        raise Unavailable(f"{path} could not be written: {error.strerror}") from error


def _clear_parts(path: Path) -> None:
    """Remove what a process that was killed left beside a bundle, in the middle of writing it."""
    try:
        for part in path.absolute().parent.glob(f".{escape(path.name)}.*.part"):
            part.unlink(missing_ok=True)
    except OSError as error:
        raise Unavailable(f"{path} could not be written: {error.strerror}") from error
