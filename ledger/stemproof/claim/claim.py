"""The claim: one signed statement about one finished work.

    {"account":…,"audio":[…],"coverage":{…},"credits":[…],"identifiers":{…},"identity":…,
     "kind":"claim","logs":[…],"made":…,"stages":[…],"title":…,"v":0,"work":…}

Signed by the identity key (Ed25519 over CLAIM_DOMAIN and the canonical bytes) and by the
account (EIP-712 over title, work and the SHA-256 of the canonical bytes). It covers one
checkpoint of each log that it lists. Parsing is strict. No I/O.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from stemproof.claim.report import Coverage, Report, StageCount
from stemproof.errors import Malformed
from stemproof.keys.account import statement_digest
from stemproof.record.canonical import Json, canonical_bytes
from stemproof.record.fields import Fields

VERSION: Final = 0
# 500 credits and 200 files stay below 400 kB.
MAX_CLAIM_BYTES: Final = 1 << 20
MAX_ITEMS: Final = 1000
CLAIM_DOMAIN: Final = b"stemproof/v0/claim\n"
ROLES: Final = ("master", "stem")


@dataclass(frozen=True, slots=True)
class Audio:
    """A master or stem, and the event that recorded it."""

    role: str
    name: str
    bytes: int
    sha256: str
    cid: str
    profile: str
    duration_ms: int
    fingerprint: str
    log: int
    work_seq: int
    pin: str
    encrypted: bool


@dataclass(frozen=True, slots=True)
class LogCover:
    """Which checkpoint of a log a claim rests on, and the work's head in it."""

    origin: str
    size: int
    root: str
    work_size: int
    work_root: str


@dataclass(frozen=True, slots=True)
class Credit:
    """Who did what, as the artist says."""

    name: str
    role: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement about a finished work."""

    work: str
    title: str
    made: str
    identity: str
    account: str
    logs: tuple[LogCover, ...]
    audio: tuple[Audio, ...]
    credits: tuple[Credit, ...]
    identifiers: tuple[tuple[str, str], ...]
    report: Report


def format_claim(claim: Claim) -> bytes:
    """Write a claim's canonical bytes."""
    coverage = claim.report.coverage
    return canonical_bytes(
        {
            "account": claim.account,
            "audio": [_members(item) for item in claim.audio],
            "coverage": _members(coverage),
            "credits": [_members(credit) for credit in claim.credits],
            "identifiers": dict(claim.identifiers),
            "identity": claim.identity,
            "kind": "claim",
            "logs": [_members(log) for log in claim.logs],
            "made": claim.made,
            "stages": [_members(count) for count in claim.report.stages],
            "title": claim.title,
            "v": VERSION,
            "work": claim.work,
        }
    )


def parse_claim(data: bytes) -> Claim:
    """Read a claim in the one form that we write."""
    fields = Fields.parse(data, what="claim", version=VERSION, max_bytes=MAX_CLAIM_BYTES)
    fields.demand_text("kind", "claim")
    identifiers = fields.inner("identifiers")
    coverage = fields.inner("coverage")
    claim = Claim(
        work=fields.hex_bytes("work", 16).hex(),
        title=fields.text("title"),
        made=fields.text("made"),
        identity=fields.hex_bytes("identity", 32).hex(),
        account=fields.hex_bytes("account", 20).hex(),
        logs=tuple(_parse_log(item) for item in _items(fields, "logs")),
        audio=tuple(_parse_audio(item) for item in _items(fields, "audio")),
        credits=tuple(
            Credit(item.text("name"), item.text("role")) for item in _items(fields, "credits")
        ),
        identifiers=tuple((name, identifiers.text(name)) for name in sorted(identifiers.members)),
        report=Report(
            stages=tuple(_parse_count(item) for item in _items(fields, "stages")),
            coverage=Coverage(
                **{name: coverage.number(name) for name in Coverage.__dataclass_fields__}
            ),
        ),
    )
    if format_claim(claim) != data:
        raise Malformed("claim", data, "exactly the members of format version 0")
    return claim


def claim_message(data: bytes) -> bytes:
    """Write the bytes that the identity key signs."""
    return CLAIM_DOMAIN + data


def claim_digest(claim: Claim, data: bytes) -> bytes:
    """Digest the EIP-712 struct that the account signs."""
    return statement_digest(
        "Claim",
        {
            "title": claim.title,
            "work": bytes.fromhex(claim.work).rjust(32, b"\x00"),
            "digest": hashlib.sha256(data).digest(),
        },
    )


def _members(value: Audio | LogCover | Credit | Coverage | StageCount) -> dict[str, Json]:
    names = type(value).__dataclass_fields__
    return {name.rstrip("_"): getattr(value, name) for name in names}


def _items(fields: Fields, name: str) -> tuple[Fields, ...]:
    items = fields.objects(name)
    if len(items) > MAX_ITEMS:
        raise Malformed(f"number of {name}", len(items), f"at most {MAX_ITEMS}")
    return items


def _parse_log(item: Fields) -> LogCover:
    return LogCover(
        origin=item.text("origin"),
        size=item.number("size"),
        root=item.hex_bytes("root", 32).hex(),
        work_size=item.number("work_size"),
        work_root=item.hex_bytes("work_root", 32).hex(),
    )


def _parse_audio(item: Fields) -> Audio:
    role = item.text("role")
    if role not in ROLES:
        raise Malformed("audio role", role, "master or stem")
    return Audio(
        role=role,
        name=item.text("name"),
        bytes=item.number("bytes"),
        sha256=item.hex_bytes("sha256", 32).hex(),
        cid=item.text("cid"),
        profile=item.text("profile"),
        duration_ms=item.number("duration_ms"),
        fingerprint=item.hex_bytes("fingerprint", 32).hex(),
        log=item.number("log"),
        work_seq=item.number("work_seq"),
        pin=item.text("pin"),
        encrypted=item.flag("encrypted"),
    )


def _parse_count(item: Fields) -> StageCount:
    return StageCount(
        stage=item.text("stage"),
        class_=item.text("class"),
        observed=item.text("observed"),
        events=item.number("events"),
    )
