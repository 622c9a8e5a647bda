"""What became of a transaction: waiting, mined, final, reorganised away, or failed.

`seen` is the block where it was found before: a receipt that has moved to another block, or
vanished, is then told as `reorged`, and evidence captured at the old block is worthless. A node
that has not come as far as that block knows nothing of a reorganisation: it is behind.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from stemproof.anchor.problems import NodeBehind, NodeRefuses, UntrustedNode
from stemproof.anchor.reverts import find_refusal
from stemproof.anchor.transaction import Transaction, parse_transaction
from stemproof.errors import Malformed
from stemproof.evidence.ethsig import format_address
from stemproof.evidence.quantity import parse_data, parse_quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stemproof.anchor.evm import BlockRef, Chain


# Behind one address there may be several nodes, a block or two apart.
_SECOND_LOOK_S = 0.3


class TxState(StrEnum):
    """Where a transaction stands."""

    PENDING = "pending"
    MINED = "mined"
    FINAL = "final"
    REORGED = "reorged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class TxStatus:
    """Where a transaction stands, and in which block."""

    state: TxState
    #: The canonical block that holds it now; None while none does.
    block: BlockRef | None
    #: Whether the node knows it. Where it does not and `block` is None: send it again.
    is_known: bool
    #: Why it failed.
    reason: str | None = None


def find_status(
    chain: Chain, raw: bytes, *, seen: bytes | None = None, seen_number: int | None = None
) -> TxStatus:
    """Say what became of a signed transaction; `seen` is the hash of the block that held it.

    With the number of that block a node that is behind, or keeps no old receipts, is told from
    a reorganisation.
    """
    ours = parse_transaction(raw)
    receipt = chain.find_receipt(ours.hash)
    block = None if receipt is None else find_block_of(chain, receipt)
    if receipt is None or block is None:
        held = still_held(chain, seen, seen_number)
        return held if held is not None else _not_mined(chain, ours, seen)
    if not has_succeeded(chain, receipt):
        return TxStatus(TxState.FAILED, block, True, _find_reason(chain, ours, block, receipt))
    if seen is not None and seen != block.hash:
        return TxStatus(TxState.REORGED, block, True)
    return standing_in(chain, block)


def wait_until_mined(
    chain: Chain, raw: bytes, *, timeout_s: float, poll_s: float = 0.25
) -> TxStatus:
    """Wait until a transaction is in a block or has failed; still `pending` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        status = find_status(chain, raw)
        if status.state is not TxState.PENDING or time.monotonic() >= deadline:
            return status
        time.sleep(poll_s)


def standing_in(chain: Chain, block: BlockRef) -> TxStatus:
    """Say how a transaction stands that is in a canonical block."""
    is_final = chain.final_number() >= block.number
    return TxStatus(TxState.FINAL if is_final else TxState.MINED, block, True)


def still_held(chain: Chain, seen: bytes | None, number: int | None) -> TxStatus | None:
    """Look the block up that held it: it may stand, though the receipt is not served any more."""
    if seen is None or number is None:
        return None
    block = chain.find_block(number)
    # A private chain may be set back; what is lost with it is noticed elsewhere.
    if block is None and chain.info.kind != "local":
        raise NodeBehind(
            f"{chain.node.where} has no block {number} of {chain.info.name}, where the timestamp"
            " was seen",
            hint="it has not caught up: try later, or name another node with --rpc",
        )
    return None if block is None or block.hash != seen else standing_in(chain, block)


def _not_mined(chain: Chain, ours: Transaction, seen: bytes | None) -> TxStatus:
    is_known = chain.find_transaction(ours.hash) is not None
    used = chain.node.read_quantity(
        "eth_getTransactionCount", format_address(ours.sender), "latest"
    )
    if used > ours.nonce and not is_known and _is_unknown_still(chain, ours):
        return TxStatus(
            TxState.FAILED, None, False, f"another transaction took number {ours.nonce}"
        )
    state = TxState.PENDING if seen is None else TxState.REORGED
    return TxStatus(state, None, is_known)


def _is_unknown_still(chain: Chain, ours: Transaction) -> bool:
    """Ask once more: a node may count a transaction a moment before it serves its receipt."""
    time.sleep(_SECOND_LOOK_S)
    return chain.find_receipt(ours.hash) is None and chain.find_transaction(ours.hash) is None


def find_block_of(chain: Chain, receipt: Mapping[str, object]) -> BlockRef | None:
    """Find the canonical block of a receipt; None where the receipt is of a lost block."""
    try:
        number = parse_quantity(receipt.get("blockNumber"), "block number")
        block_hash = parse_data(receipt.get("blockHash"), "block hash")
    except Malformed as error:
        raise UntrustedNode(f"{chain.node.where} is not to be believed: {error}") from error
    block = chain.find_block(number)
    return block if block is not None and block.hash == block_hash else None


def has_succeeded(chain: Chain, receipt: Mapping[str, object]) -> bool:
    """Read from a receipt whether its transaction succeeded."""
    try:
        return parse_quantity(receipt.get("status"), "status") == 1
    except Malformed as error:
        raise UntrustedNode(f"{chain.node.where} is not to be believed: {error}") from error


def _find_reason(
    chain: Chain, ours: Transaction, block: BlockRef, receipt: Mapping[str, object]
) -> str:
    if receipt.get("gasUsed") == hex(ours.gas):
        return "it ran out of gas"
    call = {
        "from": format_address(ours.sender),
        "to": format_address(ours.to),
        "data": "0x" + ours.data.hex(),
    }
    try:
        chain.node.read_data("eth_call", dict(call), hex(block.number))
    except NodeRefuses as error:
        refusal = find_refusal(error.data)
        if refusal is not None:
            return str(refusal)
    return "the contract refused it"
