"""DER, read and written in one way only: X.690 sections 8 to 11, as far as RFC 3161 needs it.

Tags of one byte, definite lengths in their shortest form, no byte left over; what an item
holds is read by whoever knows its type. Bounds come before anything is built. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stemproof.errors import Malformed

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
OCTETS: Final = 0x04
NULL: Final = 0x05
OID: Final = 0x06
GENERALIZED_TIME: Final = 0x18
SEQUENCE: Final = 0x30
SET: Final = 0x31
# Nothing that a timestamp holds is longer: a token has some thousand bytes.
MAX_DER_BYTES: Final = 64 << 10
MAX_ITEMS: Final = 256


@dataclass(frozen=True, slots=True)
class Item:
    """One tag, length and value; `raw` is the whole of it."""

    tag: int
    value: bytes
    raw: bytes

    def items(self) -> list[Item]:
        """Read what a constructed item holds."""
        if not self.tag & 0x20:
            raise Malformed("DER tag", f"{self.tag:#04x}", "a constructed one")
        return read_items(self.value)

    def demand(self, tag: int, what: str) -> Item:
        """Give the item if it has this tag."""
        if self.tag != tag:
            raise Malformed(f"DER tag of the {what}", f"{self.tag:#04x}", f"{tag:#04x}")
        return self

    def integer(self, what: str) -> int:
        """Read an integer from 0, in its shortest form."""
        value = self.demand(INTEGER, what).value
        if not value or value[0] & 0x80 or (len(value) > 1 and not value[0] and value[1] < 0x80):
            raise Malformed(what, value.hex(), "an integer from 0 in its shortest form")
        return int.from_bytes(value, "big")

    def oid(self, what: str) -> str:
        """Read an object identifier, in dotted numbers."""
        value = self.demand(OID, what).value
        if not value or len(value) > 64 or value[-1] & 0x80:
            raise Malformed(what, value.hex(), "an object identifier")
        arcs, arc, is_first = [], 0, True
        for byte in value:
            if is_first and byte == 0x80:
                raise Malformed(what, value.hex(), "an object identifier in its shortest form")
            arc, is_first = arc << 7 | byte & 0x7F, not byte & 0x80
            if is_first:
                arcs.append(arc)
                arc = 0
        top = min(arcs[0] // 40, 2)
        return ".".join(map(str, [top, arcs[0] - 40 * top, *arcs[1:]]))


def read_item(data: bytes, what: str) -> Item:
    """Read bytes that are one item and no more."""
    items = read_items(data)
    if len(items) != 1:
        raise Malformed(what, f"{len(items)} items", "one DER item")
    return items[0]


def read_items(data: bytes) -> list[Item]:
    """Read bytes that are items, one after another."""
    if len(data) > MAX_DER_BYTES:
        raise Malformed("DER length", len(data), f"at most {MAX_DER_BYTES} bytes")
    items: list[Item] = []
    start = 0
    while start < len(data):
        head, length = _read_head(data, start)
        end = head + length
        if end > len(data):
            raise Malformed("DER item", f"{len(data) - head} bytes", f"the {length} that it states")
        if len(items) == MAX_ITEMS:
            raise Malformed("DER items", "more", f"at most {MAX_ITEMS}")
        items.append(Item(data[start], data[head:end], data[start:end]))
        start = end
    return items


def write_item(tag: int, *values: bytes) -> bytes:
    """Write one item."""
    value = b"".join(values)
    if len(value) < 0x80:
        return bytes([tag, len(value)]) + value
    length = len(value).to_bytes((len(value).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + value


def write_integer(number: int) -> bytes:
    """Write an integer from 0."""
    return write_item(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _read_head(data: bytes, start: int) -> tuple[int, int]:
    """Give where an item's value begins, and its length."""
    tag, rest = data[start], data[start + 1 : start + 5]
    if tag & 0x1F == 0x1F or not rest:
        raise Malformed("DER item", data[start : start + 8].hex(), "a tag of one byte and a length")
    if rest[0] < 0x80:
        return start + 2, rest[0]
    size = rest[0] & 0x7F
    length = int.from_bytes(rest[1 : 1 + size], "big")
    # X.690 section 10.1: definite, in the fewest bytes.
    if not 1 <= size <= 3 or len(rest) < 1 + size or length < max(0x80, 1 << 8 * (size - 1)):
        raise Malformed("DER length", rest.hex(), "a definite one in its shortest form")
    return start + 2 + size, length
