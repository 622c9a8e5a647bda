"""Tries: public vectors, and the definition of the Yellow Paper written out."""

from __future__ import annotations

import pytest
import rlp as peer  # type: ignore[import-untyped]  # it publishes no types
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.vectors import KINDS, cases, load, octets

from stemproof.errors import Refuted
from stemproof.evidence.keccak import keccak256
from stemproof.evidence.state import mapping_slot, prove_account, prove_slot
from stemproof.evidence.trie import EMPTY_ROOT, build_proof, build_trie_proof, prove_value

keys = st.one_of(
    st.binary(min_size=1, max_size=3),
    st.text("\x00\x01\x10\x11", min_size=1, max_size=4).map(str.encode),
)
tries = st.dictionaries(keys, st.binary(min_size=1, max_size=40), min_size=1, max_size=24)


def _naive_node(pairs: list[tuple[str, bytes]], at: int) -> list[object]:
    """Yellow Paper, appendix D, function c; keys as hex text."""
    if len(pairs) == 1:
        return [_naive_path(pairs[0][0][at:], leaf=True), pairs[0][1]]
    end = at
    while all(len(key) > end and key[end] == pairs[0][0][end] for key, _ in pairs):
        end += 1
    if end != at:
        return [_naive_path(pairs[0][0][at:end], leaf=False), _naive_reference(pairs, end)]
    branch: list[object] = []
    for digit in "0123456789abcdef":
        below = [pair for pair in pairs if pair[0][at : at + 1] == digit]
        branch.append(_naive_reference(below, at + 1) if below else b"")
    return [*branch, next((value for key, value in pairs if len(key) == at), b"")]


def _naive_path(digits: str, *, leaf: bool) -> bytes:
    flag = 2 * leaf + len(digits) % 2
    return bytes.fromhex(f"{flag}{digits}" if len(digits) % 2 else f"{flag}0{digits}")


def _naive_reference(pairs: list[tuple[str, bytes]], at: int) -> object:
    node = _naive_node(pairs, at)
    data: bytes = peer.encode(node)
    return node if len(data) < 32 else keccak256(data)


def _naive_root(entries: dict[bytes, bytes]) -> bytes:
    pairs = [(key.hex(), value) for key, value in entries.items()]
    return keccak256(peer.encode(_naive_node(pairs, 0)))


@pytest.mark.parametrize("case", cases("mpt", prefix="trie-"))
def test_a_public_trie_has_the_published_root(case: str) -> None:
    vector = load("mpt", case)
    entries = {bytes.fromhex(k): bytes.fromhex(v) for k, v in vector["entries"].items()}
    root, _ = build_trie_proof(entries, b"")
    assert root.hex() == vector["root"]


@pytest.mark.parametrize("case", cases("mpt", prefix="proof-"))
def test_a_public_proof_is_read_and_made(case: str) -> None:
    vector = load("mpt", case)
    key, nodes = bytes.fromhex(vector["key"]), octets(vector["nodes"])
    value = prove_value(bytes.fromhex(vector["root"]), key, nodes)
    assert (None if value is None else value.hex()) == vector["value"]
    dogs = load("mpt", "trie-dogs")["entries"]
    entries = {bytes.fromhex(k): bytes.fromhex(v) for k, v in dogs.items()}
    assert build_trie_proof(entries, key)[1] == nodes


@pytest.mark.parametrize("case", cases("mpt", prefix="refused-", refused=True))
def test_a_bad_proof_is_refused(case: str) -> None:
    vector = load("mpt", case)
    with pytest.raises(KINDS[vector["refused"]]) as caught:
        prove_value(
            bytes.fromhex(vector["root"]), bytes.fromhex(vector["key"]), octets(vector["nodes"])
        )
    assert type(caught.value) is KINDS[vector["refused"]]


@pytest.mark.parametrize("case", cases("mpt", prefix="state-"))
def test_a_public_state_proof_yields_account_and_slot(case: str) -> None:
    vector = load("mpt", case)
    account = prove_account(
        bytes.fromhex(vector["state_root"]),
        bytes.fromhex(vector["address"]),
        octets(vector["account_proof"]),
    )
    assert account is not None
    assert (account.nonce, account.balance) == (vector["nonce"], vector["balance"])
    word = prove_slot(
        account.storage_root, bytes.fromhex(vector["slot"]), octets(vector["storage_proof"])
    )
    assert f"{word:064x}" == vector["word"]


def test_an_account_that_is_not_there_is_proved_absent() -> None:
    vector = load("mpt", "state-slot-absent")
    root = bytes.fromhex(vector["state_root"])
    # This address hashes to a first nibble that the root node leaves empty.
    address = next(
        n.to_bytes(20, "big") for n in range(99) if keccak256(n.to_bytes(20, "big"))[0] >> 4 == 9
    )
    assert prove_account(root, address, octets(vector["account_proof"][:1])) is None


def test_a_mapping_slot_is_where_solidity_puts_it() -> None:
    # Solidity's documentation of storage layout: keccak256(h(k) . p).
    key = bytes.fromhex("aa" * 20)
    assert mapping_slot(key, bytes(32)) == keccak256(bytes(12) + key + bytes(32))


@given(entries=tries)
def test_the_root_is_that_of_the_naive_definition(entries: dict[bytes, bytes]) -> None:
    assert build_trie_proof(entries, b"")[0] == _naive_root(entries)


@given(entries=tries, key=keys)
def test_every_key_is_proved_present_or_absent(entries: dict[bytes, bytes], key: bytes) -> None:
    for each in (*entries, key):
        root, nodes = build_trie_proof(entries, each)
        assert prove_value(root, each, nodes) == entries.get(each)


@given(entries=tries, data=st.data())
def test_every_flipped_bit_of_a_node_is_refused(
    entries: dict[bytes, bytes], data: st.DataObject
) -> None:
    key = data.draw(st.sampled_from(sorted(entries)))
    root, nodes = build_trie_proof(entries, key)
    at = data.draw(st.integers(0, len(nodes) - 1))
    bit = data.draw(st.integers(0, len(nodes[at]) * 8 - 1))
    node = bytearray(nodes[at])
    node[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Refuted):
        prove_value(root, key, [*nodes[:at], bytes(node), *nodes[at + 1 :]])


@given(entries=tries, data=st.data())
def test_a_node_dropped_added_or_moved_is_refused(
    entries: dict[bytes, bytes], data: st.DataObject
) -> None:
    key = data.draw(st.sampled_from(sorted(entries)))
    root, nodes = build_trie_proof(entries, key)
    at = data.draw(st.integers(0, len(nodes) - 1))
    bad = [
        [*nodes[:at], *nodes[at + 1 :]],
        [*nodes[: at + 1], *nodes[at:]],
        [*nodes, b"\xc0"],
        nodes[::-1] if len(nodes) > 1 else [],
    ]
    for proof in bad:
        with pytest.raises(Refuted):
            prove_value(root, key, proof)


@pytest.mark.parametrize("count", [1, 2, 16, 17, 127, 128, 129, 257, 1000])
def test_every_item_of_a_list_is_proved(count: int) -> None:
    items = [b"receipt %d" % n for n in range(count)]
    for index in {0, 1, count // 2, count - 1} & set(range(count)):
        root, nodes = build_proof(items, index)
        assert prove_value(root, peer.encode(index), nodes) == items[index]


def test_a_list_ends_where_it_ends() -> None:
    root, nodes = build_proof([b"a" * 40, b"b" * 40], 2)
    assert prove_value(root, peer.encode(2), nodes) is None


def test_the_empty_trie_holds_nothing() -> None:
    assert build_proof([], 0) == (EMPTY_ROOT, [])
    assert prove_value(EMPTY_ROOT, b"key", []) is None
    assert keccak256(peer.encode(b"")) == EMPTY_ROOT
