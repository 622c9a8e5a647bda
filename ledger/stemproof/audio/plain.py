"""Reading a stranger's audio file whole: a plain file, of a bounded size, without holes, in time.

A sparse file claims terabytes and costs nothing; a named pipe is read for ever. What is open is
asked what it is, so that nothing can be put in its place between the question and the reading.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from pathlib import Path
from typing import BinaryIO, Final

from stemproof.errors import BadInput

#: Ten hours of 24 bit at 96 kHz in stereo are 20.7 GB.
MAX_AUDIO_BYTES: Final = 32 << 30
# Smaller ones cost nothing to read; file systems that compress are given a factor of 16.
_SPARSE_FROM_BYTES: Final = 64 << 20
_LEAST_FILLED: Final = 1 / 16
_CHUNK_BYTES: Final = 1 << 20
_UNIX_BLOCK_BYTES: Final = 512


def open_plain(path: Path) -> BinaryIO:
    """Open a regular file for reading; a pipe or a device is BadInput. Raises OSError too."""
    # Without O_NONBLOCK, opening a pipe waits for its writer.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = open(path, "rb", opener=lambda name, _: os.open(name, flags))
    try:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise BadInput(f"{path.name!r} is not a regular file")
    except BaseException:
        file.close()
        raise
    return file


def check_extent(name: str, state: os.stat_result) -> None:
    """Refuse a file that is too large to be audio, or that has holes."""
    if state.st_size > MAX_AUDIO_BYTES:
        raise BadInput(f"{name!r} is larger than {MAX_AUDIO_BYTES >> 30} GiB")
    # Where a system does not count blocks, nothing is known of holes.
    blocks: int | None = getattr(state, "st_blocks", None)
    if blocks is None or state.st_size <= _SPARSE_FROM_BYTES:
        return
    if blocks * _UNIX_BLOCK_BYTES < state.st_size * _LEAST_FILLED:
        raise BadInput(f"{name!r} has holes: it is not finished")


def hash_plain(path: Path, *, deadline_s: float) -> bytes:
    """Hash an audio file's bytes with SHA-256, in constant memory. Raises OSError too."""
    deadline = time.monotonic() + deadline_s
    hashed = hashlib.sha256()
    left = MAX_AUDIO_BYTES
    with open_plain(path) as file:
        check_extent(path.name, os.fstat(file.fileno()))
        while chunk := file.read(_CHUNK_BYTES):
            hashed.update(chunk)
            left -= len(chunk)
            if left < 0:
                raise BadInput(f"{path.name!r} is larger than {MAX_AUDIO_BYTES >> 30} GiB")
            if time.monotonic() > deadline:
                raise BadInput(f"{path.name!r} could not be read within {deadline_s:g} s")
    return hashed.digest()
