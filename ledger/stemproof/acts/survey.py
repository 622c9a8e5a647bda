"""What lies in a project folder: session files and audio, and which of them changed.

Links are not followed and hidden folders not entered, so a project cannot make us read
what it does not hold. Back-ups that programs write beside a session are not sessions.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stemproof.acts.kinds import is_entered, kind_in, kind_of, may_be_score
from stemproof.audio.ffmpeg import DEADLINE_S
from stemproof.audio.plain import hash_plain, open_plain
from stemproof.capture.sessions.registry import HEAD_BYTES, is_score
from stemproof.errors import BadInput, Unavailable

# A tree beyond this is a disk, not a song; the user is told.
MAX_FILES: Final = 200_000
# The last second of the year 9999. A file system may hold any time, a stranger any wish.
_LAST_NS: Final = 253_402_300_799 * 10**9
MAX_DEPTH: Final = 24
# The longest sessions known are a tenth of it.
MAX_SESSION_BYTES: Final = 256 << 20
# A folder that changed within so long before it was listed may change again within the same
# tick of its clock: FAT's is two seconds.
_TICK_NS: Final = 2_000_000_000


__all__ = [
    "FileClosed",
    "FileGone",
    "FolderGone",
    "Found",
    "Survey",
    "Tree",
    "hash_content",
    "is_unchanged",
    "kind_of",
    "read_session_file",
    "survey",
]


class FolderGone(Unavailable):
    """The project folder itself is not there, or closed to us: a disk that was unplugged."""


class FileGone(BadInput):
    """A file went away between being listed and being read."""


class FileClosed(BadInput):
    """A file that may not be opened, so that nothing is known of its content."""


@dataclass(frozen=True, slots=True)
class Found:
    """One file of a project, by its path within the folder with forward slashes."""

    path: str
    kind: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Survey:
    """What one walk through a project found, and where it could not look."""

    found: tuple[Found, ...]
    # Folders that cannot be listed: what was known to lie there is not gone.
    closed: tuple[str, ...] = ()
    # Files whose names are no text, so that neither the log nor a person can name them.
    unnamed: tuple[str, ...] = ()

    def hides(self, path: str) -> bool:
        """Say whether a path lies where this survey could not look."""
        return any(path.startswith(folder + "/") for folder in self.closed)


def survey(folder: Path) -> Survey:
    """List a project's session and audio files, oldest change first."""
    return Tree(folder).walk()


def read_session_file(path: Path) -> bytes:
    """Read a session file whole, within bounds."""
    with _opening(path), open_plain(path) as file:
        data = file.read(MAX_SESSION_BYTES + 1)
    if len(data) > MAX_SESSION_BYTES:
        raise BadInput(f"{path.name!r} is larger than {MAX_SESSION_BYTES >> 20} MiB")
    return data


def hash_content(path: Path) -> bytes:
    """Hash a file's bytes with SHA-256, in constant memory."""
    with _opening(path):
        try:
            return hash_plain(path, deadline_s=DEADLINE_S)
        except BadInput as error:
            # Too large, full of holes, or no file any more: it has no digest to be known by.
            raise FileClosed(str(error)) from error


def is_unchanged(folder: Path, found: Found) -> bool:
    """Say whether a file is still as the survey found it."""
    try:
        state = (folder / found.path).stat(follow_symlinks=False)
    except OSError:
        return False
    return (state.st_size, time_of(state)) == (found.size, found.mtime_ns)


def time_of(state: os.stat_result) -> int:
    """Give when a file was changed, in ns: within the years that a date can name (1970 to 9999)."""
    return min(max(state.st_mtime_ns, 0), _LAST_NS)


@contextmanager
def _opening(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise FileGone(f"{path.name!r} went away") from error
    except OSError as error:
        raise FileClosed(f"{path.name!r} cannot be read: {error.strerror}") from error


def _is_text(path: str) -> bool:
    # Names that are not UTF-8 reach Python as lone surrogates (PEP 383).
    return not any("\ud800" <= c <= "\udfff" for c in path)


@dataclass(frozen=True, slots=True)
class _Listing:
    """One folder as it was listed: what lies in it that is looked at, and how much in all."""

    # Its own time; 0 where it was so fresh that the next change could have the same.
    mtime_ns: int
    found: tuple[Found, ...] = ()
    folders: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()
    files: int = 0
    is_closed: bool = False


class Tree:
    """A project's folders as they were last listed; what changed is listed anew, and no more.

    A path within it is relative, with forward slashes; the project itself is the empty path.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = os.fspath(folder)
        self._listed: dict[str, _Listing] = {}

    def walk(self) -> Survey:
        """List every folder anew."""
        self._listed = {}
        self._enter([""])
        return self._survey()

    def look_at(self, folders: Iterable[str]) -> Survey:
        """List these folders anew, with those that are new in them."""
        known = set()
        for folder in folders:
            path = folder
            # A folder that is not known yet is new in one above it.
            while path and path not in self._listed:
                path = path.rpartition("/")[0]
            known.add(path)
        self._enter(sorted(known))
        return self._survey()

    def changed_folders(self) -> set[str]:
        """Name the folders that look changed, by their own time and that of their sessions."""
        return {
            path for path, listing in self._listed.items() if self._looks_changed(path, listing)
        }

    def within(self, path: str) -> str | None:
        """Name a path of the file system within the project; None if it lies elsewhere."""
        if path == self._folder:
            return ""
        prefix = self._folder + os.sep
        return path.removeprefix(prefix).replace(os.sep, "/") if path.startswith(prefix) else None

    def _looks_changed(self, path: str, listing: _Listing) -> bool:
        try:
            if os.stat(self._place(path)).st_mtime_ns != listing.mtime_ns:
                return True
            for found in listing.found:
                if found.kind == "session":
                    state = os.stat(self._place(found.path), follow_symlinks=False)
                    if (state.st_size, time_of(state)) != (found.size, found.mtime_ns):
                        return True
        except OSError:
            return True
        return listing.is_closed

    def _place(self, path: str) -> str:
        return os.path.join(self._folder, *path.split("/")) if path else self._folder

    def _enter(self, waiting: list[str]) -> None:
        count = sum(listing.files for listing in self._listed.values())
        while waiting:
            path = waiting.pop()
            known = self._listed.pop(path, None)
            listing = self._list(path)
            if listing is None:
                self._drop(path, known)
                continue
            self._listed[path] = listing
            count += listing.files - (known.files if known is not None else 0)
            if count > MAX_FILES:
                raise BadInput(
                    f"{self._folder} holds more than {MAX_FILES} files",
                    hint="watch the folder of one song, not of a disk",
                )
            for gone in set(known.folders if known is not None else ()) - set(listing.folders):
                self._drop(gone, self._listed.pop(gone, None))
            waiting += [inner for inner in listing.folders if inner not in self._listed]

    def _drop(self, path: str, known: _Listing | None) -> None:
        """Forget a folder that went away, and all below it."""
        for inner in known.folders if known is not None else ():
            self._drop(inner, self._listed.pop(inner, None))

    def _list(self, path: str) -> _Listing | None:
        place = self._place(path)
        try:
            # The project itself may be reached by a link; what lies in it may not.
            state = os.stat(place, follow_symlinks=not path)
            if not stat.S_ISDIR(state.st_mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            entries = list(os.scandir(place))
        except OSError as error:
            if not path:
                raise FolderGone(
                    f"{self._folder} cannot be read: {error.strerror}",
                    hint="plug its disk in, or tell where it is now:"
                    " `stemproof work move WORK DIR`",
                ) from error
            is_gone = isinstance(error, FileNotFoundError | NotADirectoryError)
            return None if is_gone else _Listing(0, is_closed=True)
        is_fresh = time.time_ns() - state.st_mtime_ns < _TICK_NS
        return _list_entries(path, entries, 0 if is_fresh else state.st_mtime_ns)

    def _survey(self) -> Survey:
        listings = self._listed.values()
        found = [one for listing in listings for one in listing.found]
        found.sort(key=lambda item: (item.mtime_ns, item.path))
        closed = sorted(path for path, listing in self._listed.items() if listing.is_closed)
        unnamed = sorted(name for listing in listings for name in listing.unnamed)
        return Survey(tuple(found), tuple(closed), tuple(unnamed))


def _is_score(entry: os.DirEntry[str]) -> bool:
    """Tell MusicXML by its beginning; what cannot be opened is none of ours."""
    if not entry.is_file(follow_symlinks=False):
        return False
    try:
        with open_plain(Path(entry.path)) as file:
            return is_score(file.read(HEAD_BYTES))
    except (OSError, BadInput):
        return False


def _list_entries(path: str, entries: list[os.DirEntry[str]], mtime_ns: int) -> _Listing:
    parents = tuple(path.split("/")) if path else ()
    prefix = f"{path}/" if path else ""
    found, folders, unnamed, files = [], [], [], 0
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                if len(parents) < MAX_DEPTH and is_entered(parents, entry.name):
                    folders.append(prefix + entry.name)
                continue
            files += 1
            kind = kind_in(parents, entry.name)
            if kind is None and may_be_score(entry.name) and _is_score(entry):
                kind = "session"
            if kind is None or not entry.is_file(follow_symlinks=False):
                continue
            state = entry.stat(follow_symlinks=False)
        except OSError:
            # It went away while we looked; the next look will tell.
            continue
        name = prefix + entry.name
        if _is_text(name):
            found.append(Found(name, kind, state.st_size, time_of(state)))
        else:
            unnamed.append(os.fsencode(name).decode("utf-8", "replace"))
    return _Listing(mtime_ns, tuple(found), tuple(folders), tuple(unnamed), files)
