"""The frontier and the proofs made from stored nodes, against the naive tree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.seal import naive

from stemproof.errors import Malformed
from stemproof.seal.merkle import EMPTY_ROOT, check_consistency, check_inclusion, leaf_hash
from stemproof.seal.tree import (
    Frontier,
    frontier_at,
    prove_consistency,
    prove_inclusion,
    root_at,
)

ENTRIES = [b"entry %d" % n for n in range(70)]


class Store:
    """Nodes in a dictionary, and a count of how many were read."""

    def __init__(self) -> None:
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.reads = 0

    def read(self, level: int, position: int) -> bytes:
        self.reads += 1
        return self.nodes[level, position]

    def extend(self, frontier: Frontier, leaves: list[bytes]) -> None:
        for run in frontier.extend(leaves):
            for node in run.nodes():
                # A complete subtree is told once.
                assert (node.level, node.position) not in self.nodes
                self.nodes[node.level, node.position] = node.digest


@pytest.fixture(scope="module")
def store() -> Store:
    made = Store()
    made.extend(Frontier(), ENTRIES)
    return made


@pytest.mark.parametrize("size", range(65))
def test_the_frontier_has_the_naive_root(size: int) -> None:
    frontier = Frontier()
    for entry in ENTRIES[:size]:
        frontier.append(leaf_hash(entry))
    assert frontier.size == size
    assert frontier.root() == naive.root(ENTRIES[:size])


@given(cuts=st.lists(st.integers(0, 20), max_size=8))
def test_any_batches_and_single_appends_give_the_same_nodes(cuts: list[int]) -> None:
    batched, single, at = Store(), Store(), 0
    in_batches, one_by_one = Frontier(), Frontier()
    for count in cuts:
        leaves = [b"%d" % n for n in range(at, at + count)]
        at += count
        batched.extend(in_batches, leaves)
        for leaf in leaves:
            for level, position, digest in one_by_one.append(leaf_hash(leaf)):
                single.nodes[level, position] = digest
        resumed = Frontier(in_batches.size, in_batches.peaks)
        assert resumed.root() == in_batches.root() == one_by_one.root()
        in_batches = resumed
    assert batched.nodes == single.nodes
    assert len(batched.nodes) == sum(at >> level for level in range(at.bit_length()))


def test_stored_nodes_are_the_naive_roots_of_what_they_cover(store: Store) -> None:
    for (level, position), digest in store.nodes.items():
        covered = ENTRIES[position << level : (position + 1) << level]
        assert len(covered) == 1 << level
        assert digest == naive.root(covered)


def test_every_proof_for_every_past_size_is_the_naive_one(store: Store) -> None:
    for size in range(1, 66):
        root = root_at(size, store.read)
        assert root == naive.root(ENTRIES[:size])
        for index in range(size):
            proof = prove_inclusion(index, size, store.read)
            assert proof == naive.path(index, ENTRIES[:size])
            check_inclusion(leaf_hash(ENTRIES[index]), index, size, proof, root)


def test_every_consistency_proof_is_the_naive_one(store: Store) -> None:
    for size2 in range(1, 66):
        for size1 in range(1, size2 + 1):
            proof = prove_consistency(size1, size2, store.read)
            assert proof == naive.consistency(size1, ENTRIES[:size2])
            roots = root_at(size1, store.read), root_at(size2, store.read)
            check_consistency(size1, size2, proof, *roots)


def test_the_root_of_no_leaves_reads_nothing(store: Store) -> None:
    before = store.reads
    assert root_at(0, store.read) == EMPTY_ROOT == Frontier().root()
    assert store.reads == before


def test_a_log_goes_on_from_what_was_stored(store: Store) -> None:
    frontier = frontier_at(50, store.read)
    frontier.extend(ENTRIES[50:])
    assert frontier.root() == naive.root(ENTRIES)


@pytest.mark.parametrize("size", [50_000, 65_535, 65_536])
def test_a_proof_reads_few_nodes(size: int) -> None:
    frontier, store = Frontier(), Store()
    leaves = [b"%d" % n for n in range(size)]
    for start in range(0, size, 4096):
        store.extend(frontier, leaves[start : start + 4096])
    root = frontier.root()
    for index in (0, 1, size // 2, size - 2, size - 1):
        store.reads = 0
        proof = prove_inclusion(index, size, store.read)
        # One read a level, and the pieces of one ragged edge.
        assert store.reads <= 2 * size.bit_length()
        check_inclusion(leaf_hash(leaves[index]), index, size, proof, root)
        store.reads = 0
        consistency = prove_consistency(index + 1, size, store.read)
        assert store.reads <= 2 * size.bit_length()
        check_consistency(index + 1, size, consistency, root_at(index + 1, store.read), root)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 5), (5, 5), (0, 2**64)])
def test_no_proof_is_made_for_a_leaf_that_is_not_there(store: Store, index: int, size: int) -> None:
    with pytest.raises(Malformed, match="leaf index"):
        prove_inclusion(index, size, store.read)


@pytest.mark.parametrize(("size1", "size2"), [(0, 5), (6, 5), (-1, 5), (1, 2**64)])
def test_no_consistency_proof_is_made_for_sizes_that_say_nothing(
    store: Store, size1: int, size2: int
) -> None:
    with pytest.raises(Malformed, match="older tree size"):
        prove_consistency(size1, size2, store.read)


@pytest.mark.parametrize(
    ("size", "peaks"),
    [(0, [bytes(32)]), (1, []), (3, [bytes(32)]), (1, [b"short"]), (-1, []), (2**64, [bytes(32)])],
)
def test_a_frontier_that_does_not_fit_its_size_is_malformed(size: int, peaks: list[bytes]) -> None:
    with pytest.raises(Malformed):
        Frontier(size, peaks)


@pytest.mark.parametrize("size", [-1, 2**64])
def test_a_size_out_of_range_has_no_root(store: Store, size: int) -> None:
    with pytest.raises(Malformed, match="tree size"):
        root_at(size, store.read)


def test_a_leaf_hash_of_another_length_is_not_appended() -> None:
    frontier = Frontier()
    with pytest.raises(Malformed, match="leaf hash"):
        frontier.append(b"not hashed")
    assert frontier.size == 0


def test_a_full_tree_takes_no_more() -> None:
    frontier = Frontier(2**64 - 1, [bytes(32)] * 64)
    with pytest.raises(Malformed, match="tree size"):
        frontier.append(bytes(32))
    with pytest.raises(Malformed, match="tree size"):
        frontier.extend([b"one"])
