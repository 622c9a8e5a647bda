"""Signatures and addresses: published ones, and eth-keys as an independent implementation."""

from __future__ import annotations

import pytest
from eth_keys.datatypes import PrivateKey, Signature
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evidence.vectors import KINDS, cases, load

from stemproof.errors import Malformed, Refuted
from stemproof.evidence.ethsig import (
    ORDER,
    Address,
    address_of_key,
    check_signature,
    format_address,
    parse_address,
    recover_address,
    sign_digest,
)

private_keys = st.integers(1, ORDER - 1).map(lambda n: n.to_bytes(32, "big"))
digests = st.binary(min_size=32, max_size=32)
ADDRESSES = load("ethsig", "addresses")
SIGNED = [case for case in cases("ethsig") if case != "addresses"]


@pytest.mark.parametrize("case", SIGNED)
def test_a_published_signature_is_by_its_signer(case: str) -> None:
    vector = load("ethsig", case)
    digest, signature = bytes.fromhex(vector["digest"]), bytes.fromhex(vector["signature"])
    assert recover_address(digest, signature).hex() == vector["address"]
    check_signature(digest, signature, Address(bytes.fromhex(vector["address"])))


@pytest.mark.parametrize("case", cases("ethsig", refused=True))
def test_any_other_form_of_a_signature_is_refused(case: str) -> None:
    vector = load("ethsig", case)
    with pytest.raises(KINDS[vector["refused"]]) as caught:
        check_signature(
            bytes.fromhex(vector["digest"]),
            bytes.fromhex(vector["signature"]),
            Address(bytes.fromhex(vector["address"])),
        )
    assert type(caught.value) is KINDS[vector["refused"]]


@settings(max_examples=30, deadline=None)
@given(key=private_keys, digest=digests)
def test_eth_keys_agrees(key: bytes, digest: bytes) -> None:
    signature = sign_digest(key, digest)
    theirs = PrivateKey(key)
    vrs = signature[:64] + bytes([signature[64] - 27])
    assert Signature(vrs).recover_public_key_from_msg_hash(digest) == theirs.public_key
    assert recover_address(digest, signature) == theirs.public_key.to_canonical_address()
    assert address_of_key(key) == theirs.public_key.to_canonical_address()
    assert format_address(address_of_key(key)) == theirs.public_key.to_checksum_address()


@settings(deadline=None)
@given(bit=st.integers(0, 65 * 8 - 1))
def test_every_flipped_bit_of_a_signature_is_refused(bit: int) -> None:
    digest, key = bytes(range(32)), b"\x07" * 32
    changed = bytearray(sign_digest(key, digest))
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Refuted):
        check_signature(digest, bytes(changed), address_of_key(key))


@pytest.mark.parametrize("text", ADDRESSES["accepted"])
def test_a_published_address_is_read_back(text: str) -> None:
    assert format_address(parse_address(text)) == text


@pytest.mark.parametrize("text", ADDRESSES["refused"])
def test_an_address_in_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_address(text)


@pytest.mark.parametrize("key", [bytes(32), ORDER.to_bytes(32, "big"), b"\x01" * 31])
def test_a_number_that_is_no_key_is_refused_and_not_shown(key: bytes) -> None:
    for use in (address_of_key, lambda bad: sign_digest(bad, bytes(32))):
        with pytest.raises(Malformed) as caught:
            use(key)
        assert repr(key) not in str(caught.value)
        assert key.hex() not in str(caught.value)


def test_a_digest_of_another_length_is_not_signed() -> None:
    with pytest.raises(Malformed):
        sign_digest(b"\x07" * 32, bytes(31))
    with pytest.raises(Malformed):
        format_address(Address(bytes(19)))
