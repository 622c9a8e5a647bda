"""Locks between processes, which the system lets go when their holder dies (flock)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stemproof.errors import Unavailable

if sys.platform != "win32":
    import fcntl


@contextmanager
def shared(path: Path) -> Iterator[None]:
    """Wait for and hold `path` together with other sharers."""
    with _flocked(path, is_shared=True, waits=True):
        yield


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Wait for and hold `path` alone."""
    with _flocked(path, is_shared=False, waits=True):
        yield


@contextmanager
def exclusive_now(path: Path) -> Iterator[None]:
    """Hold `path` alone, or raise BlockingIOError at once."""
    with _flocked(path, is_shared=False, waits=False):
        yield


def is_held(path: Path) -> bool:
    """Tell whether some process holds `path`."""
    if not path.exists():
        return False
    try:
        with exclusive_now(path):
            return False
    except BlockingIOError:
        return True


@contextmanager
def _flocked(path: Path, *, is_shared: bool, waits: bool) -> Iterator[None]:
    if sys.platform == "win32":
        raise Unavailable("the block store needs file locks, which this system does not have")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        mode = fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX
        fcntl.flock(descriptor, mode if waits else mode | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
