"""Session readers that other packages bring, by entry points in the group `stemproof.readers`.

An entry point names a `Format`. A stranger's package may fail in any way, so its errors become
ours here, and one that cannot be loaded is passed by: it stands in the way of no other format.
docs/guides/readers.md shows a whole package.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Final

from stemproof.errors import BadInput

from .model import Session

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from .registry import Format

GROUP: Final = "stemproof.readers"
_LONGEST = 160


@dataclass(frozen=True, slots=True)
class Brought:
    """What other packages bring, and what is wrong with those that cannot be used."""

    formats: tuple[Format, ...]
    problems: tuple[str, ...]


@cache
def brought_formats() -> Brought:
    """Load the readers that other packages bring, in the order of their names."""
    from importlib.metadata import entry_points

    formats: list[Format] = []
    problems: list[str] = []
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        try:
            formats.append(_load(point))
        except BadInput as error:
            problems.append(str(error))
    return Brought(tuple(formats), tuple(problems))


def recognises(one: Format, name: str, head: bytes) -> bool:
    """Ask a stranger's reader whether a file is its own; one that fails does not know it."""
    try:
        return bool(one.recognises(name, head))
    except Exception:  # noqa: BLE001 - another package's code may fail in any way
        return False


def read(one: Format, data: bytes) -> Session:
    """Read by a stranger's reader; whatever it raises is bad input."""
    try:
        session = one.load()(data)
    except BadInput:
        raise
    except Exception as error:
        raise BadInput(
            f"the reader {one.brought_by!r} failed with {type(error).__name__}: {_shown(error)}",
            hint=f"tell who made the reader of {one.title!r:.60}",
        ) from error
    if not isinstance(session, Session):
        raise BadInput(f"the reader {one.brought_by!r} gave a {type(session).__name__:.40}")
    return session


def _load(point: EntryPoint) -> Format:
    from .registry import Format

    try:
        one = point.load()
    except Exception as error:
        raise BadInput(
            f"the session reader {point.name!r} cannot be loaded: {_shown(error)}"
        ) from error
    if not isinstance(one, Format):
        raise BadInput(f"the session reader {point.name!r} is no Format")
    sound = all(
        isinstance(extension, str) and extension.startswith(".") and extension == extension.lower()
        for extension in one.extensions
    )
    if not sound:
        raise BadInput(
            f"the session reader {point.name!r} has an extension that is not like '.xyz'"
        )
    return replace(one, brought_by=point.name)


def _shown(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return "".join(c if c.isprintable() else "?" for c in text)[:_LONGEST]
