"""RLP, Ethereum's encoding of nested byte strings (Yellow Paper, appendix B).

Decoding is strict: one item, no trailing bytes, every length in its shortest form,
so that `encode_rlp(decode_rlp(x)) == x` for everything that is accepted. Size, depth
and number of items are bounded before anything is built. No I/O.
"""

from __future__ import annotations

from typing import TypeAlias

from stemproof.errors import Malformed

RlpItem: TypeAlias = "bytes | list[RlpItem]"

# A receipt of a batched transaction is the longest thing proved; an anchor's has 0.7 kB.
MAX_BYTES = 256 * 1024
# A receipt is four deep: receipt, logs, log, topics. An embedded trie node is three.
MAX_DEPTH = 8
# A receipt of MAX_BYTES with the smallest possible logs stays below this.
MAX_ITEMS = 32_768


def decode_rlp(data: bytes, *, what: str) -> RlpItem:
    """Read the one item that `data` is; `what` names it in an error."""
    if len(data) > MAX_BYTES:
        raise Malformed(f"{what} length", len(data), f"at most {MAX_BYTES} bytes")
    reader = _Reader(data, what)
    item, end = reader.item(0, len(data), 0)
    if end != len(data):
        raise Malformed(what, data[end:], "RLP without trailing bytes")
    return item


def decode_list(data: bytes, *, what: str) -> list[RlpItem]:
    """Read an item that must be a list."""
    return as_list(decode_rlp(data, what=what), what)


def encode_rlp(item: RlpItem) -> bytes:
    """Write an item in its only form."""
    if isinstance(item, list):
        body = b"".join(map(encode_rlp, item))
        return _prefix(len(body), 0xC0) + body
    if len(item) == 1 and item[0] < 0x80:
        return item
    return _prefix(len(item), 0x80) + item


def encode_integer(value: int) -> bytes:
    """Write an integer as the byte string that RLP holds: big-endian, no leading zero."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def as_list(item: RlpItem, what: str) -> list[RlpItem]:
    """Demand that an item is a list."""
    if not isinstance(item, list):
        raise Malformed(what, item, "an RLP list")
    return item


def as_bytes(item: RlpItem, what: str, size: int | None = None) -> bytes:
    """Demand that an item is a byte string, of `size` bytes where given."""
    if isinstance(item, list):
        raise Malformed(what, item, "an RLP byte string")
    if size is not None and len(item) != size:
        raise Malformed(what, item, f"{size} bytes")
    return item


def as_integer(item: RlpItem, what: str, *, max_bytes: int) -> int:
    """Demand that an item is an integer without leading zeros."""
    data = as_bytes(item, what)
    if len(data) > max_bytes or data[:1] == b"\0":
        raise Malformed(what, data, f"an integer of at most {max_bytes} bytes, no leading zero")
    return int.from_bytes(data, "big")


def _prefix(size: int, kind: int) -> bytes:
    if size < 56:
        return bytes([kind + size])
    length = encode_integer(size)
    return bytes([kind + 55 + len(length)]) + length


class _Reader:
    """One pass over the bytes of one item; counts what it builds."""

    __slots__ = ("data", "items", "what")

    def __init__(self, data: bytes, what: str) -> None:
        self.data = data
        self.what = what
        self.items = 0

    def item(self, start: int, end: int, depth: int) -> tuple[RlpItem, int]:
        """Read the item at `start`, which may not pass `end`; say where it stops."""
        self.items += 1
        if self.items > MAX_ITEMS or depth > MAX_DEPTH:
            raise Malformed(
                self.what, self.data, f"at most {MAX_ITEMS} items, nested {MAX_DEPTH} deep"
            )
        if start >= end:
            raise Malformed(self.what, self.data[:end], "complete RLP")
        first = self.data[start]
        if first < 0x80:
            return self.data[start : start + 1], start + 1
        body, stop = self._body(start, end)
        if first < 0xC0:
            if stop - body == 1 and self.data[body] < 0x80:
                raise Malformed(self.what, self.data[start:stop], "a small byte as itself")
            return self.data[body:stop], stop
        children: list[RlpItem] = []
        at = body
        while at < stop:
            child, at = self.item(at, stop, depth + 1)
            children.append(child)
        return children, stop

    def _body(self, start: int, end: int) -> tuple[int, int]:
        first = self.data[start]
        kind = 0x80 if first < 0xC0 else 0xC0
        if first <= kind + 55:
            body, size = start + 1, first - kind
        else:
            body = start + 1 + first - kind - 55
            length = self.data[start + 1 : body]
            size = int.from_bytes(length, "big")
            if body > end or size < 56 or length[0] == 0:
                raise Malformed(self.what, self.data[start:body], "lengths in their shortest form")
        if body + size > end:
            raise Malformed(self.what, self.data[start:end], "RLP no longer than its container")
        return body, body + size
