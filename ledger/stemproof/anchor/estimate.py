"""How much gas a call would use, or why a contract would refuse it: asked before it is paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stemproof.anchor.problems import NodeRefuses, NotAccepted
from stemproof.anchor.reverts import find_refusal
from stemproof.evidence.ethsig import format_address

if TYPE_CHECKING:
    from stemproof.anchor.evm import Chain
    from stemproof.anchor.fees import Fees
    from stemproof.anchor.jsonrpc import Json
    from stemproof.evidence.ethsig import Address

# Sixteen times the gas limit of a block.
_MAX_GAS = 2**30


def estimate(
    chain: Chain, sender: Address, to: Address, data: bytes, *, fees: Fees | None = None
) -> int:
    """Ask how much gas a call uses, at a price where one is given; refuse what would fail."""
    plain: dict[str, Json] = {
        "from": format_address(sender),
        "to": format_address(to),
        "data": "0x" + data.hex(),
    }
    # On top of what waits: an anchor of this log on its way makes this one refused now and not
    # on chain, where it costs. Not every node computes on what waits. Without a price at last:
    # whether the account can pay is a question with an answer of its own.
    tries: list[tuple[Json, ...]] = [(plain, "pending"), (plain,)]
    if fees is not None:
        tries.insert(0, ({**plain, **priced(fees)}, "pending"))
    for place, asked in enumerate(tries, 1):
        try:
            return chain.node.read_quantity("eth_estimateGas", *asked, below=_MAX_GAS)
        except NodeRefuses as error:
            _raise_refusal(error)
            if place == len(tries):
                raise
    raise AssertionError("an estimate has at least one try")


def priced(fees: Fees) -> dict[str, Json]:
    """Name a price for a call that is only tried, as a transaction would."""
    return {"maxFeePerGas": hex(fees.max_fee), "maxPriorityFeePerGas": hex(fees.tip)}


def _raise_refusal(error: NodeRefuses) -> None:
    refusal = find_refusal(error.data)
    if refusal is not None:
        raise refusal from error
    if error.data:
        raise NotAccepted(f"the contract refuses it, with {error.data.hex():.80}") from error
