"""An artist's device whose keys are locked: its anchor-only key signs, and a relay pays."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.anchor.relays import at_desk, serving
from tests.keys.story import PASSPHRASE, Begun, verify
from tests.keys.test_delegating import allow, at_chain

from stemproof.acts import keeping
from stemproof.acts.home import now
from stemproof.acts.relaying import Patience, RelayRefused, hand_over_as, wait_for_relay
from stemproof.anchor.relayanswer import Refusal
from stemproof.evidence.ethsig import parse_address
from stemproof.keys.anchorkey import keep_in_clear, make_anchor_key
from stemproof.verify.verdict import State

pytestmark = pytest.mark.chain
IN_A_BLOCK = Patience(("anchored", "final"), 30.0)


def test_a_relay_brings_what_an_anchor_only_key_signed_and_nothing_that_it_may_not(
    begun: Begun, tmp_path: Path
) -> None:
    key = make_anchor_key(begun.keys.origin)
    keep_in_clear(begun.home.path, key)
    begun.story.save(begun.home, 2)
    with at_chain(begun) as (log, chain):
        with at_desk(tmp_path / "relay", chain, begun.story.net) as desk, serving(desk) as relay:
            with pytest.raises(RelayRefused) as refused:
                hand_over_as(begun.home, log, chain, key, relay)
            assert refused.value.code is Refusal.NOT_SIGNED
            allow(begun, key, most=5000)
            number = hand_over_as(begun.home, log, chain, key, relay)
            assert number is not None
            found = wait_for_relay(log, chain, number, relay, IN_A_BLOCK)
        # Where nothing is new no relay is asked: this one is gone.
        assert hand_over_as(begun.home, log, chain, key, relay) is None
        assert chain.balance(key.address) == 0
    assert (found.state, found.publisher) == (
        "anchored",
        parse_address(begun.keys.account_address),
    )
    keys = keeping.unlock(begun.home, PASSPHRASE, now())
    verdict = verify(begun.story.claim(begun.home, keys), begun.anchor, found)
    assert verdict.state is State.VERIFIED, verdict.checks.lines
