"""What scripts in a DAW told: lines in a folder of the ledger, read into events by the watch.

    spool/reaper-0123456789abcdef.jsonl      one file a run of a script, one fact a line

A line is JSON with exactly these members, each text at most 300 characters:

    {"from":"-3.0 dB","n":7,"object":"{GUID}","project":"/songs/Song.rpp",
     "run":"0123456789abcdef","script":"reaper","text":"Vox: volume -3.0 dB -> -4.5 dB",
     "time":"2026-11-22T12:00:00Z","to":"-4.5 dB","track":"Vox","v":0,"what":"track.volume"}

Any program of this user can write here, so nothing is believed: files, lines and texts are
bounded, the time is a claim, the class is unknown, and what is not such a line is counted and
left out. A file is taken away before it is read; `n` shows what was lost, and keeps a line
from being recorded twice.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stemproof.acts.begin import Work
from stemproof.acts.home import Home
from stemproof.errors import Malformed
from stemproof.log.store import Draft
from stemproof.record.canonical import MAX_INTEGER, Json, canonical_bytes, parse_object
from stemproof.record.event import format_time

if TYPE_CHECKING:
    from stemproof.log.store import Log

MAX_FILE_BYTES: Final = 2 << 20
MAX_LINE_BYTES: Final = 8192
MAX_TEXT: Final = 300
# A long session in one program is one file; whoever finds more has left a watch off for weeks.
MAX_FILES: Final = 64
# A writer holds a file open for one line; afterwards nobody writes into it any more.
GRACE_S: Final = 1.0
_NAME: Final = re.compile(r"(reaper|ardour|live)-([0-9a-f]{16})\.jsonl(\.taken)?")
_WHAT: Final = re.compile(r"(?:session|track|device)\.[a-z]{1,20}")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_TEXTS: Final = (
    "from",
    "object",
    "project",
    "run",
    "script",
    "text",
    "time",
    "to",
    "track",
    "what",
)
_MEMBERS: Final = frozenset((*_TEXTS, "n", "v"))
_SETTING: Final = "spool.last"
# Of so many runs it is remembered how far they were read.
_MAX_RUNS: Final = 200


@dataclass(frozen=True, slots=True)
class Told:
    """One line of a script."""

    script: str
    run: str
    n: int
    project: str
    time: str
    what: str
    text: str
    track: str
    object_id: str
    before: str
    after: str


@dataclass(slots=True)
class Taken:
    """What one taking brought into the log."""

    told: list[tuple[Work, Told]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def spool_folder(home: Home) -> Path:
    """Say where scripts write."""
    return home.path / "spool"


def parse_told(line: bytes) -> Told:
    """Read one line, without its end, in the one form that our scripts write."""
    raw = parse_object(line, what="spool line", max_bytes=MAX_LINE_BYTES)
    if raw.keys() != _MEMBERS:
        raise Malformed("spool line", line[:60], "an object with the members of version 0")
    version, number = raw["v"], raw["n"]
    if type(version) is not int or version != 0:
        raise Malformed("spool line version", version, "0")
    if type(number) is not int or not 0 < number <= MAX_INTEGER:
        raise Malformed("n", number, "a number from 1")
    texts = {name: _text(name, raw[name]) for name in _TEXTS}
    if not _NAME.fullmatch(f"{texts['script']}-{texts['run']}.jsonl"):
        raise Malformed("script and run", texts["run"], "a known script and 16 hex digits")
    if not _WHAT.fullmatch(texts["what"]):
        raise Malformed("what", texts["what"], "session, track or device, a dot and a word")
    if not _is_time(texts["time"]):
        raise Malformed("time", texts["time"], "YYYY-MM-DDTHH:MM:SSZ")
    return Told(
        script=texts["script"],
        run=texts["run"],
        n=number,
        project=texts["project"],
        time=texts["time"],
        what=texts["what"],
        text=texts["text"],
        track=texts["track"],
        object_id=texts["object"],
        before=texts["from"],
        after=texts["to"],
    )


def take_spool(home: Home, log: Log, moment: datetime, *, only: Sequence[Work]) -> Taken:
    """Record what scripts told about these works; a work that is paused is not recorded."""
    taken = Taken()
    done: list[Path] = []
    last = _read_last(log)
    for path in _take_files(spool_folder(home), moment, taken):
        lines = list(_lines(path, taken))
        done.append(path)
        _record(log, lines, moment, last, taken, only)
    # Only now is it durable; what could not be removed is not recorded twice.
    for path in done:
        try:
            path.unlink()
        except OSError as error:
            taken.problems.append(f"{path.name} cannot be removed: {error.strerror}")
    return taken


def _record(
    log: Log,
    lines: Sequence[Told],
    moment: datetime,
    last: dict[str, int],
    taken: Taken,
    only: Sequence[Work],
) -> None:
    strangers: set[str] = set()
    drafts: dict[bytes, list[Draft]] = {}
    with log.writing():
        for told in lines:
            before = last.get(told.run, 0)
            if told.n <= before:
                continue
            last.pop(told.run, None)
            last[told.run] = told.n
            work = _work_of(told, only)
            if work is None:
                strangers.add(told.project)
                continue
            drafts.setdefault(work.id, []).append(_draft(told, work, moment, told.n - before - 1))
            taken.told.append((work, told))
        for work_id, made in drafts.items():
            log.append(work_id, made)
        while len(last) > _MAX_RUNS:
            del last[next(iter(last))]
        if lines:
            log.put_setting(_SETTING, json.dumps(last))
    if strangers and len(strangers) < len(lines):
        taken.problems.append(f"scripts told of {len(strangers)} projects that are not recorded")


def _draft(told: Told, work: Work, moment: datetime, lost: int) -> Draft:
    path = Path(told.project)
    body: dict[str, Json] = {
        "script": told.script,
        "run": told.run,
        "n": told.n,
        "path": path.relative_to(work.folder).as_posix() if told.project else "",
        "claimed_time": told.time,
        "what": told.what,
        "track": told.track,
        "object": told.object_id,
        "from": told.before,
        "to": told.after,
        "text": told.text,
    }
    if lost:
        body["lost"] = lost
    return Draft(
        time=format_time(moment),
        action="daw.told",
        stage="none",
        class_="unknown",
        observed="tool",
        actor="unknown",
        tool="daw",
        session=work.session,
        values={"body": canonical_bytes(body)},
    )


def _work_of(told: Told, only: Sequence[Work]) -> Work | None:
    """Find the work in whose folder the project lies; without a project, the only work."""
    if not told.project:
        # Live tells where a set lies from version 12 on.
        return only[0] if len(only) == 1 and told.script == "live" else None
    path = Path(told.project)
    if not path.is_absolute() or ".." in path.parts:
        return None
    return next((work for work in only if work.folder in path.parents), None)


def _take_files(folder: Path, moment: datetime, taken: Taken) -> Iterator[Path]:
    """Take files away from their writers, and give those that nobody writes into any more."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        # No script is installed.
        return
    known = [entry for entry in entries if _NAME.fullmatch(entry.name)]
    if len(known) > MAX_FILES:
        taken.problems.append(f"{folder} holds {len(known)} files, {MAX_FILES} are read at once")
    for entry in known[:MAX_FILES]:
        try:
            state = entry.stat(follow_symlinks=False)
            if not stat.S_ISREG(state.st_mode):
                continue
            if entry.name.endswith(".taken"):
                if moment.timestamp() - state.st_ctime >= GRACE_S:
                    yield Path(entry.path)
            elif not os.path.lexists(entry.path + ".taken"):
                # A name of its own: a script that goes on begins a new file.
                os.rename(entry.path, entry.path + ".taken")
        except OSError:
            # Windows does not rename what somebody has open; the next turn will.
            continue


def _lines(path: Path, taken: Taken) -> Iterator[Told]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        taken.problems.append(f"{path.name} cannot be read: {error.strerror}")
        return
    bad = len(data) > MAX_FILE_BYTES
    *lines, rest = data[:MAX_FILE_BYTES].split(b"\n")
    wrong = int(bad or bool(rest))
    for line in lines:
        try:
            yield parse_told(line)
        except Malformed:
            wrong += 1
    if wrong:
        taken.problems.append(f"{path.name}: {wrong} lines are not such as our scripts write")


def _read_last(log: Log) -> dict[str, int]:
    kept = log.setting(_SETTING)
    found: dict[str, int] = {} if kept is None else json.loads(kept)
    return found


def _text(name: str, value: Json) -> str:
    # The project is a path; the others are words of a person's own.
    most = 4096 if name == "project" else MAX_TEXT
    if not isinstance(value, str) or len(value) > most:
        raise Malformed(name, value, f"a text of at most {most} characters")
    return value


def _is_time(text: str) -> bool:
    if not _TIME.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
