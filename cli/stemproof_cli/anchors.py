"""anchor: timestamps on a chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from stemproof_cli import automatic, context, hands, relays, say
from stemproof_cli.amounts import counted
from stemproof_cli.foretold import NOTHING_NEW, Foretold, foretell
from stemproof_cli.stamps import renew_now
from stemproof_cli.timestamps import (
    MINED_TIMEOUT_S,
    keep_price,
    parse_cap,
    say_anchors,
    say_cost,
    say_why_waiting,
)

if TYPE_CHECKING:
    from stemproof.acts.anchoring import Planned
    from stemproof.acts.anchors import Anchor
    from stemproof.acts.home import Home
    from stemproof.anchor.evm import Chain
    from stemproof.anchor.relayclient import Relay
    from stemproof.log.store import Log

Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
Name = Annotated[str | None, typer.Option(help="The chain, by name or id.")]
Rpc = Annotated[str | None, typer.Option(help="The node to talk to.")]
Cap = Annotated[str | None, typer.Option(help="The most it may cost, in the chain's coins.")]
RelayUrl = Annotated[
    str | None,
    typer.Option("--relay", help="A relay that pays for it; remembered. `none` pays oneself."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before paying.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is in a block.")]
Final = Annotated[bool, typer.Option("--final", help="Wait until it is final.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what it would cost.")]
Bump = Annotated[
    bool, typer.Option("--bump", help="Raise the fee of the one that waits for a block.")
]
Price = Annotated[
    str | None, typer.Option(help="What one coin costs, as 2500EUR; remembered, never asked for.")
]
Auto = Annotated[
    bool | None,
    typer.Option(
        "--auto/--no-auto",
        help="From now on by itself, while a watch runs: daily, or as --every and --events say.",
    ),
]
Every = Annotated[str | None, typer.Option(help="With --auto: after this time, as 30m, 24h or 7d.")]
Events = Annotated[int | None, typer.Option(help="With --auto: after so many events.")]
CapMonth = Annotated[
    str | None, typer.Option(help="With --auto: the most it may cost in 30 days, in coins.")
]
Due = Annotated[
    bool, typer.Option("--due", help="Only what the rule of --auto says is due now, unasked.")
]
Deed = Annotated[
    str | None,
    typer.Argument(metavar="[renew]", help="`renew` is --renew, and nothing is anchored anew."),
]
Renew = Annotated[
    bool, typer.Option("--renew", help="Only renew authorities' timestamps, as `stamp renew`.")
]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(anchor)


def anchor(
    deed: Deed = None,
    chain: Name = None,
    rpc: Rpc = None,
    cap: Cap = None,
    price: Price = None,
    relay: RelayUrl = None,
    yes: Yes = False,
    wait: Wait = True,
    final: Final = False,
    dry_run: DryRun = False,
    bump: Bump = False,
    auto: Auto = None,
    every: Every = None,
    events: Events = None,
    cap_month: CapMonth = None,
    due: Due = False,
    renew: Renew = False,
    json: Json = False,
) -> None:
    """Timestamp everything recorded so far: one small transaction for the whole log."""
    if deed not in (None, "renew"):
        from stemproof.errors import Usage

        raise Usage(f"anchor takes no {deed!r:.40}", hint="the one word it knows is `renew`")
    if renew or deed:
        renew_now(tsa=None, within=90, json=json)
        return
    cap_wei = parse_cap(cap)
    home = context.writable()
    if due or auto is not None or every or events is not None or cap_month:
        rule = automatic.Rule(auto, every, events, cap_month, cap_wei)
        automatic.anchor(home, rule, due=due, chain=chain, rpc=rpc, json=json)
        return
    asked = _Asked(chain, rpc, cap_wei, price, relay, yes, wait, final, dry_run, bump, json)
    _by_hand(home, asked)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was said on the command line."""

    chain: str | None
    rpc: str | None
    cap_wei: int | None
    price: str | None
    relay: str | None
    yes: bool
    wait: bool
    final: bool
    dry_run: bool
    bump: bool
    json: bool


def _by_hand(home: Home, asked: _Asked) -> None:
    from stemproof.acts import anchoring, relaying
    from stemproof.acts.bumping import bump_now
    from stemproof.acts.home import opened

    with opened(home) as log:
        # Before anything is asked: a wrong address is told at once.
        relay = relaying.choose_relay(log, asked.relay)
        place = _connect(home, log, asked.chain, asked.rpc)
        rate = keep_price(log, place, asked.price)
        if relay is not None and not asked.bump:
            _by_relay(home, log, place, asked, relay)
            return
        relaying.remember_relay(log, asked.relay)

        def agree(planned: Planned) -> bool:
            say_cost(place, planned, rate)
            if place.info.kind != "local":
                say.confirm("pay for it?", yes=asked.yes)
            return True

        wait = asked.wait and not asked.dry_run
        handed = None if asked.bump else relaying.find_handed(log, place)
        is_alone = asked.bump or handed is not None
        stuck = None if is_alone else _find_stuck(log, place, wait=wait)
        if stuck is not None:
            say_anchors(place, [stuck], asked.json, "what is new waits for the timestamp before it")
            raise typer.Exit(3)
        if asked.dry_run:
            told = Foretold(cap_wei=asked.cap_wei, bump=asked.bump, json=asked.json)
            foretell(home, log, place, rate, told)
            return
        if asked.bump:
            keys = context.unlock(home)
            number = bump_now(home, log, place, keys, agree, cap_wei=asked.cap_wei)
        elif handed is not None:
            say.talk("no relay has brought the last timestamp: this pays for the same one")
            keys = context.unlock(home)
            number = relaying.pay_for_handed(home, log, place, keys, agree, cap_wei=asked.cap_wei)
        else:
            number = hands.anchor_now(home, log, place, agree, asked.cap_wei)
        if number is not None:
            log.put_setting(anchoring.CHAIN_SETTING, str(place.info.id))
        found = _follow(home, log, place, number, wait=asked.wait, final=asked.final)
        if number is not None and asked.rpc is not None and found.state != "failed":
            # Only now: a node that lies or hangs is not asked again by itself.
            log.put_setting(anchoring.RPC_SETTING, asked.rpc)
    nothing = "" if number is not None else NOTHING_NEW
    say_anchors(place, [found], asked.json, nothing)
    if found.block_number is None and found.state != "failed":
        say_why_waiting(place, found)
    if found.state == "failed":
        raise typer.Exit(3)


def _by_relay(home: Home, log: Log, place: Chain, asked: _Asked, relay: Relay) -> None:
    """Have a relay pay, and follow it as far as was asked."""
    from stemproof.acts import anchoring

    wait = asked.wait and not asked.dry_run
    by = relays.ByRelay(relay, asked.relay, wait, asked.dry_run)
    found, is_new = relays.anchor_by_relay(home, log, place, by)
    if asked.dry_run and found is None:
        if asked.json:
            say.answer_json({"v": 0, "dry_run": True, "chain": place.info.id, "relay": relay.where})
        return
    nothing = "" if is_new else NOTHING_NEW
    if found is not None and not is_new:
        nothing = "what is new waits for the timestamp before it"
    elif found is None or found.block_hash is not None:
        number = None if found is None else found.number
        found = _follow(home, log, place, number, wait=asked.wait, final=asked.final)
    if asked.rpc is not None and found.block_hash is not None:
        log.put_setting(anchoring.RPC_SETTING, asked.rpc)
    say_anchors(place, [found], asked.json, nothing)
    if found.block_hash is None and found.state != "failed" and is_new:
        say_why_waiting(place, found)
    if found.state == "failed" or (found.block_hash is None and not is_new):
        raise typer.Exit(3)


def _connect(home: Home, log: Log, chain: str | None, rpc: str | None) -> Chain:
    """Open the chain, look up what is on its way there, and say what moved."""
    from stemproof.acts import anchoring
    from stemproof.acts.anchors import LOST, is_replaced, list_anchors
    from stemproof.acts.following import refresh
    from stemproof.acts.vanished import tell_lost

    with say.waiting("asking the chain"):
        place = anchoring.connect(home, log, chain=chain, rpc=rpc)
        moved = refresh(log, place)
    lost = [item for item in moved if item.state == LOST]
    if lost:
        say.talk(tell_lost(len(lost)))
    for item in moved:
        if item not in lost and not is_replaced(item, list_anchors(log, item.log)):
            say.talk(f"timestamp of {counted(item.size, 'event')} is {item.state} now")
    return place


def _find_stuck(log: Log, place: Chain, *, wait: bool) -> Anchor | None:
    """Go on with a timestamp that is on its way still; give it if it is in no block then."""
    from stemproof.acts.delegating import holder_account
    from stemproof.acts.following import find_waiting

    account = holder_account(log)
    while (waiting := find_waiting(log, place, account)) is not None:
        say.talk(
            f"the timestamp of {counted(waiting.size, 'event')}, sent {waiting.made}, is in"
            f" no block of {place.info.name} yet; what is new is timestamped after it"
        )
        found = _wait(log, place, waiting.number, wait=wait, final=False)
        if found.block_hash is None and found.state != "failed":
            say_why_waiting(place, found)
            return found
    return None


def _follow(
    home: Home, log: Log, place: Chain, number: int | None, *, wait: bool, final: bool
) -> Anchor:
    """Follow an anchor, new or resumed, as far as was asked; a local chain to its end."""
    from stemproof.acts import anchoring
    from stemproof.acts.anchors import LOST, list_anchors

    if number is None:
        here = [item for item in list_anchors(log) if item.chain == place.info.id]
        stand = [item for item in here if item.state not in ("failed", LOST)]
        number = (stand or here)[-1].number
    found = _wait(log, place, number, wait=wait, final=False)
    if found.state == "final":
        return found
    anchoring.settle_local_chain(home, place)
    if final or (wait and place.info.kind == "local"):
        found = _wait(log, place, found.number, wait=True, final=final)
    return found


def _wait(log: Log, place: Chain, number: int, *, wait: bool, final: bool) -> Anchor:
    from stemproof.acts.following import wait_for

    states = ("final",) if final else ("anchored", "final")
    with say.waiting("waiting for the chain"):
        return wait_for(
            log, place, number, states=states, timeout_s=MINED_TIMEOUT_S if wait else 0.0
        )
