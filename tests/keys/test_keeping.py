"""Keys that change while a song is made: what the log, the chain and a verifier say then."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.keys.story import PASSPHRASE, Begun, Story, check, the_work, verify

from stemproof.acts import keeping
from stemproof.acts.anchoring import connect, origin_id, plan_anchor
from stemproof.acts.anchors import Anchor
from stemproof.acts.begin import make_ledger
from stemproof.acts.gather import gather_logs
from stemproof.acts.home import Home, now, opened
from stemproof.errors import BadInput, Refuted, Unavailable
from stemproof.evidence.ethsig import parse_address
from stemproof.keys import renewal, ring
from stemproof.keys.ring import Keys
from stemproof.log.lockfile import hold_lock
from stemproof.log.store import OWN_WORK
from stemproof.record.event import parse_header
from stemproof.verify.anchors import check_anchors
from stemproof.verify.logs import check_log_part
from stemproof.verify.verdict import State


@dataclass(frozen=True, slots=True)
class Rotated:
    """A ledger whose keys were rotated between two anchors."""

    story: Story
    home: Home
    old: Keys
    new: Keys
    between: Path
    first: Anchor
    second: Anchor


@pytest.fixture(scope="module")
def rotated(begun: Begun) -> Rotated:
    story, home = begun.story, begun.home
    story.save(home, 2)
    new = keeping.rotate(home, PASSPHRASE, now())
    between = shutil.copytree(home.path, begun.folder / "between")
    second = story.anchor(home, new)
    return Rotated(story, home, begun.keys, new, between, begun.anchor, second)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger without works, to be copied."""
    path = tmp_path_factory.mktemp("plain") / "home"
    make_ledger(Home(path), PASSPHRASE, now())
    return path


@pytest.fixture
def home(plain: Path, tmp_path: Path) -> Home:
    """A ledger of one's own, moved rather than copied as far as its mark says."""
    from stemproof.keys.device import mark_device

    path = Path(shutil.copytree(plain, tmp_path / "home"))
    mark_device(path)
    return Home(path)


def own_actions(home: Home) -> list[str]:
    with opened(home) as log:
        tree = log.tree_of(log.number, OWN_WORK)
        assert tree is not None
        return [parse_header(data).action for data in log.headers(tree, 0, log.tree_size(tree))]


def test_a_claim_after_a_rotation_and_an_anchor_is_verified(rotated: Rotated) -> None:
    bundle = rotated.story.claim(rotated.home, rotated.new)
    verdict = verify(bundle, rotated.second)
    assert [line for line in verdict.checks.lines if line.state is State.REFUTED] == []
    assert verdict.state is State.VERIFIED
    assert verdict.claim is not None
    assert verdict.claim.identity == rotated.new.public.identity_key.hex()
    (log,) = verdict.logs
    assert [holder.number for holder in log.holders] == [0, 1]


def test_a_rotated_ledger_has_one_log_and_is_whole(rotated: Rotated) -> None:
    assert own_actions(rotated.home) == ["log.open", "key.rotate"]
    assert rotated.new.origin == rotated.old.origin
    assert check(rotated.home).wrong == []


def test_the_first_head_of_the_new_account_covers_all_that_the_former_anchored(
    rotated: Rotated,
) -> None:
    assert rotated.second.publisher != rotated.first.publisher
    assert rotated.second.prior == 0
    assert rotated.second.size > rotated.first.size
    with opened(rotated.home) as log:
        (gathered,) = gather_logs(log, the_work(rotated.home).id, {})
    assert gathered.part.anchorage is not None
    assert gathered.part.anchorage.publisher == rotated.second.publisher
    assert len(gathered.part.heads) == 1


def test_a_checkpoint_held_by_one_and_published_by_another_is_refuted(rotated: Rotated) -> None:
    work = the_work(rotated.home).id
    with opened(rotated.home) as log:
        (gathered,) = gather_logs(log, work, {})
    checked = check_log_part(gathered.part, work)
    assert check_anchors(gathered.part, checked).publisher == rotated.second.publisher
    former = replace(checked.heads[0], holder=checked.holders[0])
    with pytest.raises(Refuted, match="published by"):
        check_anchors(gathered.part, replace(checked, heads=(former,)))


def test_a_claim_between_rotation_and_anchor_is_refused(rotated: Rotated) -> None:
    with (
        opened(Home(rotated.between)) as log,
        pytest.raises(BadInput, match="rotated after the newest anchor"),
    ):
        gather_logs(log, the_work(rotated.home).id, {})


def test_the_former_keys_anchor_no_more(rotated: Rotated) -> None:
    with opened(rotated.home) as log:
        chain = connect(rotated.home, log, chain="31337", rpc=rotated.story.net.rpc_url)
        with pytest.raises(BadInput, match="keys changed"):
            plan_anchor(log, chain, rotated.old)


def test_a_head_of_the_former_account_that_is_not_ours_stops_the_new_account(
    rotated: Rotated,
) -> None:
    home = Home(rotated.between)
    with opened(home) as log:
        chain = connect(home, log, chain="31337", rpc=rotated.story.net.rpc_url)
        former = parse_address(rotated.old.account_address)
        assert chain.head_of(former, origin_id(rotated.old.origin)) >> 216 == rotated.first.size
    # As if this copy had anchored another size than the chain shows.
    with closing(sqlite3.connect(home.database)) as database, database:
        database.execute("UPDATE anchor SET size = size - 1")
    with opened(home) as log:
        chain = connect(home, log, chain="31337", rpc=rotated.story.net.rpc_url)
        with pytest.raises(BadInput, match="this ledger did not"):
            plan_anchor(log, chain, rotated.new)


def test_a_rotation_that_the_log_lacks_after_a_crash_is_appended_once(home: Home) -> None:
    renewed = renewal.rotate(home.path, PASSPHRASE)
    assert own_actions(home) == ["log.open"]
    keys = keeping.unlock(home, PASSPHRASE, now())
    assert own_actions(home) == ["log.open", "key.rotate"]
    with opened(home) as log:
        entry = log.entries_after(-1, 10)[-1]
        assert log.openings(entry.id)["body"].value == renewed.rotation
    keeping.settle(home, keys, now())
    assert own_actions(home) == ["log.open", "key.rotate"]


def test_rotation_by_the_recovery_key_asks_for_a_new_writing_down(home: Home) -> None:
    words = ring.open_keys(home.path, PASSPHRASE).recovery_words
    keeping.confirm_words(home, PASSPHRASE, now())
    with opened(home) as log:
        assert log.setting(keeping.WORDS_SETTING)
    keys = keeping.rotate(home, PASSPHRASE, now(), recovery_words=words)
    assert keys.recovery_words not in (None, words)
    with opened(home) as log:
        assert not log.setting(keeping.WORDS_SETTING)
    assert own_actions(home) == ["log.open", "key.rotate"]


def test_a_copied_folder_is_not_written_until_it_is_a_new_device(
    plain: Path, tmp_path: Path
) -> None:
    home = Home(Path(shutil.copytree(plain, tmp_path / "copy")))
    with pytest.raises(BadInput, match="copy of another") as refusal:
        keeping.unlock(home, PASSPHRASE, now())
    assert "key new-device" in str(refusal.value.hint)
    with pytest.raises(BadInput, match="copy of another"):
        keeping.rotate(home, PASSPHRASE, now())
    keys = keeping.go_on_as_new_device(home, PASSPHRASE, now())
    assert own_actions(home) == ["log.open", "log.continue"]
    with opened(home) as log:
        assert [origin for _, origin in log.fetch_all("logs")][-1] == keys.origin == log.origin
        assert log.number == 2
    assert check(home).wrong == []


def test_a_log_that_a_crash_left_without_its_beginning_is_begun_at_the_next_unlock(
    home: Home,
) -> None:
    keys = ring.new_device(home.path, PASSPHRASE)
    with opened(home) as log:
        assert log.origin != keys.origin
    keeping.unlock(home, PASSPHRASE, now())
    with opened(home) as log:
        assert log.origin == keys.origin
    assert own_actions(home) == ["log.open", "log.continue"]


def test_keys_without_a_ledger_get_one_at_the_next_unlock(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    created = ring.create(home.path, PASSPHRASE)
    keeping.unlock(home, PASSPHRASE, now())
    with opened(home) as log:
        assert log.origin == created.keys.origin
    assert own_actions(home) == ["log.open"]


def test_an_older_key_file_than_the_ledger_is_refused(plain: Path, home: Home) -> None:
    keeping.go_on_as_new_device(home, PASSPHRASE, now())
    shutil.copy(plain / "keys.age", home.path / "keys.age")
    with pytest.raises(BadInput, match="older than the ledger"):
        keeping.unlock(home, PASSPHRASE, now())


def test_keys_that_another_process_changes_are_busy(home: Home) -> None:
    home.locks.mkdir()
    with hold_lock(home.locks / "keys"), pytest.raises(Unavailable, match="in use"):
        keeping.change_passphrase(home, PASSPHRASE, "another")
