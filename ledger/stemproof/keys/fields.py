"""Signatures under a statement, with the key that failed named. No I/O."""

from __future__ import annotations

from stemproof.errors import Refuted
from stemproof.record.fields import Fields
from stemproof.seal import ed25519

__all__ = ["Fields", "check_key_signature"]


def check_key_signature(public: bytes, message: bytes, signature: bytes, *, who: str) -> None:
    """Check an Ed25519 signature and name its key in the refusal."""
    try:
        ed25519.check_signature(public, message, signature)
    except Refuted as error:
        raise Refuted(f"the signature of the {who} does not fit the statement") from error
