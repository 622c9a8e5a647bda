"""Being woken when a folder changes, where the system tells (inotify, FSEvents, Windows).

Network drives and full watch tables tell nothing; whoever waits here looks by itself, too.
Nothing is read from these messages but that it is time to look.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stemproof.acts.survey import kind_of

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent
    from watchdog.observers.api import BaseObserver, ObservedWatch

# Opening and closing without a change are what our own reading does.
_TELLING: Final = frozenset({"created", "modified", "moved", "deleted", "closed"})


class Waker:
    """Tells which folders changed, and wakes whoever waits for that."""

    def __init__(self) -> None:
        from watchdog.observers import Observer

        self._event = threading.Event()
        self._lock = threading.Lock()
        self._changed: set[Path] = set()
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

    def take(self, folder: Path) -> bool:
        """Say whether a folder changed since it was asked last."""
        with self._lock:
            if folder in self._changed:
                self._changed.discard(folder)
                return True
            return False

    def wait(self, timeout_s: float) -> None:
        """Wait until something changes, or for a while."""
        self._event.wait(timeout_s)
        self._event.clear()

    def wake(self, folder: Path) -> None:
        """Note that a folder changed."""
        with self._lock:
            self._changed.add(folder)
        self._event.set()

    def _add(self, folder: Path, inode: int) -> None:
        from watchdog.events import FileSystemEventHandler

        waker = self

        class Handler(FileSystemEventHandler):
            """Wakes for one folder; runs in the observer's thread."""

            def on_any_event(self, event: FileSystemEvent) -> None:
                if event.event_type in _TELLING and _is_about_music(event):
                    waker.wake(folder)

        try:
            watch = self._observer.schedule(Handler(), str(folder), recursive=True)
        except OSError:
            # No more watches to be had, or no such file system: looking by itself goes on.
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
    return any(kind_of(name) is not None for name in names if name)


def _inode(folder: Path) -> int | None:
    try:
        return folder.stat().st_ino
    except OSError:
        return None
