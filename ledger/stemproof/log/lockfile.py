"""One process at a time: a lock that the system lets go when its holder dies."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from stemproof.errors import Unavailable

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


@contextmanager
def hold_lock(place: Path | IO[bytes]) -> Iterator[None]:
    """Hold the lock of an open file, or of a file made for that; refuse where it is held."""
    if isinstance(place, Path):
        with place.open("ab") as file, _held(file):
            yield
    else:
        with _held(place):
            yield


@contextmanager
def _held(file: IO[bytes]) -> Iterator[None]:
    try:
        _lock(file.fileno())
    except OSError as error:
        raise Unavailable(
            f"{file.name} is in use by another process", hint="wait for it and try again"
        ) from error
    try:
        yield
    finally:
        _unlock(file.fileno())


# Windows locks bytes, and locked bytes cannot be read by others: one far beyond any content.
_FAR = 2**62

if sys.platform == "win32":

    def _lock(descriptor: int) -> None:
        _at_far(descriptor, msvcrt.LK_NBLCK)

    def _unlock(descriptor: int) -> None:
        _at_far(descriptor, msvcrt.LK_UNLCK)

    def _at_far(descriptor: int, action: int) -> None:
        import os

        here = os.lseek(descriptor, 0, os.SEEK_CUR)
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, action, 1)
        finally:
            os.lseek(descriptor, here, os.SEEK_SET)

else:

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
