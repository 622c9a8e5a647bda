"""Names as words: "Studio One" is not "Udio", and "Ozone9" is "Ozone 9".

A pattern matches a whole name, or, with ` *` at its end, a name that begins with its words.
What a host writes around a name (vendor before it, `(x64)`, `Mono`, the name that a user gave in
quotes behind it) is left out of the comparison.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

#: A longer name is no plug-in's.
MAX_NAME: Final = 300
_WORD: Final = re.compile(r"[^\W\d_]+|\d+")
_GIVEN: Final = re.compile(r" '.*'\Z", re.DOTALL)
# How a host or an installer tells builds and channels of one plug-in apart.
_BUILDS: Final = frozenset(
    {("x", "64"), ("x", "86"), ("arm", "64"), ("64", "bit"), ("mono",), ("stereo",), ("demo",)}
    | {("vst",), ("vst", "3"), ("au",), ("clap",)}
)
_ANY: Final = " *"

Words = tuple[str, ...]


def split_words(text: str) -> Words:
    """Split a name into words: runs of letters and runs of digits, without case."""
    plain = unicodedata.normalize("NFKC", text[:MAX_NAME]).casefold()
    return tuple(_WORD.findall(plain))


def name_words(name: str, vendor: str = "") -> Words:
    """Give the words of a device's name, without its vendor, its build and a given name."""
    words = split_words(_GIVEN.sub("", name[:MAX_NAME]))
    maker = split_words(vendor)
    if maker and len(words) > len(maker) and words[: len(maker)] == maker:
        words = words[len(maker) :]
    while tail := next((t for t in _BUILDS if _ends_with(words, t)), None):
        words = words[: -len(tail)]
    return words


def matches(pattern: str, words: Words) -> int:
    """Say how many words of a name a pattern takes; 0 where it does not match."""
    if pattern.endswith(_ANY):
        wanted = split_words(pattern.removesuffix(_ANY))
        return len(wanted) if wanted and words[: len(wanted)] == wanted else 0
    wanted = split_words(pattern)
    return len(wanted) if wanted and words == wanted else 0


def contains(words: Words, inner: Words) -> bool:
    """Say whether words stand in others, one after the other and each one whole."""
    return bool(inner) and any(
        words[at : at + len(inner)] == inner for at in range(len(words) - len(inner) + 1)
    )


def _ends_with(words: Words, tail: Words) -> bool:
    # A name that is nothing but such a word keeps it.
    return len(words) > len(tail) and words[-len(tail) :] == tail
