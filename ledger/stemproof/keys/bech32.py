"""Bech32 (BIP-173), writing and strict reading: the spelling of age's keys.

age uses it without BIP-173's bound of 90 characters; its keys have 62 and 74.
"""

from __future__ import annotations

from stemproof.errors import BadInput

_CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_LETTERS = 6
_MAX_TEXT = 128


def format_bech32(prefix: str, payload: bytes) -> str:
    """Write `payload` under a lower-case `prefix`, in lower case."""
    values = _regroup(payload)
    residue = _polymod([*_expand(prefix), *values, *[0] * _CHECKSUM_LETTERS]) ^ 1
    checksum = [residue >> 5 * (5 - place) & 31 for place in range(_CHECKSUM_LETTERS)]
    return f"{prefix}1" + "".join(_CHARSET[value] for value in [*values, *checksum])


def parse_bech32(text: str, prefix: str) -> bytes:
    """Read the payload of a lower-case text that `format_bech32` would write."""
    letters = text.removeprefix(f"{prefix}1")
    if len(text) <= _MAX_TEXT and len(letters) < len(text) and set(letters) <= set(_CHARSET):
        bits = 0
        for letter in letters[:-_CHECKSUM_LETTERS]:
            bits = bits << 5 | _CHARSET.index(letter)
        width = max(0, len(letters) - _CHECKSUM_LETTERS) * 5
        payload = (bits >> width % 8).to_bytes(width // 8, "big")
        if format_bech32(prefix, payload) == text:
            return payload
    # The text may be a secret: it is not repeated.
    raise BadInput(f"the key is not a bech32 text that begins with {prefix}1")


def _regroup(payload: bytes) -> list[int]:
    """Split into groups of five bits, the last filled with zeros."""
    count = -(-len(payload) * 8 // 5)
    bits = int.from_bytes(payload, "big") << count * 5 - len(payload) * 8
    return [bits >> 5 * (count - 1 - place) & 31 for place in range(count)]


def _expand(prefix: str) -> list[int]:
    codes = prefix.encode("ascii")
    return [code >> 5 for code in codes] + [0] + [code & 31 for code in codes]


def _polymod(values: list[int]) -> int:
    residue = 1
    for value in values:
        top = residue >> 25
        residue = (residue & 0x1FFFFFF) << 5 ^ value
        for place, generator in enumerate(_GENERATOR):
            residue ^= generator if top >> place & 1 else 0
    return residue
