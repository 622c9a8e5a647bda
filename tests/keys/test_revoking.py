"""Logs that are ended on chain: by their owner, from another computer, and against a thief."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.keys.story import PASSPHRASE, Begun, check, verify

from stemproof.acts import keeping
from stemproof.acts.anchoring import connect, origin_id, plan_anchor
from stemproof.acts.anchors import Anchor, all_anchors
from stemproof.acts.backing import back_up, restore_backup
from stemproof.acts.handover import can_hand_over
from stemproof.acts.home import Home, now, opened
from stemproof.acts.orders import REVOKE, list_orders
from stemproof.acts.revoking import (
    Ending,
    choose_slots,
    end_now,
    plan_endings,
    resume_endings,
    slots_of,
)
from stemproof.acts.slots import LogEnded, NotOurs, is_ended
from stemproof.acts.standing import look_at
from stemproof.anchor.delegation import prepare_revoke
from stemproof.anchor.evm import Chain
from stemproof.anchor.follow import wait_until_mined
from stemproof.anchor.problems import NotAccepted
from stemproof.anchor.publish import AnchorCall, prepare_anchor, send
from stemproof.errors import BadInput
from stemproof.evidence.ethsig import parse_address
from stemproof.keys.ring import Keys
from stemproof.log.store import OWN_WORK, Log
from stemproof.testnet.deploy import fund
from stemproof.verify.verdict import State

HUGE = 2**24


@contextmanager
def at_chain(begun: Begun, home: Home) -> Iterator[tuple[Log, Chain]]:
    with opened(home) as log:
        yield log, connect(home, log, chain="31337", rpc=begun.story.net.rpc_url)


def end_all(begun: Begun, home: Home, keys: Keys) -> list[Ending]:
    with at_chain(begun, home) as (log, chain):
        plan = plan_endings(chain, slots_of(log), keys.account_keys)
        for ending in plan.endings:
            end_now(home, log, chain, ending, timeout_s=20)
        return list(plan.endings)


def thief_anchors(begun: Begun, keys: Keys, size: int) -> None:
    """Send an anchor as somebody with the account's key does, without the ledger."""
    with at_chain(begun, begun.home) as (_, chain):
        account, name = parse_address(keys.account_address), origin_id(keys.origin)
        fund(begun.story.net, account)
        call = AnchorCall(name, chain.head_of(account, name), size, b"\x66" * 32)
        intent = prepare_anchor(chain, keys.account_key, call)
        send(chain, intent.raw)
        wait_until_mined(chain, intent.raw, timeout_s=20, poll_s=0.02)


def all_anchored(home: Home) -> list[Anchor]:
    with opened(home) as log:
        return [anchor for anchor in all_anchors(log) if anchor.block_hash is not None]


def revocations(home: Home) -> list[dict[str, object]]:
    with opened(home) as log:
        bodies = []
        for number, _ in log.fetch_all("logs"):
            tree = log.tree_of(number, OWN_WORK)
            assert tree is not None
            for event, _, data in log.fetch_all("events", tree, 0, log.tree_size(tree)):
                if b'"action":"key.revoked"' in data:
                    bodies.append(json.loads(log.openings(event)["body"].value))
        return bodies


def test_what_was_anchored_before_the_end_stands_and_nothing_follows(begun: Begun) -> None:
    home, keys = begun.home, begun.keys
    (ending,) = end_all(begun, home, keys)
    assert ending.size == begun.anchor.size
    assert 0 < ending.expected_wei <= ending.cost_wei
    assert "stemproof key new-device" in [need.command for need in look_at(home).needs()]
    (body,) = revocations(home)
    assert (body["log"], body["size"], body["chain"]) == (keys.origin, begun.anchor.size, 31337)
    assert check(home).wrong == []

    with at_chain(begun, home) as (log, chain):
        word = chain.head_of(parse_address(keys.account_address), origin_id(keys.origin))
        assert is_ended(word)
        with pytest.raises(LogEnded, match="ended on local") as refusal:
            plan_anchor(log, chain, keys)
        assert "key new-device" in str(refusal.value.hint)
        # Whatever the program says: the contract takes no anchor on top of it.
        call = AnchorCall(origin_id(keys.origin), word, 2**40 - 1, b"\x01" * 32)
        with pytest.raises(NotAccepted):
            prepare_anchor(chain, keys.account_key, call)
        plan = plan_endings(chain, slots_of(log), keys.account_keys)
        assert (plan.endings, len(plan.ended)) == ((), 1)
    verdict = verify(begun.story.claim(home, keys), begun.anchor)
    assert verdict.state is State.VERIFIED, verdict.checks.lines


def test_after_the_end_a_new_device_goes_on(begun: Begun) -> None:
    keys = keeping.go_on_as_new_device(begun.home, PASSPHRASE, now())
    begun.story.save(begun.home, 2)
    assert "stemproof key new-device" not in [need.command for need in look_at(begun.home).needs()]
    anchor = begun.story.anchor(begun.home, keys)
    assert anchor.prior == 0 and anchor.evidence is not None
    with opened(begun.home) as log:
        slots = slots_of(log)
    assert [slot.origin for slot in slots] == [begun.keys.origin, keys.origin]
    device = keys.origin.rpartition("/")[2]
    assert choose_slots(slots, [device[:8]]) == slots[1:]
    with pytest.raises(BadInput, match="no log 'abcdefgh'"):
        choose_slots(slots, ["abcdefgh"])


def test_an_end_that_was_sent_before_a_crash_is_gone_on_with(begun: Begun) -> None:
    home = begun.home
    keys = keeping.unlock(home, PASSPHRASE, now())
    with at_chain(begun, home) as (log, chain):
        (ending,) = plan_endings(chain, slots_of(log), keys.account_keys).endings

        class Crash(Exception):
            """The power goes after the bytes were stored."""

        def crash(*_: object, **__: object) -> None:
            raise Crash

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("stemproof.anchor.publish.send", crash)
            with pytest.raises(Crash):
                end_now(home, log, chain, ending, timeout_s=1)
        (order,) = [each for each in list_orders(log, REVOKE) if each.block is None]
        (done,) = resume_endings(log, chain, timeout_s=20)
        assert (done.tx, done.about) == (order.tx, keys.origin)
        assert done.block is not None
        assert resume_endings(log, chain, timeout_s=20) == []
    assert [body["log"] for body in revocations(home)] == [begun.keys.origin, keys.origin]


@pytest.fixture
def lost(tmp_path: Path, begun: Begun) -> tuple[Home, Keys, Path]:
    """A new device whose log is anchored and backed up: the computer that is about to be lost."""
    keys = keeping.go_on_as_new_device(begun.home, PASSPHRASE, now())
    begun.story.anchor(begun.home, keys)
    backup = tmp_path / "saved.stemproof-backup"
    back_up(begun.home, backup, now())
    return begun.home, keys, backup


def test_from_a_backup_and_the_words_the_lost_computers_log_is_ended(
    lost: tuple[Home, Keys, Path], begun: Begun, tmp_path: Path
) -> None:
    _, keys, backup = lost
    home = Home(tmp_path / "other")
    restored = restore_backup(home, backup, keys.words, "another passphrase", now())
    assert restored.keys.origin != keys.origin
    assert [ending.slot.origin for ending in end_all(begun, home, restored.keys)] == [keys.origin]
    (body,) = [body for body in revocations(home) if body["log"] == keys.origin]
    assert body["block"] is not None
    # The thief's copy of the folder finds its slot closed.
    with at_chain(begun, begun.home) as (log, chain), pytest.raises(LogEnded):
        plan_anchor(log, chain, keys)
    # The new computer's own log goes on.
    fund(begun.story.net, parse_address(restored.keys.account_address))
    with at_chain(begun, home) as (log, chain):
        assert plan_anchor(log, chain, restored.keys) is not None


def test_a_second_computer_with_the_same_words_has_a_log_and_a_slot_of_its_own(
    begun: Begun, tmp_path: Path
) -> None:
    first = keeping.go_on_as_new_device(begun.home, PASSPHRASE, now())
    anchored = begun.story.anchor(begun.home, first)
    home = Home(tmp_path / "second")
    second = keeping.restore_keys(home, "other", first.words, now())
    assert second.account_address == first.account_address
    assert second.origin != first.origin
    with at_chain(begun, home) as (log, chain):
        planned = plan_anchor(log, chain, second)
        assert planned is not None and planned.prior == 0
    with at_chain(begun, begun.home) as (_, chain):
        account = parse_address(first.account_address)
        assert chain.head_of(account, origin_id(first.origin)) >> 216 == anchored.size


def test_a_copied_folder_that_goes_on_under_one_name_is_stopped_by_the_slot(
    begun: Begun, tmp_path: Path
) -> None:
    keys = keeping.unlock(begun.home, PASSPHRASE, now())
    begun.story.save(begun.home, 3)
    begun.story.anchor(begun.home, keys)
    copy = Home(Path(shutil.copytree(begun.home.path, tmp_path / "copy")))
    with pytest.raises(BadInput, match="copy of another"):
        keeping.unlock(copy, PASSPHRASE, now())
    # A cloned disk is not noticed by its mark: both go on, and the slot takes one of them.
    begun.story.save(begun.home, 4)
    begun.story.anchor(begun.home, keys)
    with at_chain(begun, copy) as (log, chain), pytest.raises(NotOurs, match="another copy"):
        plan_anchor(log, chain, keys)


def test_a_stolen_key_that_anchors_a_huge_size_is_capped_and_told_with_the_way_on(
    begun: Begun,
) -> None:
    home = begun.home
    keys = keeping.unlock(home, PASSPHRASE, now())
    with at_chain(begun, home) as (_, chain):
        account, name = parse_address(keys.account_address), origin_id(keys.origin)
        size = chain.head_of(account, name) >> 216
    with pytest.raises(NotAccepted, match="more than is accepted"):
        thief_anchors(begun, keys, size + HUGE + 1)
    thief_anchors(begun, keys, size + HUGE)

    with at_chain(begun, home) as (log, chain):
        with pytest.raises(NotOurs, match="no copy of the ledger has so many") as refusal:
            plan_anchor(log, chain, keys)
        assert str(size + HUGE) in str(refusal.value)
        for word in ("key revoke", "key rotate", "key new-device"):
            assert word in str(refusal.value.hint)

    # The way on, to its end: the taken key is shut out, and both logs can be claimed.
    endings = end_all(begun, home, keys)
    assert size + HUGE in [ending.size for ending in endings]
    fresh = keeping.go_on_as_new_device(home, PASSPHRASE, now())
    rotated = keeping.rotate(home, PASSPHRASE, now())
    anchor = begun.story.anchor(home, rotated)
    assert (rotated.origin, anchor.prior) == (fresh.origin, 0)
    assert anchor.publisher != bytes(account)
    verdict = verify(begun.story.claim(home, rotated), *all_anchored(home))
    assert verdict.state is State.VERIFIED, verdict.checks.lines
    assert {log.origin for log in verdict.logs} >= {keys.origin, fresh.origin}


def test_keys_replaced_in_a_log_that_a_thief_moved_do_not_go_on_in_it(begun: Begun) -> None:
    home = begun.home
    keys = keeping.go_on_as_new_device(home, PASSPHRASE, now())
    begun.story.anchor(home, keys)
    thief_anchors(begun, keys, HUGE)
    rotated = keeping.rotate(home, PASSPHRASE, now())
    with at_chain(begun, home) as (log, chain):
        with pytest.raises(NotOurs):
            plan_anchor(log, chain, rotated)
        slots = [slot for slot in slots_of(log) if slot.origin == log.origin]
        (ending,) = plan_endings(chain, slots, rotated.account_keys).endings
        assert not can_hand_over(log, chain, ending)
        end_now(home, log, chain, ending, timeout_s=20)
        with pytest.raises(BadInput, match="ended on top of a head"):
            plan_anchor(log, chain, rotated)


def test_a_log_that_a_thief_ended_is_told_to_its_owner(begun: Begun) -> None:
    home = begun.home
    keys = keeping.unlock(home, PASSPHRASE, now())
    fund(begun.story.net, parse_address(keys.account_address))
    with at_chain(begun, home) as (log, chain):
        intent = prepare_revoke(chain, keys.account_key, origin_id(keys.origin))
        send(chain, intent.raw)
        wait_until_mined(chain, intent.raw, timeout_s=20, poll_s=0.02)
        with pytest.raises(LogEnded) as refusal:
            plan_anchor(log, chain, keys)
        assert "it was not you who ended it" in str(refusal.value.hint)
