"""Timestamps beside anchors of a real chain: between them, on them, and after the keys changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.evidence.local_calendar import Calendar
from tests.evidence.local_tsa import Wish, make_tsa, served
from tests.keys.story import PASSPHRASE, Begun, the_work

from stemproof.acts import keeping, stamping
from stemproof.acts.claiming import choose_audio, make_bundle, make_claim
from stemproof.acts.home import now, opened
from stemproof.anchor.contract import anchors_address
from stemproof.claim.claim import parse_claim
from stemproof.evidence.bitcoin import parse_block
from stemproof.verify.bundle import Verdict, verify_bundle
from stemproof.verify.policy import KINDS, Policy
from stemproof.verify.trust import Trust
from stemproof.verify.verdict import State

pytestmark = pytest.mark.chain


def test_a_claim_is_dated_by_three_witnesses_before_and_after_its_keys_change(
    begun: Begun, tmp_path: Path
) -> None:
    story, home, keys = begun.story, begun.home, begun.keys
    tsa, calendar = make_tsa(tmp_path / "tsa", Wish(ec=True)), Calendar()
    with served(lambda _, body: (200, tsa.answer(body))) as url, calendar.serve() as promises:
        with opened(home) as log:
            on_chain = stamping.newest_anchored(log)
            assert on_chain.size == begun.anchor.size
            stamping.stamp_by_tsa(log, on_chain, url, now())
            stamping.stamp_by_calendars(log, on_chain, [promises], now())
        story.save(home, 2)
        with opened(home) as log:
            # Newer than the anchor on which the claim rests: it is left out for now.
            between = stamping.seal_newest(log, lambda: keys)
            stamping.stamp_by_tsa(log, between, url, now())
            calendar.mine()
            stamping.upgrade_pending(log)
        block = parse_block(calendar.header, calendar.height, min_difficulty=0)
        trust = Trust(
            {31337: frozenset({bytes(anchors_address())})},
            blocks=frozenset({begun.anchor.block_hash or b""}),
            tsa_roots=(tsa.root.der,),
            bitcoin={block.height: block},
            policy=Policy(3, KINDS),
        )
        verdict = _verified(story.claim(home, keys), trust)
        assert {each.size for each in verdict.dated} == {on_chain.size}
        (bracket,) = verdict.brackets
        assert bracket.not_after is not None
        times = [bracket.not_after, *(each.not_after for each in verdict.dated)]
        assert verdict.not_after == max(times)

        _rest_on_what_is_newer(begun, trust, between.size)

        new = keeping.rotate(home, PASSPHRASE, now())
        second = story.anchor(home, new)
        with opened(home) as log:
            stamping.stamp_by_tsa(log, stamping.newest_anchored(log), url, now())
    trust = replace(trust, blocks=frozenset({second.block_hash or b""}))
    trust = replace(trust, policy=Policy(2, ("evm", "rfc3161")))
    verdict = _verified(story.claim(home, new), trust)
    # The former account's heads are shown now as what their timestamps date.
    (log_,) = verdict.logs
    assert [each.head.block is None for each in log_.heads] == [True, True, False]
    assert {each.size for each in verdict.dated} == {on_chain.size, between.size, second.size}


def _rest_on_what_is_newer(begun: Begun, trust: Trust, size: int) -> None:
    """Claim what only a timestamp dates: the chain does not count for it, the authority does."""
    with opened(begun.home) as log:
        work = the_work(begun.home)
        chosen = choose_audio(log, work, [], [], stamped=True)
        signed = make_claim(log, begun.keys, work, chosen, now(), stamped=True)
        bundle = make_bundle(log, begun.keys, signed)
    assert [each.size for each in parse_claim(signed.claim).logs] == [size]
    _verified(bundle, replace(trust, policy=Policy(1, KINDS)))
    for policy in (Policy(), Policy(2, KINDS)):
        verdict = verify_bundle(bundle, replace(trust, policy=policy))
        assert verdict.state is State.UNDECIDED, verdict.checks.lines


def _verified(bundle: bytes, trust: Trust) -> Verdict:
    verdict = verify_bundle(bundle, trust)
    assert verdict.state is State.VERIFIED, verdict.checks.lines
    return verdict
