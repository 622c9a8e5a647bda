"""Canonical JSON: the one spelling of a value that is hashed and signed.

A subset of RFC 8785 (JCS): objects with ASCII keys, arrays, strings without lone
surrogates, integers within +-(2**53 - 1), booleans and null. No fractions: a number
that needs one is written as a decimal string. Within this subset Python's encoder
with sorted keys writes the bytes of RFC 8785, which the tests hold against an
independent implementation. No I/O.
"""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from stemproof.errors import Malformed
from stemproof.record.depth import is_deeper

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | bool | None"

# RFC 8785 section 3.2.2.3: beyond this an IEEE 754 double is not exact.
MAX_INTEGER = 2**53 - 1
# A bundle part is nested four deep; the bound keeps hostile input off the C stack.
MAX_DEPTH = 32

_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)


def canonical_bytes(value: Json) -> bytes:
    """Write `value` in its canonical form; refuse what has none."""
    check_canonical(value)
    return encode_trusted(value)


def encode_trusted(value: Json) -> bytes:
    """Write a value that this program built from checked parts; only surrogates are refused."""
    try:
        return _ENCODER.encode(value).encode()
    except UnicodeEncodeError as error:
        raise Malformed("text", error.object, "Unicode without lone surrogates") from error


def check_canonical(value: object, depth: int = 0) -> None:
    """Refuse a value outside the subset that this module writes."""
    # Every body of every event passes here: the most frequent kinds come first.
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return
    if isinstance(value, int):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise Malformed("integer", _shown(value), "at most 2**53 - 1 in size, else a string")
        return
    if depth >= MAX_DEPTH:
        raise Malformed("nesting", depth + 1, f"at most {MAX_DEPTH} levels")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise Malformed("key", key, "an ASCII string")
            kind = type(item)
            if kind is str or (kind is int and -MAX_INTEGER <= item <= MAX_INTEGER):
                continue
            check_canonical(item, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            check_canonical(item, depth + 1)
    else:
        raise Malformed("value", value, "an object, array, string, integer, boolean or null")


def parse_canonical(data: bytes, *, what: str, max_bytes: int) -> Json:
    """Read canonical JSON and demand that it is spelt as we would spell it."""
    value = parse_respelt(data, what=what, max_bytes=max_bytes)
    if canonical_bytes(value) != data:
        raise Malformed(what, data, "JSON in its canonical form (RFC 8785)")
    return value


def parse_respelt(data: bytes, *, what: str, max_bytes: int) -> Json:
    """Read JSON, bounded, for a caller who writes the value again and compares the bytes."""
    if len(data) > max_bytes:
        raise Malformed(f"{what} length", len(data), f"at most {max_bytes} bytes")
    if is_deeper(data, MAX_DEPTH):
        raise Malformed(f"{what} nesting", MAX_DEPTH + 1, f"at most {MAX_DEPTH} levels")
    try:
        value: Json = _DECODER.decode(data.decode())
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Malformed(what, data, "canonical JSON") from error
    return value


def parse_object(data: bytes, *, what: str, max_bytes: int) -> dict[str, Json]:
    """Read canonical JSON whose top is an object."""
    value = parse_canonical(data, what=what, max_bytes=max_bytes)
    if not isinstance(value, dict):
        raise Malformed(what, value, "a JSON object")
    return value


def _no_fraction(text: str) -> Any:
    raise ValueError(f"number {text[:40]} has a fraction")


_DECODER = json.JSONDecoder(parse_float=_no_fraction, parse_constant=_no_fraction)


def _shown(number: int) -> object:
    # Python refuses to write an integer of thousands of digits in decimal.
    return number if number.bit_length() < 1024 else f"a number of {number.bit_length()} bits"
