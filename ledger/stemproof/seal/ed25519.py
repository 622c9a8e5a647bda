"""Ed25519 (RFC 8032) with one answer for each signature, everywhere.

Implementations differ on crafted keys and signatures. This one refuses:
- S >= L (a second signature without the key);
- a y coordinate >= p in the public key or in R (a second spelling of the same point);
- a public key or R among the eight points of small order, under which one signature can fit many
  messages.
The equation is the one without cofactor, [S]B = R + [k]A, as OpenSSL and BoringSSL compute it.
Not checked: that a public key has no small-order *part*; only the key's own maker can make use
of that, and only to sign a message of their own in more than one way.
"""

from __future__ import annotations

from typing import Final

from stemproof.errors import BadInput, Malformed, Refuted

SEED_SIZE: Final = 32
PUBLIC_SIZE: Final = 32
SIGNATURE_SIZE: Final = 64

FIELD_PRIME: Final = 2**255 - 19
GROUP_ORDER: Final = 2**252 + 27742317777372353535851937790883648493

_ORDER_8_Y: Final = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
# The y coordinates of the eight points whose order divides 8, and whose they are. The sign bit of
# x does not matter: with either sign the encoding is one of these points or none at all.
SMALL_ORDER_Y: Final = frozenset(
    {
        1,  # order 1: the neutral point
        FIELD_PRIME - 1,  # order 2
        0,  # order 4: two points
        _ORDER_8_Y,  # order 8: two points
        FIELD_PRIME - _ORDER_8_Y,  # order 8: two points
    }
)


def public_of(seed: bytes) -> bytes:
    """Compute the public key of a 32-byte private seed."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    _check_seed(seed)
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def sign(seed: bytes, message: bytes) -> bytes:
    """Sign a message; the same seed and message always give the same 64 bytes."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    _check_seed(seed)
    return Ed25519PrivateKey.from_private_bytes(seed).sign(message)


def check_public(public: bytes) -> None:
    """Refuse a public key that is not 32 bytes, not canonical or of small order.

    That the bytes are a point of the curve at all shows only when a signature is checked.
    """
    if len(public) != PUBLIC_SIZE:
        raise Malformed("Ed25519 public key", public.hex(), "32 bytes")
    _check_point("Ed25519 public key", public)


def check_signature(public: bytes, message: bytes, signature: bytes) -> None:
    """Refuse unless `signature` is the one that the holder of `public` makes over `message`."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    check_public(public)
    if len(signature) != SIGNATURE_SIZE:
        raise Malformed("Ed25519 signature", signature.hex(), "64 bytes")
    _check_point("R of the Ed25519 signature", signature[:32])
    if int.from_bytes(signature[32:], "little") >= GROUP_ORDER:
        # RFC 8032 section 5.1.7; without this, S + L would be a second valid signature.
        raise Malformed("S of the Ed25519 signature", signature[32:].hex(), "below the group order")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise Refuted(f"signature does not verify under Ed25519 key {public.hex()}") from error


def _check_point(what: str, encoded: bytes) -> None:
    # RFC 8032 section 5.1.2: 255 bits of y, little-endian, then one bit for the sign of x.
    y = int.from_bytes(encoded, "little") & (2**255 - 1)
    if y >= FIELD_PRIME:
        raise Malformed(what, encoded.hex(), "a canonical point: y below 2**255 - 19")
    if y in SMALL_ORDER_Y:
        raise Malformed(what, encoded.hex(), "a point that is not of small order")


def _check_seed(seed: bytes) -> None:
    if len(seed) != SEED_SIZE:
        # The seed itself never goes into a message.
        raise BadInput(f"an Ed25519 private seed has 32 bytes, this one has {len(seed)}")
