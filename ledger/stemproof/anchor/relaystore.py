"""A relay's memory: the heads that it took in and the transactions that it signed for them.

    with open_store(home / "relay.db") as store: ...

`synchronous=FULL` in WAL mode: what a method wrote outlasts a crash once it returned. A signed
transaction is here before it is sent, so that after a crash the same bytes are sent again. One
connection, shared by the threads of one process under a lock; a second process is kept out by
the relay's lock file.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from stemproof.anchor.relayanswer import HeadState, Refusal, RelayAnswer
from stemproof.anchor.signedhead import SignedHead, parse_signed_head, ticket_of
from stemproof.errors import BadInput
from stemproof.log.sqlite import (
    BUSY_TIMEOUT_MS,
    converted,
    parse_statements,
    run_script,
    transaction,
)

STORE_VERSION: Final = 1
STORE_ID: Final = 0x5354524C  # "STRL"
DAY_S: Final = 86_400
#: Heads are forgotten after so long, refused or done.
KEPT_S: Final = 14 * DAY_S
# A busy day's worth: some 40 MB.
MAX_QUEUED: Final = 20_000

_TURNED: Final = "its wallet said yes when it was tried, and no when this relay had paid"
_STATEMENTS: Final = parse_statements(files(__package__).joinpath("relay.sql").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Kept:
    """A head as the relay keeps it."""

    ticket: str
    body: bytes
    state: HeadState
    # Whether a wallet contract may be asked who signed.
    asks: bool
    tries: int
    batch: int | None
    code: Refusal | None
    reason: str | None

    @property
    def head(self) -> SignedHead:
        """The head itself."""
        return parse_signed_head(self.body)


@dataclass(frozen=True, slots=True)
class Batch:
    """Heads sent together; where they are once a block holds them."""

    number: int
    state: str
    made: int
    tx: bytes | None
    block_number: int | None
    block_hash: bytes | None


@dataclass(frozen=True, slots=True)
class Sending:
    """A signed transaction of a batch."""

    tx: bytes
    raw: bytes
    made: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a batch is, by which transaction, and what it cost."""

    tx: bytes
    block_number: int
    block_hash: bytes
    spent_wei: int


@contextmanager
def open_store(path: Path) -> Iterator[RelayStore]:
    """Open a relay's memory; it is made where there is none."""
    with converted(path):
        connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
        )
    with closing(connection):
        with converted(path):
            _set_up(connection, path)
        yield RelayStore(path, connection)


class RelayStore:
    """An open memory. Made by `open_store`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._db = connection
        self._turn = threading.RLock()

    def find(self, ticket: str) -> Kept | None:
        """Give a head by its ticket."""
        rows = self._all("head", ticket)
        return None if not rows else _kept(rows[0])

    def answer(self, ticket: str) -> RelayAnswer | None:
        """Say what became of a head; None where it is not known, or forgotten."""
        with self._turn:
            kept = self.find(ticket)
            if kept is None:
                return None
            batch = None if kept.batch is None else self.batch(kept.batch)
            tx = None
            if batch is not None:
                sent = self.sendings(batch.number)
                tx = batch.tx or (sent[0].tx if sent else None)
        if kept.state is not HeadState.MINED or batch is None:
            return RelayAnswer(ticket, kept.state, tx, code=kept.code, reason=kept.reason)
        return RelayAnswer(ticket, kept.state, tx, batch.block_number, batch.block_hash)

    def take(
        self, body: bytes, head: SignedHead, *, asks: bool, now: int, per_publisher: int
    ) -> tuple[Refusal, str] | None:
        """Queue a head, durable when this returns; say why where it is not taken.

        A head of a log that was queued before gives way to it.
        """
        with self._writing():
            if self.find(ticket_of(body)) is not None:
                # Handed in twice at once.
                return None
            turned = self._turned(head, now) if asks else None
            if turned is not None:
                return turned
            (taken,) = self._all("count_of_publisher", head.publisher, now - DAY_S)[0]
            if taken >= per_publisher:
                return (
                    Refusal.OVER_RATE,
                    f"this relay takes {per_publisher} heads of one publisher in a day",
                )
            if self._all("count_queued")[0][0] >= MAX_QUEUED:
                return Refusal.QUEUE_FULL, "more heads wait here than this relay keeps"
            for ticket, _, state in self._all("live_of_slot", head.publisher, head.origin_id):
                if state == HeadState.SENT:
                    return Refusal.ON_ITS_WAY, f"a head of this log is on its way: {ticket[:12]}"
                self._run("refuse", Refusal.REPLACED, "a newer head of this log came in", ticket)
            slot = head.publisher, head.origin_id
            self._run("add_head", ticket_of(body), body, *slot, head.deadline, now, asks)
        return None

    def waiting(self) -> tuple[int, int]:
        """Give when the oldest queued head came in, and how many there are."""
        oldest, count = self._all("oldest_queued")[0]
        return oldest or 0, count

    def queued(self, most: int, *, most_asking: int) -> list[Kept]:
        """Give the oldest queued heads; those of wallets do not crowd out the others."""
        return [_kept(row) for row in self._all("queued", most, most_asking)]

    def refuse_late(self, before: int) -> None:
        """Refuse what is queued and cannot be in a block before its deadline."""
        reason = "its deadline passed before this relay could bring it"
        with self._writing():
            self._run("refuse_late", reason, before)

    def refuse(self, ticket: str, code: Refusal, reason: str) -> None:
        """Refuse one head."""
        with self._writing():
            self._run("refuse", code, reason, ticket)

    def put_batch(
        self, tickets: Sequence[str], sending: Sending, *, cost_wei: int, now: int
    ) -> int:
        """Store a signed transaction and which heads it holds; give the batch's number."""
        with self._writing():
            number = self._run("add_batch", now, str(cost_wei))
            self._run("add_sending", sending.tx, number, sending.raw, sending.made)
            for place, ticket in enumerate(tickets):
                self._run("put_sent", number, place, ticket)
        return number

    def put_sending(self, batch: int, sending: Sending, *, cost_wei: int) -> None:
        """Store a batch's transaction signed anew, with a better offer."""
        with self._writing():
            self._run("add_sending", sending.tx, batch, sending.raw, sending.made)
            self._run("put_cost", str(cost_wei), batch)

    def open_batches(self) -> list[Batch]:
        """Give the batches that are not final, oldest first."""
        return [Batch(*row) for row in self._all("open_batches")]

    def batch(self, number: int) -> Batch:
        """Give one batch."""
        return Batch(*self._all("batch", number)[0])

    def sendings(self, batch: int) -> list[Sending]:
        """Give the transactions of a batch, newest first."""
        return [Sending(*row) for row in self._all("sendings", batch)]

    def heads_of(self, batch: int) -> list[Kept]:
        """Give the heads of a batch, in the order of its transaction."""
        return [_kept(row) for row in self._all("heads_of_batch", batch)]

    def put_mined(
        self, batch: int, place: Place, refused: Mapping[str, tuple[Refusal, str]], *, now: int
    ) -> None:
        """Keep that a block holds a batch, and which of its heads the contract left out.

        What else waits of a wallet that said no when it was paid for is refused with it.
        """
        with self._writing():
            where = place.tx, place.block_number, place.block_hash, str(place.spent_wei)
            self._run("put_mined", *where, now, batch)
            self._run("mine_heads", batch)
            for ticket, (code, reason) in refused.items():
                self._run("refuse", code, reason, ticket)
                kept = self.find(ticket)
                if code is Refusal.NOT_SIGNED and kept is not None and kept.asks:
                    self._run("refuse_wallet", Refusal.OVER_RATE, _TURNED, kept.head.publisher)

    def put_unmined(self, batch: int) -> None:
        """Keep that the block which held a batch is no more."""
        with self._writing():
            self._run("put_unmined", batch)
            self._run("reset_heads", batch)

    def put_final(self, batch: int) -> None:
        """Keep that a batch is final."""
        with self._writing():
            self._run("put_final", batch)

    def put_failed(self, batch: int, *, spent_wei: int, most_tries: int, now: int) -> None:
        """Keep that a batch came to nothing; its heads wait again, but not for ever."""
        with self._writing():
            heads = self.heads_of(batch)
            self._run("put_failed", str(spent_wei), now, batch)
            self._run("put_back", batch)
            for kept in heads:
                if kept.tries + 1 >= most_tries:
                    reason = "this relay could not bring it"
                    self._run("refuse", Refusal.UNAVAILABLE, reason, kept.ticket)

    def spent_since(self, moment: int, *, but: int = 0) -> int:
        """Add up what was spent since, or may yet be, in wei; all batches but one."""
        return sum(int(cost) for (cost,) in self._all("costs_since", moment, but))

    def prune(self, now: int) -> None:
        """Forget what is long done."""
        before = now - KEPT_S
        with self._writing():
            for statement in ("prune_heads", "prune_sendings", "prune_batches"):
                self._run(statement, before)

    def _turned(self, head: SignedHead, now: int) -> tuple[Refusal, str] | None:
        """Whether a wallet said no after it was paid for: a day without it, then two, then four."""
        often, last = self._all("turned_wallet", head.publisher)[0]
        left_s = last + DAY_S * 2 ** (often - 1) - now if often else 0
        if left_s <= 0:
            return None
        return Refusal.OVER_RATE, f"{_TURNED}; it is asked again in {-(-left_s // 3600)} h"

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._turn, converted(self._path):
            if self._db.in_transaction:
                yield
            else:
                with transaction(self._db):
                    yield

    def _all(self, statement: str, *values: Any) -> list[Any]:
        with self._turn, converted(self._path):
            return self._db.execute(_STATEMENTS[statement], values).fetchall()

    def _run(self, statement: str, *values: Any) -> int:
        return self._db.execute(_STATEMENTS[statement], values).lastrowid or 0


def _kept(row: Sequence[Any]) -> Kept:
    ticket, body, state, asks, tries, batch, code, reason = row
    return Kept(
        ticket,
        body,
        HeadState(state),
        bool(asks),
        tries,
        batch,
        None if code is None else Refusal(code),
        reason,
    )


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA trusted_schema=OFF")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if version == 0 and application == 0:
        path.chmod(0o600)
        connection.execute("PRAGMA journal_mode=WAL")
        with transaction(connection):
            script = files(__package__).joinpath("relay_schema.sql").read_text("utf-8")
            run_script(connection, script)
            connection.execute(f"PRAGMA application_id={STORE_ID}")
            connection.execute(f"PRAGMA user_version={STORE_VERSION}")
    elif application != STORE_ID or version != STORE_VERSION:
        raise BadInput(f"{path} is not a relay's memory that this program can read")
