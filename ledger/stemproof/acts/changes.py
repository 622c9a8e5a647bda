"""Which files of a project changed since they were last seen, and which of them keep still."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from stemproof.acts.desk import Seen
from stemproof.acts.sound import NO_DIGEST
from stemproof.acts.survey import Found, Survey

# One file may be deleted; all of them at once is a disk that was unplugged.
_FEW: Final = 2


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs between a survey and what was seen before, oldest change first."""

    changed: tuple[Found, ...]
    missing: frozenset[str]
    problems: tuple[str, ...]

    @property
    def sessions(self) -> tuple[Found, ...]:
        """The session files among the changed: they are recorded first, and at once."""
        return tuple(found for found in self.changed if found.kind == "session")

    @property
    def audio(self) -> tuple[Found, ...]:
        """The audio files among the changed: hearing them takes its time."""
        return tuple(found for found in self.changed if found.kind == "audio")


def find_changes(folder: Path, survey: Survey, seen: Mapping[str, Seen]) -> Changes:
    """Compare a survey with what was seen before."""
    changed = tuple(found for found in survey.found if _differs(folder, found, seen))
    present = {found.path for found in survey.found}
    there = {path for path, state in seen.items() if not state.is_gone}
    problems = [f"the folder {path} cannot be read" for path in survey.closed]
    problems += [f"{name}: its name is not Unicode; rename it" for name in survey.unnamed]
    if not present and len(there) >= _FEW:
        problems.append("all files are gone at once: is a disk unplugged? nothing was recorded")
        return Changes((), frozenset(), tuple(problems))
    missing = frozenset(path for path in there - present if not survey.hides(path))
    return Changes(changed, missing, tuple(problems))


def _differs(folder: Path, found: Found, seen: Mapping[str, Seen]) -> bool:
    state = seen.get(found.path)
    if _is_emptied(found) and (state is None or state.size <= 0):
        # A bounce that has only begun: programs make the file long before they write to it.
        return False
    if state is None or not state.is_state_of(found):
        return True
    # A file that was closed to us may have been opened, which leaves size and time as they were.
    return state.digest == NO_DIGEST and os.access(folder / found.path, os.R_OK)


def _is_emptied(found: Found) -> bool:
    return found.kind == "audio" and found.size == 0


@dataclass(slots=True)
class Settling:
    """How long changed files have kept still, by a clock that nobody sets.

    Audio without a byte is most often rendered anew: it must stay so as long as what is gone.
    """

    still_s: float
    gone_s: float
    _since: dict[str, tuple[tuple[int, int], float]] = field(default_factory=dict)

    def settle(self, changes: Changes, at_s: float) -> Changes:
        """Keep of the changes those that have not changed again for a while."""
        states = {found.path: (found.size, found.mtime_ns) for found in changes.changed}
        states |= dict.fromkeys(changes.missing, (-1, -1))
        since = {
            path: (
                state,
                at_s if (known := self._since.get(path, _NEVER))[0] != state else known[1],
            )
            for path, state in states.items()
        }
        self._since = since
        return Changes(
            changed=tuple(
                found
                for found in changes.changed
                if at_s - since[found.path][1]
                >= (self.gone_s if _is_emptied(found) else self.still_s)
            ),
            missing=frozenset(
                path for path in changes.missing if at_s - since[path][1] >= self.gone_s
            ),
            problems=changes.problems,
        )

    def forget(self) -> None:
        """Begin anew: the next look is the first one."""
        self._since = {}


_NEVER: Final = ((0, 0), 0.0)
