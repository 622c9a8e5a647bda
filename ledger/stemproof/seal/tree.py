"""Growing a Merkle tree and making proofs without holding the tree.

Only *complete* subtrees are stored, each as (level, position): level 0 are the leaf hashes, and
(level, n) covers leaves n * 2**level to (n + 1) * 2**level - 1. Such a node never
changes once it is there, so every past size stays provable from the same store. A tree of n
leaves has at most 2n - 1 of them.

Reading is a port, `ReadNode`: the log gives its SQLite look-up, a test gives a dictionary. Proofs
read O(log n) nodes. What a port returns is trusted: who doubts the store checks the proof made.
No I/O. A change here may orphan proofs already issued: see tests/vectors/inclusion/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from stemproof.errors import Malformed
from stemproof.seal.merkle import (
    EMPTY_ROOT,
    SIZE_LIMIT,
    Digest,
    check_digest,
    node_hash,
)

ReadNode = Callable[[int, int], bytes]
"""(level, position) of a complete subtree -> its hash; raises its own error when there is none."""


class Node(NamedTuple):
    """A complete subtree and its hash, in the order of a row to store."""

    level: int
    position: int
    digest: Digest


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring complete subtrees of one level, numbered from `first`."""

    level: int
    first: int
    digests: list[bytes]

    def nodes(self) -> Iterator[Node]:
        """Yield the subtrees one by one."""
        for position, digest in enumerate(self.digests, self.first):
            yield Node(self.level, position, Digest(digest))


class Frontier:
    """The right edge of a tree: all that is needed to append and to know the root.

    Resumed from a size and `peaks`, the hashes of the complete subtrees that the size divides
    into, largest first (one for each one-bit of the size).
    """

    __slots__ = ("_peaks", "_size")

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        if not 0 <= size < SIZE_LIMIT:
            raise Malformed("tree size", size, "a number from 0 to 2**64 - 1")
        listed = [check_digest("frontier node", peak) for peak in peaks]
        if len(listed) != size.bit_count():
            raise Malformed("length of the frontier", len(listed), str(size.bit_count()))
        self._size = size
        # _peaks[level] is the hash of the complete subtree of that level, b"" where size lacks
        # the bit.
        self._peaks = [b""] * size.bit_length()
        for level in range(size.bit_length()):
            if size >> level & 1:
                self._peaks[level] = listed.pop()

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self._size

    @property
    def peaks(self) -> tuple[Digest, ...]:
        """The hashes of the complete subtrees, largest first."""
        return tuple(Digest(peak) for peak in reversed(self._peaks) if peak)

    def root(self) -> Digest:
        """Compute the root from the peaks."""
        return _fold(self.peaks)

    def append(self, leaf: bytes) -> list[Node]:
        """Append one leaf, given its hash; return the subtrees that it completes, lowest first."""
        digest = check_digest("leaf hash", leaf)
        if self._size + 1 >= SIZE_LIMIT:
            raise Malformed("tree size", self._size + 1, "a number below 2**64")
        level, position = 0, self._size
        completed = [Node(0, position, digest)]
        while position & 1:
            digest = node_hash(self._take(level), digest)
            level, position = level + 1, position >> 1
            completed.append(Node(level, position, digest))
        self._put(level, digest)
        self._size += 1
        return completed

    def extend(self, leaves: Iterable[bytes]) -> list[Run]:
        """Append many entries, given as the bytes to hash; return the subtrees they complete.

        All are held in memory at once: feed a long log in batches of some thousands.
        """
        return self.extend_hashes([sha256(b"\x00" + leaf).digest() for leaf in leaves])

    def extend_hashes(self, leaf_hashes: list[bytes]) -> list[Run]:
        """Append many leaves, given their hashes (32 bytes each, not checked)."""
        size = self._size + len(leaf_hashes)
        if size >= SIZE_LIMIT:
            raise Malformed("tree size", size, "a number below 2**64")
        level, first, fresh = 0, self._size, leaf_hashes
        runs: list[Run] = []
        while fresh:
            runs.append(Run(level, first, fresh))
            row = [self._take(level), *fresh] if first & 1 else fresh
            pairs = iter(row)
            # The loop that sealing a million leaves spends its time in: no call but the hash.
            above = [
                sha256(b"\x01" + left + right).digest()
                for left, right in zip(pairs, pairs, strict=False)
            ]
            if len(row) & 1:
                self._put(level, row[-1])
            level, first, fresh = level + 1, first >> 1, above
        self._size = size
        return runs

    def _take(self, level: int) -> bytes:
        peak, self._peaks[level] = self._peaks[level], b""
        return peak

    def _put(self, level: int, digest: bytes) -> None:
        while len(self._peaks) <= level:
            self._peaks.append(b"")
        self._peaks[level] = digest


def frontier_at(size: int, read_node: ReadNode) -> Frontier:
    """Read the frontier of the first `size` leaves: to go on appending, or for a past root."""
    if not 0 <= size < SIZE_LIMIT:
        raise Malformed("tree size", size, "a number from 0 to 2**64 - 1")
    return Frontier(size, _read_peaks(0, size, read_node))


def root_at(size: int, read_node: ReadNode) -> Digest:
    """Compute the root over the first `size` leaves, for any size so far."""
    return frontier_at(size, read_node).root()


def prove_inclusion(index: int, size: int, read_node: ReadNode) -> list[Digest]:
    """Make the proof that leaf `index` is among the first `size` leaves (RFC 9162 2.1.3.1)."""
    if not 0 <= index < size < SIZE_LIMIT:
        raise Malformed("leaf index", index, f"a number from 0 to {size - 1}, below 2**64")
    proof: list[Digest] = []
    level, last = 0, size - 1
    while last > 0:
        if index & 1:
            proof.append(Digest(read_node(level, index - 1)))
        elif index < last:
            # The right sibling may be the tree's ragged edge, which no store holds.
            begin = index + 1 << level
            proof.append(_range_root(begin, min(begin + (1 << level), size), read_node))
        level, index, last = level + 1, index >> 1, last >> 1
    return proof


def prove_consistency(size1: int, size2: int, read_node: ReadNode) -> list[Digest]:
    """Make the proof that the first `size1` leaves begin the first `size2` (RFC 9162 2.1.4.1)."""
    if not 0 < size1 <= size2 < SIZE_LIMIT:
        raise Malformed("older tree size", size1, f"a number from 1 to {size2}, below 2**64")
    begin, end = 0, size2
    siblings: list[tuple[int, int]] = []
    while size1 < end:
        # Invariant: begin < size1 < end; the border of the older tree runs through this range.
        split = begin + (1 << (end - begin - 1).bit_length() - 1)
        if size1 <= split:
            siblings.append((split, end))
            end = split
        else:
            siblings.append((begin, split))
            begin = split
    if begin > 0:
        # The older tree ends with this subtree; when it is the whole tree its root is known.
        siblings.append((begin, end))
    return [_range_root(start, stop, read_node) for start, stop in reversed(siblings)]


def _range_root(begin: int, end: int, read_node: ReadNode) -> Digest:
    """Compute the hash over leaves begin to end - 1, a subtree that may be ragged at its end."""
    return _fold(_read_peaks(begin, end, read_node))


def _read_peaks(begin: int, end: int, read_node: ReadNode) -> list[Digest]:
    """Read the complete subtrees that a range divides into, largest first.

    `begin` is a multiple of every power of two that is used.
    """
    peaks: list[Digest] = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        peaks.append(Digest(read_node(level, begin >> level)))
        begin += 1 << level
    return peaks


def _fold(peaks: Iterable[Digest]) -> Digest:
    """Hash peaks, largest first, into the root above them."""
    digest: Digest | None = None
    for peak in reversed(tuple(peaks)):
        digest = peak if digest is None else node_hash(peak, digest)
    return EMPTY_ROOT if digest is None else digest
