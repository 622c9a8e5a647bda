"""Calendars' promises beside a watch: asked now and then whether Bitcoin has taken them in.

    with keeping_promises(home, tell=print):
        watch(home, ...)

A thread of its own, so that recording never waits for a calendar. What a calendar does not
answer is asked again later, and nobody is told: a promise is in no hurry.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Final

from stemproof.acts.home import Home, opened
from stemproof.acts.stamps import Record, list_stamps
from stemproof.errors import StemproofError

# Bitcoin has a block in ten minutes, a calendar's transaction in some hours.
EVERY_S: Final = 1800.0
FIRST_S: Final = 60.0


@contextlib.contextmanager
def keeping_promises(
    home: Home,
    *,
    tell: Callable[[Record], None],
    first_s: float = FIRST_S,
    every_s: float = EVERY_S,
) -> Iterator[None]:
    """Ask after every promise now and then, until the block ends; tell of each that was kept."""
    ended = threading.Event()

    def run() -> None:
        wait_s = first_s
        while not ended.wait(wait_s):
            wait_s = every_s
            # The ledger is in use, or cannot be read: the watch itself tells of that.
            with contextlib.suppress(StemproofError):
                for record in _ask(home):
                    tell(record)

    thread = threading.Thread(target=run, name="promises", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        # Whatever a calendar is being asked is asked again another day.
        thread.join(timeout=1.0)


def _ask(home: Home) -> list[Record]:
    with opened(home) as log:
        if not any(record.is_pending for record in list_stamps(log)):
            return []
        # Heavy only where there is something to ask.
        from stemproof.acts.stamping import upgrade_pending

        return [each.record for each in upgrade_pending(log) if not each.record.is_pending]
