"""Following anchors: what became of what was sent, and the evidence of what is in a block.

Evidence is captured as soon as the anchor is in a block, again after a reorganisation, and kept
as final once the chain says so. What a node has dropped is sent again, the same bytes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from stemproof.acts.anchors import (
    OPEN_STATES,
    Anchor,
    all_anchors,
    anchor_numbered,
    list_anchors,
)
from stemproof.acts.behind import demand_height
from stemproof.acts.brought import evidence_of, may_stand, status_of, tell_waiting
from stemproof.acts.vanished import notice_lost
from stemproof.errors import Refuted, Unavailable

if TYPE_CHECKING:
    from stemproof.anchor.evm import BlockRef, Chain
    from stemproof.log.store import Log

# A node that is started anew is back by then.
_PATIENCE_S: Final = 10.0


def refresh(log: Log, chain: Chain) -> list[Anchor]:
    """Look every open anchor on this chain up: resend, capture, promote; give those that moved.

    A node that is behind what the ledger has seen already is not asked. One whose block the node
    does not prove any more, as full nodes keep the state of about 128 blocks, stays without
    evidence: that of the next anchor covers it, and nothing is held up.
    """
    from stemproof.anchor.problems import NodeRefuses, Unsupported

    moved = notice_lost(log, chain) if chain.info.kind == "local" else []
    demand_height(log, chain)
    for anchor in all_anchors(log):
        if anchor.chain != chain.info.id:
            continue
        if anchor.state == "failed" and _stands(log, chain, anchor):
            # A node had lied about it; without it the heads after it could not be proved.
            log.run("put_anchor_state", "pending", anchor.number)
        elif anchor.state not in OPEN_STATES:
            continue
        try:
            found = _refresh_one(log, chain, anchor_numbered(log, anchor.number))
        except (NodeRefuses, Unsupported):
            found = anchor_numbered(log, anchor.number)
            if found.block_hash is None:
                raise
        if found != anchor:
            moved.append(found)
    return moved


def wait_for(
    log: Log,
    chain: Chain,
    number: int,
    *,
    states: tuple[str, ...],
    timeout_s: float,
    sleep: Callable[[float], None] = time.sleep,
) -> Anchor:
    """Wait until an anchor is in one of the states, or has failed; else give it as it is.

    Where it was sent anew with a better offer, the one that is in a block is waited for and given.
    A node that fails meanwhile is asked again for a while.
    """
    from stemproof.anchor.problems import NodeBehind, NodeDown, UntrustedNode

    deadline = time.monotonic() + timeout_s
    patience = min(timeout_s, _PATIENCE_S)
    give_up = time.monotonic() + patience
    while True:
        try:
            anchor = _look_up(log, chain, number)
        except (NodeBehind, NodeDown, UntrustedNode):
            if time.monotonic() >= give_up:
                raise
        else:
            give_up = time.monotonic() + patience
            is_over = anchor.state == "failed" and not _open_twins(log, anchor)
            if is_over or anchor.state in states or time.monotonic() >= deadline:
                return anchor
        sleep(0.2)


def _look_up(log: Log, chain: Chain, number: int) -> Anchor:
    anchor = _refresh_one(log, chain, anchor_numbered(log, number))
    for other in _open_twins(log, anchor):
        found = _refresh_one(log, chain, other)
        if found.block_hash is not None:
            anchor = found
    return anchor


def find_waiting(log: Log, chain: Chain, account: bytes) -> Anchor | None:
    """Find this log's oldest anchor by an account that is sent and in no block yet.

    Of one that was sent anew it is the newest transaction. What the chain says now counts.
    """
    from stemproof.anchor.follow import TxState

    sent = [
        anchor
        for anchor in list_anchors(log)
        if (anchor.chain, anchor.publisher) == (chain.info.id, account)
        and anchor.state in OPEN_STATES
        and anchor.block_hash is None
    ]
    while sent:
        twins = [anchor for anchor in sent if anchor.is_same_call(sent[0])]
        states = [status_of(log, chain, anchor).state for anchor in twins]
        # Of a transaction and its replacement one is mined: then neither waits.
        if TxState.MINED not in states and TxState.FINAL not in states:
            found = [a for a, s in zip(twins, states, strict=True) if s is not TxState.FAILED]
            if found:
                return found[-1]
        sent = [anchor for anchor in sent if anchor not in twins]
    return None


def check_nothing_waits(log: Log, chain: Chain, account: bytes) -> None:
    """Refuse to build on a head while an anchor of our own is on its way to move it."""
    demand_height(log, chain)
    waiting = find_waiting(log, chain, account)
    if waiting is not None:
        why, hint = tell_waiting(chain, waiting)
        events = "1 event" if waiting.size == 1 else f"{waiting.size} events"
        raise Unavailable(
            f"the timestamp of {events} is not in a block of {chain.info.name} yet"
            f" ({why}): what came after it waits for it",
            hint=hint,
        )


def _open_twins(log: Log, anchor: Anchor) -> list[Anchor]:
    """List the other transactions of the same call that may still be in a block, or are."""
    return [
        other
        for other in list_anchors(log, anchor.log)
        if other.number != anchor.number
        and other.state in (*OPEN_STATES, "final")
        and anchor.is_same_call(other)
    ]


def _has_successor(log: Log, chain: Chain, anchor: Anchor) -> bool:
    """Whether a better offer for the same call is with the node: then the old one is not sent."""
    return any(
        twin.number > anchor.number and chain.find_transaction(twin.tx) is not None
        for twin in _open_twins(log, anchor)
    )


def _refresh_one(log: Log, chain: Chain, anchor: Anchor) -> Anchor:
    from stemproof.anchor.follow import TxState
    from stemproof.anchor.problems import NodeRefuses, Unsupported

    if anchor.state not in OPEN_STATES:
        return anchor
    status = status_of(log, chain, anchor, seen=anchor.block_hash, seen_number=anchor.block_number)
    if status.state is TxState.FAILED:
        log.run("put_anchor_state", "failed", anchor.number)
    elif status.block is None:
        if anchor.block_hash is not None:
            # It was in a block that is no more; its evidence proves nothing now.
            log.run("put_anchor_block", "reorged", None, None, None, None, None, anchor.number)
        if not status.is_known and not _has_successor(log, chain, anchor):
            _send_again(log, chain, anchor)
    else:
        state = "final" if status.state is TxState.FINAL else "anchored"
        if anchor.block_hash != status.block.hash or anchor.evidence is None:
            try:
                _capture(log, chain, anchor, state)
            except (NodeRefuses, Unsupported):
                _note_block(log, anchor, status.block)
                raise
        elif state != anchor.state:
            log.run("put_anchor_state", state, anchor.number)
    return anchor_numbered(log, anchor.number)


def _send_again(log: Log, chain: Chain, anchor: Anchor) -> None:
    """Send the same bytes again, unless the head that they build on is not there (any more).

    After a reorganisation an anchor whose prior one moved to another block can only fail, and
    would cost: the next anchor covers it. While the prior one is in no block yet, it waits.
    """
    from stemproof.anchor.contract import origin_id
    from stemproof.anchor.problems import NodeRefuses
    from stemproof.anchor.publish import send
    from stemproof.anchor.transaction import parse_transaction
    from stemproof.evidence.ethsig import Address

    origin = dict(log.fetch_all("logs"))[anchor.log]
    head = chain.head_of(Address(anchor.publisher), origin_id(origin))
    if head == anchor.prior:
        try:
            send(chain, anchor.raw)
        except NodeRefuses:
            # Nodes do not even keep what offers less than the base fee: it goes out later.
            if chain.latest_block().base_fee <= parse_transaction(anchor.raw).max_fee:
                raise
    elif head >> 216 >= anchor.prior >> 216:
        log.run("put_anchor_state", "failed", anchor.number)


def _stands(log: Log, chain: Chain, anchor: Anchor) -> bool:
    """Whether an anchor that was said to have failed is in a block all the same."""
    from stemproof.anchor.follow import TxState

    found = may_stand(log, anchor) and status_of(log, chain, anchor).state
    return found in (TxState.MINED, TxState.FINAL)


def _note_block(log: Log, anchor: Anchor, block: BlockRef) -> None:
    """Note where an anchor is that the node does not prove: the next one may prove it."""
    place = block.number, block.hash, block.time, block.parent_hash
    log.run("put_anchor_block", "anchored", *place, None, anchor.number)


def _capture(log: Log, chain: Chain, anchor: Anchor, state: str) -> None:
    from stemproof.anchor.contract import origin_id
    from stemproof.evidence.chain import check_evidence, format_evidence

    origin = dict(log.fetch_all("logs"))[anchor.log]
    # Read again: by which transaction it came may have been learnt only now.
    evidence = evidence_of(chain, anchor_numbered(log, anchor.number), origin_id(origin))
    proved = check_evidence(evidence)
    if (proved.event.size, proved.event.root, proved.event.prior) != (
        anchor.size,
        anchor.root,
        anchor.prior,
    ):
        raise Refuted(f"the chain holds another anchor than number {anchor.number} of this ledger")
    log.run(
        "put_anchor_block",
        state,
        proved.number,
        proved.block_hash,
        proved.time,
        proved.parent_hash,
        format_evidence(evidence),
        anchor.number,
    )
