"""key delegate: keys that may timestamp while the others are locked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from stemproof_cli import context, say
from stemproof_cli.amounts import counted
from stemproof_cli.timestamps import MINED_TIMEOUT_S

if TYPE_CHECKING:
    from stemproof.acts.delegating import Terms
    from stemproof.acts.home import Home
    from stemproof.anchor.evm import Chain
    from stemproof.anchor.publish import Intent
    from stemproof.evidence.ethsig import Address
    from stemproof.keys.ring import Keys
    from stemproof.log.store import Log
    from stemproof.record.canonical import Json as JsonValue

Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
Name = Annotated[str | None, typer.Option(help="The chain, by name or id.")]
Rpc = Annotated[str | None, typer.Option(help="The node to talk to.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before paying.")]


def add_to(key_app: typer.Typer) -> None:
    """Add this command to the group `key`."""
    key_app.command()(delegate)


def delegate(
    until: Annotated[
        str | None, typer.Option(help="How long: a number of days, or the last day as 2027-03-31.")
    ] = None,
    most: Annotated[
        int | None, typer.Option(help="The most events that one timestamp of it may add.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="An address that holds its own key, or `new`.")
    ] = None,
    end: Annotated[bool, typer.Option("--end", help="Take the permission back.")] = False,
    show: Annotated[bool, typer.Option("--list", help="List the keys that are allowed.")] = False,
    clear_file: Annotated[
        bool,
        typer.Option("--clear-file", help="Keep the key in a file in clear, without a keyring."),
    ] = False,
    chain: Name = None,
    rpc: Rpc = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Allow a key to timestamp while your keys are locked, and nothing else; capped, revocable."""
    from stemproof.acts import anchoring
    from stemproof.acts.delegating import DEFAULT_DAYS, DEFAULT_MOST, Terms, parse_until
    from stemproof.acts.home import now, opened
    from stemproof.errors import Usage

    # Slips are told before a chain is asked and a passphrase wanted.
    if most is not None and most < 1:
        raise Usage(
            f"--most is {most}, want 1 event or more",
            hint="`stemproof key delegate --end` takes the permission back",
        )
    named = None if key in (None, "new") else parse_named(key or "")
    last = parse_until(str(DEFAULT_DAYS) if until is None else until, now())
    home = context.writable()
    with opened(home) as log:
        place = anchoring.connect(home, log, chain=chain, rpc=rpc)
        if show:
            _say_allowed(log, place, json)
            return
        keys = context.unlock(home)
        if end:
            _end_delegation(home, log, place, keys, named, yes=yes)
            return
        address = named or key_to_allow(
            home, keys.origin, is_new=key == "new", clear_file=clear_file
        )
        terms = Terms(address, last, DEFAULT_MOST if most is None else most)
        _allow(home, log, place, keys, terms, yes=yes)


def key_to_allow(home: Home, origin: str, *, is_new: bool, clear_file: bool) -> Address:
    """Find the key to allow: this device's, or a new one that is kept first."""
    from stemproof.keys.anchorkey import keep_in_clear, keep_sealed, make_anchor_key

    known = None if is_new else _open_own(home, origin)
    if known is not None:
        return known
    made = make_anchor_key(origin)
    if clear_file:
        keep_in_clear(home.path, made)
        say.talk(
            "the key lies in clear in the ledger's folder delegate: whoever reads it can timestamp"
            " in your name as far as you allow it now, and nothing else"
        )
    else:
        keep_sealed(home.path, made)
    return made.address


def parse_named(text: str) -> Address:
    """Read an address as people paste it: with the capitals of EIP-55, or with none."""
    from stemproof.errors import Malformed, Usage
    from stemproof.evidence.ethsig import Address, parse_address

    digits = text.removeprefix("0x")
    try:
        if len(digits) == 40 and digits == digits.lower():
            return Address(bytes.fromhex(digits))
        return parse_address(text)
    except (Malformed, ValueError) as error:
        raise Usage(f"--key is {text!r:.60}, want `new` or an address: 0x and 40 digits") from error


def _open_own(home: Home, origin: str) -> Address | None:
    from stemproof.keys.anchorkey import open_anchor_key

    found = open_anchor_key(home.path, origin)
    return None if found is None else found.address


def _allow(home: Home, log: Log, place: Chain, keys: Keys, terms: Terms, *, yes: bool) -> None:
    from stemproof.acts.delegating import allow_now
    from stemproof.acts.orders import follow_order

    order = allow_now(home, log, place, keys, terms, lambda intent: _agree(place, intent, yes))
    if order is None:
        return
    with say.waiting("waiting for the chain"):
        follow_order(log, place, order, timeout_s=MINED_TIMEOUT_S)
    say.answer(
        f"allowed on {place.info.name}: {_text(terms.key)} may timestamp your logs until"
        f" {_moment(terms.until)}, {counted(terms.most, 'event')} at once"
    )
    if not fund_rehearsal(home, place, terms.key):
        say.talk("it pays for its timestamps itself: send it coins, or it anchors by a relay")
    say.talk("it can do nothing else; `stemproof key delegate --end` takes it back at any time")


def _end_delegation(
    home: Home, log: Log, place: Chain, keys: Keys, named: Address | None, *, yes: bool
) -> None:
    from stemproof.acts.delegating import Terms, allow_now
    from stemproof.acts.orders import follow_order
    from stemproof.errors import BadInput

    own = _own_to_end(home, keys.origin, named)
    address = named or own
    if address is None:
        raise BadInput(
            "this device has no anchor-only key that opens here",
            hint="name the one to end with --key; `stemproof key delegate --list` shows them",
        )
    order = allow_now(
        home, log, place, keys, Terms(address, 0, 0), lambda intent: _agree(place, intent, yes)
    )
    if order is None:
        return
    with say.waiting("waiting for the chain"):
        follow_order(log, place, order, timeout_s=MINED_TIMEOUT_S)
    say.answer(f"ended on {place.info.name}: {_text(address)} may timestamp nothing any more")
    _say_coins(home, log, place, address, own=keys.origin if address == own else None)
    say.talk("other chains on which you allowed it still do; coins that it holds stay its own")


def _own_to_end(home: Home, origin: str, named: Address | None) -> Address | None:
    """Find this device's key; one that does not open matters only if no other is named."""
    from stemproof.errors import Locked

    try:
        return _open_own(home, origin)
    except Locked:
        if named is None:
            raise
        return None


def _say_coins(home: Home, log: Log, place: Chain, address: Address, *, own: str | None) -> None:
    """Say what coins an ended key holds; this device's is destroyed only if it has none."""
    from stemproof.acts.delegating import coins_left, is_allowed_elsewhere
    from stemproof.anchor.fees import format_wei
    from stemproof.keys.anchorkey import drop_anchor_key, set_aside

    left = coins_left(place, address)
    if left is None:
        say.talk(f"{place.info.name} did not say what coins are left at {_text(address)}")
    else:
        coins = f"{format_wei(left)} {place.info.currency}" if left else "no coins"
        say.talk(f"{coins} left at {_text(address)} on {place.info.name}")
    if own is None:
        return
    if left == 0 and not is_allowed_elsewhere(log, place, address):
        drop_anchor_key(home.path, own)
        return
    for path in set_aside(home.path, own):
        say.talk(f"its key is kept in {path}, out of use: nothing else can spend its coins")


def _say_allowed(log: Log, place: Chain, json: bool) -> None:
    from stemproof.acts.delegating import list_allowed

    found = list_allowed(log, place)
    if json:
        rows: list[JsonValue] = [
            {
                "key": one.order.about,
                "account": one.order.account,
                "chain": one.order.chain,
                "until": one.order.until,
                "most": one.order.most,
                "most_now": one.most_now,
            }
            for one in found
        ]
        say.answer_json({"v": 0, "keys": rows})
        return
    if not found:
        say.answer(f"no key was allowed from this ledger on {place.info.name}")
        return
    say.table(
        ("key", "account", "until", "at once", "now"),
        [
            (
                one.order.about,
                one.order.account[:14],
                _moment(one.order.until) if one.order.until else "-",
                str(one.order.most),
                "allowed" if one.most_now else "not allowed",
            )
            for one in found
        ],
    )


def fund_rehearsal(home: Home, place: Chain, address: Address) -> bool:
    """Give coins to a key on the ledger's own local chain, where they are worth nothing."""
    from stemproof.testnet import anvil, deploy

    running = anvil.status(home.testnet) if place.info.kind == "local" else None
    if running is None:
        return False
    deploy.fund(running, address)
    return True


def _agree(place: Chain, intent: Intent, yes: bool) -> bool:
    from stemproof.anchor.price import tell_cost

    say.talk(
        f"on {place.info.name} this costs about {tell_cost(intent.expected_wei, place.info, None)},"
        f" at most {tell_cost(intent.cost_wei, place.info, None)}"
    )
    if place.info.kind != "local":
        say.confirm("pay for it?", yes=yes)
    return True


def _text(address: Address) -> str:
    from stemproof.evidence.ethsig import format_address

    return format_address(address)


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
