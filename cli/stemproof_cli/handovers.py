"""key rotate, its second half: the former account's logs ended on chain, handed to the new one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from stemproof_cli import say
from stemproof_cli.endings import say_ended
from stemproof_cli.timestamps import MINED_TIMEOUT_S

if TYPE_CHECKING:
    from stemproof.acts.home import Home
    from stemproof.anchor.evm import Chain
    from stemproof.evidence.ethsig import Address
    from stemproof.keys.ring import Keys
    from stemproof.log.store import Log

_LATER = (
    "until the former account's logs are ended on chain, whoever has the old words can show them"
    " with other keys in place of yours: `stemproof key revoke` ends them"
)


def hand_over(home: Home, keys: Keys, former: str, end: bool | None) -> None:
    """End what the former account anchored, where its owner wants that; the keys are new anyhow."""
    from stemproof.acts import anchoring
    from stemproof.acts.handover import former_chains
    from stemproof.acts.home import opened
    from stemproof.errors import StemproofError
    from stemproof.evidence.ethsig import parse_address

    account = parse_address(former)
    with opened(home) as log:
        chains = former_chains(log, bytes(account))
        if not chains:
            return
        if end is False:
            say.talk(_LATER)
            return
        for chain_id in chains:
            try:
                place = anchoring.connect(home, log, chain=str(chain_id))
                _hand_over_on(home, log, place, (keys, account), asked=bool(end))
            except StemproofError as error:
                # The keys are replaced already; what is left can be done later.
                say.talk(f"not ended on chain {chain_id}: {error}")
                say.talk("`stemproof key revoke` goes on with it, once the chain can be reached")


def _hand_over_on(
    home: Home, log: Log, place: Chain, of: tuple[Keys, Address], *, asked: bool
) -> None:
    from stemproof.acts.handover import hand_over, plan_handover
    from stemproof.acts.revoking import end_now
    from stemproof.anchor.price import tell_cost

    keys, account = of
    former_key = keys.account_keys[1]
    planned = plan_handover(log, place, bytes(account), former_key)
    if not planned.plan.endings:
        return
    say.talk(
        f"handing over on {place.info.name} what the former account anchored costs up to"
        f" {tell_cost(planned.cost_wei, place.info, None)}, paid by the former account"
    )
    say.talk("its logs end there for ever; what was timestamped stands")
    if not asked and not _agrees():
        say.talk(_LATER)
        return
    with say.waiting("waiting for the chain"):
        if planned.handed is not None:
            hand_over(home, log, place, keys, planned.handed, timeout_s=MINED_TIMEOUT_S)
        # Looked up anew: the log that was handed over has grown by that.
        for ending in plan_handover(log, place, bytes(account), former_key).plan.endings:
            order = end_now(home, log, place, ending, timeout_s=MINED_TIMEOUT_S)
            say_ended(ending.slot.origin, place, order.block)
    if planned.handed is not None:
        say.talk(
            "the new account's first `stemproof anchor` begins where the former one ended, the"
            " next one timestamps what came after"
        )


def _agrees() -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    return typer.confirm("hand over and end them now?", err=True)
