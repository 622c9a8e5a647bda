"""Timestamps on a chain that takes its time: waited for, gone on with, raised, never lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.cli.typed import Answer, stemproof
from tests.keys.story import PASSPHRASE, Begun, verify

from stemproof.acts.anchoring import connect, plan_anchor
from stemproof.acts.anchors import Anchor, list_anchors
from stemproof.acts.home import opened
from stemproof.acts.standing import look_at
from stemproof.anchor.transaction import parse_transaction
from stemproof.errors import Unavailable
from stemproof.testnet.deploy import mine
from stemproof.testnet.rpc import call_local
from stemproof.verify.verdict import State

pytestmark = pytest.mark.chain


def _anchor(begun: Begun, *more: str) -> Answer:
    net = ("--chain", "local", "--rpc", begun.story.net.rpc_url)
    return stemproof(begun.home.path, "anchor", *net, *more, passphrase_fd=PASSPHRASE)


def _note(begun: Begun, text: str) -> None:
    assert stemproof(begun.home.path, "note", text).code == 0


def _anchors(begun: Begun) -> list[Anchor]:
    with opened(begun.home) as log:
        return list_anchors(log)


@pytest.fixture
def slow(begun: Begun) -> Iterator[Begun]:
    """The chain makes no block by itself."""
    call_local(begun.story.net.port, "evm_setAutomine", False)
    yield begun
    call_local(begun.story.net.port, "evm_setAutomine", True)
    mine(begun.story.net)


def test_a_second_anchor_goes_on_with_the_first_and_sends_nothing(slow: Begun) -> None:
    _note(slow, "one")
    first = _anchor(slow, "--no-wait")
    assert (first.code, first.out.partition(":")[0]) == (0, "pending")
    assert "stemproof anchor --bump" in first.err
    _note(slow, "two")
    before = _anchors(slow)
    second = _anchor(slow, "--no-wait")
    assert second.code == 3
    assert f"the timestamp of {before[-1].size} events, sent " in second.err
    assert "what is new waits for the timestamp before it" in second.out
    assert "copy of this ledger" not in second.err + second.out
    assert _anchors(slow) == before
    with opened(slow.home) as log:
        chain = connect(slow.home, log, chain="31337", rpc=slow.story.net.rpc_url)
        with pytest.raises(Unavailable, match="what came after it waits for it") as refusal:
            plan_anchor(log, chain, slow.keys)
    assert "--bump" in str(refusal.value.hint)
    mine(slow.story.net)


def test_a_raised_fee_replaces_the_transaction_and_one_is_mined(slow: Begun) -> None:
    _note(slow, "three")
    # What waited before is mined: this one is new.
    assert _anchor(slow, "--no-wait").code == 0
    for _ in range(2):
        assert _anchor(slow, "--bump", "--no-wait").code == 0
    *_, old, better, best = _anchors(slow)
    sent = [parse_transaction(anchor.raw) for anchor in (old, better, best)]
    assert len({tx.nonce for tx in sent}) == 1
    assert sent[0].max_fee < sent[1].max_fee < sent[2].max_fee
    assert len({(anchor.size, anchor.prior) for anchor in (old, better, best)}) == 1
    # The replaced ones are not sent again while the newest waits.
    assert _anchor(slow, "--no-wait").code == 3
    mine(slow.story.net)
    _note(slow, "four")
    call_local(slow.story.net.port, "evm_setAutomine", True)
    done = _anchor(slow)
    assert (done.code, done.out.partition(":")[0]) == (0, "anchored"), done
    assert "failed" not in done.err
    *_, old, better, best, newest = _anchors(slow)
    assert [old.state, better.state] == ["failed", "failed"]
    assert best.block_hash is not None
    assert newest.size > best.size
    assert not any("failed" in need.text for need in look_at(slow.home).needs())
    verdict = verify(slow.story.claim(slow.home, slow.keys), newest)
    assert verdict.state is State.VERIFIED


def test_where_nothing_waits_there_is_no_fee_to_raise(begun: Begun) -> None:
    answer = _anchor(begun, "--bump")
    assert answer.code == 3
    assert "there is no fee to raise" in answer.err


def test_on_a_chain_of_slow_blocks_a_second_anchor_waits_and_then_goes_on(begun: Begun) -> None:
    port = begun.story.net.port
    call_local(port, "evm_setAutomine", False)
    call_local(port, "evm_setIntervalMining", 2)
    try:
        _note(begun, "five")
        assert _anchor(begun, "--no-wait").code == 0
        _note(begun, "six")
        done = _anchor(begun)
    finally:
        call_local(port, "evm_setIntervalMining", 0)
        call_local(port, "evm_setAutomine", True)
    assert done.code == 0, done
    *_, first, second = _anchors(begun)
    assert first.block_number is not None
    assert second.block_number is not None
    assert first.size < second.size
    assert first.block_number < second.block_number


def test_a_limit_that_is_none_is_told_before_anything_is_asked(begun: Begun) -> None:
    asked = ("--rpc", "http://127.0.0.1:1", "--cap", "1euro")
    answer = stemproof(begun.home.path, "anchor", *asked)
    assert (answer.code, answer.err.startswith("stemproof: error: --cap is '1euro'")) == (2, True)
