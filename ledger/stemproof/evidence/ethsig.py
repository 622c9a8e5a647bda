"""Ethereum signatures and addresses, in the one form of each that we accept.

A signature is r, s and v: 65 bytes, s in the lower half of the order (EIP-2: the other
half would be a second signature for the same act), v 27 or 28. An address is 20 bytes;
as text it has 40 hex digits behind 0x, in the capitals of EIP-55.

    >>> format_address(bytes.fromhex("5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"))
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'

Recovery says who signed, never whether they may. No I/O.
"""

from __future__ import annotations

import re
from typing import NewType

from stemproof.errors import Malformed, Refuted
from stemproof.evidence.keccak import keccak256

Address = NewType("Address", bytes)

# SEC 2, section 2.4.1: the order of secp256k1.
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}\Z")


def recover_address(digest: bytes, signature: bytes) -> Address:
    """Yield the address whose key made this signature over this digest."""
    import coincurve

    _check_form(digest, signature)
    compact = signature[:64] + bytes([signature[64] - 27])
    try:
        key = coincurve.PublicKey.from_signature_and_message(compact, digest, hasher=None)
    except ValueError as error:
        raise Refuted(f"no key can have made the signature {signature.hex()}") from error
    return _address_of_point(key.format(compressed=False))


def check_signature(digest: bytes, signature: bytes, address: Address) -> None:
    """Demand that `address` signed this digest."""
    signer = recover_address(digest, signature)
    if signer != address:
        raise Refuted(
            f"the signature is by {format_address(signer)}, want {format_address(address)}"
        )


def sign_digest(private_key: bytes, digest: bytes) -> bytes:
    """Sign a 32-byte digest; the nonce comes from the key and the digest (RFC 6979)."""
    import coincurve

    if len(digest) != 32:
        raise Malformed("digest", digest, "32 bytes")
    signature = coincurve.PrivateKey(_checked_key(private_key)).sign_recoverable(
        digest, hasher=None
    )
    return signature[:64] + bytes([signature[64] + 27])


def address_of_key(private_key: bytes) -> Address:
    """Yield the address of a private key."""
    import coincurve

    key = coincurve.PrivateKey(_checked_key(private_key))
    return _address_of_point(key.public_key.format(compressed=False))


def format_address(address: Address) -> str:
    """Write an address with the capitals of EIP-55."""
    if len(address) != 20:
        raise Malformed("address", address, "20 bytes")
    digits = address.hex()
    guide = keccak256(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if int(mark, 16) >= 8 else digit
        for digit, mark in zip(digits, guide, strict=False)
    )


def parse_address(text: str) -> Address:
    """Read an address; its capitals must be those of EIP-55."""
    if not _ADDRESS.match(text):
        raise Malformed("address", text, "0x and 40 hex digits")
    address = Address(bytes.fromhex(text[2:]))
    if format_address(address) != text:
        raise Malformed("address", text, f"{format_address(address)} (EIP-55)")
    return address


def _check_form(digest: bytes, signature: bytes) -> None:
    if len(digest) != 32:
        raise Malformed("digest", digest, "32 bytes")
    if len(signature) != 65:
        raise Malformed("signature length", len(signature), "65 bytes")
    if signature[64] not in (27, 28):
        raise Malformed("signature v", signature[64], "27 or 28")
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:64], "big")
    if not 0 < r < ORDER:
        raise Malformed("signature r", r, "1 to the order of the curve - 1")
    if not 0 < s <= ORDER // 2:
        raise Malformed("signature s", s, "1 to half the order of the curve (EIP-2)")


def _checked_key(private_key: bytes) -> bytes:
    # The message never holds the key itself.
    if len(private_key) != 32 or not 0 < int.from_bytes(private_key, "big") < ORDER:
        raise Malformed("private key length", len(private_key), "32 bytes, a number of the curve")
    return private_key


def _address_of_point(point: bytes) -> Address:
    # Yellow Paper, appendix F: the last 20 bytes of the hash of x and y.
    return Address(keccak256(point[1:])[12:])
