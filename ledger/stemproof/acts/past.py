"""Past saves: what a program kept of a session before anybody watched, oldest first.

    Song.als            Backup/Song [2024-05-01 120000].als           Live
    Song.rpp            Song.rpp-bak, Song-2024-05-01_120000.rpp-bak   REAPER
    Song.ardour         Song.ardour.bak                               Ardour
    Song.flp            Backup/Song (overwritten at 14h05).flp         FL Studio
    Song.mmpz           Song.mmpz.bak, recover.mmp                    LMMS
    Song.ptx            Session File Backups/Song.bak.003.ptx         Pro Tools

Names tell, not formats: whatever the registry can read is found. They are read once, when
their session is first seen. Their times are those that they claim, by their names or else by
the file system, and nothing in them counts as seen live.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Final

from stemproof.acts.kinds import kind_of
from stemproof.acts.survey import FileClosed, FileGone, read_session_file
from stemproof.errors import BadInput

# Live keeps ten, a REAPER that keeps one a save may keep thousands: the newest are read.
MAX_PAST: Final = 200
# Of all together: reading more would hold the first look up for minutes.
MAX_BYTES: Final = 1 << 30
MAX_LISTED: Final = 20_000
_FOLDERS: Final = frozenset(
    {
        "backup",
        "backups",
        "autosave",
        "auto-save",
        "auto-saves",
        "auto saves",
        "auto-backups",
        "session file backups",
        "project file backups",
    }
)
# What programs add to the name of a session when they keep it.
_SUFFIX: Final = re.compile(r"(?i)([.-]bak\d*|\.backup|~)$")
# A date and a time of day, in the spellings of Live and REAPER.
_STAMP: Final = re.compile(
    r"[ _.-]*[\[(]?(?P<date>\d{4}-?\d\d-?\d\d)[ _T-]+(?P<time>\d\d[-:.h]?\d\d([-:.m]?\d\d)?)[\])]?$"
)
# The words of FL Studio.
_MARK: Final = re.compile(
    r"(?i)[ _.-]*[\[(]?(auto-?saved?|overwritten|backup|recovered)"
    r"([ _]+at)?[ _]*(\d{1,2}[h.-]\d\d([m.-]\d\d)?)?[\])]?$"
    # Pro Tools numbers them.
    r"|\.bak\.\d{1,4}$"
)
# LMMS keeps the song that was open when it crashed under this name.
_RECOVERY: Final = "recover"
# One format in several forms.
_ALIKE: Final = {".mmpz": ".mmp", ".rpp-bak": ".rpp"}


@dataclass(frozen=True, slots=True)
class Past:
    """A kept file: where it lies, when it says that it was saved, and what says so."""

    path: str
    claimed: datetime
    claimed_by: str

    @property
    def claimed_time(self) -> str:
        """The claimed time as it is recorded: of the place, without a zone."""
        return self.claimed.isoformat(timespec="seconds")


def find_past(folder: Path, path: str) -> list[Past]:
    """Find what was kept of a session, oldest first by what is claimed."""
    own = PurePosixPath(path)
    found: list[tuple[Past, int]] = []
    for entry, is_apart in _beside(folder, own):
        if not (is_apart or kind_of(entry.name) is None):
            # A session of its own, which the survey finds.
            continue
        kept = _match(own.name, entry.name, is_apart=is_apart)
        if kept is None:
            continue
        state = _state(entry)
        if state is None:
            continue
        claimed, claimed_by = kept.claimed, "name"
        if claimed is None:
            claimed, claimed_by = state[1], "file"
        name = os.path.relpath(entry.path, folder).replace(os.sep, "/")
        found.append((Past(name, claimed, claimed_by), state[0]))
    found.sort(key=lambda one: (one[0].claimed, one[0].path), reverse=True)
    newest, left = [], MAX_BYTES
    for past, size in found[:MAX_PAST]:
        left -= size
        if left < 0:
            break
        newest.append(past)
    return newest[::-1]


def read_past(folder: Path, past: Past) -> bytes | None:
    """Read a kept file within bounds; None if it is not to be had."""
    try:
        return read_session_file(folder / past.path)
    except (FileGone, FileClosed, BadInput):
        return None


@dataclass(frozen=True, slots=True)
class _Match:
    """A name that belongs to a session; the time that it claims, if it claims one."""

    claimed: datetime | None = None


def _match(session: str, name: str, *, is_apart: bool) -> _Match | None:
    """Say whether a name is that of a kept save of a session, and which time it claims."""
    stem, kind = _parts(session)
    bare = _SUFFIX.sub("", name)
    if bare == name and name.lower().endswith("-bak"):
        bare = name[: -len("-bak")]
    found, found_kind = _parts(bare)
    if found_kind != kind:
        return None
    if found.lower() == stem.lower():
        return _Match() if is_apart or bare != name else None
    if stamp := _STAMP.search(found):
        if found[: stamp.start()].lower() == stem.lower() and (is_apart or bare != name):
            return _stamped(stamp)
        return None
    mark = _MARK.search(found)
    if mark and found[: mark.start()].lower() == stem.lower():
        return _Match()
    is_recovered = found.lower() == _RECOVERY and kind == ".mmp"
    return _Match() if is_recovered else None


def _parts(name: str) -> tuple[str, str]:
    stem, extension = os.path.splitext(name)
    return stem, _ALIKE.get(extension.lower(), extension.lower())


def _stamped(stamp: re.Match[str]) -> _Match:
    digits = re.sub(r"\D", "", stamp["date"] + stamp["time"]).ljust(14, "0")
    try:
        return _Match(datetime.strptime(digits, "%Y%m%d%H%M%S"))
    except ValueError:
        # Digits, but no date.
        return _Match()


def _state(entry: os.DirEntry[str]) -> tuple[int, datetime] | None:
    """Give a file's size, and its time by the place's clock."""
    try:
        state = entry.stat(follow_symlinks=False)
        return state.st_size, datetime.fromtimestamp(state.st_mtime_ns // 10**9)
    except (OSError, OverflowError, ValueError):
        return None


def _beside(folder: Path, own: PurePosixPath) -> Iterator[tuple[os.DirEntry[str], bool]]:
    """List files beside a session, and those in folders for kept saves (told by True)."""
    left = MAX_LISTED
    for entry in _list(folder / own.parent):
        left -= 1
        if left < 0:
            return
        if entry.is_file(follow_symlinks=False):
            yield entry, False
        elif entry.is_dir(follow_symlinks=False) and entry.name.lower() in _FOLDERS:
            for kept in _list(Path(entry.path)):
                left -= 1
                if left >= 0 and kept.is_file(follow_symlinks=False):
                    yield kept, True


def _list(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []
