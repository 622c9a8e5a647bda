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
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple

from stemproof.errors import Malformed, Undecided
from stemproof.record import vocabulary
from stemproof.record.canonical import MAX_INTEGER, Json, parse_object, parse_respelt
from stemproof.record.commitment import FIELDS

VERSION: Final = 0
# Seven commitments of 64 digits and the fixed members stay below 1,200 bytes.
MAX_HEADER_BYTES: Final = 2048

_HEX32 = re.compile(r"[0-9a-f]{32}")
_HEX64 = re.compile(r"[0-9a-f]{64}")
# The ranges are spelt out: newer versions of Python take 24:00 and older ones do not.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z", re.ASCII)
_ORIGIN = re.compile(r"stemproof/[0-9a-f]{32}/[0-9a-f]{32}")
_MEMBERS = frozenset(
    "action actor class commit observed origin prev session stage time tool v work work_seq".split()
)


class Header(NamedTuple):
    """What a proof may show of one event; commitments stand for the rest.

    A tuple, as it is made in a third of a frozen dataclass's time and a log has millions.
    """

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
    """Check a header and write its canonical bytes.

    No member's form has room for a character that JSON escapes, so the text is put
    together directly; the tests hold it against the general encoder.
    """
    check_header(header)
    commit = ",".join([f'"{field}":"{header.commit[field]}"' for field in sorted(header.commit)])
    return (
        f'{{"action":"{header.action}","actor":"{header.actor}","class":"{header.class_}",'
        f'"commit":{{{commit}}},"observed":"{header.observed}","origin":"{header.origin}",'
        f'"prev":"{header.prev}","session":"{header.session}","stage":"{header.stage}",'
        f'"time":"{header.time}","tool":"{header.tool}","v":{VERSION},'
        f'"work":"{header.work}","work_seq":{header.work_seq}}}'
    ).encode("ascii")


def parse_header(data: bytes) -> Header:
    """Read a header, in the one form we write it."""
    raw = parse_respelt(data, what="header", max_bytes=MAX_HEADER_BYTES)
    if not isinstance(raw, dict):
        raise Malformed("header", raw, "a JSON object")
    version, seq = raw.get("v"), raw.get("work_seq")
    if type(version) is int and version > VERSION:
        # Only what has the one spelling may pass for the work of a newer program.
        parse_object(data, what="header", max_bytes=MAX_HEADER_BYTES)
        raise Undecided(
            f"the header has format version {version}, this program knows {VERSION}",
            hint="a newer stemproof may read it",
        )
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
    if format_header(header) != data:
        raise Malformed("header", data, "the bytes that its members are written as")
    return header


def check_header(header: Header) -> None:
    """Check every member's form; what the header says is not judged here."""
    _check_ids(header.origin, header.work, header.session)
    _check_words(header.stage, header.action, header.class_)
    _check_source(header.observed, header.actor, header.tool)
    linked = _HEX64.fullmatch(header.prev) is not None
    _demand("prev", header.prev, linked if header.work_seq else header.prev == "")
    _demand("work_seq", header.work_seq, 0 <= header.work_seq <= MAX_INTEGER)
    if not _is_time(header.time):
        raise Malformed("time", header.time, "YYYY-MM-DDTHH:MM:SS.mmmZ")
    _demand("commit", header.commit, "body" in header.commit)
    for field, digest in header.commit.items():
        if field not in FIELDS or _HEX64.fullmatch(digest) is None:
            _demand(f"commit.{field}", digest, False)


# A log has few different words and ids; a hundred thousand headers repeat them.
@lru_cache(maxsize=4096)
def _check_ids(origin: str, work: str, session: str) -> None:
    _demand("origin", origin, _ORIGIN.fullmatch(origin) is not None)
    _demand("work", work, _HEX32.fullmatch(work) is not None)
    _demand("session", session, not session or _HEX32.fullmatch(session) is not None)


@lru_cache(maxsize=4096)
def _check_words(stage: str, action: str, class_: str) -> None:
    _demand("stage", stage, stage in vocabulary.STAGES)
    _demand("action", action, vocabulary.is_action(action))
    _demand("class", class_, class_ in vocabulary.CLASSES)


@lru_cache(maxsize=1024)
def _check_source(observed: str, actor: str, tool: str) -> None:
    _demand("observed", observed, observed in vocabulary.OBSERVED)
    _demand("actor", actor, actor in vocabulary.ACTORS)
    _demand("tool", tool, tool in vocabulary.TOOLS)


def leaf_hash(header: bytes) -> bytes:
    """Hash a header's bytes as a leaf (RFC 6962 section 2.1)."""
    return hashlib.sha256(b"\x00" + header).digest()


def format_time(moment: datetime) -> str:
    """Write a moment as UTC with milliseconds, the one form that headers hold."""
    if moment.tzinfo is None:
        raise Malformed("time", moment, "a moment with its time zone")
    # Not strftime: what it writes for years before 1000 depends on the platform.
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def parse_time(text: str) -> datetime:
    """Read a header's time."""
    if not _is_time(text):
        raise Malformed("time", text, "YYYY-MM-DDTHH:MM:SS.mmmZ")
    return datetime.fromisoformat(text)


@lru_cache(maxsize=4096)
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
    if not isinstance(raw, dict):
        raise Malformed("commit", raw, "an object")
    return {field: _text(raw, field) for field in raw}


def _demand(name: str, value: object, good: bool) -> None:
    if not good:
        raise Malformed(name, value, "the form that docs/format.md gives")
