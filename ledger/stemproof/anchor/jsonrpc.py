"""Decoding the JSON that a node or a table of chains holds.

The nesting is measured before Python's parser sees it (see record/depth.py).
"""

from __future__ import annotations

import json

from stemproof.record.depth import is_deeper

# A block with all its transactions and their access lists is seven deep.
MAX_DEPTH = 32
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def decode_answer(raw: bytes) -> object:
    """Decode an answer; ValueError where it is not JSON, or nested too deep."""
    if is_deeper(raw, MAX_DEPTH):
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    decoded: object = json.loads(raw)
    return decoded
