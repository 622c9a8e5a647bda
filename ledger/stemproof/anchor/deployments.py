"""Putting our contracts on a chain, each at the address that it has everywhere.

    missing = [name for name in CONTRACTS if find_contract(chain, name) is Standing.ABSENT]
    price = estimate_deployment(chain, sender, missing)

They are made by CREATE2 through the deterministic deployment proxy. Most chains have it, and
from the fork Amsterdam on all do (EIP-7997). Where it is missing it is put there by its own
transaction, signed once for all chains by nobody: an account whose key nobody knows pays for
it, so that account is given coins first. Nothing is sent here without a signer.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from stemproof.anchor.contract import DEPLOYER, address_of, load_artifact
from stemproof.anchor.fees import check_funds, suggest_fees
from stemproof.anchor.problems import ContractMissing, NodeRefuses, Unsupported
from stemproof.evidence.ethsig import format_address, parse_address

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stemproof.anchor.evm import Chain
    from stemproof.anchor.jsonrpc import Json
    from stemproof.anchor.signer import Signer
    from stemproof.evidence.ethsig import Address

#: What is put on chains: the witness of anchors, proofs for other contracts, claims' index.
CONTRACTS = ("Anchors", "LogProofs", "Commits")
#: The proxy's own code, and the transaction that makes it (from before EIP-155: any chain).
DEPLOYER_CODE = bytes.fromhex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe036016000816020823780"
    "35828234f58015156039578182fd5b8082525050506014600cf3"
)
DEPLOYER_TRANSACTION = bytes.fromhex(
    "f8a58085174876e800830186a08080b853604580600e600039806000f350fe"
    + DEPLOYER_CODE.hex()
    + "1ba0"
    + "22" * 32
    + "a0"
    + "22" * 32
)
#: Whom the proxy's transaction is by, and what it pays: 100,000 gas at 100 gwei each.
DEPLOYERS_MAKER = parse_address("0x3fAB184622Dc19b6109349B94811493BF2a45362")
DEPLOYERS_PRICE_WEI = 10**16
_TRANSFER_GAS = 21_000
# What a node may estimate for one contract: the gas of two blocks.
_MOST_GAS = 2**27
# CREATE2 hashes the code, and the proxy copies it.
_PROXY_GAS = 20_000
_POLL_S = 0.25


class Standing(StrEnum):
    """What is at an address."""

    THERE = "there"
    ABSENT = "absent"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Price:
    """What it probably costs to put contracts on a chain, and at most."""

    gas: int
    expected_wei: int
    most_wei: int


def find_contract(chain: Chain, name: str) -> Standing:
    """Compare the code on chain with the shipped artefact."""
    return _compare(chain, address_of(name), load_artifact(name).runtime_bytecode)


def find_deployer(chain: Chain) -> Standing:
    """Say whether the deterministic deployment proxy is on a chain."""
    return _compare(chain, DEPLOYER, DEPLOYER_CODE)


def estimate_deployment(chain: Chain, sender: Address, names: Sequence[str]) -> Price:
    """Ask what it costs to put these contracts on a chain, and the proxy where it is missing."""
    gas, extra = 0, 0
    if find_deployer(chain) is Standing.ABSENT:
        gas, extra = _TRANSFER_GAS, _maker_lacks(chain)
    for name in names:
        gas += _estimate(chain, sender, load_artifact(name).bytecode)
    fees = suggest_fees(chain)
    return Price(
        gas=gas,
        expected_wei=gas * (fees.base_fee + fees.tip) + extra,
        # As an intent of publish has it: a fifth more gas, at the fee that is offered.
        most_wei=gas * 6 // 5 * fees.max_fee + extra,
    )


def put_deployer(chain: Chain, signer: Signer, *, timeout_s: float) -> None:
    """Put the deterministic deployment proxy on a chain where it is missing."""
    found = find_deployer(chain)
    if found is Standing.OTHER:
        raise ContractMissing(
            f"something else is at {format_address(DEPLOYER)} on {chain.info.name}, "
            "where the deterministic deployment proxy should be"
        )
    if found is Standing.THERE:
        return
    lacking = _maker_lacks(chain)
    if lacking:
        _pay_maker(chain, signer, lacking)
        _wait(lambda: not _maker_lacks(chain), "the coins for it did not arrive", timeout_s)
    try:
        chain.node.call("eth_sendRawTransaction", "0x" + DEPLOYER_TRANSACTION.hex())
    except (NodeRefuses, Unsupported) as error:
        raise ContractMissing(
            f"{chain.info.name} has no deterministic deployment proxy, and {chain.node.where} "
            f"does not take the transaction that makes it: {error}",
            hint="it has no chain id (it is from before EIP-155), which many nodes refuse: send it "
            "through a node that takes such (geth: --rpc.allow-unprotected-txs)",
        ) from error
    _wait(
        lambda: find_deployer(chain) is Standing.THERE,
        f"the deterministic deployment proxy did not appear on {chain.info.name}: this chain asks "
        "more gas for a contract than its transaction brings, or takes none without a chain id",
        timeout_s,
    )


def _compare(chain: Chain, address: Address, code: bytes) -> Standing:
    found = chain.node.read_data("eth_getCode", format_address(address), "latest")
    if not found:
        return Standing.ABSENT
    return Standing.THERE if found == code else Standing.OTHER


def _maker_lacks(chain: Chain) -> int:
    return max(0, DEPLOYERS_PRICE_WEI - chain.balance(DEPLOYERS_MAKER))


def _estimate(chain: Chain, sender: Address, code: bytes) -> int:
    """Ask what it takes to create a contract, without the proxy, which may not be there yet."""
    call: dict[str, Json] = {"from": format_address(sender), "data": "0x" + code.hex()}
    return chain.node.read_quantity("eth_estimateGas", call, below=_MOST_GAS) + _PROXY_GAS


def _pay_maker(chain: Chain, signer: Signer, wei: int) -> None:
    fees = suggest_fees(chain)
    account = format_address(signer.address)
    call: dict[str, Json] = {
        "from": account,
        "to": format_address(DEPLOYERS_MAKER),
        "value": hex(wei),
    }
    # Of a chain's own choice: where state is dear, an account that is new costs more.
    gas = chain.node.read_quantity("eth_estimateGas", call, below=_MOST_GAS) * 6 // 5
    check_funds(chain, signer.address, cost_wei=wei + gas * fees.max_fee)
    raw = signer.sign_transaction(
        {
            "type": 2,
            "chainId": chain.info.id,
            "nonce": chain.node.read_quantity("eth_getTransactionCount", account, "pending"),
            "to": format_address(DEPLOYERS_MAKER),
            "value": wei,
            "data": b"",
            "gas": gas,
            "maxFeePerGas": fees.max_fee,
            "maxPriorityFeePerGas": fees.tip,
        }
    )
    chain.node.read_data("eth_sendRawTransaction", "0x" + raw.hex())


def _wait(is_done: Callable[[], bool], problem: str, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_done():
        if time.monotonic() >= deadline:
            raise ContractMissing(problem)
        time.sleep(_POLL_S)
