"""Strangers' text inside our sentences: one line, cut, and between quotes."""

from __future__ import annotations

from typing import Final

# What a name needs, and too little to write a line of the answer's own.
MAX_QUOTED: Final = 80


def quote(value: str | int) -> str:
    """Quote a text so that it can pass for nothing but a text; a number stands as it is.

    White space is collapsed, and what does not print is escaped.
    """
    if not isinstance(value, str):
        return str(value)
    text = " ".join(value.split())
    if len(text) > MAX_QUOTED:
        text = text[: MAX_QUOTED - 1] + "…"
    return repr(text)
