"""Claims on a real chain over the log of a lost computer, after the keys were replaced."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from tests.keys.story import PASSPHRASE, Begun, Story, the_work, verify

from stemproof.acts import keeping
from stemproof.acts.anchors import Anchor
from stemproof.acts.backing import back_up, restore_backup
from stemproof.acts.claiming import choose_audio, find_claim, make_bundle, make_claim
from stemproof.acts.home import Home, now, opened
from stemproof.errors import BadInput
from stemproof.keys.ring import Keys
from stemproof.verify.verdict import State


@dataclass(frozen=True, slots=True)
class Replaced:
    """A ledger restored elsewhere, claimed, then given new keys."""

    story: Story
    home: Home
    old_keys: Keys
    new_keys: Keys
    old_anchor: Anchor


@pytest.fixture(scope="module")
def replaced(begun: Begun) -> Replaced:
    backup, home = begun.folder / "ledger.backup", Home(begun.folder / "home")
    back_up(begun.home, backup, now())
    restored = restore_backup(home, backup, begun.keys.words, PASSPHRASE, now())
    # The new log is not anchored yet: this claim rests on the old one alone.
    assert verify(begun.story.claim(home, restored.keys), begun.anchor).state is State.VERIFIED
    new = keeping.rotate(home, PASSPHRASE, now())
    return Replaced(begun.story, home, restored.keys, new, begun.anchor)


def _claim_of_the_former_keys(replaced: Replaced) -> None:
    with opened(replaced.home) as log:
        signed = find_claim(log, the_work(replaced.home).id)
        assert signed is not None
        make_bundle(log, replaced.new_keys, signed)


def test_keys_are_replaced_and_both_logs_are_claimed(replaced: Replaced) -> None:
    story, home, keys = replaced.story, replaced.home, replaced.new_keys
    with opened(home) as log:
        work = the_work(home)
        size = log.size
        with pytest.raises(BadInput, match="does not show yet that it was replaced") as refusal:
            make_claim(log, keys, work, choose_audio(log, work, [], []), now())
        assert "stemproof anchor" in str(refusal.value.hint)
        # A claim that is refused is not recorded.
        assert log.size == size
    with pytest.raises(BadInput, match="replaced since") as refusal:
        _claim_of_the_former_keys(replaced)
    assert "make a new claim" in str(refusal.value.hint)

    story.save(home, 2)
    anchor = story.anchor(home, keys)
    with pytest.raises(BadInput, match="replaced since"):
        _claim_of_the_former_keys(replaced)
    verdict = verify(story.claim(home, keys), replaced.old_anchor, anchor)
    assert [line for line in verdict.checks.lines if line.state is State.REFUTED] == []
    assert verdict.state is State.VERIFIED
    assert verdict.claim is not None
    assert verdict.claim.identity == keys.public.identity_key.hex()
    assert [log.holders[-1].number for log in verdict.logs] == [0, 1]
    assert sum(line.name == "keys" for line in verdict.checks.lines) == 2
