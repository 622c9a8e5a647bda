"""What the verifier brings: whom and what to trust. Never read from the bundle.

{"blocks":[{"chain":11155111,"hash":"<64 hex>"}],"contracts":[{"address":"<40 hex>",
 "chain":11155111}],"identities":[{"key":"<64 hex>","name":"Ann"}],"v":0}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from stemproof.errors import BadInput, Malformed, Usage
from stemproof.record.canonical import canonical_bytes, parse_respelt
from stemproof.record.fields import Fields

VERSION: Final = 0
MAX_TRUST_BYTES: Final = 1 << 20
REHEARSAL_CHAINS: Final = frozenset({31337, 1337})


class BlockSource(Protocol):
    """Somebody who can say which block of a chain is canonical."""

    @property
    def name(self) -> str:
        """What the verdict says that it rests on."""

    def block_hash(self, chain_id: int, number: int) -> bytes | None:
        """Give the hash of a block, None if there is no such block; raise Undecided."""


@dataclass(frozen=True, slots=True)
class Trust:
    """The verifier's side of a verification.

    `contracts` maps a chain to the contracts that count on it; `blocks` holds block hashes
    that the verifier typed, `chain_blocks` those that count on one chain only; `identities`
    names keys; `origins` are pinned logs. `sources` are asked and at least `needed` of them,
    by name, must agree.
    """

    contracts: Mapping[int, frozenset[bytes]]
    testnets: frozenset[int] = frozenset()
    chain_id: int | None = None
    blocks: frozenset[bytes] = frozenset()
    identities: Mapping[bytes, str] | None = None
    origins: frozenset[str] = frozenset()
    sources: tuple[BlockSource, ...] = ()
    needed: int = 1
    chain_blocks: frozenset[tuple[int, bytes]] = frozenset()

    def __post_init__(self) -> None:
        # Fewer than one would be nobody's word, more than there are can never agree.
        names = {source.name for source in self.sources}
        if self.sources and not 1 <= self.needed <= len(names):
            raise Usage(f"{self.needed} of {len(names)} different nodes cannot agree")

    def typed_blocks(self, chain_id: int) -> frozenset[bytes]:
        """Give the block hashes that the verifier takes for canonical on a chain."""
        return self.blocks | {known for chain, known in self.chain_blocks if chain == chain_id}


@dataclass(frozen=True, slots=True)
class TrustFile:
    """What a trust file holds."""

    contracts: tuple[tuple[int, bytes], ...]
    blocks: tuple[tuple[int, bytes], ...]
    identities: tuple[tuple[bytes, str], ...]


def parse_trust(data: bytes) -> TrustFile:
    """Read a trust file: the verifier's own, so its spelling is free but its members are not."""
    if len(data) > MAX_TRUST_BYTES:
        raise BadInput(f"the trust file has {len(data)} bytes, at most {MAX_TRUST_BYTES} are read")
    try:
        value = parse_respelt(data, what="trust file", max_bytes=MAX_TRUST_BYTES)
        # For its bounds and its Unicode; the spelling is free.
        canonical_bytes(value)
        known = {"v", "blocks", "contracts", "identities"}
        if not isinstance(value, dict) or not value.keys() <= known:
            raise Malformed("trust file", value, "an object with v, contracts, blocks, identities")
        fields = Fields("trust file", {"blocks": [], "contracts": [], "identities": [], **value})
        if fields.number("v") != VERSION:
            raise Malformed("trust file version", fields.number("v"), str(VERSION))
        return TrustFile(
            contracts=tuple(
                (item.number("chain"), item.hex_bytes("address", 20))
                for item in _items(fields, "contracts", "address", "chain")
            ),
            blocks=tuple(
                (item.number("chain"), item.hex_bytes("hash", 32))
                for item in _items(fields, "blocks", "chain", "hash")
            ),
            identities=tuple(
                (item.hex_bytes("key", 32), item.text("name"))
                for item in _items(fields, "identities", "key", "name")
            ),
        )
    except Malformed as error:
        # The verifier's own slip is not a refuted bundle.
        raise BadInput(str(error)) from error


def _items(fields: Fields, name: str, *members: str) -> tuple[Fields, ...]:
    """Take a list of objects that hold these members: a mistyped one must not pass unread."""
    items = fields.objects(name)
    for item in items:
        if item.members.keys() != set(members):
            raise Malformed(f"{name} of the trust file", item.members, " and ".join(members))
    return items
