"""Delegating: an account allows a key to anchor its logs, and the key anchors unattended.

The key is capped in time and in events an anchor, by the contract and before it by us, and can
be ended. It signs no checkpoint, no event and no claim: what it anchors is sealed as it stands
and signed by the log's own key at the next unlock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from stemproof.acts.anchoring import Holder, Planned, origin_id, plan_head_of, publish
from stemproof.acts.home import Home, now
from stemproof.acts.keeping import check_place
from stemproof.acts.orders import ALLOW, Order, give_order, list_orders
from stemproof.errors import BadInput
from stemproof.log.store import OWN_WORK
from stemproof.record.event import parse_header

if TYPE_CHECKING:
    from stemproof.anchor.evm import Chain
    from stemproof.anchor.publish import Intent
    from stemproof.evidence.ethsig import Address
    from stemproof.keys.anchorkey import AnchorKey
    from stemproof.keys.ring import Keys
    from stemproof.log.store import Log

DEFAULT_DAYS: Final = 90
# A full day of saving every minute has some ten thousand.
DEFAULT_MOST: Final = 50_000


@dataclass(frozen=True, slots=True)
class Terms:
    """What a key may do: anchor up to a second, so many events at once; 0 and 0 end it."""

    key: Address
    until: int
    most: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A key that was allowed, with what the chain says of it now."""

    order: Order
    most_now: int


def find_anchor_key(home: Home, log: Log) -> AnchorKey | None:
    """Open this device's anchor-only key without asking anybody; None where it has none."""
    from stemproof.keys.anchorkey import open_anchor_key

    return open_anchor_key(home.path, log.origin)


def holder_account(log: Log) -> Address:
    """Say by the log's own record whose account publishes it: no key is needed for that."""
    from stemproof.keys.binding import check_binding
    from stemproof.keys.rotation import check_rotation, holder_of

    tree = log.tree_of(log.number, OWN_WORK)
    rows = () if tree is None else log.fetch_all("events", tree, 0, log.tree_size(tree))
    holder = None
    for event, _, data in rows:
        action = parse_header(data).action
        if action not in ("log.open", "key.rotate"):
            continue
        body = log.openings(event).get("body")
        if body is None:
            break
        if holder is None:
            holder = holder_of(check_binding(body.value))
        else:
            holder = check_rotation(body.value, holder)
    if holder is None:
        raise BadInput("the log's own record does not say whose it is", hint="unlock the keys once")
    return holder.account


def allow_now(
    home: Home,
    log: Log,
    chain: Chain,
    keys: Keys,
    terms: Terms,
    agree: Callable[[Intent], bool],
) -> Order | None:
    """Sign the allowance, ask whether its price is right, store it, send it; None if it is not."""
    from stemproof.anchor.delegation import prepare_allow
    from stemproof.anchor.publish import hold_account
    from stemproof.evidence.ethsig import format_address, parse_address

    account = parse_address(keys.account_address)
    with hold_account(home.locks, chain, account):
        intent = prepare_allow(
            chain, keys.account_key, terms.key, until=terms.until, most=terms.most
        )
        if not agree(intent):
            return None
        order = Order(
            what=ALLOW,
            chain=chain.info.id,
            contract=format_address(chain.contract),
            account=keys.account_address,
            about=format_address(terms.key),
            until=terms.until,
            most=terms.most,
        )
        return give_order(log, chain, order, intent, now())


def list_allowed(log: Log, chain: Chain) -> list[Standing]:
    """List the keys that were allowed on a chain, each once, with what it says of them now."""
    from stemproof.anchor.delegation import most_allowed
    from stemproof.evidence.ethsig import parse_address

    newest = {
        (order.account, order.about): order
        for order in list_orders(log, ALLOW)
        if order.chain == chain.info.id
    }
    return [
        Standing(order, most_allowed(chain, parse_address(account), parse_address(about)))
        for (account, about), order in newest.items()
    ]


def coins_left(chain: Chain, key: Address) -> int | None:
    """Say what a key holds on a chain, in wei; None where the node does not say it."""
    from stemproof.errors import StemproofError

    try:
        return chain.balance(key)
    except StemproofError:
        return None


def is_allowed_elsewhere(log: Log, chain: Chain, key: Address) -> bool:
    """Say whether a key was ever allowed on another chain, where it may hold coins as well."""
    from stemproof.evidence.ethsig import format_address

    about = format_address(key)
    return any(
        order.about == about and order.chain != chain.info.id for order in list_orders(log, ALLOW)
    )


def plan_as(
    log: Log, chain: Chain, key: AnchorKey, *, cap_wei: int | None = None
) -> Planned | None:
    """Seal the log and sign its anchor by an anchor-only key; None where nothing is new."""
    from stemproof.anchor.delegation import check_allowed, prepare_anchor_as
    from stemproof.anchor.problems import InsufficientFunds
    from stemproof.anchor.publish import AnchorCall
    from stemproof.evidence.ethsig import format_address

    account = holder_account(log)
    check_allowed(chain, account, key.address, growth=0)
    found = plan_head_of(
        log, chain, Holder(account, None, lambda log: check_same_holder(log, account))
    )
    if found is None:
        return None
    sealed, prior = found
    check_allowed(chain, account, key.address, growth=sealed.size - (prior >> 216))
    call = AnchorCall(origin_id(log.origin), prior, sealed.size, sealed.root)
    try:
        intent = prepare_anchor_as(chain, key.private_key, account, call, cap_wei=cap_wei)
    except InsufficientFunds as error:
        error.hint = (
            f"the anchor-only key pays for itself: send coins to {format_address(key.address)}, or"
            " let a relay pay; with your passphrase `stemproof anchor` pays from your account"
        )
        raise
    return Planned(sealed, prior, intent, bytes(account))


def anchor_as_now(
    home: Home,
    log: Log,
    chain: Chain,
    key: AnchorKey,
    agree: Callable[[Planned], bool],
    *,
    cap_wei: int | None = None,
) -> int | None:
    """Plan, ask, and publish by an anchor-only key, as `anchor_now` does by the account."""
    from stemproof.anchor.publish import hold_account

    check_place(home)
    # The account's lock first, as `anchor_now` takes it: two never build on one head.
    with (
        hold_account(home.locks, chain, holder_account(log)),
        hold_account(home.locks, chain, key.address),
    ):
        planned = plan_as(log, chain, key, cap_wei=cap_wei)
        if planned is None or not agree(planned):
            return None
        return publish(log, chain, planned, now())


def parse_until(text: str, moment: datetime) -> int:
    """Read the last day of an allowance, as a date or as a number of days from now."""
    from datetime import UTC, date, time, timedelta

    from stemproof.errors import Usage

    if text.isascii() and text.isdigit() and len(text) <= 5 and int(text):
        return int((moment + timedelta(days=int(text))).timestamp())
    try:
        day = date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        day = None
    if day is None:
        raise Usage(f"--until is {text!r:.40}, want days as 90 or a date as 2027-03-31")
    last = datetime.combine(day, time(23, 59, 59), UTC)
    if last <= moment:
        raise Usage(f"--until is {text}, which is over")
    return int(last.timestamp())


def check_same_holder(log: Log, account: Address) -> None:
    """Refuse an account that publishes the log no more: its keys were replaced meanwhile."""
    if holder_account(log) != account:
        raise BadInput("the keys changed while they were being used", hint="run the command again")
