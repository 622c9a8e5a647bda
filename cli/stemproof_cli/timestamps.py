"""Timestamps in words: what one costs, where those that were sent are, what one may cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stemproof_cli import say
from stemproof_cli.amounts import counted

if TYPE_CHECKING:
    from stemproof.acts.anchoring import Planned
    from stemproof.acts.anchors import Anchor
    from stemproof.anchor.evm import Chain
    from stemproof.anchor.price import Price
    from stemproof.log.store import Log
    from stemproof.record.canonical import Json as JsonValue

MINED_TIMEOUT_S: Final = 180.0


def say_cost(place: Chain, planned: Planned, price: Price | None = None) -> None:
    """Say what a timestamp will cost, and at most: in coins, in money, and in gas."""
    from stemproof.anchor.fees import format_wei
    from stemproof.anchor.price import tell_cost

    intent, size = planned.intent, planned.sealed.size
    # `prior` holds the size of the head before in its upper 40 bits.
    new = size - (planned.prior >> 216)
    say.talk(
        f"timestamping the record of {counted(size, 'event')} ({new} new) on {place.info.name}:"
        f" about {tell_cost(intent.expected_wei, place.info, price)}, at most"
        f" {tell_cost(intent.cost_wei, place.info, price)}"
    )
    say.talk(f"  up to {intent.gas:,} gas at up to {format_wei(intent.max_fee * 10**9)} gwei each")


def keep_price(log: Log, place: Chain, text: str | None) -> Price | None:
    """Take the rate that was given, and remember it; else the one that was given before."""
    from stemproof.acts.policy import PRICE_SETTING
    from stemproof.anchor.price import coin_of, format_price, parse_price

    name = f"{PRICE_SETTING}:{coin_of(place.info)}"
    if text is not None:
        price = parse_price(text)
        log.put_setting(name, format_price(price))
        return price
    kept = log.setting(name)
    return parse_price(kept) if kept else None


def say_why_waiting(place: Chain, anchor: Anchor) -> None:
    """Say why a timestamp is in no block yet, and what helps."""
    from stemproof.acts.brought import tell_waiting

    why, hint = tell_waiting(place, anchor)
    say.talk(f"it waits: {why}")
    say.talk(hint)


def say_anchors(place: Chain, anchors: list[Anchor], json: bool, nothing: str) -> None:
    """Write the answer about timestamps; `nothing` says why there is no new one."""
    found: list[JsonValue] = [
        {
            "size": item.size,
            "root": item.root.hex(),
            "state": item.state,
            "chain": item.chain,
            # Which transaction brings it is not known yet, where a relay does.
            "tx": "0x" + item.tx.hex() if any(item.tx) else None,
            "block": item.block_number,
            "block_hash": None if item.block_hash is None else "0x" + item.block_hash.hex(),
            "block_time": item.block_time,
        }
        for item in anchors
    ]
    if json:
        say.answer_json({"v": 0, "new": not nothing, "anchors": found})
        return
    if nothing:
        say.answer(nothing)
    for item in anchors:
        block = "not in a block yet" if item.block_number is None else f"block {item.block_number}"
        say.answer(f"{item.state}: {counted(item.size, 'event')}, {block} of {place.info.name}")
        if item.block_hash is not None:
            say.answer(f"  block hash  0x{item.block_hash.hex()}")


def parse_cap(text: str | None, option: str = "--cap") -> int | None:
    """Read the most that a timestamp may cost, in coins; give it in wei."""
    from decimal import Decimal, InvalidOperation

    from stemproof.errors import Usage

    if text is None:
        return None
    try:
        coins = Decimal(text)
    except InvalidOperation as error:
        raise Usage(f"{option} is {text!r:.40}, want an amount such as 0.002") from error
    if not coins.is_finite() or not 0 < coins < 10**9:
        raise Usage(f"{option} is {text!r:.40}, want an amount above 0")
    return int(coins * 10**18)
