"""A file on which this program itself fails: told, kept for a report, and in nobody's way."""

from __future__ import annotations

import errno
import sys
import weakref
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest
from tests.acts.room import Room, command, running_watch, wait_until, write_tone

from stemproof.acts.ears import Answer, Ears, Job
from stemproof.acts.failing import FOLDER, MAX_REPORTS, Failed, contained, forget_reports
from stemproof.acts.home import opened
from stemproof.acts.survey import survey
from stemproof.acts.unreadable import read_unreadable
from stemproof.capture.sessions import registry
from stemproof.capture.sessions.brought import brought_formats
from stemproof.errors import BadInput, StemproofError, Unavailable
from stemproof.testnet.song import write_step

WORK = bytes(range(16))
# What another package brings may be anything: this gives a session that holds no tracks.
READER = """
from fractions import Fraction
from hashlib import sha256
from stemproof.capture.sessions.model import Moment, Session, TempoPoint, Track, TrackKind
from stemproof.capture.sessions.registry import Format

def read_odd(data):
    if b"RAISE" in data:
        raise ValueError("no")
    for error in (MemoryError, RecursionError):
        if error.__name__.encode() in data:
            raise error
    digest = sha256(data).hexdigest()
    track = None if b"BAD" in data else Track("Drums", TrackKind.TRACK)
    return Session(
        format="odd", application="Odd", version="1", digest=digest, content_digest=digest,
        size=len(data), tempo=(TempoPoint(Moment(Fraction(0)), "120", 4, 4),), tracks=(track,),
    )

FORMAT = Format("odd", "Odd", (".odd",), "odd_reader:read_odd",
                lambda name, head: head.startswith(b"ODD"))
"""


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with an installed package that brings a reader."""
    place = tmp_path / "packages"
    info = place / "odd_reader-1.0.dist-info"
    info.mkdir(parents=True)
    (place / "odd_reader.py").write_text(READER)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-reader\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[stemproof.readers]\nodd = odd_reader:FORMAT\n")
    monkeypatch.syspath_prepend(place)
    monkeypatch.setenv("PYTHONPATH", str(place))
    _forget()
    yield place
    _forget()
    sys.modules.pop("odd_reader", None)


def _forget() -> None:
    brought_formats.cache_clear()
    registry._extensions.cache_clear()


def reports(room: Room) -> list[Path]:
    return sorted((room.home.path / FOLDER).glob("*.txt"))


@pytest.mark.usefixtures("reader")
def test_a_failure_on_one_file_is_recorded_and_the_others_go_on(room: Room) -> None:
    (room.folder / "a.odd").write_bytes(b"ODD BAD")
    write_step(room.folder, 1)
    observed = room.look()
    assert observed.saves == 1
    (report,) = reports(room)
    (problem,) = observed.problems
    assert problem.startswith("a.odd: this program failed on it (AttributeError); other files go")
    assert problem.endswith(str(report))
    event = room.last("session.unreadable")
    assert event.body["why"] == "this program failed on it (AttributeError)"
    assert str(report) not in str(event.body)
    with opened(room.home) as log:
        assert str(report) in read_unreadable(log, room.work.id)["a.odd"]


@pytest.mark.usefixtures("reader")
def test_the_report_tells_where_it_failed_and_nothing_of_the_content(room: Room) -> None:
    (room.folder / "a.odd").write_bytes(b"ODD BAD secret words")
    room.look()
    (report,) = reports(room)
    text = report.read_text()
    assert text.startswith("stemproof ")
    assert "file: 'a.odd'" in text
    assert "AttributeError: 'NoneType' object has no attribute 'name'" in text
    assert "secret words" not in text
    assert report.stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("reader")
def test_such_a_file_is_tried_again_when_it_changes_and_only_then(room: Room) -> None:
    song = room.folder / "a.odd"
    song.write_bytes(b"ODD BAD")
    room.look()
    song.touch()
    assert room.look().problems == []
    song.write_bytes(b"ODD good")
    observed = room.look()
    assert (observed.saves, observed.problems) == (1, [])
    assert room.actions().count("session.unreadable") == 1
    song.write_bytes(b"ODD BAD again")
    assert len(room.look().problems) == 1
    song.write_bytes(b"ODD good again")
    room.look()
    # It goes on from the last save that could be read.
    assert room.actions()[-1] == "session.saved"


@pytest.mark.usefixtures("reader")
def test_what_to_do_about_a_file_that_cannot_be_read_is_kept_and_told(room: Room) -> None:
    (room.folder / "a.odd").write_bytes(b"ODD RAISE")
    (problem,) = room.look().problems
    hint = "tell who made the reader of 'Odd'"
    assert problem.endswith(f"; {hint}")
    assert room.last("session.unreadable").body["hint"] == hint
    with opened(room.home) as log:
        assert read_unreadable(log, room.work.id)["a.odd"].endswith(f"; {hint}")
    # What a reader raises was foreseen, and no mistake of ours.
    assert reports(room) == []


@pytest.mark.usefixtures("reader")
def test_a_watch_goes_on_and_shows_no_traceback(room: Room) -> None:
    with running_watch(room) as process:
        (room.folder / "a.odd").write_bytes(b"ODD BAD")
        wait_until(lambda: "session.unreadable" in room.actions())
        write_step(room.folder, 1)
        wait_until(lambda: "session.found" in room.actions())
        process.terminate()
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "a.odd: this program failed on it" in out
    assert "Traceback" not in out + err


@pytest.mark.usefixtures("reader")
def test_what_is_kept_for_a_report_is_erased_with_the_work(room: Room) -> None:
    (room.folder / "a.odd").write_bytes(b"ODD BAD")
    room.look()
    assert reports(room)
    assert command(room, "erase", "--work", "Small Hours", "--yes").returncode == 0
    assert reports(room) == []


def test_a_thread_that_hears_survives_a_file_on_which_it_fails(tmp_path: Path) -> None:
    class Odd(Collection[bytes]):
        """Fails when it is looked into."""

        def __contains__(self, _: object) -> bool:
            raise ZeroDivisionError

        def __iter__(self) -> Iterator[bytes]:
            return iter(())

        def __len__(self) -> int:
            return 1

    write_tone(tmp_path / "a.wav")
    (found,) = survey(tmp_path).found
    answers: list[Answer] = []
    ears = Ears(lambda _: None)

    def has_answered() -> bool:
        answers.extend(ears.answers())
        return bool(answers)

    try:
        ears.ask(Job(tmp_path, WORK, tmp_path, found, Odd(), live=True))  # type: ignore[arg-type]  # a known set that fails stands for any mistake in hearing
        wait_until(has_answered)
        assert isinstance(answers[0].failed, Failed)
        answers.clear()
        ears.ask(Job(tmp_path, WORK, tmp_path, found, frozenset(), live=True))
        wait_until(has_answered)
        assert answers[0].heard is not None
    finally:
        ears.close(5)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), GeneratorExit()])
def test_an_interrupt_and_an_exit_are_let_through(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)), contained(tmp_path, WORK, "a.rpp"):
        raise error
    assert not (tmp_path / FOLDER).exists()


@pytest.mark.parametrize("error", [Unavailable("the disk is full"), BadInput("no session")])
def test_what_was_foreseen_is_let_through(tmp_path: Path, error: StemproofError) -> None:
    with pytest.raises(type(error)) as raised, contained(tmp_path, WORK, "a.rpp"):
        raise error
    assert raised.value is error


def test_a_full_disk_is_no_failure_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="No space left"), contained(tmp_path, WORK, "a.rpp"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not (tmp_path / FOLDER).exists()


@pytest.mark.parametrize(
    "error", [KeyError("x"), RecursionError(), MemoryError(), OSError(errno.EIO, "I/O")]
)
def test_everything_else_becomes_a_failure_with_a_report(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(Failed) as raised, contained(tmp_path, WORK, "a.rpp"):
        raise error
    assert raised.value.report is not None
    assert type(error).__name__ in raised.value.report.read_text()


def test_what_filled_the_memory_is_let_go_before_the_report_is_written(tmp_path: Path) -> None:
    class Much:
        """Stands for gigabytes."""

    filled: list[weakref.ref[Much]] = []

    def read() -> None:
        much = Much()
        filled.append(weakref.ref(much))
        raise MemoryError

    with (
        pytest.raises(Failed, match="failed on it \\(MemoryError\\)") as raised,
        contained(tmp_path, WORK, "a.mscz"),
    ):
        read()
    assert filled[0]() is None
    assert raised.value.report is not None
    assert "MemoryError" in raised.value.report.read_text()


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("error", ["MemoryError", "RecursionError"])
def test_a_file_that_memory_or_depth_cannot_hold_is_passed_by(room: Room, error: str) -> None:
    (room.folder / "a.odd").write_bytes(b"ODD " + error.encode())
    write_step(room.folder, 1)
    observed = room.look()
    assert observed.saves == 1
    (problem,) = observed.problems
    assert problem.startswith("a.odd: ") and error in problem
    assert room.look().problems == []


def test_reports_are_bounded_and_one_place_that_cannot_be_written_is_no_matter(
    tmp_path: Path,
) -> None:
    for number in range(MAX_REPORTS + 3):
        with pytest.raises(Failed), contained(tmp_path, WORK, f"{number}.rpp"):
            raise KeyError
    assert len(list((tmp_path / FOLDER).iterdir())) == MAX_REPORTS
    forget_reports(tmp_path, WORK)
    assert list((tmp_path / FOLDER).iterdir()) == []
    with pytest.raises(Failed) as raised, contained(tmp_path / "none" / "such", WORK, "a.rpp"):
        raise KeyError
    assert raised.value.report is None
