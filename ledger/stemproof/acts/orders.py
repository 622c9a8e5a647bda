"""Orders to the contract beside anchors: a key allowed, a log ended.

Each is kept from its signed transaction on, before it is sent, so that a crash is answered by
sending the same bytes again. Whether an order holds is what the chain says, not this list.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

from stemproof.errors import Unavailable
from stemproof.record.event import format_time

if TYPE_CHECKING:
    from datetime import datetime

    from stemproof.anchor.evm import Chain
    from stemproof.anchor.publish import Intent
    from stemproof.log.store import Log

SETTING: Final = "orders"
ALLOW: Final = "allow"
REVOKE: Final = "revoke"
HAND: Final = "hand"


@dataclass(frozen=True, slots=True)
class Order:
    """What an account told the contract; `about` is a key's address, or a log's origin."""

    what: str
    chain: int
    contract: str
    account: str
    about: str
    until: int = 0
    most: int = 0
    #: Of a log that is ended or handed over: its events then.
    size: int = 0
    #: Of a log that is handed over: the head before, in hex.
    prior: str = ""
    raw: str = ""
    tx: str = ""
    made: str = ""
    #: The block that took it in; None while none did.
    block: int | None = None


def list_orders(log: Log, what: str) -> list[Order]:
    """List the orders of one kind, oldest first."""
    found = [Order(**row) for row in json.loads(log.setting(SETTING) or "[]")]
    return [order for order in found if order.what == what]


def give_order(log: Log, chain: Chain, order: Order, intent: Intent, moment: datetime) -> Order:
    """Store a signed order, then send it."""
    from stemproof.anchor.publish import send

    kept = replace(order, raw=intent.raw.hex(), tx=intent.tx_hash.hex(), made=format_time(moment))
    put_order(log, kept)
    send(chain, intent.raw)
    return kept


def follow_order(
    log: Log,
    chain: Chain,
    order: Order,
    *,
    timeout_s: float,
    then: Callable[[Order], None] = lambda order: None,
) -> Order:
    """Wait for the block of an order; `then` is called with the write lock held when it is there.

    What the node does not know any more is sent again, the same bytes.
    """
    from stemproof.anchor.follow import TxState, find_status, wait_until_mined
    from stemproof.anchor.problems import NonceTaken, NotAccepted
    from stemproof.anchor.publish import send

    raw = bytes.fromhex(order.raw)
    status = find_status(chain, raw)
    if status.block is None and not status.is_known and status.state is not TxState.FAILED:
        # Another transaction took its number between the two questions: it has failed then.
        with suppress(NonceTaken):
            send(chain, raw)
    status = wait_until_mined(chain, raw, timeout_s=timeout_s)
    if status.state is TxState.FAILED:
        drop_order(log, order)
        raise NotAccepted(
            f"{chain.info.name} did not take it: {status.reason}", hint="run the command again"
        )
    if status.block is None:
        raise Unavailable(
            f"it is sent and in no block of {chain.info.name} yet",
            hint="the same command goes on with it; nothing is paid twice",
        )
    found = replace(order, block=status.block.number)
    with log.writing():
        put_order(log, found)
        if order.block is None:
            then(found)
    return found


def put_order(log: Log, order: Order) -> None:
    """Keep an order in place of what was kept of the same transaction."""
    _replace(log, order, [order])


def drop_order(log: Log, order: Order) -> None:
    """Forget an order that the chain did not take."""
    _replace(log, order, [])


def _replace(log: Log, order: Order, by: list[Order]) -> None:
    with log.writing():
        kept = [Order(**row) for row in json.loads(log.setting(SETTING) or "[]")]
        rest = [one for one in kept if one.tx != order.tx]
        log.put_setting(SETTING, json.dumps([asdict(one) for one in (*rest, *by)]))
