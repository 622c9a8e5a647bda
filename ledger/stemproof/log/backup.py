"""Backup of a ledger folder into one file, and the way back.

The words restore the keys, the backup restores the history. Every backup adds what is new
to the same file; whoever reads it sees the last one that was finished, however the next
one ended. Everything is encrypted to the artist's age key, which follows from the words;
making a backup needs no unlocking. A database that is in use is copied by SQLite itself.

What was erased from the ledger stays in backups made before: begin a new file after
erasing. Parts that no longer belong to a file stay too, until a new file is begun.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final

from stemproof.errors import BadInput, Malformed, StemproofError, Usage
from stemproof.keys.durable import sync_folder
from stemproof.keys.ring import BACKUP_KEY_FILE
from stemproof.log import container
from stemproof.log.backupfile import (
    Report,
    disk_errors,
    encrypt,
    last_footer,
    made,
    read_backup_key,
)
from stemproof.log.container import Footer, Member, Part
from stemproof.log.lockfile import hold_lock
from stemproof.log.sqlite import converted

# The device mark is of the place; the backup key and the tools can be had again.
NOT_KEPT: Final = frozenset({"device.json", BACKUP_KEY_FILE, "tools"})
# A database changes by pages all over; smaller parts repeat less of it.
DATABASE_PART: Final = 64 * 1024
_SQLITE_HEADER = b"SQLite format 3\x00"
_SIDE_FILES = ("-wal", "-shm", "-journal")
_SNAPSHOT = ".backup-snapshot"
_LOCK = ".backup-lock"


@dataclass(slots=True)
class _Batch:
    """One backup being appended."""

    file: BinaryIO
    backup_key: bytes
    recipients: Sequence[str]
    known: dict[bytes, Part]
    number: int = 1
    live: dict[bytes, Part] = field(default_factory=dict)
    new: int = 0
    written: int = 0

    def add(self, content: bytes) -> bytes:
        """Append a part unless the file has it; yield its id."""
        identifier = container.part_id(self.backup_key, content)
        if identifier not in self.live:
            known = self.known.get(identifier)
            self.live[identifier] = known or self._append_part(identifier, content)
        return identifier

    def append_sealed(self, content: bytes) -> tuple[int, bytes]:
        """Encrypt and append; yield the offset and the encrypted bytes."""
        sealed = encrypt(content, self.recipients)
        return self.append(sealed), sealed

    def append(self, data: bytes) -> int:
        """Append bytes; yield their offset."""
        offset = self.file.tell()
        left = memoryview(data)
        # Unbuffered, so that a full disk shows here; such a write may stop short of the end.
        while left:
            left = left[self.file.write(left) :]
        self.written += len(data)
        return offset

    def _append_part(self, identifier: bytes, content: bytes) -> Part:
        offset, sealed = self.append_sealed(content)
        self.new += 1
        return Part(identifier, sha256(sealed).digest(), offset, len(sealed))


def write_backup(
    home: Path,
    target: Path,
    *,
    recipients: Sequence[str],
    now: datetime,
    skip: Collection[str] = (),
) -> Report:
    """Add the present state of a ledger folder to a backup file, or begin one.

    `skip` names top-level entries of the folder that can be had again and are left out.
    """
    backup_key = read_backup_key(home)
    if not recipients:
        raise Usage("a backup needs at least one recipient that can open it")
    if target.resolve().is_relative_to(home.resolve()):
        raise Usage(f"{target} lies in the ledger folder that it shall save; choose another place")
    with disk_errors(target), hold_lock(home / _LOCK):
        with _open_target(target, backup_key) as (file, footer, unfinished):
            batch = _Batch(file, backup_key, recipients, known={})
            if footer is not None:
                batch.known = {part.id: part for part in container.read_table(file, footer)}
                batch.number = footer.number + 1
            start = footer.end if footer is not None else len(container.MAGIC)
            try:
                members = _append_members(batch, home, NOT_KEPT | set(skip), start)
                done = _finish(batch, members, now)
            except (OSError, StemproofError):
                # What is there so far would be skipped by a reader; why let it take up room.
                file.truncate(start)
                raise
        return _report(done, len(members), batch, unfinished)


def _append_members(
    batch: _Batch, home: Path, skip: Collection[str], start: int
) -> list[tuple[str, int, list[bytes]]]:
    """Append all files; databases first, so that what they speak of is there already."""
    batch.file.seek(start)
    snapshots = home / _SNAPSHOT
    # Left behind by a backup that was killed; the lock says that nobody uses it.
    shutil.rmtree(snapshots, ignore_errors=True)
    snapshots.mkdir(mode=0o700)
    try:
        paths = list(_list_files(home, skip))
        databases = {path for path in paths if _is_database(home / path)}
        beside = {path + suffix for path in databases for suffix in _SIDE_FILES}
        plain = [path for path in paths if path not in databases and path not in beside]
        _check_names([*databases, *plain])
        members = []
        for number, path in enumerate(sorted(databases)):
            _copy_database(home / path, snapshots / str(number))
            members.append((path, *_append_file(batch, snapshots / str(number), DATABASE_PART)))
            (snapshots / str(number)).unlink()
        for path in plain:
            try:
                members.append((path, *_append_file(batch, home / path, container.MAX_PART)))
            except FileNotFoundError:
                continue  # another process removed it since it was listed
        return sorted(members)
    finally:
        shutil.rmtree(snapshots, ignore_errors=True)


def _check_names(paths: list[str]) -> None:
    try:
        container.check_paths(paths)
    except Malformed as error:
        raise BadInput(f"the ledger folder cannot be saved: {error}") from error


def _append_file(batch: _Batch, path: Path, part_bytes: int) -> tuple[int, list[bytes]]:
    size, identifiers = 0, []
    with path.open("rb") as file:
        while content := file.read(part_bytes):
            size += len(content)
            identifiers.append(batch.add(content))
    return size, identifiers


def _finish(batch: _Batch, files: list[tuple[str, int, list[bytes]]], now: datetime) -> Footer:
    """Append manifest, table and footer; all else is on the disk before the footer is."""
    parts = sorted(batch.live.values(), key=lambda part: part.id)
    if len(parts) > container.MAX_PARTS:
        raise BadInput(f"the ledger folder has {len(parts)} parts, want {container.MAX_PARTS}")
    places = {part.id: place for place, part in enumerate(parts)}
    manifest = container.format_manifest(
        [Member(path, size, tuple(places[part] for part in ids)) for path, size, ids in files]
    )
    manifest_offset, sealed = batch.append_sealed(manifest)
    table = container.format_table(parts)
    batch.append(table)
    footer = Footer(
        number=batch.number,
        made_ms=round(now.astimezone(UTC).timestamp() * 1000),
        manifest_offset=manifest_offset,
        manifest_length=len(sealed),
        parts=len(parts),
        manifest_digest=sha256(sealed).digest(),
        table_digest=sha256(table).digest(),
    )
    os.fsync(batch.file.fileno())
    batch.append(container.format_footer(footer, batch.backup_key))
    os.fsync(batch.file.fileno())
    return footer


def _copy_database(source: Path, copy: Path) -> None:
    """Copy a database that others may be writing, as of one moment."""
    with (
        converted(source),
        closing(sqlite3.connect(source, timeout=15)) as live,
        closing(sqlite3.connect(copy)) as still,
    ):
        live.backup(still)


def _list_files(home: Path, skip: Collection[str]) -> Iterator[str]:
    """List regular files as paths with slashes; links and hidden entries at the top are left."""
    for folder, folders, names in os.walk(home):
        here = Path(folder)
        if here == home:
            folders[:] = [name for name in folders if name not in skip and name[0] != "."]
        folders.sort()
        for name in sorted(names):
            path = here / name
            if here == home and (name in skip or name[0] == "."):
                continue
            if path.is_file() and not path.is_symlink() and not name.endswith(".part"):
                yield path.relative_to(home).as_posix()


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_SQLITE_HEADER)) == _SQLITE_HEADER
    except FileNotFoundError:
        return False


@contextmanager
def _open_target(target: Path, backup_key: bytes) -> Iterator[tuple[BinaryIO, Footer | None, int]]:
    """Open a backup for appending at its last footer, or begin one beside and rename it."""
    if target.exists():
        with target.open("r+b", buffering=0) as file, hold_lock(file):
            footer = last_footer(file, target, backup_key)
            unfinished = file.seek(0, os.SEEK_END) - footer.end
            file.truncate(footer.end)
            yield file, footer, unfinished
        return
    beside = target.with_name(f".{target.name}.part")
    descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(descriptor, "r+b", buffering=0) as file, hold_lock(file):
        # The lock is ours: what is left of it was killed.
        file.truncate(0)
        try:
            file.write(container.MAGIC)
            yield file, None, 0
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    # Closed first: Windows renames no open file.
    os.replace(beside, target)
    sync_folder(target.parent)


def _report(footer: Footer, files: int, batch: _Batch, unfinished: int) -> Report:
    return Report(
        number=footer.number,
        made=made(footer),
        files=files,
        parts_new=batch.new,
        parts_kept=footer.parts - batch.new,
        bytes_written=batch.written,
        bytes_total=footer.end,
        bytes_unfinished=unfinished,
    )
