"""relay: timestamps that somebody else pays for, from both sides."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stemproof_cli import context, hands, say
from stemproof_cli.amounts import counted
from stemproof_cli.timestamps import MINED_TIMEOUT_S, parse_cap, say_why_waiting

if TYPE_CHECKING:
    from stemproof.acts.anchors import Anchor
    from stemproof.acts.home import Home
    from stemproof.anchor.evm import Chain
    from stemproof.anchor.relayclient import Relay
    from stemproof.anchor.relaydesk import Limits
    from stemproof.log.store import Log

relay_app = typer.Typer(help="Relays: they pay for the timestamps of others.")

Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
Name = Annotated[str | None, typer.Option(help="The chain, by name or id.")]
Rpc = Annotated[str | None, typer.Option(help="The node to talk to.")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(relay_app, name="relay", no_args_is_help=True)


@relay_app.command()
def serve(
    chain: Name = None,
    rpc: Rpc = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.")] = 5790,
    name: Annotated[
        list[str] | None,
        typer.Option(help="A name under which others reach it, as relay.example; repeatable."),
    ] = None,
    batch: Annotated[int, typer.Option(help="Seconds that timestamps are gathered.")] = 30,
    most: Annotated[int, typer.Option(help="How many go in one transaction at most.")] = 100,
    each: Annotated[int, typer.Option(help="How many one publisher may have in a day.")] = 24,
    cap_day: Annotated[
        str | None,
        typer.Option(help="The most to spend in a day, in coins; needed without --allow."),
    ] = None,
    cap_head: Annotated[
        str | None, typer.Option(help="The most to spend on one timestamp, in coins.")
    ] = None,
    allow: Annotated[
        Path | None, typer.Option(help="A file of the publishers to serve, an address a line.")
    ] = None,
) -> None:
    """Pay for the timestamps of others: gather what they signed, send it in one transaction."""
    from stemproof.acts.anchoring import connect
    from stemproof.acts.home import opened
    from stemproof.acts.relayserving import Door, opened_desk, serve_relay

    limits = _read_limits(batch, most, each, (cap_day, cap_head), allow)
    home = context.writable()
    with opened(home) as log:
        with say.waiting("asking the chain"):
            place = connect(home, log, chain=chain, rpc=rpc)
            place.check_contract()
        keys = context.unlock(home)
    door = Door(host, port, frozenset(each_name.lower() for each_name in name or ()))
    with opened_desk(home, place, keys, limits) as desk, _stopped_by_signals() as stop:
        say.talk(f"pays from {keys.account_address} on {place.info.name}")
        serve_relay(desk, door, tell=_tell, stop=stop)
    say.answer("the relay is stopped; what waits is kept for its next start")


@relay_app.command()
def show(
    url: Annotated[str, typer.Argument(metavar="URL", help="The relay's address.")],
    json: Json = False,
) -> None:
    """Say on which terms a relay works."""
    from stemproof.anchor.chains import load_chains
    from stemproof.anchor.relayclient import Relay
    from stemproof.evidence.ethsig import Address, format_address

    relay = Relay(url)
    terms = relay.terms()
    cap = terms.head_cap_wei
    account = format_address(Address(terms.account))
    if json:
        say.answer_json(
            {
                "v": 0,
                "chain": terms.chain_id,
                "account": account,
                "batch_s": terms.batch_s,
                "most": terms.most,
                "per_publisher": terms.per_publisher,
                "head_cap_wei": None if cap is None else str(cap),
                "is_open": terms.is_open,
                "funds": terms.funds.value,
            }
        )
        return
    added = context.home().chains_file
    info = load_chains(added if added.exists() else None).get(terms.chain_id)
    where = f"chain {terms.chain_id}" if info is None else info.name
    say.answer(
        f"{relay.where} pays for timestamps on {where}, from {account}",
        f"  who         {'anybody' if terms.is_open else 'only those whom it lists'}",
        f"  how often   {terms.per_publisher} a day for each publisher",
        f"  how soon    after {terms.batch_s} s, or when {terms.most} have gathered",
        f"  how dear    {_told_cap(cap)}",
        f"  funds       {terms.funds.value}",
    )


def _told_cap(cap_wei: int | None) -> str:
    from stemproof.anchor.fees import format_wei

    if cap_wei is None:
        return "whatever the chain takes"
    return f"up to {format_wei(cap_wei)} coins each; while the chain is dearer, they wait"


@dataclass(frozen=True, slots=True)
class ByRelay:
    """How far a timestamp that a relay pays for is followed."""

    relay: Relay
    given: str | None
    wait: bool
    dry_run: bool


def anchor_by_relay(
    home: Home, log: Log, place: Chain, asked: ByRelay
) -> tuple[Anchor | None, bool]:
    """Go on with what was handed over before, then hand over what is new.

    Give the timestamp to tell of, and whether it is a new one.
    """
    from stemproof.acts import anchoring, relaying

    stuck = _go_on(log, place, asked)
    if stuck is not None:
        return stuck, False
    if asked.dry_run:
        terms = asked.relay.terms()
        say.talk(f"{asked.relay.where} pays; it sends after {terms.batch_s} s or sooner")
        return None, False
    number = hands.hand_over(home, log, place, asked.relay)
    relaying.remember_relay(log, asked.given)
    if number is None:
        return None, False
    log.put_setting(anchoring.CHAIN_SETTING, str(place.info.id))
    say.talk(f"handed to {asked.relay.where}, which pays")
    found = _wait(log, place, number, asked)
    if found.state == "failed":
        say.talk("it was not brought before its deadline: run this again, and it is signed anew")
    return found, True


def _go_on(log: Log, place: Chain, asked: ByRelay) -> Anchor | None:
    """Wait for what is on its way; give it if it is in no block then."""
    from stemproof.acts.brought import is_brought
    from stemproof.acts.delegating import holder_account
    from stemproof.acts.following import find_waiting, wait_for
    from stemproof.acts.relaying import RelayRefused
    from stemproof.anchor.relayanswer import Refusal

    account = holder_account(log)
    while (waiting := find_waiting(log, place, account)) is not None:
        what = f"the timestamp of {counted(waiting.size, 'event')}, signed {waiting.made},"
        say.talk(f"{what} is in no block yet; what is new is timestamped after it")
        if not is_brought(waiting):
            timeout_s = MINED_TIMEOUT_S if asked.wait else 0.0
            states = ("anchored", "final")
            found = wait_for(log, place, waiting.number, states=states, timeout_s=timeout_s)
        else:
            try:
                found = _wait(log, place, waiting.number, asked)
            except RelayRefused as refused:
                if refused.code is not Refusal.TOO_LATE:
                    raise
                say.talk(f"{refused}: it is signed anew")
                continue
        if found.state == "failed" and is_brought(found):
            say.talk(f"{what} was not brought before its deadline: it is signed anew")
        elif found.block_hash is None:
            say_why_waiting(place, found)
            return found
    return None


def _wait(log: Log, place: Chain, number: int, asked: ByRelay) -> Anchor:
    from stemproof.acts.relaying import Patience, wait_for_relay

    patience = Patience(("anchored", "final"), MINED_TIMEOUT_S if asked.wait else 0.0)
    with say.waiting("waiting for the relay and the chain"):
        return wait_for_relay(log, place, number, asked.relay, patience)


def _read_limits(
    batch: int, most: int, each: int, caps: tuple[str | None, str | None], allow: Path | None
) -> Limits:
    from stemproof.acts.relayserving import read_publishers
    from stemproof.anchor.relaydesk import Limits
    from stemproof.errors import Usage

    for option, number, highest in (
        ("--batch", batch, 1800),
        ("--most", most, 250),
        ("--each", each, 10_000),
    ):
        if not 1 <= number <= highest:
            raise Usage(f"{option} is {number}, want 1 to {highest}")
    if allow is None and caps[0] is None:
        raise Usage(
            "without a list of publishers anybody is served: say with --cap-day what a day may"
            " cost at most",
            hint="`--cap-day 0.01`, or `--allow FILE` with the publishers to serve",
        )
    return Limits(
        batch_s=batch,
        most=most,
        per_publisher=each,
        day_cap_wei=parse_cap(caps[0], "--cap-day"),
        head_cap_wei=parse_cap(caps[1], "--cap-head"),
        allowed=None if allow is None else read_publishers(allow),
    )


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """Turn Ctrl-C and a service manager's stop into the end of a round."""
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(line: str) -> None:
    # The first line is the answer: where it listens. All else is talk.
    if line.startswith("relay at "):
        say.answer(line)
        import sys

        sys.stdout.flush()
    else:
        say.talk(say.clean(line))
