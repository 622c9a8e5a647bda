"""Sealing beside the bare hashes that no RFC 6962 tree can do without, and proofs."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from benchmarks.figures import Row, best_of, peak_mib, seconds
from stemproof.seal.merkle import Digest, check_inclusion
from stemproof.seal.tree import Frontier, prove_inclusion, root_at

BATCH = 8192
"""Entries handed over at a time, as the log does."""


def hash_bare(entries: list[bytes]) -> None:
    """Compute 2n - 1 hashes of the very lengths that a tree of n entries needs, and no tree."""
    for entry in entries:
        sha256(b"\x00" + entry).digest()
    left = right = bytes(32)
    for _ in range(len(entries) - 1):
        sha256(b"\x01" + left + right).digest()


def seal_all(entries: list[bytes]) -> bytes:
    """Append every entry, batch by batch, and compute the root."""
    frontier = Frontier()
    for begin in range(0, len(entries), BATCH):
        frontier.extend(entries[begin : begin + BATCH])
    return frontier.root()


def store_nodes(entries: list[bytes]) -> dict[tuple[int, int], bytes]:
    """Keep every complete subtree, as the log's table does."""
    frontier = Frontier()
    runs = frontier.extend(entries)
    return {
        (run.level, at): digest for run in runs for at, digest in enumerate(run.digests, run.first)
    }


def measure(quick: bool) -> Iterator[Row]:
    """Seal a million entries of the size of a header; prove and check some of them."""
    count = 100_000 if quick else 1_000_000
    yield _measure_sealing(count)
    yield from _measure_proofs(count)
    yield _measure_memory(count)


def _measure_sealing(count: int) -> Row:
    entries = [b"%0250d" % n for n in range(count)]
    ours, bare = best_of(3, lambda: seal_all(entries), lambda: hash_bare(entries))
    name = f"seal: {count:,} entries of 250 bytes"
    return Row(name, ours, "s", bare, "bare hashlib, 2n-1 hashes", "<= 1.3")


def _measure_proofs(count: int) -> Iterator[Row]:
    nodes = store_nodes([b"%d" % n for n in range(count)])

    def read(level: int, index: int) -> bytes:
        return nodes[level, index]

    root = root_at(count, read)
    # Spread over the whole tree, the same each time.
    chosen = [n * 7919 % count for n in range(1000)]
    proofs: dict[int, list[Digest]] = {}

    def prove_all() -> None:
        for index in chosen:
            proofs[index] = prove_inclusion(index, count, read)

    def check_all() -> None:
        for index in chosen:
            check_inclusion(nodes[0, index], index, count, proofs[index], root)

    for what, action in (("made", prove_all), ("checked", check_all)):
        each_ms = seconds(action)  # a thousand of them: seconds in all are milliseconds each
        yield Row(
            f"seal: inclusion proof {what}, of {count:,}", each_ms, "ms", 1.0, "limit", "<= 1"
        )


def _measure_memory(count: int) -> Row:
    program = (
        "import sys\n"
        "from stemproof.seal.tree import Frontier\n"
        "frontier = Frontier()\n"
        f"for begin in range(0, int(sys.argv[1]), {BATCH}):\n"
        f"    frontier.extend([b'%0250d' % n for n in range(begin, begin + {BATCH})])\n"
    )
    few, many = peak_mib(program, str(BATCH)), peak_mib(program, str(count))
    # Flat: the peak does not follow the number of entries.
    return Row(
        f"seal: memory at {count:,} entries", many, "MiB", few, f"at {BATCH:,} entries", "<= 1.2"
    )
