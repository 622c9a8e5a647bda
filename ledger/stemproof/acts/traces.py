"""What a work's log tells of machines that generate: results, marks, and the files they are.

A result or a mark says where bytes came from. That is joined here with the files that a
session plays, by digest; by fingerprint where the log tells it, which is likeness, no proof.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stemproof.acts.takes import find_file
from stemproof.blame.who import DIGEST, LIKENESS, MARK, Origin

if TYPE_CHECKING:
    from stemproof.acts.desk import Seen
    from stemproof.acts.saved_steps import Fact, History

_HEARD: Final = ("audio.appeared", "audio.changed")


@dataclass(frozen=True, slots=True)
class Output:
    """One result of a generator."""

    event: int
    time: str
    call: str
    index: int
    media: str
    sha256: str
    status: str

    @property
    def origin(self) -> Origin:
        """Say that this is where bytes came from."""
        return Origin(self.event, self.time, "ai_generated", True, DIGEST)

    def origin_by(self, how: str) -> Origin:
        """Say the same of what was recognised in another way."""
        return Origin(self.event, self.time, "ai_generated", True, how)


@dataclass(frozen=True, slots=True)
class Traces:
    """Results by digest, marks by digest, and the first event of each audio content."""

    outputs: tuple[Output, ...]
    marks: Mapping[str, Origin]
    heard: Mapping[str, Fact]

    def sound(self, sha256: str) -> Origin | None:
        """Say where the sound of a file came from; None where nothing tells."""
        for output in self.outputs:
            if output.sha256 == sha256 and output.status != "failed":
                return output.origin
        if (mark := self.marks.get(sha256)) is not None:
            return mark
        fact = self.heard.get(sha256)
        if fact is None:
            return None
        is_live = fact.body.get("live") is True
        return Origin(fact.event, fact.header.time, "unknown", is_live, fact.header.action)


def find_traces(history: History) -> Traces:
    """Sort a work's facts about machines and audio files."""
    outputs = tuple(_output(fact) for fact in history.of("gen.result"))
    marks: dict[str, Origin] = {}
    for fact in history.of("ai.mark"):
        if fact.body.get("kind", "generator") == "generator":
            marks.setdefault(str(fact.body.get("sha256")), _mark(fact))
    for fact in history.of("gen.keep"):
        if fact.body.get("how") == "fingerprint":
            alike = Origin(fact.event, fact.header.time, "unknown", None, LIKENESS)
            marks.setdefault(str(fact.body.get("file_sha256")), alike)
    heard: dict[str, Fact] = {}
    for fact in history.of(*_HEARD):
        heard.setdefault(str(fact.body.get("sha256")), fact)
    return Traces(outputs, marks, heard)


def file_of(media: str, seen: Mapping[str, Seen]) -> tuple[str, str] | None:
    """Find the file of the project that a session means, and its digest."""
    path = find_file(media, seen)
    return None if path is None else (path, seen[path].digest.hex())


def _output(fact: Fact) -> Output:
    body = fact.body
    return Output(
        fact.event,
        fact.header.time,
        str(body["call"]),
        int(body["index"]),
        str(body["media"]).partition(";")[0].strip().lower(),
        str(body["sha256"]),
        str(body["status"]),
    )


def _mark(fact: Fact) -> Origin:
    first = fact.body.get("first")
    is_alike = isinstance(first, dict) and first.get("how") == "fingerprint"
    how, class_ = (LIKENESS, "unknown") if is_alike else (MARK, fact.header.class_)
    return Origin(fact.event, fact.header.time, class_, None, how)
