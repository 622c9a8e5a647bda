"""RFC 6962 / RFC 9162 Merkle trees over SHA-256: hashes, roots and the two checks.

    leaf = SHA-256(0x00 || data)        node = SHA-256(0x01 || left || right)

The shape of a proof is derived from the numbers that the verifier holds, never from the proof.
Stricter than the RFCs, as transparency-dev/merkle is: a consistency proof from size 0 says nothing
and is refused, and every hash is 32 bytes.
No I/O. A change here may orphan proofs already issued: see tests/vectors/inclusion/ and
tests/vectors/consistency/.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final, NewType

from stemproof.errors import Malformed, Refuted

Digest = NewType("Digest", bytes)

DIGEST_SIZE: Final = 32
# Sizes travel as 64 bits in the map's leaves and in checkpoints.
SIZE_LIMIT: Final = 2**64
# RFC 6962 section 2.1: the root of no leaves is the hash of no bytes.
EMPTY_ROOT: Final = Digest(sha256(b"").digest())


def leaf_hash(data: bytes) -> Digest:
    """Hash one entry."""
    return Digest(sha256(b"\x00" + data).digest())


def node_hash(left: bytes, right: bytes) -> Digest:
    """Hash two subtrees."""
    # RFC 6962 section 2.1: 0x01 keeps a node from passing as a leaf.
    return Digest(sha256(b"\x01" + left + right).digest())


def root_of(leaf_hashes: Sequence[bytes]) -> Digest:
    """Compute the root over hashes of leaves, which are all held in memory."""
    if not leaf_hashes:
        return EMPTY_ROOT
    row = list(leaf_hashes)
    while len(row) > 1:
        above: list[bytes] = [
            sha256(b"\x01" + left + right).digest()
            for left, right in zip(row[::2], row[1::2], strict=False)
        ]
        if len(row) % 2:
            # A last node without a sibling rises as it is; it is never doubled.
            above.append(row[-1])
        row = above
    return Digest(row[0])


def check_digest(what: str, value: bytes) -> Digest:
    """Refuse what is not 32 bytes."""
    if len(value) != DIGEST_SIZE:
        raise Malformed(what, value.hex(), "a hash of 32 bytes")
    return Digest(value)


def inclusion_root(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> Digest:
    """Compute the root that `proof` leads to from the hash of leaf `index` out of `size`."""
    if not 0 < size < SIZE_LIMIT:
        raise Malformed("tree size", size, "a number from 1 to 2**64 - 1")
    if not 0 <= index < size:
        raise Malformed("leaf index", index, f"a number from 0 to {size - 1}")
    inner, border = _shape(index, size)
    _check_length("inclusion proof", proof, inner + border)
    digest = _climb(check_digest("leaf hash", leaf), proof[:inner], index)
    return _climb_border(digest, proof[inner:])


def check_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Refuse unless `leaf` (a leaf hash) is number `index` of the `size` leaves under `root`."""
    check_digest("root", root)
    computed = inclusion_root(leaf, index, size, proof)
    if computed != root:
        raise Refuted(
            f"inclusion proof of leaf {index} of {size} leads to root {computed.hex()}, "
            f"want {root.hex()}"
        )


def check_consistency(
    size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes
) -> None:
    """Refuse unless the tree of `size1` leaves is the beginning of the tree of `size2`."""
    if not 0 < size2 < SIZE_LIMIT:
        raise Malformed("newer tree size", size2, "a number from 1 to 2**64 - 1")
    if not 0 < size1 <= size2:
        raise Malformed("older tree size", size1, f"a number from 1 to {size2}")
    check_digest("older root", root1)
    check_digest("newer root", root2)
    if size1 == size2:
        _check_length("consistency proof", proof, 0)
        computed1, computed2 = Digest(root1), Digest(root1)
    else:
        computed1, computed2 = _consistency_roots(size1, size2, proof, root1)
    if computed1 != root1:
        raise Refuted(
            f"consistency proof from {size1} to {size2} leads to older root {computed1.hex()}, "
            f"want {root1.hex()}"
        )
    if computed2 != root2:
        raise Refuted(
            f"consistency proof from {size1} to {size2} leads to newer root {computed2.hex()}, "
            f"want {root2.hex()}"
        )


def _consistency_roots(
    size1: int, size2: int, proof: Sequence[bytes], root1: bytes
) -> tuple[Digest, Digest]:
    """Compute both roots from a proof between two different sizes (RFC 9162 section 2.1.4.2)."""
    inner, border = _shape(size1 - 1, size2)
    # The climb starts at the largest complete subtree that ends where the older tree ends.
    level = (size1 & -size1).bit_length() - 1
    inner -= level
    if size1 == 1 << level:
        # That subtree is the whole older tree: its root is known and not in the proof.
        _check_length("consistency proof", proof, inner + border)
        seed, path = Digest(root1), proof
    else:
        _check_length("consistency proof", proof, 1 + inner + border)
        seed, path = Digest(proof[0]), proof[1:]
    index = (size1 - 1) >> level
    left_siblings = [node for bit, node in enumerate(path[:inner]) if index >> bit & 1]
    older = _climb_border(_climb_border(seed, left_siblings), path[inner:])
    newer = _climb_border(_climb(seed, path[:inner], index), path[inner:])
    return older, newer


def _shape(index: int, size: int) -> tuple[int, int]:
    """Count the proof's nodes below and above the point where the path joins the right border.

    Below it a node may stand on either side; above it every node stands left, one for each
    one-bit of the index that is left.
    """
    inner = (index ^ (size - 1)).bit_length()
    return inner, (index >> inner).bit_count()


def _check_length(what: str, proof: Sequence[bytes], want: int) -> None:
    if len(proof) != want:
        raise Malformed(f"length of the {what}", len(proof), str(want))
    for node in proof:
        check_digest(f"node of the {what}", node)


def _climb(digest: Digest, path: Sequence[bytes], index: int) -> Digest:
    """Fold siblings from below; bit n of `index` says on which side node n stands."""
    for bit, node in enumerate(path):
        digest = node_hash(node, digest) if index >> bit & 1 else node_hash(digest, node)
    return digest


def _climb_border(digest: Digest, path: Sequence[bytes]) -> Digest:
    """Fold siblings that all stand to the left."""
    for node in path:
        digest = node_hash(node, digest)
    return digest
