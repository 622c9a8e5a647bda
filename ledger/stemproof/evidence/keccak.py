"""Keccak-256 as Ethereum uses it: the padding of the 2011 submission, not that of SHA-3.

pycryptodome hashes a trie node in 9 us and has wheels everywhere, but its import takes
0.1 s (it starts a C parser), so it is loaded by the first hash and not by the import
of this room.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

DIGEST_BYTES = 32


def keccak256(data: bytes) -> bytes:
    """Hash `data` to 32 bytes."""
    return _hasher()(data)


@cache
def _hasher() -> Callable[[bytes], bytes]:
    from Crypto.Hash import keccak

    def digest(data: bytes) -> bytes:
        return bytes(keccak.new(digest_bits=256, data=data).digest())

    return digest
