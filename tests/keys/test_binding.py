"""Bindings and rotations: every vector, every altered byte, and an independent wallet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemproof.errors import Malformed, Refuted, StemproofError, Undecided
from stemproof.evidence.ethsig import Address
from stemproof.keys import binding, rotation

VECTORS = Path(__file__).parents[1] / "vectors" / "binding"
CASES = sorted(VECTORS.glob("*.json"))


# Any: a vector is whatever its file says.
def load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text())
    return document


BINDING = load("accepted")["data"].encode()
ROTATION = load("rotation-accepted-by-identity")["data"].encode()


def holder(members: dict[str, Any]) -> rotation.Holder:
    return rotation.Holder(
        origin=members["origin"],
        number=members["number"],
        identity_key=bytes.fromhex(members["identity_key"]),
        account=Address(bytes.fromhex(members["account"])),
        recovery=bytes.fromhex(members["recovery"]),
    )


BEFORE = holder(load("rotation-accepted-by-identity")["before"])


def verdict(vector: dict[str, Any]) -> str:
    data = vector["data"].encode()
    try:
        if vector["check"] == "binding":
            binding.check_binding(data)
        else:
            rotation.check_rotation(data, holder(vector["before"]))
    except StemproofError as error:
        kinds = {Malformed: "malformed", Refuted: "refuted", Undecided: "undecided"}
        return kinds[type(error)]
    return "accepted"


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_vector_gets_its_verdict(path: Path) -> None:
    vector = load(path.stem)
    assert verdict(vector) == vector["want"]


@pytest.mark.parametrize("name", ["accepted", "accepted-no-chain"])
def test_the_same_keys_make_the_same_binding(name: str) -> None:
    vector = load(name)
    seeds = vector["seeds"]
    want = binding.check_binding(vector["data"].encode())
    made = binding.make_binding(
        identity_seed=bytes.fromhex(seeds["identity_seed"]),
        log_seed=bytes.fromhex(seeds["log_seed"]),
        account_key=bytes.fromhex(seeds["account_key"]),
        recovery=want.recovery,
        chains=want.chains[::-1],
    )
    assert made == vector["data"].encode()


@pytest.mark.parametrize("name", ["rotation-accepted-by-identity", "rotation-accepted-by-recovery"])
def test_the_same_keys_make_the_same_rotation(name: str) -> None:
    vector = load(name)
    seeds = {key: bytes.fromhex(value) for key, value in vector["seeds"].items()}
    assert rotation.make_rotation(holder(vector["before"]), **seeds) == vector["data"].encode()


def test_what_is_read_is_written_again() -> None:
    assert binding.format_binding(binding.parse_binding(BINDING)) == BINDING
    assert rotation.format_rotation(rotation.parse_rotation(ROTATION)) == ROTATION


def test_a_rotation_leads_to_a_holder_who_can_rotate_again() -> None:
    start = rotation.holder_of(binding.check_binding(BINDING))
    assert start == BEFORE
    after = rotation.check_rotation(ROTATION, start)
    assert (after.number, after.origin, after.recovery) == (1, start.origin, start.recovery)
    again = rotation.make_rotation(
        after,
        authority_seed=_seed("identity 2"),
        identity_seed=bytes(31) + b"\x03",
        account_key=bytes(31) + b"\x04",
    )
    assert rotation.check_rotation(again, after).number == 2


@given(place=st.integers(0, len(BINDING) - 1), bit=st.integers(0, 7))
def test_every_flipped_bit_of_a_binding_is_refused(place: int, bit: int) -> None:
    with pytest.raises((Refuted, Undecided)):
        binding.check_binding(_flip(BINDING, place, bit))


@given(place=st.integers(0, len(ROTATION) - 1), bit=st.integers(0, 7))
def test_every_flipped_bit_of_a_rotation_is_refused(place: int, bit: int) -> None:
    with pytest.raises((Refuted, Undecided)):
        rotation.check_rotation(_flip(ROTATION, place, bit), BEFORE)


@given(cut=st.integers(0, len(BINDING) - 1))
def test_every_cut_of_a_binding_is_refused(cut: int) -> None:
    with pytest.raises(Malformed):
        binding.check_binding(BINDING[:cut])


@given(data=st.binary(max_size=200))
def test_no_bytes_make_the_parsers_fail_otherwise(data: bytes) -> None:
    with pytest.raises(Malformed):
        binding.parse_binding(data)
    with pytest.raises(Malformed):
        rotation.parse_rotation(data)


def test_another_wallet_recovers_the_account_of_a_binding() -> None:
    bound = binding.check_binding(BINDING)
    message = {
        "origin": bound.origin,
        "logKey": bound.log_key,
        "identityKey": bound.identity_key,
        "recovery": bound.recovery,
    }
    members = [
        ("origin", "string"),
        ("logKey", "bytes32"),
        ("identityKey", "bytes32"),
        ("recovery", "bytes32"),
    ]
    assert _recover("Binding", members, message, bound.signatures.account) == bound.account.hex()


def test_another_wallet_recovers_the_account_of_a_rotation() -> None:
    step = rotation.parse_rotation(ROTATION)
    message = {
        "origin": step.after.origin,
        "number": step.after.number,
        "replaces": step.replaces,
        "identityKey": step.after.identity_key,
        "recovery": step.after.recovery,
    }
    members = [
        ("origin", "string"),
        ("number", "uint256"),
        ("replaces", "bytes32"),
        ("identityKey", "bytes32"),
        ("recovery", "bytes32"),
    ]
    assert _recover("Rotation", members, message, step.signatures.account) == (
        step.after.account.hex()
    )


def _recover(
    primary: str, members: list[tuple[str, str]], message: dict[str, Any], signature: bytes
) -> str:
    from eth_account import Account
    from eth_account.messages import encode_typed_data

    signable = encode_typed_data(
        full_message={
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                ],
                primary: [{"name": name, "type": kind} for name, kind in members],
            },
            "primaryType": primary,
            "domain": {"name": "stemproof", "version": "0"},
            "message": message,
        }
    )
    return str(Account.recover_message(signable, signature=signature))[2:].lower()


def _flip(data: bytes, place: int, bit: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]


def _seed(name: str) -> bytes:
    import hashlib

    return hashlib.sha256(name.encode()).digest()
