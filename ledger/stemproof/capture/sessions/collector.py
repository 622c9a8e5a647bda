"""Python's search for cycles, paused while a big session is read.

A reader makes hundreds of thousands of objects and no cycle among them, and each search goes
through all that was made before: a tenth of the time and more. Memory is freed as ever, since
counting references goes on.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def pause_collector() -> Iterator[None]:
    """Pause the search until the end of the block; whoever turned it off finds it off."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
