"""What lies in a project folder: session files and audio, and which of them changed.

Links are not followed and hidden folders not entered, so a project cannot make us read
what it does not hold. Back-ups that programs write beside a session are not sessions.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stemproof.capture.sessions.registry import is_session_name
from stemproof.errors import BadInput

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


@dataclass(frozen=True, slots=True)
class Found:
    """One file of a project, by its path within the folder with forward slashes."""

    path: str
    kind: str
    size: int
    mtime_ns: int


def survey(folder: Path) -> list[Found]:
    """List a project's session and audio files, oldest change first."""
    found = []
    for count, (entry, stat) in enumerate(_walk(folder, 0), 1):
        if count > MAX_FILES:
            raise BadInput(
                f"{folder} holds more than {MAX_FILES} files",
                hint="watch the folder of one song, not of a disk",
            )
        kind = kind_of(entry.name)
        if kind is not None:
            path = Path(entry.path).relative_to(folder).as_posix()
            found.append(Found(path, kind, stat.st_size, stat.st_mtime_ns))
    return sorted(found, key=lambda item: (item.mtime_ns, item.path))


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
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SESSION_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{path.name!r} cannot be read: {error.strerror}") from error
    if len(data) > MAX_SESSION_BYTES:
        raise BadInput(f"{path.name!r} is larger than {MAX_SESSION_BYTES >> 20} MiB")
    return data


def _walk(folder: Path, depth: int) -> Iterator[tuple[os.DirEntry[str], os.stat_result]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        if depth:
            # A folder that vanished or is closed to us is not the project's end.
            return
        raise BadInput(f"{folder} cannot be read: {error.strerror}") from error
    for entry in entries:
        try:
            if entry.is_symlink():
                continue
            if entry.is_dir():
                hidden = entry.name.startswith(".") or entry.name.lower() in _BACKUP_FOLDERS
                if depth < MAX_DEPTH and not hidden:
                    yield from _walk(Path(entry.path), depth + 1)
            elif entry.is_file():
                yield entry, entry.stat(follow_symlinks=False)
        except OSError:
            # It went away while we looked; the next look will tell.
            continue
