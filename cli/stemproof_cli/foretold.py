"""anchor --dry-run: what a timestamp would be of and cost; nothing is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stemproof_cli import context, hands, say
from stemproof_cli.timestamps import say_cost

if TYPE_CHECKING:
    from stemproof.acts.anchoring import Planned
    from stemproof.acts.home import Home
    from stemproof.anchor.evm import Chain
    from stemproof.anchor.price import Price
    from stemproof.anchor.problems import InsufficientFunds
    from stemproof.log.store import Log
    from stemproof.record.canonical import Json

NOTHING_NEW = "nothing new since the last timestamp"


@dataclass(frozen=True, slots=True)
class Foretold:
    """What is asked of a dry run."""

    cap_wei: int | None
    bump: bool
    json: bool


def foretell(
    home: Home,
    log: Log,
    place: Chain,
    rate: Price | None,
    asked: Foretold,
) -> None:
    """Say what the next timestamp would cost, whether or not the account can pay it."""
    from stemproof.anchor.problems import InsufficientFunds

    planned: list[Planned] = []

    def look(found: Planned) -> bool:
        planned.append(found)
        return False

    lack: InsufficientFunds | None = None
    try:
        if asked.bump:
            from stemproof.acts.bumping import bump_now

            bump_now(home, log, place, context.unlock(home), look, cap_wei=asked.cap_wei)
        else:
            _plan(home, log, place, look, asked.cap_wei)
    except InsufficientFunds as error:
        lack = error
    if asked.json:
        say.answer_json(_document(place, planned, lack))
    elif lack is not None:
        say.talk(f"it cannot be paid yet: {lack}")
        if lack.hint:
            say.talk(lack.hint)
    elif planned:
        say_cost(place, planned[-1], rate)
    else:
        say.answer(NOTHING_NEW)


def _plan(home: Home, log: Log, place: Chain, look: hands.Agree, cap_wei: int | None) -> None:
    from stemproof.acts import relaying

    if relaying.find_handed(log, place) is None:
        hands.anchor_now(home, log, place, look, cap_wei)
        return
    say.talk("no relay has brought the last timestamp: this is the price of paying for it")
    keys = context.unlock(home)
    relaying.pay_for_handed(home, log, place, keys, look, cap_wei=cap_wei)


def _document(
    place: Chain, planned: list[Planned], lack: InsufficientFunds | None
) -> dict[str, Json]:
    document: dict[str, Json] = {
        "v": 0,
        "dry_run": True,
        "new": bool(planned) or lack is not None,
        "chain": place.info.id,
        "currency": place.info.currency,
        "can_pay": lack is None,
    }
    if lack is not None:
        return document | {"most_wei": str(lack.cost_wei), "balance_wei": str(lack.balance_wei)}
    if planned:
        found = planned[-1]
        document |= {
            "size": found.sealed.size,
            "events": found.sealed.size - (found.prior >> 216),
            "expected_wei": str(found.intent.expected_wei),
            "most_wei": str(found.intent.cost_wei),
            "gas": found.intent.gas,
            "max_fee_wei": str(found.intent.max_fee),
        }
    return document
