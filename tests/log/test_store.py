"""The log: events in order, one tree a work, nothing changed afterwards."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.log.ledgers import (
    ORIGIN,
    SECOND_ORIGIN,
    SONG,
    WORKS,
    check,
    draft,
    drafts,
    headers_of,
    new_log,
    seal_now,
)
from tests.seal import naive

from stemproof.errors import BadInput, Malformed
from stemproof.log.store import OWN_WORK, Log, open_log
from stemproof.record.commitment import check_opening
from stemproof.record.event import parse_header
from stemproof.seal.merkle import check_inclusion, leaf_hash
from stemproof.seal.tree import prove_inclusion


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with new_log(tmp_path) as log:
        yield log


def test_an_event_is_read_back_with_what_opens_it(log: Log) -> None:
    (event,) = log.append(SONG, [draft("louder", audio=bytes(32))])
    entry, openings = log.entry(event), log.openings(event)
    assert entry is not None
    header = parse_header(entry.header)
    assert (header.origin, header.work, header.work_seq, header.prev) == (ORIGIN, SONG.hex(), 0, "")
    assert openings["body"].value == b'{"text":"louder"}'
    assert set(openings) == set(header.commit) == {"body", "audio"}
    for name, opening in openings.items():
        check_opening(opening, header.commit[name])


def test_equal_values_have_other_salts_and_commitments(log: Log) -> None:
    events = log.append(SONG, [draft("same", audio=bytes(32)), draft("same", audio=bytes(32))])
    salts = [opening.salt for event in events for opening in log.openings(event).values()]
    assert len(set(salts)) == 4
    first, second = (parse_header(header).commit for header in headers_of(log, SONG))
    assert not set(first.values()) & set(second.values())


def test_each_event_holds_the_leaf_hash_of_the_one_before_in_its_work(log: Log) -> None:
    for work in (SONG, WORKS[1], SONG):
        log.append(work, drafts(3))
    prev = ""
    for seq, data in enumerate(headers_of(log, SONG)):
        header = parse_header(data)
        assert (header.work_seq, header.prev) == (seq, prev)
        prev = hashlib.sha256(b"\x00" + data).hexdigest()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    batches=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40)), max_size=8),
    data=st.data(),
)
def test_trees_and_proofs_are_those_of_the_definition(
    tmp_path_factory: pytest.TempPathFactory,
    batches: list[tuple[int, int]],
    data: st.DataObject,
) -> None:
    with new_log(tmp_path_factory.mktemp("log")) as log:
        for place, count in batches:
            log.append(WORKS[place], drafts(count))
        for work in WORKS[:3]:
            headers, tree = headers_of(log, work), log.tree_of(log.number, work)
            if not headers or tree is None:
                continue
            size = data.draw(st.integers(1, len(headers)))
            index = data.draw(st.integers(0, size - 1))
            assert log.tree_root(tree, size) == naive.root(headers[:size])
            proof = prove_inclusion(index, size, log.node_reader(tree))
            assert proof == naive.path(index, headers[:size])
            check_inclusion(
                leaf_hash(headers[index]), index, size, proof, naive.root(headers[:size])
            )
        assert log.size == 1 + sum(count for _, count in batches)


def test_events_of_all_works_are_listed_in_the_order_written(log: Log) -> None:
    events = (
        log.append(SONG, drafts(2)) + log.append(WORKS[1], drafts(1)) + log.append(SONG, drafts(1))
    )
    listed = log.entries_after(events[0] - 1, 10)
    assert [entry.id for entry in listed] == events
    assert [entry.log_seq for entry in listed] == [1, 2, 3, 4]
    assert [entry.work for entry in listed] == [SONG, SONG, WORKS[1], SONG]
    assert log.entries_after(events[-1], 10) == []
    assert [entry.id for entry in log.entries_after(0, 2)] == [1, 2]


def test_what_was_written_is_there_when_the_ledger_is_opened_again(tmp_path: Path) -> None:
    with new_log(tmp_path) as log:
        log.append(SONG, drafts(21))
        before = headers_of(log, SONG)
    with open_log(tmp_path / "ledger.db") as log:
        log.append(SONG, drafts(1))
        assert headers_of(log, SONG)[:-1] == before
        assert check(log).wrong == []


def test_a_clock_that_jumps_back_changes_no_order(log: Log) -> None:
    times = ["2026-11-22T03:12:00.123Z", "2001-01-01T00:00:00.000Z", "2026-11-22T03:12:00.124Z"]
    for time in times:
        log.append(SONG, [draft("change", time)])
    assert [parse_header(header).time for header in headers_of(log, SONG)] == times
    assert check(log).wrong == []


TABLES = {
    "event": "header = x'7b7d'",
    "node": "hash = zeroblob(32)",
    "checkpoint": "note = x'00'",
    "head": "root = zeroblob(32)",
    "map_record": "value = zeroblob(32)",
    "log": "origin = 'other'",
    "tree": "work = zeroblob(16)",
    "opening": "value = x'00'",
}


@pytest.fixture
def filled(log: Log) -> sqlite3.Connection:
    log.append(SONG, drafts(40))
    seal_now(log)
    return log._db


@pytest.mark.parametrize(("table", "change"), TABLES.items())
def test_what_is_written_cannot_be_changed(
    filled: sqlite3.Connection, table: str, change: str
) -> None:
    with pytest.raises(sqlite3.IntegrityError, match=r"final|never changed"):
        filled.execute(f"UPDATE {table} SET {change}")  # noqa: S608 - a name from the list above


@pytest.mark.parametrize("table", sorted(TABLES.keys() - {"opening"}))
def test_what_is_written_cannot_be_deleted(filled: sqlite3.Connection, table: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="final"):
        filled.execute(f"DELETE FROM {table}")  # noqa: S608 - a name from the list above


@pytest.mark.parametrize("table", TABLES)
def test_what_is_written_cannot_be_replaced(filled: sqlite3.Connection, table: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match=r"final|never changed"):
        filled.execute(
            f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"  # noqa: S608 - as above
        )


def test_an_event_cannot_take_the_place_of_another_under_a_new_id(
    filled: sqlite3.Connection,
) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="events are final"):
        filled.execute(
            "INSERT OR REPLACE INTO event (id, tree, work_seq, log_seq, header)"
            " SELECT id + 1000, tree, work_seq, log_seq, header FROM event WHERE id = 7"
        )


def test_an_event_that_is_refused_leaves_nothing_behind(log: Log) -> None:
    log.append(SONG, drafts(3))
    wrong = draft("change", "yesterday")
    with pytest.raises(Malformed, match="time"):
        log.append(SONG, [*drafts(5), wrong])
    with pytest.raises(BadInput, match="'title'"):
        log.append(SONG, [*drafts(5), draft("change", title=b"x")])
    with pytest.raises(Malformed):
        log.append(WORKS[4], [wrong])
    assert (log.size, log.tree_of(log.number, WORKS[4])) == (4, None)
    log.append(SONG, drafts(20))
    assert (log.size, check(log).wrong) == (24, [])


def test_what_happens_in_one_writing_is_kept_or_lost_together(log: Log) -> None:
    with pytest.raises(RuntimeError), log.writing():
        log.append(SONG, drafts(17))
        log.put_setting("reminder", "soon")
        raise RuntimeError
    assert (log.size, log.setting("reminder")) == (1, None)
    with log.writing():
        log.append(SONG, drafts(17))
        log.put_setting("reminder", "soon")
    assert (log.size, log.setting("reminder"), check(log).wrong) == (18, "soon", [])


def test_an_append_that_fails_inside_a_writing_loses_only_itself(log: Log) -> None:
    with log.writing():
        log.append(SONG, drafts(17))
        with pytest.raises(BadInput), log.writing():
            log.append(SONG, drafts(30))
            log.append(SONG, [draft("change", title=b"x")])
        log.append(SONG, drafts(20))
    assert (log.size, check(log).wrong) == (38, [])


def test_nothing_can_be_appended_before_a_log_has_begun(tmp_path: Path) -> None:
    from stemproof.log.store import create_log

    with create_log(tmp_path / "ledger.db") as log, pytest.raises(BadInput, match="no device log"):
        log.append(SONG, drafts(1))


def test_no_events_are_no_event(log: Log) -> None:
    assert log.append(SONG, []) == []
    assert (log.size, check(log).wrong) == (1, [])


def test_a_work_that_is_no_id_is_refused(log: Log) -> None:
    with pytest.raises(BadInput, match="refused a change"):
        log.append(b"short", drafts(1))
    assert check(log).wrong == []


def test_a_new_log_goes_on_beside_the_old_one(log: Log) -> None:
    log.append(SONG, drafts(20, "here"))
    seal_now(log)
    log.begin(SECOND_ORIGIN)
    log.append(OWN_WORK, [draft("opened again")])
    log.append(SONG, drafts(18, "there"))
    seal_now(log)
    assert (log.size_of(1), log.size_of(2), log.size) == (21, 19, 19)
    first, second = headers_of(log, SONG, 1), headers_of(log, SONG, 2)
    assert [parse_header(header).work_seq for header in second] == list(range(18))
    assert {parse_header(header).origin for header in first} == {ORIGIN}
    assert {parse_header(header).origin for header in second} == {SECOND_ORIGIN}
    assert [row[1:] for row in log.fetch_all("trees_of_work", SONG)] == [
        (1, ORIGIN),
        (2, SECOND_ORIGIN),
    ]
    findings = check(log)
    assert (findings.events, findings.works, findings.wrong) == (40, 1, [])


def test_one_origin_is_one_log(log: Log) -> None:
    with pytest.raises(BadInput, match="refused a change"):
        log.begin(ORIGIN)
    log.append(SONG, drafts(1))
    assert check(log).wrong == []


def test_a_beginning_that_fails_leaves_the_old_log_in_use(log: Log) -> None:
    with pytest.raises(RuntimeError), log.writing():
        log.begin(SECOND_ORIGIN)
        log.append(OWN_WORK, drafts(1))
        raise RuntimeError
    assert (log.number, log.origin) == (1, ORIGIN)
    log.append(SONG, drafts(1))
    assert (log.size, check(log).wrong) == (2, [])


def test_a_second_opener_sees_and_continues_what_the_first_wrote(tmp_path: Path) -> None:
    with new_log(tmp_path) as first, open_log(tmp_path / "ledger.db") as second:
        for number in range(6):
            (first if number % 2 else second).append(SONG, drafts(number * 3))
        first.begin(SECOND_ORIGIN)
        first.append(OWN_WORK, drafts(1))
        second.append(SONG, drafts(5))
        assert second.origin == SECOND_ORIGIN
        assert (first.size, second.size, check(first).wrong) == (6, 6, [])


def test_settings_are_kept_and_replaced(log: Log) -> None:
    assert log.setting("chain") is None
    log.put_setting("chain", "1")
    log.put_setting("chain", json.dumps([1, 2]))
    assert log.setting("chain") == "[1, 2]"
