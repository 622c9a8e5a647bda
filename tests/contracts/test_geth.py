"""Anchors on geth, under the rules of today and of the coming fork: sent, proved, and refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from tests.contracts.geth import DEV_KEY, geth_info, running_geth, write_genesis
from tests.contracts.witness import Witness, account, named, open_elsewhere

from stemproof.anchor.capture import capture_evidence, capture_mined
from stemproof.anchor.deployments import DEPLOYER_TRANSACTION
from stemproof.anchor.evm import Chain, open_chain
from stemproof.anchor.follow import TxState, wait_until_mined
from stemproof.anchor.probe import check_genesis, find_genesis
from stemproof.anchor.problems import HeadMoved, NodeRefuses, WrongChain
from stemproof.anchor.publish import AnchorCall, prepare_anchor, send
from stemproof.evidence.chain import (
    ChainEvidence,
    ProvedAnchor,
    check_evidence,
    format_evidence,
    parse_evidence,
)
from stemproof.evidence.rlp import decode_list

pytestmark = [pytest.mark.geth, pytest.mark.solc]

LOG = named("log on geth")
ROOT = named("root")


@dataclass(frozen=True)
class Place:
    """A geth under the rules of one fork, with Anchors on it."""

    fork: str
    chain: Chain
    witness: Witness


@pytest.fixture(scope="module", params=["osaka", "amsterdam"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("geth")
    write_genesis(folder, request.param)
    with running_geth(folder) as geth:
        chain = open_chain(geth_info(), rpc_url=geth.rpc_url)
        yield Place(request.param, chain, open_elsewhere(chain, DEV_KEY))


def anchor(place: Place, prior: int, size: int) -> ChainEvidence:
    """Anchor as a user's program does, and bring the proof home through its bytes."""
    raw = prepare_anchor(place.chain, DEV_KEY, AnchorCall(LOG, prior, size, ROOT)).raw
    send(place.chain, raw)
    assert wait_until_mined(place.chain, raw, timeout_s=20).state is TxState.MINED
    evidence = capture_evidence(place.chain, raw, origin_id=LOG)
    return parse_evidence(format_evidence(evidence))


def head_of(proved: ProvedAnchor) -> int:
    return proved.head_size << 216 | proved.head_acc


def test_the_first_anchor_and_the_next_are_proved(place: Place) -> None:
    first = check_evidence(anchor(place, 0, 5))
    second = check_evidence(anchor(place, head_of(first), 9))
    assert (first.event.size, second.event.size) == (5, 9)
    assert second.event.prior == head_of(first)
    assert place.witness.head_of(place.witness.payer, LOG) == head_of(second)
    with pytest.raises(HeadMoved):
        prepare_anchor(place.chain, DEV_KEY, AnchorCall(LOG, head_of(first), 10, ROOT))


def test_a_head_that_somebody_else_brings_is_proved_for_its_publisher(place: Place) -> None:
    artist = account(1)
    item = place.witness.signed(artist, (named("brought"), 0, 7, ROOT))
    receipt = place.witness.send("anchorFor", item)
    assert receipt["status"] == 1
    block = place.chain.find_block(receipt["blockNumber"])
    told = place.chain.find_receipt(bytes(receipt["transactionHash"]))
    assert block is not None
    assert told is not None
    evidence = capture_mined(
        place.chain,
        block,
        told,
        publisher=bytes.fromhex(artist.address[2:]),
        origin_id=named("brought"),
    )
    checked = check_evidence(evidence)
    assert (checked.event.size, checked.block_hash) == (7, block.hash)
    # Amsterdam's headers have two fields more.
    fields = len(decode_list(evidence.header, what="header"))
    assert fields == (23 if place.fork == "amsterdam" else 21)


def test_many_logs_in_one_call_fail_alone(place: Place) -> None:
    items = [place.witness.signed(account(n), (named(f"many {n}"), 0, 3, ROOT)) for n in range(4)]
    whose, head, deadline, _ = items[2]
    items[2] = (whose, head, deadline, bytes(65))
    receipt = place.witness.send("anchorManyFor", items)
    assert place.witness.refused(receipt) == ["NotSigned"]
    assert len(place.witness.anchored(receipt)) == 3


def test_geth_takes_no_transaction_without_a_chain_id(place: Place) -> None:
    # So the deployment proxy's own transaction needs a node that was told to take such.
    with pytest.raises(NodeRefuses):
        place.chain.node.call("eth_sendRawTransaction", "0x" + DEPLOYER_TRANSACTION.hex())


def test_a_geth_with_another_beginning_is_told_by_its_first_block(place: Place) -> None:
    found = find_genesis(place.chain)
    assert found is not None
    known = Chain(replace(place.chain.info, genesis=found), place.chain.node)
    assert check_genesis(known) == found
    with pytest.raises(WrongChain):
        check_genesis(Chain(replace(place.chain.info, genesis=ROOT), place.chain.node))
