"""Signed EIP-1559 transactions, read back from the bytes that were stored before sending.

    0x02 || RLP(chain id, nonce, tip, max fee, gas, to, value, data, access list, v, r, s)

Only what this package signs is read: type 2, no value, no access list. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass

from stemproof.errors import Malformed
from stemproof.evidence.ethsig import Address, recover_address
from stemproof.evidence.keccak import keccak256
from stemproof.evidence.rlp import as_bytes, as_integer, decode_list, encode_rlp

_TYPE = b"\x02"


@dataclass(frozen=True, slots=True)
class Transaction:
    """What a signed transaction says."""

    hash: bytes
    sender: Address
    chain_id: int
    nonce: int
    tip: int
    max_fee: int
    gas: int
    to: Address
    data: bytes


def parse_transaction(raw: bytes) -> Transaction:
    """Read a signed transaction; its sender is recovered from the signature."""
    if raw[:1] != _TYPE:
        raise Malformed("transaction type", raw[:1], "2 (EIP-1559)")
    items = decode_list(raw[1:], what="transaction")
    if len(items) != 12:
        raise Malformed("number of transaction fields", len(items), "12")
    if items[6] != b"" or items[8] != []:
        raise Malformed("transaction", items[6], "no value and no access list")
    numbers = [as_integer(items[n], "transaction field", max_bytes=32) for n in range(5)]
    v, r, s = (as_integer(items[n], "signature", max_bytes=32) for n in (9, 10, 11))
    if v > 1:
        raise Malformed("signature parity", v, "0 or 1")
    digest = keccak256(_TYPE + encode_rlp(items[:9]))
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + v])
    return Transaction(
        hash=keccak256(raw),
        sender=recover_address(digest, signature),
        chain_id=numbers[0],
        nonce=numbers[1],
        tip=numbers[2],
        max_fee=numbers[3],
        gas=numbers[4],
        to=Address(as_bytes(items[5], "to", 20)),
        data=as_bytes(items[7], "data"),
    )
