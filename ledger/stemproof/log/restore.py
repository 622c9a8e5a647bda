"""The way back: a backup into an empty folder, whole or not at all; and checking one.

Restoring takes the age identity, which follows from the words. What comes back is the
folder without its device mark: whoever restores goes on as a new device.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from stemproof.errors import Malformed, Usage
from stemproof.keys.derive import backup_key_of
from stemproof.keys.durable import sync_folder
from stemproof.log import container
from stemproof.log.backupfile import (
    Report,
    decrypt,
    disk_errors,
    last_footer,
    open_source,
    read_backup_key,
    report_of_file,
)
from stemproof.log.container import Footer, Member, Part


def read_backup(source: Path, identity: str, into: Path) -> Report:
    """Put the last finished backup into an empty folder; all of it or nothing."""
    backup_key = backup_key_of(identity)
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise Usage(f"{into} is not an empty folder; a backup is never mixed with other files")
    into = into.absolute()
    staging = into.with_name(f".{into.name}.restoring-{os.getpid()}")
    with disk_errors(into), open_source(source) as file:
        footer = last_footer(file, source, backup_key)
        table = container.read_table(file, footer)
        members = _read_manifest(file, footer, identity)
        staging.mkdir(mode=0o700, parents=True)
        try:
            for member in members:
                parts = (table[place] for place in member.parts)
                _write_member(file, staging, member, parts, (backup_key, identity))
            _put_in_place(staging, into)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        return report_of_file(file, footer, files=len(members))


def check_backup(home: Path, target: Path) -> Report:
    """Check that every byte of the last finished backup is what was written; opens nothing."""
    backup_key = read_backup_key(home)
    with disk_errors(target), open_source(target) as file:
        footer = last_footer(file, target, backup_key)
        for part in container.read_table(file, footer):
            container.read_sealed(file, part.offset, part.length, part.digest)
        container.read_sealed(
            file, footer.manifest_offset, footer.manifest_length, footer.manifest_digest
        )
        return report_of_file(file, footer, files=0)


def find_last_backup(home: Path, target: Path) -> Report:
    """Say which backup of this ledger a file ends with; its content is not looked at."""
    backup_key = read_backup_key(home)
    with disk_errors(target), open_source(target) as file:
        footer = last_footer(file, target, backup_key)
        return report_of_file(file, footer, files=0)


def _read_manifest(file: BinaryIO, footer: Footer, identity: str) -> list[Member]:
    if footer.manifest_length > container.MAX_MANIFEST:
        raise Malformed("manifest length", footer.manifest_length, "at most 256 MiB")
    sealed = container.read_sealed(
        file, footer.manifest_offset, footer.manifest_length, footer.manifest_digest
    )
    return container.parse_manifest(decrypt(sealed, identity), footer.parts)


def _write_member(
    file: BinaryIO, folder: Path, member: Member, parts: Iterator[Part], keys: tuple[bytes, str]
) -> None:
    backup_key, identity = keys
    path = folder.joinpath(*member.path.split("/"))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    size = 0
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        for part in parts:
            sealed = container.read_sealed(file, part.offset, part.length, part.digest)
            content = decrypt(sealed, identity)
            if container.part_id(backup_key, content) != part.id:
                raise Malformed("part of the backup", member.path, "the content that its id names")
            size += out.write(content)
    if size != member.size:
        raise Malformed(f"size of {member.path} in the backup", size, str(member.size))


def _put_in_place(staging: Path, into: Path) -> None:
    if hasattr(os, "sync"):
        os.sync()
    if into.exists():
        into.rmdir()
    staging.rename(into)
    sync_folder(into.parent)
