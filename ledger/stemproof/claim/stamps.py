"""Timestamps that a bundle holds beside the chain's: `stamps.json` in a log's folder.

    {"stamps":[{"kind":"ots","proof":"<hex>","size":1042},
               {"kind":"rfc3161","size":1042,"tokens":["<hex>"]}],"v":0}

Each is of the signed checkpoint of that size, over the very bytes of its note in
heads.json. The second token and every later one renews: it is over the note and the token
before it. Sorted, each once; parsing is strict and bounded, nothing is judged here. No I/O.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from stemproof.errors import Malformed
from stemproof.evidence.ots import MAX_PROOF_BYTES
from stemproof.evidence.rfc3161 import MAX_TOKEN_BYTES
from stemproof.record.canonical import Json, canonical_bytes
from stemproof.record.fields import Fields

VERSION: Final = 0
OTS: Final = "ots"
RFC3161: Final = "rfc3161"
# Each costs signatures or thousands of hashes.
MAX_STAMPS: Final = 256
# Certificates of authorities last five years and more.
MAX_TOKENS: Final = 16
MAX_STAMPS_BYTES: Final = 16 << 20
_MEMBERS: Final = {OTS: {"kind", "proof", "size"}, RFC3161: {"kind", "size", "tokens"}}


@dataclass(frozen=True, slots=True, order=True)
class Stamp:
    """A timestamp of one checkpoint: one OpenTimestamps proof, or a token and its renewals."""

    size: int
    kind: str
    proofs: tuple[bytes, ...]


def format_stamps(stamps: Iterable[Stamp]) -> bytes:
    """Write the timestamps of one log."""
    return canonical_bytes({"stamps": [_format(each) for each in stamps], "v": VERSION})


def parse_stamps(data: bytes) -> tuple[Stamp, ...]:
    """Read the timestamps of one log."""
    if data.count(b"{") > MAX_STAMPS + 1 or data.count(b",") > (MAX_TOKENS + 3) * MAX_STAMPS:
        raise Malformed("number of timestamps", "more", f"1 to {MAX_STAMPS}")
    fields = Fields.parse(data, what="timestamps", version=VERSION, max_bytes=MAX_STAMPS_BYTES)
    stamps = tuple(_parse(item) for item in fields.objects("stamps"))
    if not 0 < len(stamps) <= MAX_STAMPS:
        raise Malformed("number of timestamps", len(stamps), f"1 to {MAX_STAMPS}")
    if list(stamps) != sorted(set(stamps)):
        raise Malformed("order of the timestamps", "mixed", "sorted by size and kind, each once")
    if format_stamps(stamps) != data:
        raise Malformed("timestamps", data, "exactly the members of format version 0")
    return stamps


def _format(stamp: Stamp) -> Json:
    if stamp.kind == OTS:
        return {"kind": OTS, "proof": stamp.proofs[0].hex(), "size": stamp.size}
    tokens: list[Json] = [each.hex() for each in stamp.proofs]
    return {"kind": RFC3161, "size": stamp.size, "tokens": tokens}


def _parse(item: Fields) -> Stamp:
    kind = item.text("kind")
    if kind not in _MEMBERS or item.members.keys() != _MEMBERS[kind]:
        raise Malformed("timestamp", item.members, "kind, size, and a proof or tokens")
    if kind == OTS:
        return Stamp(item.number("size"), OTS, (_hex(item.text("proof"), MAX_PROOF_BYTES),))
    tokens = tuple(_hex(each, MAX_TOKEN_BYTES) for each in item.texts("tokens"))
    if not 1 <= len(tokens) <= MAX_TOKENS:
        raise Malformed("number of tokens", len(tokens), f"1 to {MAX_TOKENS}")
    return Stamp(item.number("size"), RFC3161, tokens)


def _hex(text: str, limit: int) -> bytes:
    if not 0 < len(text) <= 2 * limit:
        raise Malformed("length of a timestamp", len(text) // 2, f"1 to {limit} bytes")
    return Fields("timestamp", {"bytes": text}).hex_bytes("bytes", len(text) // 2)
