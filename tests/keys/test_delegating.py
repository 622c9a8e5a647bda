"""A key that may only anchor: what it can do, what chain and program refuse it, what waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from tests.keys.story import PASSPHRASE, Begun, check, the_work, verify

from stemproof.acts import keeping
from stemproof.acts.anchoring import connect, origin_id
from stemproof.acts.anchors import Anchor
from stemproof.acts.delegating import (
    Terms,
    allow_now,
    anchor_as_now,
    find_anchor_key,
    holder_account,
    list_allowed,
    parse_until,
)
from stemproof.acts.following import wait_for
from stemproof.acts.gather import gather_logs
from stemproof.acts.home import now, opened
from stemproof.acts.orders import follow_order
from stemproof.anchor.delegation import most_allowed, prepare_anchor_as
from stemproof.anchor.evm import Chain
from stemproof.anchor.problems import InsufficientFunds, NotAccepted
from stemproof.anchor.publish import AnchorCall
from stemproof.errors import BadInput, Usage
from stemproof.evidence.ethsig import format_address, parse_address
from stemproof.keys.anchorkey import AnchorKey, keep_in_clear, make_anchor_key
from stemproof.log.sealing import newest_checkpoint
from stemproof.log.store import Log
from stemproof.testnet.deploy import fund
from stemproof.testnet.rpc import call_local
from stemproof.verify.verdict import State


@contextmanager
def at_chain(begun: Begun) -> Iterator[tuple[Log, Chain]]:
    with opened(begun.home) as log:
        yield log, connect(begun.home, log, chain="31337", rpc=begun.story.net.rpc_url)


def allow(begun: Begun, key: AnchorKey, *, most: int, days: int = 9) -> None:
    with at_chain(begun) as (log, chain):
        time = chain.latest_block().time + 86400 * days
        terms = Terms(key.address, time if most else 0, most)
        order = allow_now(begun.home, log, chain, begun.keys, terms, lambda intent: True)
        assert order is not None
        follow_order(log, chain, order, timeout_s=20)


def anchor_alone(begun: Begun) -> Anchor | None:
    """Anchor as a watch does: with the device's key and without any passphrase."""
    with at_chain(begun) as (log, chain):
        key = find_anchor_key(begun.home, log)
        assert key is not None
        number = anchor_as_now(begun.home, log, chain, key, lambda planned: True)
        if number is None:
            return None
        return wait_for(log, chain, number, states=("anchored", "final"), timeout_s=20)


@pytest.fixture(scope="module")
def key(begun: Begun) -> AnchorKey:
    """A key of this device, with coins, that is not allowed anything yet."""
    made = make_anchor_key(begun.keys.origin)
    keep_in_clear(begun.home.path, made)
    return made


def test_the_log_itself_says_whose_account_publishes_it(begun: Begun) -> None:
    with opened(begun.home) as log:
        assert format_address(holder_account(log)) == begun.keys.account_address


def test_an_anchor_only_key_anchors_for_its_account_and_nothing_else(
    begun: Begun, key: AnchorKey
) -> None:
    begun.story.save(begun.home, 2)
    with pytest.raises(NotAccepted, match="not allowed on"):
        anchor_alone(begun)
    allow(begun, key, most=5000)
    with pytest.raises(InsufficientFunds) as poor:
        anchor_alone(begun)
    assert format_address(key.address) in str(poor.value.hint)
    fund(begun.story.net, key.address)
    found = anchor_alone(begun)
    assert found is not None and found.evidence is not None
    assert found.publisher == bytes(parse_address(begun.keys.account_address))
    assert anchor_alone(begun) is None

    # Its checkpoint waits for the log's key: no bundle shows one that is not signed.
    with opened(begun.home) as log:
        sealed = newest_checkpoint(log)
        assert sealed is not None and (sealed.size, sealed.note) == (found.size, b"")
        with pytest.raises(BadInput, match="not signed yet"):
            gather_logs(log, the_work(begun.home).id, {})
    assert check(begun.home).wrong == []
    keys = keeping.unlock(begun.home, PASSPHRASE, now())
    with opened(begun.home) as log:
        signed = newest_checkpoint(log)
        assert signed is not None and signed.note and signed.root == found.root
    assert check(begun.home).wrong == []
    verdict = verify(begun.story.claim(begun.home, keys), found)
    assert verdict.state is State.VERIFIED, verdict.checks.lines


def test_chain_and_program_hold_it_to_its_cap(begun: Begun, key: AnchorKey) -> None:
    fund(begun.story.net, key.address)
    allow(begun, key, most=1)
    begun.story.save(begun.home, 3)
    with pytest.raises(NotAccepted, match="may add 1 at once") as refusal:
        anchor_alone(begun)
    assert "--most" in str(refusal.value.hint)
    account = parse_address(begun.keys.account_address)
    with at_chain(begun) as (log, chain):
        name = origin_id(log.origin)
        prior = chain.head_of(account, name)
        call = AnchorCall(name, prior, (prior >> 216) + 2, b"\x01" * 32)
        with pytest.raises(NotAccepted, match="more than is accepted"):
            prepare_anchor_as(chain, key.private_key, account, call)


def test_an_allowance_ends_by_itself_and_by_its_owner(begun: Begun, key: AnchorKey) -> None:
    fund(begun.story.net, key.address)
    account = parse_address(begun.keys.account_address)
    allow(begun, key, most=5000, days=1)
    with at_chain(begun) as (log, chain):
        assert most_allowed(chain, account, key.address) == 5000
        call_local(begun.story.net.port, "evm_increaseTime", 2 * 86400)
        call_local(begun.story.net.port, "anvil_mine", "0x1")
        assert most_allowed(chain, account, key.address) == 0
    with pytest.raises(NotAccepted, match="its time is over"):
        anchor_alone(begun)
    allow(begun, key, most=5000)
    allow(begun, key, most=0)
    with pytest.raises(NotAccepted, match="it was ended"):
        anchor_alone(begun)
    with at_chain(begun) as (log, chain):
        call = AnchorCall(origin_id(log.origin), 0, 1, b"\x01" * 32)
        with pytest.raises(NotAccepted, match="allows the key that signed or sends this no"):
            prepare_anchor_as(chain, key.private_key, account, call)
        (standing,) = list_allowed(log, chain)
        assert (standing.order.about, standing.most_now) == (format_address(key.address), 0)


def test_after_a_rotation_the_former_accounts_permission_is_worth_nothing(
    begun: Begun, key: AnchorKey
) -> None:
    allow(begun, key, most=5000)
    keeping.rotate(begun.home, PASSPHRASE, now())
    with pytest.raises(NotAccepted, match="not allowed on"):
        anchor_alone(begun)


def test_a_last_day_is_read_as_days_or_as_a_date() -> None:
    moment = now().replace(year=2027, month=1, day=15, hour=12, minute=0, second=0, microsecond=0)
    assert parse_until("30", moment) == int((moment + timedelta(days=30)).timestamp())
    assert parse_until("2027-03-31", moment) == 1806537599
    for wrong in ("0", "-1", "2027-1-1", "2026-12-31", "soon", "20270331", "²"):
        with pytest.raises(Usage, match="--until"):
            parse_until(wrong, moment)
