"""EIP-712: published examples, and eth-account as an independent implementation."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evidence.vectors import cases, load

from stemproof.errors import Malformed
from stemproof.evidence.eip712 import (
    Domain,
    Types,
    domain_separator,
    encode_type,
    hash_struct,
    typed_digest,
)
from stemproof.evidence.ethsig import address_of_key, recover_address, sign_digest
from stemproof.evidence.keccak import keccak256

KEY = keccak256(b"cow")
words = st.binary(min_size=32, max_size=32)
messages = st.fixed_dictionaries(
    {
        "origin": words,
        "prior": st.integers(0, 2**256 - 1),
        "size": st.integers(0, 2**40 - 1),
        "holder": st.binary(min_size=20, max_size=20),
        "title": st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        "scope": st.binary(max_size=40),
        "exclusive": st.booleans(),
        "roots": st.lists(words, max_size=3),
        "shares": st.lists(st.integers(0, 255), max_size=3),
        "names": st.lists(st.text("abc é", max_size=5), max_size=3),
    }
)
TYPES: Types = {
    "Grant": (
        ("origin", "bytes32"),
        ("prior", "uint256"),
        ("size", "uint40"),
        ("holder", "address"),
        ("title", "string"),
        ("scope", "bytes"),
        ("exclusive", "bool"),
        ("roots", "bytes32[]"),
        ("shares", "uint8[]"),
        ("names", "string[]"),
    )
}


def _types(vector: dict[str, Any]) -> Types:
    return {name: tuple((m[0], m[1]) for m in members) for name, members in vector.items()}


def _value(types: Types, kind: str, value: Any) -> Any:  # JSON in, Python's values out
    if kind.endswith("[]") and isinstance(value, list):
        return [_value(types, kind[:-2], each) for each in value]
    if kind in types:
        return {name: _value(types, inner, value[name]) for name, inner in types[kind]}
    if kind in ("address", "bytes", "bytes32", "bytes31") and isinstance(value, str):
        return bytes.fromhex(value)
    return value


@pytest.mark.parametrize("case", cases("eip712"))
def test_a_published_example_has_its_digest_and_signature(case: str) -> None:
    vector = load("eip712", case)
    types, primary = _types(vector["types"]), vector["primary"]
    given_domain = vector["domain"]
    domain = Domain(
        given_domain["name"],
        given_domain["version"],
        given_domain["chain_id"],
        bytes.fromhex(given_domain["contract"]),
    )
    message = _value(types, primary, vector["message"])
    assert encode_type(types, primary) == vector["encoded_type"]
    assert domain_separator(domain).hex() == vector["separator"]
    assert hash_struct(types, primary, message).hex() == vector["struct"]
    digest = typed_digest(domain, types, primary, message)
    assert digest.hex() == vector["digest"]
    key = keccak256(vector["key_seed"].encode())
    assert address_of_key(key).hex() == vector["signer"]
    assert sign_digest(key, digest).hex() == vector["signature"]


@pytest.mark.parametrize("case", cases("eip712", refused=True))
def test_a_value_that_does_not_fit_its_type_is_refused(case: str) -> None:
    vector = load("eip712", case)
    types: Types = {"Note": tuple((m[0], m[1]) for m in vector["members"])}
    message = {
        name: _value({}, dict(types["Note"]).get(name, "string"), value)
        for name, value in vector["message"].items()
    }
    with pytest.raises(Malformed):
        hash_struct(types, "Note", message)


@settings(max_examples=50, deadline=None)
@given(message=messages, chain_id=st.integers(1, 2**53 - 1))
def test_eth_account_signs_the_same_digest(message: dict[str, Any], chain_id: int) -> None:
    contract = b"\xcc" * 20
    domain = Domain("stemproof", "1", chain_id, contract)
    digest = typed_digest(domain, TYPES, "Grant", message)
    signable = encode_typed_data(
        domain_data={
            "name": "stemproof",
            "version": "1",
            "chainId": chain_id,
            "verifyingContract": "0x" + contract.hex(),
        },
        message_types={"Grant": [{"name": name, "type": kind} for name, kind in TYPES["Grant"]]},
        message_data={**message, "holder": "0x" + message["holder"].hex()},
    )
    signed = Account.sign_message(signable, KEY)
    assert bytes(signed.message_hash) == digest
    assert bytes(signed.signature) == sign_digest(KEY, digest)
    assert recover_address(digest, bytes(signed.signature)) == address_of_key(KEY)


def test_a_message_nested_beyond_the_bound_is_refused() -> None:
    message: dict[str, object] = {}
    for _ in range(9):
        message = {"inner": [message]}
    with pytest.raises(Malformed, match="nesting"):
        hash_struct({"Box": (("inner", "Box[]"),)}, "Box", message)
