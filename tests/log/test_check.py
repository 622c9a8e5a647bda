"""Whatever is altered behind the ledger's back, the check finds it and says where."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from sqlite3 import Connection

import pytest
from tests.log.ledgers import (
    KEYS,
    ORIGIN,
    SONG,
    WORKS,
    behind_its_back,
    check,
    check_file,
    draft,
    drafts,
    new_log,
    seal_now,
)

from stemproof.errors import BadInput
from stemproof.log.check import MAX_LISTED, check_log
from stemproof.log.store import open_log
from stemproof.seal import ed25519
from stemproof.seal.checkpoint import Checkpoint, sign_checkpoint
from stemproof.seal.merkle import Digest

EVENTS = 96


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of three works and three checkpoints, with events after the last."""
    folder = tmp_path_factory.mktemp("made")
    with new_log(folder) as log:
        for number in range(3):
            for work in WORKS[: 1 + number]:
                log.append(work, [*drafts(14), draft("recorded", audio=bytes(32))])
            seal_now(log)
        log.append(SONG, drafts(5))
        assert log.size == EVENTS
        findings = check(log)
    assert (findings.events, findings.works, findings.checkpoints) == (EVENTS, 3, 3)
    assert (findings.openings, findings.erased, findings.wrong) == (EVENTS + 6, 0, [])
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "copy"))


def flip(table: str, column: str, where: str) -> Callable[[Connection], None]:
    """Change the last byte of one value."""

    def alter(database: Connection) -> None:
        (value,) = database.execute(f"SELECT {column} FROM {table} WHERE {where}").fetchone()  # noqa: S608 - as below
        changed = value[:-1] + bytes([value[-1] ^ 1])
        database.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", [changed])  # noqa: S608 - names from the cases below

    return alter


def run(*statements: str) -> Callable[[Connection], None]:
    def alter(database: Connection) -> None:
        database.execute("PRAGMA foreign_keys = OFF")
        for statement in statements:
            database.execute(statement)

    return alter


def other_header(database: Connection) -> None:
    """Change one member and keep the header well-formed."""
    (header,) = database.execute("SELECT header FROM event WHERE id = 40").fetchone()
    changed = header.replace(b'"stage":"mixing"', b'"stage":"release"')
    assert changed != header
    database.execute("UPDATE event SET header = ? WHERE id = 40", [changed])


def last_header(database: Connection) -> None:
    """Change the very last event: no `prev` and no sealed head speaks of it, only its body."""
    (header,) = database.execute(f"SELECT header FROM event WHERE id = {EVENTS}").fetchone()  # noqa: S608 - a number
    commit = header.index(b'"body":"') + 8
    changed = (
        header[:commit] + hashlib.sha256(b"other").hexdigest().encode() + header[commit + 64 :]
    )
    database.execute("UPDATE event SET header = ? WHERE id = ?", [changed, EVENTS])


def own_note(database: Connection) -> None:
    """Sign the checkpoint with another key."""
    size, root = database.execute("SELECT size, root FROM checkpoint ORDER BY size").fetchone()
    note = sign_checkpoint(Checkpoint(ORIGIN, size, Digest(root)), bytes(32))
    database.execute("UPDATE checkpoint SET note = ? WHERE size = ?", [note, size])


def notes_swapped(database: Connection) -> None:
    notes = database.execute("SELECT size, note FROM checkpoint ORDER BY size").fetchall()
    for (size, _), (_, note) in zip(notes, reversed(notes), strict=True):
        database.execute("UPDATE checkpoint SET note = ? WHERE size = ?", [note, size])


SWAPPED_HEADERS = (
    "CREATE TEMP TABLE kept AS SELECT id, header FROM event WHERE id IN (40, 41)",
    "UPDATE event SET header = (SELECT header FROM kept WHERE id = 81 - event.id)"
    " WHERE id IN (40, 41)",
)
SWAPPED_PLACES = (
    "UPDATE event SET work_seq = 1000 WHERE tree = 2 AND work_seq = 5",
    "UPDATE event SET work_seq = 5 WHERE tree = 2 AND work_seq = 6",
    "UPDATE event SET work_seq = 6 WHERE tree = 2 AND work_seq = 1000",
)
SWAPPED_ORDER = (
    "UPDATE event SET log_seq = 1000 WHERE id = 10",
    "UPDATE event SET log_seq = 9 WHERE id = 11",
    "UPDATE event SET log_seq = 10 WHERE id = 10",
)
WITHOUT_THIRD_CHECKPOINT = ("DELETE FROM checkpoint WHERE size = 91",)

ALTERATIONS: dict[str, tuple[Callable[[Connection], None], str]] = {
    "header byte": (flip("event", "header", "id = 40"), "event .* of work .* canonical JSON"),
    "header member": (other_header, "does not follow the event before it"),
    "last header": (last_header, "does not open its commitment"),
    "header emptied": (run("UPDATE event SET header = x'7b7d' WHERE id = 40"), "header members"),
    "row missing": (run("DELETE FROM event WHERE id = 40"), "is missing"),
    "last row missing": (run("DELETE FROM event WHERE id = 96"), "belong to no event"),
    "sealed rows missing": (
        run("DELETE FROM event WHERE tree = 4 AND work_seq > 3"),
        "of size 15 is beyond its events",
    ),
    "headers swapped": (run(*SWAPPED_HEADERS), "does not follow the event before it"),
    "places swapped": (run(*SWAPPED_PLACES), "does not follow the event before it"),
    "order swapped": (run(*SWAPPED_ORDER), "in another order than written"),
    "number skipped": (run("UPDATE event SET log_seq = 1000 WHERE id = 96"), "without gaps"),
    "event of no tree": (run("UPDATE event SET tree = 99 WHERE id = 96"), "belong to no tree"),
    "opening value": (flip("opening", "value", "event = 40"), "does not open its commitment"),
    "opening salt": (flip("opening", "salt", "event = 40"), "does not open its commitment"),
    "opening of another field": (
        run("UPDATE opening SET field = 'lyrics' WHERE event = 40 AND field = 'body'"),
        "opening for 'lyrics', which its header does not commit to",
    ),
    "opening of no event": (
        run("INSERT INTO opening VALUES (999, 'body', zeroblob(16), x'00')"),
        "1 rows of opening belong to no event",
    ),
    "node": (flip("node", "hash", "tree = 2 AND level = 5"), r"node \(5, 0\) of work .* is wrong"),
    "node missing": (run("DELETE FROM node WHERE level = 4 AND tree = 2"), "is wrong"),
    "node too many": (
        run("INSERT INTO node VALUES (2, 4, 77, zeroblob(32))"),
        "has 11 stored nodes, not as many",
    ),
    "node of no tree": (
        run("INSERT INTO node VALUES (99, 4, 0, zeroblob(32))"),
        "1 rows of node belong to no tree",
    ),
    "head root": (flip("head", "root", "tree = 2 AND checkpoint = 16"), "has another root"),
    "head size": (run("UPDATE head SET size = 14 WHERE tree = 2 AND checkpoint = 16"), "root"),
    "head missing": (
        run("DELETE FROM head WHERE tree = 3 AND checkpoint = 46"),
        "checkpoint 46 .* another map root",
    ),
    "head of no checkpoint": (
        run("INSERT INTO head SELECT 2, 93, 47, root FROM head WHERE tree = 2 LIMIT 1"),
        "heads of a checkpoint 93 that is missing",
    ),
    "checkpoint root": (flip("checkpoint", "root", "size = 46"), "checkpoint 46 .* map root"),
    "checkpoint note": (flip("checkpoint", "note", "size = 46"), "checkpoint 46 of log"),
    "checkpoint by another key": (own_note, "checkpoint 16 of log"),
    "checkpoint notes swapped": (notes_swapped, "the signed note states another checkpoint"),
    "checkpoint missing": (run(*WITHOUT_THIRD_CHECKPOINT), "a checkpoint 91 that is missing"),
    "checkpoint renumbered": (
        run("UPDATE checkpoint SET size = 92 WHERE size = 91"),
        "checkpoint 92 .* do not grow",
    ),
    "map record": (
        flip("map_record", "value", "checkpoint = 46 AND depth = 0"),
        "checkpoint 46 .* the map that is stored for it is another",
    ),
    "map record missing": (
        run("DELETE FROM map_record WHERE checkpoint = 91 AND depth > 0"),
        "checkpoint 91 .* the map that is stored for it is another",
    ),
    "map record too many": (
        run("INSERT INTO map_record VALUES (1, 200, x'00', 16, zeroblob(32))"),
        "checkpoint 16 .* the map that is stored for it is another",
    ),
    "origin": (run("UPDATE log SET origin = 'stemproof/a/b'"), "does not follow"),
    "anchor of no checkpoint": (
        run(
            "INSERT INTO anchor (log, size, root, chain, contract, publisher, prior, state, raw,"
            " tx, intent, made) VALUES (1, 50, zeroblob(32), 1, zeroblob(20), zeroblob(20),"
            " zeroblob(32), 'pending', x'', zeroblob(32), '', '')"
        ),
        "an anchor of a checkpoint 50 that is missing",
    ),
}


@pytest.mark.parametrize(("alter", "finding"), ALTERATIONS.values(), ids=ALTERATIONS)
def test_an_alteration_is_found(
    folder: Path, alter: Callable[[Connection], None], finding: str
) -> None:
    with behind_its_back(folder) as database:
        alter(database)
    wrong = check_file(folder).wrong
    assert any(re.search(finding, sentence) for sentence in wrong), wrong


def test_a_guard_that_was_taken_out_is_missed(folder: Path) -> None:
    with open_log(folder / "ledger.db") as log:
        log._db.execute("DROP TRIGGER event_is_final")
        assert check(log).wrong == ["the guard event_is_final was taken out of the database"]


def test_the_untouched_copy_is_clean(folder: Path) -> None:
    with behind_its_back(folder):
        pass
    assert check_file(folder).wrong == []


def test_the_check_needs_the_key_that_signed(folder: Path) -> None:
    with open_log(folder / "ledger.db") as log:
        without = check_log(log, {}).wrong
        other = check_log(log, {ORIGIN: ed25519.public_of(bytes(32))}).wrong
    assert len(without) == len(other) == 3
    assert "no binding names the key" in without[0]


def test_an_erased_opening_is_counted_and_is_not_wrong(folder: Path) -> None:
    with open_log(folder / "ledger.db") as log:
        log.run("erase_opening", 40, "body")
        findings = check(log)
    assert (findings.erased, findings.wrong) == (1, [])


def test_after_a_thousand_faults_some_are_listed_and_all_are_counted(tmp_path: Path) -> None:
    with new_log(tmp_path) as log:
        log.append(SONG, drafts(300))
    with behind_its_back(tmp_path) as database:
        database.execute("UPDATE opening SET value = x'00'")
    findings = check_file(tmp_path)
    assert len(findings.wrong) == MAX_LISTED
    assert len(findings.wrong) + findings.unlisted == 301


def test_progress_is_told_while_the_events_are_read(folder: Path) -> None:
    told: list[int] = []
    with open_log(folder / "ledger.db") as log:
        check_log(log, KEYS, told.append)
    assert told[-1] == EVENTS
    assert told == sorted(told)


def test_a_damaged_page_is_found(folder: Path) -> None:
    path = folder / "ledger.db"
    with behind_its_back(folder) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = database.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'event_by_tree'"
        ).fetchone()
        (size,) = database.execute("PRAGMA page_size").fetchone()
    content = bytearray(path.read_bytes())
    content[(page - 1) * size + 8 : page * size] = b"\xff" * (size - 8)
    path.write_bytes(content)
    try:
        assert check_file(folder).wrong != []
    except BadInput as error:
        assert "damaged" in str(error)
