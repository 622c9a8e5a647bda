"""Content identifiers (CID): what a block of bytes is called on IPFS.

    bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e   version 1, base32
    Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD                version 0, base58

Each CID has one text and one binary form here: other multibases, upper case and padding are
refused. Only SHA-256 is checked; a CID with another hash function is undecided, not false.
Specification: multiformats/cid.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Final

from stemproof.content.varint import format_varint, parse_varint
from stemproof.errors import Malformed, Undecided

RAW: Final = 0x55
DAG_PB: Final = 0x70

MAX_BLOCK_BYTES: Final = 2 << 20  # what IPFS nodes exchange; nobody need hold a larger block

_SHA256_PREFIX: Final = b"\x12\x20"
_TEXT_LIMIT: Final = 120  # a sha2-256 CID of any codec is shorter than this
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Cid:
    """A CID over SHA-256. Version 0 is always DAG-PB."""

    version: int
    codec: int
    digest: bytes

    def __post_init__(self) -> None:
        if self.version not in (0, 1) or len(self.digest) != 32:
            raise ValueError("a CID has version 0 or 1 and 32 bytes of digest")
        if self.version == 0 and self.codec != DAG_PB:
            raise ValueError("a CID of version 0 is DAG-PB")

    def __bytes__(self) -> bytes:
        multihash = _SHA256_PREFIX + self.digest
        if self.version == 0:
            return multihash
        return b"\x01" + format_varint(self.codec) + multihash

    def __str__(self) -> str:
        if self.version == 0:
            return _base58(bytes(self))
        return "b" + base64.b32encode(bytes(self)).decode("ascii").lower().rstrip("=")


def cid_of(block: bytes | bytearray | memoryview, *, codec: int, version: int = 1) -> Cid:
    """Name a block. Raw blocks have no version 0, so they get version 1."""
    digest = hashlib.sha256(block).digest()
    return Cid(version if codec == DAG_PB else 1, codec, digest)


def check_block(cid: Cid, block: bytes | bytearray | memoryview) -> None:
    """Refuse a block that is not the one `cid` names."""
    digest = hashlib.sha256(block).digest()
    if digest != cid.digest:
        raise Malformed(f"block {cid}", digest.hex(), f"bytes with SHA-256 {cid.digest.hex()}")


def parse_cid(text: str) -> Cid:
    """Read a CID's text in the one form we write it."""
    if not 2 <= len(text) <= _TEXT_LIMIT or not text.isascii():
        raise Malformed("CID", text, "base32 with prefix b, or 46 characters of base58")
    if text.startswith("Qm"):
        cid = parse_cid_bytes(_unbase58(text))
    elif text[0] == "b":
        cid = parse_cid_bytes(_unbase32(text))
    else:
        raise Malformed("CID", text, "base32 with prefix b, or base58 with prefix Qm")
    if str(cid) != text:
        raise Malformed("CID", text, str(cid))
    return cid


def parse_cid_bytes(data: bytes) -> Cid:
    """Read a binary CID that fills `data`."""
    cid, end = parse_cid_prefix(data)
    if end != len(data):
        raise Malformed("CID", data.hex(), f"{end} bytes")
    return cid


def parse_cid_prefix(data: bytes) -> tuple[Cid, int]:
    """Read the binary CID at the head of `data`; return it and its length."""
    if data[:2] == _SHA256_PREFIX:
        if len(data) < 34:
            raise Malformed("CID", data.hex(), "34 bytes")
        return Cid(0, DAG_PB, bytes(data[2:34])), 34
    version, at = parse_varint(data)
    if version != 1:
        raise Malformed("CID version", version, "0 or 1")
    codec, at = parse_varint(data, at)
    function, at_size = parse_varint(data, at)
    size, at_digest = parse_varint(data, at_size)
    if function != 0x12:
        raise Undecided(f"a CID with hash function 0x{function:x} cannot be checked, only sha2-256")
    if size != 32 or len(data) < at_digest + 32:
        raise Malformed("CID digest", data[at_size:].hex(), "32 bytes")
    return Cid(1, codec, bytes(data[at_digest : at_digest + 32])), at_digest + 32


def _unbase32(text: str) -> bytes:
    body = text[1:]
    if body != body.lower():
        raise Malformed("CID", text, "lower case")
    try:
        return base64.b32decode(body.upper() + "=" * (-len(body) % 8))
    except binascii.Error as error:
        raise Malformed("CID", text, "base32 without padding") from error


def _base58(data: bytes) -> str:
    # The only input is a multihash, which has no leading zero bytes to spell as 1s.
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return text


def _unbase58(text: str) -> bytes:
    number = 0
    for letter in text:
        digit = _BASE58.find(letter)
        if digit < 0:
            raise Malformed("CID", text, "base58")
        number = number * 58 + digit
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
