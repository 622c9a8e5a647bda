"""OpenTimestamps proofs: public ones, our own calendar's, and the reference client as a peer."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.evidence.local_calendar import Calendar, easy_header
from tests.evidence.vectors import KINDS, cases, load

from stemproof.errors import Malformed, Refuted
from stemproof.evidence.bitcoin import parse_block
from stemproof.evidence.ots import (
    APPEND,
    KECCAK256,
    PREPEND,
    RIPEMD160,
    SHA1,
    SHA256,
    Attested,
    Bitcoin,
    Operation,
    Pending,
    Proof,
    Step,
    Tree,
    Unknown,
    attestations,
    format_proof,
    format_tree,
    merge_trees,
    parse_proof,
    parse_tree,
    path_proof,
    replace_pending,
    run_operation,
)
from stemproof.evidence.otswork import Budget

digests = st.binary(min_size=32, max_size=32)
operations = st.one_of(
    st.sampled_from([Operation(tag) for tag in (SHA1, RIPEMD160, SHA256, KECCAK256)]),
    st.builds(Operation, st.sampled_from([APPEND, PREPEND]), st.binary(min_size=1, max_size=9)),
)
told = st.one_of(
    st.builds(Bitcoin, st.integers(0, 2**32)),
    st.builds(Pending, st.sampled_from(["https://a.example", "http://b.example:8000/x_-"])),
    st.builds(Unknown, st.just(b"unknown1"), st.binary(max_size=9)),
)


def _grown(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    items = st.one_of(told, st.builds(Step, operations, inner))
    return st.lists(
        items,
        min_size=1,
        max_size=3,
        unique_by=lambda item: item.operation if isinstance(item, Step) else item,
    ).map(tuple)


trees = st.recursive(told.map(lambda item: (item,)), _grown, max_leaves=6)


@pytest.mark.parametrize("case", cases("ots"))
def test_a_proof_attests_what_it_leads_to(case: str) -> None:
    vector = load("ots", case)
    data = bytes.fromhex(vector["proof"])
    proof = parse_proof(data)
    assert format_proof(proof) == data
    assert [_told(found) for found in attestations(proof)] == vector["attested"]


@pytest.mark.parametrize("case", cases("ots", refused=True))
def test_what_is_no_proof_is_refused(case: str) -> None:
    vector = load("ots", case)
    with pytest.raises(KINDS[vector["refused"]]):
        parse_proof(bytes.fromhex(vector["proof"]))


def test_proofs_share_a_budget_of_operations_and_of_bytes() -> None:
    tree: Tree = (Step(Operation(APPEND, b"x" * 8), (Step(Operation(SHA256), (Bitcoin(1),)),)),)
    data = format_proof(Proof(bytes(32), tree))
    budget = Budget(4, 160)
    assert parse_proof(data, budget) == parse_proof(data, budget) == parse_proof(data)
    assert budget == Budget(0, 0)
    for short in (Budget(1, 80), Budget(2, 79), budget):
        with pytest.raises(Malformed, match="all OpenTimestamps proofs together"):
            parse_proof(data, short)


@pytest.mark.parametrize("check", ["ots", "bitcoin"])
def test_three_are_refused_for_each_that_is_read(check: str) -> None:
    assert len(cases(check, refused=True)) >= 3 * len(cases(check))


def test_a_public_proof_leads_to_the_root_of_its_block() -> None:
    vector = load("bitcoin", "358391")
    block = parse_block(bytes.fromhex(vector["header"]), 358391)
    (found,) = attestations(parse_proof(bytes.fromhex(load("ots", "hello-world")["proof"])))
    assert found.attestation == Bitcoin(358391)
    assert found.message == block.merkle_root
    assert parse_proof(bytes.fromhex(load("ots", "hello-world")["proof"])).digest == _sha256(
        b"Hello World!\n"
    )


@pytest.mark.parametrize("case", cases("bitcoin"))
def test_a_header_gives_root_and_time(case: str) -> None:
    vector = load("bitcoin", case)
    block = _block(vector)
    assert (block.merkle_root.hex(), block.time) == (vector["merkle_root"], vector["time"])
    assert block.not_after == block.time + 7200


@pytest.mark.parametrize("case", cases("bitcoin", refused=True))
def test_a_header_without_its_work_is_refused(case: str) -> None:
    vector = load("bitcoin", case)
    with pytest.raises(KINDS[vector["refused"]]) as caught:
        _block(vector)
    assert type(caught.value) is KINDS[vector["refused"]]


def test_easy_work_counts_where_the_verifier_says_so() -> None:
    header = easy_header(b"\x07" * 32, 9)
    assert parse_block(header, 5, min_difficulty=0).merkle_root == b"\x07" * 32
    with pytest.raises(Refuted):
        parse_block(header, 5)


# Trees take long to make up where many tests share the processor.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@unhurried
@given(digests, trees)
def test_a_proof_is_read_as_it_is_written(digest: bytes, tree: Tree) -> None:
    proof = Proof(digest, tree)
    assert parse_proof(format_proof(proof)) == proof


@given(st.binary(max_size=300))
def test_junk_is_malformed_and_no_more(data: bytes) -> None:
    head = format_proof(Proof(bytes(32), (Bitcoin(1),)))[:-12]
    for junk in (data, head + data):
        try:
            proof = parse_proof(junk)
        except Malformed:
            continue
        assert format_proof(proof) == junk


@unhurried
@given(digests, trees, st.data())
def test_a_proof_cut_short_or_longer_is_refused(
    digest: bytes, tree: Tree, data: st.DataObject
) -> None:
    whole = format_proof(Proof(digest, tree))
    with pytest.raises(Malformed):
        parse_proof(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(Malformed):
        parse_proof(whole + b"\0")


@unhurried
@given(trees, trees)
def test_merging_keeps_all_that_both_attest(first: Tree, second: Tree) -> None:
    def said(tree: Tree) -> set[Attested]:
        return set(attestations(Proof(bytes(32), tree)))

    merged = merge_trees(first, second)
    assert said(merged) == said(first) | said(second)
    assert parse_tree(format_tree(merged), bytes(32)) == merged


@unhurried
@given(digests, trees)
def test_one_path_of_a_proof_is_a_proof(digest: bytes, tree: Tree) -> None:
    for found in attestations(Proof(digest, tree)):
        assert list(attestations(path_proof(digest, found))) == [found]


def test_no_byte_on_the_way_to_a_block_can_be_changed() -> None:
    data = bytes.fromhex(load("ots", "hello-world")["proof"])
    (whole,) = attestations(parse_proof(data))
    for place in range(len(data)):
        altered = bytearray(data)
        altered[place] ^= 1 << place % 8
        try:
            proof = parse_proof(bytes(altered))
        except Malformed:
            continue
        found = [(each.attestation, each.message) for each in attestations(proof)]
        assert (whole.attestation, whole.message) not in found or proof.digest != _sha256(
            b"Hello World!\n"
        ), place


def test_a_promise_is_replaced_by_what_the_calendar_knows() -> None:
    calendar = Calendar(url="https://a.example")
    others = [_sha256(b"%d" % n) for n in range(4)]
    answers = [parse_tree(calendar._answer("/digest", each)[1], each) for each in others]
    calendar.mine()
    for digest, tree in zip(others, answers, strict=True):
        (promise,) = attestations(Proof(digest, tree))
        assert isinstance(promise.attestation, Pending)
        status, raw = calendar._answer(f"/timestamp/{promise.message.hex()}", b"")
        known = parse_tree(raw, promise.message)
        after = replace_pending(tree, digest, "https://a.example", promise.message, known)
        (found,) = attestations(Proof(digest, after))
        block = parse_block(calendar.header, calendar.height, min_difficulty=0)
        assert (status, found.message) == (200, block.merkle_root)


@pytest.mark.parametrize(
    ("tag", "message", "want"),
    [
        (RIPEMD160, b"", "9c1185a5c5e9fc54612808977ee8f548b2258d31"),
        (SHA256, b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (SHA1, b"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        (KECCAK256, b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
    ],
)
def test_an_operation_gives_the_known_digest(tag: int, message: bytes, want: str) -> None:
    assert run_operation(Operation(tag), message).hex() == want


@pytest.mark.parametrize("case", ["hello-world", "incomplete", "two-promises"])
def test_the_reference_client_reads_the_same(case: str, tmp_path: Path) -> None:
    client = Path(sys.executable).with_name("ots")
    if not client.exists():
        pytest.skip("opentimestamps-client is not installed")
    vector = load("ots", case)
    path = tmp_path / "proof.ots"
    path.write_bytes(bytes.fromhex(vector["proof"]))
    done = subprocess.run(
        [str(client), "info", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for found in vector["attested"]:
        if "bitcoin" in found:
            assert f"BitcoinBlockHeaderAttestation({found['bitcoin']})" in done.stdout
            root = bytes.fromhex(found["message"])[::-1].hex()
            assert f"Bitcoin block merkle root {root}" in done.stdout
        else:
            assert f"PendingAttestation('{found['pending']}')" in done.stdout


def _block(vector: dict[str, Any]) -> Any:  # the vector's own numbers
    header = bytes.fromhex(vector["header"])
    return parse_block(header, vector["height"], min_difficulty=vector["min_difficulty"])


def _told(found: Attested) -> dict[str, Any]:
    match found.attestation:
        case Bitcoin(height):
            kind: dict[str, Any] = {"bitcoin": height}
        case Pending(uri):
            kind = {"pending": uri}
        case Unknown(tag, payload):
            kind = {"unknown": tag.hex(), "payload": payload.hex()}
    return {**kind, "message": found.message.hex()}


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
