r"""Settings of plug-ins made with DISTRHO's framework: names and values, a zero byte after each.

    preset\0 Plate\0 \0 dry_level\0 80\0 decay\0 0.4\0 \0
    __dpf_program__\0 3\0 __dpf_parameters_begin__\0 decay\0 0.4\0 __dpf_parameters_end__\0 \xfe

(without the spaces). The second form is that of VST3 and CLAP; its marks stand alone. The first
has no mark of its own, so every field must hold or nothing is read.
"""

from __future__ import annotations

import re
from typing import Final

from .settings import MAX_PARAMETERS, Settings

_MOST_BYTES: Final = 8 << 20
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_ .:#-]{0,79}")
_MARK: Final = re.compile(r"__dpf_(?:state|parameters)_(?:begin|end)__")
_PROGRAM: Final = "__dpf_program__"


def read_distrho(data: bytes, settings: Settings) -> bool:
    """Read names and values; False if the bytes are anything else."""
    text = data.removesuffix(b"\xfe")
    count = text.count(b"\0")
    if len(text) > _MOST_BYTES or not text.endswith(b"\0") or not 2 <= count <= 4 * MAX_PARAMETERS:
        return False
    try:
        fields = text[:-1].decode("utf-8").split("\0")
    except UnicodeDecodeError:
        return False
    pairs = _pairs(fields)
    if pairs is None or not any(value for _, value in pairs):
        return False
    if not all(_NAME.fullmatch(name) and _is_text(value) for name, value in pairs):
        return False
    for name, value in pairs:
        settings.add("program" if name == _PROGRAM else name, value)
    return True


def _pairs(fields: list[str]) -> list[tuple[str, str]] | None:
    found: list[tuple[str, str]] = []
    rest = iter(fields)
    for name in rest:
        # An empty name ends the texts that stand before the parameters, or everything.
        if name and not _MARK.fullmatch(name):
            value = next(rest, None)
            if value is None:
                return None
            found.append((name, value))
    return found


def _is_text(value: str) -> bool:
    return all(c.isprintable() or c in "\n\r\t" for c in value)
