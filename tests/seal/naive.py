"""The definitions of RFC 6962 and of the map of heads, written down as they are read.

Slow, recursive, and without a line of the package: what the fast code is compared with, and what
the vectors are made by.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

ZERO = b"\x00" * 32


def h(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def split(n: int) -> int:
    """The largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def root(leaves: Sequence[bytes]) -> bytes:
    """MTH(D[n]), RFC 6962 section 2.1; `leaves` are the entries themselves."""
    if not leaves:
        return h(b"")
    if len(leaves) == 1:
        return h(b"\x00" + leaves[0])
    k = split(len(leaves))
    return h(b"\x01" + root(leaves[:k]) + root(leaves[k:]))


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n]), RFC 6962 section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), root(leaves[k:])]
    return [*path(m - k, leaves[k:]), root(leaves[:k])]


def consistency(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PROOF(m, D[n]), RFC 6962 section 2.1.2."""
    return subproof(m, leaves, known=True)


def subproof(m: int, leaves: Sequence[bytes], *, known: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if known else [root(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], known=known), root(leaves[k:])]
    return [*subproof(m - k, leaves[k:], known=False), root(leaves[:k])]


def key_of(work: bytes) -> bytes:
    return h(work)


def bits(key: bytes) -> str:
    return "".join(f"{byte:08b}" for byte in key)


Heads = Mapping[str, tuple[int, bytes]]
"""256 characters '0' or '1' -> (size, root)"""


def map_root(heads: Heads, prefix: str = "") -> bytes:
    """The hash of the subtree under `prefix`, all 256 levels of it."""
    inside = {key: head for key, head in heads.items() if key.startswith(prefix)}
    if not inside:
        return ZERO
    if len(prefix) == 256:
        size, work_root = inside[prefix]
        return h(b"\x00" + int(prefix, 2).to_bytes(32, "big") + size.to_bytes(8, "big") + work_root)
    return h(b"\x01" + map_root(inside, prefix + "0") + map_root(inside, prefix + "1"))


def map_proof(heads: Heads, key: str) -> bytes:
    """Bitmap and siblings for a key, be it there or not."""
    bitmap, siblings = "", b""
    for depth in range(256):
        sibling = map_root(heads, key[:depth] + ("1" if key[depth] == "0" else "0"))
        bitmap += "0" if sibling == ZERO else "1"
        siblings += b"" if sibling == ZERO else sibling
    return int(bitmap, 2).to_bytes(32, "big") + siblings
