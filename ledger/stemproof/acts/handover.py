"""Handing a log over from a former account to the one that replaced it, on chain.

After a rotation the log goes on in a slot of its own under the new account. So that nobody who
has the former words can show it with other keys in the new ones' place, the former account
anchors once more, the checkpoint that holds the rotation, and ends its slot there. The new
account's slot begins with the very same checkpoint: whoever asks a node sees that the former
account's last word on chain names the present keys.

The former account's last anchor is kept as an order, not as an anchor: no bundle shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stemproof.acts.anchoring import origin_id
from stemproof.acts.delegating import holder_account
from stemproof.acts.home import Home, now
from stemproof.acts.orders import HAND, Order, follow_order, give_order, list_orders
from stemproof.acts.revoking import Ending, Plan, plan_endings, slots_of
from stemproof.acts.slots import NotOurs, check_ours
from stemproof.log.sealing import seal

if TYPE_CHECKING:
    from stemproof.anchor.evm import Chain
    from stemproof.evidence.ethsig import Address
    from stemproof.keys.ring import Keys
    from stemproof.log.store import Log


@dataclass(frozen=True, slots=True)
class Handover:
    """What is done on one chain: the log handed over, where it can be, and all slots ended."""

    plan: Plan
    handed: Ending | None

    @property
    def cost_wei(self) -> int:
        """The most that it costs altogether, about."""
        # An anchor takes up to half as much again as an end.
        extra = 0 if self.handed is None else self.handed.cost_wei * 3 // 2
        return self.plan.cost_wei + extra


def former_chains(log: Log, account: bytes) -> list[int]:
    """List the chains on which an account anchored logs of this ledger."""
    return list(dict.fromkeys(slot.chain for slot in slots_of(log) if slot.publisher == account))


def plan_handover(log: Log, chain: Chain, account: bytes, account_key: bytes) -> Handover:
    """Look up what a former account has on a chain, and price its end; nothing is sent."""
    slots = [
        slot for slot in slots_of(log) if (slot.chain, slot.publisher) == (chain.info.id, account)
    ]
    plan = plan_endings(chain, slots, [account_key])
    handed = [ending for ending in plan.endings if ending.slot.origin == log.origin]
    return Handover(plan, handed[0] if handed else None)


def can_hand_over(log: Log, chain: Chain, ending: Ending) -> bool:
    """Say whether a log that is to end is the one written now, replaced keys and all its own."""
    slot = ending.slot
    if slot.origin != log.origin or slot.publisher == bytes(holder_account(log)):
        return False
    try:
        check_ours(log, chain, slot.publisher, ending.word)
    except NotOurs:
        # Somebody else moved it: ending it is all that is left.
        return False
    return True


def hand_over(
    home: Home, log: Log, chain: Chain, keys: Keys, ending: Ending, *, timeout_s: float
) -> Order:
    """Anchor the checkpoint that names the new keys, as the former account's last."""
    from stemproof.anchor.publish import AnchorCall, hold_account, prepare_anchor
    from stemproof.evidence.ethsig import Address, format_address

    account = Address(ending.slot.publisher)
    with hold_account(home.locks, chain, account):
        order = _find(log, chain, account)
        if order is None:
            name = origin_id(log.origin)
            prior = chain.head_of(account, name)
            check_ours(log, chain, account, prior)
            sealed = seal(log, keys.sign_checkpoint)
            call = AnchorCall(name, prior, sealed.size, sealed.root)
            order = Order(
                what=HAND,
                chain=chain.info.id,
                contract=format_address(chain.contract),
                account=format_address(account),
                about=log.origin,
                size=sealed.size,
                prior=f"{prior:064x}",
            )
            intent = prepare_anchor(chain, ending.account_key, call)
            order = give_order(log, chain, order, intent, now())
    return follow_order(log, chain, order, timeout_s=timeout_s)


def _find(log: Log, chain: Chain, account: Address) -> Order | None:
    from stemproof.evidence.ethsig import format_address

    named = (chain.info.id, format_address(account), log.origin)
    found = [
        order
        for order in list_orders(log, HAND)
        if (order.chain, order.account, order.about) == named
    ]
    return found[-1] if found else None
