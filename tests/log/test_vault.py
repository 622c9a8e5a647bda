"""The vault: what is kept comes out again, small, encrypted, and gone when it is dropped."""

from __future__ import annotations

import gzip
import io
import multiprocessing
import os
import sqlite3
import zlib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemproof.errors import BadInput, Locked, Malformed
from stemproof.keys.derive import age_identity_of, age_recipient_of
from stemproof.log.difference import apply_difference, make_difference
from stemproof.log.packing import repack, unpack
from stemproof.log.sealedfile import Unseal, open_with
from stemproof.log.vault import MAX_DEPTH, Dropped, Fresh, Vault, open_vault

WORK, OTHER = b"\x01" * 16, b"\x02" * 16
SECRET = bytes(range(32))
RECIPIENT = age_recipient_of(SECRET)


def song(number: int) -> bytes:
    """A session of a thousand lines, of which each save changes one."""
    lines = [b'<note key="%d" pos="%d"/>' % (n * 7 % 128, n * 48) for n in range(1000)]
    for n in range(number + 1):
        lines[n * 17 % 1000] = b'<note key="60" save="%d"/>' % n
    return b"\n".join(lines)


def digest(number: int) -> bytes:
    return sha256(song(number)).digest()


def fresh(number: int, *, work: bytes = WORK, made: str = "2027-01-01T00:00:00.000Z") -> Fresh:
    before = song(number - 1) if number else None
    return Fresh(work, "session", song(number), made, before)


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    with open_vault(tmp_path / "vault.db", RECIPIENT) as opened:
        yield opened


@pytest.fixture
def unseal() -> Unseal:
    return open_with([age_identity_of(SECRET)])


def test_what_was_kept_comes_out_again(vault: Vault, unseal: Unseal) -> None:
    for number in range(40):
        assert vault.keep(fresh(number))
    assert [vault.fetch(WORK, digest(n), unseal) for n in range(40)] == [song(n) for n in range(40)]


def test_a_file_is_kept_once_a_work(vault: Vault) -> None:
    assert [vault.keep(fresh(0)), vault.keep(fresh(0)), vault.keep(fresh(0, work=OTHER))] == [
        True,
        False,
        True,
    ]


def test_alike_saves_take_a_fraction_of_their_room(vault: Vault) -> None:
    for number in range(30):
        vault.keep(fresh(number))
    [size] = vault.sizes()
    assert (size.files, size.bytes) == (30, sum(len(song(n)) for n in range(30)))
    assert size.stored < size.bytes / 40  # zstd and zlib builds differ by some per cent


def test_what_is_kept_is_not_readable_in_the_file(vault: Vault, tmp_path: Path) -> None:
    vault.keep(Fresh(WORK, "session", b"My Secret Chorus" * 20, "2027-01-01T00:00:00.000Z"))
    for path in tmp_path.iterdir():
        assert b"Secret" not in path.read_bytes()


def test_another_key_opens_nothing(vault: Vault) -> None:
    vault.keep(fresh(0))
    with pytest.raises(Locked, match="does not open by these keys"):
        vault.fetch(WORK, digest(0), open_with([age_identity_of(bytes(32))]))


def test_what_is_not_kept_is_none(vault: Vault, unseal: Unseal) -> None:
    assert vault.fetch(WORK, digest(0), unseal) is None


def test_a_chain_of_differences_is_bounded(vault: Vault, tmp_path: Path) -> None:
    for number in range(MAX_DEPTH + 3):
        vault.keep(fresh(number))
    with sqlite3.connect(tmp_path / "vault.db") as db:
        depths = [row[0] for row in db.execute("SELECT depth FROM kept ORDER BY number")]
    assert depths == [*range(MAX_DEPTH + 1), 0, 1]


def test_dropping_with_keys_keeps_what_rested_on_it(vault: Vault, unseal: Unseal) -> None:
    for number in range(6):
        vault.keep(fresh(number))
    assert vault.drop(WORK, digest(2), unseal) == Dropped(1, 0)
    kept = [vault.fetch(WORK, digest(n), unseal) for n in range(6)]
    assert kept == [None if n == 2 else song(n) for n in range(6)]


def test_dropping_without_keys_drops_what_rested_on_it(vault: Vault, unseal: Unseal) -> None:
    for number in range(6):
        vault.keep(fresh(number))
    assert vault.later(WORK, digest(2)) == 3
    assert vault.drop(WORK, digest(2), None) == Dropped(1, 3)
    assert [vault.has(WORK, digest(n)) for n in range(6)] == [True, True] + [False] * 4
    assert vault.fetch(WORK, digest(1), unseal) == song(1)


def test_dropping_a_work_leaves_the_others(vault: Vault) -> None:
    vault.keep(fresh(0))
    vault.keep(fresh(0, work=OTHER))
    assert vault.drop_work(WORK) == 1
    assert [size.work for size in vault.sizes()] == [OTHER]


def test_nothing_of_a_dropped_file_stays_in_the_database(vault: Vault, tmp_path: Path) -> None:
    vault.keep(fresh(0))
    with sqlite3.connect(tmp_path / "vault.db") as db:
        (sealed,) = db.execute("SELECT sealed FROM kept").fetchone()
    vault.drop(WORK, digest(0), None)
    assert vault.sweep()
    for path in tmp_path.iterdir():
        assert sealed[200:400] not in path.read_bytes()


def test_chains_older_than_asked_for_are_dropped(vault: Vault) -> None:
    vault.keep(fresh(0, made="2027-01-01T00:00:00.000Z"))
    vault.keep(fresh(1, made="2027-03-01T00:00:00.000Z"))
    vault.keep(fresh(0, work=OTHER, made="2027-01-02T00:00:00.000Z"))
    assert vault.drop_older("2027-02-01T00:00:00.000Z") == 1
    assert [(size.work, size.files) for size in vault.sizes()] == [(WORK, 2)]


def test_beyond_a_size_the_oldest_go_and_the_newest_stays(vault: Vault) -> None:
    for number in range(4):
        data = os.urandom(5000)
        vault.keep(Fresh(WORK, "output", data, f"2027-01-0{number + 1}T00:00:00.000Z"))
    assert vault.drop_beyond(12_000) == 2
    assert vault.drop_beyond(1) == 1
    assert [size.files for size in vault.sizes()] == [1]


def test_a_difference_is_written_whole_where_its_base_was_dropped(
    vault: Vault, unseal: Unseal
) -> None:
    vault.keep(fresh(0))
    vault.drop(WORK, digest(0), None)
    vault.keep(fresh(1))
    assert vault.fetch(WORK, digest(1), unseal) == song(1)


def test_no_difference_is_from_what_another_key_opens(vault: Vault, tmp_path: Path) -> None:
    vault.keep(fresh(0))
    secret = bytes(range(2, 34))
    with open_vault(tmp_path / "vault.db", age_recipient_of(secret)) as rotated:
        rotated.keep(fresh(1))
        assert rotated.fetch(WORK, digest(1), open_with([age_identity_of(secret)])) == song(1)


def test_a_newer_vault_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vault.db"
    with open_vault(path, RECIPIENT):
        pass
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=2")
    with pytest.raises(BadInput, match="newer stemproof"), open_vault(path, RECIPIENT):
        pass


def test_another_database_is_no_vault(tmp_path: Path) -> None:
    path = tmp_path / "vault.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE mine (x)")
    with pytest.raises(BadInput, match="not a stemproof vault"), open_vault(path, RECIPIENT):
        pass


def test_an_altered_row_is_noticed(vault: Vault, tmp_path: Path, unseal: Unseal) -> None:
    vault.keep(fresh(0))
    vault.keep(fresh(1))
    with sqlite3.connect(tmp_path / "vault.db") as db:
        (other,) = db.execute("SELECT sealed FROM kept WHERE number = 1").fetchone()
        db.execute("UPDATE kept SET sealed = ? WHERE number = 2", (other,))
    with pytest.raises(BadInput, match="comes out as"):
        vault.fetch(WORK, digest(1), unseal)


def _keep_some(path: Path, first: int) -> None:
    with open_vault(path, RECIPIENT) as vault:
        for number in range(first, first + 10):
            vault.keep(fresh(number))


def test_two_processes_make_and_fill_one_vault(tmp_path: Path, unseal: Unseal) -> None:
    path = tmp_path / "vault.db"
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=_keep_some, args=(path, first)) for first in (0, 5)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    with open_vault(path, RECIPIENT) as vault:
        assert all(vault.fetch(WORK, digest(n), unseal) == song(n) for n in range(15))


def live_pack(data: bytes, memory: int) -> bytes:
    """Pack as Live does: a bare head, deflate, checksum and length."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -15, memory)
    stream = packer.compress(data) + packer.flush()
    tail = zlib.crc32(data).to_bytes(4, "little") + len(data).to_bytes(4, "little")
    return bytes.fromhex("1f8b0800000000000003") + stream + tail


def named_gzip(data: bytes) -> bytes:
    out = io.BytesIO()
    with gzip.GzipFile("song.als", "wb", 6, out, 1) as file:
        file.write(data)
    return out.getvalue()


@pytest.mark.parametrize(
    ("packed", "packing"),
    [
        (live_pack(song(0), 9), "gzip"),
        (live_pack(song(0), 8), "gzip"),
        (len(song(0)).to_bytes(4, "big") + zlib.compress(song(0), 6), "qt"),
        (live_pack(song(0), 8) + b"behind", "gzip"),
        # Packed in another way than we could repeat: kept as it is.
        (gzip.compress(song(0), 1), "plain"),
        (len(song(0)).to_bytes(4, "big") + zlib.compress(song(0), 9), "plain"),
        (live_pack(song(0), 9)[:-400], "plain"),
        (song(0), "plain"),
        (b"", "plain"),
    ],
)
def test_packed_files_are_unpacked_where_that_can_be_undone(packed: bytes, packing: str) -> None:
    content = unpack(packed)
    assert (content.packing, repack(content)) == (packing, packed)


def test_a_gzip_with_a_name_is_unpacked() -> None:
    packed = named_gzip(song(0))
    assert repack(unpack(packed)) == packed


def test_alike_packed_saves_take_a_fraction_of_their_room(vault: Vault, unseal: Unseal) -> None:
    saves = [live_pack(song(n), 9) for n in range(20)]
    for number, data in enumerate(saves):
        before = saves[number - 1] if number else None
        vault.keep(Fresh(WORK, "session", data, "2027-01-01T00:00:00.000Z", before))
    [size] = vault.sizes()
    assert size.stored < size.bytes / 5
    assert all(vault.fetch(WORK, sha256(data).digest(), unseal) == data for data in saves)


LINES = st.lists(st.sampled_from([b"a\n", b"bb\n", b"\n", b"c", b"\xff\0\n", b"long " * 9]))


@given(old=LINES, new=LINES, more=st.integers(0, 40))
@settings(max_examples=200)
def test_a_difference_gives_the_other_file_again(
    old: list[bytes], new: list[bytes], more: int
) -> None:
    shared = b"".join(b"line %d\n" % n for n in range(more * 10))
    one, two = shared + b"".join(old), shared + b"".join(new)
    difference = make_difference(one, two)
    assert difference is None or apply_difference(one, difference) == two


@pytest.mark.parametrize(
    "difference",
    [
        b"\0\0\0\1",
        b"\0\0\0\1" + bytes(4) + b"\0\0\0\x09",
        b"\0\0\0\1" + b"\xff" * 4 + b"\0\0\0\2" + b"one line\n",
        b"\xff\xff\xff\xff" + bytes(64),
    ],
)
def test_a_damaged_difference_is_refused(difference: bytes) -> None:
    with pytest.raises(Malformed):
        apply_difference(b"one\ntwo\n", difference)
