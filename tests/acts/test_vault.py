"""The vault of a ledger: every save is kept, as long as the user says, and erased with it."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from tests.acts.keyed import Keyed, make_keyed
from tests.acts.room import Room

from stemproof.acts.begin import list_works
from stemproof.acts.erase import erase, plan_events, plan_work
from stemproof.acts.home import now, opened
from stemproof.acts.reading import Line, Wanted, newest_lines
from stemproof.acts.vault import (
    Retention,
    open_with,
    read_retention,
    set_retention,
    vault_bytes,
    vault_sizes,
)
from stemproof.errors import BadInput, Usage
from stemproof.record.canonical import Json
from stemproof.testnet.song import write_step


@pytest.fixture
def keyed(tmp_path: Path) -> Keyed:
    return make_keyed(tmp_path)


def save(keyed: Keyed, step: int) -> bytes:
    """Save a step of the song and look at it; give the bytes of the session."""
    data = write_step(keyed.room.folder, step)[0].read_bytes()
    keyed.room.look()
    return data


def event_of(keyed: Keyed, data: bytes) -> int:
    """Find the event that saw a save."""
    digest = sha256(data).digest()
    with opened(keyed.room.home) as log:
        for entry in log.entries_after(-1, 10_000):
            opening = log.openings(entry.id).get("after")
            if opening is not None and opening.value == digest:
                return entry.id
    raise AssertionError("no event saw this")


def newest(keyed: Keyed) -> Line:
    """Read the newest event, some of which may be erased."""
    with opened(keyed.room.home) as log:
        return newest_lines(log, Wanted(), 1)[0]


def newest_body(keyed: Keyed) -> dict[str, Json]:
    """Read the newest event's body."""
    return newest(keyed).body or {}


def test_every_save_that_was_seen_is_kept(keyed: Keyed) -> None:
    saves = [save(keyed, step) for step in (1, 2, 3)]
    assert [keyed.kept(sha256(data).digest()) for data in saves] == saves


def test_past_saves_are_kept_too(keyed: Keyed) -> None:
    past = write_step(keyed.room.folder.parent / "elsewhere", 1)[0].read_bytes()
    (keyed.room.folder / "Song.mmp.bak").write_bytes(past)
    save(keyed, 2)
    assert keyed.kept(sha256(past).digest()) == past


def test_what_cannot_be_read_is_kept_all_the_same(keyed: Keyed) -> None:
    save(keyed, 1)
    half = write_step(keyed.room.folder.parent / "elsewhere", 2)[0].read_bytes()[:3000]
    (keyed.room.folder / "Song.mmp").write_bytes(half)
    keyed.room.look()
    body = keyed.room.last("session.unreadable").body
    assert keyed.kept(bytes.fromhex(body["sha256"])) == half


def test_keeping_needs_no_secret(keyed: Keyed) -> None:
    save(keyed, 1)
    names = {path.name for path in keyed.room.home.path.iterdir()}
    assert "vault.db" in names
    assert "keys.age" not in names


def test_a_ledger_without_keys_records_and_keeps_nothing(room: Room) -> None:
    write_step(room.folder, 1)
    observed = room.look()
    assert (observed.saves, observed.problems) == (1, [])
    assert not (room.home.path / "vault.db").exists()


def test_a_vault_that_cannot_be_used_is_told_and_no_save_is_lost(keyed: Keyed) -> None:
    (keyed.room.home.path / "vault.db").write_bytes(b"no database at all" * 100)
    write_step(keyed.room.folder, 1)
    observed = keyed.room.look()
    assert observed.saves == 1
    (line,) = observed.unkept
    assert line.path == "Song.mmp"
    assert line.text.startswith("not kept in the vault: ")


def test_nothing_is_kept_where_the_user_wants_that(keyed: Keyed) -> None:
    with opened(keyed.room.home) as log:
        set_retention(log, Retention(is_off=True), now())
    save(keyed, 1)
    assert keyed.count() == 0


def test_saves_are_dropped_after_their_days(keyed: Keyed) -> None:
    write_step(keyed.room.folder, 1)
    keyed.room.look(moment=now() - timedelta(days=40))
    assert keyed.count() == 1
    with opened(keyed.room.home) as log:
        assert set_retention(log, Retention(days=41), now()) == 0
        assert set_retention(log, Retention(days=30), now()) == 1
        assert read_retention(log) == Retention(days=30)


def test_a_limit_of_size_holds_for_later_saves_too(keyed: Keyed) -> None:
    with opened(keyed.room.home) as log:
        set_retention(log, Retention(max_bytes=1), now())
    save(keyed, 1)
    write_step(keyed.room.folder, 6)
    keyed.room.look()
    assert keyed.count() == 1


@pytest.mark.parametrize(
    "setting", ["", "some", "days", "days 0", "days -1", "bytes 01", "all ", "bytes 1e9"]
)
def test_a_damaged_setting_is_refused(keyed: Keyed, setting: str) -> None:
    with opened(keyed.room.home) as log:
        log.put_setting("vault.keep", setting)
        if setting:
            with pytest.raises(BadInput, match=r"vault\.keep"):
                read_retention(log)
        else:
            assert read_retention(log) == Retention()


@pytest.mark.parametrize(("days", "size"), [(0, None), (10**6, None), (None, 0), (None, 1 << 60)])
def test_retention_has_bounds(days: int | None, size: int | None) -> None:
    with pytest.raises(Usage):
        Retention(days=days, max_bytes=size)


def test_its_room_is_told_by_work_and_kind(keyed: Keyed) -> None:
    data = save(keyed, 1)
    with opened(keyed.room.home) as log:
        [size] = vault_sizes(log)
        assert vault_bytes(log) >= size.stored
    assert (size.work, size.kind, size.files, size.bytes) == (
        keyed.room.work.id,
        "session",
        1,
        len(data),
    )


def test_erasing_an_event_erases_the_kept_save_and_no_other(keyed: Keyed) -> None:
    saves = [save(keyed, step) for step in (1, 2, 3)]
    with opened(keyed.room.home) as log:
        plan = plan_events(log, [event_of(keyed, saves[1])])
        assert erase(log, plan, now(), open_with(keyed.keys.age_identities))
    kept = [keyed.kept(sha256(data).digest()) for data in saves]
    assert kept == [saves[0], None, saves[2]]
    assert newest_body(keyed)["kept"] == 1


def test_without_keys_what_rests_on_the_erased_save_goes_too(keyed: Keyed) -> None:
    saves = [save(keyed, step) for step in (1, 2, 3)]
    with opened(keyed.room.home) as log:
        plan = plan_events(log, [event_of(keyed, saves[0])])
        erase(log, plan, now())
    assert keyed.count() == 2 - plan.later


def test_erasing_the_newest_save_forgets_it_for_comparison_too(keyed: Keyed) -> None:
    save(keyed, 1)
    last = save(keyed, 2)
    with opened(keyed.room.home) as log:
        erase(log, plan_events(log, [event_of(keyed, last)]), now())
        [(path, *_)] = log.fetch_all("seen_files", keyed.room.work.id)
        assert log.fetch_one("seen_saved", keyed.room.work.id, path) == (None,)
    save(keyed, 3)
    assert newest(keyed).header.action == "session.found"


def test_erasing_a_work_empties_its_vault(keyed: Keyed) -> None:
    for step in (1, 2):
        save(keyed, step)
    with opened(keyed.room.home) as log:
        [work] = list_works(log)
        plan = plan_work(log, work)
        assert plan.kept_of_works == 2
        erase(log, plan, now())
    assert keyed.count() == 0
    assert newest_body(keyed)["kept"] == 2


def test_erased_saves_leave_no_bytes_in_the_ledger_folder(keyed: Keyed) -> None:
    data = save(keyed, 1)
    with opened(keyed.room.home) as log:
        erase(log, plan_events(log, [event_of(keyed, data)]), now())
    digest = sha256(data).digest()
    vault = keyed.room.home.path / "vault.db"
    assert digest not in vault.read_bytes()
