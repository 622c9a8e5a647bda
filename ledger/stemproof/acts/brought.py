"""Anchors that are ours to send, and heads that somebody else brings: each looked up in its way.

A row of the ledger holds the signed transaction of the one, and the signed head of the other;
the transaction that brings a head is learnt from a relay or from the chain, and kept beside it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stemproof.acts.anchors import Anchor, list_anchors
from stemproof.anchor.signedhead import is_signed_head, parse_signed_head

if TYPE_CHECKING:
    from stemproof.anchor.evm import Chain
    from stemproof.anchor.follow import TxStatus
    from stemproof.evidence.chain import ChainEvidence
    from stemproof.log.store import Log


def is_brought(anchor: Anchor) -> bool:
    """Say whether it is a signed head, for a relay to bring, and no transaction of ours."""
    return is_signed_head(anchor.raw)


def deadline_of(anchor: Anchor) -> datetime:
    """Say until when a signed head may be brought."""
    return datetime.fromtimestamp(parse_signed_head(anchor.raw).deadline, UTC)


def status_of(
    log: Log,
    chain: Chain,
    anchor: Anchor,
    *,
    seen: bytes | None = None,
    seen_number: int | None = None,
) -> TxStatus:
    """Say what became of an anchor; `seen` and its number are the block that held it before."""
    from stemproof.anchor.follow import TxState, TxStatus, find_status
    from stemproof.anchor.relayed import find_brought

    if not is_brought(anchor):
        return find_status(chain, anchor.raw, seen=seen, seen_number=seen_number)
    head = parse_signed_head(anchor.raw)
    found = find_brought(chain, head, hint=anchor.tx, seen=seen, seen_number=seen_number)
    if found.tx is not None and found.tx in _others_of(log, anchor):
        # The same head by a transaction of our own, or signed anew: that one is the anchor.
        return TxStatus(TxState.FAILED, None, True, "another anchor of this ledger holds it")
    if found.tx is not None and found.tx != anchor.tx:
        log.run("put_anchor_tx", found.tx, anchor.number)
    return found.status


def may_stand(log: Log, anchor: Anchor) -> bool:
    """Say whether an anchor that failed may be in a block all the same, by what is known here.

    On one head of a slot one anchor is built: where another of ours is, this one is not.
    """
    return not is_brought(anchor) or not any(
        other.prior == anchor.prior and other.block_hash is not None
        for other in list_anchors(log, anchor.log)
        if (other.chain, other.publisher) == (anchor.chain, anchor.publisher)
    )


def evidence_of(chain: Chain, anchor: Anchor, origin_id: bytes) -> ChainEvidence:
    """Capture the evidence of an anchor that is in a block, whoever sent it."""
    from stemproof.anchor.capture import capture_evidence
    from stemproof.anchor.relayed import capture_brought

    if is_brought(anchor):
        return capture_brought(chain, parse_signed_head(anchor.raw), anchor.tx)
    return capture_evidence(chain, anchor.raw, origin_id=origin_id, publisher=anchor.publisher)


def tell_waiting(chain: Chain, anchor: Anchor) -> tuple[str, str]:
    """Say why an anchor is in no block yet, and what helps."""
    from stemproof.anchor.waiting import tell_why_waiting

    if is_brought(anchor):
        until = deadline_of(anchor).strftime("%H:%M UTC")
        return (
            f"no relay has brought it into a block of {chain.info.name}; it is good until {until}",
            "`stemproof anchor` asks again and goes on; `--relay URL` hands it to another relay,"
            " `--relay none` pays for it yourself",
        )
    return (
        tell_why_waiting(chain, anchor.raw),
        "`stemproof anchor` waits for it and goes on; if it waits too long,"
        " `stemproof anchor --bump` raises its fee",
    )


def _others_of(log: Log, anchor: Anchor) -> set[bytes]:
    """Give the transactions of the other anchors on the same head."""
    return {
        other.tx
        for other in list_anchors(log, anchor.log)
        if other.number != anchor.number and other.is_same_call(anchor) and other.state != "failed"
    }
