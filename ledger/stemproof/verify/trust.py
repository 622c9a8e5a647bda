"""What the verifier brings: whom and what to trust. Never read from the bundle.

{"bitcoin":[{"header":"<160 hex>","height":840000}],
 "blocks":[{"chain":11155111,"hash":"<64 hex>"}],"contracts":[{"address":"<40 hex>",
 "chain":11155111}],"identities":[{"key":"<64 hex>","name":"Ann"}],
 "policy":{"need":1,"of":["evm","ots"]},"tsa":[{"name":"FreeTSA","pem":"-----BEGIN…"}],"v":0}

Instead of its header a Bitcoin block may have `merkle_root` (as explorers write it) and
`time`. `bitcoin_difficulty` is the least work that a header must show, if not the default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from stemproof.errors import BadInput, Malformed, Refuted, Usage
from stemproof.evidence.bitcoin import (
    HEADER_BYTES,
    MAX_HEIGHT,
    MIN_DIFFICULTY,
    Block,
    parse_block,
)
from stemproof.evidence.tokencheck import parse_certificates
from stemproof.record.canonical import Json, canonical_bytes, parse_respelt
from stemproof.record.fields import Fields
from stemproof.verify.policy import CHAIN_ALONE, Policy

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
    by name, must agree. `tsa_roots` are certificates (DER) of timestamping authorities,
    `bitcoin` Bitcoin's blocks by height, `policy` says which kinds of timestamp must agree.
    `now` is the moment of the verification, None where certificates' ends do not matter.
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
    tsa_roots: tuple[bytes, ...] = ()
    bitcoin: Mapping[int, Block] = field(default_factory=dict)
    is_bitcoin_rehearsed: bool = False
    policy: Policy = CHAIN_ALONE
    now: int | None = None

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
    tsa: tuple[bytes, ...] = ()
    bitcoin: tuple[Block, ...] = ()
    min_difficulty: int = MIN_DIFFICULTY
    policy: Policy | None = None


# Each must be there, if only as its default.
_ABSENT: Final[dict[str, Json]] = {
    "blocks": [],
    "contracts": [],
    "identities": [],
    "bitcoin": [],
    "tsa": [],
}
_MEMBERS: Final = {*_ABSENT, "v", "policy", "bitcoin_difficulty"}


def parse_trust(data: bytes) -> TrustFile:
    """Read a trust file: the verifier's own, so its spelling is free but its members are not."""
    if len(data) > MAX_TRUST_BYTES:
        raise BadInput(f"the trust file has {len(data)} bytes, at most {MAX_TRUST_BYTES} are read")
    try:
        value = parse_respelt(data, what="trust file", max_bytes=MAX_TRUST_BYTES)
        # For its bounds and its Unicode; the spelling is free.
        canonical_bytes(value)
        if not isinstance(value, dict) or not value.keys() <= _MEMBERS:
            raise Malformed("trust file", value, f"an object of {', '.join(sorted(_MEMBERS))}")
        fields = Fields("trust file", {**_ABSENT, **value})
        if fields.number("v") != VERSION:
            raise Malformed("trust file version", fields.number("v"), str(VERSION))
        least = fields.number("bitcoin_difficulty") if "bitcoin_difficulty" in value else None
        least = MIN_DIFFICULTY if least is None else least
        return TrustFile(
            tsa=tuple(
                each
                for item in _items(fields, "tsa", "name", "pem")
                for each in parse_certificates(item.text("pem").encode())
            ),
            bitcoin=tuple(_read_block(item, least) for item in fields.objects("bitcoin")),
            min_difficulty=least,
            policy=_read_policy(fields) if "policy" in value else None,
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
    except (Refuted, Usage) as error:
        # The verifier's own slip is not a refuted bundle.
        raise BadInput(str(error)) from error


def _read_policy(fields: Fields) -> Policy:
    inner = fields.inner("policy")
    if inner.members.keys() != {"need", "of"}:
        raise Malformed("policy of the trust file", inner.members, "need and of")
    return Policy(inner.number("need"), inner.texts("of"))


def _read_block(item: Fields, min_difficulty: int) -> Block:
    """Read a Bitcoin block: its header, or what an explorer shows of it."""
    height = item.number("height")
    if height >= MAX_HEIGHT:
        raise Malformed("height of a Bitcoin block", height, f"less than {MAX_HEIGHT}")
    if item.members.keys() == {"header", "height"}:
        header = item.hex_bytes("header", HEADER_BYTES)
        return parse_block(header, height, min_difficulty=min_difficulty)
    if item.members.keys() != {"height", "merkle_root", "time"} or item.number("time") >= 1 << 32:
        raise Malformed("Bitcoin block", item.members, "height and header, or merkle_root and time")
    # Bitcoin's tools write hashes from the last byte to the first.
    return Block(height, item.hex_bytes("merkle_root", 32)[::-1], item.number("time"))


def _items(fields: Fields, name: str, *members: str) -> tuple[Fields, ...]:
    """Take a list of objects that hold these members: a mistyped one must not pass unread."""
    items = fields.objects(name)
    for item in items:
        if item.members.keys() != set(members):
            raise Malformed(f"{name} of the trust file", item.members, " and ".join(members))
    return items
