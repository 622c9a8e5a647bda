"""What a watch tells people: whatever stands in its way once, until recording goes on."""

from __future__ import annotations

from collections.abc import Callable

from stemproof.acts.begin import Work
from stemproof.acts.desk import Line, Observed
from stemproof.errors import Unavailable

Say = Callable[[Observed, Work], None]


class Telling:
    """Hands on what was observed, and remembers what was told of what is in the way."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._told: set[str] = set()

    def recorded(self) -> None:
        """Note that something was recorded: what was in the way before is worth telling again."""
        self._told.clear()

    def line(self, work: Work, path: str, text: str) -> None:
        """Tell one thing about a file, or without a path about the work."""
        self._say(Observed(said=[Line(path, text)]), work)

    def problem(self, work: Work, problem: str) -> None:
        """Tell what is not recorded."""
        self._say(Observed(problems=[problem]), work)

    def report(self, work: Work, observed: Observed) -> None:
        """Tell what a look brought; what the vault did not take is offered twice and told once."""
        if observed.said:
            self.recorded()
        observed.unkept = [line for line in observed.unkept if self._is_new(f"{line}")]
        if observed.said or observed.unkept or observed.problems:
            self._say(observed, work)

    def complain(self, works: list[Work], error: Unavailable) -> None:
        """Tell once why nothing can be recorded, such as a full disk, at the first of these."""
        # A quiet look writes nothing, and does not show that writing would go.
        told = f"{error}; {error.hint}" if error.hint else str(error)
        if self._is_new(told) and works:
            self.problem(works[0], told)

    def _is_new(self, text: str) -> bool:
        if text in self._told:
            return False
        self._told.add(text)
        return True
