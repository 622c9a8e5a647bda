"""Why a transaction is in no block yet: what stands in front of it, or what it offers.

A number of an account is used once and in order: whatever was sent under an earlier number, by
whichever program, must be mined first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stemproof.anchor.fees import format_wei
from stemproof.anchor.problems import NodeRefuses, Unsupported
from stemproof.anchor.transaction import parse_transaction
from stemproof.errors import Malformed
from stemproof.evidence.ethsig import Address, format_address
from stemproof.evidence.quantity import parse_data, parse_quantity

if TYPE_CHECKING:
    from stemproof.anchor.evm import Chain

# More waiting transactions of one account than any node keeps.
_MAX_LISTED = 4096


@dataclass(frozen=True, slots=True)
class InFront:
    """The number of an account that is used next, before ours; its transaction where known."""

    nonce: int
    tx: bytes | None
    to: str


def find_in_front(chain: Chain, raw: bytes) -> InFront | None:
    """Find what must be mined before a waiting transaction; None where nothing must."""
    ours = parse_transaction(raw)
    used = chain.node.read_quantity(
        "eth_getTransactionCount", format_address(ours.sender), "latest"
    )
    if used >= ours.nonce:
        return None
    for tx, nonce, to in _list_waiting(chain, ours.sender):
        if nonce == used:
            return InFront(used, tx, to)
    return InFront(used, None, "")


def tell_why_waiting(chain: Chain, raw: bytes) -> str:
    """Say in one sentence why a transaction that was sent is in no block yet."""
    ours = parse_transaction(raw)
    front = find_in_front(chain, raw)
    if front is not None and front.tx is not None:
        return (
            f"transaction number {front.nonce} of the same account, 0x{front.tx.hex()[:12]} to"
            f" {front.to}, waits in front of it: it must be in a block first"
        )
    if front is not None:
        return (
            f"it has number {ours.nonce} of its account, and number {front.nonce} is in no block"
            f" and not known to {chain.node.where}: what was sent under it must be sent again"
        )
    base_fee = chain.latest_block().base_fee
    if base_fee > ours.max_fee:
        coins = chain.info.currency
        return (
            f"the chain is dear at the moment: this would cost {format_wei(ours.gas * base_fee)}"
            f" {coins}, it offers {format_wei(ours.gas * ours.max_fee)} at most"
        )
    return f"{chain.info.name} has not taken it into a block yet"


def _list_waiting(chain: Chain, account: Address) -> Iterator[tuple[bytes, int, str]]:
    """List the waiting transactions of an account, as far as a node tells them."""
    try:
        block = chain.node.read_object("eth_getBlockByNumber", "pending", True)
    except (NodeRefuses, Unsupported):
        return
    listed = None if block is None else block.get("transactions")
    if not isinstance(listed, list):
        return
    for each in listed[:_MAX_LISTED]:
        if not isinstance(each, Mapping):
            continue
        try:
            sender = parse_data(each.get("from"), "sender")
            found = parse_data(each.get("hash"), "hash"), parse_quantity(each.get("nonce"), "nonce")
            to = each.get("to")
            target = "a new contract" if to is None else format_address(_address(to))
        except Malformed:
            # It says nothing that we could tell.
            continue
        if sender == account:
            yield *found, target


def _address(value: object) -> Address:
    data = parse_data(value, "receiver")
    if len(data) != 20:
        raise Malformed("receiver", value, "20 bytes")
    return Address(data)
