"""Ending logs on chain: for a key that was taken or lost, or before keys are replaced.

`revoke` on the contract ends one log of one account for ever: what was anchored before stands,
and nothing can follow, under no key and by no relay. Each ending is kept from its signed
transaction on, and is an event of the log that is written here once it is in a block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from stemproof.acts.anchoring import origin_id
from stemproof.acts.anchors import LOST, all_anchors
from stemproof.acts.delegating import holder_account
from stemproof.acts.facts import fact
from stemproof.acts.home import Home, now
from stemproof.acts.orders import REVOKE, Order, follow_order, give_order, list_orders
from stemproof.acts.slots import is_ended
from stemproof.errors import BadInput
from stemproof.log.store import OWN_WORK

if TYPE_CHECKING:
    from stemproof.anchor.evm import Chain
    from stemproof.evidence.ethsig import Address
    from stemproof.log.store import Log
    from stemproof.record.canonical import Json


@dataclass(frozen=True, slots=True)
class Slot:
    """A log as one account anchored it on one chain."""

    chain: int
    publisher: bytes
    origin: str


@dataclass(frozen=True, slots=True)
class Ending:
    """A log that can be ended: by which key, at which size, and what that costs."""

    slot: Slot
    account_key: bytes
    word: int
    cost_wei: int
    expected_wei: int

    @property
    def size(self) -> int:
        """The events that stand."""
        return self.word >> 216

    @property
    def device(self) -> str:
        """How people are told which log it is."""
        return self.slot.origin.rpartition("/")[2][:12]


@dataclass(frozen=True, slots=True)
class Plan:
    """What of some slots can be ended, is ended already, or is under an account not held here."""

    endings: tuple[Ending, ...]
    ended: tuple[Slot, ...]
    foreign: tuple[Slot, ...]

    @property
    def cost_wei(self) -> int:
        """The most that it costs altogether."""
        return sum(ending.cost_wei for ending in self.endings)

    @property
    def expected_wei(self) -> int:
        """What it will probably cost altogether."""
        return sum(ending.expected_wei for ending in self.endings)


def slots_of(log: Log) -> list[Slot]:
    """List where the ledger's logs were anchored, as far as it knows."""
    origins = dict(log.fetch_all("logs"))
    found = [
        Slot(anchor.chain, anchor.publisher, origins[anchor.log])
        for anchor in all_anchors(log)
        if anchor.state not in ("failed", LOST)
    ]
    return list(dict.fromkeys(found))


def choose_slots(slots: Sequence[Slot], logs: Sequence[str]) -> list[Slot]:
    """Choose the slots of logs that are named in full, or by the start of a device's id."""
    if not logs:
        return list(slots)
    chosen = []
    for name in logs:
        found = [
            slot
            for slot in slots
            if slot.origin == name
            or (len(name) >= 4 and slot.origin.rpartition("/")[2].startswith(name))
        ]
        if not found:
            known = ", ".join(sorted({slot.origin.rpartition("/")[2][:12] for slot in slots}))
            raise BadInput(
                f"no log {name!r:.100} was anchored from this ledger", hint=f"known: {known}"
            )
        chosen += found
    return list(dict.fromkeys(chosen))


def plan_endings(chain: Chain, slots: Sequence[Slot], account_keys: Sequence[bytes]) -> Plan:
    """Look each slot up on its chain, and price its end; nothing is sent."""
    from stemproof.anchor.delegation import prepare_revoke
    from stemproof.evidence.ethsig import Address, address_of_key

    held = {bytes(address_of_key(key)): key for key in account_keys}
    endings, ended, foreign = [], [], []
    for slot in slots:
        word = chain.head_of(Address(slot.publisher), origin_id(slot.origin))
        if is_ended(word):
            ended.append(slot)
        elif slot.publisher not in held:
            foreign.append(slot)
        else:
            key = held[slot.publisher]
            intent = prepare_revoke(chain, key, origin_id(slot.origin))
            endings.append(Ending(slot, key, word, intent.cost_wei, intent.expected_wei))
    return Plan(tuple(endings), tuple(ended), tuple(foreign))


def end_now(home: Home, log: Log, chain: Chain, ending: Ending, *, timeout_s: float) -> Order:
    """End one log on chain and record it; one that was sent before is gone on with."""
    from stemproof.anchor.delegation import prepare_revoke
    from stemproof.anchor.publish import hold_account
    from stemproof.evidence.ethsig import format_address

    account = _address(ending.slot.publisher)
    with hold_account(home.locks, chain, account):
        order = _find_sent(log, ending.slot)
        if order is None:
            intent = prepare_revoke(chain, ending.account_key, origin_id(ending.slot.origin))
            order = Order(
                what=REVOKE,
                chain=chain.info.id,
                contract=format_address(chain.contract),
                account=format_address(account),
                about=ending.slot.origin,
                size=ending.size,
            )
            order = give_order(log, chain, order, intent, now())
    return follow_order(
        log, chain, order, timeout_s=timeout_s, then=lambda order: _record(log, order, now())
    )


def resume_endings(log: Log, chain: Chain, *, timeout_s: float) -> list[Order]:
    """Go on with ends that were sent before a crash or a timeout; give those that hold now."""
    return [
        follow_order(
            log, chain, order, timeout_s=timeout_s, then=lambda order: _record(log, order, now())
        )
        for order in list_orders(log, REVOKE)
        if order.block is None and order.chain == chain.info.id
    ]


def is_log_ended(log: Log) -> bool:
    """Say whether the log that is written was ended by its present account, as far as is known."""
    from stemproof.evidence.ethsig import format_address

    ended = {
        order.account
        for order in list_orders(log, REVOKE)
        if order.about == log.origin and order.block is not None
    }
    return bool(ended) and format_address(holder_account(log)) in ended


def _record(log: Log, order: Order, moment: datetime) -> None:
    body: dict[str, Json] = {
        "log": order.about,
        "account": order.account,
        "chain": order.chain,
        "contract": order.contract,
        "size": order.size,
        "block": order.block,
        "tx": order.tx,
    }
    log.append(OWN_WORK, [fact("key.revoked", moment, body)])


def _find_sent(log: Log, slot: Slot) -> Order | None:
    from stemproof.evidence.ethsig import format_address

    named = (slot.chain, format_address(_address(slot.publisher)), slot.origin)
    for order in list_orders(log, REVOKE):
        if (order.chain, order.account, order.about) == named and order.block is None:
            return order
    return None


def _address(publisher: bytes) -> Address:
    from stemproof.evidence.ethsig import Address

    return Address(publisher)
