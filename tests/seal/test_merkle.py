"""Inclusion and consistency checks against a naive reading of RFC 6962."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.seal import naive

from stemproof.errors import Malformed, Refuted
from stemproof.seal.merkle import (
    EMPTY_ROOT,
    check_consistency,
    check_inclusion,
    inclusion_root,
    leaf_hash,
    node_hash,
    root_of,
)


def entries(size: int) -> list[bytes]:
    return [b"entry %d" % n for n in range(size)]


def flip(data: bytes, bit: int) -> bytes:
    return bytes(byte ^ (0x80 >> bit % 8 if at == bit // 8 else 0) for at, byte in enumerate(data))


def test_the_hashes_are_those_of_the_rfc() -> None:
    # RFC 6962 test vectors of Certificate Transparency: leaf of no bytes, root of no leaves.
    assert leaf_hash(b"").hex() == (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    )
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("size", range(65))
def test_the_root_is_the_naive_root(size: int) -> None:
    assert root_of([leaf_hash(entry) for entry in entries(size)]) == naive.root(entries(size))


def test_a_node_cannot_pass_as_a_leaf() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)


@given(size=st.integers(1, 64), data=st.data())
def test_every_leaf_is_provable(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = naive.path(index, entries(size))
    check_inclusion(leaf_hash(entries(size)[index]), index, size, proof, naive.root(entries(size)))


def test_the_leaf_of_a_tree_of_one_is_its_root() -> None:
    check_inclusion(leaf_hash(b"x"), 0, 1, [], leaf_hash(b"x"))


@given(size=st.integers(2, 64), data=st.data())
def test_an_inclusion_proof_with_a_flipped_bit_is_refuted(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = naive.path(index, entries(size))
    at = data.draw(st.integers(0, len(proof) - 1))
    proof[at] = flip(proof[at], data.draw(st.integers(0, 255)))
    leaf = leaf_hash(entries(size)[index])
    with pytest.raises(Refuted, match="leads to root"):
        check_inclusion(leaf, index, size, proof, naive.root(entries(size)))


@given(size=st.integers(1, 64), data=st.data())
def test_a_leaf_or_root_with_a_flipped_bit_is_refuted(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof, root = naive.path(index, entries(size)), naive.root(entries(size))
    leaf, bit = leaf_hash(entries(size)[index]), data.draw(st.integers(0, 255))
    with pytest.raises(Refuted, match="leads to root"):
        check_inclusion(flip(leaf, bit), index, size, proof, root)
    with pytest.raises(Refuted, match="leads to root"):
        check_inclusion(leaf, index, size, proof, flip(root, bit))


@given(size=st.integers(1, 64), data=st.data())
def test_an_inclusion_proof_with_a_node_more_or_less_is_malformed(
    size: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof, root = naive.path(index, entries(size)), naive.root(entries(size))
    leaf, at = leaf_hash(entries(size)[index]), data.draw(st.integers(0, len(proof)))
    with pytest.raises(Malformed, match="length of the inclusion proof"):
        check_inclusion(leaf, index, size, [*proof[:at], root, *proof[at:]], root)
    if at < len(proof):
        with pytest.raises(Malformed, match="length of the inclusion proof"):
            check_inclusion(leaf, index, size, proof[:at] + proof[at + 1 :], root)


@given(size=st.integers(1, 64), data=st.data())
def test_a_proof_for_another_index_is_refused(size: int, data: st.DataObject) -> None:
    index, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(-1, size))
    if other == index:
        return
    proof, root = naive.path(index, entries(size)), naive.root(entries(size))
    with pytest.raises(Refuted):
        check_inclusion(leaf_hash(entries(size)[index]), other, size, proof, root)


@pytest.mark.parametrize(
    ("index", "size"), [(0, 0), (-1, 1), (1, 1), (0, -1), (0, 2**64), (2**64, 2**64 - 1)]
)
def test_an_index_or_size_out_of_range_is_malformed(index: int, size: int) -> None:
    with pytest.raises(Malformed, match=r"tree size|leaf index"):
        inclusion_root(bytes(32), index, size, [])


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_hash_of_another_length_is_malformed(length: int) -> None:
    short = bytes(length)
    with pytest.raises(Malformed, match="root"):
        check_inclusion(bytes(32), 0, 1, [], short)
    with pytest.raises(Malformed, match="leaf hash"):
        check_inclusion(short, 0, 1, [], bytes(32))
    with pytest.raises(Malformed, match="node of the inclusion proof"):
        check_inclusion(bytes(32), 0, 2, [short], bytes(32))
    with pytest.raises(Malformed, match="older root"):
        check_consistency(1, 1, [], short, bytes(32))
    with pytest.raises(Malformed, match="newer root"):
        check_consistency(1, 1, [], bytes(32), short)
    with pytest.raises(Malformed, match="node of the consistency proof"):
        check_consistency(1, 2, [short], bytes(32), bytes(32))


def test_every_pair_of_sizes_is_consistent() -> None:
    for size2 in range(1, 34):
        whole = entries(size2)
        for size1 in range(1, size2 + 1):
            proof = naive.consistency(size1, whole)
            check_consistency(size1, size2, proof, naive.root(whole[:size1]), naive.root(whole))


@given(size2=st.integers(2, 33), data=st.data())
def test_a_changed_consistency_proof_is_refused(size2: int, data: st.DataObject) -> None:
    size1, whole = data.draw(st.integers(1, size2 - 1)), entries(size2)
    proof = naive.consistency(size1, whole)
    older, newer = naive.root(whole[:size1]), naive.root(whole)
    at, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
    flipped = [*proof[:at], flip(proof[at], bit), *proof[at + 1 :]]
    with pytest.raises(Refuted, match="leads to"):
        check_consistency(size1, size2, flipped, older, newer)
    with pytest.raises(Malformed, match="length"):
        check_consistency(size1, size2, proof[:at] + proof[at + 1 :], older, newer)
    with pytest.raises(Malformed, match="length"):
        check_consistency(size1, size2, [*proof[:at], newer, *proof[at:]], older, newer)
    with pytest.raises(Refuted, match="leads to"):
        check_consistency(size1, size2, proof, flip(older, bit), newer)
    with pytest.raises(Refuted, match="newer root"):
        check_consistency(size1, size2, proof, older, flip(newer, bit))


@given(size2=st.integers(2, 33), data=st.data())
def test_a_rewritten_history_has_no_consistency_proof(size2: int, data: st.DataObject) -> None:
    size1, whole = data.draw(st.integers(1, size2 - 1)), entries(size2)
    changed = data.draw(st.integers(0, size1 - 1))
    rewritten = [*whole[:changed], b"another", *whole[changed + 1 :]]
    for history in (whole, rewritten):
        with pytest.raises(Refuted, match="leads to"):
            check_consistency(
                size1,
                size2,
                naive.consistency(size1, history),
                naive.root(whole[:size1]),
                naive.root(rewritten),
            )


@pytest.mark.parametrize(("size1", "size2"), [(0, 0), (0, 1), (2, 1), (-1, 1), (1, 2**64)])
def test_sizes_that_say_nothing_are_malformed(size1: int, size2: int) -> None:
    with pytest.raises(Malformed, match="tree size"):
        check_consistency(size1, size2, [], bytes(32), bytes(32))


def test_equal_sizes_want_equal_roots_and_no_proof() -> None:
    check_consistency(7, 7, [], bytes(32), bytes(32))
    with pytest.raises(Malformed, match="length"):
        check_consistency(7, 7, [bytes(32)], bytes(32), bytes(32))
    with pytest.raises(Refuted, match="newer root"):
        check_consistency(7, 7, [], bytes(32), b"\x01" * 32)
