"""The digest that an account signs over a statement of ours (EIP-712).

The domain is {name: "stemproof", version: "0"}, without chain and contract: the statement
holds on every chain and before any is used. It moves nothing and no
contract accepts it, so there is nothing to replay elsewhere. No I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from stemproof.evidence.eip712 import Types, hash_struct
from stemproof.evidence.keccak import keccak256

DOMAIN_NAME: Final = "stemproof"
DOMAIN_VERSION: Final = "0"
STATEMENT_TYPES: Final[Types] = {
    "EIP712Domain": (("name", "string"), ("version", "string")),
    "Binding": (
        ("origin", "string"),
        ("logKey", "bytes32"),
        ("identityKey", "bytes32"),
        ("recovery", "bytes32"),
    ),
    "Rotation": (
        ("origin", "string"),
        ("number", "uint256"),
        ("replaces", "bytes32"),
        ("identityKey", "bytes32"),
        ("recovery", "bytes32"),
    ),
    "Claim": (("title", "string"), ("work", "bytes32"), ("digest", "bytes32")),
}


def statement_digest(primary: str, values: Mapping[str, object]) -> bytes:
    """Digest a Binding, a Rotation or a Claim as an account signs it."""
    return keccak256(b"\x19\x01" + _domain() + hash_struct(STATEMENT_TYPES, primary, values))


@cache
def _domain() -> bytes:
    values = {"name": DOMAIN_NAME, "version": DOMAIN_VERSION}
    return hash_struct(STATEMENT_TYPES, "EIP712Domain", values)
