"""Content addresses beside a bare SHA-256 of the same bytes, and encryption beside age alone.

Files lie in `.cache/`, in the system's cache of the disk, so that both sides compute.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Row, best_of, peak_mib, workshop
from stemproof.pin.age import encrypt_file, new_identity
from stemproof.pin.tree import build_path, write_car

MIB = 1 << 20
FEW = 8 * MIB
"""More than one chunk; from here on memory stays."""


def measure(quick: bool) -> Iterator[Row]:
    """Address, pack and encrypt one large file; watch the memory."""
    size = (64 if quick else 512) * MIB
    turns = 2 if quick else 5
    with workshop() as folder:
        large, small = folder / "large.bin", folder / "small.bin"
        write_file(large, size)
        write_file(small, FEW)
        yield from _measure_speed(folder, large, turns)
        yield from _measure_encryption(folder, large, turns)
        yield _measure_memory("CID", "build_path(Path(sys.argv[1]))", large, small)
        program = "write_car(Path(sys.argv[1]), Path(sys.argv[1]).with_suffix('.car'))"
        yield _measure_memory("CAR", program, large, small)


def write_file(path: Path, size: int) -> None:
    """Write bytes that nothing can compress, on disk before they are read again."""
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(os.urandom(MIB))
        os.fsync(file.fileno())


def hash_bare(path: Path) -> None:
    """Hash a file as the standard library does."""
    with path.open("rb") as file:
        hashlib.file_digest(file, "sha256").digest()


def copy_hashed(source: Path, target: Path) -> None:
    """Hash a file and write it out anew, durably: what no archive with a digest can do without."""
    digest = hashlib.sha256()
    with source.open("rb") as file, target.open("wb") as out:
        while chunk := file.read(MIB):
            digest.update(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())


def _measure_speed(folder: Path, path: Path, turns: int) -> Iterator[Row]:
    mib = path.stat().st_size / MIB
    car, copy = folder / "large.car", folder / "copy.bin"
    cid, bare, packed, copied = (
        mib / taken
        for taken in best_of(
            turns,
            lambda: build_path(path),
            lambda: hash_bare(path),
            lambda: write_car(path, car),
            lambda: copy_hashed(path, copy),
        )
    )
    what = f"of {mib:,.0f} MiB"
    yield Row(f"content: CID {what}", cid, "MiB/s", bare, "bare SHA-256", ">= 0.8")
    # A CAR begins with its root: the file is read and hashed twice.
    yield Row(f"content: CAR {what}", packed, "MiB/s", copied, "SHA-256, copy, fsync", ">= 0.4")


def _measure_encryption(folder: Path, path: Path, turns: int) -> Iterator[Row]:
    import pyrage

    _, recipient = new_identity()
    sealed, alone = folder / "large.age", folder / "alone.age"

    def ours() -> None:
        encrypt_file(path, sealed, [recipient])
        build_path(sealed)

    def bare() -> None:
        # Two recipients as well: ours adds the one by which the file is released.
        keys = [pyrage.x25519.Recipient.from_str(recipient)] * 2
        pyrage.encrypt_file(str(path), str(alone), keys)
        with alone.open("rb") as file:
            os.fsync(file.fileno())
        hash_bare(alone)

    mib = path.stat().st_size / MIB
    both, parts = (mib / taken for taken in best_of(turns, ours, bare))
    name = f"content: age, CID of {mib:,.0f} MiB"
    yield Row(name, both, "MiB/s", parts, "age, fsync, SHA-256", ">= 0.6")


def _measure_memory(what: str, action: str, large: Path, small: Path) -> Row:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from stemproof.pin.tree import build_path, write_car\n"
        f"{action}\n"
    )
    many, few = (peak_mib(program, str(path)) for path in (large, small))
    name = f"content: memory, {what} of {large.stat().st_size // MIB} MiB"
    return Row(name, many, "MiB", few, f"of {FEW // MIB} MiB", "<= 1.2")
