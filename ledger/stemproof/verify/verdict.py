"""Checks and the verdict that they add up to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from stemproof.errors import Refuted, StemproofError

Result = TypeVar("Result")


class State(StrEnum):
    """What one check, or all together, came to."""

    VERIFIED = "verified"
    REFUTED = "refuted"
    UNDECIDED = "undecided"
    # Shown, and counted neither way.
    NOTE = "note"


EXIT_CODES = {State.VERIFIED: 0, State.REFUTED: 1, State.UNDECIDED: 3}


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the answer."""

    name: str
    state: State
    says: str
    # What the verifier can do about it, with what they need for it in full.
    hint: str = ""
    # The file beside the bundle that it is about, as the verifier named it.
    file: str = ""


@dataclass(slots=True)
class Checks:
    """The lines so far; a failed one stops what depends on it, not the others."""

    lines: list[Check] = field(default_factory=list)

    def add(self, name: str, state: State, says: str, hint: str = "", *, file: str = "") -> None:
        """Add one line; `file` where it is about a file beside the bundle."""
        self.lines.append(Check(name, state, says, hint, file))

    def run(
        self, name: str, check: Callable[[], Result], say: Callable[[Result], str]
    ) -> Result | None:
        """Run one check: its error becomes a line, its result the sentence of `say`."""
        try:
            result = check()
        except StemproofError as error:
            state = State.REFUTED if isinstance(error, Refuted) else State.UNDECIDED
            self.add(name, state, str(error), error.hint or "")
            return None
        self.add(name, State.VERIFIED, say(result))
        return result

    @property
    def state(self) -> State:
        """Refuted if anything is; else undecided if anything is; else verified."""
        return _add_up({line.state for line in self.lines})

    @property
    def state_of_bundle(self) -> State:
        """Give what the bundle came to, whatever files were held against it."""
        return _add_up({line.state for line in self.lines if not line.file})


def _add_up(states: set[State]) -> State:
    for state in (State.REFUTED, State.UNDECIDED):
        if state in states:
            return state
    return State.VERIFIED if State.VERIFIED in states else State.UNDECIDED
