"""Salted commitments: what a header says about a value without showing it.

    SHA-256("stemproof/v1/" || field || 0x00 || salt || value)

The salt is 16 random bytes, one for each field of each event, so that neither a
file digest nor a short prompt can be guessed from a header, and each field can be
opened, or erased for ever, without the others. Hiding and binding as SHA-256 is.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from stemproof.errors import Malformed, Refuted

SALT_BYTES: Final = 16
DOMAIN: Final = b"stemproof/v1/"

# What a header may commit to; a value is the bytes named here.
FIELDS: Final = {
    "body": "canonical JSON of the event's body",
    "audio": "SHA-256 of the audio file, 32 bytes",
    "fingerprint": "fingerprint digest, 32 bytes",
    "prompt": "the prompt, UTF-8",
    "lyrics": "the lyrics, UTF-8",
    "before": "SHA-256 of the session file before, 32 bytes",
    "after": "SHA-256 of the session file after, 32 bytes",
}


@dataclass(frozen=True, slots=True)
class Opening:
    """The salt and value that open one commitment."""

    field: str
    salt: bytes
    value: bytes


def commitment_of(field: str, salt: bytes, value: bytes) -> bytes:
    """Commit to `value`; 32 bytes."""
    if field not in FIELDS:
        raise Malformed("commitment field", field, "one of " + ", ".join(FIELDS))
    if len(salt) != SALT_BYTES:
        raise Malformed("salt length", len(salt), f"{SALT_BYTES} bytes")
    return hashlib.sha256(DOMAIN + field.encode() + b"\x00" + salt + value).digest()


def check_opening(opening: Opening, commitment_hex: str) -> None:
    """Check that an opening is the one that the header committed to."""
    found = commitment_of(opening.field, opening.salt, opening.value).hex()
    if found != commitment_hex:
        raise Refuted(
            f"the {opening.field} does not open its commitment: "
            f"it gives {found[:12]}, the header says {commitment_hex[:12]!r}"
        )
