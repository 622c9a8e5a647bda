"""Blame of words: which stretches of a text came out of a generator, and which did not.

What is identical to an output is the generator's; of the rest it was not seen how it came,
since nothing watches a text file being typed. Words in a score are better off: each save of a
score is recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stemproof.acts.finding import text_of
from stemproof.acts.saved_steps import read_history
from stemproof.acts.traces import find_traces
from stemproof.blame.spans import MAX_TEXT, find_spans
from stemproof.blame.who import SAVE, TEXT, Origin
from stemproof.errors import BadInput

if TYPE_CHECKING:
    from stemproof.acts.begin import Work
    from stemproof.acts.blaming import Source
    from stemproof.log.store import Log


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a text, from `start` to `end`, and who set it."""

    start: int
    end: int
    text: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class TextBlame:
    """A text in its parts; how many outputs it was compared with, of how many there are."""

    parts: tuple[Part, ...]
    compared: int
    outputs: int


def blame_text(log: Log, work: Work, data: bytes, source: Source) -> TextBlame:
    """Attribute a text by the outputs of generators that this work's log names."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput("the text is not UTF-8", hint="save it as UTF-8") from error
    if len(text) > MAX_TEXT:
        raise BadInput(f"the text has {len(text)} characters, more than {MAX_TEXT}")
    outputs = [
        one
        for one in find_traces(read_history(log, work.id)).outputs
        if one.media.startswith("text/") and one.status != "failed"
    ]
    pairs = [(one, raw) for one in outputs if (raw := text_of(one, source))]
    spans = find_spans(text, [raw for _, raw in pairs])
    marked = [(span.start, span.end, pairs[span.output][0].origin_by(TEXT)) for span in spans]
    return TextBlame(tuple(_parts(text, marked)), len(pairs), len(outputs))


def _parts(text: str, marked: Sequence[tuple[int, int, Origin]]) -> Iterator[Part]:
    unseen = Origin(None, "", "unknown", None, SAVE)
    at = 0
    for start, end, origin in [*marked, (len(text), len(text), unseen)]:
        if text[at:start].strip():
            yield Part(at, start, text[at:start], unseen)
        if start < end:
            yield Part(start, end, text[start:end], origin)
        at = end
