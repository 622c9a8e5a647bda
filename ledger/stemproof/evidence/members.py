"""Members of our own JSON documents about chains: bounded integers, hex without 0x. No I/O."""

from __future__ import annotations

import re

from stemproof.errors import Malformed
from stemproof.record.canonical import Json

_HEX = re.compile(r"(?:[0-9a-f]{2})*\Z")


def parse_number(value: Json, what: str, lowest: int, highest: int) -> int:
    """Read an integer within bounds."""
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        raise Malformed(what, value, f"an integer, {lowest} to {highest}")
    return value


def parse_hex(value: Json, what: str, size: int | None = None) -> bytes:
    """Read bytes in hex, in lower case without 0x."""
    if not isinstance(value, str) or not _HEX.match(value):
        raise Malformed(what, value, "hex digits in lower case, two a byte")
    data = bytes.fromhex(value)
    if size is not None and len(data) != size:
        raise Malformed(what, value, f"{size} bytes in hex")
    return data
