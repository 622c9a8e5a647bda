"""A band: which saves were made elsewhere and only arrived here, and one work in several logs.

A save is somebody else's, or at least not made under this watch, where an honest sign says so:

- its name is one that a sync client gives to a conflict;
- the file is older than the watch's last look at its folder, which did not find it: by more
  than five minutes, or by ten seconds where a sync client keeps the folder;
- the file is older than the watch itself, by ten seconds, or its time lies more than five minutes
  ahead: it was not written here and now;
- git has just moved the work tree (checkout, pull, merge, rebase, reset and the like), or is
  at it.

Such a save is `session.received`: actor and class unknown. In doubt it is taken for received:
a save of one's own may then count for less. What carries no sign is taken for one's own: a file
that was copied here and got the present time by that looks like one that was saved here.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stemproof.acts.begin import MAX_TITLE, Work, list_works
from stemproof.acts.facts import fact
from stemproof.acts.survey import Found
from stemproof.audio.plain import open_plain
from stemproof.errors import BadInput, Malformed
from stemproof.record.canonical import Json, canonical_bytes, parse_object

if TYPE_CHECKING:
    from stemproof.log.store import Log

SYNC: Final = "sync"
GIT: Final = "git"
BROUGHT: Final = "brought"

# A server's clock differs from ours; by more than this it is wrong.
_OLDER: Final = timedelta(minutes=5)
# File systems round times, to two seconds and less.
_BEFORE: Final = timedelta(seconds=10)
# Where a sync client writes, it writes by this computer's clock, and gives files their old time.
_OLDER_SYNCED: Final = timedelta(seconds=10)
# Before git writes down what it did, it has written the files; many files take a while.
_AROUND_GIT: Final = timedelta(seconds=2)
_LOCK_AGE: Final = timedelta(minutes=1)
_CONFLICT: Final = re.compile(
    r"(?i)\.sync-conflict-|\(.{0,60}conflicted copy.{0,40}\)|\.conflict\d"
)
_SYNC_MARKS: Final = (
    ".stfolder",
    ".stversions",
    ".dropbox",
    ".dropbox.cache",
    ".sync",
    ".owncloudsync.log",
    ".nextcloudsync.log",
)
_SYNCED_PLACES: Final = ("com~apple~clouddocs", "mobile documents", "onedrive", "google drive")
_MOVES: Final = re.compile(
    r"\t(?:checkout|pull|merge|rebase|reset|cherry-pick|revert|am|clone)\b", re.ASCII
)
_REFLOG: Final = re.compile(
    r"^[0-9a-f]{40,64} [0-9a-f]{40,64} .*> (\d{1,11}) [+-]\d{4}\t", re.ASCII
)
_TAIL_BYTES: Final = 4096
# A project lies a few folders below the one that is synced or under git.
_UPWARDS: Final = 4

_FILE_VERSION: Final = 0
_FILE_BYTES: Final = 4096
_WORK: Final = re.compile(r"[0-9a-f]{32}")


def arrival_of(
    folder: Path,
    found: Found,
    *,
    looked: datetime | None,
    moment: datetime,
    opened: datetime | None = None,
) -> str | None:
    """Say how a changed file came here from elsewhere; None if nothing says that it did.

    `looked` is when the watch looked here last and had not found the file as it is now,
    `opened` when it began: it has seen all that changed here since.
    """
    if _CONFLICT.search(found.path):
        return SYNC
    written = datetime.fromtimestamp(found.mtime_ns / 1e9, tz=UTC)
    places = _upwards(folder, found.path)
    if looked is not None:
        older = looked - written
        if older > _OLDER_SYNCED and _is_synced(places):
            return SYNC
        if older > _OLDER:
            return BROUGHT
    if opened is not None and opened - written > _BEFORE:
        return BROUGHT
    if written - moment > _OLDER:
        return BROUGHT
    return GIT if _moved_by_git(places, written, moment) else None


def format_share(work: Work) -> bytes:
    """Write the file by which others record the same work: its id and title, and no key."""
    members: dict[str, Json] = {"stemproof_work": _FILE_VERSION, "title": work.title}
    return canonical_bytes({**members, "work": work.id.hex()}) + b"\n"


def parse_share(data: bytes) -> tuple[bytes, str]:
    """Read such a file; give the work's id and title."""
    if len(data) > _FILE_BYTES or not data.endswith(b"\n"):
        raise Malformed("work file", data[:40], f"one line of at most {_FILE_BYTES} bytes")
    members = parse_object(data[:-1], what="work file", max_bytes=_FILE_BYTES)
    work, title = members.get("work"), members.get("title")
    if members.keys() != {"stemproof_work", "title", "work"}:
        raise Malformed("work file members", sorted(members), "stemproof_work, title and work")
    if members["stemproof_work"] != _FILE_VERSION or isinstance(members["stemproof_work"], bool):
        raise Malformed("work file version", members["stemproof_work"], str(_FILE_VERSION))
    if not isinstance(work, str) or not _WORK.fullmatch(work) or not int(work, 16):
        raise Malformed("work", work, "32 hex digits, not all zero")
    if not isinstance(title, str) or not 0 < len(title) <= MAX_TITLE or not title.isprintable():
        raise Malformed("title", title, f"1 to {MAX_TITLE} printable characters")
    return bytes.fromhex(work), title


def read_share(path: Path) -> bytes:
    """Read the bytes of such a file, and no more than it may have."""
    try:
        with open_plain(path) as file:
            return file.read(_FILE_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error


def join_work(log: Log, data: bytes, folder: Path, moment: datetime) -> Work:
    """Record a folder under the id of a work that others record, too."""
    work_id, title = parse_share(data)
    folder = folder.resolve()
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder")
    with log.writing():
        for work in list_works(log):
            if work.id == work_id:
                raise BadInput(
                    f"this ledger records that work already, in {work.folder}",
                    hint="if the folder is elsewhere now: `stemproof work move WORK DIR`",
                )
            if (
                folder == work.folder
                or folder in work.folder.parents
                or work.folder in folder.parents
            ):
                raise BadInput(
                    f"{folder} is, or lies in or around, the folder of {work.title!r}:"
                    f" {work.folder}",
                    hint="join in a folder that holds the song and is not recorded yet",
                )
        log.run("add_project", work_id, str(folder), title)
        log.append(work_id, [fact("work.open", moment, {"title": title, "joined": True})])
    return Work(work_id, folder, title, False, "", "")


def _upwards(folder: Path, path: str) -> list[Path]:
    """Give the folders above a file, the nearest first, and some above the project."""
    place = (folder / path).parent
    inside = len(place.relative_to(folder).parts) + 1
    return [place, *place.parents][: inside + _UPWARDS]


def _is_synced(places: list[Path]) -> bool:
    if any(part.lower().startswith(_SYNCED_PLACES) for part in places[0].parts):
        return True
    return any((place / mark).exists() for place in places for mark in _SYNC_MARKS)


def _moved_by_git(places: list[Path], written: datetime, moment: datetime) -> bool:
    """Ask the nearest repository whether git wrote the work tree when the file was written."""
    repository = next((place / ".git" for place in places if (place / ".git").is_dir()), None)
    if repository is None:
        return False
    try:
        locked = datetime.fromtimestamp((repository / "index.lock").stat().st_mtime, tz=UTC)
        # A lock that was left behind says nothing.
        if abs(moment - locked) < _LOCK_AGE:
            return True
    except OSError:
        pass
    return any(moved >= written - _AROUND_GIT for moved in _git_moves(repository))


def _git_moves(repository: Path) -> list[datetime]:
    """Read when git moved the work tree lately; the times are of its own log of HEAD."""
    try:
        with open(repository / "logs" / "HEAD", "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            lines = file.read(_TAIL_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        entry = _REFLOG.match(line)
        if entry is not None and _MOVES.search(line):
            # Eleven digits reach beyond the year 5000 and stay within what a clock can show.
            found.append(datetime.fromtimestamp(int(entry[1]), tz=UTC))
    return found
