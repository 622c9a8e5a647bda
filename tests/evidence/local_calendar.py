"""An OpenTimestamps calendar of our own, and the made-up Bitcoin block that it ends in.

    calendar = Calendar(); with calendar.serve() as url: ...; calendar.mine()

It does what real ones do: digests that came in are joined to one Merkle root, that root is
put into a transaction, and the transaction into a block, whose easy work is really done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.evidence.local_tsa import served

from stemproof.evidence.ots import (
    APPEND,
    PREPEND,
    SHA256,
    Bitcoin,
    Operation,
    Pending,
    Step,
    Tree,
    format_tree,
    run_operation,
)

HASH = Operation(SHA256)
# The easiest target that there is: two tries on average.
EASY_BITS = 0x207FFFFF


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def way(operations: list[Operation], end: Tree) -> Tree:
    """Make a tree of one path."""
    for operation in reversed(operations):
        end = (Step(operation, end),)
    return end


def follow(operations: list[Operation], message: bytes) -> bytes:
    """Run a path."""
    for operation in operations:
        message = run_operation(operation, message)
    return message


def easy_header(merkle_root: bytes, time: int, previous: bytes = bytes(32)) -> bytes:
    """Make a header whose work is done."""
    for nonce in range(1 << 20):
        header = (
            (0x20000000).to_bytes(4, "little")
            + previous
            + merkle_root
            + time.to_bytes(4, "little")
            + EASY_BITS.to_bytes(4, "little")
            + nonce.to_bytes(4, "little")
        )
        if int.from_bytes(sha256(sha256(header)), "little") >> 248 < 0x7F:
            return header
    raise AssertionError("no nonce fits")


@dataclass
class Calendar:
    """Commitments that wait, and the ways from those that were mined."""

    height: int = 840_000
    time: int = 1_800_000_000
    waiting: list[bytes] = field(default_factory=list)
    mined: dict[bytes, Tree] = field(default_factory=dict)
    header: bytes = b""
    url: str = ""
    asked: list[str] = field(default_factory=list)

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Serve on loopback."""
        with served(self._answer) as url:
            self.url = url
            yield url

    def mine(self) -> bytes:
        """Put everything that waits into one block; give its header."""
        layer = [(each, [each]) for each in self.waiting]
        ways: dict[bytes, list[Operation]] = {each: [] for each in self.waiting}
        while len(layer) > 1:
            above = []
            for place in range(0, len(layer) - 1, 2):
                (left, lefts), (right, rights) = layer[place], layer[place + 1]
                for each in lefts:
                    ways[each] += [Operation(APPEND, right), HASH]
                for each in rights:
                    ways[each] += [Operation(PREPEND, left), HASH]
                above.append((sha256(left + right), lefts + rights))
            layer = above + (layer[-1:] if len(layer) % 2 else [])
        root, all_ = layer[0]
        # A transaction around the root, and a block of it and one other.
        into_block = [
            Operation(PREPEND, b"\x01\x00\x00\x00 a transaction \x6a\x20"),
            Operation(APPEND, b"\x00\x00\x00\x00"),
            HASH,
            HASH,
            Operation(PREPEND, sha256(b"coinbase")),
            HASH,
            HASH,
        ]
        self.header = easy_header(follow(into_block, root), self.time)
        for each in all_:
            self.mined[each] = way(ways[each] + into_block, (Bitcoin(self.height),))
        self.waiting = []
        return self.header

    def _answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        self.asked.append(path)
        if path == "/digest":
            operations = [
                Operation(PREPEND, len(self.waiting).to_bytes(4, "big")),
                HASH,
                Operation(APPEND, sha256(body)[:8]),
            ]
            # As the real one does, the commitment is what is promised, and then hashed.
            commitment = follow([*operations, HASH], body)
            self.waiting.append(commitment)
            return 200, format_tree(way([*operations, HASH], (Pending(self.url),)))
        known = self.mined.get(bytes.fromhex(path.rpartition("/")[2]))
        return (404, b"Pending confirmation") if known is None else (200, format_tree(known))
