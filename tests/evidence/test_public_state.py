"""Public state tries: whole ones by their roots, and slots of mainnet as nodes prove them."""

from __future__ import annotations

import pytest
from tests.evidence.vectors import cases, load, octets

from stemproof.errors import Malformed, Refuted
from stemproof.evidence.keccak import keccak256
from stemproof.evidence.state import prove_account, prove_slot
from stemproof.evidence.trie import build_trie_proof, prove_value


@pytest.mark.parametrize("case", cases("mpt", prefix="secure-"))
def test_a_public_trie_of_hashed_keys_has_the_published_root(case: str) -> None:
    vector = load("mpt", case)
    accounts = {bytes.fromhex(key): bytes.fromhex(held) for key, held in vector["accounts"].items()}
    entries = {keccak256(key): held for key, held in accounts.items()}
    for key, held in accounts.items():
        root, nodes = build_trie_proof(entries, keccak256(key))
        assert root.hex() == vector["root"]
        assert prove_value(root, keccak256(key), nodes) == held
        assert prove_account(root, key, nodes) is not None


@pytest.mark.parametrize("case", cases("mpt", prefix="mainnet-"))
def test_a_slot_of_mainnet_is_proved(case: str) -> None:
    vector = load("mpt", case)
    root, slot = bytes.fromhex(vector["storage_root"]), bytes.fromhex(vector["slot"])
    assert f"{prove_slot(root, slot, octets(vector['nodes'])):064x}" == vector["word"]


@pytest.mark.parametrize("case", cases("mpt", prefix="mainnet-"))
def test_no_other_slot_is_proved_by_the_same_nodes(case: str) -> None:
    vector = load("mpt", case)
    root, nodes = bytes.fromhex(vector["storage_root"]), octets(vector["nodes"])
    for other in range(2, 40):
        slot = other.to_bytes(32, "big")
        try:
            assert prove_slot(root, slot, nodes) == 0
        except (Refuted, Malformed):
            continue
    for number, node in enumerate(nodes):
        changed = [*nodes[:number], node[:-1] + bytes([node[-1] ^ 1]), *nodes[number + 1 :]]
        with pytest.raises((Refuted, Malformed)):
            prove_slot(root, bytes.fromhex(vector["slot"]), changed)
