"""Nodes that are behind what the ledger knows: left for the next of the table, never built on.

Behind one address there may be several nodes, a block or two apart. An anchor that is built on
an old head is refused on chain, where it costs.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from stemproof.acts.anchors import LOST, all_anchors, list_anchors

if TYPE_CHECKING:
    from stemproof.anchor.evm import Chain
    from stemproof.evidence.ethsig import Address
    from stemproof.log.store import Log

# How long the other nodes behind the same address are given, a few times.
_PAUSES_S: Final = (0.2, 0.6)


def demand_height(log: Log, chain: Chain) -> None:
    """Demand a node that has come as far as the newest final block that this ledger knows of."""
    known = [
        anchor.block_number
        for anchor in all_anchors(log)
        if anchor.chain == chain.info.id and anchor.state == "final"
    ]
    highest = max((number for number in known if number is not None), default=0)
    # A private chain may be set back or another one: see `vanished`.
    if highest and chain.info.kind != "local":
        chain.demand_height(highest)


def read_head(log: Log, chain: Chain, account: Address) -> int:
    """Read the head of the log on chain, by a node that knows of our own anchors there."""
    from stemproof.anchor.contract import origin_id
    from stemproof.anchor.problems import NodeBehind

    least = _proved_size(log, chain, account)
    told: list[str] = []
    pauses = list(_PAUSES_S)
    while True:
        head = chain.head_of(account, origin_id(log.origin))
        if head >> 216 >= least:
            return head
        if pauses:
            time.sleep(pauses.pop(0))
            continue
        told.append(f"{chain.node.where} has {head >> 216} events of this log on chain")
        if not chain.node.skip():
            raise NodeBehind(
                f"{'; '.join(told)}, a block that the ledger has seen holds {least}",
                hint="it has not caught up, or the chain was reorganised: try again in a moment, or"
                " name another node with --rpc",
            )


def _proved_size(log: Log, chain: Chain, account: bytes) -> int:
    """Give the size of our newest anchor in this slot that a block was seen to hold."""
    slot = chain.info.id, bytes(chain.contract), bytes(account)
    return max(
        (
            anchor.size
            for anchor in list_anchors(log)
            if (anchor.chain, anchor.contract, anchor.publisher) == slot
            and anchor.block_hash is not None
            and anchor.state not in ("failed", LOST)
        ),
        default=0,
    )
