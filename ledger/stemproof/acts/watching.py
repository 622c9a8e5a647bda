"""One watcher a ledger: a lock that the system lets go when its holder dies."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Final

from stemproof.acts.home import Home
from stemproof.anchor.filelock import hold_lock
from stemproof.errors import Unavailable

_LOCK: Final = "watch.lock"
# The lock may be held for a moment by somebody who asks whether a watch runs.
_LOCK_PATIENCE_S: Final = 1.0


@contextlib.contextmanager
def only_watcher(home: Home) -> Iterator[None]:
    """Be the one watcher of a ledger, or refuse."""
    path = home.locks / _LOCK
    try:
        home.locks.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        raise Unavailable(f"{path} cannot be made: {error.strerror}") from error
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(hold_lock(path, timeout_s=_LOCK_PATIENCE_S))
        except Unavailable as error:
            raise Unavailable(
                f"a watch of the ledger at {home.path} is running already",
                hint="it records by itself; end it first if you want another one",
            ) from error
        path.write_text(f"{os.getpid()}\n", "ascii")
        yield


def is_watched(home: Home) -> bool:
    """Say whether a watch of this ledger is running."""
    path = home.locks / _LOCK
    if not path.exists():
        return False
    try:
        with hold_lock(path, timeout_s=0):
            return False
    except Unavailable:
        return True
