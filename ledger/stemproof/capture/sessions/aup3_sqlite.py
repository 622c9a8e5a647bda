"""An Audacity project is an SQLite file: the two blobs of its one row, and nothing else.

The bytes are opened in memory. An authorizer lets one kind of query through, so no view,
trigger, function or virtual table that a stranger put into the file is ever run, and a counter
of steps ends what takes too long. Audio (`sampleblocks`) is not touched.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Final

from stemproof.errors import BadInput

from .aup3_xml import MAX_DOC_BYTES

SQLITE_MAGIC: Final = b"SQLite format 3\0"
APPLICATION_ID: Final = b"AUDY"
ID_PLACE: Final = 68
# Bytes 18 and 19 of the header: 1 is a rollback journal, 2 a write-ahead log, which no
# database in memory has (SQLite file format, section 1.3.3).
_JOURNAL: Final = slice(18, 20)
_HEADER_BYTES: Final = 100
_TABLES: Final = ("project", "autosave")
# Reading one row takes some thousand steps and one for each page of a long blob.
_STEPS: Final = 10_000
_MOST_CALLS: Final = 2_000


def read_blobs(data: bytes) -> tuple[bytes, bytes]:
    """Read the names and the document of an Audacity project."""
    if not is_audacity(data):
        raise BadInput("it is not the SQLite file of an Audacity project")
    header = bytearray(data[:_HEADER_BYTES])
    header[_JOURNAL] = b"\x01\x01"
    try:
        with contextlib.closing(sqlite3.connect(":memory:")) as database:
            database.deserialize(bytes(header) + data[_HEADER_BYTES:])
            _lock(database)
            for table in _TABLES:
                row = _row(database, table)
                if row is not None:
                    return row
    except (sqlite3.Error, UnicodeDecodeError, OverflowError, MemoryError) as error:
        # SQLite quotes what it stumbles over, and that need not be text.
        raise BadInput("the SQLite file of the Audacity project is damaged") from error
    raise BadInput("the Audacity project holds no saved project")


def is_audacity(head: bytes) -> bool:
    """Tell whether a file begins as an Audacity project does."""
    place = slice(ID_PLACE, ID_PLACE + len(APPLICATION_ID))
    return head.startswith(SQLITE_MAGIC) and head[place] == APPLICATION_ID


def _lock(database: sqlite3.Connection) -> None:
    database.text_factory = bytes
    for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "query_only=ON"):
        database.execute(f"PRAGMA {pragma}")
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_DOC_BYTES + 1)
    calls = iter(range(_MOST_CALLS))
    database.set_progress_handler(lambda: next(calls, None) is None, _STEPS)
    database.set_authorizer(_allow)


def _allow(
    action: int, table: str | None, column: str | None, schema: str | None, origin: str | None
) -> int:
    # `origin` is the view or trigger that asks.
    if origin is None and action == sqlite3.SQLITE_SELECT:
        return sqlite3.SQLITE_OK
    known = (*_TABLES, "sqlite_master")
    if origin is None and action == sqlite3.SQLITE_READ and table in known:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _row(database: sqlite3.Connection, table: str) -> tuple[bytes, bytes] | None:
    found = database.execute(
        "SELECT type, sql FROM sqlite_master WHERE name = ? LIMIT 2", (table,)
    ).fetchall()
    if len(found) != 1 or found[0][0] != b"table":
        return None
    if not bytes(found[0][1] or b"").upper().startswith(b"CREATE TABLE"):
        return None
    query = {
        "project": "SELECT dict, doc FROM project LIMIT 1",
        "autosave": "SELECT dict, doc FROM autosave LIMIT 1",
    }[table]
    row = database.execute(query).fetchone()
    if row is None:
        return None
    names, doc = row
    if not isinstance(names, bytes) or not isinstance(doc, bytes):
        raise BadInput("the Audacity project's row holds something else than its two blobs")
    return names, doc
