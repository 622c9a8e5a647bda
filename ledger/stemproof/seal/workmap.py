"""The map of work heads: what a log's checkpoint commits to.

A sparse Merkle tree of 256 levels with one place for every key, SHA-256(work id). A place holds
nothing, or a work's head: how many events of the work this log has, and the root over them.

    leaf  = SHA-256(0x00 || key || size, 8 bytes big-endian || root)
    node  = SHA-256(0x01 || left || right), but node(0, 0) = 0
    0     = 32 zero bytes: an empty subtree of any height, so also the root of an empty map
    proof = bitmap of 32 bytes || the siblings that are not 0, from the root downwards
    bit d of the bitmap (0 = most significant of byte 0): the sibling at depth d + 1 is not 0

Bits of the key are taken most significant first: 0 goes left. Depth 0 is the root.

Storage (not part of the format): one record for each subtree with two or more works, and one for
each topmost subtree with exactly one; about 2.5 records a work, not 256. Records are only ever
replaced, never deleted, so a store that keeps old versions can read the map as of any checkpoint.
No I/O. A change here may orphan proofs already issued: see tests/vectors/mapproof/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple

from stemproof.errors import Malformed, Refuted
from stemproof.seal.merkle import DIGEST_SIZE, SIZE_LIMIT, Digest, check_digest, node_hash

DEPTH: Final = 256
EMPTY: Final = Digest(bytes(DIGEST_SIZE))
WORK_ID_SIZE: Final = 16
# A record of a subtree with several works is its hash; one with a single work is
# its hash || the work's key || the work's leaf hash, so that it can be moved down later.
_SINGLE_SIZE: Final = 3 * DIGEST_SIZE

ReadRecord = Callable[[int, bytes], bytes | None]
"""(depth, prefix) -> the record last written there, or None. See `prefix_of`."""


@dataclass(frozen=True, slots=True)
class WorkHead:
    """Where one work stands in one log."""

    size: int
    root: Digest


@dataclass(frozen=True, slots=True)
class MapProof:
    """The way from a map's root to one place."""

    bitmap: bytes
    siblings: tuple[Digest, ...]


class Record(NamedTuple):
    """What a store keeps for one subtree, in the order of a row."""

    depth: int
    prefix: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class MapUpdate:
    """A map's new root, and the records that replace or join those in the store."""

    root: Digest
    records: tuple[Record, ...]


def map_key(work: bytes) -> Digest:
    """Compute a work's place in the map from its id of 16 bytes."""
    if len(work) != WORK_ID_SIZE:
        raise Malformed("work id", work.hex(), "16 bytes")
    return Digest(sha256(work).digest())


def head_hash(key: bytes, head: WorkHead) -> Digest:
    """Hash one work's head as it stands in the map."""
    check_digest("map key", key)
    check_digest("work root", head.root)
    if not 0 < head.size < SIZE_LIMIT:
        raise Malformed("work size", head.size, "a number from 1 to 2**64 - 1")
    return Digest(sha256(b"\x00" + key + head.size.to_bytes(8, "big") + head.root).digest())


def check_map_proof(key: bytes, size: int, root: bytes, proof: MapProof, map_root: bytes) -> None:
    """Refuse unless the map under `map_root` holds (size, root) for `key`."""
    leaf = head_hash(key, WorkHead(size, Digest(root)))
    _check_path(leaf, key, proof, map_root)


def check_map_absence(key: bytes, proof: MapProof, map_root: bytes) -> None:
    """Refuse unless the map under `map_root` holds nothing for `key`."""
    _check_path(EMPTY, check_digest("map key", key), proof, map_root)


def parse_map_proof(data: bytes) -> MapProof:
    """Read a proof's bytes."""
    count, rest = divmod(len(data), DIGEST_SIZE)
    if rest or not 1 <= count <= 1 + DEPTH:
        raise Malformed("size of the map proof", len(data), "1 to 257 times 32 bytes")
    parts = [
        Digest(data[start : start + DIGEST_SIZE]) for start in range(0, len(data), DIGEST_SIZE)
    ]
    proof = MapProof(parts[0], tuple(parts[1:]))
    _check_form(proof)
    return proof


def format_map_proof(proof: MapProof) -> bytes:
    """Write a proof's bytes: the bitmap, then the siblings."""
    _check_form(proof)
    return proof.bitmap + b"".join(proof.siblings)


def prefix_of(key: bytes, depth: int) -> bytes:
    """Cut a key to its first `depth` bits, in the fewest bytes, the spare bits zero."""
    whole, rest = divmod(depth, 8)
    if not rest:
        return key[:whole]
    return key[:whole] + bytes([key[whole] & 0xFF00 >> rest & 0xFF])


def map_root(read: ReadRecord) -> Digest:
    """Read the root of a stored map."""
    return _digest_of(read(0, b""))


def update_map(heads: Iterable[tuple[Digest, WorkHead]], read: ReadRecord) -> MapUpdate:
    """Set works' heads, each by its key, and tell what to store."""
    fresh: dict[tuple[int, bytes], bytes] = {}

    def read_fresh(depth: int, prefix: bytes) -> bytes | None:
        return fresh.get((depth, prefix)) or read(depth, prefix)

    for key, head in heads:
        for record in _place(key, head_hash(key, head), read_fresh):
            fresh[record.depth, record.prefix] = record.value
    records = tuple(Record(depth, prefix, value) for (depth, prefix), value in fresh.items())
    return MapUpdate(map_root(read_fresh), records)


def prove_map(key: bytes, read: ReadRecord) -> MapProof:
    """Make the proof of what a stored map holds for `key`, be it a head or nothing."""
    check_digest("map key", key)
    siblings: list[tuple[int, Digest]] = []
    depth = 0
    record = read(0, b"")
    while record is not None and len(record) == DIGEST_SIZE:
        sibling = read(depth + 1, prefix_of(_flip(key, depth), depth + 1))
        siblings.append((depth, _digest_of(sibling)))
        depth += 1
        record = read(depth, prefix_of(key, depth))
    if record is not None:
        other, leaf = _parse_single(record)
        if other != key:
            # Another work alone in this subtree: it is the one sibling left on the way down.
            split = _first_difference(key, other)
            siblings.append((split, _lift(leaf, other, split + 1)))
    bitmap = 0
    for at, sibling in siblings:
        if sibling != EMPTY:
            bitmap |= 1 << (DEPTH - 1 - at)
    listed = tuple(sibling for _, sibling in siblings if sibling != EMPTY)
    return MapProof(bitmap.to_bytes(DIGEST_SIZE, "big"), listed)


def root_of_heads(heads: Iterable[tuple[Digest, WorkHead]]) -> Digest:
    """Compute a map's root from all its heads, without a store: to check one against the other."""
    leaves = {key: head_hash(key, head) for key, head in heads}
    return _subtree(sorted(leaves.items()), 0)


def _subtree(leaves: list[tuple[Digest, Digest]], depth: int) -> Digest:
    if not leaves:
        return EMPTY
    if len(leaves) == 1:
        return _lift(leaves[0][1], leaves[0][0], depth)
    ones = next((n for n, (key, _) in enumerate(leaves) if _bit(key, depth)), len(leaves))
    return _join(_subtree(leaves[:ones], depth + 1), _subtree(leaves[ones:], depth + 1))


def _place(key: Digest, leaf: Digest, read: ReadRecord) -> list[Record]:
    """Put one leaf hash into its place; return every record on the way, root last."""
    depth = 0
    record = read(0, b"")
    while record is not None and len(record) == DIGEST_SIZE:
        depth += 1
        record = read(depth, prefix_of(key, depth))
    records: list[Record] = []
    if record is not None:
        other, other_leaf = _parse_single(record)
        if other != key:
            depth = _first_difference(key, other) + 1
            records.append(_single(other, other_leaf, depth))
    records.append(_single(key, leaf, depth))
    siblings = {(row.depth, row.prefix): row.value for row in records}
    digest = _digest_of(records[-1].value)
    for above in range(depth - 1, -1, -1):
        place = (above + 1, prefix_of(_flip(key, above), above + 1))
        sibling = _digest_of(siblings.get(place) or read(*place))
        digest = _join(sibling, digest) if _bit(key, above) else _join(digest, sibling)
        records.append(Record(above, prefix_of(key, above), digest))
    return records


def _check_path(digest: Digest, key: bytes, proof: MapProof, map_root: bytes) -> None:
    """Climb from a place to the root and compare."""
    check_digest("map root", map_root)
    _check_form(proof)
    bitmap = int.from_bytes(proof.bitmap, "big")
    listed = list(proof.siblings)
    for depth in range(DEPTH - 1, -1, -1):
        sibling = listed.pop() if bitmap >> (DEPTH - 1 - depth) & 1 else EMPTY
        digest = _join(sibling, digest) if _bit(key, depth) else _join(digest, sibling)
    if digest != map_root:
        raise Refuted(f"map proof leads to root {digest.hex()}, want {map_root.hex()}")


def _check_form(proof: MapProof) -> None:
    if len(proof.bitmap) != DIGEST_SIZE:
        raise Malformed("bitmap of the map proof", proof.bitmap.hex(), "32 bytes")
    want = int.from_bytes(proof.bitmap, "big").bit_count()
    if len(proof.siblings) != want:
        raise Malformed("number of siblings in the map proof", len(proof.siblings), str(want))
    for sibling in proof.siblings:
        if check_digest("sibling in the map proof", sibling) == EMPTY:
            # Otherwise one proof could be written in many ways.
            raise Malformed("sibling in the map proof", "zero", "left out, its bit not set")


def _join(left: Digest, right: Digest) -> Digest:
    return EMPTY if left == right == EMPTY else node_hash(left, right)


def _lift(leaf: Digest, key: bytes, depth: int) -> Digest:
    """Compute the hash at `depth` of the subtree that holds this one leaf and nothing else."""
    bits = int.from_bytes(key, "big")
    for place in range(DEPTH - depth):
        leaf = node_hash(EMPTY, leaf) if bits >> place & 1 else node_hash(leaf, EMPTY)
    return leaf


def _single(key: Digest, leaf: Digest, depth: int) -> Record:
    return Record(depth, prefix_of(key, depth), _lift(leaf, key, depth) + key + leaf)


def _parse_single(record: bytes) -> tuple[Digest, Digest]:
    if len(record) != _SINGLE_SIZE:
        raise Malformed("size of a map record", len(record), "32 or 96 bytes")
    return Digest(record[DIGEST_SIZE:-DIGEST_SIZE]), Digest(record[-DIGEST_SIZE:])


def _digest_of(record: bytes | None) -> Digest:
    return EMPTY if record is None else Digest(record[:DIGEST_SIZE])


def _bit(key: bytes, depth: int) -> int:
    return key[depth >> 3] >> (7 - (depth & 7)) & 1


def _flip(key: bytes, depth: int) -> bytes:
    """Return the key with its bit at `depth` the other way."""
    at = depth >> 3
    return key[:at] + bytes([key[at] ^ 0x80 >> (depth & 7)]) + key[at + 1 :]


def _first_difference(key: bytes, other: bytes) -> int:
    return DEPTH - (int.from_bytes(key, "big") ^ int.from_bytes(other, "big")).bit_length()
