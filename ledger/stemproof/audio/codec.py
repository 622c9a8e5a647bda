"""Chromaprint's compressed fingerprint, read and written by our own bounded code.

    byte 0        algorithm
    bytes 1-3     number of items, big-endian
    then 3 bits a value, least significant bit first: for each item, XORed with the item before,
    the gaps between its set bits (7 means: add the next exception), 0 ends the item;
    padded to a byte; then 5 bits an exception, in order; padded to a byte

Text is that in URL-safe base64 without padding. Bytes of strangers are never handed to
libchromaprint, which up to 1.6.0 writes past its buffers on crafted input.
Strict: what format_compressed would not write is refused. No I/O.
"""

from __future__ import annotations

import base64
import binascii
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from stemproof.audio.digest import MAX_ITEMS
from stemproof.errors import Malformed

Items: TypeAlias = NDArray[np.uint32]

# At worst every second value is an exception: 33 values of 3 bits and 4 exceptions an item.
MAX_BYTES = 4 + MAX_ITEMS * 16
MAX_TEXT = MAX_BYTES * 4 // 3 + 4


def items_from_bytes(data: bytes) -> Items:
    """View little-endian bytes as items."""
    if len(data) % 4 or len(data) > 4 * MAX_ITEMS:
        raise Malformed("fingerprint length", len(data), f"4 bytes an item, {MAX_ITEMS} at most")
    return np.frombuffer(data, "<u4").astype(np.uint32, copy=False)


def items_to_bytes(items: Items) -> bytes:
    """Write items as little-endian bytes, the form that is hashed and kept."""
    return items.astype("<u4", copy=False).tobytes()


def parse_text(text: str) -> tuple[int, Items]:
    """Read the base64 form, as fpcalc and AcoustID write it, into algorithm and items."""
    want = "URL-safe base64 without padding, in its one form"
    if len(text) > MAX_TEXT or not text.isascii() or "+" in text or "/" in text or "=" in text:
        raise Malformed("fingerprint text", text, want)
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("fingerprint text", text, want) from error
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii") != text:
        raise Malformed("fingerprint text", text, want)
    return parse_compressed(raw)


def format_text(algorithm: int, items: Items) -> str:
    """Write the base64 form."""
    raw = format_compressed(algorithm, items)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def parse_compressed(data: bytes) -> tuple[int, Items]:
    """Read the binary form into algorithm and items; only the one canonical writing is taken."""
    if not 4 <= len(data) <= MAX_BYTES:
        raise Malformed("compressed fingerprint", len(data), f"4 to {MAX_BYTES} bytes")
    size = int.from_bytes(data[1:4], "big")
    if size > MAX_ITEMS:
        raise Malformed("number of items", size, f"at most {MAX_ITEMS}")
    if size > 8 * (len(data) - 4) // 3:
        raise Malformed("number of items", size, "one that the bytes can hold")
    bits = np.unpackbits(np.frombuffer(data, np.uint8, offset=4), bitorder="little")
    gaps, used_bits = _read_gaps(bits, size)
    items = _items_of_gaps(gaps, size)
    if 4 + used_bits // 8 != len(data) or format_compressed(data[0], items) != data:
        raise Malformed("compressed fingerprint", data[-8:], "the canonical writing of its items")
    return data[0], items


def format_compressed(algorithm: int, items: Items) -> bytes:
    """Write the binary form, equal to libchromaprint's byte for byte."""
    if not 0 <= algorithm < 256:
        raise Malformed("fingerprint algorithm", algorithm, "0 to 255")
    if len(items) > MAX_ITEMS:
        raise Malformed("number of items", len(items), f"at most {MAX_ITEMS}")
    changes = items.astype(np.uint32, copy=True)
    changes[1:] ^= items[:-1]
    planes = np.unpackbits(
        changes.astype("<u4").view(np.uint8).reshape(-1, 4), axis=1, bitorder="little"
    )
    # A 33rd column ends each item; its gap is written as 0.
    marks = np.concatenate([planes, np.ones((len(items), 1), np.uint8)], axis=1)
    row, column = np.nonzero(marks)
    if not len(row):
        return bytes([algorithm, 0, 0, 0])
    before = np.r_[-1, column[:-1]]
    before[np.r_[True, row[1:] != row[:-1]]] = -1
    gaps = np.where(column == 32, 0, column - before).astype(np.int64)
    head = bytes([algorithm]) + len(items).to_bytes(3, "big")
    low, high = np.minimum(gaps, 7), gaps[gaps >= 7] - 7
    return head + _pack(low, 3) + _pack(high, 5)


def _pack(values: NDArray[np.int64], width: int) -> bytes:
    bits = (values[:, None] >> np.arange(width)) & 1
    return np.packbits(bits.astype(np.uint8).ravel(), bitorder="little").tobytes()


def _read_gaps(bits: NDArray[np.uint8], size: int) -> tuple[NDArray[np.int64], int]:
    """Return the values up to the last item's end, exceptions added, and the bits they took."""
    values = bits[: len(bits) // 3 * 3].reshape(-1, 3) @ np.array([1, 2, 4], np.uint8)
    ends = np.flatnonzero(values == 0)
    if len(ends) < size:
        raise Malformed("compressed fingerprint", len(ends), f"{size} whole items")
    taken = int(ends[size - 1]) + 1 if size else 0
    gaps = values[:taken].astype(np.int64)
    start = -(-taken * 3 // 8) * 8
    long = gaps == 7
    count = int(long.sum())
    exceptions = bits[start : start + 5 * count]
    if len(exceptions) < 5 * count:
        raise Malformed("compressed fingerprint", len(exceptions) // 5, f"{count} exceptions")
    gaps[long] += exceptions.reshape(-1, 5).astype(np.int64) @ np.array([1, 2, 4, 8, 16])
    return gaps, start + -(-5 * count // 8) * 8


def _items_of_gaps(gaps: NDArray[np.int64], size: int) -> Items:
    if size == 0:
        return np.zeros(0, np.uint32)
    is_end = gaps == 0
    row = np.cumsum(is_end) - is_end
    total = np.cumsum(gaps)
    start = np.r_[0, total[is_end][:-1]]
    position = (total - start[row])[~is_end]
    if (position > 32).any():
        raise Malformed("bit position", int(position.max()), "1 to 32")
    changes = np.zeros(size, np.uint32)
    bit = np.left_shift(np.uint64(1), (position - 1).astype(np.uint64)).astype(np.uint32)
    np.bitwise_xor.at(changes, row[~is_end], bit)
    return np.bitwise_xor.accumulate(changes)
