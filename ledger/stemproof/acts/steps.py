"""Which steps of undo logs are recorded already: each by a digest, or all up to a time.

A program writes its whole history anew with each save, so the ledger remembers what it has
recorded. A digest of a few common words can be guessed back. Erasing steps therefore forgets
all digests of their work and keeps one time, that of the newest undo log read: whatever claims
to be older counts as recorded. A step that claims to be from later than its own file would be
recorded anew, and one from an older log that was never read is not recorded any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from stemproof.capture.sessions.undo import UndoEntry
    from stemproof.log.store import Log

_KEY_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Fresh:
    """A step that is not recorded yet: its place in the log, and the digest it is known by."""

    number: int
    entry: UndoEntry
    key: bytes


def not_recorded(log: Log, work: bytes, entries: Iterable[UndoEntry]) -> Iterator[Fresh]:
    """Give the steps that are not recorded yet."""
    erased_until = _erased_until(log, work)
    alike: Counter[tuple[str, int, int]] = Counter()
    for number, entry in enumerate(entries):
        what = (entry.label, entry.time_s, entry.time_us)
        alike[what] += 1
        if entry.time_s <= erased_until:
            continue
        # Two alike actions within one second are two: the one stands behind the other.
        text = f"{entry.time_s} {entry.time_us} {alike[what]} {entry.label}"
        key = sha256(work + text.encode("utf-8", "surrogatepass")).digest()[:_KEY_BYTES]
        if log.fetch_one("undo_entry", work, key) is None:
            yield Fresh(number, entry, key)


def remember(log: Log, work: bytes, fresh: Iterable[Fresh]) -> None:
    """Note within a transaction that these are recorded."""
    for one in fresh:
        log.run("add_undo_entry", work, one.key)


def forget_steps(log: Log, work: bytes) -> None:
    """Keep of the steps recorded so far no digest, only until when they reach."""
    times = [mtime_ns // 10**9 for _, _, mtime_ns, _ in log.fetch_all("undo_logs", work)]
    if times:
        log.run("forget_undo_entries", work)
        log.run("forget_undo_logs", work)
        log.put_setting(_setting(work), str(max(*times, _erased_until(log, work))))


def _erased_until(log: Log, work: bytes) -> int:
    # Nothing was erased: no step claims a time before the epoch.
    return int(log.setting(_setting(work)) or -1)


def _setting(work: bytes) -> str:
    return f"undo.erased.{work.hex()}"
