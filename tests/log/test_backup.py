"""Backups: incremental, readable after a kill at any moment, restored whole or not at all."""

from __future__ import annotations

import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stemproof.errors import BadInput, StemproofError, Unavailable, Usage
from stemproof.keys import derive, ring
from stemproof.keys.device import is_copied
from stemproof.log.backup import write_backup
from stemproof.log.lockfile import hold_lock
from stemproof.log.restore import check_backup, read_backup

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
IDENTITY = derive.age_identity_of(bytes(range(32)))
RECIPIENT = derive.age_recipient_of(bytes(range(32)))
STRANGER = derive.age_identity_of(bytes(32))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    (home / "vault" / "ab").mkdir(parents=True)
    (home / "backup.key").write_text(derive.backup_key_of(IDENTITY).hex())
    (home / "device.json").write_text("{}")
    (home / "keys.age").write_bytes(b"sealed")
    (home / "vault" / "ab" / "take.bin").write_bytes(random.Random(1).randbytes(2_500_000))
    (home / "vault" / "empty").write_bytes(b"")
    with sqlite3.connect(home / "ledger.db") as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE fact (id INTEGER PRIMARY KEY, text BLOB) STRICT")
        database.executemany(
            "INSERT INTO fact (text) VALUES (?)", [(bytes([n % 256]) * 900,) for n in range(500)]
        )
    database.close()
    return home


def facts(folder: Path) -> int:
    database = sqlite3.connect(folder / "ledger.db")
    try:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (count,) = database.execute("SELECT count(*) FROM fact").fetchone()
    finally:
        database.close()
    return int(count)


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(("ledger.db", ".backup-lock"))
    }


def save(home: Path, target: Path) -> None:
    write_backup(home, target, recipients=[RECIPIENT], now=NOW)


def test_what_was_saved_comes_back(home: Path, tmp_path: Path) -> None:
    report = write_backup(home, tmp_path / "b", recipients=[RECIPIENT], now=NOW)
    restored = read_backup(tmp_path / "b", IDENTITY, tmp_path / "new")
    want = content(home)
    del want["backup.key"], want["device.json"]
    assert content(tmp_path / "new") == want
    assert facts(tmp_path / "new") == 500
    assert (report.number, report.made, report.files) == (1, "2026-11-22T12:00:00.000Z", 4)
    assert (restored.number, restored.files, restored.made) == (1, 4, report.made)
    assert report.bytes_total == (tmp_path / "b").stat().st_size


def test_a_second_backup_adds_only_what_is_new(home: Path, tmp_path: Path) -> None:
    first = write_backup(home, tmp_path / "b", recipients=[RECIPIENT], now=NOW)
    (home / "vault" / "new").write_bytes(b"one more")
    (home / "keys.age").unlink()
    second = write_backup(home, tmp_path / "b", recipients=[RECIPIENT], now=NOW)
    assert (second.number, second.parts_new) == (2, 1)
    assert second.parts_kept == first.parts_new - 1
    assert second.bytes_written < 5_000
    read_backup(tmp_path / "b", IDENTITY, tmp_path / "new")
    assert set(content(tmp_path / "new")) == {"vault/ab/take.bin", "vault/empty", "vault/new"}


def test_a_database_that_grew_adds_a_few_of_its_parts(home: Path, tmp_path: Path) -> None:
    save(home, tmp_path / "b")
    with sqlite3.connect(home / "ledger.db") as database:
        database.execute("INSERT INTO fact (text) VALUES (?)", (b"new",))
    database.close()
    report = write_backup(home, tmp_path / "b", recipients=[RECIPIENT], now=NOW)
    assert 1 <= report.parts_new <= 3
    read_backup(tmp_path / "b", IDENTITY, tmp_path / "new")
    assert facts(tmp_path / "new") == 501


def test_a_database_that_is_written_meanwhile_is_saved_as_of_one_moment(
    home: Path, tmp_path: Path
) -> None:
    stop = threading.Event()

    def write() -> None:
        database = sqlite3.connect(home / "ledger.db", timeout=30, isolation_level=None)
        while not stop.is_set():
            database.execute("BEGIN IMMEDIATE")
            for _ in range(10):
                database.execute("INSERT INTO fact (text) VALUES (?)", (b"y" * 500,))
            database.execute("COMMIT")
            time.sleep(0.001)
        database.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            save(home, tmp_path / "b")
            read_backup(tmp_path / "b", IDENTITY, tmp_path / f"new{number}")
            assert facts(tmp_path / f"new{number}") % 10 == 0
    finally:
        stop.set()
        writer.join()


def test_nothing_of_the_content_or_its_digest_is_readable(home: Path, tmp_path: Path) -> None:
    from hashlib import sha256

    save(home, tmp_path / "b")
    sealed = (tmp_path / "b").read_bytes()
    for clear in (b"take.bin", b"SQLite", sha256(b"sealed").digest(), b"sealed\n"):
        assert clear not in sealed


def test_stock_age_opens_a_part(home: Path, tmp_path: Path) -> None:
    from pyrage import decrypt, x25519

    (home / "ledger.db").unlink()
    (home / "vault" / "ab" / "take.bin").unlink()
    save(home, tmp_path / "b")
    sealed = (tmp_path / "b").read_bytes()
    start = sealed.index(b"age-encryption.org/v1")
    end = sealed.index(b"age-encryption.org/v1", start + 1)
    assert decrypt(sealed[start:end], [x25519.Identity.from_str(IDENTITY)]) == b"sealed"


def test_other_words_do_not_open_it(home: Path, tmp_path: Path) -> None:
    save(home, tmp_path / "b")
    with pytest.raises(BadInput, match="these keys"):
        read_backup(tmp_path / "b", STRANGER, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_backup_of_other_keys_is_not_added_to(home: Path, tmp_path: Path) -> None:
    save(home, tmp_path / "b")
    before = (tmp_path / "b").read_bytes()
    (home / "backup.key").write_text(derive.backup_key_of(STRANGER).hex())
    with pytest.raises(BadInput, match="these keys") as refusal:
        save(home, tmp_path / "b")
    assert "begin a new file" in str(refusal.value.hint)
    assert (tmp_path / "b").read_bytes() == before


def test_another_file_is_not_overwritten(home: Path, tmp_path: Path) -> None:
    (tmp_path / "song.wav").write_bytes(b"RIFF")
    with pytest.raises(BadInput, match="not a stemproof backup"):
        save(home, tmp_path / "song.wav")
    assert (tmp_path / "song.wav").read_bytes() == b"RIFF"


def test_a_folder_with_files_is_not_restored_into(home: Path, tmp_path: Path) -> None:
    save(home, tmp_path / "b")
    before = content(home)
    with pytest.raises(Usage, match="empty folder"):
        read_backup(tmp_path / "b", IDENTITY, home)
    assert content(home) == before
    (tmp_path / "empty").mkdir()
    read_backup(tmp_path / "b", IDENTITY, tmp_path / "empty")
    assert facts(tmp_path / "empty") == 500


def test_places_that_make_no_sense_are_refused(home: Path, tmp_path: Path) -> None:
    with pytest.raises(Usage, match="lies in"):
        save(home, home / "b")
    with pytest.raises(Usage, match="recipient"):
        write_backup(home, tmp_path / "b", recipients=[], now=NOW)
    with pytest.raises(Usage, match="age1"):
        write_backup(home, tmp_path / "b", recipients=["age1x"], now=NOW)
    with pytest.raises(Unavailable):
        save(home, tmp_path / "missing" / "b")
    with pytest.raises(Unavailable, match="cannot be read"):
        read_backup(tmp_path / "missing", IDENTITY, tmp_path / "new")
    (home / "backup.key").write_text("x")
    with pytest.raises(BadInput, match=r"backup\.key"):
        save(home, tmp_path / "b")
    assert not list(tmp_path.glob("*b*"))


def test_links_skipped_names_and_hidden_files_are_left_out(home: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"elsewhere")
    (home / "vault" / "link").symlink_to(tmp_path / "secret")
    (home / "tools").mkdir()
    (home / "tools" / "anvil").write_bytes(b"program")
    (home / "cache").mkdir()
    (home / "cache" / "x").write_bytes(b"x")
    (home / ".hidden").write_bytes(b"x")
    (home / "vault" / "half.part").write_bytes(b"x")
    write_backup(home, tmp_path / "b", recipients=[RECIPIENT], now=NOW, skip={"cache"})
    read_backup(tmp_path / "b", IDENTITY, tmp_path / "new")
    assert set(content(tmp_path / "new")) == {"keys.age", "vault/ab/take.bin", "vault/empty"}


def test_two_backups_at_once_take_turns(home: Path, tmp_path: Path) -> None:
    with hold_lock(home / ".backup-lock"), pytest.raises(Unavailable, match="another process"):
        save(home, tmp_path / "b")
    save(home, tmp_path / "b")
    with (
        (tmp_path / "b").open("rb") as file,
        hold_lock(file),
        pytest.raises(Unavailable, match="another process"),
    ):
        save(home, tmp_path / "b")


def test_a_damaged_database_is_named(home: Path, tmp_path: Path) -> None:
    with (home / "ledger.db").open("r+b") as file:
        file.truncate(5000)
    with pytest.raises(StemproofError, match="damaged"):
        save(home, tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_a_check_finds_a_flipped_bit_without_any_words(home: Path, tmp_path: Path) -> None:
    save(home, tmp_path / "b")
    assert check_backup(home, tmp_path / "b").number == 1
    sealed = bytearray((tmp_path / "b").read_bytes())
    sealed[1000] ^= 1
    (tmp_path / "b").write_bytes(sealed)
    with pytest.raises(StemproofError, match="damaged at byte"):
        check_backup(home, tmp_path / "b")


def test_a_flipped_bit_in_any_byte_is_refused(home: Path, tmp_path: Path) -> None:
    (home / "vault" / "ab" / "take.bin").unlink()
    (home / "ledger.db").unlink()
    save(home, tmp_path / "b")
    sealed = (tmp_path / "b").read_bytes()
    for place, byte in enumerate(sealed):
        altered = sealed[:place] + bytes([byte ^ 1 << place % 8]) + sealed[place + 1 :]
        (tmp_path / "altered").write_bytes(altered)
        with pytest.raises(StemproofError):
            read_backup(tmp_path / "altered", IDENTITY, tmp_path / "new")
    assert not list(tmp_path.glob("*new*"))


def test_every_cut_gives_the_backup_before_or_none(home: Path, tmp_path: Path) -> None:
    (home / "ledger.db").unlink()
    (home / "vault" / "ab" / "take.bin").unlink()
    first = write_backup(home, tmp_path / "b", recipients=[RECIPIENT], now=NOW)
    (home / "keys.age").write_bytes(b"other")
    save(home, tmp_path / "b")
    sealed = (tmp_path / "b").read_bytes()
    for number, cut in enumerate(range(0, len(sealed), 97)):
        (tmp_path / "cut").write_bytes(sealed[:cut])
        if cut < first.bytes_total:
            with pytest.raises(BadInput):
                read_backup(tmp_path / "cut", IDENTITY, tmp_path / "none")
        else:
            into = tmp_path / f"new{number}"
            report = read_backup(tmp_path / "cut", IDENTITY, into)
            assert (report.number, (into / "keys.age").read_bytes()) == (1, b"sealed")
            assert report.bytes_unfinished == cut - first.bytes_total


SAVING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from stemproof.log.backup import write_backup
if len(sys.argv) > 4:
    import resource, signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]), resource.RLIM_INFINITY))
import pyrage
print("go", flush=True)
write_backup(Path(sys.argv[1]), Path(sys.argv[2]), recipients=[sys.argv[3]],
             now=datetime(2026, 11, 22, tzinfo=UTC))
print("done", flush=True)
"""


def start_saving(home: Path, target: Path, *limit: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SAVING, str(home), str(target), RECIPIENT, *limit],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_kill_at_any_moment_leaves_a_backup_that_was_finished(home: Path, tmp_path: Path) -> None:
    target = tmp_path / "b"
    chance = random.Random(7)
    saved: dict[int, dict[str, bytes]] = {}
    number = killed = 0
    for turn in range(14):
        (home / "vault" / f"take{turn}").write_bytes(chance.randbytes(8_000_000))
        process = start_saving(home, target)
        assert process.stdout is not None
        assert process.stdout.readline() == "go\n"
        # The first one ends by itself, so that there is something to lose.
        if turn:
            time.sleep(chance.uniform(0, 0.25))
            process.send_signal(signal.SIGKILL)
        said, complaint = process.communicate(timeout=60)
        assert not complaint
        killed += "done" not in said
        into = tmp_path / f"new{turn}"
        report = read_backup(target, IDENTITY, into)
        if report.number > number:
            number = report.number
            saved[number] = content(into)
            assert f"vault/take{turn}" in saved[number]
        else:
            assert "done" not in said
            assert content(into) == saved[number]
        assert facts(into) == 500
    assert killed > 0
    last = write_backup(home, target, recipients=[RECIPIENT], now=NOW)
    assert (last.number, last.bytes_total) == (number + 1, target.stat().st_size)
    assert not (home / ".backup-snapshot").exists()


def test_a_kill_during_the_first_backup_leaves_none_and_the_next_one_works(
    home: Path, tmp_path: Path
) -> None:
    for turn in range(30):
        (home / "vault" / f"take{turn}").write_bytes(os.urandom(1_000_000))
    process = start_saving(home, tmp_path / "b")
    assert process.stdout is not None
    process.stdout.readline()
    beside = tmp_path / ".b.part"
    while not (beside.exists() and beside.stat().st_size > 1_000_000):
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert not (tmp_path / "b").exists()
    save(home, tmp_path / "b")
    assert not beside.exists()
    assert read_backup(tmp_path / "b", IDENTITY, tmp_path / "new").bytes_unfinished == 0


def test_a_full_disk_leaves_the_backup_as_it_was(home: Path, tmp_path: Path) -> None:
    save(home, tmp_path / "b")
    before = (tmp_path / "b").read_bytes()
    (home / "vault" / "more").write_bytes(os.urandom(5_000_000))
    assert resource.RLIM_INFINITY == resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    process = start_saving(home, tmp_path / "b", str(len(before) + 1_500_000))
    _, complaint = process.communicate(timeout=60)
    assert "Unavailable: the backup stopped" in complaint
    assert (tmp_path / "b").read_bytes() == before


def test_words_and_backup_together_bring_everything_back(tmp_path: Path) -> None:
    home = tmp_path / "home"
    made = ring.create(home, "passphrase")
    (home / "vault").write_bytes(b"history")
    write_backup(home, tmp_path / "b", recipients=[made.keys.age_recipient], now=NOW)

    # On another computer, with the words and the file alone.
    from stemproof.keys.words import parse_words

    identity = derive.age_identity_of(derive.derive(parse_words(made.words)).age)
    new = tmp_path / "new"
    read_backup(tmp_path / "b", identity, new)
    assert "restored" in str(is_copied(new))
    keys = ring.new_device(new, "passphrase")
    assert (new / "vault").read_bytes() == b"history"
    assert is_copied(new) is None
    assert keys.origin != made.keys.origin
    assert keys.account_address == made.keys.account_address
    later = write_backup(new, tmp_path / "b", recipients=[keys.age_recipient], now=NOW)
    assert later.number == 2
