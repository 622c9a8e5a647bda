"""Failures that nobody foresaw about one file: one sentence, details for a report, and on.

    reports/0123456789ab-cdef01234567.txt    work, and digest of the failure

A mistake in a reader must not end a watch that other songs rely on. What the system refuses
to everybody, such as room on a disk, is no failure of a file and goes on upwards, as do an
interrupt and an exit. Reports stay in the ledger folder and are sent to nobody.
"""

from __future__ import annotations

import errno
import platform
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final

from stemproof.errors import BadInput, StemproofError, Unavailable
from stemproof.keys.durable import write_whole

FOLDER: Final = "reports"
# Whoever has more has one mistake many times over.
MAX_REPORTS: Final = 50
_MAX_BYTES: Final = 64 << 10
# Not of one file: the next one would meet them as well, and later none may.
_OF_ALL: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EMFILE, errno.ENFILE}
)


class Failed(BadInput):
    """This program failed on a file in a way that it does not know; `report` holds details."""

    def __init__(self, error: Exception, report: Path | None) -> None:
        super().__init__(f"this program failed on it ({type(error).__name__:.40})")
        self.report = report


@contextmanager
def contained(ledger: Path, work: bytes, path: str) -> Iterator[None]:
    """Turn a failure on one file that nobody foresaw into one of ours, with a report."""
    try:
        yield
    except StemproofError:
        raise
    except OSError as error:
        if error.errno in _OF_ALL:
            raise Unavailable(f"{path} cannot be recorded now: {error.strerror}") from error
        raise Failed(error, _report(ledger, work, path, error)) from error
    except MemoryError as error:
        # A report needs some.
        _let_go(error)
        raise Failed(error, _report(ledger, work, path, error)) from None
    except Exception as error:
        raise Failed(error, _report(ledger, work, path, error)) from error


def _let_go(error: BaseException) -> None:
    """Free what filled the memory: it hangs on the frames in which that was noticed."""
    held: BaseException | None = error
    while held is not None:
        traceback.clear_frames(held.__traceback__)
        held = held.__context__


def forget_reports(ledger: Path, work: bytes) -> None:
    """Remove what was kept about failures on files of a work."""
    for path in (ledger / FOLDER).glob(f"{_mark(work)}-*.txt"):
        with suppress(OSError):
            path.unlink()


def _report(ledger: Path, work: bytes, path: str, error: Exception) -> Path | None:
    """Write down what a report of this mistake needs; None where that cannot be done now."""
    try:
        told = "".join(traceback.format_exception(error))
    except (MemoryError, RecursionError):
        told = type(error).__name__
    # The end names the error, and the beginning of a recursion says nothing new.
    told = told.encode("utf-8", "replace")[-_MAX_BYTES:].decode("utf-8", "replace")
    digest = sha256(f"{path}\n{told}".encode("utf-8", "surrogatepass")).hexdigest()
    report = ledger / FOLDER / f"{_mark(work)}-{digest[:12]}.txt"
    head = (
        f"stemproof {version('stemproof')}, Python {platform.python_version()},"
        f" {sys.platform}\nfile: {path!r}\n\n"
    )
    try:
        report.parent.mkdir(mode=0o700, exist_ok=True)
        if not report.exists():
            if sum(1 for _ in report.parent.iterdir()) >= MAX_REPORTS:
                return None
            write_whole(report, (head + told).encode("utf-8", "replace"))
    except (OSError, Unavailable, MemoryError):
        return None
    return report


def _mark(work: bytes) -> str:
    return work.hex()[:12]
