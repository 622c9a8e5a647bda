"""Event headers: the leaves of a work's tree.

A header is canonical JSON with exactly these members:

    {"action":"decision.param","actor":"author","class":"human_with_tool",
     "commit":{"body":"<64 hex>"},"observed":"tool","origin":"stemproof/<32 hex>/<32 hex>",
     "prev":"<64 hex or empty>","session":"<32 hex or empty>","stage":"mixing",
     "time":"2026-11-22T03:12:00.123Z","tool":"daw","v":0,"work":"<32 hex>","work_seq":7}

The leaf is SHA-256(0x00 || header) (RFC 6962 section 2.1). `prev` is the leaf hash of
the work's previous event in the same log. Times are the device's own clock and prove
nothing alone. Parsing is strict: bytes that format_header would not write are refused.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from stemproof.errors import Malformed, Undecided
from stemproof.record import vocabulary
from stemproof.record.canonical import Json, encode_trusted, parse_object
from stemproof.record.commitment import FIELDS

VERSION: Final = 0
# Seven commitments of 64 digits and the fixed members stay below 1,200 bytes.
MAX_HEADER_BYTES: Final = 2048

_HEX32 = re.compile(r"[0-9a-f]{32}")
_HEX64 = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_ORIGIN = re.compile(r"stemproof/[0-9a-f]{32}/[0-9a-f]{32}")
_MEMBERS = frozenset(
    "action actor class commit observed origin prev session stage time tool v work work_seq".split()
)


@dataclass(frozen=True, slots=True)
class Header:
    """What a proof may show of one event; commitments stand for the rest."""

    origin: str
    work: str
    work_seq: int
    prev: str
    time: str
    session: str
    stage: str
    action: str
    class_: str
    observed: str
    actor: str
    tool: str
    commit: Mapping[str, str]


def format_header(header: Header) -> bytes:
    """Write a header's canonical bytes."""
    return encode_trusted(
        {
            "action": header.action,
            "actor": header.actor,
            "class": header.class_,
            "commit": dict(header.commit),
            "observed": header.observed,
            "origin": header.origin,
            "prev": header.prev,
            "session": header.session,
            "stage": header.stage,
            "time": header.time,
            "tool": header.tool,
            "v": VERSION,
            "work": header.work,
            "work_seq": header.work_seq,
        }
    )


def parse_header(data: bytes) -> Header:
    """Read a header, in the one form we write it."""
    raw = parse_object(data, what="header", max_bytes=MAX_HEADER_BYTES)
    version, seq = raw.get("v"), raw.get("work_seq")
    if type(version) is int and version > VERSION:
        raise Undecided(f"the header has format version {version}, this program knows {VERSION}")
    if raw.keys() != _MEMBERS or type(version) is not int or version != VERSION:
        raise Malformed("header members", sorted(raw), "exactly those of format version 0")
    if type(seq) is not int or seq < 0:
        raise Malformed("work_seq", seq, "an integer from 0")
    header = Header(
        origin=_text(raw, "origin"),
        work=_text(raw, "work"),
        work_seq=seq,
        prev=_text(raw, "prev"),
        time=_text(raw, "time"),
        session=_text(raw, "session"),
        stage=_text(raw, "stage"),
        action=_text(raw, "action"),
        class_=_text(raw, "class"),
        observed=_text(raw, "observed"),
        actor=_text(raw, "actor"),
        tool=_text(raw, "tool"),
        commit=_commitments(raw["commit"]),
    )
    check_header(header)
    return header


def check_header(header: Header) -> None:
    """Check every member's form; what the header says is not judged here."""
    _demand("origin", header.origin, _ORIGIN.fullmatch(header.origin) is not None)
    _demand("work", header.work, _HEX32.fullmatch(header.work) is not None)
    linked = _HEX64.fullmatch(header.prev) is not None
    _demand("prev", header.prev, linked if header.work_seq else header.prev == "")
    _demand("time", header.time, _is_time(header.time))
    _demand("session", header.session, not header.session or bool(_HEX32.fullmatch(header.session)))
    _demand("stage", header.stage, header.stage in vocabulary.STAGES)
    _demand("action", header.action, vocabulary.is_action(header.action))
    _demand("class", header.class_, header.class_ in vocabulary.CLASSES)
    _demand("observed", header.observed, header.observed in vocabulary.OBSERVED)
    _demand("actor", header.actor, header.actor in vocabulary.ACTORS)
    _demand("tool", header.tool, header.tool in vocabulary.TOOLS)
    _demand("commit", dict(header.commit), "body" in header.commit)


def leaf_hash(header: bytes) -> bytes:
    """Hash a header's bytes as a leaf (RFC 6962 section 2.1)."""
    return hashlib.sha256(b"\x00" + header).digest()


def format_time(moment: datetime) -> str:
    """Write a moment as UTC with milliseconds, the one form that headers hold."""
    if moment.tzinfo is None:
        raise Malformed("time", moment, "a moment with its time zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + (
        f"{moment.microsecond // 1000:03d}Z"
    )


def parse_time(text: str) -> datetime:
    """Read a header's time."""
    if not _is_time(text):
        raise Malformed("time", text, "YYYY-MM-DDTHH:MM:SS.mmmZ")
    return datetime.fromisoformat(text)


def _is_time(text: str) -> bool:
    if _TIME.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _text(raw: Mapping[str, Json], name: str) -> str:
    value = raw[name]
    if not isinstance(value, str):
        raise Malformed(name, value, "a string")
    return value


def _commitments(raw: Json) -> dict[str, str]:
    if not isinstance(raw, dict) or not raw.keys() <= FIELDS.keys():
        raise Malformed("commit", raw, "an object with known fields")
    commit: dict[str, str] = {}
    for field, digest in raw.items():
        if not isinstance(digest, str) or _HEX64.fullmatch(digest) is None:
            raise Malformed(f"commit.{field}", digest, "64 lower-case hex digits")
        commit[field] = digest
    return commit


def _demand(name: str, value: object, good: bool) -> None:
    if not good:
        raise Malformed(name, value, "the form that docs/format.md gives")
