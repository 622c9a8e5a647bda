"""What a bundle holds of one log: headers, openings, heads and chain evidence.

    own.headers, own.openings     the log's own tree: its binding and rotations
    work.headers, work.openings   the work's tree, leaves 0..n-1, nothing left out
    heads.json                    every anchored checkpoint, from the slot's first on, and
                                  those that only a timestamp dates
    evidence.json                 the proof of the newest anchored one on chain, if there is one
    stamps.json                   RFC 3161 and OpenTimestamps proofs, if there are any

The heads begin with the first anchor of the slot, where the work is proved absent until it
begins: were they allowed to begin later, a history could be rewritten before them.

Headers are one a line; openings are canonical JSON, one a line, by sequence number and
field. Parsing is strict and bounded; nothing is judged here. No I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from stemproof.claim.stamps import Stamp, format_stamps, parse_stamps
from stemproof.errors import Malformed
from stemproof.record.canonical import Json, canonical_bytes, parse_object
from stemproof.record.commitment import FIELDS, SALT_BYTES, Opening
from stemproof.record.event import MAX_HEADER_BYTES
from stemproof.record.fields import Fields

VERSION: Final = 0
MAX_HEADS: Final = 10_000
# A head of a log with a thousand works takes 1,600 bytes.
MAX_HEADS_BYTES: Final = 16 << 20
# No header and no opening is shorter: a bound on how many a member can hold.
MIN_HEADER_BYTES: Final = 256
MIN_OPENING_BYTES: Final = 80
# The longest body is an audio event with the fingerprint of a ten-hour file.
MAX_OPENING_BYTES: Final = 4 << 20
_TEXT_FIELDS: Final = frozenset({"body", "prompt", "lyrics"})


@dataclass(frozen=True, slots=True)
class Opened:
    """One opened commitment of one event."""

    work_seq: int
    opening: Opening


@dataclass(frozen=True, slots=True)
class Block:
    """The block that took an anchor in, as the accumulator holds it."""

    number: int
    time: int
    parent_hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """One signed checkpoint, with the map paths of the work and of the log's own tree.

    Where `work_size` is 0, `work_proof` shows that the log held nothing of the work yet.
    """

    note: bytes
    own_size: int
    own_proof: bytes
    work_size: int
    work_proof: bytes
    block: Block | None


@dataclass(frozen=True, slots=True)
class Anchorage:
    """The slot in which the heads were anchored."""

    chain_id: int
    contract: bytes
    publisher: bytes


@dataclass(frozen=True, slots=True)
class LogPart:
    """One log's share of a bundle; `anchorage` and `evidence` are None until anchored.

    A head without a block is one that only its timestamps date.
    """

    own_headers: tuple[bytes, ...]
    own_openings: tuple[Opened, ...]
    headers: tuple[bytes, ...]
    openings: tuple[Opened, ...]
    heads: tuple[Head, ...]
    anchorage: Anchorage | None
    evidence: bytes | None
    stamps: tuple[Stamp, ...] = ()


def format_log_part(part: LogPart) -> dict[str, bytes]:
    """Write the members that hold one log, by their names within its folder."""
    members = {
        "own.headers": format_headers(part.own_headers),
        "own.openings": format_openings(part.own_openings),
        "work.headers": format_headers(part.headers),
        "work.openings": format_openings(part.openings),
        "heads.json": _format_heads(part.heads, part.anchorage),
    }
    if part.evidence is not None:
        members["evidence.json"] = part.evidence
    if part.stamps:
        members["stamps.json"] = format_stamps(part.stamps)
    return members


def parse_log_part(members: Mapping[str, bytes]) -> LogPart:
    """Read the members that hold one log."""
    for name in ("own.headers", "own.openings", "work.headers", "work.openings", "heads.json"):
        if name not in members:
            raise Malformed("bundle", f"without {name}", "every part of each log")
    heads, anchorage = _parse_heads(members["heads.json"])
    evidence = members.get("evidence.json")
    if (evidence is None) != (anchorage is None):
        raise Malformed("bundle", "anchored heads without evidence", "both or neither")
    return LogPart(
        own_headers=parse_headers(members["own.headers"]),
        own_openings=parse_openings(members["own.openings"]),
        headers=parse_headers(members["work.headers"]),
        openings=parse_openings(members["work.openings"]),
        heads=heads,
        anchorage=anchorage,
        evidence=evidence,
        stamps=parse_stamps(members["stamps.json"]) if "stamps.json" in members else (),
    )


def format_headers(headers: Iterable[bytes]) -> bytes:
    """Write headers one a line; canonical JSON holds no newline."""
    return b"".join(header + b"\n" for header in headers)


def parse_headers(data: bytes) -> tuple[bytes, ...]:
    """Split headers, without looking into them."""
    if not data.endswith(b"\n"):
        raise Malformed("end of the headers", data[-20:], "a newline")
    _check_count("headers", data, MIN_HEADER_BYTES)
    headers = tuple(data[:-1].split(b"\n"))
    if not all(0 < len(header) <= MAX_HEADER_BYTES for header in headers):
        raise Malformed("header length", "out of bounds", f"1 to {MAX_HEADER_BYTES} bytes")
    return headers


def format_openings(openings: Iterable[Opened]) -> bytes:
    """Write openings one a line, by sequence number and field."""
    ordered = sorted(openings, key=lambda item: (item.work_seq, item.opening.field))
    return b"".join(_format_opening(item) + b"\n" for item in ordered)


def parse_openings(data: bytes) -> tuple[Opened, ...]:
    """Read openings; each field of an event once, in order."""
    if not data:
        return ()
    if not data.endswith(b"\n"):
        raise Malformed("end of the openings", data[-20:], "a newline")
    _check_count("openings", data, MIN_OPENING_BYTES)
    openings = tuple(_parse_opening(line) for line in data[:-1].split(b"\n"))
    order = [(item.work_seq, item.opening.field) for item in openings]
    if order != sorted(set(order)):
        raise Malformed("order of the openings", "mixed", "sorted, each once")
    return openings


def _check_count(what: str, data: bytes, shortest: int) -> None:
    # Before anything is built: a hundred million empty lines deflate to nothing.
    if data.count(b"\n") * shortest > len(data):
        raise Malformed(f"length of the {what}", len(data), f"at least {shortest} bytes a line")


def _format_opening(item: Opened) -> bytes:
    opening = item.opening
    text = opening.value.decode() if opening.field in _TEXT_FIELDS else opening.value.hex()
    return canonical_bytes(
        {
            "field": opening.field,
            "salt": opening.salt.hex(),
            "value": text,
            "work_seq": item.work_seq,
        }
    )


def _parse_opening(line: bytes) -> Opened:
    fields = Fields("opening", parse_object(line, what="opening", max_bytes=MAX_OPENING_BYTES))
    name = fields.text("field")
    if name not in FIELDS or len(fields.members) != 4:
        raise Malformed("opening", fields.members, "field, salt, value and work_seq")
    if name in _TEXT_FIELDS:
        value = fields.text("value").encode()
    else:
        value = fields.hex_bytes("value", 32)
    opening = Opening(name, fields.hex_bytes("salt", SALT_BYTES), value)
    return Opened(fields.number("work_seq"), opening)


def _format_heads(heads: Iterable[Head], anchorage: Anchorage | None) -> bytes:
    where: Json = None
    if anchorage is not None:
        where = {
            "chain_id": anchorage.chain_id,
            "contract": anchorage.contract.hex(),
            "publisher": anchorage.publisher.hex(),
        }
    return canonical_bytes(
        {"anchorage": where, "heads": [_format_head(head) for head in heads], "v": VERSION}
    )


def _format_head(head: Head) -> Json:
    block: Json = None
    if head.block is not None:
        block = {
            "number": head.block.number,
            "parent_hash": head.block.parent_hash.hex(),
            "time": head.block.time,
        }
    return {
        "block": block,
        "note": head.note.decode(),
        "own_proof": head.own_proof.hex(),
        "own_size": head.own_size,
        "work_proof": head.work_proof.hex(),
        "work_size": head.work_size,
    }


def _parse_heads(data: bytes) -> tuple[tuple[Head, ...], Anchorage | None]:
    # A head has two objects and eight commas; counted before anything is built of them.
    if data.count(b"{") > 2 * MAX_HEADS + 2 or data.count(b",") > 10 * MAX_HEADS:
        raise Malformed("number of heads", "more", f"1 to {MAX_HEADS}")
    fields = Fields.parse(data, what="heads", version=VERSION, max_bytes=MAX_HEADS_BYTES)
    listed = fields.objects("heads")
    if not 0 < len(listed) <= MAX_HEADS:
        raise Malformed("number of heads", len(listed), f"1 to {MAX_HEADS}")
    anchorage = None
    if fields.members.get("anchorage") is not None:
        where = fields.inner("anchorage")
        anchorage = Anchorage(
            chain_id=where.number("chain_id"),
            contract=where.hex_bytes("contract", 20),
            publisher=where.hex_bytes("publisher", 20),
        )
    heads = tuple(_parse_head(item) for item in listed)
    if any(head.block is not None for head in heads) != (anchorage is not None):
        raise Malformed("heads", "blocks or a slot alone", "a slot if any head has a block")
    if _format_heads(heads, anchorage) != data:
        raise Malformed("heads", data, "exactly the members of format version 0")
    return heads, anchorage


def _parse_head(item: Fields) -> Head:
    block = None
    if item.members.get("block") is not None:
        inner = item.inner("block")
        block = Block(
            number=inner.number("number"),
            time=inner.number("time"),
            parent_hash=inner.hex_bytes("parent_hash", 32),
        )
    return Head(
        note=item.text("note").encode(),
        own_size=item.number("own_size"),
        own_proof=_any_hex(item, "own_proof"),
        work_size=item.number("work_size"),
        work_proof=_any_hex(item, "work_proof"),
        block=block,
    )


def _any_hex(item: Fields, name: str) -> bytes:
    # A map proof is 1 to 257 times 32 bytes; its own reader demands its form.
    return item.hex_bytes(name, min(len(item.text(name)) // 2, 257 * 32))
