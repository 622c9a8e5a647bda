"""The bundle: `NAME.stemproof`, all that verification needs, without the audio.

    manifest.json     what is inside, by digest of the stored bytes, and the profile
    manifest.sig      the identity key's signature over it: no byte is unsigned
    claim.json        the claim and its two signatures
    log00/…           one folder a log, see logpart.py

It never says whom to trust. Members that this version does not know are kept, held by
their digest, and named. Parsing is strict; what is inside is judged by verify. No I/O.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from stemproof.claim.claim import MAX_CLAIM_BYTES
from stemproof.claim.container import (
    STORED,
    Member,
    NotWhole,
    format_container,
    pack_member,
    parse_container,
    unpack_member,
)
from stemproof.claim.logpart import LogPart, format_log_part, parse_log_part
from stemproof.errors import Malformed, Undecided
from stemproof.record.canonical import Json, canonical_bytes, parse_object
from stemproof.record.fields import Fields

VERSION: Final = 0
BUNDLE_DOMAIN: Final = b"stemproof/v0/bundle\n"
MAX_MANIFEST_BYTES: Final = 64 << 10
MAX_LOGS: Final = 8
PROFILES: Final = ("full",)
LOG_MEMBERS: Final = frozenset(
    "own.headers own.openings work.headers work.openings heads.json evidence.json"
    " stamps.json".split()
)


@dataclass(frozen=True, slots=True)
class SignedClaim:
    """A claim's canonical bytes and the signatures over them."""

    claim: bytes
    identity: bytes
    account: bytes


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a bundle holds; `unknown` names members of a kind that this version does not know."""

    profile: str
    signed: SignedClaim
    logs: tuple[LogPart, ...]
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sealing:
    """The manifest as it was signed."""

    manifest: bytes
    signature: bytes


def format_bundle(bundle: Bundle, sign: Callable[[bytes], bytes]) -> bytes:
    """Write a bundle; `sign` is the identity key's signature over a message."""
    contents = {"claim.json": _format_signed(bundle.signed)}
    for place, part in enumerate(bundle.logs):
        for name, data in format_log_part(part).items():
            contents[f"log{place:02d}/{name}"] = data
    members = {name: pack_member(name, data) for name, data in contents.items()}
    manifest = _format_manifest(bundle.profile, members)
    signature = sign(manifest_message(manifest))
    for name, data in (("manifest.json", manifest), ("manifest.sig", signature)):
        members[name] = pack_member(name, data, method=STORED)
    return format_container(members)


def parse_bundle(data: bytes) -> tuple[Bundle, Sealing]:
    """Read a bundle whose members are those of its manifest; signatures are not checked here."""
    members = parse_container(data)
    for name in ("manifest.json", "manifest.sig"):
        if name not in members or members[name].method != STORED:
            raise NotWhole(f"the bundle has no stored {name}")
    manifest = unpack_member(members.pop("manifest.json"))
    signature = unpack_member(members.pop("manifest.sig"))
    fields = Fields.parse(manifest, what="manifest", version=VERSION, max_bytes=MAX_MANIFEST_BYTES)
    fields.demand_text("kind", "bundle")
    profile = fields.text("profile")
    if _format_manifest(profile, members) != manifest:
        raise _say_altered(fields.members.get("parts"), _parts_of(members))
    if profile not in PROFILES:
        raise Undecided(f"the bundle is of the profile {profile!r:.80}, not known here")
    if "claim.json" not in members:
        raise NotWhole("the bundle has no claim.json, and so no claim")
    signed = _parse_signed(unpack_member(members.pop("claim.json")))
    logs = _take_logs(members)
    for member in members.values():
        # Of an unknown kind, yet whole: its CRC stands outside what the manifest digests.
        unpack_member(member)
    return Bundle(profile, signed, logs, tuple(sorted(members))), Sealing(manifest, signature)


def manifest_message(manifest: bytes) -> bytes:
    """Write the bytes that the identity key signs."""
    return BUNDLE_DOMAIN + manifest


def _take_logs(members: dict[str, Member]) -> tuple[LogPart, ...]:
    logs = []
    for place in range(MAX_LOGS):
        names = [name for name in members if name.startswith(f"log{place:02d}/")]
        known = [name for name in names if name.partition("/")[2] in LOG_MEMBERS]
        if not known:
            break
        part = {name.partition("/")[2]: unpack_member(members.pop(name)) for name in known}
        logs.append(parse_log_part(part))
    stray = [name for name in members if name.partition("/")[2] in LOG_MEMBERS]
    if stray or not logs:
        raise Malformed("logs of the bundle", stray, f"log00 and on, at most {MAX_LOGS}")
    return tuple(logs)


def _format_manifest(profile: str, members: Mapping[str, Member]) -> bytes:
    parts = _parts_of(members)
    return canonical_bytes({"kind": "bundle", "parts": parts, "profile": profile, "v": VERSION})


def _parts_of(members: Mapping[str, Member]) -> dict[str, Json]:
    return {
        name: {
            "bytes": member.size,
            "method": member.method,
            # Over the stored bytes: deflate can say one thing in many ways.
            "sha256": hashlib.sha256(member.packed).hexdigest(),
        }
        for name, member in members.items()
    }


def _say_altered(stated: Json, found: Mapping[str, Json]) -> NotWhole:
    """Name the first member that is not as the manifest says."""
    parts = stated if isinstance(stated, dict) else {}
    for name in sorted({*parts, *found}):
        if name not in found:
            return NotWhole(f"{name!r:.80} is in the manifest only: the bundle was altered")
        if name not in parts:
            return NotWhole(f"{name} is not in the manifest: the bundle was altered")
        if parts[name] != found[name]:
            return NotWhole(f"{name} is not as the manifest says: the bundle was altered")
    return NotWhole("manifest.json is not in the one form of a manifest: the bundle was altered")


def _format_signed(signed: SignedClaim) -> bytes:
    # The claim is canonical JSON already: it is put in as it stands, never written anew.
    return b'{"claim":%b,"signatures":{"account":"%b","identity":"%b"}}' % (
        signed.claim,
        signed.account.hex().encode(),
        signed.identity.hex().encode(),
    )


def _parse_signed(data: bytes) -> SignedClaim:
    found = parse_object(data, what="claim.json", max_bytes=MAX_CLAIM_BYTES + 1024)
    fields = Fields("claim.json", found)
    signatures = fields.inner("signatures")
    signed = SignedClaim(
        claim=canonical_bytes(fields.members.get("claim")),
        identity=signatures.hex_bytes("identity", 64),
        account=signatures.hex_bytes("account", 65),
    )
    if _format_signed(signed) != data:
        raise Malformed("claim.json", data, "a claim and its two signatures")
    return signed
