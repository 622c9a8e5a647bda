"""Evidence whose proofs all hold, about contents that do not: each is refused."""

from __future__ import annotations

import time

import pytest
from tests.evidence.madeup import (
    CONTRACT,
    NUMBER,
    PARENT,
    ROOT,
    SIZE,
    TIME,
    Block,
    honest_head,
)

from stemproof.errors import Malformed, Refuted
from stemproof.evidence.accumulator import MAX_SIZE, next_head
from stemproof.evidence.chain import check_evidence, format_evidence, parse_evidence
from stemproof.evidence.keccak import keccak256
from stemproof.evidence.rlp import encode_rlp
from stemproof.evidence.state import mapping_slot, prove_account, prove_slot
from stemproof.evidence.trie import MAX_NODES, build_trie_proof, prove_value


def _event(size: int = SIZE, root: bytes = ROOT, prior: int = 0) -> bytes:
    return size.to_bytes(32, "big") + root + prior.to_bytes(32, "big")


REVOKED = MAX_SIZE << 216


def test_an_honest_block_is_proved() -> None:
    proved = check_evidence(Block().evidence())
    assert (proved.head_size, proved.event.root) == (SIZE, ROOT)


def test_an_anchor_that_was_revoked_in_its_own_block_is_proved() -> None:
    proved = check_evidence(Block(head=honest_head() | REVOKED).evidence())
    assert proved.revoked
    assert proved.head_size << 216 | proved.head_acc == honest_head()


def test_an_anchor_of_the_greatest_size_is_no_revocation() -> None:
    prior = (MAX_SIZE - 1) << 216
    head = next_head(prior, size=MAX_SIZE, root=ROOT, number=NUMBER, time=TIME, parent_hash=PARENT)
    block = Block(head=head, event_data=_event(size=MAX_SIZE, prior=prior))
    proved = check_evidence(block.evidence())
    assert (proved.head_size, proved.revoked) == (MAX_SIZE, False)


@pytest.mark.parametrize(
    ("block", "says"),
    [
        (Block(head=honest_head() ^ 1), "its event leads to"),
        (Block(head=honest_head() + (1 << 216)), "a later anchor"),
        (Block(head=honest_head() - (1 << 216)), "its event leads to"),
        (Block(head=0), "its event leads to"),
        (Block(event_data=_event(prior=5)), "its event leads to"),
        (Block(event_data=_event(root=bytes(32))), "its event leads to"),
        (Block(event_data=_event(prior=SIZE << 216)), "want more than the 12"),
        (Block(event_data=_event(size=0)), "want more than the 0"),
        (Block(head=(honest_head() ^ 1) | REVOKED), "a later anchor"),
        (Block(head=(honest_head() | REVOKED) - (1 << 216)), "a later anchor"),
        (Block(head=REVOKED), "a later anchor"),
        (Block(head=honest_head() | REVOKED, event_data=_event(prior=5)), "a later anchor"),
        (Block(status=b""), "failed"),
        (Block(has_account=False), "no account"),
    ],
)
def test_a_block_that_contradicts_itself_is_refuted(block: Block, says: str) -> None:
    with pytest.raises(Refuted, match=says):
        check_evidence(block.evidence())


@pytest.mark.parametrize(
    "block",
    [
        Block(event_data=_event()[:-1]),
        Block(event_data=_event() + bytes(32)),
        Block(event_data=_event(size=2**40)),
        Block(account_fields=3),
    ],
)
def test_contents_of_no_known_form_are_malformed(block: Block) -> None:
    with pytest.raises(Malformed):
        check_evidence(block.evidence())


def test_evidence_from_tries_as_deep_as_a_public_chain_s_is_quick_to_check() -> None:
    evidence = Block(neighbours=4000).evidence()
    assert len(evidence.account_proof) >= 4
    data = format_evidence(evidence)
    check_evidence(parse_evidence(data))
    started = time.perf_counter()
    for _ in range(10):
        check_evidence(parse_evidence(data))
    # The aim is 10 ms; the bound leaves room for a busy machine.
    assert (time.perf_counter() - started) / 10 < 0.05


def test_a_slot_that_holds_a_written_zero_is_malformed() -> None:
    slot = bytes(32)
    root, nodes = build_trie_proof({keccak256(slot): encode_rlp(b"")}, keccak256(slot))
    with pytest.raises(Malformed, match="never stored"):
        prove_slot(root, slot, nodes)


def test_keys_of_another_length_are_malformed() -> None:
    with pytest.raises(Malformed):
        prove_account(bytes(32), CONTRACT[1:], [])
    with pytest.raises(Malformed):
        prove_slot(bytes(32), bytes(31), [])
    with pytest.raises(Malformed):
        mapping_slot(bytes(33), bytes(32))


def test_more_nodes_than_a_key_has_are_malformed() -> None:
    with pytest.raises(Malformed):
        prove_value(bytes(32), bytes(32), [b"\xc0"] * (MAX_NODES + 1))
    with pytest.raises(Malformed):
        prove_value(bytes(32), bytes(33), [])
