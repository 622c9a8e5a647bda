"""Signed heads: what an artist hands to a relay, and all that anybody needs to anchor it.

    {"chain_id":31337,"contract":"…","deadline":1790000000,"origin_id":"…","prior":"…",
     "publisher":"…","root":"…","signature":"…","size":12,"v":0}

The signature is over the EIP-712 digest of docs/format/anchor.md, on one chain and for one
contract, so whoever carries it can leave it out and change nothing. As bytes it is canonical
JSON, hex in lower case without 0x; only the spelling that `format_signed_head` writes is read.
Whether a wallet contract takes a signature only its chain can say. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Protocol

from stemproof.errors import Malformed, Refuted
from stemproof.evidence.accumulator import ACC_BITS, MAX_SIZE
from stemproof.evidence.eip712 import Domain, Types, typed_digest
from stemproof.evidence.ethsig import Address, recover_address
from stemproof.evidence.members import parse_hex, parse_number
from stemproof.record.canonical import MAX_INTEGER, canonical_bytes, parse_object

if TYPE_CHECKING:
    pass

#: Heads.sol: the most entries that one anchor may add.
MAX_GROWTH: Final = 2**24
# A wallet of a dozen owners needs some 800 bytes; a relay pays for each of them.
MAX_SIGNATURE_BYTES: Final = 2048
#: A signature of that length in hex, and 500 bytes for the rest.
MAX_HEAD_BYTES: Final = 2 * MAX_SIGNATURE_BYTES + 1024
#: What begins a signed head, and no transaction.
MARK: Final = b"{"

_DOMAIN_NAME: Final = "stemproof Anchors"
_DOMAIN_VERSION: Final = "1"
_TYPES: Final[Types] = {
    "Anchor": (
        ("publisher", "address"),
        ("origin", "bytes32"),
        ("prior", "uint256"),
        ("size", "uint40"),
        ("root", "bytes32"),
        ("deadline", "uint256"),
    )
}
_COMPACT_S: Final = (1 << 255) - 1
_FIXED: Final = {"contract": 20, "origin_id": 32, "prior": 32, "publisher": 20, "root": 32}
_NUMBERS: Final = {
    "chain_id": (1, MAX_INTEGER),
    "deadline": (1, MAX_INTEGER),
    "size": (1, MAX_SIZE),
    "v": (0, 0),
}
_NAMES: Final = {*_FIXED, *_NUMBERS, "signature"}


@dataclass(frozen=True, slots=True)
class SignedHead:
    """One head of one log, and its publisher's word that it may be anchored."""

    chain_id: int
    contract: bytes
    publisher: bytes
    # SHA-256 of the log's origin.
    origin_id: bytes
    # The head that it builds on; 0 at the first.
    prior: int
    size: int
    root: bytes
    # The last second, in Unix time, at which a block may take it.
    deadline: int
    signature: bytes

    @property
    def prior_size(self) -> int:
        """The size of the head that it builds on."""
        return self.prior >> ACC_BITS


class HeadSigner(Protocol):
    """An account that signs 32-byte digests."""

    @property
    def address(self) -> Address:
        """The account."""

    def sign_digest(self, digest: bytes) -> bytes:
        """Sign a digest: r, s and v, 65 bytes."""


def head_digest(head: SignedHead) -> bytes:
    """Compute the 32 bytes that the publisher signs; the signature itself counts for nothing."""
    domain = Domain(_DOMAIN_NAME, _DOMAIN_VERSION, head.chain_id, head.contract)
    message = {
        "publisher": head.publisher,
        "origin": head.origin_id,
        "prior": head.prior,
        "size": head.size,
        "root": head.root,
        "deadline": head.deadline,
    }
    return typed_digest(domain, _TYPES, "Anchor", message)


def sign_head(signer: HeadSigner, unsigned: SignedHead) -> SignedHead:
    """Sign a head for its publisher, which may be the signer or whoever allows it."""
    signed = replace(unsigned, signature=signer.sign_digest(head_digest(unsigned)))
    if recover_signer(signed) != signer.address:
        raise Refuted("the signer made a signature that is not its own")
    return signed


def recover_signer(head: SignedHead) -> Address | None:
    """Say which account signed, as the contract finds it; None where only a wallet can tell."""
    signature = head.signature
    if len(signature) == 64:
        # ERC-2098: the parity stands in the highest bit of s.
        word = int.from_bytes(signature[32:], "big")
        s, parity = word & _COMPACT_S, word >> 255
        signature = signature[:32] + s.to_bytes(32, "big") + bytes([27 + parity])
    try:
        return recover_address(head_digest(head), signature)
    except Refuted:
        return None


def ticket_of(body: bytes) -> str:
    """Name a signed head to a relay: the SHA-256 of its bytes, in hex."""
    return sha256(body).hexdigest()


def is_signed_head(raw: bytes) -> bool:
    """Say whether stored bytes are a signed head, and not a transaction."""
    return raw[:1] == MARK


def format_signed_head(head: SignedHead) -> bytes:
    """Write a signed head in the one form we read."""
    return canonical_bytes(
        {
            "chain_id": head.chain_id,
            "contract": head.contract.hex(),
            "deadline": head.deadline,
            "origin_id": head.origin_id.hex(),
            "prior": head.prior.to_bytes(32, "big").hex(),
            "publisher": head.publisher.hex(),
            "root": head.root.hex(),
            "signature": head.signature.hex(),
            "size": head.size,
            "v": 0,
        }
    )


def parse_signed_head(data: bytes) -> SignedHead:
    """Read a signed head in the one form we write it; who signed it is not looked at."""
    fields = parse_object(data, what="signed head", max_bytes=MAX_HEAD_BYTES)
    if set(fields) != _NAMES:
        raise Malformed("members of a signed head", sorted(fields), f"{sorted(_NAMES)}")
    numbers = {name: parse_number(fields[name], name, *_NUMBERS[name]) for name in _NUMBERS}
    fixed = {name: parse_hex(fields[name], name, size) for name, size in _FIXED.items()}
    signature = parse_hex(fields["signature"], "signature")
    if not 0 < len(signature) <= MAX_SIGNATURE_BYTES:
        raise Malformed("signature length", len(signature), f"1 to {MAX_SIGNATURE_BYTES} bytes")
    return SignedHead(
        chain_id=numbers["chain_id"],
        contract=fixed["contract"],
        publisher=fixed["publisher"],
        origin_id=fixed["origin_id"],
        prior=int.from_bytes(fixed["prior"], "big"),
        size=numbers["size"],
        root=fixed["root"],
        deadline=numbers["deadline"],
        signature=signature,
    )
