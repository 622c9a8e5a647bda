"""One session looked at: what it holds, and which of the files that it names are there.

Nothing is recorded and no ledger is needed. A session names files of its own choosing: they are
only looked for, never opened, and a path on another computer is not even looked for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stemproof.acts.survey import FileGone, read_session_file
from stemproof.capture.sessions.model import Session
from stemproof.capture.sessions.packed import Archive
from stemproof.capture.sessions.registry import find_format, read_session
from stemproof.errors import BadInput

PACKAGES: Final = (".logicx", ".band")
_PROJECT_DATA: Final = "Alternatives/*/ProjectData"
_INFORMATION: Final = "Resources/ProjectInformation.plist"
_PLIST_BYTES: Final = 8 << 20
# `factorysample:kick.ogg`: a word of the program's own; one letter is a Windows drive.
_OF_PROGRAM: Final = re.compile(r"[A-Za-z][\w+.-]+:")
_MOST_NAMES: Final = 50_000
_DEPTH: Final = 8


@dataclass(frozen=True, slots=True)
class Media:
    """A file that a session names: `found`, `elsewhere`, `missing`, or `not looked for`."""

    path: str
    state: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A session and what is known of it beside what it says."""

    path: Path
    title: str
    session: Session
    media: tuple[Media, ...]
    advice: str
    modified: float


def show_session(path: Path) -> Shown:
    """Read a session file, or the package folder of a program that saves one."""
    if path.is_dir():
        return _show_package(path)
    try:
        data = read_session_file(path)
    except FileGone as error:
        raise BadInput(f"there is no file {str(path)!r}") from error
    session = read_session(path.as_posix(), data)
    one = find_format(path.as_posix(), data)
    inside = frozenset(Archive(data, one.title).names if one.name == "dawproject" else ())
    media = tuple(_look_for(path.absolute().parent, session, inside))
    modified = path.stat().st_mtime
    return Shown(path, one.title, session, media, one.advice, modified)


def _show_package(folder: Path) -> Shown:
    from stemproof.capture.sessions.opaque_logic import whole_project

    title = "GarageBand" if folder.suffix.lower() == ".band" else "Logic Pro"
    saves = [p for p in sorted(folder.glob(_PROJECT_DATA)) if p.is_file() and not p.is_symlink()]
    if folder.suffix.lower() not in PACKAGES or not saves:
        raise BadInput(
            f"{folder.name!r:.80} is a folder and no session",
            hint="name the session file in it, or a .logicx or .band folder",
        )
    newest = max(saves, key=lambda place: place.stat().st_mtime)
    data = read_session_file(newest)
    session = whole_project(
        data,
        _small_file(newest.with_name("MetaData.plist")),
        _small_file(folder / _INFORMATION),
    )
    advice = find_format(newest.as_posix(), data).advice
    return Shown(folder, title, session, (), advice, newest.stat().st_mtime)


def _small_file(path: Path) -> bytes | None:
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _PLIST_BYTES:
        return None
    return read_session_file(path)


def _look_for(folder: Path, session: Session, inside: frozenset[str]) -> Iterator[Media]:
    names: dict[str, str] | None = None
    for media in session.media:
        path = media.path.replace("\\", "/")
        # LMMS counts from its own folders of samples, never from the session's.
        is_inside = session.format == "lmms" and not path.startswith("/") and path[1:2] != ":"
        # Another computer's share would be asked with the user's own password.
        is_far = path.startswith("//") or "\0" in path
        if is_far or is_inside or _OF_PROGRAM.match(path):
            yield Media(media.path, "not looked for")
        elif media.path in inside or _is_file(folder, path):
            yield Media(media.path, "found")
        else:
            names = _names_below(folder) if names is None else names
            where = names.get(media.file_name)
            yield Media(media.path, "missing" if where is None else "elsewhere", where or "")


def _is_file(folder: Path, path: str) -> bool:
    try:
        return (folder / path).is_file()
    except (OSError, ValueError):
        # Too long, or not a name that this system can have.
        return False


def _names_below(folder: Path) -> dict[str, str]:
    """Name the files of the project, each by its path within it; the first of a name counts."""
    found: dict[str, str] = {}
    waiting, seen = [(os.fspath(folder), 0)], 0
    while waiting and seen < _MOST_NAMES:
        place, depth = waiting.pop(0)
        try:
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            seen += 1
            if entry.name.startswith(".") or entry.is_symlink():
                continue
            if entry.is_dir(follow_symlinks=False):
                if depth < _DEPTH:
                    waiting.append((entry.path, depth + 1))
            else:
                found.setdefault(entry.name, os.path.relpath(entry.path, folder))
    return found
