"""anchor --auto and --due: timestamps that are made by themselves."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stemproof.errors import Locked, StemproofError, Unavailable, Usage
from stemproof_cli import hands, say
from stemproof_cli.amounts import counted
from stemproof_cli.timestamps import MINED_TIMEOUT_S, parse_cap, say_anchors

if TYPE_CHECKING:
    from stemproof.acts.anchoring import Planned
    from stemproof.acts.automatic import Deed, Done
    from stemproof.acts.home import Home
    from stemproof.acts.policy import Policy
    from stemproof.anchor.chains import ChainInfo
    from stemproof.anchor.evm import Chain
    from stemproof.log.store import Log


@dataclass(frozen=True, slots=True)
class Rule:
    """What was said of the rule on the command line."""

    auto: bool | None
    every: str | None
    events: int | None
    cap_month: str | None
    cap_wei: int | None


def anchor(
    home: Home, rule: Rule, *, due: bool, chain: str | None, rpc: str | None, json: bool
) -> None:
    """Set the rule, drop it, or do what it says is due."""
    if due:
        if rule.auto is not None:
            raise Usage("--due and --auto exclude each other")
        _act(home, json=json)
    elif rule.auto is False:
        _drop(home)
    elif rule.auto is None:
        raise Usage("--every, --events and --cap-month go with --auto")
    else:
        _set(home, rule, chain, rpc)


def _drop(home: Home) -> None:
    from stemproof.acts.home import opened
    from stemproof.acts.policy import put_policy

    with opened(home) as log:
        put_policy(log, None)
    say.answer("timestamps are made by hand from now on: `stemproof anchor`")


def _set(home: Home, rule: Rule, chain: str | None, rpc: str | None) -> None:
    from stemproof.acts.anchoring import CHAIN_SETTING, RPC_SETTING
    from stemproof.acts.home import opened
    from stemproof.acts.policy import DAILY, Policy, check_events, parse_every, put_policy

    events = check_events(rule.events)
    every = parse_every(rule.every) if rule.every else None
    policy = Policy(
        every=DAILY if every is None and events is None else every,
        events=events,
        cap_month_wei=parse_cap(rule.cap_month, "--cap-month"),
        cap_wei=rule.cap_wei,
    )
    with opened(home) as log:
        info = _find_chain(home, log, chain)
        if info.kind == "mainnet" and policy.cap_month_wei is None:
            raise Usage(
                f"coins of {info.name} cost money: say what timestamps may cost",
                hint="`stemproof anchor --auto --cap-month 0.01`, in its coins for 30 days",
            )
        put_policy(log, policy)
        log.put_setting(CHAIN_SETTING, str(info.id))
        if rpc is not None:
            log.put_setting(RPC_SETTING, rpc)
    _say_rule(home, policy, info)


def _find_chain(home: Home, log: Log, chain: str | None) -> ChainInfo:
    from stemproof.acts.anchoring import CHAIN_SETTING
    from stemproof.anchor.chains import LOCAL_CHAIN_ID, find_chain, load_chains

    chains = load_chains(home.chains_file if home.chains_file.exists() else None)
    return find_chain(chains, chain or log.setting(CHAIN_SETTING) or str(LOCAL_CHAIN_ID))


def _say_rule(home: Home, policy: Policy, info: ChainInfo) -> None:
    from stemproof.anchor.fees import format_wei

    say.answer(f"timestamps on {info.name}: by themselves, {policy.told()}, while a watch runs")
    if policy.cap_month_wei is not None:
        say.answer(f"  at most {format_wei(policy.cap_month_wei)} {info.currency} in 30 days")
    if policy.cap_wei is not None:
        say.answer(f"  at most {format_wei(policy.cap_wei)} {info.currency} each")
    say.answer("  it ends with `stemproof anchor --no-auto`")
    if not _can_sign_alone(home):
        say.talk(f"note: {_NO_KEY}")


_NO_KEY = (
    "nobody can unlock your keys while you are away: `stemproof key delegate` makes a key that may"
    " only timestamp, or keep the passphrase in the system's keyring"
    " (a command that asks for it offers that)"
)


def _can_sign_alone(home: Home) -> bool:
    """Ask whether a timestamp can be signed while nobody is there."""
    from stemproof.keys.anchorkey import open_anchor_key
    from stemproof.keys.passphrase import read_keyring
    from stemproof.keys.public import read_public

    public = read_public(home.path)
    with suppress(StemproofError):
        if open_anchor_key(home.path, public.origin) is not None:
            return True
    return read_keyring(public.account_address) is not None


def _act(home: Home, *, json: bool) -> None:
    """Do what is due; what goes wrong is kept for `status`, and told."""
    from stemproof.acts.automatic import Due, find_due, note_problem
    from stemproof.acts.home import now, opened
    from stemproof.acts.policy import read_policy

    with opened(home) as log:
        if find_due(log, read_policy(log), now()) is Due.NOTHING:
            say_anchors_of_nothing(json)
            return
        try:
            place, done = _act_on_chain(home, log)
        except StemproofError as error:
            note_problem(log, str(error))
            raise
        note_problem(log, "")
    if done.anchor is None:
        say_anchors_of_nothing(json)
        return
    say_anchors(place, [done.anchor], json, "")
    if done.anchor.state == "failed":
        raise Unavailable(f"the timestamp of {counted(done.anchor.size, 'event')} failed")


def say_anchors_of_nothing(json: bool) -> None:
    """Answer that nothing is due: with nothing at all, unless a program asks."""
    if json:
        say.answer_json({"v": 0, "new": False, "anchors": []})


def _act_on_chain(home: Home, log: Log) -> tuple[Chain, Done]:
    from stemproof.acts import anchoring
    from stemproof.acts.automatic import Done, act_if_due
    from stemproof.acts.following import wait_for
    from stemproof.acts.home import now

    place = anchoring.connect(home, log)
    done = act_if_due(home, log, place, _deed(home, log, place), now())
    if done.anchor is None or done.anchor.block_hash is not None:
        return place, done
    states = ("anchored", "final")
    found = wait_for(log, place, done.anchor.number, states=states, timeout_s=MINED_TIMEOUT_S)
    anchoring.settle_local_chain(home, place)
    if place.info.kind == "local":
        found = wait_for(log, place, found.number, states=("final",), timeout_s=0.0)
    return place, Done(done.due, found)


def _deed(home: Home, log: Log, place: Chain) -> Deed:
    from stemproof.acts.relaying import choose_relay

    relay = choose_relay(log, None)

    def make(agree: Callable[[Planned], bool], cap_wei: int | None) -> int | None:
        try:
            if relay is not None:
                return hands.hand_over(home, log, place, relay)
            return hands.anchor_now(home, log, place, agree, cap_wei)
        except Locked as error:
            error.hint = _NO_KEY
            raise

    return make
