"""How deep JSON is nested, told before it is parsed.

Python's decoder recurses in C. Whether it stops in time hangs on a limit of the whole process,
which libraries raise (py_ecc, below web3, to 100,000): then nested brackets end the process.
So every text of strangers is measured here first. No I/O.
"""

from __future__ import annotations

import re

# Text between quotes counts for nothing; a quote that never ends takes the rest with it.
_BRACKETS_OR_TEXT = re.compile(rb'[\[{\]}]|"(?:[^"\\]++|\\.)*+"?', re.DOTALL)


def is_deeper(data: bytes, most: int) -> bool:
    """Tell whether arrays and objects are nested more than `most` levels deep."""
    # All brackets, those in strings included, are an upper bound that is cheap to find.
    if data.count(b"[") + data.count(b"{") <= most:
        return False
    depth = 0
    for found in _BRACKETS_OR_TEXT.finditer(data):
        mark = found[0][0]
        if mark in b"[{":
            depth += 1
            if depth > most:
                return True
        elif mark in b"]}":
            depth -= 1
    return False
