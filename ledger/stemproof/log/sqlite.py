"""The database file: opened durably, created once, its errors turned into ours.

`synchronous=FULL` in WAL mode: a commit that returned survives a crash. Newer and
damaged files are refused, never repaired. Nothing here knows what an event is.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Final

from stemproof.errors import BadInput, StemproofError, Unavailable
from stemproof.keys.durable import sync_folder

SCHEMA_VERSION: Final = 2
APPLICATION_ID: Final = 0x5354454D  # "STEM"
# Another process may hold the write lock for one long transaction.
BUSY_TIMEOUT_MS: Final = 15_000


def read_statements() -> dict[str, str]:
    """Read the named statements beside this file."""
    return parse_statements(files(__package__).joinpath("statements.sql").read_text("utf-8"))


def parse_statements(text: str) -> dict[str, str]:
    """Take a file of named statements apart."""
    statements = {}
    for part in text.split("-- name: ")[1:]:
        name, _, statement = part.partition("\n")
        statements[name.strip()] = statement.strip().removesuffix(";")
    return statements


STATEMENTS: Final = read_statements()


def schema_triggers() -> set[str]:
    """Name the triggers that a ledger's database has."""
    schema = files(__package__).joinpath("schema.sql").read_text("utf-8")
    return set(re.findall(r"^CREATE TRIGGER (\w+)", schema, re.MULTILINE))


def create_database(path: Path) -> None:
    """Make the ledger's database beside and move it into its place; refuse an old one."""
    with converted(path):
        if path.exists():
            raise BadInput(f"there is a ledger at {path.parent} already")
        beside = path.with_name(f".{path.name}.new")
        # Left behind by a program that was killed while it made it.
        beside.unlink(missing_ok=True)
        try:
            connection = sqlite3.connect(beside, isolation_level=None)
            with closing(connection):
                schema = files(__package__).joinpath("schema.sql").read_text("utf-8")
                connection.executescript(
                    f"BEGIN; {schema} PRAGMA application_id={APPLICATION_ID};"
                    f" PRAGMA user_version={SCHEMA_VERSION}; COMMIT; PRAGMA journal_mode=WAL;"
                )
            beside.chmod(0o600)
            os.replace(beside, path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def open_database(path: Path) -> sqlite3.Connection:
    """Open the ledger's database; it must be there and be of this schema."""
    if not path.exists():
        raise BadInput(
            f"there is no ledger at {path.parent}", hint="make one with `stemproof start DIR`"
        )
    with converted(path):
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None)
        try:
            _set_up(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID or version < 1:
        raise BadInput(f"{path} is not a stemproof ledger")
    if version > SCHEMA_VERSION:
        raise BadInput(
            f"the ledger at {path.parent} was written by a newer stemproof"
            f" (schema {version}, this program knows {SCHEMA_VERSION})",
            hint="upgrade stemproof; nothing was changed",
        )
    if version < SCHEMA_VERSION:
        _upgrade(connection)
    for pragma in (
        "synchronous=FULL",
        "foreign_keys=ON",
        # Without it INSERT OR REPLACE walks past the triggers.
        "recursive_triggers=ON",
        # Erased openings are overwritten, not only unlinked.
        "secure_delete=ON",
        "trusted_schema=OFF",
        "cache_size=-65536",
        # Pages that many appends touch are written back once, not every thousand pages.
        "wal_autocheckpoint=4000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _upgrade(connection: sqlite3.Connection) -> None:
    """Bring an older ledger to this schema, in one durable transaction; every row stays."""
    connection.execute("PRAGMA synchronous=FULL")
    with transaction(connection):
        # Another process may have done it meanwhile.
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        for number in range(version + 1, SCHEMA_VERSION + 1):
            script = files(__package__).joinpath(f"upgrade_{number}.sql").read_text("utf-8")
            run_script(connection, script)
            connection.execute(f"PRAGMA user_version={number}")


def run_script(connection: sqlite3.Connection, script: str) -> None:
    """Run a script's statements inside the running transaction."""
    # Not `executescript`, which ends the running transaction first.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Hold the write lock: all that happens inside is durable after it, or nothing is."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk may have ended the transaction already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def converted(path: Path) -> Iterator[None]:
    """Turn SQLite's errors at this door into one sentence of ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise our_error(error, path) from error
    except OSError as error:
        raise Unavailable(
            f"the ledger at {path.parent} cannot be used: {error.strerror or error}"
        ) from error


def our_error(error: sqlite3.Error, path: Path) -> StemproofError:
    """Say what SQLite reports in one sentence of ours."""
    # Extended codes hold the primary code in their low byte.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    is_vault = path.stem == "vault"
    where = f"the {'vault' if is_vault else 'ledger'} at {path.parent}"
    match code:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Unavailable(
                f"{where} is in use by another process that did not finish in time",
                hint="wait for it, or stop it, and try again",
            )
        case sqlite3.SQLITE_FULL:
            return Unavailable(
                f"the disk is full: {where} was not changed", hint="free some space and try again"
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return Unavailable(
                f"{where} cannot be written: no permission, or a read-only folder",
                hint="check the folder's permissions, or choose another with --home",
            )
        case sqlite3.SQLITE_IOERR:
            return Unavailable(
                f"{where} cannot be read or written: {error}",
                hint="look whether the disk is full, or was taken out, and try again",
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            whole = (
                f"move {path.name} away: the ledger is whole without it, the saves in it are lost"
            )
            return BadInput(
                f"{where} is damaged: {error}",
                hint=whole if is_vault else "restore it from a backup with `stemproof restore`",
            )
        case _:
            return BadInput(f"{where} refused a change: {error}")
