"""What a REAPER track records from: the second number of its `REC` line.

Below 0 it is none. With 4096 it is MIDI; else the low ten bits are a channel, 512 and up those
of ReaRoute and loopback, 1024 makes it a pair and 2048 as many as the track has (I_RECINPUT).
"""

from __future__ import annotations

import re
from typing import Final

_NUMBER: Final = re.compile(r"[0-9]{1,5}", re.ASCII)
_MIDI: Final = 4096
_MANY: Final = 2048
_PAIR: Final = 1024
_INNER: Final = 512


def name_input(word: str) -> str:
    """Name the input as REAPER's menu does; empty where there is none, or no such number."""
    if not _NUMBER.fullmatch(word):
        return ""
    number = int(word)
    if number & _MIDI:
        return "MIDI"
    channel = number & (_INNER - 1)
    where = "ReaRoute or loopback" if number & _INNER else "input"
    if number & _PAIR:
        return f"{where} {channel + 1}/{channel + 2}"
    return f"{where} {channel + 1} and up" if number & _MANY else f"{where} {channel + 1}"
