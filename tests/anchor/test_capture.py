"""Evidence from a real chain, and from one whose node lies about it."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest
from tests.anchor.altering_node import Alter, Refusal, altering_node
from tests.anchor.anchoring import anchor, next_call, root_of
from tests.anchor.conftest import ORIGIN, Account

from stemproof.anchor.capture import capture_evidence
from stemproof.anchor.chains import ChainInfo
from stemproof.anchor.evm import Chain, open_chain
from stemproof.anchor.follow import find_status
from stemproof.anchor.problems import Unsupported, UntrustedNode
from stemproof.anchor.publish import prepare_anchor, send
from stemproof.errors import Unavailable
from stemproof.evidence.chain import check_evidence
from stemproof.testnet.anvil import Testnet
from stemproof.testnet.deploy import mine
from stemproof.testnet.rpc import call_local

pytestmark = pytest.mark.chain


def test_evidence_proves_the_anchor_and_the_head(chain: Chain, artist: Account) -> None:
    anchor(chain, artist, 3)
    prior = chain.head_of(artist.address, ORIGIN)
    intent, status = anchor(chain, artist, 9)
    proved = check_evidence(capture_evidence(chain, intent.raw, origin_id=ORIGIN))
    assert status.block is not None
    assert (proved.block_hash, proved.number) == (status.block.hash, status.block.number)
    assert (proved.event.size, proved.event.root) == (9, root_of(9))
    assert proved.event.prior == prior
    assert proved.head_size << 216 | proved.head_acc == chain.head_of(artist.address, ORIGIN)


def test_evidence_is_of_the_anchors_own_block(
    chain: Chain, artist: Account, testnet: Testnet
) -> None:
    early, status = anchor(chain, artist, 3)
    anchor(chain, artist, 9)
    mine(testnet, 5)
    proved = check_evidence(capture_evidence(chain, early.raw, origin_id=ORIGIN))
    assert status.block is not None
    assert (proved.block_hash, proved.head_size) == (status.block.hash, 3)


def test_evidence_stands_among_other_transactions_of_the_block(
    chain: Chain, artist: Account, testnet: Testnet
) -> None:
    accounts = call_local(testnet.port, "eth_accounts")
    assert isinstance(accounts, list)
    intent = prepare_anchor(chain, artist.key, next_call(chain, artist, 3))
    call_local(testnet.port, "evm_setAutomine", False)
    try:
        send(chain, intent.raw)
        for sender in accounts * 2:
            coins = {"from": sender, "to": accounts[0], "value": "0x1", "gas": "0x5208"}
            call_local(testnet.port, "eth_sendTransaction", dict(coins))
    finally:
        call_local(testnet.port, "evm_setAutomine", True)
        mine(testnet)
    proved = check_evidence(capture_evidence(chain, intent.raw, origin_id=ORIGIN))
    assert proved.event.size == 3


def test_nothing_is_captured_before_it_is_mined(chain: Chain, artist: Account) -> None:
    intent = prepare_anchor(chain, artist.key, next_call(chain, artist, 3))
    with pytest.raises(Unavailable, match="the transaction is pending"):
        capture_evidence(chain, intent.raw, origin_id=ORIGIN)


def test_after_a_reorganisation_the_new_block_is_proved(
    chain: Chain, artist: Account, testnet: Testnet
) -> None:
    mine(testnet, 2)
    intent, _ = anchor(chain, artist, 3)
    old = check_evidence(capture_evidence(chain, intent.raw, origin_id=ORIGIN))
    call_local(testnet.port, "anvil_reorg", 1, [])
    send(chain, intent.raw)
    mine(testnet)
    new = check_evidence(capture_evidence(chain, intent.raw, origin_id=ORIGIN))
    assert new.block_hash != old.block_hash
    assert not chain.block_hash_is_canonical(old.number, old.block_hash)
    assert chain.block_hash_is_canonical(new.number, new.block_hash)


# Any: lies are of every form.
def alter_result(method: str, change: dict[str, Any]) -> Alter:
    def alter(called: str, _params: list[Any], result: Any) -> Any:
        return {**result, **change} if called == method and result else result

    return alter


def alter_receipts(change: dict[str, Any]) -> Alter:
    def alter(called: str, _params: list[Any], result: Any) -> Any:
        return (
            [{**each, **change} for each in result] if called == "eth_getBlockReceipts" else result
        )

    return alter


def forge_log(called: str, _params: list[Any], result: Any) -> Any:
    if called != "eth_getBlockReceipts":
        return result
    forged = copy.deepcopy(result)
    log = forged[0]["logs"][0]
    log["data"] = "0x" + "ff" * 32 + log["data"][66:]
    return forged


def forge_slot(called: str, _params: list[Any], result: Any) -> Any:
    if called != "eth_getProof":
        return result
    forged = copy.deepcopy(result)
    forged["storageProof"][0]["proof"] = []
    return forged


LIES: dict[str, Alter] = {
    "another state root": alter_result("eth_getBlockByHash", {"stateRoot": "0x" + "11" * 32}),
    "another time": alter_result("eth_getBlockByHash", {"timestamp": "0x1"}),
    "another number": alter_result("eth_getBlockByHash", {"number": "0x7fffffff"}),
    "a header field left out": alter_result("eth_getBlockByHash", {"stateRoot": None}),
    "a header field of no form": alter_result("eth_getBlockByHash", {"gasUsed": "many"}),
    "a receipt with more gas": alter_receipts({"cumulativeGasUsed": "0x1"}),
    "a receipt that failed": alter_receipts({"status": "0x0"}),
    "a receipt without logs": alter_receipts({"logs": []}),
    "receipts of no form": alter_receipts({"logs": 7}),
    "a forged event": forge_log,
    "a proof without the slot": forge_slot,
    "a proof without the account": alter_result("eth_getProof", {"accountProof": []}),
    "a proof of no form": alter_result("eth_getProof", {"accountProof": "0x"}),
    "no receipts": lambda called, _, result: [] if called == "eth_getBlockReceipts" else result,
    "receipts that are no list": lambda called, _, result: (
        {} if called == "eth_getBlockReceipts" else result
    ),
    "another place in the block": alter_result(
        "eth_getTransactionReceipt", {"transactionIndex": "0x5"}
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_node_that_lies_is_found_out(
    chain: Chain, artist: Account, testnet: Testnet, info: ChainInfo, lie: str
) -> None:
    intent, _ = anchor(chain, artist, 3)
    with altering_node(testnet.rpc_url, LIES[lie]) as url:
        liar = open_chain(info, rpc_url=url)
        with pytest.raises(UntrustedNode, match="is not to be believed"):
            capture_evidence(liar, intent.raw, origin_id=ORIGIN)


@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("eth_getTransactionReceipt", {"transactionHash": "0x" + "22" * 32}),
        ("eth_getTransactionReceipt", {"blockNumber": "ten"}),
        ("eth_getTransactionReceipt", {"status": None}),
        ("eth_getBlockByNumber", {"hash": "0x11"}),
    ],
)
def test_a_lie_about_where_a_transaction_stands_is_found_out(
    chain: Chain,
    artist: Account,
    testnet: Testnet,
    info: ChainInfo,
    method: str,
    change: dict[str, Any],
) -> None:
    intent, _ = anchor(chain, artist, 3)
    with altering_node(testnet.rpc_url, alter_result(method, change)) as url:
        liar = open_chain(info, rpc_url=url)
        with pytest.raises(UntrustedNode):
            find_status(liar, intent.raw)


def test_a_receipt_of_a_block_that_is_not_canonical_counts_as_pending(
    chain: Chain, artist: Account, testnet: Testnet, info: ChainInfo
) -> None:
    intent, _ = anchor(chain, artist, 3)
    lie = alter_result("eth_getTransactionReceipt", {"blockHash": "0x" + "33" * 32})
    with altering_node(testnet.rpc_url, lie) as url:
        assert find_status(open_chain(info, rpc_url=url), intent.raw).state == "pending"


def refuse(method: str, code: int) -> Alter:
    def alter(called: str, _params: list[Any], result: Any) -> Any:
        if called == method:
            raise Refusal(code)
        return result

    return alter


@pytest.mark.parametrize("code", [-32601, -32000])
def test_a_node_without_proofs_is_named(
    chain: Chain, artist: Account, testnet: Testnet, info: ChainInfo, code: int
) -> None:
    intent, _ = anchor(chain, artist, 3)
    with altering_node(testnet.rpc_url, refuse("eth_getProof", code)) as url:
        poor = open_chain(info, rpc_url=url)
        with pytest.raises(Unsupported, match="does not") as caught:
            capture_evidence(poor, intent.raw, origin_id=ORIGIN)
    assert caught.value.hint is not None


def test_receipts_are_asked_one_by_one_where_a_node_has_no_list(
    chain: Chain, artist: Account, testnet: Testnet, info: ChainInfo
) -> None:
    intent, _ = anchor(chain, artist, 3)
    whole = capture_evidence(chain, intent.raw, origin_id=ORIGIN)
    with altering_node(testnet.rpc_url, refuse("eth_getBlockReceipts", -32601)) as url:
        old = open_chain(info, rpc_url=url)
        assert capture_evidence(old, intent.raw, origin_id=ORIGIN) == whole


def test_a_receipt_that_the_trie_does_not_hold_is_dropped_on_polygon_only(
    chain: Chain, artist: Account, testnet: Testnet, info: ChainInfo
) -> None:
    def add_one(called: str, _params: list[Any], result: Any) -> Any:
        return [*result, result[-1]] if called == "eth_getBlockReceipts" else result

    intent, _ = anchor(chain, artist, 3)
    with altering_node(testnet.rpc_url, add_one) as url:
        polygon = open_chain(dataclasses.replace(info, poa=True), rpc_url=url)
        proved = check_evidence(capture_evidence(polygon, intent.raw, origin_id=ORIGIN))
        assert proved.event.size == 3
        with pytest.raises(UntrustedNode):
            capture_evidence(open_chain(info, rpc_url=url), intent.raw, origin_id=ORIGIN)


def test_a_node_that_names_another_transaction_than_sent_is_not_believed(
    chain: Chain, artist: Account, testnet: Testnet, info: ChainInfo
) -> None:
    def rename(called: str, _params: list[Any], result: Any) -> Any:
        return "0x" + "44" * 32 if called == "eth_sendRawTransaction" else result

    intent = prepare_anchor(chain, artist.key, next_call(chain, artist, 3))
    with altering_node(testnet.rpc_url, rename) as url, pytest.raises(UntrustedNode):
        send(open_chain(info, rpc_url=url), intent.raw)
    # It was sent all the same; sending again through an honest node finds it.
    assert send(chain, intent.raw) == intent.tx_hash


@pytest.mark.parametrize(
    ("method", "lie"),
    [
        ("eth_getTransactionCount", hex(2**64)),
        ("eth_estimateGas", hex(2**40)),
        ("eth_maxPriorityFeePerGas", hex(2**200)),
    ],
)
def test_numbers_beyond_reason_are_not_signed(
    chain: Chain, artist: Account, testnet: Testnet, info: ChainInfo, method: str, lie: str
) -> None:
    def exaggerate(called: str, _params: list[Any], result: Any) -> Any:
        return lie if called == method else result

    with altering_node(testnet.rpc_url, exaggerate) as url, pytest.raises(UntrustedNode):
        prepare_anchor(open_chain(info, rpc_url=url), artist.key, next_call(chain, artist, 3))
