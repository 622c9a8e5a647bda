"""JSON-RPC values: the hex strings of a node's answer, or what a client made of them.

A quantity is `0x` and an integer without leading zeros; data is `0x` and two digits a
byte. Clients that decode answers hand over integers and bytes instead; both are taken.
No I/O.
"""

from __future__ import annotations

import re

from stemproof.errors import Malformed

_QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]{0,63})\Z")
_DATA = re.compile(r"0x((?:[0-9a-fA-F]{2})*)\Z")


def parse_quantity(value: object, what: str) -> int:
    """Read an integer that is not negative."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and _QUANTITY.match(value):
        return int(value, 16)
    raise Malformed(what, value, "a JSON-RPC quantity")


def parse_data(value: object, what: str) -> bytes:
    """Read a byte string."""
    if isinstance(value, bytes):
        return bytes(value)
    if isinstance(value, str) and (match := _DATA.match(value)):
        return bytes.fromhex(match[1])
    raise Malformed(what, value, "JSON-RPC data")
