"""The vault: every file that was observed, kept once, packed small and encrypted.

    with open_vault(home / "vault.db", recipient) as vault:
        vault.keep(Fresh(work, "session", data, made, before=last))

Keeping needs a public key only, reading the secret one. A save that is much like the one
before is written as a difference from it (`difference`), at most MAX_DEPTH steps deep.
Whatever is read is compared with the digest under which it was kept. One connection, one
thread; several processes take turns by SQLite's write lock.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from stemproof.errors import BadInput
from stemproof.log.difference import make_difference
from stemproof.log.packing import Content, repack, strip, unpack
from stemproof.log.sealedfile import Unseal, read_part, seal
from stemproof.log.sqlite import (
    BUSY_TIMEOUT_MS,
    converted,
    parse_statements,
    run_script,
    transaction,
)

VAULT_VERSION: Final = 1
VAULT_ID: Final = 0x53544556  # "STEV"
# To read a save, so many are opened at most; to lose one file costs at most so many.
MAX_DEPTH: Final = 31

_STATEMENTS: Final = parse_statements(files(__package__).joinpath("vault.sql").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Fresh:
    """A file to be kept; `before` is the save that it is likely to resemble."""

    work: bytes
    kind: str
    data: bytes
    made: str
    before: bytes | None = None


@dataclass(frozen=True, slots=True)
class Size:
    """What is kept of one work and kind: files, their own bytes, and what they take up."""

    work: bytes
    kind: str
    files: int
    bytes: int
    stored: int
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a kept file stands in its chain of differences."""

    number: int
    depth: int
    chain: int
    is_unpacked: int
    recipient: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """How many files were dropped, and how many that rested on them went with them."""

    files: int = 0
    later: int = 0


class Vault:
    """An open vault. Made by `open_vault`."""

    def __init__(self, path: Path, connection: sqlite3.Connection, recipient: str) -> None:
        self.path = path
        self._db = connection
        self._recipient = recipient

    def keep(self, fresh: Fresh) -> bool:
        """Keep a file, durable when this returns; False if the work has it already."""
        digest = sha256(fresh.data).digest()
        if self._place(fresh.work, digest) is not None:
            return False
        content = unpack(fresh.data)
        base = self._base(fresh)
        difference = None
        if base is not None and fresh.before is not None:
            # As it was kept: what could be packed again then is not packed again to find out.
            old = strip(fresh.before) if base.is_unpacked else fresh.before
            difference = None if old is None else make_difference(old, content.data)
        sealed = seal(content, difference, self._recipient)
        with self._writing():
            # Another process may have kept it meanwhile, or dropped what it rests on.
            if self._place(fresh.work, digest) is not None:
                return False
            if difference is not None and self._base(fresh) != base:
                base, sealed = None, seal(content, None, self._recipient)
            (number,) = self._one("next")
            rests: tuple[int | None, int, int] = (None, 0, number)
            if base is not None and difference is not None:
                rests = (base.number, base.depth + 1, base.chain)
            told = (fresh.kind, len(fresh.data), fresh.made, content.packing != "plain")
            to = self._recipient
            self._run("add", number, fresh.work, digest, *told, to, *rests, sealed)
        return True

    def has(self, work: bytes, digest: bytes) -> bool:
        """Say whether a file of a work is kept."""
        return self._place(work, digest) is not None

    def fetch(self, work: bytes, digest: bytes, unseal: Unseal) -> bytes | None:
        """Give a kept file's bytes, compared with their digest; None if it is not kept."""
        place = self._place(work, digest)
        return None if place is None else repack(self._open(place.number, unseal))

    def later(self, work: bytes, digest: bytes) -> int:
        """Count the files that can be read only with this one."""
        place = self._place(work, digest)
        return 0 if place is None else int(self._one("count_after", place.number)[0])

    def drop(self, work: bytes, digest: bytes, unseal: Unseal | None) -> Dropped:
        """Drop one file for ever.

        Files that rest on it are written anew, which takes the secret key; without it they
        are dropped too.
        """
        with self._writing():
            place = self._place(work, digest)
            if place is None:
                return Dropped()
            if unseal is not None:
                for (number,) in self._all("resting_on", place.number):
                    whole = seal(self._open(number, unseal), None, self._recipient)
                    self._run("stand_alone", whole, self._recipient, number)
                    self._run("rechain", number)
            later = int(self._one("count_after", place.number)[0])
            self._run("drop_with_later", place.number)
            return Dropped(1, later)

    def drop_work(self, work: bytes) -> int:
        """Drop all that is kept of a work; give how many files."""
        with self._writing():
            return self._run("drop_work", work)

    def drop_older(self, made: str) -> int:
        """Drop whole chains whose newest file was made before a time; give how many files."""
        with self._writing():
            return sum(
                self._run("drop_chain", chain) for chain, _ in self._all("chains_before", made)
            )

    def drop_beyond(self, max_bytes: int) -> int:
        """Drop the oldest chains until what is left takes up no more; give how many files.

        The newest chain always stays: it holds the save that was just made.
        """
        with self._writing():
            chains = self._all("chains")
            stored = sum(size for _, _, size in chains)
            dropped = 0
            for chain, count, size in chains[:-1]:
                if stored <= max_bytes:
                    break
                self._run("drop_chain", chain)
                stored -= size
                dropped += count
            return dropped

    def sizes(self) -> list[Size]:
        """Tell what is kept, by work and kind."""
        return [Size(*row) for row in self._all("sizes")]

    @property
    def stored(self) -> int:
        """How many bytes all kept files take up, encrypted."""
        return int(self._one("stored")[0])

    def sweep(self) -> bool:
        """Write the file anew, so that no page keeps what was dropped; False if others read it."""
        with converted(self.path):
            self._db.execute("VACUUM")
            (busy, _, _) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def _open(self, number: int, unseal: Unseal) -> Content:
        """Read a file's content, through the files that it rests on."""
        chain: list[Any] = []
        at: int | None = number
        while at is not None:
            base, digest, sealed = self._one("sealed", at)
            chain.append((digest, sealed))
            at = base if len(chain) <= MAX_DEPTH + 1 else None
        content = Content("plain", b"")
        for digest, sealed in reversed(chain):
            content = read_part(unseal(sealed), content.data)
            found = sha256(repack(content)).digest()
            if found != digest:
                raise BadInput(
                    f"the kept file {digest.hex()[:12]} comes out as {found.hex()[:12]}",
                    hint="the vault is damaged, or this Python packs with another zlib than"
                    f" the one that wrote it ({zlib.ZLIB_RUNTIME_VERSION} here)",
                )
        return content

    def _base(self, fresh: Fresh) -> _Place | None:
        """Find what a file may be a difference from: the one before, if that is kept."""
        if fresh.before is None:
            return None
        place = self._place(fresh.work, sha256(fresh.before).digest())
        if place is None or place.depth >= MAX_DEPTH or place.recipient != self._recipient:
            return None
        return place

    def _place(self, work: bytes, digest: bytes) -> _Place | None:
        row = self._one("place", work, digest)
        return None if row is None else _Place(*row)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with converted(self.path), transaction(self._db):
            yield

    # Any: SQLite gives what is in the row.
    def _one(self, statement: str, *values: Any) -> Any:
        with converted(self.path):
            return self._db.execute(_STATEMENTS[statement], values).fetchone()

    def _all(self, statement: str, *values: Any) -> list[Any]:
        with converted(self.path):
            return self._db.execute(_STATEMENTS[statement], values).fetchall()

    def _run(self, statement: str, *values: Any) -> int:
        with converted(self.path):
            return self._db.execute(_STATEMENTS[statement], values).rowcount


@contextmanager
def open_vault(path: Path, recipient: str) -> Iterator[Vault]:
    """Open a vault, or make it, for files encrypted to an age recipient."""
    with converted(path):
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None)
    with closing(connection):
        with converted(path):
            _set_up(connection, path)
        yield Vault(path, connection, recipient)


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if (application, version) == (0, 0):
        _create(connection, path)
    elif application != VAULT_ID:
        raise BadInput(f"{path} is not a stemproof vault")
    elif version > VAULT_VERSION:
        raise BadInput(
            f"the vault at {path} was written by a newer stemproof"
            f" (schema {version}, this program knows {VAULT_VERSION})",
            hint="upgrade stemproof; nothing was changed",
        )
    for pragma in (
        "synchronous=FULL",
        "foreign_keys=ON",
        "recursive_triggers=ON",
        # What was dropped is overwritten, not only unlinked.
        "secure_delete=ON",
        "trusted_schema=OFF",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _create(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables, unless another process was faster."""
    connection.execute("PRAGMA journal_mode=WAL")
    with transaction(connection):
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == VAULT_VERSION:
            return
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if tables:
            raise BadInput(f"{path} is not a stemproof vault")
        run_script(connection, files(__package__).joinpath("vault_schema.sql").read_text("utf-8"))
        connection.execute(f"PRAGMA application_id={VAULT_ID}")
        connection.execute(f"PRAGMA user_version={VAULT_VERSION}")
    path.chmod(0o600)
