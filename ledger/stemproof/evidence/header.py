"""Block headers: what a block hash commits to.

The known shapes differ by their last fields only: 15 fields at first, 16 since London,
17 Shanghai, 20 Cancun, 21 Prague, 23 Amsterdam. A header of any other shape is
refused. `extraData` may be long: proof-of-authority chains sign in it.

The hash of the header's bytes is the block hash; whether that block is canonical is
not known here. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stemproof.errors import Malformed, Refuted
from stemproof.evidence.keccak import keccak256
from stemproof.evidence.quantity import parse_data, parse_quantity
from stemproof.evidence.rlp import (
    RlpItem,
    as_bytes,
    as_integer,
    decode_list,
    encode_integer,
    encode_rlp,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

# Polygon's blocks keep dependencies of transactions in extraData; 32 bytes elsewhere.
MAX_HEADER_BYTES = 64 * 1024
_SHAPES = frozenset({15, 16, 17, 20, 21, 23})
_ANY_SIZE = -1


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    # Bytes of a fixed string; of the longest integer where `is_integer`.
    size: int
    is_integer: bool = False


_FIELDS = (
    _Field("parentHash", 32),
    _Field("sha3Uncles", 32),
    _Field("miner", 20),
    _Field("stateRoot", 32),
    _Field("transactionsRoot", 32),
    _Field("receiptsRoot", 32),
    _Field("logsBloom", 256),
    _Field("difficulty", 32, is_integer=True),
    _Field("number", 8, is_integer=True),
    _Field("gasLimit", 8, is_integer=True),
    _Field("gasUsed", 8, is_integer=True),
    _Field("timestamp", 8, is_integer=True),
    _Field("extraData", _ANY_SIZE),
    _Field("mixHash", 32),
    _Field("nonce", 8),
    _Field("baseFeePerGas", 32, is_integer=True),  # London, EIP-1559
    _Field("withdrawalsRoot", 32),  # Shanghai, EIP-4895
    _Field("blobGasUsed", 8, is_integer=True),  # Cancun, EIP-4844
    _Field("excessBlobGas", 8, is_integer=True),
    _Field("parentBeaconBlockRoot", 32),  # EIP-4788
    _Field("requestsHash", 32),  # Prague, EIP-7685
    _Field("blockAccessListHash", 32),  # Amsterdam, EIP-7928
    _Field("slotNumber", 8, is_integer=True),  # EIP-7843
)


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of a block header that a check rests on."""

    number: int
    time: int
    parent_hash: bytes
    state_root: bytes
    receipts_root: bytes
    transactions_root: bytes


def parse_header(data: bytes) -> Header:
    """Read a header of one of the known shapes; every field is checked for its form."""
    if len(data) > MAX_HEADER_BYTES:
        raise Malformed("header length", len(data), f"at most {MAX_HEADER_BYTES} bytes")
    items = decode_list(data, what="header")
    if len(items) not in _SHAPES:
        raise Malformed("number of header fields", len(items), f"one of {sorted(_SHAPES)}")
    for field, item in zip(_FIELDS, items, strict=False):
        _check_field(field, item)
    return Header(
        number=as_integer(items[8], "number", max_bytes=8),
        time=as_integer(items[11], "timestamp", max_bytes=8),
        parent_hash=as_bytes(items[0], "parentHash", 32),
        state_root=as_bytes(items[3], "stateRoot", 32),
        receipts_root=as_bytes(items[5], "receiptsRoot", 32),
        transactions_root=as_bytes(items[4], "transactionsRoot", 32),
    )


def block_hash(data: bytes) -> bytes:
    """Hash a header's bytes."""
    return keccak256(data)


def header_rlp_from_rpc(block: Mapping[str, object]) -> bytes:
    """Write the header of a block as a node answered it; refuse one that misses its own hash."""
    items: list[RlpItem] = []
    for field in _FIELDS:
        value = block.get(field.name)
        if value is None:
            break
        if field.is_integer:
            items.append(encode_integer(parse_quantity(value, field.name)))
        else:
            items.append(parse_data(value, field.name))
    data = encode_rlp(items)
    parse_header(data)
    claimed = parse_data(block.get("hash"), "block hash")
    if block_hash(data) != claimed:
        raise Refuted(
            f"the header hashes to {block_hash(data).hex()}, the node says {claimed.hex()}"
        )
    return data


def _check_field(field: _Field, item: RlpItem) -> None:
    if field.is_integer:
        as_integer(item, field.name, max_bytes=field.size)
    else:
        as_bytes(item, field.name, None if field.size == _ANY_SIZE else field.size)
