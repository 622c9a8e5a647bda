"""log show, follow and check as commands."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.cli.transcript import environment
from tests.cli.typed import at_terminal, stemproof
from tests.log.ledgers import behind_its_back

from stemproof.acts.facts import fact, saying
from stemproof.acts.home import Home, opened
from stemproof.log.store import Draft
from stemproof.record.canonical import Json, canonical_bytes
from stemproof.record.event import format_time
from stemproof_cli.logs import moment

PASSPHRASE = "correct horse battery staple"
SITTING = "5" * 32
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def decision(text: str, stage: str, at: datetime) -> Draft:
    return Draft(
        time=format_time(at),
        action="decision.param",
        stage=stage,
        class_="human_with_tool",
        observed="tool",
        actor="author",
        tool="daw",
        session=SITTING,
        values={"body": canonical_bytes({"text": text})},
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with two works and a few events of each."""
    folder = tmp_path_factory.mktemp("made")
    home = folder / "ledger"
    assert stemproof(home, "init", passphrase_fd=PASSPHRASE).code == 0
    for title in ("Low Tide", "High Tide"):
        (folder / title).mkdir()
        assert stemproof(home, "work", "add", str(folder / title)).code == 0
    with opened(Home(home)) as log:
        low, high = (row[0] for row in log.fetch_all("projects"))
        body: dict[str, Json] = {"path": "song.rpp", "decisions": 2}
        saved = fact("session.saved", NOON, body, session=SITTING)
        log.append(low, [saved, decision("Vocal: volume -3.0 dB to -4.5 dB", "mixing", NOON)])
        log.append(low, [decision("Bass: note added", "composition", NOON + timedelta(minutes=1))])
        log.append(high, [saying("note.said", NOON, {"text": "a note\nof two lines \x1b[31m"})])
        log.append(high, [fact("watch.beat", NOON, {"monotonic_ms": 1})])
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "ledger"))


def test_the_log_is_shown_by_working_session_and_save(made: Path) -> None:
    answer = stemproof(made, "log", "show", "Low Tide", "--since", "2026-11-22", "--limit", "9")
    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert "    2  " in lines[1]
    assert lines[1].endswith("the work begins: Low Tide")
    assert lines[-5:] == [
        "Low Tide, Sunday 22 November 2026, shown from 12:00 to 12:00",
        "1 save, 2 decisions: 1 mixing, 1 composition",
        "  4-6  12:00:00  song.rpp: saved, 2 decisions, human with tool",
        "                 mixing       Vocal: volume -3.0 dB to -4.5 dB",
        "                 composition  Bass: note added",
    ]


def test_of_one_stage_only_that_is_shown_with_its_save(made: Path) -> None:
    answer = stemproof(made, "log", "show", "--stage", "mixing")
    assert answer.out.splitlines() == [
        "Low Tide, Sunday 22 November 2026, shown from 12:00 to 12:00",
        "1 save, 1 decision: 1 mixing",
        "  4-6  12:00:00  song.rpp: saved, 2 decisions, human with tool",
        "                 mixing       Vocal: volume -3.0 dB to -4.5 dB",
    ]


def test_each_event_is_shown_newest_last_in_sentences(made: Path) -> None:
    answer = stemproof(made, "log", "show", "--all")
    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert lines[0].split() == ["EVENT", "TIME", "WORK", "STAGE", "CLASS", "WHAT"]
    assert len(lines) == 9
    assert "the log begins, bound to account 0x" in lines[1]
    assert "the work begins: Low Tide" in lines[2]
    assert "2026-11-22 12:00:00  Low Tide   -" in lines[4]
    assert lines[4].endswith("song.rpp: saved, 2 decisions")
    assert "mixing       human with tool  Vocal: volume -3.0 dB to -4.5 dB" in lines[5]
    assert lines[8].endswith("watch goes on")
    assert lines[7].endswith("note: a note of two lines \N{REPLACEMENT CHARACTER}[31m")


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        (["Low Tide", "--stage", "mixing"], ["Vocal: volume -3.0 dB to -4.5 dB"]),
        (["--limit", "1"], ["note: a note of two lines \x1b[31m"]),
        (["--limit", "1", "--all"], ["watch goes on"]),
        (["Low Tide", "--since", "2026-11-22T12:00:30"], ["Bass: note added"]),
        (["--since", "2126-01-01"], []),
        (["High Tide", "--stage", "mixing"], []),
    ],
)
def test_only_what_was_asked_for_is_shown(made: Path, options: list[str], texts: list[str]) -> None:
    until = ["work begins"]  # these were recorded at the time of the test
    events = json.loads(stemproof(made, "log", "show", *options, "--json").out)["events"]
    shown = [event["text"] for event in events]
    assert [text for text in shown if until[0] not in text] == texts


def test_times_are_those_of_the_clock_on_the_wall(made: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "stemproof_cli",
            "log",
            "show",
            "Low Tide",
            "--stage",
            "mixing",
            "--all",
        ],
        env={
            **environment(made.parent),
            "STEMPROOF_HOME": str(made),
            "TZ": "EST+5",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert "2026-11-22 07:00:00" in done.stdout


def test_since_takes_what_people_say() -> None:
    today = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    assert moment("today") == today
    assert moment(" Yesterday") == (today - timedelta(days=1)).replace(tzinfo=None).astimezone(UTC)
    for text, ago in (
        ("2 days ago", timedelta(days=2)),
        ("1 week ago", timedelta(weeks=1)),
        ("90 minutes", timedelta(minutes=90)),
        ("2h", timedelta(hours=2)),
        ("3 d ago", timedelta(days=3)),
    ):
        assert abs(datetime.now(UTC) - ago - moment(text)) < timedelta(seconds=30)
    assert moment("2026-11-22T18:30+00:00") == datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
    assert moment("2026-11-22") == datetime(2026, 11, 22).astimezone(UTC)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--since", "someday"], "'someday' is not a time"),
        (["--since", "3 days hence"], "'3 days hence' is not a time"),
        (["--since", "999999w"], "'999999w' is not a time"),
        (["--stage", "mix"], "'mix' is not a stage"),
        (["--limit", "0"], "want 1 or more"),
        (["Ebb Tide"], "no work is called 'Ebb Tide'"),
    ],
)
def test_what_cannot_be_shown_is_a_usage_error(
    made: Path, options: list[str], sentence: str
) -> None:
    answer = stemproof(made, "log", "show", *options)
    assert (answer.code, answer.out) == (2, "")
    assert sentence in answer.err


@contextmanager
def following(home: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "stemproof_cli", "log", "follow", *options],
        env={**environment(home.parent), "STEMPROOF_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert "waiting" in process.stderr.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


def test_what_is_recorded_is_followed_until_it_is_interrupted(home: Path) -> None:
    with following(home) as process, opened(Home(home)) as log:
        low, high = (row[0] for row in log.fetch_all("projects"))
        assert process.stdout is not None
        for work, title in ((low, "Low Tide"), (high, "High Tide")):
            log.append(work, [saying("note.said", NOON, {"text": f"for {title}"})])
            line = process.stdout.readline()
            assert title in line
            assert line.endswith(f"note: for {title}\n")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")


def test_following_ends_after_the_time_given(home: Path) -> None:
    with following(home, "High Tide", "--for", "1") as process, opened(Home(home)) as log:
        low, high = (row[0] for row in log.fetch_all("projects"))
        log.append(low, [saying("note.said", NOON, {"text": "not asked for"})])
        log.append(high, [saying("note.said", NOON, {"text": "asked for"})])
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    (line,) = out.splitlines()
    assert "  High Tide  " in line and line.endswith("note: asked for")


def test_a_sound_log_is_verified(made: Path) -> None:
    answer = stemproof(made, "log", "check")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("verified: 8 events of 2 works, sealed 0 times for a timestamp\n")
    document = json.loads(stemproof(made, "log", "check", "--json").out)
    assert (document["verdict"], document["events"], document["wrong"]) == ("verified", 8, [])


def test_progress_is_shown_on_a_terminal_and_wiped_away(made: Path) -> None:
    shown = at_terminal(made, "log", "check", types=[])
    assert shown.code == 0
    assert "events checked" in shown.out
    assert shown.out.rpartition("\r\x1b[K")[2].startswith("verified: 8 events")


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("UPDATE event SET header = x'7b7d' WHERE id = 5", "event 2 of work"),
        ("UPDATE opening SET value = x'7b7d' WHERE event = 5", "does not open its commitment"),
        ("UPDATE opening SET value = x'7b7d' WHERE event = 1", "log stemproof/"),
        ("DELETE FROM opening WHERE event = 1", "its first event is not a binding"),
    ],
)  # fmt: skip
def test_an_altered_log_is_refuted(home: Path, statement: str, sentence: str) -> None:
    with behind_its_back(home) as database:
        database.execute(statement)
    answer = stemproof(home, "log", "check")
    assert answer.code == 1
    assert answer.out.startswith("refuted: 8 events")
    assert sentence in answer.out
    document = json.loads(stemproof(home, "log", "check", "--json").out)
    assert document["verdict"] == "refuted"


def test_a_broken_file_is_one_sentence(home: Path) -> None:
    (home / "ledger.db").write_bytes(b"\xff" * 5000)
    answer = stemproof(home, "log", "show")
    assert (answer.code, answer.out) == (3, "")
    assert "is damaged" in answer.err
    assert "restore it from a backup" in answer.err


def test_without_a_ledger_the_way_to_one_is_named(tmp_path: Path) -> None:
    answer = stemproof(tmp_path / "none", "log", "check")
    assert answer.code == 3
    assert "make one with `stemproof start DIR`" in answer.err


@pytest.mark.parametrize("reader", ["head -1", "true"])
def test_a_reader_that_leaves_early_is_no_error_and_no_verdict(made: Path, reader: str) -> None:
    shown = f"{sys.executable} -m stemproof_cli log show --limit 2000"
    done = subprocess.run(
        [
            "bash",
            "-c",
            f"{shown} | {reader}; echo ${{PIPESTATUS[0]}}",
        ],
        env={**environment(made.parent), "STEMPROOF_HOME": str(made), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    # 0 where all of it fitted into the pipe before the reader left; 1 would say "refuted".
    assert done.stdout.splitlines()[-1] in ("0", "141")
    assert done.stderr == ""


def test_an_answer_that_nobody_reads_ends_as_a_shell_names_it() -> None:
    program = (
        "import sys\n"
        "from stemproof_cli import say\n"
        "import typer\n"
        "app = typer.Typer()\n"
        "@app.command()\n"
        "def talk() -> None:\n"
        "    for _ in range(100_000):\n"
        "        say.answer('x' * 80)\n"
        "sys.exit(say.run(app, []))\n"
    )
    command = f"{sys.executable} -c {shlex.quote(program)} | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("141\n", "")
