"""Replay: recorded bodies come out of the saves again, or it is said why not."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest
from tests.acts.keyed import Keyed, make_keyed

from stemproof import __version__
from stemproof.acts.disclosed import from_folder, from_vault, hand_over
from stemproof.acts.erase import erase, plan_events
from stemproof.acts.facts import fact
from stemproof.acts.home import now, opened
from stemproof.acts.replay import State, Verdict, replay, saves_of, works_of
from stemproof.errors import Usage
from stemproof.log.store import Draft
from stemproof.record.event import parse_header
from stemproof.testnet.song import write_step


@pytest.fixture
def keyed(tmp_path: Path) -> Keyed:
    made = make_keyed(tmp_path)
    past = write_step(made.room.folder.parent / "elsewhere", 1)[0].read_bytes()
    (made.room.folder / "Song.mmp.bak").write_bytes(past)
    for step in (2, 3, 4, 6, 7):
        write_step(made.room.folder, step)
        made.room.look()
    return made


def all_verdicts(keyed: Keyed, *events: int) -> list[Verdict]:
    with opened(keyed.room.home) as log, from_vault(log, keyed.keys) as source:
        return list(replay(log, keyed.room.work.id, set(events), source))


def states(verdicts: list[Verdict]) -> Counter[str]:
    return Counter(verdict.state.value for verdict in verdicts)


def body_of(keyed: Keyed, event: int) -> dict[str, object]:
    with opened(keyed.room.home) as log:
        found: dict[str, object] = json.loads(log.openings(event)["body"].value)
    return found


def append_copy(keyed: Keyed, event: int, *before: Draft) -> None:
    """Record an event once more, at the end of the log."""
    with opened(keyed.room.home) as log:
        entry = log.entry(event)
        assert entry is not None
        header = parse_header(entry.header)
        copy = Draft(
            time=header.time,
            action=header.action,
            stage=header.stage,
            class_=header.class_,
            observed=header.observed,
            actor=header.actor,
            tool=header.tool,
            session=header.session,
            values={"body": log.openings(event)["body"].value},
        )
        log.append(entry.work, [*before, copy])


def last_decision(keyed: Keyed) -> Verdict:
    return [one for one in all_verdicts(keyed) if one.action.startswith("decision.")][-1]


def rewrite_body(keyed: Keyed, event: int, *without: str, **members: object) -> None:
    """Change a recorded body, as a forger of the ledger's file would."""
    with closing(sqlite3.connect(keyed.room.home.database)) as db:
        (value,) = db.execute(
            "SELECT value FROM opening WHERE event = ? AND field = 'body'", (event,)
        ).fetchone()
        body = {k: v for k, v in json.loads(value).items() if k not in without} | members
        db.execute("DROP TRIGGER IF EXISTS opening_is_final")
        db.execute(
            "UPDATE opening SET value = ? WHERE event = ? AND field = 'body'",
            (json.dumps(body).encode(), event),
        )
        db.commit()


def test_all_that_was_recorded_comes_out_of_the_vault_again(keyed: Keyed) -> None:
    verdicts = all_verdicts(keyed)
    assert set(states(verdicts)) == {"reproduced"}
    recorded = [event for event in keyed.room.events() if event.action.startswith("decision.")]
    assert states(verdicts)["reproduced"] > len(recorded) > 20
    assert {"session.past", "session.found", "session.saved"} <= {one.action for one in verdicts}


def test_it_comes_out_of_a_folder_that_was_handed_over_too(keyed: Keyed, tmp_path: Path) -> None:
    folder = tmp_path / "handed over"
    with opened(keyed.room.home) as log, from_vault(log, keyed.keys) as source:
        assert hand_over(source, saves_of(log, keyed.room.work.id, ()), folder) == 0
    with opened(keyed.room.home) as log:
        verdicts = list(replay(log, keyed.room.work.id, (), from_folder(folder)))
    assert set(states(verdicts)) == {"reproduced"}


def test_saves_are_not_written_over_other_files(keyed: Keyed, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(Usage, match="not an empty folder"):
        hand_over(lambda work, digest: b"", {}, tmp_path)


def test_one_event_is_replayed_by_itself(keyed: Keyed) -> None:
    decision = next(one for one in all_verdicts(keyed) if one.action.startswith("decision."))
    [verdict] = all_verdicts(keyed, decision.event)
    assert verdict == decision


def test_a_save_is_replayed_with_its_decisions(keyed: Keyed) -> None:
    save = next(one for one in all_verdicts(keyed) if one.action == "session.saved")
    verdicts = all_verdicts(keyed, save.event)
    assert [verdict.action == "session.saved" for verdict in verdicts][:2] == [True, False]


@pytest.mark.parametrize(
    ("action", "members", "why"),
    [
        ("decision.", {"to": "something else"}, "to is recorded as 'something else'"),
        ("decision.", {"text": "A sentence"}, "text is recorded as 'A sentence'"),
        ("session.saved", {"decisions": 1000}, "decisions is recorded as 1000"),
    ],
)
def test_what_the_saves_do_not_tell_differs(
    keyed: Keyed, action: str, members: dict[str, object], why: str
) -> None:
    wrong = next(one for one in all_verdicts(keyed) if one.action.startswith(action))
    rewrite_body(keyed, wrong.event, **members)
    [verdict] = [one for one in all_verdicts(keyed) if one.event == wrong.event]
    assert verdict.state is State.DIFFERS
    assert verdict.why.startswith(why)


def test_what_was_decided_keeps_its_order(keyed: Keyed) -> None:
    verdicts = all_verdicts(keyed)
    one, two = next(
        (left, right)
        for left, right in pairwise(verdicts)
        if left.action == right.action and left.action.startswith("decision.")
    )
    bodies = [body_of(keyed, each.event) for each in (one, two)]
    rewrite_body(keyed, one.event, **bodies[1])
    rewrite_body(keyed, two.event, **bodies[0])
    found = {each.event: each.state for each in all_verdicts(keyed)}
    assert (found[one.event], found[two.event]) == (State.DIFFERS, State.DIFFERS)


def test_a_decision_told_twice_differs_and_so_does_its_save(keyed: Keyed) -> None:
    write_step(keyed.room.folder, 3)
    keyed.room.look()
    last = last_decision(keyed)
    append_copy(keyed, last.event)
    wrong = [one for one in all_verdicts(keyed) if one.state is State.DIFFERS]
    assert [(one.action, one.why) for one in wrong] == [
        ("session.saved", "the number of events behind it is 5, want 4"),
        (last.action, "the saves do not tell it"),
    ]


def test_a_decision_without_a_save_before_it_differs(keyed: Keyed) -> None:
    last = last_decision(keyed)
    append_copy(keyed, last.event, fact("watch.beat", now(), {"monotonic_ms": 1}))
    wrong = [one for one in all_verdicts(keyed) if one.state is State.DIFFERS]
    assert [(one.action, one.why) for one in wrong] == [(last.action, "no save stands before it")]
    with opened(keyed.room.home) as log:
        assert saves_of(log, keyed.room.work.id, ())


def test_a_body_of_an_earlier_version_without_device_and_group_is_reproduced(keyed: Keyed) -> None:
    for one in all_verdicts(keyed):
        if one.action.startswith("decision."):
            rewrite_body(keyed, one.event, "device", "group")
    assert set(states(all_verdicts(keyed))) == {"reproduced"}


def test_a_body_with_the_device_of_another_differs(keyed: Keyed) -> None:
    one = next(one for one in all_verdicts(keyed) if one.action.startswith("decision."))
    rewrite_body(keyed, one.event, device="Another device")
    [verdict] = all_verdicts(keyed, one.event)
    assert verdict.why.startswith("device is recorded as 'Another device', the saves tell ''")


def test_steps_of_an_undo_log_keep_their_order(keyed: Keyed) -> None:
    record_steps(keyed)
    steps = [one for one in all_verdicts(keyed) if one.action == "undo.entry"]
    bodies = [body_of(keyed, one.event) for one in steps[:2]]
    rewrite_body(keyed, steps[0].event, **bodies[1])
    rewrite_body(keyed, steps[1].event, **bodies[0])
    wrong = [one for one in all_verdicts(keyed) if one.state is State.DIFFERS]
    assert [(one.event, one.why) for one in wrong] == [
        (steps[1].event, "step 0 stands behind step 1")
    ]


def test_a_save_that_is_not_to_be_had_is_missing(keyed: Keyed, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with opened(keyed.room.home) as log:
        verdicts = list(replay(log, keyed.room.work.id, (), from_folder(tmp_path / "empty")))
    assert set(states(verdicts)) == {"save missing"}
    assert verdicts[0].why.startswith("no file with sha256 ")


def test_another_version_of_a_reader_is_no_contradiction(keyed: Keyed) -> None:
    wrong = next(one for one in all_verdicts(keyed) if one.action == "session.saved")
    rewrite_body(keyed, wrong.event, reader="lmms 0", tracks=99)
    [verdict] = [one for one in all_verdicts(keyed) if one.event == wrong.event]
    assert verdict.state is State.OTHER_VERSION
    assert "recorded by reader lmms 0" in verdict.why


def record_steps(keyed: Keyed) -> None:
    fixture = Path(__file__).parents[1] / "capture" / "fixtures" / "rpp" / "track_volume"
    (keyed.room.folder / "Other.rpp").write_bytes((fixture / "before.rpp").read_bytes())
    steps = "".join(f"  <UENT `Step {n}` {1_666_752_458 + n} 311 2\n  >\n" for n in range(3))
    log = f"<REAPER_UNDO_HISTORY 1\n{steps}>\n".encode()
    (keyed.room.folder / "Other.rpp-UNDO").write_bytes(log)
    keyed.room.look()


def test_steps_of_an_undo_log_come_out_of_it_again(keyed: Keyed) -> None:
    record_steps(keyed)
    verdicts = [one for one in all_verdicts(keyed) if one.action.startswith("undo.")]
    assert [one.action for one in verdicts] == ["undo.read", *["undo.entry"] * 3]
    assert set(states(verdicts)) == {"reproduced"}
    rewrite_body(keyed, verdicts[2].event, text="Another step")
    [wrong] = all_verdicts(keyed, verdicts[2].event)
    assert (wrong.state, wrong.why[:40]) == (
        State.DIFFERS,
        "text is recorded as 'Another step', the "[:40],
    )


def test_what_was_erased_is_said_to_be(keyed: Keyed) -> None:
    first, second = [one for one in all_verdicts(keyed) if one.action == "session.saved"][:2]
    with opened(keyed.room.home) as log:
        erase(log, plan_events(log, [first.event]), now())
    found = {one.event: one.state for one in all_verdicts(keyed)}
    assert found[first.event] is State.ERASED
    assert found[second.event] is State.MISSING


def test_events_that_no_save_tells_are_refused(keyed: Keyed) -> None:
    with opened(keyed.room.home) as log:
        entries = log.entries_after(-1, 5)
        with pytest.raises(Usage, match="was not read from a save"):
            works_of(log, [entries[0].id])
        with pytest.raises(Usage, match="there is no event"):
            works_of(log, [10_000])


def test_a_save_names_its_reader_and_program(keyed: Keyed) -> None:
    body = keyed.room.last("session.saved").body
    assert body["reader"].split() == [body["format"], "2"]
    assert body["program"] == __version__
    assert body["events"] >= body["decisions"]
    digest = sha256((keyed.room.folder / body["path"]).read_bytes()).hexdigest()
    assert body["sha256"] == digest
