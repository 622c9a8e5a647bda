"""Which files of a work cannot be read now, and why: kept for `status`, no part of the record."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from stemproof.errors import BadInput
from stemproof.log.store import Log

# Long enough for a sentence, what to do about it, and a path.
_MAX_REASON = 900
# Whoever has more has one reason for all of them.
_MAX_KEPT = 100


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a file cannot be read, what to do about it, and where details lie on this computer."""

    why: str
    hint: str = ""
    report: Path | None = None

    @classmethod
    def of(cls, error: BadInput) -> Reason:
        """Take it from an error."""
        return cls(str(error), error.hint or "")

    @property
    def told(self) -> str:
        """All of it in one line."""
        parts = [self.why, self.hint]
        if self.report is not None:
            parts.append(f"other files go on being recorded; for a report of this: {self.report}")
        return "; ".join(part for part in parts if part)


def read_unreadable(log: Log, work: bytes) -> dict[str, str]:
    """Read which files of a work cannot be read now, and why."""
    kept = log.setting(_unreadable_setting(work))
    found: dict[str, str] = {} if kept is None else json.loads(kept)
    return found


def reason(path: str, why: str) -> str:
    """Give why a file cannot be read, for a line that names the file already."""
    name = path.rpartition("/")[2]
    for opening in (f"cannot read {name}: ", f"{name!r} cannot be read: "):
        if why.startswith(opening):
            return why.removeprefix(opening)
    return why


def reason_in(problem: str) -> str:
    """Name the file once in a problem that begins with its path."""
    path, mark, why = problem.partition(": ")
    return f"{path}{mark}{reason(path, why)}"


def note_unreadable(log: Log, work: bytes, path: str, why: str | None) -> None:
    """Remember for `status` that a file cannot be read now, or with None that it can."""
    known = read_unreadable(log, work)
    if known.get(path) == why:
        return
    known.pop(path, None)
    if why is not None and len(known) < _MAX_KEPT:
        known[path] = why[:_MAX_REASON]
    log.put_setting(_unreadable_setting(work), json.dumps(known, sort_keys=True))


def _unreadable_setting(work: bytes) -> str:
    return f"unreadable.{work.hex()}"
