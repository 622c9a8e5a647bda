"""Sessions as they were read last, so that a save is not compared with a file read twice.

The save before is nearly always one that was read last. Few are kept, enough for two
programs at once, and none of a size that a computer would miss.
"""

from __future__ import annotations

import hashlib
import threading
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from stemproof.capture.sessions.registry import read_session

if TYPE_CHECKING:
    from stemproof.capture.sessions.model import Session

# The oldest goes first: with two programs, the save before is the third from the end.
_MOST: Final = 3
# A session's model takes some ten times the room of its file.
_MAX_BYTES: Final = 16 << 20

_Key = tuple[str, bytes]
_kept: Final[dict[_Key, Session]] = {}
_lock: Final = threading.Lock()


def read_once(path: str, data: bytes) -> Session:
    """Read a session's bytes; the same bytes are not read again while they are kept."""
    # The name's end chooses the reader where content does not.
    key = (PurePosixPath(path).suffix.lower(), hashlib.sha256(data).digest())
    with _lock:
        session = _kept.get(key)
    if session is not None:
        return session
    session = read_session(path, data)
    if len(data) <= _MAX_BYTES:
        with _lock:
            _kept[key] = session
            while len(_kept) > _MOST:
                del _kept[next(iter(_kept))]
    return session
