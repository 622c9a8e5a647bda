"""Sealing: one checkpoint a size, and proofs as of each of them for ever."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from tests.log.ledgers import (
    ORIGIN,
    PUBLIC,
    SECOND_ORIGIN,
    SONG,
    WORKS,
    check,
    drafts,
    headers_of,
    naive_map_root,
    new_log,
    seal_now,
    sign,
)
from tests.seal import naive

from stemproof.errors import BadInput, Refuted
from stemproof.log.sealing import checkpoint_at, head_at, newest_checkpoint, prove_head, seal
from stemproof.log.store import OWN_WORK, Log, create_log, open_log
from stemproof.seal.checkpoint import Checkpoint, open_checkpoint
from stemproof.seal.merkle import check_consistency
from stemproof.seal.tree import prove_consistency
from stemproof.seal.workmap import check_map_proof, map_key


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with new_log(tmp_path) as log:
        yield log


def grow(log: Log, rounds: int) -> list[dict[bytes, list[bytes]]]:
    """Append and seal in turns; give each checkpoint's headers by work."""
    sealed = []
    for number in range(rounds):
        for place, work in enumerate(WORKS[: 1 + number % len(WORKS)]):
            log.append(work, drafts((number + place) * 5 % 23))
        seal_now(log)
        works = [OWN_WORK, *WORKS]
        sealed.append({work: found for work in works if (found := headers_of(log, work))})
    return sealed


def test_every_past_checkpoint_proves_every_head_it_holds(log: Log) -> None:
    for heads in grow(log, 9):
        size = sum(len(headers) for headers in heads.values())
        sealed = checkpoint_at(log, log.number, size)
        assert sealed is not None
        assert sealed.root == naive_map_root(heads)
        assert open_checkpoint(sealed.note, PUBLIC, ORIGIN) == Checkpoint(ORIGIN, size, sealed.root)
        for work, headers in heads.items():
            proved = prove_head(log, log.number, work, size)
            assert (proved.head.size, proved.head.root) == (len(headers), naive.root(headers))
            check_map_proof(
                map_key(work), proved.head.size, proved.head.root, proved.proof, sealed.root
            )
        for work in set(WORKS) - set(heads):
            with pytest.raises(BadInput, match="nothing of this work"):
                prove_head(log, log.number, work, size)


def test_heads_of_neighbouring_checkpoints_are_consistent(log: Log) -> None:
    sizes = [sum(map(len, heads.values())) for heads in grow(log, 7)]
    tree = log.tree_of(log.number, SONG)
    assert tree is not None
    heads = [head for size in sizes if (head := head_at(log, tree, size))]
    for older, newer in pairwise(heads):
        proof = prove_consistency(older.size, newer.size, log.node_reader(tree))
        check_consistency(older.size, newer.size, proof, older.root, newer.root)


def test_sealing_again_without_a_new_event_signs_nothing(log: Log) -> None:
    log.append(SONG, drafts(5))
    first = seal_now(log)

    def refuse(checkpoint: Checkpoint) -> bytes:
        raise AssertionError(f"a second checkpoint of size {checkpoint.size} was signed")

    assert seal(log, refuse) == first
    assert newest_checkpoint(log) == first


def test_two_openers_cannot_seal_one_size_twice(tmp_path: Path) -> None:
    with new_log(tmp_path) as first, open_log(tmp_path / "ledger.db") as second:
        first.append(SONG, drafts(5))
        assert seal_now(first) == seal_now(second)
        assert [row[0] for row in first.fetch_all("checkpoints", 1)] == [6]


def test_a_signer_that_fails_leaves_no_checkpoint(log: Log) -> None:
    def fail(checkpoint: Checkpoint) -> bytes:
        raise Refuted(f"no key for {checkpoint.origin}")

    with pytest.raises(Refuted):
        seal(log, fail)
    assert newest_checkpoint(log) is None
    assert seal(log, sign).size == 1
    assert check(log).wrong == []


def test_an_empty_log_cannot_be_sealed(tmp_path: Path) -> None:
    with create_log(tmp_path / "ledger.db") as log:
        log.begin(ORIGIN)
        with pytest.raises(BadInput, match="nothing to anchor"):
            seal_now(log)


def test_each_log_has_checkpoints_of_its_own(log: Log) -> None:
    log.append(SONG, drafts(4))
    first = seal_now(log)
    log.begin(SECOND_ORIGIN)
    log.append(OWN_WORK, drafts(1))
    log.append(SONG, drafts(4))
    second = seal_now(log)
    assert first.size == second.size == 5
    assert checkpoint_at(log, 1, 5) == first
    assert checkpoint_at(log, 2, 5) == second
    for number, sealed in ((1, first), (2, second)):
        proved = prove_head(log, number, SONG, 5)
        check_map_proof(map_key(SONG), 4, proved.head.root, proved.proof, sealed.root)
    assert check(log).wrong == []
