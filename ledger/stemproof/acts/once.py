"""One look without a watch: what changed since the last one, none of it live."""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from stemproof.acts.begin import Work, list_works
from stemproof.acts.bounds import Bounds
from stemproof.acts.changes import Settling, find_changes
from stemproof.acts.desk import read_seen
from stemproof.acts.home import Home, opened
from stemproof.acts.keeping import check_place
from stemproof.acts.observe import Look, Observed, observe
from stemproof.acts.survey import FolderGone, survey
from stemproof.acts.watch import CLOCK, PACE, Clock, Pace, Say
from stemproof.acts.watching import only_watcher

if TYPE_CHECKING:
    from stemproof.log.store import Log

# What has not changed for so long is not being written; nobody needs to wait for it.
_OLD: Final = timedelta(seconds=3)
_PATIENCE_S: Final = 10.0


def look_once(
    home: Home,
    *,
    say: Say,
    works: Collection[bytes] | None = None,
    pace: Pace = PACE,
    clock: Clock = CLOCK,
) -> list[Observed]:
    """Record what changed in works, or in all of them; a paused one is left alone."""
    check_place(home)
    looked: list[Observed] = []
    gone: FolderGone | None = None
    with only_watcher(home), opened(home) as log:
        look = Look(moment=clock.moment, live=False, bound=Bounds(home, log).find)
        for work in list_works(log):
            if work.paused or (works is not None and work.id not in works):
                continue
            try:
                observed = observe(log, work, look, but=_unsettled(log, work, pace, clock))
            except FolderGone as error:
                # The other works are looked at all the same.
                gone = gone or error
                continue
            say(observed, work)
            looked.append(observed)
    if gone is not None:
        raise gone
    return looked


def _unsettled(log: Log, work: Work, pace: Pace, clock: Clock) -> set[str]:
    """Wait until nothing in a folder changes; name what still does after a while."""
    settling = Settling(pace.still_s, pace.still_s)
    deadline = clock.monotonic() + _PATIENCE_S
    seen = read_seen(log, work)
    while True:
        changes = find_changes(work.folder, survey(work.folder), seen)
        settled = settling.settle(changes, clock.monotonic())
        new_ns = int((clock.moment() - _OLD).timestamp() * 1e9)
        moving = {
            found.path
            for found in changes.changed
            if found not in settled.changed and found.mtime_ns > new_ns
        }
        moving |= changes.missing - settled.missing
        if not moving or clock.monotonic() > deadline:
            return moving
        time.sleep(pace.still_s / 4)
