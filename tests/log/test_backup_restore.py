"""A ledger saved, lost and restored elsewhere: its history counts, and it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.keys.story import PASSPHRASE, Begun, Story, check, the_work, verify

from stemproof.acts import keeping
from stemproof.acts.anchors import Anchor
from stemproof.acts.backing import BACKUP_SETTING, Restored, back_up, restore_backup
from stemproof.acts.begin import make_ledger
from stemproof.acts.facts import fact
from stemproof.acts.home import Home, now, opened
from stemproof.errors import BadInput, Usage
from stemproof.keys.binding import check_binding
from stemproof.keys.ring import Keys
from stemproof.log.store import OWN_WORK
from stemproof.verify.verdict import State


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A ledger, and what was restored of it on another computer."""

    story: Story
    old: Home
    old_keys: Keys
    old_anchor: Anchor
    new: Home
    restored: Restored
    backup: Path


@pytest.fixture(scope="module")
def elsewhere(begun: Begun) -> Elsewhere:
    old, keys = begun.home, begun.keys
    (old.tools / "anvil").mkdir(parents=True)
    (old.tools / "anvil" / "program").write_bytes(b"can be had again")
    backup, new = begun.folder / "ledger.backup", Home(begun.folder / "new")
    back_up(old, backup, now())
    restored = restore_backup(new, backup, keys.words, "another passphrase", now())
    return Elsewhere(begun.story, old, keys, begun.anchor, new, restored, backup)


def test_the_history_is_there_and_whole(elsewhere: Elsewhere) -> None:
    assert check(elsewhere.new).wrong == []
    with opened(elsewhere.old) as old, opened(elsewhere.new) as new:
        entries = old.entries_after(-1, 10_000)
        assert new.entries_after(-1, len(entries)) == entries
        for entry in entries:
            assert new.openings(entry.id) == old.openings(entry.id)
    assert not elsewhere.new.tools.exists()


def test_the_folder_goes_on_in_a_log_of_its_own(elsewhere: Elsewhere) -> None:
    keys = elsewhere.restored.keys
    assert keys.account_address == elsewhere.old_keys.account_address
    assert keys.origin != elsewhere.old_keys.origin
    with opened(elsewhere.new) as log:
        assert log.origin == keys.origin
        tree = log.tree_of(log.number, OWN_WORK)
        (event, _, _), *_ = log.fetch_all("events", tree, 0, 1)
        bound = check_binding(log.openings(event)["body"].value)
        assert log.setting(BACKUP_SETTING) == elsewhere.restored.report.made
        assert log.setting(keeping.WORDS_SETTING)
    assert bound.origin == keys.origin
    assert bound.recovery == elsewhere.old_keys.public.recovery


def test_a_claim_that_rests_on_both_logs_is_verified(elsewhere: Elsewhere) -> None:
    story, home, keys = elsewhere.story, elsewhere.new, elsewhere.restored.keys
    story.save(home, 2)
    anchor = story.anchor(home, keys)
    verdict = verify(story.claim(home, keys), elsewhere.old_anchor, anchor)
    assert [line for line in verdict.checks.lines if line.state is State.REFUTED] == []
    assert verdict.state is State.VERIFIED
    assert [log.origin for log in verdict.logs] == [elsewhere.old_keys.origin, keys.origin]
    assert verdict.claim is not None
    # The audio was recorded by the log that is gone.
    assert {item.log for item in verdict.claim.audio} == {0}
    assert check(home).wrong == []


def test_the_work_goes_on_under_its_name(elsewhere: Elsewhere) -> None:
    assert the_work(elsewhere.new).id == the_work(elsewhere.old).id
    with opened(elsewhere.new) as log:
        trees = log.fetch_all("trees_of_work", the_work(elsewhere.new).id)
    assert [origin for _, _, origin in trees] == [
        elsewhere.old_keys.origin,
        elsewhere.restored.keys.origin,
    ]


def test_other_words_restore_nothing(elsewhere: Elsewhere, tmp_path: Path) -> None:
    words = str(elsewhere.old_keys.recovery_words)
    with pytest.raises(BadInput, match="no finished backup made with these keys"):
        restore_backup(Home(tmp_path / "new"), elsewhere.backup, words, PASSPHRASE, now())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_left_alone(elsewhere: Elsewhere) -> None:
    words = elsewhere.old_keys.words
    with pytest.raises(Usage, match="not an empty folder"):
        restore_backup(elsewhere.old, elsewhere.backup, words, PASSPHRASE, now())


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("small") / "home")
    make_ledger(home, PASSPHRASE, now())
    return home


def test_the_second_backup_is_small_and_its_time_is_noted(small: Home, tmp_path: Path) -> None:
    first = back_up(small, tmp_path / "b", now())
    second = back_up(small, tmp_path / "b", now())
    assert (first.number, second.number) == (1, 2)
    assert second.bytes_written < first.bytes_written
    with opened(small) as log:
        assert log.setting(BACKUP_SETTING) == second.made


def test_after_erasing_and_after_rotating_a_new_file_is_asked_for(
    small: Home, tmp_path: Path
) -> None:
    back_up(small, tmp_path / "b", now())
    with opened(small) as log:
        log.append(bytes(15) + b"\1", [fact("record.erased", now(), {})])
    with pytest.raises(BadInput, match="still holds what was erased") as refusal:
        back_up(small, tmp_path / "b", now())
    assert "new file" in str(refusal.value.hint)
    assert back_up(small, tmp_path / "c", now()).number == 1
    assert back_up(small, tmp_path / "c", now()).number == 2

    keeping.rotate(small, PASSPHRASE, now())
    with pytest.raises(BadInput, match="no finished backup made with these keys") as refusal:
        back_up(small, tmp_path / "c", now())
    assert "rotation of keys begin a new file" in str(refusal.value.hint)
    assert back_up(small, tmp_path / "d", now()).number == 1
