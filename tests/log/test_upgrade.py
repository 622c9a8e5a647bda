"""A ledger of an older schema is brought to this one whole, or stays what it was."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from stemproof.errors import BadInput
from stemproof.log import sqlite as database
from stemproof.log.check import check_log
from stemproof.log.sqlite import APPLICATION_ID, SCHEMA_VERSION, create_database, open_database
from stemproof.log.store import Draft, open_log

OLD_SCHEMA = Path(__file__).with_name("schema_1.sql")
ORIGIN = f"stemproof/{'1' * 32}/{'2' * 32}"
WORK = b"\x05" * 16


def draft(number: int) -> Draft:
    return Draft(
        "2027-01-01T00:00:00.000Z",
        "note.said",
        "none",
        "unknown",
        "declared",
        "author",
        "none",
        {"body": b'{"text":"%d"}' % number},
    )


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Make a ledger as the first schema had it, with events, a project and what was seen."""
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript(
            f"BEGIN; {OLD_SCHEMA.read_text()} PRAGMA application_id={APPLICATION_ID};"
            " PRAGMA user_version=1; COMMIT; PRAGMA journal_mode=WAL;"
        )
    # Appending is the same in both, so that a log of today can fill the old tables.
    version = database.SCHEMA_VERSION
    try:
        database.SCHEMA_VERSION = 1  # type: ignore[misc]  # for the length of this block
        with open_log(path) as log:
            log.begin(ORIGIN)
            log.append(WORK, [draft(number) for number in range(20)])
            log.run("add_project", WORK, "/song", "Song")
            log.run("put_seen", WORK, "Song.mmp", "session", 3, 4, bytes(32), b"saved")
            log.put_setting("name", "value")
    finally:
        database.SCHEMA_VERSION = version  # type: ignore[misc]  # what it was
    return path


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as db:
        tables = [
            name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        ]
        return {name: db.execute(f'SELECT * FROM "{name}"').fetchall() for name in tables}  # noqa: S608 - names of its own tables


def schema(path: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as db:
        return set(db.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"))


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def test_an_older_ledger_is_upgraded_on_opening_and_keeps_every_row(old: Path) -> None:
    before = rows(old)
    open_database(old).close()
    after = rows(old)
    assert version(old) == SCHEMA_VERSION == 2
    assert {name: after[name] for name in before} == before
    assert [after[name] for name in sorted(set(after) - set(before))] == [[], []]


def test_an_upgraded_ledger_has_the_schema_of_a_new_one(old: Path, tmp_path: Path) -> None:
    open_database(old).close()
    create_database(tmp_path / "new.db")
    assert schema(old) == schema(tmp_path / "new.db")


def test_an_upgraded_ledger_is_whole_and_goes_on(old: Path) -> None:
    with open_log(old) as log:
        log.append(WORK, [draft(20)])
        findings = check_log(log, {})
    assert (findings.events, findings.wrong) == (21, [])


def test_an_upgrade_that_fails_leaves_the_old_ledger(old: Path) -> None:
    before, names = rows(old), schema(old)
    with closing(sqlite3.connect(old)) as db:
        # The second of the new tables is there already: the script stops in the middle.
        db.execute("CREATE TABLE undo_entry (x)")
        db.commit()
    with pytest.raises(BadInput, match="already exists"):
        open_database(old)
    with closing(sqlite3.connect(old)) as db:
        db.execute("DROP TABLE undo_entry")
        db.commit()
    assert (version(old), rows(old), schema(old)) == (1, before, names)


def _open(path: Path) -> None:
    open_database(path).close()


def _open_and_die(path: Path) -> None:
    """Be killed when the new tables are made, before that is durable."""

    def die(connection: sqlite3.Connection, script: str) -> None:
        for statement in script.split(";")[:1]:
            connection.execute(statement)
        os.kill(os.getpid(), signal.SIGKILL)

    database.run_script = die
    open_database(path)


def test_an_upgrade_that_is_killed_is_done_by_the_next_one(old: Path) -> None:
    before = rows(old)
    process = multiprocessing.get_context("fork").Process(target=_open_and_die, args=(old,))
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    assert (version(old), rows(old)) == (1, before)
    open_database(old).close()
    assert version(old) == 2


def test_two_processes_upgrade_it_once(old: Path) -> None:
    context = multiprocessing.get_context("fork")
    both = [context.Process(target=_open, args=(old,)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(30)
    assert [process.exitcode for process in both] == [0, 0]
    assert version(old) == 2
