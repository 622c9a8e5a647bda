"""Blocks on disk, and which of them are to be kept.

    blocks/ab/abcd…      one file a block, named after its SHA-256; 256 folders
    pins/bafy…           one empty file a pinned root: it and all below it are kept
    tmp/                 blocks being written
    lock                 shared while blocks are written, alone while garbage is collected

A block is written to tmp, fsynced and renamed; a pin is written after its blocks. So a process
killed at any point leaves whole blocks and true pins, at worst unpinned blocks, which `collect`
removes. Several processes may use one folder. A block is compared with its CID when it comes in
and again when it is read.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stemproof.content.cid import MAX_BLOCK_BYTES, RAW, Cid, check_block, parse_cid
from stemproof.content.walk import links_of
from stemproof.errors import Malformed, Refuted, Unavailable
from stemproof.pin import lock
from stemproof.pin.durable import PART_SUFFIX, sync_folder, written_beside

# A block is written in milliseconds; an hour old, its writer is dead.
_STALE_S: Final = 3600


class BlockMissing(Unavailable):
    """A block that is not in this store."""

    def __init__(self, cid: Cid) -> None:
        super().__init__(f"block {cid} is not here")
        self.cid = cid


@dataclass(frozen=True, slots=True)
class StoreSize:
    blocks: int
    bytes: int
    pins: int


class BlockStore:
    """A folder of blocks and pins; safe among threads and processes."""

    def __init__(self, folder: Path) -> None:
        """Open or make the store and clear what dead writers left."""
        self._blocks = folder / "blocks"
        self._pins = folder / "pins"
        self._tmp = folder / "tmp"
        self._lock = folder / "lock"
        try:
            for path in (self._blocks, self._pins, self._tmp):
                path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._clear_stale()
        except OSError as error:
            raise Unavailable(f"{folder} cannot be used: {error.strerror or error}") from error

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep garbage collection away until the blocks written inside are pinned."""
        with lock.shared(self._lock):
            yield

    def put(self, cid: Cid, block: bytes) -> None:
        """Store a block durably. Its name is durable after `sync`, which `pin` calls."""
        if len(block) > MAX_BLOCK_BYTES:
            raise Malformed(f"block {cid}", f"{len(block)} bytes", f"at most {MAX_BLOCK_BYTES}")
        check_block(cid, block)
        self.put_named(cid, block)

    def put_named(self, cid: Cid, block: bytes) -> None:
        """Store a block that the caller has just compared with its CID, or named itself."""
        path = self._path(cid)
        try:
            if not _holds(path, block):
                self._write(path, block)
        except OSError as error:
            raise Unavailable(f"{path} cannot be written: {error.strerror or error}") from error

    def get(self, cid: Cid) -> bytes:
        """Read a block and compare it with its CID."""
        block = self.get_unchecked(cid)
        try:
            check_block(cid, block)
        except Refuted as error:
            hint = "add the file again: a damaged block is replaced"
            raise Unavailable(f"{self._path(cid)} is damaged on disk", hint=hint) from error
        return block

    def get_unchecked(self, cid: Cid) -> bytes:
        """Read a block for a caller that compares it with its CID itself."""
        path = self._path(cid)
        try:
            with open(path, "rb", buffering=0) as file:
                return file.read(MAX_BLOCK_BYTES + 1)
        except FileNotFoundError as error:
            raise BlockMissing(cid) from error
        except OSError as error:
            raise Unavailable(f"{path} cannot be read: {error.strerror or error}") from error

    def size(self, cid: Cid) -> int:
        """Give a block's length without reading it."""
        try:
            return self._path(cid).stat().st_size
        except OSError as error:
            raise BlockMissing(cid) from error

    def has(self, cid: Cid) -> bool:
        """Tell whether the block is here; whether it is whole, `get` says."""
        return self._path(cid).is_file()

    def check_whole(self, root: Cid) -> None:
        """Raise BlockMissing unless every block at and below `root` is here."""
        for _ in self._below(root):
            pass

    def pin(self, root: Cid) -> None:
        """Keep `root` and what is below it. That it is all here is the caller's to check."""
        self.sync()
        with written_beside(self._pins / str(root)):
            pass

    def unpin(self, root: Cid) -> None:
        """Let go of a pin; the blocks stay until garbage is collected."""
        try:
            (self._pins / str(root)).unlink()
        except FileNotFoundError as error:
            raise Unavailable(f"{root} is not pinned here") from error
        sync_folder(self._pins)

    def is_pinned(self, root: Cid) -> bool:
        """Tell whether this very CID is pinned."""
        return (self._pins / str(root)).is_file()

    def pins(self) -> tuple[Cid, ...]:
        """List the pinned roots, sorted by their text."""
        names = sorted(path.name for path in self._pins.iterdir())
        return tuple(parse_cid(name) for name in names if not name.endswith(PART_SUFFIX))

    def collect(self) -> tuple[str, ...]:
        """Delete the blocks below no pin; return their SHA-256s. Waits for writers."""
        with lock.exclusive(self._lock):
            kept = {cid.digest.hex() for root in self.pins() for cid in self._below(root)}
            gone = [path for path in self._files() if path.name not in kept]
            for path in gone:
                path.unlink()
        return tuple(path.name for path in gone)

    def stat(self) -> StoreSize:
        """Count what is here."""
        sizes = [path.stat().st_size for path in self._files()]
        return StoreSize(len(sizes), sum(sizes), len(self.pins()))

    def sync(self) -> None:
        """Make the names of the blocks written so far durable."""
        for folder in self._blocks.iterdir():
            sync_folder(folder)
        sync_folder(self._blocks)

    def _below(self, root: Cid) -> Iterator[Cid]:
        seen: set[Cid] = set()
        waiting = [root]
        while waiting:
            cid = waiting.pop()
            if cid in seen:
                continue
            seen.add(cid)
            if cid.codec == RAW:
                if not self.has(cid):
                    raise BlockMissing(cid)
            else:
                waiting.extend(links_of(cid, self.get(cid)))
            yield cid

    def _path(self, cid: Cid) -> Path:
        name = cid.digest.hex()
        return self._blocks / name[:2] / name

    def _files(self) -> Iterator[Path]:
        return (path for folder in self._blocks.iterdir() for path in folder.iterdir())

    def _write(self, path: Path, block: bytes) -> None:
        path.parent.mkdir(exist_ok=True, mode=0o700)
        part = self._tmp / f"{secrets.token_hex(16)}{PART_SUFFIX}"
        try:
            with open(part, "xb", buffering=0) as file:
                _write_all(file.fileno(), block)
                os.fsync(file.fileno())
            os.replace(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def _clear_stale(self) -> None:
        oldest = time.time() - _STALE_S
        for folder in (self._tmp, self._pins):
            for path in folder.glob(f"*{PART_SUFFIX}"):
                if path.stat().st_mtime < oldest:
                    path.unlink(missing_ok=True)


def _holds(path: Path, block: bytes) -> bool:
    """Compare byte by byte, so that a damaged block is written again."""
    try:
        with open(path, "rb") as file:
            return file.read(len(block) + 1) == block
    except FileNotFoundError:
        return False


def _write_all(descriptor: int, block: bytes) -> None:
    # A nearly full disk may take a part of a write.
    view = memoryview(block)
    while view:
        view = view[os.write(descriptor, view) :]
