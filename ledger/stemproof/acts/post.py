"""One work at the watch: what was seen of it, what waits there, and when to look again.

The system tells which folders changed, where it does. Beside that, folders' own times and
sessions are looked at every few seconds, and every file now and then: together a small share
of one core, however much there is to watch.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from stemproof.acts.begin import Work
from stemproof.acts.changes import Changes, Settling
from stemproof.acts.desk import Seen
from stemproof.acts.home import now
from stemproof.acts.survey import Survey, Tree

# What looking without being told may cost all day, of one core: half for each of two ways.
_SHARE: Final = 0.002


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the watch does what, in seconds."""

    tick_s: float = 0.25
    # So often is the ledger asked what other processes did to its works.
    follow_s: float = 0.5
    look_s: float = 4.0
    # So long must a file have kept still before it is read, or missing before it is gone.
    still_s: float = 0.5
    # And so long where the system told that its writer has finished.
    soon_s: float = 0.05
    gone_s: float = 3.0
    beat_s: float = 60.0
    # Asleep for longer than this, nobody was watching.
    gap_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Clock:
    """Both clocks: the one on the wall, which people set, and the one that only runs."""

    moment: Callable[[], datetime] = now
    monotonic: Callable[[], float] = time.monotonic


PACE: Final = Pace()
CLOCK: Final = Clock()


@dataclass(slots=True)
class Post:
    """A work, what of it is known, and when to look again."""

    work: Work
    settling: Settling
    soon: Settling
    tree: Tree
    # What had changed before this watch began, and is not recorded yet.
    unwatched: set[str] = field(default_factory=set)
    # What the log knows of its files; nobody else writes that while this watch runs.
    seen: dict[str, Seen] | None = None
    missing: frozenset[str] = frozenset()
    is_open: bool = False
    # The folder itself, to be found again under a new name.
    inode: tuple[int, int] | None = None
    # When it was looked at last, by the clock on the wall, and nothing was changing.
    looked: datetime | None = None
    # When this watch began, by the same clock.
    opened: datetime | None = None
    # Folders to be listed anew, as the system told or as something there is not settled yet.
    changed: set[str] = field(default_factory=set)
    next_walk: float = 0.0
    next_glance: float = 0.0
    earliest_look: float = 0.0
    told: set[str] = field(default_factory=set)
    put_off: dict[str, float] = field(default_factory=dict)

    def begin_anew(self) -> None:
        """Be watched from the next look on, and not before."""
        self.is_open = False
        self.looked = self.opened = None
        self.next_walk = self.earliest_look = 0.0
        self.settling.forget()
        self.soon.forget()

    def settle(self, changes: Changes, at_s: float, finished: Collection[str]) -> Changes:
        """Keep of the changes what has kept still; for a finished file a moment will do."""
        settled = self.settling.settle(changes, at_s)
        soon = self.soon.settle(changes, at_s).changed
        place = os.fspath(self.work.folder)
        early = {one for one in soon if os.path.join(place, *one.path.split("/")) in finished}
        both = tuple(one for one in changes.changed if one in early or one in settled.changed)
        return replace(settled, changed=both)

    def look(self, at_s: float, look_s: float, posts: int) -> Survey | None:
        """Look where it is time to; None if there is nothing to be seen."""
        began = time.monotonic()
        if at_s >= self.next_walk:
            self.changed.clear()
            there = self.tree.walk()
            self.inode = inode_of(self.work.folder)
            self.next_walk = _later(at_s, began, look_s, posts)
            self.next_glance = min(self.next_walk, at_s + look_s)
            return there
        inner = {path for place in self.changed if (path := self.tree.within(place)) is not None}
        self.changed.clear()
        if at_s >= self.next_glance:
            inner |= self.tree.changed_folders()
            # What could not be heard is tried again, though no folder changed.
            inner |= {path.rpartition("/")[0] for path in self.put_off}
            self.next_glance = _later(at_s, began, look_s, posts)
        return self.tree.look_at(inner) if inner else None

    def find_renamed(self) -> Path | None:
        """Find the folder under another name beside the old one; None if it is not there."""
        if self.inode is None:
            return None
        with suppress(OSError), os.scandir(self.work.folder.parent) as entries:
            for entry in entries:
                if entry.inode() == self.inode[1] and entry.is_dir(follow_symlinks=False):
                    place = Path(entry.path)
                    # Numbers of folders are used again: it must hold what was known to lie there.
                    if inode_of(place) == self.inode and self._holds_known(place):
                        return place
        return None

    def _holds_known(self, place: Path) -> bool:
        known = [path for path, state in (self.seen or {}).items() if not state.is_gone]
        return any((place / path).is_file() for path in known)

    def mark(self, path: str) -> None:
        """Have the folder of a file listed anew at the next look."""
        self.changed.add(os.path.dirname(self.work.folder / path))


def inode_of(folder: Path) -> tuple[int, int] | None:
    """Tell a folder by its disk and number there, whatever its name; None if it is not there."""
    try:
        state = folder.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino


def _later(at_s: float, began: float, look_s: float, posts: int) -> float:
    """Say when to look by ourselves again, so that all looking stays a small share."""
    return at_s + max(look_s, (time.monotonic() - began) * posts / _SHARE)
