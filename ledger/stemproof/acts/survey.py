"""What lies in a project folder: session files and audio, and which of them changed.

Links are not followed and hidden folders not entered, so a project cannot make us read
what it does not hold. Back-ups that programs write beside a session are not sessions.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stemproof.audio.ffmpeg import DEADLINE_S
from stemproof.audio.plain import hash_plain, open_plain
from stemproof.capture.sessions.registry import is_session_name
from stemproof.errors import BadInput, Unavailable

AUDIO_EXTENSIONS: Final = (
    ".wav .wave .rf64 .bwf .flac .aif .aiff .aifc .mp3 .m4a .aac .ogg .oga .opus .wv .caf".split()
)
# A tree beyond this is a disk, not a song; the user is told.
MAX_FILES: Final = 200_000
MAX_DEPTH: Final = 24
# The longest sessions known are a tenth of it.
MAX_SESSION_BYTES: Final = 256 << 20
_BACKUP: Final = re.compile(r"(?i)(\.bak\b|-bak\b|\.backup\b|autosave|recover\.|~$|\.tmp$|\.part$)")
_BACKUP_FOLDERS: Final = frozenset({"backup", "backups", "autosave"})


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
    found, unnamed = [], []
    walk = _Walk(folder)
    for count, (entry, stat) in enumerate(walk.files(), 1):
        if count > MAX_FILES:
            raise BadInput(
                f"{folder} holds more than {MAX_FILES} files",
                hint="watch the folder of one song, not of a disk",
            )
        kind = kind_of(entry.name)
        if kind is None:
            continue
        path = walk.name_of(entry)
        if _is_text(path):
            found.append(Found(path, kind, stat.st_size, stat.st_mtime_ns))
        else:
            unnamed.append(os.fsencode(path).decode("utf-8", "replace"))
    found.sort(key=lambda item: (item.mtime_ns, item.path))
    return Survey(tuple(found), tuple(walk.closed), tuple(unnamed))


def kind_of(name: str) -> str | None:
    """Say whether a file name is that of a session or of audio; None for anything else."""
    if name.startswith(".") or _BACKUP.search(name):
        return None
    if is_session_name(name):
        return "session"
    if os.path.splitext(name)[1].lower() in AUDIO_EXTENSIONS:
        return "audio"
    return None


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
        stat = (folder / found.path).stat(follow_symlinks=False)
    except OSError:
        return False
    return (stat.st_size, stat.st_mtime_ns) == (found.size, found.mtime_ns)


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


class _Walk:
    """One walk through a folder tree, which remembers where it could not go."""

    def __init__(self, folder: Path) -> None:
        self.closed: list[str] = []
        self._folder = os.fspath(folder)

    def files(self) -> Iterator[tuple[os.DirEntry[str], os.stat_result]]:
        """Give every file with its state, folder by folder."""
        try:
            entries = os.scandir(self._folder)
        except OSError as error:
            raise FolderGone(
                f"{self._folder} cannot be read: {error.strerror}",
                hint="plug its disk in, or tell where it is now: `stemproof work move WORK DIR`",
            ) from error
        yield from self._below(entries, 0)

    def name_of(self, entry: os.DirEntry[str]) -> str:
        """Name a file or folder by its path within the project, with forward slashes."""
        return os.path.relpath(entry.path, self._folder).replace(os.sep, "/")

    def _below(
        self, entries: Iterator[os.DirEntry[str]], depth: int
    ) -> Iterator[tuple[os.DirEntry[str], os.stat_result]]:
        for entry in entries:
            try:
                if entry.is_symlink():
                    continue
                if entry.is_dir():
                    if depth < MAX_DEPTH and not _is_passed_by(entry.name):
                        yield from self._enter(entry, depth + 1)
                elif entry.is_file():
                    yield entry, entry.stat(follow_symlinks=False)
            except OSError:
                # It went away while we looked; the next look will tell.
                continue

    def _enter(
        self, folder: os.DirEntry[str], depth: int
    ) -> Iterator[tuple[os.DirEntry[str], os.stat_result]]:
        try:
            entries = os.scandir(folder.path)
        except FileNotFoundError:
            return
        except OSError:
            self.closed.append(self.name_of(folder))
            return
        yield from self._below(entries, depth)


def _is_passed_by(folder_name: str) -> bool:
    return folder_name.startswith(".") or folder_name.lower() in _BACKUP_FOLDERS
