"""The map of work heads: the incremental map against the recursive definition."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.seal import naive

from stemproof.errors import Malformed, Refuted
from stemproof.seal.merkle import Digest
from stemproof.seal.workmap import (
    EMPTY,
    MapProof,
    Record,
    WorkHead,
    check_map_absence,
    check_map_proof,
    format_map_proof,
    map_key,
    map_root,
    parse_map_proof,
    prefix_of,
    prove_map,
    root_of_heads,
    update_map,
)


class Store:
    """Records in a dictionary, all versions kept."""

    def __init__(self) -> None:
        self.rows: list[dict[tuple[int, bytes], bytes]] = [{}]

    def read(self, depth: int, prefix: bytes) -> bytes | None:
        return self.rows[-1].get((depth, prefix))

    def read_as_of(self, version: int, depth: int, prefix: bytes) -> bytes | None:
        return self.rows[version].get((depth, prefix))

    def write(self, records: tuple[Record, ...]) -> None:
        self.rows.append(self.rows[-1] | {(row[0], row[1]): row[2] for row in records})


def work(number: int) -> bytes:
    return number.to_bytes(16, "big")


def head(number: int, size: int = 1) -> WorkHead:
    return WorkHead(size, Digest(naive.h(b"root %d %d" % (number, size))))


def naive_heads(heads: dict[Digest, WorkHead]) -> dict[str, tuple[int, bytes]]:
    return {naive.bits(key): (each.size, each.root) for key, each in heads.items()}


def filled(count: int) -> tuple[Store, dict[Digest, WorkHead]]:
    store = Store()
    heads = {map_key(work(n)): head(n) for n in range(count)}
    store.write(update_map(heads.items(), store.read).records)
    return store, heads


# Keys that share long prefixes, which hashes of works never do: the deep splits.
near_keys = st.builds(
    lambda first, bit, last: Digest(
        (int.from_bytes(first, "big") ^ (1 << bit) ^ last).to_bytes(32, "big")
    ),
    st.sampled_from([bytes(32), b"\xff" * 32, b"\xa5" * 32]),
    st.integers(0, 255),
    st.integers(0, 3),
)
any_keys = st.one_of(near_keys, st.binary(min_size=32, max_size=32).map(Digest))


def test_an_empty_map_has_the_zero_root() -> None:
    assert map_root(Store().read) == root_of_heads([]) == EMPTY == bytes(32)


@settings(max_examples=60, deadline=None)
@given(batches=st.lists(st.lists(st.tuples(any_keys, st.integers(1, 9)), max_size=4), max_size=4))
def test_the_incremental_map_is_the_naive_map(batches: list[list[tuple[Digest, int]]]) -> None:
    store, heads = Store(), dict[Digest, WorkHead]()
    for batch in batches:
        changes = [(key, head(0, size)) for key, size in batch]
        update = update_map(changes, store.read)
        store.write(update.records)
        heads.update(changes)
        assert update.root == map_root(store.read) == naive.map_root(naive_heads(heads))
        assert root_of_heads(heads.items()) == update.root
    for key, each in heads.items():
        proof = prove_map(key, store.read)
        assert format_map_proof(proof) == naive.map_proof(naive_heads(heads), naive.bits(key))
        check_map_proof(key, each.size, each.root, proof, map_root(store.read))


@settings(max_examples=40, deadline=None)
@given(keys=st.sets(any_keys, max_size=6), absent=any_keys)
def test_absence_is_provable(keys: set[Digest], absent: Digest) -> None:
    heads = {key: head(1) for key in keys if key != absent}
    store = Store()
    store.write(update_map(heads.items(), store.read).records)
    proof = prove_map(absent, store.read)
    assert format_map_proof(proof) == naive.map_proof(naive_heads(heads), naive.bits(absent))
    check_map_absence(absent, proof, map_root(store.read))
    with pytest.raises(Refuted, match="map proof leads to"):
        check_map_proof(absent, 1, head(1).root, proof, map_root(store.read))


def test_a_work_that_is_there_cannot_be_shown_absent() -> None:
    store, heads = filled(5)
    for key in heads:
        with pytest.raises(Refuted, match="map proof leads to"):
            check_map_absence(key, prove_map(key, store.read), map_root(store.read))


def test_a_past_map_is_provable_from_old_records() -> None:
    store = Store()
    roots = [map_root(store.read)]
    for number in range(12):
        update = update_map([(map_key(work(number % 5)), head(number % 5, number + 1))], store.read)
        store.write(update.records)
        roots.append(update.root)
    for version, root in enumerate(roots):
        key = map_key(work(0))

        def read(depth: int, prefix: bytes, version: int = version) -> bytes | None:
            return store.read_as_of(version, depth, prefix)

        proof = prove_map(key, read)
        if version == 0:
            check_map_absence(key, proof, root)
            continue
        size = (version - 1) // 5 * 5 + 1
        check_map_proof(key, size, head(0, size).root, proof, root)


def test_a_record_is_only_ever_added_or_replaced() -> None:
    store, heads = filled(40)
    assert set(store.rows[0]) <= set(store.rows[-1])
    # What the module promises of its storage: not 256 records a work.
    assert len(store.rows[-1]) < 4 * len(heads)


@given(bit=st.integers(0, 255), number=st.integers(0, 9), data=st.data())
def test_a_changed_map_proof_is_refused(bit: int, number: int, data: st.DataObject) -> None:
    store, heads = filled(10)
    key, root = map_key(work(number)), map_root(store.read)
    each, proof = heads[key], prove_map(key, store.read)
    at = data.draw(st.integers(0, len(proof.siblings) - 1))
    flipped = (int.from_bytes(proof.siblings[at], "big") ^ 1 << bit).to_bytes(32, "big")
    siblings = (*proof.siblings[:at], Digest(flipped), *proof.siblings[at + 1 :])
    with pytest.raises(Refuted, match="map proof leads to"):
        check_map_proof(key, each.size, each.root, MapProof(proof.bitmap, siblings), root)
    bitmap = (int.from_bytes(proof.bitmap, "big") ^ 1 << bit).to_bytes(32, "big")
    with pytest.raises(Malformed, match="number of siblings"):
        check_map_proof(key, each.size, each.root, MapProof(bitmap, proof.siblings), root)
    shorter = (*proof.siblings[:at], *proof.siblings[at + 1 :])
    with pytest.raises(Malformed, match="number of siblings"):
        check_map_proof(key, each.size, each.root, MapProof(proof.bitmap, shorter), root)
    with pytest.raises(Refuted, match="map proof leads to"):
        check_map_proof(key, each.size + 1, each.root, proof, root)
    with pytest.raises(Refuted, match="map proof leads to"):
        check_map_proof(key, each.size, root, proof, root)
    with pytest.raises(Refuted, match="map proof leads to"):
        check_map_proof(map_key(work(number + 1)), each.size, each.root, proof, root)


def test_a_bit_moved_in_the_bitmap_is_refuted() -> None:
    store, heads = filled(10)
    key, root = map_key(work(3)), map_root(store.read)
    proof = prove_map(key, store.read)
    bits = int.from_bytes(proof.bitmap, "big")
    lowest = bits & -bits
    moved = (bits ^ lowest ^ lowest >> 1).to_bytes(32, "big")
    with pytest.raises(Refuted, match="map proof leads to"):
        check_map_proof(key, 1, heads[key].root, MapProof(moved, proof.siblings), root)


@given(count=st.integers(1, 12), number=st.integers(0, 20))
def test_reading_a_proof_gives_what_was_written(count: int, number: int) -> None:
    store, _ = filled(count)
    proof = prove_map(map_key(work(number)), store.read)
    assert parse_map_proof(format_map_proof(proof)) == proof


def test_a_zero_sibling_may_not_be_listed() -> None:
    bitmap = b"\x80" + bytes(31)
    with pytest.raises(Malformed, match="sibling in the map proof"):
        parse_map_proof(bitmap + bytes(32))
    with pytest.raises(Malformed, match="sibling in the map proof"):
        check_map_absence(bytes(32), MapProof(bitmap, (EMPTY,)), EMPTY)


@pytest.mark.parametrize("length", [0, 31, 33, 63, 64, 32 * 258])
def test_a_map_proof_of_a_wrong_length_is_malformed(length: int) -> None:
    with pytest.raises(Malformed, match="map proof"):
        parse_map_proof(bytes(length))


@pytest.mark.parametrize(
    ("key", "size", "root"),
    [
        (bytes(31), 1, bytes(32)),
        (bytes(32), 0, bytes(32)),
        (bytes(32), -1, bytes(32)),
        (bytes(32), 2**64, bytes(32)),
        (bytes(32), 1, bytes(33)),
    ],
)
def test_a_head_that_cannot_be_is_malformed(key: bytes, size: int, root: bytes) -> None:
    with pytest.raises(Malformed):
        check_map_proof(key, size, root, MapProof(bytes(32), ()), bytes(32))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_bitmap_has_32_bytes(length: int) -> None:
    with pytest.raises(Malformed, match="bitmap"):
        check_map_absence(bytes(32), MapProof(bytes(length), ()), EMPTY)


@pytest.mark.parametrize("length", [0, 15, 17, 32])
def test_a_work_id_has_16_bytes(length: int) -> None:
    with pytest.raises(Malformed, match="work id"):
        map_key(bytes(length))


def test_a_record_of_a_strange_size_is_malformed() -> None:
    with pytest.raises(Malformed, match="map record"):
        prove_map(Digest(bytes(32)), lambda _depth, _prefix: b"\x01" * 40)


def test_a_prefix_keeps_only_its_bits() -> None:
    key = b"\xff" * 32
    assert prefix_of(key, 0) == b""
    assert prefix_of(key, 3) == b"\xe0"
    assert prefix_of(key, 8) == b"\xff"
    assert prefix_of(key, 9) == b"\xff\x80"
    assert prefix_of(key, 256) == key
