"""Chain evidence: real blocks of a local chain, and every way to alter one."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evidence.vectors import KINDS, cases, load

from stemproof.errors import Malformed, Refuted
from stemproof.evidence.accumulator import MAX_SIZE, parse_head
from stemproof.evidence.assembly import AnchorPlace, assemble_evidence
from stemproof.evidence.chain import (
    MAX_EVIDENCE_BYTES,
    ChainEvidence,
    LaterAnchor,
    ProvedAnchor,
    check_evidence,
    find_event,
    format_evidence,
    head_slot,
    parse_evidence,
)
from stemproof.evidence.keccak import keccak256
from stemproof.evidence.receipt import parse_receipt, receipt_bytes_from_rpc


def _bytes(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def _evidence(case: str) -> ChainEvidence:
    return parse_evidence(_bytes(load("chainevidence", case)["evidence"]))


BUSY = _evidence("osaka-busy")
BUSY_BYTES = format_evidence(BUSY)
PROVED = check_evidence(BUSY)
PROOFS = ("account_proof", "storage_proof", "receipt_proof")


@pytest.mark.parametrize("case", cases("chainevidence"))
def test_the_evidence_of_a_real_anchor_proves_what_the_node_said(case: str) -> None:
    vector = load("chainevidence", case)
    data = _bytes(vector["evidence"])
    evidence = parse_evidence(data)
    proved, said = check_evidence(evidence), vector["proved"]
    assert format_evidence(evidence) == data
    assert proved.block_hash.hex() == said["block_hash"]
    assert (proved.number, proved.time) == (said["number"], said["time"])
    assert proved.parent_hash.hex() == said["parent_hash"]
    slot_size, slot_acc = parse_head(int(said["head"], 16))
    assert proved.revoked == said.get("revoked", False) == (slot_size == MAX_SIZE)
    assert proved.head_size == (said["size"] if proved.revoked else slot_size)
    assert proved.head_acc == slot_acc
    assert (proved.event.size, proved.event.root.hex()) == (said["size"], said["root"])
    assert f"{proved.event.prior:064x}" == said["prior"]


@pytest.mark.parametrize("case", cases("chainevidence", refused=True))
def test_altered_evidence_is_refused_and_says_why(case: str) -> None:
    vector = load("chainevidence", case)
    fields = load("chainevidence", vector["base"])["evidence"] | vector["set"]
    if "member-missing" in case:
        fields = {name: value for name, value in fields.items() if value is not None}
    with pytest.raises(KINDS[vector["refused"]], match=vector["says"]) as caught:
        check_evidence(parse_evidence(_bytes(fields)))
    assert isinstance(caught.value, Malformed) == (vector["refused"] == "Malformed")
    assert isinstance(caught.value, LaterAnchor) == ("earlier-of-two" in case)


def _prove(data: bytes) -> ProvedAnchor | None:
    try:
        return check_evidence(parse_evidence(data))
    except Refuted:
        return None


def _chain_id_at(data: bytes) -> range:
    start = data.index(b'"chain_id":') + len(b'"chain_id":')
    return range(start, data.index(b",", start))


def test_every_flipped_bit_is_refused_or_names_another_block() -> None:
    label = _chain_id_at(BUSY_BYTES)
    for at in [*range(0, len(BUSY_BYTES), 7), *range(label.start - 40, label.stop + 300)]:
        for bit in range(8):
            changed = bytearray(BUSY_BYTES)
            changed[at] ^= 1 << bit
            proved = _prove(bytes(changed))
            if proved is not None and at in label:
                # No header names its chain; whoever looks the hash up on a chain does.
                assert proved == PROVED
            elif proved is not None:
                # A field of the header that the anchor does not rest on, as the gas limit.
                assert proved.block_hash != PROVED.block_hash


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_every_flipped_bit_of_a_part_is_refused_or_names_another_block(
    data: st.DataObject,
) -> None:
    name = data.draw(st.sampled_from(["header", "contract", "publisher", "origin_id", *PROOFS]))
    value = getattr(BUSY, name)
    at = data.draw(st.integers(0, len(value) - 1)) if name in PROOFS else None
    changed = bytearray(value if at is None else value[at])
    bit = data.draw(st.integers(0, len(changed) * 8 - 1))
    changed[bit // 8] ^= 1 << bit % 8
    try:
        proved = check_evidence(_with(name, bytes(changed), at))
    except Refuted:
        return
    assert name == "header"
    assert proved.block_hash != PROVED.block_hash
    # Number, time and parent are in the accumulator: what was proved of the anchor stays.
    assert replace(proved, block_hash=PROVED.block_hash) == PROVED


def _with(name: str, new: bytes, at: int | None) -> ChainEvidence:
    """Replace a part of BUSY: a value, or one node of a proof."""
    if at is None:
        return _changed(name, new)
    nodes = getattr(BUSY, name)
    return _changed(name, (*nodes[:at], new, *nodes[at + 1 :]))


def _changed(name: str, new: object) -> ChainEvidence:
    fields = {each.name: getattr(BUSY, each.name) for each in dataclasses.fields(BUSY)}
    return ChainEvidence(**{**fields, name: new})


@settings(deadline=None)
@given(data=st.data())
def test_a_node_dropped_added_or_swapped_is_refused(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(PROOFS))
    nodes: tuple[bytes, ...] = getattr(BUSY, name)
    at = data.draw(st.integers(0, len(nodes) - 1))
    extra = data.draw(st.sampled_from([*BUSY.account_proof, *BUSY.storage_proof, b"\xc0", b""]))
    other = data.draw(st.integers(0, len(nodes) - 1).filter(lambda n: n != at))
    swapped = list(nodes)
    swapped[at], swapped[other] = swapped[other], swapped[at]
    bad = (nodes[:at] + nodes[at + 1 :], (*nodes[:at], extra, *nodes[at:]), (*nodes, extra))
    for changed in (*bad, tuple(swapped)):
        with pytest.raises(Refuted):
            check_evidence(_changed(name, changed))


@settings(deadline=None)
@given(text=st.binary(max_size=60))
def test_noise_is_refused(text: bytes) -> None:
    with pytest.raises(Malformed):
        parse_evidence(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'{"account_proof"', b'{ "account_proof"'),
        (b'"log_index":0', b'"log_index":0.0'),
        (b'"log_index":0', b'"log_index":-0'),
        (b'"log_index":0', b'"log_index":00'),
        (b'"log_index":0', b'"log_index":0,"log_index":0'),
        (b'"header"', b'"h\\u0065ader"'),
        (b"}", b"}\n"),
    ],
)
def test_another_spelling_of_the_same_evidence_is_refused(old: bytes, new: bytes) -> None:
    assert old in BUSY_BYTES
    with pytest.raises(Malformed):
        parse_evidence(BUSY_BYTES.replace(old, new, 1))


def test_evidence_beyond_the_bound_is_refused() -> None:
    with pytest.raises(Malformed, match="length"):
        parse_evidence(b'"' + b"a" * MAX_EVIDENCE_BYTES + b'"')


def test_what_could_not_be_read_back_is_not_written() -> None:
    with pytest.raises(Malformed):
        format_evidence(replace(BUSY, contract=bytes(19)))


def test_the_slot_of_a_head_is_that_of_a_nested_mapping() -> None:
    publisher, origin = b"\xaa" * 20, b"\xbb" * 32
    inner = keccak256(bytes(12) + publisher + bytes(32))
    assert head_slot(publisher, origin) == keccak256(origin + inner)


PLACE = AnchorPlace(
    chain_id=BUSY.chain_id,
    contract=BUSY.contract,
    publisher=BUSY.publisher,
    origin_id=BUSY.origin_id,
    transaction_index=0,
)


def test_evidence_is_assembled_from_the_answers_of_a_node() -> None:
    answers = load("chainevidence", "osaka-first")["answers"]
    expected = _evidence("osaka-first")
    made = assemble_evidence(replace(PLACE, origin_id=expected.origin_id), **answers)
    assert made == expected


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("block", {"stateRoot": "0x" + "11" * 32}),
        ("block", {"hash": "0x" + "11" * 32}),
        ("block", {"hash": None}),
        ("proof", {"accountProof": []}),
        ("proof", {"accountProof": None}),
        ("proof", {"storageProof": []}),
        ("proof", {"storageProof": None}),
        ("proof", {"storageProof": [{"key": "0x1", "proof": []}]}),
        ("proof", {"storageProof": ["0x1"]}),
        ("proof", {"storageProof": [{"key": "0x" + "1" * 65, "proof": []}]}),
    ],
)
def test_a_node_that_lies_gives_an_error_and_no_evidence(
    part: str, change: dict[str, object]
) -> None:
    answers = load("chainevidence", "osaka-first")["answers"]
    with pytest.raises(Refuted):
        assemble_evidence(PLACE, **{**answers, part: {**answers[part], **change}})


@pytest.mark.parametrize("receipts", ["none", "failed", "twice"])
def test_receipts_that_are_not_the_block_s_are_refused(receipts: str) -> None:
    answers = load("chainevidence", "osaka-first")["answers"]
    one = answers["receipts"][0]
    wrong = {"none": [], "failed": [{**one, "status": "0x0"}], "twice": [one, one]}[receipts]
    with pytest.raises(Refuted):
        assemble_evidence(PLACE, **{**answers, "receipts": wrong})


def test_a_receipt_without_the_anchor_is_refused() -> None:
    receipt = parse_receipt(
        receipt_bytes_from_rpc(load("chainevidence", "osaka-first")["answers"]["receipts"][0])
    )
    place = {"contract": BUSY.contract, "publisher": BUSY.publisher}
    assert find_event(receipt, **place, origin_id=BUSY.origin_id) == 0
    with pytest.raises(Refuted, match="no anchor of this log"):
        find_event(receipt, **place, origin_id=bytes(32))
