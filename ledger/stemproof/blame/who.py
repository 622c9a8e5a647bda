"""Who set something last: the class as the rules gave it, the event, and how that is known.

    HERE_BEFORE     there when the record began
    RECORDED        a recorded decision names it
    SAVE            a save changed it; no single decision names it
    SEVERAL         one of several decisions did; they cannot be told apart without the saves
    UNRECORDED      changed since the last save that was recorded
    BURST           an AI-capable tool changed many of its settings at once: inferred
    DIGEST, MARK    the same bytes came out of a generator, or carry its mark
    LIKENESS        it sounds like what came out of a generator: no proof
    NOTES, TEXT     the same notes or words came out of a generator

A class is never made up here: it is that of a recorded event, or `unknown`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HERE_BEFORE: Final = "first sight"
RECORDED: Final = "decision"
SAVE: Final = "save"
SEVERAL: Final = "several decisions"
UNRECORDED: Final = "not recorded"
BURST: Final = "burst"
DIGEST: Final = "digest"
MARK: Final = "mark"
LIKENESS: Final = "likeness"
NOTES: Final = "notes"
TEXT: Final = "text"

_REPORTED: Final = frozenset({DIGEST, MARK, NOTES, TEXT})
_AI: Final = frozenset({"ai_automated", "ai_assisted", "ai_generated"})
_WORDS: Final = {
    "human": "human, played or recorded",
    "human_with_tool": "human with tool",
    "mixed": "human and AI tool",
}


@dataclass(frozen=True, slots=True)
class Origin:
    """The last change of a value: `event` is None where no event can be named."""

    event: int | None
    time: str
    class_: str
    live: bool | None
    how: str
    observed: str = "tool"

    @property
    def word(self) -> str:
        """Say who, for people."""
        if self.how == HERE_BEFORE:
            return "here before the record began"
        if self.how == UNRECORDED:
            return "unknown: not recorded yet"
        if self.how == LIKENESS:
            return "unknown: sounds like an AI result"
        if self.class_ in _AI:
            return f"AI tool {self._grade}"
        return _WORDS.get(self.class_, "unknown")

    @property
    def _grade(self) -> str:
        if self.how == MARK:
            return "made it (its mark says)"
        if self.how in _REPORTED:
            return "made it (reported)"
        return "acted (burst, inferred)" if self.how == BURST else "acted (reported)"


NOT_RECORDED: Final = Origin(None, "", "unknown", None, UNRECORDED)
