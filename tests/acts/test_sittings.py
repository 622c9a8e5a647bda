"""The log by working session and by save."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.acts.room import ORIGIN, Room

from stemproof.acts.facts import fact, saying
from stemproof.acts.home import opened
from stemproof.acts.reading import Wanted, newest_lines
from stemproof.acts.sittings import Block, Item, newest_blocks
from stemproof.log.store import Draft, Log, create_log
from stemproof.record.canonical import Json, canonical_bytes
from stemproof.record.event import format_time

FIXTURES = Path(__file__).parents[1] / "capture" / "fixtures" / "rpp"
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WORK = bytes(15) + b"\1"
ONE, TWO = "1" * 32, "2" * 32


@pytest.fixture
def log(tmp_path: Path) -> Log:
    made = create_log(tmp_path / "ledger.db")
    made.begin(ORIGIN)
    return made


def decision(
    kind: str, text: str, *, stage: str = "mixing", at: datetime = NOON, **more: str
) -> Draft:
    body: dict[str, Json] = {"kind": kind, "track": "Vox", "text": text, **more}
    return Draft(
        time=format_time(at),
        action=f"decision.{kind}",
        stage=stage,
        class_="human_with_tool",
        observed="tool",
        actor="author",
        tool="daw",
        session=ONE,
        values={"body": canonical_bytes(body)},
    )


def saved(at: datetime = NOON, session: str = ONE) -> Draft:
    return fact("session.saved", at, {"path": "Mix.rpp", "decisions": 3}, session=session)


def shown(blocks: list[Block]) -> list[tuple[str, list[str]]]:
    return [
        (block.session, [item.lines[0].header.action for item in block.items]) for block in blocks
    ]


def only(blocks: list[Block]) -> Item:
    (block,) = blocks
    (item,) = block.items
    return item


def test_a_save_is_one_item_with_all_that_was_read_from_it(room: Room) -> None:
    for save in ("before", "after"):
        shutil.copy(FIXTURES / "track_volume" / f"{save}.rpp", room.folder / "Mix.rpp")
        room.look()
    with opened(room.home) as log:
        blocks = newest_blocks(log, Wanted(), 50)
        assert [block.session != "" for block in blocks] == [False, True]
        sitting = blocks[-1]
        (decided,) = [event for event in room.events() if event.action.startswith("decision.")]
        last = sitting.items[-1]
        assert last.events == (4, 5)
        assert [one.text for one in last.told()] == [decided.body["text"]]
        assert (sitting.is_whole, sitting.saves, dict(sitting.stages)) == (True, 1, {"mixing": 1})


def test_things_that_were_done_together_are_one_line(log: Log) -> None:
    moved = [
        decision("clip.moved", f"Vox: clip {n}", group="moved 1 s later", stage="arrangement")
        for n in range(40)
    ]
    log.append(WORK, [saved(), *moved, decision("track.volume", "Vox: volume")])
    told = only(newest_blocks(log, Wanted(), 50)).told()
    assert [(one.text, one.stage, one.count) for one in told] == [
        ("Vox: 40 clips moved 1 s later", "arrangement", 40),
        ("Vox: volume", "mixing", 1),
    ]


def test_settings_of_a_device_beyond_a_few_are_told_by_their_number(log: Log) -> None:
    turned = [
        decision("device.parameter", f"Vox, EQ: {n}", object="{1}", device="EQ") for n in range(9)
    ]
    log.append(WORK, [saved(), *turned])
    told = only(newest_blocks(log, Wanted(), 50)).told()
    assert [one.text for one in told] == ["Vox: EQ: 9 settings changed"]


def test_what_earlier_versions_recorded_is_told_decision_by_decision(log: Log) -> None:
    log.append(WORK, [saved(), decision("clip.moved", "a"), decision("clip.moved", "b")])
    assert [one.text for one in only(newest_blocks(log, Wanted(), 50)).told()] == ["a", "b"]


def test_takes_and_undo_steps_belong_to_what_they_were_read_with(log: Log) -> None:
    take: dict[str, Json] = {"track": "Vox", "media": "a.wav"}
    read: dict[str, Json] = {"path": "a.rpp-UNDO", "new": 1, "labels": [["Cut", 1]]}
    read |= {"first": format_time(NOON), "last": format_time(NOON)}
    step: dict[str, Json] = {"path": "a.rpp-UNDO", "text": "Cut", "claimed_time": "x"}
    log.append(WORK, [saved(), fact("take.kept", NOON, take)])
    log.append(WORK, [fact("undo.read", NOON, read), fact("undo.entry", NOON, step)])
    (block,) = newest_blocks(log, Wanted(), 50)
    assert [item.events for item in block.items] == [(1, 2), (3, 4)]
    assert [[one.text for one in item.told()] for item in block.items] == [
        ["Vox: take a.wav kept"],
        [],
    ]


def test_erased_decisions_are_shown_as_erased(log: Log) -> None:
    log.append(WORK, [saved(), decision("track.volume", "Vox: volume")])
    log.run("erase_opening", 2, "body")
    assert [one.text for one in only(newest_blocks(log, Wanted(), 50)).told()] == ["(erased)"]


def test_working_sessions_are_kept_apart_and_notes_stay_in_theirs(log: Log) -> None:
    def note(minutes: int) -> Draft:
        return saying("note.said", NOON + timedelta(minutes=minutes), {"text": "x"})

    def mark(action: str, minutes: int, session: str) -> Draft:
        return fact(action, NOON + timedelta(minutes=minutes), {}, session=session)

    log.append(WORK, [note(0), mark("session.open", 1, ONE), saved(NOON, ONE), note(20)])
    log.append(WORK, [note(200)])
    log.append(WORK, [mark("session.close", 201, ONE), mark("session.open", 202, TWO)])
    log.append(WORK, [saved(NOON + timedelta(minutes=202), TWO)])
    log.append(WORK, [mark("session.close", 203, TWO), note(204), mark("watch.beat", 205, "")])
    assert shown(newest_blocks(log, Wanted(), 50)) == [
        ("", ["note.said"]),
        (ONE, ["session.saved", "note.said"]),
        ("", ["note.said"]),
        (TWO, ["session.saved"]),
        ("", ["note.said"]),
    ]


def test_two_songs_at_once_are_told_one_after_the_other(log: Log) -> None:
    other = bytes(15) + b"\2"
    for _ in range(3):
        log.append(WORK, [saved(), decision("track.volume", "Vox: volume")])
        log.append(other, [saved(session=TWO)])
    blocks = newest_blocks(log, Wanted(), 50)
    assert [(block.work, len(block.items)) for block in blocks] == [(WORK, 3), (other, 3)]
    assert [len(item.lines) for item in blocks[0].items] == [2, 2, 2]


def test_the_newest_items_are_shown_and_a_save_is_one(log: Log) -> None:
    for n in range(5):
        log.append(WORK, [saved(), *(decision("track.volume", f"{n}") for _ in range(n))])
    (block,) = newest_blocks(log, Wanted(), 2)
    assert [len(item.decisions) for item in block.items] == [3, 4]
    assert not block.is_whole


@settings(max_examples=40, deadline=None)  # each example makes a ledger on the disk
@given(
    actions=st.lists(
        st.sampled_from(
            ["session.saved", "decision.x", "note.said", "take.kept", "undo.read", "undo.entry"]
        ),
        max_size=12,
    )
)
def test_every_event_is_in_one_item_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, actions: list[str]
) -> None:
    with create_log(tmp_path_factory.mktemp("log") / "ledger.db") as log:
        log.begin(ORIGIN)
        log.append(WORK, [fact(action, NOON, {"text": action}) for action in actions])
        items = [item for block in newest_blocks(log, Wanted(), 50) for item in block.items]
        held = [line.entry.id for item in items for line in item.lines]
        each = [line.entry.id for line in newest_lines(log, Wanted(heartbeats=True), 50)]
        assert held == each
