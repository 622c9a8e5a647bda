"""What writing and reading a backup share: opening it, age, the report, one kind of error."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from stemproof.errors import BadInput, Unavailable, Usage
from stemproof.keys.durable import read_bounded
from stemproof.keys.ring import BACKUP_KEY_FILE
from stemproof.log import container
from stemproof.log.container import Footer
from stemproof.record.event import format_time


@dataclass(frozen=True, slots=True)
class Report:
    """What a backup file holds, and what this run added to it."""

    number: int
    made: str
    files: int
    parts_new: int
    parts_kept: int
    bytes_written: int
    bytes_total: int
    # Of an earlier backup that was interrupted; a writer drops them, a reader skips them.
    bytes_unfinished: int


@contextmanager
def open_source(source: Path) -> Iterator[BinaryIO]:
    """Open a backup for reading."""
    try:
        file = source.open("rb")
    except OSError as error:
        raise Unavailable(f"the backup {source} cannot be read: {error.strerror}") from error
    with file:
        yield file


def last_footer(file: BinaryIO, path: Path, backup_key: bytes) -> Footer:
    """Find the last finished backup in a file, by the key that sealed it."""
    file.seek(0)
    if file.read(len(container.MAGIC)) != container.MAGIC:
        raise BadInput(f"{path} is not a stemproof backup")
    footer = container.find_footer(file, backup_key)
    if footer is None:
        raise BadInput(
            f"{path} holds no finished backup made with these keys",
            hint="other words, or a damaged file; after a rotation of keys begin a new file",
        )
    return footer


def encrypt(content: bytes, recipients: Sequence[str]) -> bytes:
    """Encrypt a part to age recipients."""
    from pyrage import RecipientError, encrypt, x25519

    try:
        return bytes(encrypt(content, [x25519.Recipient.from_str(text) for text in recipients]))
    except RecipientError as error:
        raise Usage("a recipient of the backup is not an age recipient, want age1...") from error


def decrypt(sealed: bytes, identity: str) -> bytes:
    """Decrypt a part by an age identity."""
    from pyrage import DecryptError, decrypt, x25519

    try:
        return bytes(decrypt(sealed, [x25519.Identity.from_str(identity)]))
    except DecryptError as error:
        raise BadInput("a part of the backup is not encrypted to these keys") from error


def read_backup_key(home: Path) -> bytes:
    """Read the key that authenticates this ledger's backups."""
    text = read_bounded(home / BACKUP_KEY_FILE, max_bytes=64)
    try:
        key = bytes.fromhex((text or b"").decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != 32:
        raise BadInput(
            f"{home / BACKUP_KEY_FILE} is missing or damaged",
            hint="unlock the keys once: `stemproof key backup` writes it anew",
        )
    return key


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn the system's errors at this door into one sentence of ours."""
    try:
        yield
    except OSError as error:
        where = error.filename or path
        raise Unavailable(
            f"the backup stopped at {where}: {error.strerror}",
            hint="backups finished before are as they were",
        ) from error


def report_of_file(file: BinaryIO, footer: Footer, *, files: int) -> Report:
    """Say what a finished backup holds."""
    return Report(
        number=footer.number,
        made=made(footer),
        files=files,
        parts_new=0,
        parts_kept=footer.parts,
        bytes_written=0,
        bytes_total=footer.end,
        bytes_unfinished=file.seek(0, os.SEEK_END) - footer.end,
    )


def made(footer: Footer) -> str:
    """Write the time of a backup."""
    return format_time(datetime.fromtimestamp(footer.made_ms / 1000, UTC))
