"""Signed transactions are read back exactly, and nothing else is read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemproof.anchor.signer import KeySigner
from stemproof.anchor.transaction import parse_transaction
from stemproof.errors import Refuted
from stemproof.evidence.ethsig import Address, address_of_key, format_address
from stemproof.evidence.rlp import decode_list, encode_rlp

KEY = bytes(31) + b"\x09"
TO = Address(b"\x05" * 20)


def sign(nonce: int = 3, data: bytes = b"abc", gas: int = 21000) -> bytes:
    return KeySigner(KEY).sign_transaction(
        {
            "type": 2,
            "chainId": 31337,
            "nonce": nonce,
            "to": format_address(TO),
            "value": 0,
            "data": data,
            "gas": gas,
            "maxFeePerGas": 7,
            "maxPriorityFeePerGas": 2,
        }
    )


@settings(max_examples=25)
@given(st.integers(0, 2**63), st.binary(max_size=300), st.integers(1, 2**30))
def test_what_eth_account_signs_is_read_back(nonce: int, data: bytes, gas: int) -> None:
    read = parse_transaction(sign(nonce, data, gas))
    assert (read.nonce, read.data, read.gas, read.to) == (nonce, data, gas, TO)
    assert read.sender == address_of_key(KEY)
    assert (read.chain_id, read.max_fee, read.tip) == (31337, 7, 2)


def rewrite(position: int, value: bytes | list[bytes]) -> bytes:
    items = decode_list(sign()[1:], what="transaction")
    items[position] = list(value) if isinstance(value, list) else value
    return b"\x02" + encode_rlp(items)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x02",
        b"\x01" + sign()[1:],
        sign()[1:],
        sign() + b"\x00",
        sign()[:-1],
        rewrite(6, b"\x01"),
        rewrite(8, [b"\x01"]),
        rewrite(5, b"\x05" * 19),
        rewrite(9, b"\x02"),
        rewrite(10, b""),
        rewrite(11, b"\xff" * 32),
        rewrite(1, b"\x00\x01"),
    ],
)
def test_what_we_would_not_have_signed_is_refused(raw: bytes) -> None:
    with pytest.raises(Refuted):
        parse_transaction(raw)


def test_a_changed_field_is_another_sender() -> None:
    changed = parse_transaction(rewrite(1, b"\x04"))
    assert changed.sender != address_of_key(KEY)
