"""What can be wrong with the file or its place: one sentence each, and nothing lost."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.log.ledgers import SONG, check, check_file, drafts, new_log, seal_now

from stemproof.errors import BadInput, StemproofError, Unavailable
from stemproof.log.sqlite import APPLICATION_ID, SCHEMA_VERSION
from stemproof.log.store import create_log, open_log
from stemproof.seal.tree import prove_inclusion

NOBODY = 65534
posix_only = pytest.mark.skipif(os.name != "posix", reason="permissions and limits of POSIX")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with new_log(tmp_path) as log:
        log.append(SONG, drafts(200))
        seal_now(log)
    return tmp_path


def execute(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "ledger.db", isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)


def test_a_folder_without_a_ledger_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no ledger at") as caught:
        open_log(tmp_path / "ledger.db")
    assert caught.value.hint == "make one with `stemproof start DIR`"
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_is_never_made_over_another(folder: Path) -> None:
    before = (folder / "ledger.db").read_bytes()
    with pytest.raises(BadInput, match=r"there is a ledger at .* already"):
        create_log(folder / "ledger.db")
    assert (folder / "ledger.db").read_bytes() == before
    assert not list(folder.glob(".ledger*"))


def test_what_a_killed_making_left_behind_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / ".ledger.db.new").write_bytes(b"half")
    with create_log(tmp_path / "ledger.db") as log:
        assert log.number == 0
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.db"]


def test_a_ledger_can_be_read_by_its_owner_only(folder: Path) -> None:
    with open_log(folder / "ledger.db") as log:
        log.append(SONG, drafts(1))
        modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes == {"ledger.db": 0o600, "ledger.db-wal": 0o600, "ledger.db-shm": 0o600}


def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    execute(tmp_path, "CREATE TABLE photo (id INTEGER)")
    before = (tmp_path / "ledger.db").read_bytes()
    with pytest.raises(BadInput, match="is not a stemproof ledger"):
        open_log(tmp_path / "ledger.db")
    assert (tmp_path / "ledger.db").read_bytes() == before


@pytest.mark.parametrize("application", [0, APPLICATION_ID + 1])
def test_a_ledger_with_another_mark_is_refused(folder: Path, application: int) -> None:
    execute(folder, f"PRAGMA application_id = {application}")
    with pytest.raises(BadInput, match="is not a stemproof ledger"):
        open_log(folder / "ledger.db")


def test_a_newer_ledger_is_refused_and_left_alone(folder: Path) -> None:
    execute(folder, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = (folder / "ledger.db").read_bytes()
    with pytest.raises(BadInput, match=r"written by a newer stemproof \(schema 3, .* knows 2\)"):
        open_log(folder / "ledger.db")
    assert (folder / "ledger.db").read_bytes() == before


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"not a database, though a file of some length" * 100,
        lambda content: b"\xff" * 100 + content[100:],
        lambda content: content[:60],
    ],
    ids=["empty", "text", "header overwritten", "header cut"],
)
def test_a_file_that_is_no_database_is_refused(
    folder: Path, damage: Callable[[bytes], bytes]
) -> None:
    path = folder / "ledger.db"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(BadInput, match=r"is damaged|is not a stemproof ledger"):
        open_log(path)


@pytest.mark.parametrize("kept", [4096, 20_000, 65_536])
def test_a_cut_file_is_damaged_and_a_backup_is_named(folder: Path, kept: int) -> None:
    path = folder / "ledger.db"
    path.write_bytes(path.read_bytes()[:kept])
    try:
        wrong = check_file(folder).wrong
    except BadInput as error:
        assert "is damaged" in str(error)
        assert error.hint == "restore it from a backup with `stemproof restore`"
    else:
        assert wrong != []


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").mkdir()
    with pytest.raises(StemproofError, match="ledger"):
        open_log(tmp_path / "ledger.db")


def test_a_missing_node_names_the_damage_when_the_log_goes_on(folder: Path) -> None:
    execute(folder, "DROP TRIGGER node_stays", "DELETE FROM node WHERE level = 7 AND position = 0")
    with open_log(folder / "ledger.db") as log, pytest.raises(BadInput, match="is missing"):
        log.append(SONG, drafts(1))


@pytest.mark.parametrize("index", range(16, 24))
def test_no_proof_is_made_across_a_missing_header(folder: Path, index: int) -> None:
    execute(
        folder, "DROP TRIGGER event_stays", "DELETE FROM event WHERE tree = 2 AND work_seq = 18"
    )
    with open_log(folder / "ledger.db") as log:
        with pytest.raises(BadInput, match="is missing"):
            prove_inclusion(index, 200, log.node_reader(2))


def test_a_ledger_held_by_another_process_is_said_to_be(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stemproof.log.sqlite.BUSY_TIMEOUT_MS", 50)
    with open_log(folder / "ledger.db") as one, open_log(folder / "ledger.db") as other:
        with one.writing():
            one.append(SONG, drafts(1))
            with pytest.raises(Unavailable, match="in use by another process"):
                other.append(SONG, drafts(1))
        other.append(SONG, drafts(1))
        assert (one.size, check(one).wrong) == (203, [])


# Appends until it fails, telling how many events were durable; says what it was told.
FILLER = """
import os, resource, sys
from pathlib import Path
from stemproof.errors import StemproofError
from stemproof.log.store import open_log
from tests.log.ledgers import SONG, drafts
path, limit, user = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
if user:
    os.setgid(user)
    os.setuid(user)
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
done = 0
try:
    with open_log(path) as log:
        while done < 20000:
            log.append(SONG, drafts(50))
            done += 50
except StemproofError as error:
    print(done, type(error).__name__, error, error.hint, sep="|")
"""


def fill(path: Path, *, limit: int = 0, user: int = 0) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", FILLER, str(path), str(limit), str(user)],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((".", "ledger"))},
    )
    return done.stdout.strip().split("|")


def assert_whole(folder: Path, events: int) -> None:
    """Everything acknowledged is there, and the log goes on."""
    with open_log(folder / "ledger.db") as log:
        assert log.size == 201 + events
        log.append(SONG, drafts(1))
        assert check(log).wrong == []


@posix_only
def test_a_file_that_may_not_grow_costs_nothing_that_was_acknowledged(folder: Path) -> None:
    done, kind, sentence, hint = fill(folder / "ledger.db", limit=1_500_000)
    assert int(done) > 0
    assert kind == "Unavailable"
    assert str(folder) in sentence
    assert "disk" in hint
    assert_whole(folder, int(done))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if not (sys.platform == "linux" and os.geteuid() == 0 and shutil.which("mount")):
        pytest.skip("a small disk is a tmpfs, which root mounts")
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("this container may not mount a tmpfs")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_costs_nothing_that_was_acknowledged(folder: Path, small_disk: Path) -> None:
    shutil.copy(folder / "ledger.db", small_disk)
    done, kind, sentence, hint = fill(small_disk / "ledger.db")
    assert int(done) > 0
    assert kind == "Unavailable"
    assert "the disk is full" in sentence
    assert hint == "free some space and try again"
    # Space comes back: the same folder on a larger disk.
    with open_log(small_disk / "ledger.db") as log:
        assert log.size == 201 + int(done)
        assert check(log).wrong == []


@posix_only
def test_no_ledger_is_made_on_a_disk_without_space(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(Unavailable):
            create_log(tmp_path / "ledger.db")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []


@posix_only
def test_a_read_only_folder_is_said_to_be_one(folder: Path) -> None:
    user = NOBODY if os.geteuid() == 0 else 0
    if user:
        # For nobody to reach the ledger, every folder above must let them through.
        for above in [folder, *folder.parents][:4]:
            if above.stat().st_uid == os.geteuid() and above.name != "tmp":
                above.chmod(0o755)
    (folder / "ledger.db").chmod(0o444)
    folder.chmod(0o555)
    try:
        done, kind, sentence, hint = fill(folder / "ledger.db", user=user)
    finally:
        folder.chmod(0o755)
    assert (done, kind) == ("0", "Unavailable")
    assert "cannot be written: no permission, or a read-only folder" in sentence
    assert hint == "check the folder's permissions, or choose another with --home"
    (folder / "ledger.db").chmod(0o600)
    assert_whole(folder, 0)
