"""Small ledgers for the tests of this room, and what they must hold by the naive definitions."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.seal import naive

from stemproof.log.check import Findings, check_log
from stemproof.log.sealing import Sealed, seal
from stemproof.log.store import OWN_WORK, Draft, Log, create_log, open_log
from stemproof.seal import ed25519
from stemproof.seal.checkpoint import Checkpoint, sign_checkpoint

SEED = bytes(range(32))
PUBLIC = ed25519.public_of(SEED)
ORIGIN = "stemproof/" + "0a" * 16 + "/" + "1b" * 16
SECOND_ORIGIN = "stemproof/" + "0a" * 16 + "/" + "2c" * 16
KEYS = {ORIGIN: PUBLIC, SECOND_ORIGIN: PUBLIC}
WORKS = [hashlib.sha256(b"work %d" % n).digest()[:16] for n in range(6)]
SONG = WORKS[0]


def draft(text: str, time: str = "2026-11-22T03:12:00.123Z", **more: bytes) -> Draft:
    """Draft a decision whose body says `text`."""
    return Draft(
        time=time,
        action="decision.param",
        stage="mixing",
        class_="human_with_tool",
        observed="tool",
        actor="author",
        tool="daw",
        values={"body": json.dumps({"text": text}, separators=(",", ":")).encode(), **more},
    )


def drafts(count: int, text: str = "change") -> list[Draft]:
    return [draft(f"{text} {number}") for number in range(count)]


def new_log(folder: Path) -> Log:
    """Make a ledger with one log, whose own tree has one event."""
    log = create_log(folder / "ledger.db")
    log.begin(ORIGIN)
    log.append(OWN_WORK, [draft("opened")])
    return log


def sign(checkpoint: Checkpoint) -> bytes:
    return sign_checkpoint(checkpoint, SEED)


def seal_now(log: Log) -> Sealed:
    return seal(log, sign)


def check(log: Log) -> Findings:
    return check_log(log, KEYS)


def check_file(folder: Path) -> Findings:
    with open_log(folder / "ledger.db") as log:
        return check(log)


def headers_of(log: Log, work: bytes, number: int | None = None) -> list[bytes]:
    tree = log.tree_of(log.number if number is None else number, work)
    return [] if tree is None else list(log.headers(tree, 0, log.tree_size(tree)))


def naive_map_root(heads: dict[bytes, list[bytes]]) -> bytes:
    """The map's root over each work's headers, by the definition."""
    return naive.map_root(
        {
            naive.bits(naive.key_of(work)): (len(headers), naive.root(headers))
            for work, headers in heads.items()
            if headers
        }
    )


@contextmanager
def behind_its_back(folder: Path) -> Iterator[sqlite3.Connection]:
    """Open the database without any guard, as a forger would."""
    with closing(sqlite3.connect(folder / "ledger.db", isolation_level=None)) as database:
        triggers = database.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"
        ).fetchall()
        for name, _ in triggers:
            database.execute(f"DROP TRIGGER {name}")
        yield database
        for _, definition in triggers:
            database.execute(definition)
