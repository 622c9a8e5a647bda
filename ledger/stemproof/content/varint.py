"""Unsigned varints (multiformats/unsigned-varint): 7 bits a byte, low bits first, at most 9 bytes.

Only the shortest form is read: 0x80 0x00 is refused although other readers take it for 0.
"""

from __future__ import annotations

from stemproof.errors import Malformed

MAX_BYTES = 9  # the specification's bound: values below 2**63


def format_varint(number: int) -> bytes:
    """Write `number`, 0 <= number < 2**63."""
    if number >> 63:
        raise ValueError(f"a varint holds 0 to 2**63 - 1, not {number}")
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def parse_varint(data: bytes, start: int = 0) -> tuple[int, int]:
    """Read a varint at `start`; return it and the offset behind it."""
    number = 0
    for position in range(MAX_BYTES):
        if start + position >= len(data):
            raise Malformed("varint", bytes(data[start : start + MAX_BYTES]), "an end")
        byte = data[start + position]
        number |= (byte & 0x7F) << (7 * position)
        if byte < 0x80:
            if byte == 0 and position:
                raise Malformed("varint", bytes(data[start : start + position + 1]), "no padding")
            return number, start + position + 1
    raise Malformed("varint", bytes(data[start : start + MAX_BYTES]), f"at most {MAX_BYTES} bytes")
