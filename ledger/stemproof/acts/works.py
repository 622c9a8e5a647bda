"""What else is done to a work: it moves to another folder, its recording rests and goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stemproof.acts.begin import Work, list_works
from stemproof.errors import BadInput
from stemproof.log.store import Log


def move_work(log: Log, work: Work, folder: Path) -> Work:
    """Go on recording a work in another folder; its history and its known files stay."""
    folder = folder.resolve()
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder")
    with log.writing():
        for other in list_works(log):
            if other.id == work.id:
                continue
            nested = folder in other.folder.parents or other.folder in folder.parents
            if folder == other.folder or nested:
                raise BadInput(
                    f"{folder} is watched already, or lies in or around the folder of"
                    f" {other.title!r}: {other.folder}"
                )
        log.run("move_project", str(folder), work.id)
    return replace(work, folder=folder)


def set_paused(log: Log, works: Sequence[Work], paused: bool) -> list[Work]:
    """Let the recording of works rest or go on; give those for which that changed something."""
    changed = [work for work in works if work.paused != paused]
    with log.writing():
        for work in changed:
            log.run("put_paused", int(paused), work.id)
    return changed
