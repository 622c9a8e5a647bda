"""Decoding the JSON that a node or a table of chains holds.

The nesting is measured before Python's parser sees it: that parser recurses in C, and py_ecc,
which web3 imports, lifts the interpreter's recursion limit so far that deep nesting would crash
the process instead of raising.
"""

from __future__ import annotations

import json
import re

# A block with all its transactions and their access lists is seven deep.
MAX_DEPTH = 32
_MARKS = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def decode_answer(raw: bytes) -> object:
    """Decode an answer; ValueError where it is not JSON, or nested too deep."""
    depth = 0
    for mark in _MARKS.finditer(raw):
        first = mark[0][:1]
        if first in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(f"nested deeper than {MAX_DEPTH}")
        elif first in b"]}":
            depth -= 1
    decoded: object = json.loads(raw)
    return decoded
