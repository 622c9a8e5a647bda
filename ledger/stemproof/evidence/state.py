"""State: what an account and a storage slot hold, under a state root.

Both tries are "secure": their keys are the Keccak-256 of the address and of the slot.
A slot that was never written and one that was set to zero are alike: absent, so zero.
No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stemproof.errors import Malformed
from stemproof.evidence.keccak import keccak256
from stemproof.evidence.rlp import as_bytes, as_integer, decode_list, decode_rlp
from stemproof.evidence.trie import prove_value

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Account:
    """An account that exists."""

    nonce: int
    balance: int
    storage_root: bytes
    code_hash: bytes


def prove_account(state_root: bytes, address: bytes, nodes: Sequence[bytes]) -> Account | None:
    """Yield the account at `address`, or None where it is proved not to exist."""
    if len(address) != 20:
        raise Malformed("address", address, "20 bytes")
    value = prove_value(state_root, keccak256(address), nodes)
    if value is None:
        return None
    items = decode_list(value, what="account")
    if len(items) != 4:
        raise Malformed("number of account fields", len(items), "4")
    return Account(
        nonce=as_integer(items[0], "nonce", max_bytes=8),
        balance=as_integer(items[1], "balance", max_bytes=32),
        storage_root=as_bytes(items[2], "storageRoot", 32),
        code_hash=as_bytes(items[3], "codeHash", 32),
    )


def prove_slot(storage_root: bytes, slot: bytes, nodes: Sequence[bytes]) -> int:
    """Yield the word in the slot with this 32-byte key; zero where it is proved absent."""
    if len(slot) != 32:
        raise Malformed("slot", slot, "32 bytes")
    value = prove_value(storage_root, keccak256(slot), nodes)
    if value is None:
        return 0
    word = as_integer(decode_rlp(value, what="slot value"), "slot value", max_bytes=32)
    if word == 0:
        raise Malformed("slot value", value, "a word other than zero, which is never stored")
    return word


def mapping_slot(key: bytes, base: bytes) -> bytes:
    """Find the slot of `key` in the Solidity mapping at the 32-byte slot `base`."""
    if len(key) > 32 or len(base) != 32:
        raise Malformed("mapping key", key, "at most 32 bytes, in a slot of 32")
    return keccak256(key.rjust(32, b"\0") + base)
