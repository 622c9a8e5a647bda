"""A log handed over on chain when its keys are replaced, and what a verifier's node says of it."""

from __future__ import annotations

from tests.keys.story import PASSPHRASE, Begun, check, verify

from stemproof.acts import keeping
from stemproof.acts.anchoring import connect
from stemproof.acts.handover import can_hand_over, hand_over
from stemproof.acts.home import now, opened
from stemproof.acts.revoking import end_now, plan_endings, slots_of
from stemproof.anchor.contract import anchors_address
from stemproof.anchor.slotnode import RpcSlots
from stemproof.verify.bundle import Verdict, verify_bundle
from stemproof.verify.trust import Trust
from stemproof.verify.verdict import State


def ask(begun: Begun, bundle: bytes) -> Verdict:
    """Verify as somebody does who asks one node."""
    contracts = {31337: frozenset({bytes(anchors_address())})}
    return verify_bundle(bundle, Trust(contracts, sources=(RpcSlots(begun.story.net.rpc_url),)))


def says(verdict: Verdict, name: str) -> list[tuple[str, str]]:
    return [(str(line.state), line.says) for line in verdict.checks.lines if line.name == name]


def test_a_log_is_handed_over_and_a_node_shows_that_nobody_else_follows(begun: Begun) -> None:
    home, old = begun.home, begun.keys
    early = begun.story.claim(home, old)
    ((state, text),) = says(ask(begun, early), "log on chain")
    assert state == "note" and "newest anchor is the one in this bundle" in text

    new = keeping.rotate(home, PASSPHRASE, now())
    with opened(home) as log:
        chain = connect(home, log, chain="31337", rpc=begun.story.net.rpc_url)
        (ending,) = plan_endings(chain, slots_of(log), new.account_keys).endings
        assert can_hand_over(log, chain, ending)
        handed = hand_over(home, log, chain, new, ending, timeout_s=20)
        # Twice is once.
        assert hand_over(home, log, chain, new, ending, timeout_s=20) == handed
        (ending,) = plan_endings(chain, slots_of(log), new.account_keys).endings
        assert ending.size == handed.size > begun.anchor.size
        end_now(home, log, chain, ending, timeout_s=20)
    begun.story.save(home, 2)
    first = begun.story.anchor(home, new)
    assert (first.size, first.prior) == (handed.size, 0)
    second = begun.story.anchor(home, new)
    assert second.size > first.size
    assert check(home).wrong == []

    bundle = begun.story.claim(home, new)
    assert verify(bundle, second).state is State.VERIFIED
    verdict = ask(begun, bundle)
    assert verdict.state is State.VERIFIED, verdict.checks.lines
    ((state, text),) = says(verdict, "former account")
    assert state == "verified" and "nobody else can follow it" in text
    assert f"checkpoint of {handed.size} events" in text
    # Whoever shows the bundle of before is told that the log went on and ended.
    verdict = ask(begun, early)
    assert verdict.state is State.VERIFIED
    ((state, text),) = says(verdict, "log on chain")
    assert state == "note" and "ended by its publisher after anchors not shown here" in text
