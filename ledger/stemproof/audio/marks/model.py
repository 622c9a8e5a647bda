"""What the readers of tags give, and what is found in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from stemproof.errors import BadInput
from stemproof.record.canonical import Json

# The longest tags that are met hold ComfyUI's graphs, of some hundred kilobytes.
MAX_TEXT_BYTES: Final = 4 << 20
# A podcast with chapters has hundreds of tags.
MAX_TAGS: Final = 4_000
# Of all texts of a file together.
MAX_TOTAL_CHARACTERS: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class Tag:
    """One text that stands in a file beside the sound.

    `source` is the kind of place (id3, riff-info, bext, ixml, xmp, mp4, vorbis, ape), `name`
    the field within it as its format spells it, such as `COMM` or `TXXX:AIGC`.
    """

    source: str
    name: str
    text: str

    @property
    def key(self) -> str:
        """The field's own name, without the frame that carries named fields."""
        return self.name.rpartition(":")[2].lower()


@dataclass(slots=True)
class Tags:
    """Everything that was read of one file; `problems` are sentences about what was not."""

    container: str = ""
    tags: list[Tag] = field(default_factory=list)
    # Where a store of Content Credentials lies, in words; empty if none was met.
    credentials: str = ""
    problems: list[str] = field(default_factory=list)
    characters: int = 0

    def add(self, source: str, name: str, text: str) -> None:
        """Keep a text, within bounds."""
        text = text.strip("\0 \t\r\n")
        if not text:
            return
        self.characters += len(text)
        if len(self.tags) >= MAX_TAGS or self.characters > MAX_TOTAL_CHARACTERS:
            raise BadInput(
                f"it holds more than {MAX_TAGS} tags or {MAX_TOTAL_CHARACTERS} characters of them"
            )
        self.tags.append(Tag(source, name, text))

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Turn damage of one kind of tag into a problem that is told; other kinds are read on."""
        try:
            yield
        except BadInput as error:
            self.problems.append(str(error))


@dataclass(frozen=True, slots=True)
class Finding:
    """One mark: what it is, who signed it, whether that holds, and all of it in one sentence.

    `kind` is `generator` (it says that a generator made this), `credentials` (Content
    Credentials that say something else, or could not be checked) or `program` (which program
    wrote the file: not about AI). `prompt` is private, like the text that it was taken from.
    """

    source: str
    generator: str
    text: str
    says: str
    kind: str
    signed: bool | None = False
    valid: bool | None = None
    trusted: bool | None = None
    prompt: str = ""
    # The class of a decision that this is about, in the words of record/vocabulary.py.
    class_: str = "unknown"

    def as_json(self) -> dict[str, Json]:
        """Give the same facts as one object."""
        return {
            "source": self.source,
            "generator": self.generator,
            "text": self.text,
            "signed": self.signed,
            "valid": self.valid,
            "trusted": self.trusted,
            "says": self.says,
            "kind": self.kind,
            "prompt": self.prompt,
        }
