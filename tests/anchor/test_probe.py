"""A chain is looked at: the wrong one is refused, what is missing is named, the proxy is put."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.anchor.altering_node import Alter, Refusal, altering_node
from tests.anchor.conftest import Account, new_account
from tests.log.ledgers import new_log

from stemproof.acts.chains import MET_SETTING, check_met, meet_nodes, missing_contracts
from stemproof.anchor.chains import ChainInfo
from stemproof.anchor.contract import DEPLOYER, address_of
from stemproof.anchor.deployments import (
    DEPLOYER_TRANSACTION,
    DEPLOYERS_MAKER,
    DEPLOYERS_PRICE_WEI,
    Standing,
    estimate_deployment,
    find_deployer,
    put_deployer,
)
from stemproof.anchor.evm import Chain, open_chain
from stemproof.anchor.probe import Found, find_genesis, look_at
from stemproof.anchor.problems import ContractMissing, InsufficientFunds, NodeDown, WrongChain
from stemproof.anchor.publish import prepare_deployment, send
from stemproof.anchor.signer import KeySigner
from stemproof.evidence.ethsig import format_address
from stemproof.testnet.anvil import Testnet
from stemproof.testnet.deploy import fund
from stemproof.testnet.rpc import call_local

pytestmark = pytest.mark.chain


def found_at(chain: Chain) -> dict[str, tuple[Found, str]]:
    return {one.what: (one.found, one.detail) for one in look_at(chain)}


def altered(info: ChainInfo, testnet: Testnet, alter: Alter) -> dict[str, tuple[Found, str]]:
    """Look at the chain through a node that alters its answers."""
    with altering_node(testnet.rpc_url, alter) as url:
        return found_at(open_chain(info, rpc_url=url))


def test_a_sound_chain_is_found_sound(chain: Chain) -> None:
    found = found_at(chain)
    missing = {what for what, (state, _) in found.items() if state is Found.MISSING}
    # The local chain of the tests has Anchors alone.
    assert missing == {"LogProofs", "Commits"}
    rest = {state for what, (state, _) in found.items() if what not in missing}
    assert rest == {Found.GOOD}


@pytest.mark.parametrize(
    ("method", "answer", "what", "told"),
    [
        ("eth_getProof", {"accountProof": []}, "state proofs", "ends after 0 nodes"),
        ("eth_getProof", {"accountProof": 7}, "state proofs", "without a proof"),
        ("eth_getCode", "0x6001", "Anchors", "other code than Anchors"),
        ("eth_getCode", "0x6001", "deployer", "something else"),
    ],
)
def test_a_node_that_contradicts_is_found_wrong(
    info: ChainInfo, testnet: Testnet, method: str, answer: Any, what: str, told: str
) -> None:
    found = altered(info, testnet, lambda asked, _, said: answer if asked == method else said)
    assert found[what][0] is Found.WRONG
    assert told in found[what][1]


def test_a_header_that_does_not_hash_is_found_wrong(info: ChainInfo, testnet: Testnet) -> None:
    def alter(asked: str, _: list[Any], said: Any) -> Any:
        return {**said, "gasUsed": "0x7"} if asked == "eth_getBlockByNumber" else said

    state, told = altered(info, testnet, alter)["headers"]
    assert state is Found.WRONG
    assert "the header hashes to" in told


def test_signed_headers_and_the_table_must_agree(chain: Chain) -> None:
    signed = Chain(replace(chain.info, poa=True), chain.node)
    assert found_at(signed)["headers"][0] is Found.WRONG


def test_a_node_without_proofs_and_finality_is_told(info: ChainInfo, testnet: Testnet) -> None:
    def alter(asked: str, params: list[Any], said: Any) -> Any:
        if asked in ("eth_getProof", "eth_getBlockReceipts"):
            raise Refusal(-32601)
        return None if params[:1] == ["finalized"] else said

    found = altered(info, testnet, alter)
    assert found["finality"][0] is Found.MISSING
    assert found["state proofs"][0] is Found.UNKNOWN
    assert found["receipts"][0] is Found.UNKNOWN


def test_a_chain_with_a_rule_of_depth_needs_no_tag(chain: Chain) -> None:
    deep = Chain(replace(chain.info, finality="depth:12"), chain.node)
    assert found_at(deep)["finality"][1].startswith("12 blocks on top")


# the right chain


def test_a_chain_of_the_same_id_and_another_beginning_is_refused(chain: Chain) -> None:
    genesis = find_genesis(chain)
    assert genesis is not None
    other = Chain(replace(chain.info, genesis=bytes(32)), chain.node)
    state, told = found_at(other)["genesis"]
    assert state is Found.WRONG
    assert genesis.hex()[:12] in told
    with pytest.raises(WrongChain, match="another chain of the id 31337"):
        meet_nodes(replace(other.info, rpcs=(chain.node.provider.url,)))


def test_a_node_that_forgot_the_first_block_is_not_refused(
    info: ChainInfo, testnet: Testnet
) -> None:
    def alter(asked: str, params: list[Any], said: Any) -> Any:
        if asked == "eth_getBlockByNumber" and params[0] == "0x0":
            raise Refusal(4444, "pruned history unavailable")
        return said

    known = replace(info, genesis=bytes(32))
    assert altered(known, testnet, alter)["genesis"][0] is Found.UNKNOWN


def test_what_a_node_tells_is_put_in_the_table_and_who_is_away_is_named(chain: Chain) -> None:
    away = "http://127.0.0.1:9"
    info, met = meet_nodes(replace(chain.info, rpcs=(away, chain.node.provider.url)))
    assert info.genesis == find_genesis(chain)
    assert [node.problem is None for node in met] == [False, True]


def test_a_spare_node_of_another_chain_with_the_same_id_is_refused(
    info: ChainInfo, chain: Chain, testnet: Testnet
) -> None:
    away = "http://127.0.0.1:9"
    genesis = find_genesis(chain)

    def pruned(asked: str, params: list[Any], said: Any) -> Any:
        return None if params[:1] == ["0x0"] else said

    def lying(asked: str, params: list[Any], said: Any) -> Any:
        return {**said, "hash": "0x" + "11" * 32} if params[:1] == ["0x0"] else said

    with (
        altering_node(testnet.rpc_url, lying) as liar,
        altering_node(testnet.rpc_url, pruned) as ok,
    ):
        known = replace(info, genesis=genesis, rpcs=(away, liar, ok))
        opened = open_chain(known)
        assert opened.node.provider.url == ok
        with pytest.raises(NodeDown) as caught:
            open_chain(replace(known, rpcs=(away, liar)))
        assert "another chain of the id 31337" in str(caught.value.hint)


def test_a_node_of_another_id_is_refused_when_it_is_met(chain: Chain) -> None:
    info = replace(chain.info, id=5, name="five", rpcs=(chain.node.provider.url,))
    with pytest.raises(WrongChain, match="serves chain 31337, want five"):
        meet_nodes(info)


def test_a_node_is_asked_for_its_first_block_once(
    tmp_path: Path, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Chain(replace(chain.info, genesis=find_genesis(chain)), chain.node)
    other = Chain(replace(chain.info, genesis=bytes(32)), chain.node)
    with new_log(tmp_path) as log:
        check_met(log, chain)
        check_met(log, known)
        # Nodes of this computer are not remembered: tomorrow another one is there.
        assert log.setting(MET_SETTING) is None
        monkeypatch.setattr("stemproof.acts.chains._LOOPBACK", ())
        check_met(log, known)
        remembered = log.setting(MET_SETTING)
        assert remembered is not None
        check_met(log, known)
        assert log.setting(MET_SETTING) == remembered
        with pytest.raises(WrongChain):
            check_met(log, other)


# the contracts, and what puts them there


def without_deployer(testnet: Testnet) -> None:
    call_local(testnet.port, "anvil_setCode", format_address(DEPLOYER), "0x")
    call_local(testnet.port, "anvil_setNonce", format_address(DEPLOYER), "0x0")
    call_local(testnet.port, "anvil_setNonce", format_address(DEPLOYERS_MAKER), "0x0")
    fund(testnet, DEPLOYERS_MAKER, wei=0)


def test_the_proxy_is_put_where_it_is_missing_and_paid_for_once(
    testnet: Testnet, chain: Chain, artist: Account
) -> None:
    without_deployer(testnet)
    assert find_deployer(chain) is Standing.ABSENT
    before = chain.balance(artist.address)
    price = estimate_deployment(chain, artist.address, ["LogProofs"])
    put_deployer(chain, KeySigner(artist.key), timeout_s=10)
    assert find_deployer(chain) is Standing.THERE
    put_deployer(chain, KeySigner(artist.key), timeout_s=10)
    spent = before - chain.balance(artist.address)
    assert DEPLOYERS_PRICE_WEI <= spent <= price.most_wei


def test_a_contract_costs_what_was_said_before(chain: Chain, artist: Account) -> None:
    [first, *_] = missing_contracts(chain)
    price = estimate_deployment(chain, artist.address, [first])
    before = chain.balance(artist.address)
    send(chain, prepare_deployment(chain, artist.key, contract=first).raw)
    assert chain.node.read_data("eth_getCode", format_address(address_of(first)), "latest")
    assert first not in missing_contracts(chain)
    spent = before - chain.balance(artist.address)
    assert price.expected_wei * 8 // 10 <= spent <= price.most_wei


def test_a_node_that_takes_no_old_transaction_is_told_so(
    testnet: Testnet, info: ChainInfo, artist: Account
) -> None:
    without_deployer(testnet)

    def alter(asked: str, params: list[Any], said: Any) -> Any:
        if params == ["0x" + DEPLOYER_TRANSACTION.hex()]:
            raise Refusal(-32000, "only replay-protected (EIP-155) transactions allowed over RPC")
        return said

    with altering_node(testnet.rpc_url, alter) as url:
        chain = open_chain(info, rpc_url=url)
        # It was passed on before it was refused: the chain must not have it.
        call_local(testnet.port, "evm_setAutomine", False)
        try:
            call_local(
                testnet.port, "anvil_setBalance", format_address(DEPLOYERS_MAKER), hex(10**16)
            )
            with pytest.raises(ContractMissing, match="does not take the transaction") as caught:
                put_deployer(chain, KeySigner(artist.key), timeout_s=5)
        finally:
            call_local(testnet.port, "evm_setAutomine", True)
    assert caught.value.hint is not None
    assert "EIP-155" in caught.value.hint


def test_without_coins_the_proxys_price_is_the_answer(testnet: Testnet, chain: Chain) -> None:
    without_deployer(testnet)
    with pytest.raises(InsufficientFunds, match=r"0\.01"):
        put_deployer(chain, KeySigner(new_account().key), timeout_s=5)


def test_something_else_in_the_proxys_place_is_refused(
    testnet: Testnet, chain: Chain, artist: Account
) -> None:
    call_local(testnet.port, "anvil_setCode", format_address(DEPLOYER), "0x6001")
    with pytest.raises(ContractMissing, match="something else"):
        put_deployer(chain, KeySigner(artist.key), timeout_s=5)
