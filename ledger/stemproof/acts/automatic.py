"""Timestamps that are made by themselves, by the artist's rule (see `policy`).

Whether one is due is seen in the ledger alone: no chain, no keys. The deed is that of a person:
the same locks, the same order of storing and sending, and the rule's limits as the limit. What a
watch writes about itself makes nothing due.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from stemproof.acts.anchors import (
    LOST,
    OPEN_STATES,
    Anchor,
    all_anchors,
    data_fee_of,
    is_replaced,
    list_anchors,
)
from stemproof.acts.brought import is_brought
from stemproof.acts.policy import MONTH, PROBLEM_SETTING, Policy, read_policy
from stemproof.errors import StemproofError, Unavailable
from stemproof.record.event import parse_header, parse_time

if TYPE_CHECKING:
    from stemproof.acts.anchoring import Planned
    from stemproof.acts.home import Home
    from stemproof.anchor.evm import Chain
    from stemproof.log.store import Log

_LOCK: Final = "automatic.lock"
# After every id that a ledger gives.
_AFTER_ALL: Final = 2**62
# Of more events than that nobody asks which are a watch's own.
_MOST_LOOKED_AT: Final = 2000
_BASE_FEE_FIELD: Final = 15
_AFTER_FAILURE: Final = timedelta(hours=1)
#: Makes an anchor: given what agrees to its price, and the most that it may cost in wei.
Deed = Callable[["Callable[[Planned], bool]", int | None], int | None]


class Due(StrEnum):
    """What is to be done by itself."""

    NOTHING = "nothing"
    FOLLOW = "follow"
    ANCHOR = "anchor"


class LimitReached(StemproofError):
    """What timestamps may cost in a month is spent."""


@dataclass(frozen=True, slots=True)
class Done:
    """What was done: a new or followed anchor, or nothing."""

    due: Due
    anchor: Anchor | None


def find_due(log: Log, policy: Policy | None, moment: datetime) -> Due:
    """Say what is due: a new timestamp, following one that was sent, or nothing."""
    anchors = list_anchors(log)
    if any(anchor.state in OPEN_STATES and anchor.block_hash is None for anchor in anchors):
        # What is new waits for it.
        return Due.FOLLOW
    if policy is not None and _is_due(log, policy, anchors, moment):
        return Due.ANCHOR
    is_open = any(anchor.state in OPEN_STATES for anchor in all_anchors(log))
    return Due.FOLLOW if is_open else Due.NOTHING


def count_new(log: Log, after: int, *, enough: int) -> int:
    """Count the events since a size that a watch did not write about itself, up to `enough`."""
    total = log.size - after
    if total > _MOST_LOOKED_AT:
        return total
    found = 0
    for entry in log.entries_before(_AFTER_ALL, max(0, total)):
        found += not parse_header(entry.header).action.startswith("watch.")
        if found >= enough:
            break
    return found


def next_by_time(log: Log, policy: Policy) -> datetime | None:
    """Say from when on what is new is due by its age; None where age makes nothing due."""
    stand = _standing(list_anchors(log))
    if policy.every is None or not stand:
        return None
    return parse_time(stand[-1].made) + policy.every


def spent_since(log: Log, chain_id: int, since: datetime) -> int:
    """Add up what timestamps on a chain cost since a moment, in wei; rather too much than less."""
    anchors = [anchor for anchor in all_anchors(log) if anchor.chain == chain_id]
    return sum(
        _cost(log, anchor)
        for anchor in anchors
        if parse_time(anchor.made) >= since and not is_replaced(anchor, anchors)
    )


def limit_now(log: Log, policy: Policy, chain: Chain, moment: datetime) -> int | None:
    """Give the most that the next timestamp may cost; LimitReached where that is nothing."""
    if policy.cap_month_wei is None:
        return policy.cap_wei
    left = policy.cap_month_wei - spent_since(log, chain.info.id, moment - MONTH)
    if left <= 0:
        from stemproof.anchor.fees import format_wei

        raise LimitReached(
            f"timestamps cost {format_wei(policy.cap_month_wei - left)} {chain.info.currency} in 30"
            f" days, the limit is {format_wei(policy.cap_month_wei)}: the next one waits",
            hint="raise it with `stemproof anchor --auto --cap-month`, or anchor by hand",
        )
    return left if policy.cap_wei is None else min(left, policy.cap_wei)


def act_if_due(home: Home, log: Log, chain: Chain, deed: Deed, moment: datetime) -> Done:
    """Follow what was sent, and make a new timestamp if one is due; one process at a time."""
    from stemproof.acts.following import refresh
    from stemproof.anchor.filelock import hold_lock

    with ExitStack() as stack:
        try:
            stack.enter_context(hold_lock(home.locks / _LOCK, timeout_s=0.0))
        except Unavailable:
            # Another process does just this.
            return Done(Due.NOTHING, None)
        moved = refresh(log, chain)
        policy = read_policy(log)
        if policy is None or find_due(log, policy, moment) is not Due.ANCHOR:
            return Done(Due.FOLLOW, moved[-1] if moved else None)
        cap_wei = limit_now(log, policy, chain, moment)

        def agree(planned: Planned) -> bool:
            # The account is held now: another process may have anchored in between.
            if find_due(log, policy, moment) is not Due.ANCHOR:
                return False
            _check_price(planned, limit_now(log, policy, chain, moment), chain)
            return True

        number = deed(agree, cap_wei)
        made = [anchor for anchor in list_anchors(log) if anchor.number == number]
        return Done(Due.ANCHOR, made[-1] if made else None)


def note_problem(log: Log, problem: str) -> None:
    """Keep why a timestamp waits, or that none does, for `status`."""
    if (log.setting(PROBLEM_SETTING) or "") != problem:
        log.put_setting(PROBLEM_SETTING, problem)


def tell_standing(log: Log, moment: datetime) -> list[str]:
    """Say the rule, and why it waits where it does; nothing where there is no rule."""
    policy = read_policy(log)
    if policy is None:
        return []
    limits = []
    if policy.cap_month_wei is not None or policy.cap_wei is not None:
        from stemproof.anchor.fees import format_wei

        if policy.cap_month_wei is not None:
            limits.append(f"at most {format_wei(policy.cap_month_wei)} coins in 30 days")
        if policy.cap_wei is not None:
            limits.append(f"at most {format_wei(policy.cap_wei)} each")
    told = f"timestamps: by themselves {policy.told()}"
    lines = [", ".join([told, *limits]) + ", while a watch runs"]
    problem = log.setting(PROBLEM_SETTING)
    if problem:
        lines.append(f"the next timestamp waits: {problem}")
    elif find_due(log, policy, moment) is Due.ANCHOR:
        lines.append("the next timestamp is due")
    return lines


def _check_price(planned: Planned, cap_wei: int | None, chain: Chain) -> None:
    from stemproof.anchor.fees import format_wei

    cost_wei, coins = planned.intent.cost_wei, chain.info.currency
    if cap_wei is not None and cost_wei > cap_wei:
        raise LimitReached(
            f"the next timestamp costs up to {format_wei(cost_wei)} {coins}, the rule leaves"
            f" {format_wei(cap_wei)}: it waits",
            hint="raise it with `stemproof anchor --auto --cap-month`, or anchor by hand",
        )


def _is_due(log: Log, policy: Policy, anchors: list[Anchor], moment: datetime) -> bool:
    stand = _standing(anchors)
    size = stand[-1].size if stand else 0
    if log.size <= size or _failed_just_now(anchors, moment):
        return False
    enough = policy.events or 1
    fresh = count_new(log, size, enough=enough)
    if policy.events is not None and fresh >= policy.events:
        return True
    if policy.every is None or not fresh:
        return False
    age = moment - parse_time(stand[-1].made) if stand else policy.every
    # A clock that was set back must not put timestamps off for years.
    return age >= policy.every or age < timedelta(0)


def _failed_just_now(anchors: list[Anchor], moment: datetime) -> bool:
    """Whether the newest one failed: each further try costs coins, too."""
    last = anchors[-1] if anchors else None
    if last is None or last.state != "failed" or is_replaced(last, anchors):
        return False
    return timedelta(0) <= moment - parse_time(last.made) < _AFTER_FAILURE


def _standing(anchors: list[Anchor]) -> list[Anchor]:
    return [anchor for anchor in anchors if anchor.state not in ("failed", LOST)]


def _cost(log: Log, anchor: Anchor) -> int:
    """Say what an anchor cost, or may cost still: by its block's fee where that is known.

    What an OP-stack chain takes for the data is counted as it was when the anchor was signed.
    """
    from stemproof.anchor.transaction import parse_transaction
    from stemproof.evidence.chain import parse_evidence
    from stemproof.evidence.rlp import as_integer, decode_list

    if is_brought(anchor):
        # A relay pays for it.
        return 0
    sent = parse_transaction(anchor.raw)
    price = sent.max_fee
    if anchor.evidence is not None:
        fields = decode_list(parse_evidence(anchor.evidence).header, what="header")
        if len(fields) > _BASE_FEE_FIELD:
            base_fee = as_integer(fields[_BASE_FEE_FIELD], "base fee", max_bytes=32)
            price = min(sent.max_fee, base_fee + sent.tip)
    return sent.gas * price + data_fee_of(log, anchor, gas_wei=sent.gas * sent.max_fee)
