"""RFC 8785 for our integers, commitments and leaves, written down as they are read.

Character by character and without a line of the package: what the fast code is compared with,
and what the vectors are made by.
"""

from __future__ import annotations

import hashlib
from typing import TypeAlias

Value: TypeAlias = "dict[str, Value] | list[Value] | str | int | bool | None"

# RFC 8785 section 3.2.2.2: these five have short forms, other controls are \u00xx.
SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def spell(value: Value) -> str:
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return ("-" if value < 0 else "") + "".join(
            "0123456789"[int(digit)] for digit in str(abs(value))
        )
    if isinstance(value, str):
        return '"' + "".join(spell_character(character) for character in value) + '"'
    if isinstance(value, list):
        return "[" + ",".join(spell(item) for item in value) + "]"
    # Section 3.2.3: by UTF-16 code units; for ASCII keys that is by character.
    keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
    return "{" + ",".join(spell(key) + ":" + spell(value[key]) for key in keys) + "}"


def spell_character(character: str) -> str:
    if character in SHORT:
        return SHORT[character]
    if ord(character) < 0x20:
        return (
            "\\u00"
            + "0123456789abcdef"[ord(character) >> 4]
            + ("0123456789abcdef"[ord(character) & 15])
        )
    return character


def commitment(field: str, salt: bytes, value: bytes) -> str:
    return hashlib.sha256(
        b"stemproof/v1/" + field.encode("ascii") + b"\x00" + salt + value
    ).hexdigest()


def leaf(header: bytes) -> str:
    return hashlib.sha256(b"\x00" + header).hexdigest()
