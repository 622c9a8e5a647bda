"""Timestamps that a relay pays for: sign the head, keep it, hand it over, believe the chain.

The signed head is stored before it is handed in, so that after a crash the same bytes are handed
in again. What the relay answers is a hint; an anchor counts once its evidence is captured from
the chain. A relay can delay or leave out, and then the head goes to another one, or is paid for
by its own account, or is signed anew after its deadline: nothing is lost but time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stemproof.acts.anchoring import (
    Holder,
    Planned,
    origin_id,
    plan_call,
    plan_head,
    plan_head_of,
    publish,
)
from stemproof.acts.anchors import Anchor, anchor_numbered
from stemproof.acts.brought import is_brought
from stemproof.acts.delegating import check_same_holder, holder_account
from stemproof.acts.following import find_waiting, wait_for
from stemproof.acts.home import Home, now
from stemproof.acts.keeping import check_place
from stemproof.anchor.relayanswer import Funds, HeadState, Refusal, RelayAnswer
from stemproof.anchor.relayclient import Relay, RelayDown
from stemproof.anchor.signedhead import (
    SignedHead,
    format_signed_head,
    sign_head,
    ticket_of,
)
from stemproof.errors import BadInput, StemproofError, Unavailable
from stemproof.log.sealing import checkpoint_at
from stemproof.record.event import format_time

if TYPE_CHECKING:
    from stemproof.anchor.evm import Chain
    from stemproof.anchor.signedhead import HeadSigner
    from stemproof.keys.anchorkey import AnchorKey
    from stemproof.keys.ring import Keys
    from stemproof.log.sealing import Sealed
    from stemproof.log.store import Log

RELAY_SETTING: Final = "relay"
#: What is typed to forget the relay.
NONE: Final = "none"
#: A head that a relay has not brought after an hour is signed anew.
LIFETIME_S: Final = 3600
# How often a relay is asked, and the chain meanwhile.
_ASK_S: Final = 1.0
_LOOK_S: Final = 0.25
# Two nodes may be on two branches for a while, a block or two long.
_DOUBT_S: Final = 15.0
# The head is as good as before: it waits for a better moment, or for another relay.
_FOR_NOW: Final = {
    Refusal.ON_ITS_WAY,
    Refusal.UNAVAILABLE,
    Refusal.QUEUE_FULL,
    Refusal.UNKNOWN,
}


class RelayRefused(StemproofError):
    """The relay does not bring this timestamp, and says why."""

    def __init__(self, where: str, answer: RelayAnswer) -> None:
        reason = answer.reason or "it gives no reason"
        super().__init__(
            f"{where} does not take the timestamp: {reason}",
            hint="nothing is lost: name another relay with --relay, or pay yourself with"
            " `--relay none`",
        )
        self.code = answer.code


class UntrustedRelay(Unavailable):
    """The relay says what the chain does not."""

    def __init__(self, where: str, answer: RelayAnswer, chain: Chain) -> None:
        super().__init__(
            f"{where} says that block {answer.block} of {chain.info.name} holds the timestamp, and"
            f" {chain.node.where} does not find it there",
            hint="the signed timestamp is kept: name another relay with --relay, or pay yourself"
            " with `--relay none`",
        )


@dataclass(frozen=True, slots=True)
class Patience:
    """Until which states a timestamp is waited for, and how long."""

    states: tuple[str, ...]
    timeout_s: float
    sleep: Callable[[float], None] = time.sleep


def choose_relay(log: Log, given: str | None) -> Relay | None:
    """Open the relay that was named, else the one that is remembered; None to pay oneself."""
    url = log.setting(RELAY_SETTING) if given is None else given
    return None if not url or url == NONE else Relay(url)


def remember_relay(log: Log, given: str | None) -> None:
    """Remember what was typed; `none` forgets."""
    if given is not None:
        log.put_setting(RELAY_SETTING, "" if given == NONE else given)


def hand_over(home: Home, log: Log, chain: Chain, keys: Keys, relay: Relay) -> int | None:
    """Seal the log, sign its head, store it and hand it to a relay; give the anchor's number.

    None where the chain holds this head already. A relay that is absent, or serves another
    chain, is told before anything is signed.
    """
    from stemproof.anchor.signer import KeySigner

    signer = KeySigner(keys.account_key)
    return _hand_over(home, log, chain, relay, signer, lambda: plan_head(log, chain, keys))


def hand_over_as(home: Home, log: Log, chain: Chain, key: AnchorKey, relay: Relay) -> int | None:
    """Do as `hand_over` while the keys are locked, by the device's anchor-only key."""
    check_place(home)
    account = holder_account(log)
    holder = Holder(account, None, lambda log: check_same_holder(log, account))
    return _hand_over(home, log, chain, relay, key, lambda: plan_head_of(log, chain, holder))


def hand_in(log: Log, anchor: Anchor, relay: Relay) -> RelayAnswer:
    """Hand a stored head in, again or to another relay; a refusal for good ends it."""
    answer = relay.hand_in(anchor.raw)
    _heed(log, anchor, relay, answer)
    return answer


def wait_for_relay(log: Log, chain: Chain, number: int, relay: Relay, patience: Patience) -> Anchor:
    """Wait until the chain holds a head that was handed over, or it has failed.

    What the relay says is followed up on the chain; while it is silent the chain is watched.
    """
    deadline = time.monotonic() + patience.timeout_s
    ask_at = 0.0
    trusted_at = time.monotonic()
    problem: StemproofError | None = None
    while True:
        anchor = wait_for(log, chain, number, states=patience.states, timeout_s=0)
        if anchor.state == "failed" or anchor.block_hash is not None:
            break
        if time.monotonic() >= ask_at:
            try:
                problem = _ask(log, chain, anchor, relay)
            except RelayDown as error:
                problem = error
            ask_at = time.monotonic() + _ASK_S
        if not isinstance(problem, UntrustedRelay):
            trusted_at = time.monotonic()
        is_over = time.monotonic() >= deadline
        if problem is not None and patience.timeout_s:
            if is_over or time.monotonic() - trusted_at >= _DOUBT_S:
                raise problem
        if is_over:
            return anchor
        patience.sleep(_LOOK_S)
    rest = max(0.0, deadline - time.monotonic())
    return wait_for(log, chain, anchor.number, states=patience.states, timeout_s=rest)


def find_handed(log: Log, chain: Chain) -> Anchor | None:
    """Find the head that was handed to a relay and is in no block yet."""
    waiting = find_waiting(log, chain, holder_account(log))
    return waiting if waiting is not None and is_brought(waiting) else None


def pay_for_handed(
    home: Home,
    log: Log,
    chain: Chain,
    keys: Keys,
    agree: Callable[[Planned], bool],
    *,
    cap_wei: int | None = None,
) -> int | None:
    """Anchor by our own account what a relay has not brought: the same head, whoever is first."""
    from stemproof.anchor.publish import hold_account
    from stemproof.evidence.ethsig import parse_address

    with hold_account(home.locks, chain, parse_address(keys.account_address)):
        waiting = find_handed(log, chain)
        sealed = None if waiting is None else checkpoint_at(log, waiting.log, waiting.size)
        if waiting is None or sealed is None:
            raise BadInput(
                "the relay has brought the timestamp meanwhile", hint="run `stemproof anchor`"
            )
        planned = plan_call(log, chain, keys, sealed, waiting.prior, cap_wei=cap_wei)
        return publish(log, chain, planned, now()) if agree(planned) else None


def _hand_over(
    home: Home,
    log: Log,
    chain: Chain,
    relay: Relay,
    signer: HeadSigner,
    plan: Callable[[], tuple[Sealed, int] | None],
) -> int | None:
    from stemproof.anchor.publish import hold_account

    account = holder_account(log)
    with hold_account(home.locks, chain, account):
        found = plan()
        if found is None:
            return None
        _check_terms(chain, relay)
        sealed, prior = found
        unsigned = SignedHead(
            chain_id=chain.info.id,
            contract=bytes(chain.contract),
            publisher=bytes(account),
            origin_id=origin_id(log.origin),
            prior=prior,
            size=sealed.size,
            root=bytes(sealed.root),
            # By the chain's clock, which is what counts: ours may be wrong.
            deadline=chain.latest_block().time + LIFETIME_S,
            signature=b"",
        )
        number = _store(log, sign_head(signer, unsigned))
    hand_in(log, anchor_numbered(log, number), relay)
    return number


def _check_terms(chain: Chain, relay: Relay) -> None:
    terms = relay.terms()
    if terms.chain_id != chain.info.id:
        raise BadInput(
            f"{relay.where} serves chain {terms.chain_id}, not {chain.info.name}",
            hint="choose the chain with --chain, or another relay",
        )
    if terms.contract != bytes(chain.contract):
        raise BadInput(f"{relay.where} calls another contract than Anchors")
    if terms.funds is Funds.NONE:
        raise Unavailable(
            f"{relay.where} has no funds at the moment",
            hint="nothing was signed: try again later, or name another one with --relay",
        )


def _store(log: Log, head: SignedHead) -> int:
    from stemproof.anchor.relayed import NO_TX

    with log.writing():
        return log.run(
            "add_anchor",
            log.number,
            head.size,
            head.root,
            head.chain_id,
            head.contract,
            head.publisher,
            head.prior.to_bytes(32, "big"),
            "pending",
            format_signed_head(head),
            NO_TX,
            json.dumps({"deadline": head.deadline}),
            format_time(now()),
        )


def _ask(log: Log, chain: Chain, anchor: Anchor, relay: Relay) -> StemproofError | None:
    """Ask a relay, and look on the chain where it points; give what is wrong with its answer."""
    answer = relay.ask(ticket_of(anchor.raw))
    if answer.code is Refusal.UNKNOWN:
        # It never came in, or the relay lost it: the same bytes again.
        answer = relay.hand_in(anchor.raw)
    _heed(log, anchor, relay, answer)
    if answer.state is HeadState.REFUSED:
        return RelayRefused(relay.where, answer)
    if answer.tx is not None and answer.tx != anchor.tx:
        log.run("put_anchor_tx", answer.tx, anchor.number)
        return None
    if answer.block is None:
        return None
    is_there = chain.latest_block().number >= answer.block
    return UntrustedRelay(relay.where, answer, chain) if is_there else None


def _heed(log: Log, anchor: Anchor, relay: Relay, answer: RelayAnswer) -> None:
    """End a head that a relay will not bring, so that nothing waits for it.

    Should it be brought all the same, it is found on the chain and stands.
    """
    if answer.state is HeadState.REFUSED and answer.code not in _FOR_NOW:
        log.run("put_anchor_state", "failed", anchor.number)
        raise RelayRefused(relay.where, answer)
