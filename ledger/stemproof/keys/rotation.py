"""Rotation: an identity's keys are replaced. Consensus: see docs/keys.md.

    {"account":"<40 hex>","authority":"<64 hex>","identity_key":"<64 hex>",
     "kind":"rotation","number":1,"origin":"stemproof/.../...","recovery":"<64 hex>",
     "replaces":"<64 hex>","signatures":{"account":"<130 hex>","authority":"<128 hex>",
     "identity":"<128 hex>"},"v":0}

`authority` is the key that allows it: the identity key being replaced, or the recovery
key whose digest is in force. Only the recovery key may put another recovery key in its
place, so that a thief of the words cannot shut its owner out. `number` counts the
rotations of this log, so that an old one cannot be played again. The log's key and
origin stay. No I/O.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Final

from stemproof.errors import Malformed, Refuted
from stemproof.evidence import ethsig
from stemproof.keys.account import statement_digest
from stemproof.keys.binding import Binding
from stemproof.keys.fields import Fields, check_key_signature
from stemproof.record.canonical import Json, canonical_bytes
from stemproof.seal import ed25519

VERSION: Final = 0
# The members are of fixed length, below 1,200 bytes.
MAX_ROTATION_BYTES: Final = 2048
ROTATION_DOMAIN: Final = b"stemproof/v0/rotation\n"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who may sign for a log after `number` rotations."""

    origin: str
    number: int
    identity_key: bytes
    account: ethsig.Address
    recovery: bytes


@dataclass(frozen=True, slots=True)
class Signatures:
    """The three signatures under a rotation."""

    account: bytes = b""
    authority: bytes = b""
    identity: bytes = b""


@dataclass(frozen=True, slots=True)
class Rotation:
    """The step from one holder to the next, and the key that allows it."""

    after: Holder
    replaces: bytes
    authority: bytes
    signatures: Signatures = Signatures()


def holder_of(binding: Binding) -> Holder:
    """Say who holds a log before any rotation."""
    return Holder(binding.origin, 0, binding.identity_key, binding.account, binding.recovery)


def make_rotation(
    before: Holder,
    *,
    authority_seed: bytes,
    identity_seed: bytes,
    account_key: bytes,
    recovery: bytes | None = None,
) -> bytes:
    """Replace identity and account; `recovery` only where the recovery key is the authority."""
    after = Holder(
        origin=before.origin,
        number=before.number + 1,
        identity_key=ed25519.public_of(identity_seed),
        account=ethsig.address_of_key(account_key),
        recovery=before.recovery if recovery is None else recovery,
    )
    unsigned = Rotation(after, before.identity_key, ed25519.public_of(authority_seed))
    message = rotation_message(unsigned)
    signatures = Signatures(
        account=ethsig.sign_digest(account_key, rotation_digest(unsigned)),
        authority=ed25519.sign(authority_seed, message),
        identity=ed25519.sign(identity_seed, message),
    )
    data = format_rotation(replace(unsigned, signatures=signatures))
    check_rotation(data, before)
    return data


def format_rotation(rotation: Rotation) -> bytes:
    """Write a rotation's canonical bytes."""
    signatures: Json = {
        "account": rotation.signatures.account.hex(),
        "authority": rotation.signatures.authority.hex(),
        "identity": rotation.signatures.identity.hex(),
    }
    return canonical_bytes({**_statement(rotation), "signatures": signatures})


def parse_rotation(data: bytes) -> Rotation:
    """Read a rotation in the one form that we write; the signatures are not checked here."""
    fields = Fields.parse(data, what="rotation", version=VERSION, max_bytes=MAX_ROTATION_BYTES)
    fields.demand_text("kind", "rotation")
    signed = fields.inner("signatures")
    rotation = Rotation(
        after=Holder(
            origin=fields.text("origin"),
            number=fields.number("number"),
            identity_key=fields.hex_bytes("identity_key", 32),
            account=ethsig.Address(fields.hex_bytes("account", 20)),
            recovery=fields.hex_bytes("recovery", 32),
        ),
        replaces=fields.hex_bytes("replaces", 32),
        authority=fields.hex_bytes("authority", 32),
        signatures=Signatures(
            account=signed.hex_bytes("account", 65),
            authority=signed.hex_bytes("authority", 64),
            identity=signed.hex_bytes("identity", 64),
        ),
    )
    if format_rotation(rotation) != data:
        raise Malformed("rotation", data, "exactly the members of format version 0")
    return rotation


def check_rotation(data: bytes, before: Holder) -> Holder:
    """Check a rotation against the holder before it, and say who holds the log after it."""
    rotation = parse_rotation(data)
    after = rotation.after
    for name, found, want in (
        ("origin", after.origin, before.origin),
        ("number", after.number, before.number + 1),
        ("replaced key", rotation.replaces.hex(), before.identity_key.hex()),
    ):
        if found != want:
            raise Refuted(f"the rotation's {name} is {found!r:.80}, want {want!r}")
    if after.identity_key == before.identity_key:
        raise Refuted("the rotation replaces the identity key by itself")
    if rotation.authority == before.identity_key:
        if after.recovery != before.recovery:
            raise Refuted("the identity key cannot replace the recovery key, only that key can")
    elif hashlib.sha256(rotation.authority).digest() != before.recovery:
        raise Refuted(
            f"the rotation's authority {rotation.authority.hex()} is neither the identity key "
            "in force nor the recovery key"
        )
    message = rotation_message(rotation)
    signatures = rotation.signatures
    check_key_signature(rotation.authority, message, signatures.authority, who="authority")
    check_key_signature(after.identity_key, message, signatures.identity, who="identity key")
    ethsig.check_signature(rotation_digest(rotation), signatures.account, after.account)
    return after


def rotation_message(rotation: Rotation) -> bytes:
    """Write the bytes that the authority and the new identity key sign."""
    return ROTATION_DOMAIN + canonical_bytes(_statement(rotation))


def rotation_digest(rotation: Rotation) -> bytes:
    """Digest the EIP-712 struct that the new account signs."""
    after = rotation.after
    values = {
        "origin": after.origin,
        "number": after.number,
        "replaces": rotation.replaces,
        "identityKey": after.identity_key,
        "recovery": after.recovery,
    }
    return statement_digest("Rotation", values)


def _statement(rotation: Rotation) -> dict[str, Json]:
    return {
        "account": rotation.after.account.hex(),
        "authority": rotation.authority.hex(),
        "identity_key": rotation.after.identity_key.hex(),
        "kind": "rotation",
        "number": rotation.after.number,
        "origin": rotation.after.origin,
        "recovery": rotation.after.recovery.hex(),
        "replaces": rotation.replaces.hex(),
        "v": VERSION,
    }
