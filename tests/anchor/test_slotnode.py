"""A node that is asked what a log's slot holds: honest, old, without proofs, and lying."""

from __future__ import annotations

from typing import Any

import pytest
from tests.anchor.altering_node import Alter, Refusal, altering_node
from tests.anchor.anchoring import anchor
from tests.anchor.conftest import ORIGIN, Account

from stemproof.anchor.delegation import prepare_revoke
from stemproof.anchor.evm import Chain
from stemproof.anchor.follow import wait_until_mined
from stemproof.anchor.publish import send
from stemproof.anchor.slotnode import RpcSlots
from stemproof.errors import Unavailable
from stemproof.evidence.chain import head_slot
from stemproof.evidence.slot import SlotHistory, SlotView
from stemproof.testnet.anvil import Testnet
from stemproof.testnet.deploy import mine


def view(url: str, chain: Chain, artist: Account, *, not_before: int = 1) -> SlotView:
    slot = head_slot(bytes(artist.address), ORIGIN)
    return RpcSlots(url).slot_now(31337, bytes(chain.contract), slot, not_before)


def history(url: str, chain: Chain, artist: Account, *, near: int = 1) -> SlotHistory | None:
    node = RpcSlots(url)
    return node.slot_history(31337, bytes(chain.contract), bytes(artist.address), ORIGIN, near)


@pytest.fixture
def anchored(chain: Chain, artist: Account) -> int:
    """The head that two anchors left."""
    anchor(chain, artist, 3)
    anchor(chain, artist, 7)
    return chain.head_of(artist.address, ORIGIN)


def test_the_word_is_proved_from_the_blocks_hash(
    testnet: Testnet, chain: Chain, artist: Account, anchored: int
) -> None:
    found = view(testnet.rpc_url, chain, artist)
    newest = chain.latest_block()
    assert (found.word, found.is_proved) == (anchored, True)
    assert found.number <= newest.number
    # A final block will do where it is new enough; else the newest is shown.
    mine(testnet, 4)
    final = chain.find_block("finalized")
    assert final is not None
    found = view(testnet.rpc_url, chain, artist, not_before=newest.number)
    assert (found.number, found.block_hash) == (final.number, final.hash)
    found = view(testnet.rpc_url, chain, artist, not_before=final.number + 1)
    assert found.number == chain.latest_block().number


def test_the_last_anchor_and_the_end_lead_to_the_word(
    testnet: Testnet, chain: Chain, artist: Account, anchored: int
) -> None:
    before = history(testnet.rpc_url, chain, artist)
    assert before is not None and before.word == anchored
    assert (before.step.size, before.ended_in) == (7, None)
    intent = prepare_revoke(chain, artist.key, ORIGIN)
    send(chain, intent.raw)
    status = wait_until_mined(chain, intent.raw, timeout_s=10, poll_s=0.01)
    assert status.block is not None
    after = history(testnet.rpc_url, chain, artist)
    assert after is not None and after.ended_in == status.block.number
    ended = view(testnet.rpc_url, chain, artist, not_before=status.block.number)
    assert after.leads_to(ended.word)


def test_a_log_without_anchors_has_no_history(
    testnet: Testnet, chain: Chain, artist: Account
) -> None:
    assert history(testnet.rpc_url, chain, artist) is None
    assert view(testnet.rpc_url, chain, artist).word == 0


def test_a_node_without_proofs_is_taken_at_its_word_and_said_to_be(
    testnet: Testnet, chain: Chain, artist: Account, anchored: int
) -> None:
    def alter(method: str, params: list[Any], result: Any) -> Any:
        if method == "eth_getProof":
            raise Refusal(-32601)
        return result

    with altering_node(testnet.rpc_url, alter) as url:
        found = view(url, chain, artist)
    assert (found.word, found.is_proved) == (anchored, False)


def test_a_node_that_refuses_long_ranges_is_asked_for_a_short_one(
    testnet: Testnet, chain: Chain, artist: Account, anchored: int
) -> None:
    asked = []

    def alter(method: str, params: list[Any], result: Any) -> Any:
        if method == "eth_getLogs":
            asked.append((params[0]["fromBlock"], params[0]["toBlock"]))
            if params[0]["toBlock"] == "latest":
                raise Refusal(-32005, "too many blocks")
        return result

    with altering_node(testnet.rpc_url, alter) as url:
        found = history(url, chain, artist, near=100)
    assert found is not None and found.word == anchored
    assert asked == [("0x0", "latest"), (hex(0), hex(5100))]


def lie(method: str, change: Any) -> Alter:  # what is made of the answer
    def alter(called: str, params: list[Any], result: Any) -> Any:
        return change(result) if called == method and result else result

    return alter


@pytest.mark.parametrize(
    "alter",
    [
        lie("eth_getBlockByNumber", lambda block: {**block, "stateRoot": "0x" + "5" * 64}),
        lie("eth_getBlockByNumber", lambda block: {**block, "hash": "0x" + "5" * 64}),
        lie("eth_getBlockByNumber", lambda block: "block"),
        lie("eth_getProof", lambda proof: {**proof, "accountProof": proof["accountProof"][:-1]}),
        lie("eth_getProof", lambda proof: {**proof, "storageProof": []}),
        lie("eth_getProof", lambda proof: []),
    ],
)
def test_a_lying_node_says_nothing(
    testnet: Testnet, chain: Chain, artist: Account, anchored: int, alter: Alter
) -> None:
    with altering_node(testnet.rpc_url, alter) as url, pytest.raises(Unavailable):
        view(url, chain, artist)


@pytest.mark.parametrize(
    "alter",
    [
        lie("eth_getLogs", lambda logs: [{**logs[0], "address": "0x" + "5" * 40}]),
        lie("eth_getLogs", lambda logs: [{**logs[0], "data": "0x"}]),
        lie("eth_getLogs", lambda logs: "logs"),
        lie("eth_getBlockByNumber", lambda block: {**block, "timestamp": "0x1"}),
    ],
)
def test_a_lying_node_has_no_history(
    testnet: Testnet, chain: Chain, artist: Account, anchored: int, alter: Alter
) -> None:
    with altering_node(testnet.rpc_url, alter) as url, pytest.raises(Unavailable):
        history(url, chain, artist)


def test_a_node_of_another_chain_is_not_asked(
    testnet: Testnet, chain: Chain, artist: Account
) -> None:
    node = RpcSlots(testnet.rpc_url)
    slot = head_slot(bytes(artist.address), ORIGIN)
    with pytest.raises(Unavailable, match="serves chain 31337, want 1"):
        node.slot_now(1, bytes(chain.contract), slot, 1)
