"""The log: events appended in order, one RFC 6962 tree a work, never changed.

    with open_log(path) as log:
        log.append(work, [Draft(...), ...])     # durable when it returns

Appending needs no key. Proofs read O(log n) nodes; the log is never loaded whole.
One connection, one thread; several processes take turns by SQLite's write lock.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from stemproof.errors import BadInput
from stemproof.log.draft import Draft, Entry, commit_to, header_of
from stemproof.log.sqlite import STATEMENTS, converted, create_database, open_database, our_error
from stemproof.record.commitment import Opening
from stemproof.record.event import format_header, leaf_hash
from stemproof.seal.tree import Frontier, frontier_at, root_at

__all__ = ["LOWEST_STORED", "OWN_WORK", "Draft", "Entry", "Log", "create_log", "open_log"]

OWN_WORK: Final = bytes(16)  # the log's own tree: bindings, rotations
# Nodes below this level are hashed from at most 4 headers when they are wanted: one row
# in four events instead of one in each.
LOWEST_STORED: Final = 3


@dataclass(slots=True)
class _Tree:
    """The writing end of one work's tree."""

    number: int
    frontier: Frontier
    prev: str


class Log:
    """An open ledger database. Made by `open_log` or `create_log`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._db = connection
        self._trees: dict[bytes, _Tree] = {}
        self._last_id = -1
        self._size = 0
        self.number, self.origin = self._newest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; committed events are safe with or without it."""
        with converted(self.path):
            self._db.close()

    def fetch_one(self, statement: str, *values: Any) -> Any:
        """Run a named statement and give its first row, or None."""
        # Not `converted`: proofs and checks come here hundreds of thousands of times.
        try:
            return self._db.execute(STATEMENTS[statement], values).fetchone()
        except sqlite3.Error as error:
            raise our_error(error, self.path) from error

    def fetch_all(self, statement: str, *values: Any) -> list[Any]:
        """Run a named statement and give all its rows."""
        try:
            return self._db.execute(STATEMENTS[statement], values).fetchall()
        except sqlite3.Error as error:
            raise our_error(error, self.path) from error

    def fetch_each(self, statement: str, *values: Any) -> Iterator[Any]:
        """Run a named statement and give its rows one by one, in constant memory."""
        with converted(self.path):
            yield from self._db.execute(STATEMENTS[statement], values)

    def run(self, statement: str, *values: Any) -> int:
        """Run a named statement that changes something; give the new row's number."""
        with converted(self.path):
            return self._db.execute(STATEMENTS[statement], values).lastrowid or 0

    def run_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a named statement once for each row."""
        with converted(self.path):
            self._db.executemany(STATEMENTS[statement], rows)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the write lock: all that happens inside is durable after it, or nothing is.

        Inside another `writing` the outer one makes it durable; what fails here is undone here.
        """
        inner = self._db.in_transaction
        before = self.number, self.origin
        begin, end, undo = _INNER if inner else _OUTER
        with converted(self.path):
            self._db.execute(begin)
        try:
            self._refresh()
            yield
            with converted(self.path):
                self._db.execute(end)
        except BaseException:
            self._forget()
            self.number, self.origin = before
            # A full disk may have ended the transaction already; the first error tells more.
            with suppress(sqlite3.Error):
                for statement in undo:
                    self._db.execute(statement)
            raise

    def begin(self, origin: str) -> None:
        """Start a new device log in this ledger; older logs stay, to be read only."""
        with self.writing():
            self.number = self.run("add_log", origin)
            self.origin = origin
            self._forget()
            self._refresh()

    def append(self, work: bytes, drafts: Iterable[Draft]) -> list[int]:
        """Append events to a work, in one durable transaction; give their ids."""
        if not self.number:
            raise BadInput("this ledger has no device log yet", hint="run `stemproof start DIR`")
        with self.writing():
            tree = self._tree(work)
            work_hex, first = work.hex(), self._last_id + 1
            events: list[tuple[int, int, int, int, bytes]] = []
            openings: list[tuple[int, str, bytes, bytes]] = []
            leaves: list[bytes] = []
            seq, prev = tree.frontier.size, tree.prev
            for draft in drafts:
                number = first + len(events)
                commit = commit_to(number, draft.values, openings)
                header = format_header(header_of(self.origin, work_hex, seq, prev, draft, commit))
                leaf = leaf_hash(header)
                leaves.append(leaf)
                events.append((number, tree.number, seq, self._size + len(events), header))
                seq, prev = seq + 1, leaf.hex()
            self.run_many("add_event", events)
            self.run_many("add_opening", openings)
            for run in tree.frontier.extend_hashes(leaves):
                if run.level >= LOWEST_STORED:
                    self.run_many("add_node", [(tree.number, *node) for node in run.nodes()])
            tree.prev = prev
            self._last_id += len(events)
            self._size += len(events)
        return list(range(first, first + len(events)))

    @property
    def size(self) -> int:
        """Give the number of events in the log that is being written."""
        return self.size_of(self.number)

    def size_of(self, number: int) -> int:
        """Give the number of events in one log of this ledger."""
        (size,) = self.fetch_one("log_size", number)
        return int(size)

    def tree_of(self, number: int, work: bytes) -> int | None:
        """Give the number of a work's tree in a log, or None."""
        row = self.fetch_one("tree", number, work)
        return None if row is None else int(row[0])

    def tree_size(self, tree: int) -> int:
        """Give the number of leaves of a tree."""
        (size,) = self.fetch_one("tree_size", tree)
        return int(size)

    def node_reader(self, tree: int) -> Callable[[int, int], bytes]:
        """Give the port through which proofs of one tree are made."""
        # The block of headers read last: a proof wants its neighbours at each low level.
        block, low = -1, _low_nodes([])

        def read(level: int, position: int) -> bytes:
            nonlocal block, low
            if level >= LOWEST_STORED:
                row = self.fetch_one("node", tree, level, position)
                found = None if row is None else bytes(row[0])
            else:
                wanted = position >> (LOWEST_STORED - level)
                place = position - (wanted << (LOWEST_STORED - level))
                if wanted != block or place >= len(low[level]):
                    first = wanted << LOWEST_STORED
                    rows = self.fetch_all("headers", tree, first, first + (1 << LOWEST_STORED))
                    # After a row that is missing none stands at its place.
                    leaves = [leaf_hash(h) for n, (seq, h) in enumerate(rows, first) if seq == n]
                    block, low = wanted, _low_nodes(leaves)
                found = low[level][place] if place < len(low[level]) else None
            if found is None:
                raise BadInput(
                    f"the ledger at {self.path.parent} is damaged:"
                    f" node ({level}, {position}) of tree {tree} is missing",
                    hint="restore it from a backup with `stemproof restore`",
                )
            return found

        return read

    def tree_root(self, tree: int, size: int) -> bytes:
        """Give the root of a tree's first `size` leaves."""
        return root_at(size, self.node_reader(tree))

    def headers(self, tree: int, start: int, stop: int) -> Iterator[bytes]:
        """Give a tree's headers from `start` up to `stop`."""
        for _, header in self.fetch_each("headers", tree, start, stop):
            yield header

    def entries_after(self, event_id: int, limit: int) -> list[Entry]:
        """Give up to `limit` events of all works that came after one."""
        return [Entry(*row) for row in self.fetch_all("events_after", event_id, limit)]

    def entries_before(self, event_id: int, limit: int) -> list[Entry]:
        """Give up to `limit` events of all works that came before one, newest first."""
        return [Entry(*row) for row in self.fetch_all("events_before", event_id, limit)]

    def entry(self, event_id: int) -> Entry | None:
        """Give one event by its id, or None."""
        row = self.fetch_one("event_by_id", event_id)
        return None if row is None else Entry(*row)

    def openings(self, event_id: int) -> dict[str, Opening]:
        """Give what can still be opened of one event, by field."""
        return {row[0]: Opening(*row) for row in self.fetch_all("openings", event_id)}

    def integrity(self) -> list[str]:
        """Ask SQLite whether the file is whole; give what it says is not."""
        return [row[0] for row in self.fetch_all("integrity") if row[0] != "ok"]

    def sweep(self) -> bool:
        """Write the file anew, so that no page keeps what was deleted; False if others read it.

        What the disk itself keeps of blocks that it freed is beyond the reach of a program.
        """
        with converted(self.path):
            self._db.execute("VACUUM")
            (busy, _, _) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def setting(self, name: str) -> str | None:
        """Give a setting of this ledger, or None."""
        row = self.fetch_one("setting", name)
        return None if row is None else str(row[0])

    def put_setting(self, name: str, value: str) -> None:
        """Keep a setting of this ledger."""
        self.run("put_setting", name, value)

    def _tree(self, work: bytes) -> _Tree:
        tree = self._trees.get(work)
        if tree is None:
            number = self.tree_of(self.number, work)
            if number is None:
                number = self.run("add_tree", self.number, work)
            tree = self._load_tree(number)
            self._trees[work] = tree
        return tree

    def _load_tree(self, number: int) -> _Tree:
        size = self.tree_size(number)
        read = self.node_reader(number)
        prev = read(0, size - 1).hex() if size else ""
        return _Tree(number, frontier_at(size, read), prev)

    def _refresh(self) -> None:
        """Drop what is cached if another process has written since."""
        (last,) = self.fetch_one("last_event_id")
        if last != self._last_id:
            self._trees.clear()
            self._last_id = last
            self.number, self.origin = self._newest()
            self._size = self.size_of(self.number) if self.number else 0

    def _newest(self) -> tuple[int, str]:
        number, origin = self.fetch_one("newest_log") or (0, "")
        return int(number), str(origin)

    def _forget(self) -> None:
        self._trees.clear()
        self._last_id = -1


# How a transaction begins, ends and is undone, alone and inside another.
_OUTER: Final = ("BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",))
_INNER: Final = ("SAVEPOINT part", "RELEASE part", ("ROLLBACK TO part", "RELEASE part"))


def _low_nodes(leaves: list[bytes]) -> list[list[bytes]]:
    """Hash a block's leaves into its complete subtrees below LOWEST_STORED, level by level."""
    levels = [leaves]
    for _ in range(1, LOWEST_STORED):
        pairs = iter(levels[-1])
        levels.append(
            [
                hashlib.sha256(b"\x01" + left + right).digest()
                for left, right in zip(pairs, pairs, strict=False)
            ]
        )
    return levels


def open_log(path: Path) -> Log:
    """Open a ledger's database."""
    return Log(path, open_database(path))


def create_log(path: Path) -> Log:
    """Make a ledger's database, whole or not at all; refuses to touch an existing one."""
    create_database(path)
    return open_log(path)
