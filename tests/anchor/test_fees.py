"""Prices where nodes and chains differ: no tip suggested, a fee for the data, no pending state."""

from __future__ import annotations

import dataclasses
import re
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.anchor.altering_node import Alter, Refusal, altering_node
from tests.anchor.anchoring import next_call
from tests.anchor.conftest import Account

from stemproof.anchor.chains import ChainInfo
from stemproof.anchor.evm import Chain, open_chain
from stemproof.anchor.fees import Fees, cap_fees, raise_fees
from stemproof.anchor.problems import FeeTooHigh, InsufficientFunds
from stemproof.anchor.publish import Intent, prepare_anchor
from stemproof.testnet.anvil import Testnet
from stemproof.testnet.deploy import fund

ORACLE = "0x420000000000000000000000000000000000000F"
DATA_FEE = 123_456_789_000
amounts = st.integers(0, 10**15)


# Any: JSON as it comes.
def charge_for_data(called: str, params: list[Any], result: Any) -> Any:
    if called == "eth_call" and params[0]["to"] == ORACLE:
        # getL1Fee(bytes): offset, length, and the signed transaction padded to words.
        data = bytes.fromhex(params[0]["data"][2:])
        assert data[:4].hex() == "49948e0e"
        length = int.from_bytes(data[36:68], "big")
        assert data[68:69] == b"\x02"
        assert len(data) == 68 + -(-length // 32) * 32
        return "0x" + DATA_FEE.to_bytes(32, "big").hex()
    return result


def without_tip(called: str, _params: list[Any], result: Any) -> Any:
    if called == "eth_maxPriorityFeePerGas":
        raise Refusal(-32601)
    return result


def without_pending_state(called: str, params: list[Any], result: Any) -> Any:
    if called == "eth_estimateGas" and "pending" in params:
        raise Refusal(-32602)
    return result


def prepare_through(
    testnet: Testnet, info: ChainInfo, artist: Account, alter: Alter, cap_wei: int | None = None
) -> Intent:
    with altering_node(testnet.rpc_url, alter) as url:
        chain = open_chain(info, rpc_url=url)
        call = next_call(chain, artist, 5)
        return prepare_anchor(chain, artist.key, call, cap_wei=cap_wei)


@pytest.mark.chain
def test_a_fee_for_the_data_is_part_of_the_price(
    testnet: Testnet, info: ChainInfo, artist: Account
) -> None:
    rollup = dataclasses.replace(info, data_fee=True)
    intent = prepare_through(testnet, rollup, artist, charge_for_data)
    assert intent.cost_wei == intent.gas * intent.max_fee + DATA_FEE
    fund(testnet, artist.address, wei=intent.gas * intent.max_fee)
    with pytest.raises(InsufficientFunds):
        prepare_through(testnet, rollup, artist, charge_for_data)


@pytest.mark.chain
def test_a_limit_holds_for_the_gas_and_the_data_together(
    testnet: Testnet, info: ChainInfo, artist: Account
) -> None:
    rollup = dataclasses.replace(info, data_fee=True)
    usual = prepare_through(testnet, rollup, artist, charge_for_data)
    # Room for the gas alone, at the usual offer: a lower one leaves room for the data.
    cap_wei = usual.cost_wei - DATA_FEE // 2
    lower = prepare_through(testnet, rollup, artist, charge_for_data, cap_wei)
    assert lower.max_fee < usual.max_fee
    assert lower.cost_wei == lower.gas * lower.max_fee + DATA_FEE <= cap_wei
    with pytest.raises(FeeTooHigh, match="nothing was sent") as refused:
        prepare_through(testnet, rollup, artist, charge_for_data, DATA_FEE // 2)
    enough = re.search(r"--cap ([0-9.]+) would do", refused.value.hint or "")
    assert enough is not None
    cap_wei = int(Decimal(enough[1]) * 10**18)
    assert prepare_through(testnet, rollup, artist, charge_for_data, cap_wei).cost_wei <= cap_wei


@pytest.mark.chain
def test_data_that_grows_dearer_with_each_look_is_refused(
    testnet: Testnet, info: ChainInfo, artist: Account
) -> None:
    looks = count(1)

    def charge_ever_more(called: str, params: list[Any], result: Any) -> Any:
        if called == "eth_call" and params[0]["to"] == ORACLE:
            return "0x" + (10 ** (12 + next(looks))).to_bytes(32, "big").hex()
        return result

    rollup = dataclasses.replace(info, data_fee=True)
    usual = prepare_through(testnet, info, artist, lambda _called, _params, result: result)
    with pytest.raises(FeeTooHigh, match="it costs up to"):
        prepare_through(testnet, rollup, artist, charge_ever_more, usual.cost_wei + 10**12)


@pytest.mark.chain
@pytest.mark.parametrize("alter", [without_tip, without_pending_state])
def test_a_plainer_node_will_do(
    chain: Chain, testnet: Testnet, info: ChainInfo, artist: Account, alter: Alter
) -> None:
    plain = prepare_through(testnet, info, artist, alter)
    usual = prepare_anchor(chain, artist.key, next_call(chain, artist, 5))
    assert plain.gas == usual.gas
    assert plain.tip == 10**9


fees_of = st.builds(Fees, max_fee=amounts, tip=amounts, base_fee=amounts)


@given(fees_of, amounts, st.integers(21_000, 10**6), st.integers(0, 10**22))
def test_an_offer_is_never_above_the_limit(
    fees: Fees, data_fee: int, gas: int, cap_wei: int
) -> None:
    try:
        capped = cap_fees(fees, gas=gas, cap_wei=cap_wei, currency="test ETH", data_fee=data_fee)
    except FeeTooHigh:
        assert gas * fees.max_fee + data_fee > cap_wei
    else:
        assert gas * capped.max_fee + data_fee <= cap_wei
        assert capped == fees or capped.max_fee >= fees.base_fee + fees.tip


@given(amounts, amounts, amounts, amounts)
def test_a_replacement_offers_at_least_a_tenth_more(
    max_fee: int, tip: int, old_max_fee: int, old_tip: int
) -> None:
    old = Fees(max_fee=old_max_fee, tip=old_tip, base_fee=0)
    better = raise_fees(Fees(max_fee=max_fee, tip=tip, base_fee=0), old)
    assert 10 * better.max_fee >= 11 * old_max_fee
    assert 10 * better.tip >= 11 * old_tip
