"""Being woken when a folder changes, where the system tells (inotify, FSEvents, Windows).

Network drives and full watch tables tell nothing; whoever waits here looks by itself, too.
Nothing is read from these messages but that it is time to look, and into which folders.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stemproof.acts.kinds import kind_of, may_be_score

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent
    from watchdog.observers.api import BaseObserver, ObservedWatch

# Opening and closing without a change are what our own reading does.
_TELLING: Final = frozenset({"created", "modified", "moved", "deleted", "closed"})
# Whoever is told of more folders looks into all of them.
_MOST_FOLDERS: Final = 500
# After the system refused to tell of a folder, it is asked again only so much later.
_RETRY_S: Final = 60.0


class Waker:
    """Tells which folders changed, and wakes whoever waits for that."""

    def __init__(self) -> None:
        from watchdog.observers import Observer

        self._event = threading.Event()
        self._lock = threading.Lock()
        self._changed: dict[Path, set[str]] = {}
        self._finished: dict[Path, set[str]] = {}
        self._refused: dict[Path, float] = {}
        self._watches: dict[Path, tuple[int, ObservedWatch]] = {}
        self._observer: BaseObserver = Observer()
        self._observer.start()

    def close(self) -> None:
        """Stop listening."""
        self._observer.stop()
        self._observer.join(timeout=2)

    def listen(self, folders: Collection[Path]) -> None:
        """Listen to these folders and to no others; one that came back is listened to anew."""
        for folder in [folder for folder in self._watches if folder not in folders]:
            self._drop(folder)
        for folder in folders:
            inode = _inode(folder)
            known = self._watches.get(folder)
            if known is not None and known[0] != inode:
                self._drop(folder)
            if inode is not None and folder not in self._watches:
                self._add(folder, inode)

    def hears(self, folder: Path) -> bool:
        """Say whether the system tells of changes in this folder."""
        return folder in self._watches

    def take(self, folder: Path) -> frozenset[str]:
        """Give the folders in which something changed since this was asked last, by full path."""
        with self._lock:
            return frozenset(self._changed.pop(folder, ()))

    def finished(self, folder: Path) -> frozenset[str]:
        """Give the files that their writer has closed or put in place, and not touched since."""
        with self._lock:
            return frozenset(self._finished.get(folder, ()))

    def wait(self, timeout_s: float) -> None:
        """Wait until something changes, or for a while."""
        self._event.wait(timeout_s)
        self._event.clear()

    def wake(self, folder: Path, inner: Collection[str] = ()) -> None:
        """Wake whoever waits; note which folders within one changed."""
        if inner:
            with self._lock:
                changed = self._changed.setdefault(folder, set())
                if len(changed) < _MOST_FOLDERS:
                    changed.update(inner)
        self._event.set()

    def heed(self, folder: Path, event: FileSystemEvent) -> None:
        """Take in one message about a folder; runs in the observer's thread."""
        path = os.fsdecode(event.dest_path or event.src_path)
        with self._lock:
            finished = self._finished.setdefault(folder, set())
            if event.event_type not in ("closed", "moved"):
                finished.discard(path)
            elif len(finished) < _MOST_FOLDERS:
                finished.add(path)
        self.wake(folder, _places(event))

    def _add(self, folder: Path, inode: int) -> None:
        from watchdog.events import FileSystemEventHandler

        waker = self

        class Handler(FileSystemEventHandler):
            """Wakes for one folder; runs in the observer's thread."""

            def on_any_event(self, event: FileSystemEvent) -> None:
                if event.event_type in _TELLING and _is_about_music(event):
                    waker.heed(folder, event)

        if time.monotonic() < self._refused.get(folder, 0.0):
            return
        try:
            watch = self._observer.schedule(
                Handler(), str(folder), recursive=True, event_filter=_telling_events()
            )
        except OSError:
            # No more watches to be had, or no such file system: looking by itself goes on.
            self._refused[folder] = time.monotonic() + _RETRY_S
            return
        self._watches[folder] = (inode, watch)

    def _drop(self, folder: Path) -> None:
        _, watch = self._watches.pop(folder)
        try:
            self._observer.unschedule(watch)
        except (KeyError, OSError):
            # It ended by itself with its folder.
            return


def _is_about_music(event: FileSystemEvent) -> bool:
    if event.is_directory:
        # A changed folder is told with each file in it; a moved or deleted one is news.
        return event.event_type != "modified"
    names = [os.path.basename(os.fsdecode(path)) for path in (event.src_path, event.dest_path)]
    return any(kind_of(name) is not None or may_be_score(name) for name in names if name)


def _places(event: FileSystemEvent) -> list[str]:
    """Name the folders to look into; a folder that came or went is seen in the one above it."""
    paths = [os.fsdecode(path) for path in (event.src_path, event.dest_path) if path]
    above = [os.path.dirname(path) for path in paths]
    return [*paths, *above] if event.is_directory else above


def _telling_events() -> list[type[FileSystemEvent]]:
    """Give the events to ask the system for: it stays silent about all others."""
    from watchdog import events

    return [
        events.DirCreatedEvent,
        events.DirDeletedEvent,
        events.DirMovedEvent,
        events.FileClosedEvent,
        events.FileCreatedEvent,
        events.FileDeletedEvent,
        events.FileModifiedEvent,
        events.FileMovedEvent,
    ]


def _inode(folder: Path) -> int | None:
    try:
        return folder.stat().st_ino
    except OSError:
        return None
