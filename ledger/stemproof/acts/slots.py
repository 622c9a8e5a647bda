"""A log's slot on chain as its owner finds it: going on, moved by somebody else, or ended.

What the slot should hold follows from the anchors that the ledger knows. Whatever else it
holds was put there by a copy of the ledger or by a key that was taken, and nothing is built
on it: a log never goes on in two places under one name without somebody being told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stemproof.acts.anchors import Anchor, list_anchors
from stemproof.acts.orders import HAND, Order, list_orders
from stemproof.errors import BadInput
from stemproof.evidence.accumulator import MAX_SIZE, next_head, parse_head
from stemproof.evidence.ethsig import parse_address
from stemproof.log.sealing import Sealed, checkpoint_at, head_at
from stemproof.log.store import OWN_WORK

if TYPE_CHECKING:
    from stemproof.anchor.evm import Chain
    from stemproof.log.store import Log

# A busy year of one device. What is so far beyond our own anchors was made by no copy of it.
_HUGE: Final = 2**20


class NotOurs(BadInput):
    """The chain holds a head of this log that this ledger did not anchor."""

    def __init__(self, chain: str, size: int, known: int) -> None:
        why = (
            "another copy of the ledger goes on elsewhere, or a key was taken"
            if size - known < _HUGE
            else "no copy of the ledger has so many, a key was taken"
        )
        super().__init__(
            f"{chain} holds a head of {size} events of this log that this ledger did not anchor"
            f" (its own newest has {known}): {why}; nothing was sent",
            hint="after a copy, go on as a new device: `stemproof key new-device`. If a key was"
            " taken, in this order: `stemproof key revoke` ends this log there, `stemproof key"
            " new-device` begins another one, `stemproof key rotate` puts new keys in its place",
        )


class LogEnded(BadInput):
    """This log was ended on chain by its account: nothing is anchored there any more."""

    def __init__(self, chain: str) -> None:
        super().__init__(
            f"this log was ended on {chain} with `key revoke`: what was anchored before stands,"
            " and nothing can be anchored there under this account any more",
            hint="go on with a log of its own: `stemproof key new-device`. If the words may be"
            " known to others, or it was not you who ended it, `stemproof key rotate` after that",
        )


def is_ended(word: int) -> bool:
    """Say whether a slot's word is that of a log which its publisher ended."""
    return parse_head(word)[0] == MAX_SIZE


def check_not_ended(chain: Chain, word: int) -> None:
    """Refuse to build on a slot that was ended."""
    if is_ended(word):
        raise LogEnded(chain.info.name)


def check_ended_by_us(log: Log, chain: Chain, former: bytes, word: int) -> None:
    """Refuse to go on from a former slot that was ended on top of a head not ours."""
    if is_ended(word) and parse_head(word)[1] not in known_accumulators(log, chain, former):
        raise BadInput(
            f"the former account's slot of this log on {chain.info.name} was ended on top of a head"
            " that this ledger did not anchor: a key was taken before the log was ended",
            hint="go on as a new device with `stemproof key new-device`; nothing was sent",
        )


def check_ours(log: Log, chain: Chain, publisher: bytes, word: int) -> None:
    """Refuse to build on a head that this ledger did not make: a copy, or a stolen key."""
    if not word or is_ended(word):
        return
    known = [
        anchor.size
        for anchor in list_anchors(log)
        if (anchor.chain, anchor.publisher) == (chain.info.id, bytes(publisher))
    ]
    known += [order.size for order in _handovers(log, chain, publisher)]
    if parse_head(word)[0] not in known:
        raise NotOurs(chain.info.name, parse_head(word)[0], max(known, default=0))


def handed_checkpoint(log: Log, chain: Chain, account: bytes) -> Sealed | None:
    """Give the checkpoint with which a former account handed this log to its present one."""
    from stemproof.acts.keeping import count_rotations

    tree = log.tree_of(log.number, OWN_WORK)
    handed = [
        order
        for order in list_orders(log, HAND)
        if (order.chain, order.about) == (chain.info.id, log.origin) and order.block is not None
    ]
    if tree is None or not handed or parse_address(handed[-1].account) == account:
        return None
    head = head_at(log, tree, handed[-1].size)
    if head is None or count_rotations(log, start=head.size):
        # Keys were replaced again since: it names others than the present ones.
        return None
    return checkpoint_at(log, log.number, handed[-1].size)


def known_accumulators(log: Log, chain: Chain, publisher: bytes) -> set[int]:
    """Give every accumulator that the slot of this log can hold by our own anchors."""
    found = {0}
    for anchor in list_anchors(log):
        if (anchor.chain, anchor.contract, anchor.publisher) == (
            chain.info.id,
            bytes(chain.contract),
            bytes(publisher),
        ):
            word = head_after(anchor)
            if word is not None:
                found.add(parse_head(word)[1])
    for order in _handovers(log, chain, publisher):
        word = _head_after_handover(log, chain, order)
        if word is not None:
            found.add(parse_head(word)[1])
    return found


def head_after(anchor: Anchor) -> int | None:
    """Compute the head that an anchor left behind; None while it is in no block."""
    number, time, parent = anchor.block_number, anchor.block_time, anchor.parent_hash
    if number is None or time is None or parent is None:
        return None
    return next_head(
        anchor.prior,
        size=anchor.size,
        root=anchor.root,
        number=number,
        time=time,
        parent_hash=parent,
    )


def _handovers(log: Log, chain: Chain, account: bytes) -> list[Order]:
    """List what an account anchored last when it handed this log over."""
    return [
        order
        for order in list_orders(log, HAND)
        if (order.chain, order.about) == (chain.info.id, log.origin)
        and parse_address(order.account) == account
    ]


def _head_after_handover(log: Log, chain: Chain, order: Order) -> int | None:
    sealed = checkpoint_at(log, log.number, order.size)
    block = None if order.block is None else chain.find_block(order.block)
    if sealed is None or block is None:
        return None
    return next_head(
        int(order.prior, 16),
        size=order.size,
        root=sealed.root,
        number=block.number,
        time=block.time,
        parent_hash=block.parent_hash,
    )
