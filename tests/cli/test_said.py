"""note, credit and erase as commands; what is erased is gone from every file."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
import zlib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.cli.transcript import environment
from tests.cli.typed import Answer, at_terminal, stemproof

from stemproof.acts.facts import fact
from stemproof.acts.home import Home, now, opened
from stemproof.acts.reading import Line, Wanted, newest_lines
from stemproof.keys.device import mark_device
from stemproof.log.bound import bound_keys
from stemproof.log.check import check_log

PASSPHRASE = "correct horse battery staple"
SECRET = "Zyxomma petiolatum sang this"


@dataclass(frozen=True, slots=True)
class Desk:
    """A ledger with two works."""

    home: Path

    def run(self, *arguments: str) -> Answer:
        return stemproof(self.home, *arguments)

    def lines(self) -> list[Line]:
        with opened(Home(self.home)) as log:
            return newest_lines(log, Wanted(), 1000)

    def check(self) -> None:
        with opened(Home(self.home)) as log:
            findings = check_log(log, bound_keys(log).keys)
        assert findings.wrong == []

    def bytes_of_all_files(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.home.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    home = folder / "ledger"
    assert stemproof(home, "init", passphrase_fd=PASSPHRASE).code == 0
    for title in ("Low Tide", "High Tide"):
        (folder / title).mkdir()
        assert stemproof(home, "work", "add", str(folder / title)).code == 0
    return home


@pytest.fixture
def desk(made: Path, tmp_path: Path) -> Desk:
    home = Path(shutil.copytree(made, tmp_path / "ledger"))
    # The copy stands for the original: elsewhere a copied ledger is refused.
    mark_device(home)
    return Desk(home)


def last(desk: Desk) -> dict[str, Any]:
    return desk.lines()[-1].as_json()


def number_in(answer: Answer) -> str:
    found = re.match(r"event (\d+): ", answer.out)
    assert found is not None, answer
    return found[1]


def test_a_note_is_declared_and_stands_under_its_stage(desk: Desk) -> None:
    answer = desk.run(
        "note", "the bridge was Ada's idea", "--work", "Low Tide", "--stage", "composition"
    )
    assert answer == Answer(f"event {number_in(answer)}: note on Low Tide\n", "", 0)
    said = last(desk)
    assert said["text"] == "note: the bridge was Ada's idea"
    assert (said["stage"], said["class"], said["observed"]) == (
        "composition",
        "unknown",
        "declared",
    )


def test_a_note_on_an_event_stands_beside_it_and_changes_nothing(desk: Desk) -> None:
    desk.run("note", "a riff from the bus", "--work", "High Tide", "--stage", "composition")
    before = last(desk)
    arguments = ["--about", str(before["event"]), "--stage", "performance", "--class", "human"]
    answer = desk.run("note", "played, not written", *arguments)
    number = before["event"]
    assert answer.out == (
        f"event {number_in(answer)}: note on event {number} of High Tide"
        " (note: a riff from the bus)\n"
    )
    *_, unchanged, said = desk.lines()
    assert unchanged.as_json() == before
    body: Any = said.as_json()["body"]
    assert body["says"] == {"stage": "performance", "class": "human"}
    assert body["about"]["work_seq"] == unchanged.as_json()["work_seq"]
    assert said.as_json()["text"] == (
        f"note on event {number} (note: a riff from the bus)"
        " (it says: class human, stage performance): played, not written"
    )
    assert said.as_json()["about_event"] == number
    assert (said.as_json()["stage"], said.as_json()["class"]) == ("performance", "unknown")
    desk.check()


def test_a_note_names_its_event_where_that_says_much_or_is_erased(desk: Desk) -> None:
    desk.run("note", "long " * 100, "--work", "High Tide")
    number = last(desk)["event"]
    desk.run("note", "a word on it", "--about", str(number))
    note = last(desk)["event"]
    assert last(desk)["text"] == (
        f"note on event {number} (note: {'long ' * 12}lon…): a word on it"
    )
    desk.run("note", "and on that", "--about", str(note))
    assert last(desk)["text"] == (
        f"note on event {note} (note on an earlier event: a word on it): and on that"
    )
    desk.run("erase", str(note), "--yes")
    said = [line.text for line in desk.lines()]
    assert f"note on event {note} ((erased)): and on that" in said


def test_a_note_on_an_event_may_name_its_work_too(desk: Desk) -> None:
    event = number_in(desk.run("note", "first", "--work", "Low Tide"))
    answer = desk.run("note", "x", "--about", str(event), "--work", "Low Tide")
    assert answer.code == 0, answer.err
    assert f"note on event {event} of Low Tide" in answer.out


def test_a_note_is_read_from_stdin(desk: Desk) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stemproof_cli", "note", "-", "--work", "Low Tide"],
        input="first line\nsecond line: é\n".encode(),
        env={**environment(desk.home.parent), "STEMPROOF_HOME": str(desk.home)},
        capture_output=True,
        check=True,
    )
    assert done.stdout.startswith(b"event ")
    assert last(desk)["body"] == {"text": "first line\nsecond line: é"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("note", "x"), "this ledger has 2 works"),
        (("note", "x"), "hint: name one of them with --work"),
        (("note", "x", "--work", "Ebb"), "no work is called 'Ebb'"),
        (("note", " ", "--work", "Low Tide"), "the note has 0 characters, want 1 to 10000"),
        (("note", "x" * 10_001, "--work", "Low Tide"), "the note has 10001 characters"),
        (("note", "x", "--work", "Low Tide", "--stage", "mix"), "'mix' is not a stage"),
        (("note", "x", "--work", "Low Tide", "--stage", "none"), "'none' is not a stage"),
        (("note", "\udcff", "--work", "Low Tide"), "not valid text"),
        (("note", "x", "--class", "human"), "--class is said of one event"),
        (("note", "x", "--about", "0"), "there is no event 0 of a work"),
        (("note", "x", "--about", "999"), "there is no event 999"),
        (("note", "x", "--about", "1", "--class", "robot"), "'robot' is not a class"),
        (("note", "x", "--about", "1", "--work", "High Tide"), "event 1 is not of 'High Tide'"),
        (("credit", "Ada", "Wizard", "--work", "Low Tide"), "'Wizard' is not a role of the DDEX"),
        (("credit", " ", "Vocalist", "--work", "Low Tide"), "the name has 0 characters"),
        (("erase",), "nothing was named to erase"),
        (("erase", "3", "--work", "Low Tide"), "name events, or --work or --prompts"),
        (("erase", "999", "--yes"), "there is no event 999"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    desk: Desk, arguments: tuple[str, ...], sentence: str
) -> None:
    before = len(desk.lines())
    answer = desk.run(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert sentence in answer.err
    assert len(desk.lines()) == before


def test_a_credit_takes_the_role_as_ddex_spells_it(desk: Desk) -> None:
    answer = desk.run("credit", "Ada  Lovelace", "lead vocalist", "--work", "Low Tide")
    assert answer.out.endswith("Ada Lovelace, LeadVocalist on Low Tide\n")
    said = last(desk)
    assert (said["stage"], said["text"]) == (
        "none",
        "credit: Ada Lovelace, LeadVocalist",
    )


def test_a_role_that_is_nearly_right_is_offered(desk: Desk) -> None:
    answer = desk.run("credit", "Ada", "MixEngineer", "--work", "Low Tide")
    assert answer.code == 2
    assert "MixingEngineer" in answer.err


def test_an_erased_note_is_gone_from_every_file_and_its_place_stays(desk: Desk) -> None:
    event = number_in(desk.run("note", SECRET, "--work", "Low Tide"))
    desk.run("note", "kept", "--work", "Low Tide")
    assert SECRET.encode() in desk.bytes_of_all_files()
    answer = desk.run("erase", event, "--yes")
    assert answer.code == 0, answer.err
    assert "erased: what opened 1 event" in answer.out
    assert SECRET.encode() not in desk.bytes_of_all_files()
    lines = {line.entry.id: line for line in desk.lines()}
    assert lines[int(event)].text == "(erased)"
    assert lines[int(event)].as_json()["erased"] == ["body"]
    assert last(desk)["text"] == "erased: what opened 1 event"
    seq = lines[int(event)].entry.work_seq
    origin = lines[int(event)].header.origin
    assert last(desk)["body"] == {
        "erased": [{"events": [[seq, seq]], "fields": ["body"], "log": origin}],
        "saves": 0,
        "kept": 0,
    }
    desk.check()


def test_the_salt_goes_with_the_value(desk: Desk) -> None:
    event = int(number_in(desk.run("note", SECRET, "--work", "Low Tide")))
    with opened(Home(desk.home)) as log:
        salt = log.openings(event)["body"].salt
    assert salt in desk.bytes_of_all_files()
    assert desk.run("erase", str(event), "--yes").code == 0
    assert salt not in desk.bytes_of_all_files()


def test_nothing_is_erased_without_a_yes(desk: Desk) -> None:
    event = number_in(desk.run("note", SECRET, "--work", "Low Tide"))
    answer = desk.run("erase", event)
    assert answer.code == 2
    assert "nobody is here to ask" in answer.err
    assert "body" in answer.out
    assert f"note: {SECRET}" in answer.out
    assert "replay" not in answer.out
    refused = at_terminal(desk.home, "erase", event, types=[("for ever?", "n")])
    assert refused.code == 130
    assert SECRET.encode() in desk.bytes_of_all_files()
    agreed = at_terminal(desk.home, "erase", event, types=[("for ever?", "y")])
    assert agreed.code == 0
    assert SECRET.encode() not in desk.bytes_of_all_files()


def test_the_binding_of_the_log_is_never_erased(desk: Desk) -> None:
    answer = desk.run("erase", "1", "--yes")
    assert answer.code == 3
    assert "event 1 (log.open) belongs to the log itself and binds its keys" in answer.err
    desk.check()


def test_what_says_that_something_was_erased_is_not_erased(desk: Desk) -> None:
    event = number_in(desk.run("note", SECRET, "--work", "Low Tide"))
    desk.run("erase", event, "--yes")
    answer = desk.run("erase", str(last(desk)["event"]), "--yes")
    assert answer.code == 3
    assert "only says what was erased" in answer.err


def test_erasing_twice_finds_nothing_the_second_time(desk: Desk) -> None:
    event = number_in(desk.run("note", SECRET, "--work", "Low Tide"))
    desk.run("erase", event, "--yes")
    count = len(desk.lines())
    answer = desk.run("erase", event, "--yes")
    assert (answer.code, answer.out) == (0, "there is nothing to erase\n")
    assert len(desk.lines()) == count


def test_a_work_is_erased_with_its_kept_saves_and_no_other_is_touched(desk: Desk) -> None:
    packed = zlib.compress(SECRET.encode() * 20)
    with opened(Home(desk.home)) as log:
        works = {row[2]: row[0] for row in log.fetch_all("projects")}
        log.append(works["Low Tide"], [fact("session.found", now(), {"path": SECRET, "tracks": 3})])
        with closing(sqlite3.connect(desk.home / "ledger.db")) as database:
            database.execute(
                "INSERT INTO seen (work, path, kind, bytes, mtime_ns, digest, saved)"
                " VALUES (?, 'song.rpp', 'session', 1, 1, zeroblob(32), ?)",
                [works["Low Tide"], packed],
            )
            database.commit()
    desk.run("note", "kept", "--work", "High Tide")
    answer = desk.run("erase", "--work", "Low Tide", "--yes", "--json")
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert (document["saves"], document["swept"], len(document["events"])) == (1, True, 2)
    assert any("path of its folder stays" in line for line in document["beyond_reach"])
    with opened(Home(desk.home)) as log:
        titles = {row[0]: row[2] for row in log.fetch_all("projects")}
    assert titles[works["Low Tide"]] == works["Low Tide"].hex()[:12]
    assert titles[works["High Tide"]] == "High Tide"
    left = desk.bytes_of_all_files()
    assert SECRET.encode() not in left
    assert packed not in left
    texts = [line.text for line in desk.lines()]
    assert texts.count("(erased)") == 2
    assert "note: kept" in texts
    desk.check()


def test_the_preview_warns_that_saves_cannot_be_replayed(desk: Desk) -> None:
    with opened(Home(desk.home)) as log:
        works = {row[2]: row[0] for row in log.fetch_all("projects")}
    with closing(sqlite3.connect(desk.home / "ledger.db")) as database:
        database.execute(
            "INSERT INTO seen (work, path, kind, bytes, mtime_ns, digest, saved)"
            " VALUES (?, 'song.rpp', 'session', 1, 1, zeroblob(32), ?)",
            [works["Low Tide"], zlib.compress(b"save")],
        )
        database.commit()
    answer = desk.run("erase", "--work", "Low Tide")
    assert answer.code == 2
    assert "and 1 session file kept for comparison" in answer.out
    assert "`stemproof replay` finds them missing" in answer.out


def test_prompts_are_erased_and_the_rest_of_their_events_stays(desk: Desk) -> None:
    with opened(Home(desk.home)) as log:
        for row in log.fetch_all("projects"):
            draft = fact("gen.asked", now(), {"tool": "x"}, extra={"prompt": SECRET.encode()})
            log.append(row[0], [draft])
    one = json.loads(desk.run("erase", "--prompts", "--work", "Low Tide", "--yes", "--json").out)
    assert [item["fields"] for item in one["events"]] == [["prompt"]]
    assert SECRET.encode() in desk.bytes_of_all_files()
    assert desk.run("erase", "--prompts", "--yes").code == 0
    assert SECRET.encode() not in desk.bytes_of_all_files()
    assert sum("(erased: prompt)" in line.text for line in desk.lines()) == 2
    desk.check()


def test_erasing_says_that_backups_are_out_of_reach(desk: Desk) -> None:
    event = number_in(desk.run("note", SECRET, "--work", "Low Tide"))
    with opened(Home(desk.home)) as log:
        log.put_setting("last_backup", "2026-11-22T03:12:00.123Z")
    answer = desk.run("erase", event, "--yes")
    assert "backups up to 2026-11-22 still hold it" in answer.out
    assert "copies of the ledger folder" in answer.out


def test_while_somebody_reads_the_erased_bytes_stay_and_that_is_said(desk: Desk) -> None:
    event = number_in(desk.run("note", SECRET, "--work", "Low Tide"))
    with closing(sqlite3.connect(desk.home / "ledger.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM event").fetchone()
        answer = desk.run("erase", event, "--yes")
        assert answer.code == 0
        assert "not swept out of the file yet" in answer.err
    again = desk.run("erase", event, "--yes")
    assert (again.code, again.err) == (0, "")
    assert SECRET.encode() not in desk.bytes_of_all_files()


def test_erasing_where_a_work_begins_says_what_is_lost_with_it(desk: Desk) -> None:
    opening = next(line for line in desk.lines() if line.header.action == "work.open")
    note = number_in(desk.run("note", "harmless", "--work", "Low Tide"))
    answer = desk.run("erase", str(opening.entry.id), note, "--yes")
    assert answer.code == 0
    assert f"  event {opening.entry.id}: where the work begins; nothing shows" in answer.out
    assert "what cannot be shown any more" not in desk.run("erase", note, "--yes").out


def test_a_works_title_is_erased_with_it_and_that_is_said(desk: Desk) -> None:
    desk.run("note", "about it", "--work", "Low Tide")
    answer = desk.run("erase", "--work", "Low Tide", "--yes")
    assert answer.code == 0, answer.err
    name = re.search(r"and the title 'Low Tide': it is listed as ([0-9a-f]{12}) then", answer.out)
    assert name is not None
    # It is found under its new name, and goes on being recorded.
    assert desk.run("note", "still here", "--work", name[1]).code == 0
    assert desk.run("note", "not found", "--work", "Low Tide").code == 2
