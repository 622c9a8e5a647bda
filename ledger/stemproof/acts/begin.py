"""Beginning: a ledger with keys and a bound log, and works added to it."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from stemproof.acts.facts import fact
from stemproof.acts.home import Home, opened
from stemproof.errors import BadInput, Usage
from stemproof.log.store import OWN_WORK, Draft, Log, create_log
from stemproof.record.event import format_time

if TYPE_CHECKING:
    from stemproof.keys.ring import Created, Keys

_ID_PREFIX = re.compile(r"[0-9a-f]{4,32}")
MAX_TITLE = 200


@dataclass(frozen=True, slots=True)
class Work:
    """A piece of music being made: a watched folder and its title."""

    id: bytes
    folder: Path
    title: str
    paused: bool
    session: str
    last_change: str


def make_ledger(home: Home, passphrase: str, moment: datetime) -> Created:
    """Make keys and an empty log, bound to each other by event 0."""
    from stemproof.keys.ring import create

    home.make()
    if home.exists:
        raise BadInput(f"there is a ledger at {home.path} already")
    created = create(home.path, passphrase)
    with create_log(home.database) as log:
        bind_log(log, created.keys, moment)
    return created


def bind_log(log: Log, keys: Keys, moment: datetime) -> None:
    """Begin a device log by the event that binds its key to identity and account."""
    with log.writing():
        log.begin(keys.origin)
        log.append(
            OWN_WORK,
            [
                Draft(
                    time=format_time(moment),
                    action="log.open",
                    stage="none",
                    class_="unknown",
                    observed="tool",
                    actor="author",
                    tool="capture",
                    values={"body": keys.make_binding()},
                )
            ],
        )


def add_work(home: Home, folder: Path, title: str | None, moment: datetime) -> Work:
    """Begin to record the making of the piece in a folder; a known folder is its known work."""
    folder = folder.resolve()
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder")
    name = folder.name if title is None else title
    if not 0 < len(name) <= MAX_TITLE:
        raise Usage(f"the title has {len(name)} characters, want 1 to {MAX_TITLE}")
    with opened(home) as log, log.writing():
        for work in list_works(log):
            if work.folder == folder:
                return work
            if folder in work.folder.parents or work.folder in folder.parents:
                raise BadInput(
                    f"{folder} and {work.folder} (work {work.title!r}) lie in each other",
                    hint="watch the folder of one song, not of several",
                )
        work_id = secrets.token_bytes(16)
        log.run("add_project", work_id, str(folder), name)
        log.append(work_id, [fact("work.open", moment, {"title": name})])
    return Work(work_id, folder, name, False, "", "")


def list_works(log: Log) -> list[Work]:
    """List the works of a ledger, oldest first."""
    return [
        Work(row[0], Path(row[1]), row[2], bool(row[3]), row[4], row[5])
        for row in log.fetch_all("projects")
    ]


def find_work(log: Log, name: str | None, *, hint: str = "name one of them") -> Work:
    """Find a work by title, folder or the start of its id; the only one if none is named."""
    works = list_works(log)
    if not works:
        raise BadInput("this ledger has no work yet", hint="add one with `stemproof work add DIR`")
    if name is None:
        if len(works) == 1:
            return works[0]
        listed = ", ".join(repr(work.title) for work in works)
        raise Usage(f"this ledger has {len(works)} works: {listed}", hint=hint)
    path = Path(name).resolve()
    found = [
        work
        for work in works
        if work.title == name
        or work.folder == path
        or (_ID_PREFIX.fullmatch(name) and work.id.hex().startswith(name))
    ]
    if len(found) != 1:
        listed = ", ".join(repr(work.title) for work in works)
        amount = "no" if not found else "more than one"
        raise Usage(f"{amount} work is called {name!r:.80}; there are: {listed}")
    return found[0]
