"""The log on disk: durable events a second, one durable event, a proof, memory.

Ledgers are made in `.cache/`, on the disk that holds the repository: memory is not durable.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from contextlib import closing
from io import FileIO
from pathlib import Path

from benchmarks.figures import Row, peak_mib, seconds, workshop
from stemproof.log.sqlite import create_database, open_database
from stemproof.log.store import Draft, Log, create_log, open_log
from stemproof.record.canonical import canonical_bytes
from stemproof.seal.merkle import check_inclusion
from stemproof.seal.tree import prove_inclusion

WORK = bytes(15) + b"\x01"
BATCH = 1000
"""Events in one transaction: a save of a big session brings as many."""
APPENDED = 50_000
FEW = 100_000
"""Enough to fill SQLite's page cache, which is bounded: from there on memory stays."""


def draft(number: int) -> Draft:
    """One decision, as a watched save gives it."""
    return Draft(
        time="2026-02-03T04:05:06.789Z",
        action="param.set",
        stage="mixing",
        class_="human_with_tool",
        observed="tool",
        actor="author",
        tool="daw",
        values={
            "body": canonical_bytes({"device": "Compressor", "from": number, "to": number + 1})
        },
        session="",
    )


def fill(path: Path, count: int) -> None:
    """Make a ledger and append to it, a thousand events a transaction."""
    with create_log(path) as log:
        log.begin(f"stemproof/{WORK.hex()}/{WORK.hex()}")
        for begin in range(0, count, BATCH):
            log.append(WORK, map(draft, range(begin, begin + BATCH)))


def fill_bare(path: Path, count: int) -> None:
    """Insert as many bytes into the same tables with the same care, and do nothing else."""
    header, salt, body = os.urandom(430), os.urandom(16), os.urandom(45)
    create_database(path)
    with closing(open_database(path)) as database:
        database.execute("INSERT INTO log VALUES (1, 'log')")
        database.execute("INSERT INTO tree VALUES (1, 1, zeroblob(16))")
        for begin in range(0, count, BATCH):
            numbers = range(begin, begin + BATCH)
            database.execute("BEGIN IMMEDIATE")
            database.executemany(
                "INSERT INTO event VALUES (?, 1, ?, ?, ?)", [(n, n, n, header) for n in numbers]
            )
            database.executemany(
                "INSERT INTO opening VALUES (?, 'body', ?, ?)", [(n, salt, body) for n in numbers]
            )
            database.execute("COMMIT")


def measure(quick: bool) -> Iterator[Row]:
    """Append many at once and one at a time, prove, and watch the memory."""
    count = 120_000 if quick else 1_000_000
    with workshop() as folder:
        yield from _measure_batches(folder, 1 if quick else 3)
        yield from _measure_one(folder / "batched-0.db", folder / "bare")
        yield _measure_memory(folder, count)
        with open_log(folder / f"{count}.db") as log:
            yield _measure_proof(log, count)


def _measure_batches(folder: Path, turns: int) -> Iterator[Row]:
    """Take the best of them, as a busy machine slows any one."""
    ours, bare = [], []
    for turn in range(turns):
        ours.append(seconds(lambda path=folder / f"batched-{turn}.db": fill(path, APPENDED)))  # type: ignore[misc]  # bound now
        bare.append(seconds(lambda path=folder / f"bare-{turn}.db": fill_bare(path, APPENDED)))  # type: ignore[misc]  # bound now
    name = f"log: durable events, {BATCH:,} a batch"
    rate = APPENDED / min(ours)
    yield Row(name, rate, "/s", 20_000, "limit", ">= 1")
    yield Row(name, rate, "/s", APPENDED / min(bare), "bare SQLite inserts")


def _measure_one(path: Path, bare: Path) -> Iterator[Row]:
    """Time one event at a time, beside one bare write and fsync of as many bytes."""
    ours, peer = [], []
    with open_log(path) as log, bare.open("wb", buffering=0) as file:
        log.append(WORK, [draft(0)])  # reads the frontier, once
        for _ in range(200):
            ours.append(seconds(lambda: log.append(WORK, [draft(0)])) * 1000)
            peer.append(seconds(lambda: _write_through(file)) * 1000)
    median = statistics.median(ours)
    yield Row("log: one durable event, median", median, "ms", 10, "limit", "<= 1")
    yield Row(
        "log: one durable event, median", median, "ms", statistics.median(peer), "write, fsync"
    )


def _write_through(file: FileIO) -> None:
    file.write(bytes(800))
    os.fsync(file.fileno())


def _measure_memory(folder: Path, count: int) -> Row:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from benchmarks.log import fill\n"
        "fill(Path(sys.argv[1]), int(sys.argv[2]))\n"
    )
    few, many = (peak_mib(program, str(folder / f"{size}.db"), str(size)) for size in (FEW, count))
    # Flat: the peak does not follow the number of events.
    return Row(
        f"log: memory, appending {count:,}", many, "MiB", few, f"appending {FEW:,}", "<= 1.2"
    )


def _measure_proof(log: Log, count: int) -> Row:
    tree = log.tree_of(log.number, WORK)
    if tree is None:
        raise LookupError("the ledger that was just filled has no tree")
    read = log.node_reader(tree)
    root = log.tree_root(tree, count)
    chosen = [n * 7919 % count for n in range(1000)]
    proofs = {}

    def prove_all() -> None:
        for index in chosen:
            proofs[index] = prove_inclusion(index, count, read)

    each_ms = seconds(prove_all)  # a thousand of them: seconds in all are milliseconds each
    for index in chosen:
        check_inclusion(read(0, index), index, count, proofs[index], root)
    return Row(f"log: inclusion proof out of {count:,}", each_ms, "ms", 1, "limit", "<= 1")
