"""The block store: whole blocks and true pins after anything that can happen."""

from __future__ import annotations

import io
import os
import random
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stemproof.content.cid import RAW, Cid, cid_of
from stemproof.content.unixfs import DEFAULT_PROFILE, Profile, build_file
from stemproof.content.walk import walk_blocks
from stemproof.errors import Malformed, Unavailable
from stemproof.pin.blocks import BlockMissing, BlockStore

SMALL = Profile("small", 1000, 4, raw_leaves=True, version=1)

WRITER = """
import random, sys
from pathlib import Path
from stemproof.content.unixfs import Profile, build_file
from stemproof.pin.blocks import BlockStore
import io

store = BlockStore(Path(sys.argv[1]))
rng = random.Random(int(sys.argv[2]))
while True:
    with store.writing():
        content = rng.randbytes(rng.randrange(20_000))
        profile = Profile("small", 1000, 4, raw_leaves=True, version=1)
        root = build_file(io.BytesIO(content), store.put, profile).cid
        store.pin(root)
    print(root, flush=True)
"""


def add(store: BlockStore, content: bytes) -> Cid:
    with store.writing():
        root = build_file(io.BytesIO(content), store.put, SMALL).cid
        store.pin(root)
    return root


def check_consistent(store: BlockStore) -> None:
    """Every pin is whole, every block is what its name says."""
    for root in store.pins():
        assert all(True for _ in walk_blocks(root, store.get))


def test_a_block_that_is_not_the_one_named_is_not_stored(tmp_path: Path) -> None:
    store = BlockStore(tmp_path)
    cid = cid_of(b"true", codec=RAW)
    with pytest.raises(Malformed):
        store.put(cid, b"false")
    assert not store.has(cid)
    assert store.stat().blocks == 0


def test_a_block_too_large_for_anybody_is_refused(tmp_path: Path) -> None:
    block = bytes((2 << 20) + 1)
    with pytest.raises(Malformed):
        BlockStore(tmp_path).put(cid_of(block, codec=RAW), block)


def test_a_block_that_is_not_here_is_named(tmp_path: Path) -> None:
    cid = cid_of(b"x", codec=RAW)
    with pytest.raises(BlockMissing, match=str(cid)):
        BlockStore(tmp_path).get(cid)


@pytest.mark.parametrize("damage", [b"", b"fals", b"true!", b"truf"])
def test_a_block_damaged_on_disk_is_noticed_and_replaced(tmp_path: Path, damage: bytes) -> None:
    store = BlockStore(tmp_path)
    cid = cid_of(b"true", codec=RAW)
    store.put(cid, b"true")
    path = next((tmp_path / "blocks").glob("*/*"))
    path.write_bytes(damage)
    with pytest.raises(Unavailable, match="damaged"):
        store.get(cid)
    store.put(cid, b"true")
    assert store.get(cid) == b"true"


def test_a_pin_survives_a_new_process(tmp_path: Path) -> None:
    root = add(BlockStore(tmp_path), b"0123456789" * 900)
    again = BlockStore(tmp_path)
    assert again.pins() == (root,)
    check_consistent(again)


def test_garbage_goes_and_pinned_blocks_stay(tmp_path: Path) -> None:
    store = BlockStore(tmp_path)
    shared = b"shared" * 1000
    kept = add(store, shared + b"kept")
    dropped = add(store, shared + b"dropped")
    store.unpin(dropped)
    assert len(store.collect()) >= 1
    check_consistent(store)
    assert store.pins() == (kept,)
    with pytest.raises(BlockMissing):
        store.check_whole(dropped)
    assert store.collect() == ()


def test_garbage_is_not_collected_under_a_writer(tmp_path: Path) -> None:
    store = BlockStore(tmp_path)
    other = BlockStore(tmp_path)
    with ThreadPoolExecutor(1) as pool:
        with store.writing():
            root = build_file(io.BytesIO(b"new" * 900), store.put, SMALL).cid
            collecting = pool.submit(other.collect)
            time.sleep(0.1)
            assert not collecting.done()
            store.pin(root)
        assert collecting.result(10) == ()
    check_consistent(store)


def test_unpinning_what_is_not_pinned_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="not pinned"):
        BlockStore(tmp_path).unpin(cid_of(b"x", codec=RAW))


def test_writers_killed_at_any_moment_lose_nothing_acknowledged(tmp_path: Path) -> None:
    """Two processes write into one folder; both are killed, eight times."""
    rng = random.Random(8)
    acknowledged: set[str] = set()
    for turn in range(8):
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, str(tmp_path), str(turn % 3 + which)],
                stdout=subprocess.PIPE,
            )
            for which in range(2)
        ]
        # From the first acknowledged block on: a busy machine is slow to start a process.
        first = [writer.stdout.readline().decode() for writer in writers if writer.stdout]
        time.sleep(0.05 + rng.random() * 0.3)
        for writer, line in zip(writers, first, strict=True):
            writer.send_signal(signal.SIGKILL)
            lines = (line + writer.communicate()[0].decode()).split("\n")
            acknowledged.update(lines[:-1])
        store = BlockStore(tmp_path)
        check_consistent(store)
        assert acknowledged <= {str(root) for root in store.pins()}
    assert len(acknowledged) > 8
    store.collect()
    check_consistent(store)


def test_what_a_dead_writer_left_is_cleared_when_it_is_old(tmp_path: Path) -> None:
    BlockStore(tmp_path)
    old, new = tmp_path / "tmp" / "old.part", tmp_path / "tmp" / "new.part"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    BlockStore(tmp_path)
    assert (old.exists(), new.exists()) == (False, True)


def test_a_full_disk_is_one_clear_error_and_leaves_nothing_half(tmp_path: Path) -> None:
    store = BlockStore(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The system answers EFBIG here, in the same places as ENOSPC.
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(Unavailable, match="cannot be written"):
            build_file(io.BytesIO(bytes(1 << 20)), store.put, DEFAULT_PROFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((tmp_path / "tmp").iterdir()) == []
    assert store.stat().blocks == 0


def test_a_truly_full_disk_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(small)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("only root can mount a small disk")
    try:
        store = BlockStore(small)
        kept: list[Cid] = []
        with pytest.raises(Unavailable, match="No space left"):
            for seed in range(1000):
                kept.append(add(store, random.Random(seed).randbytes(50_000)))
        assert kept
        assert set(store.pins()) == set(kept)
        check_consistent(store)
        store.unpin(kept[0])
        store.collect()
        add(store, b"room again" * 500)
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable):
        BlockStore(tmp_path / "file" / "store")
