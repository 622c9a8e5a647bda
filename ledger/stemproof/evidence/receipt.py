"""Transaction receipts: whether a transaction succeeded, and its logs.

A receipt is RLP(status, cumulative gas, bloom, logs); behind a byte below 0x80 when it
is of a type (EIP-2718). Deposits of OP-stack chains (type 0x7e) have one or two fields
more. Receipts from before Byzantium hold a state root instead of a status and are not
accepted as evidence, but can be written as their neighbours' trie needs them. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stemproof.errors import Malformed, Refuted
from stemproof.evidence.quantity import parse_data, parse_quantity
from stemproof.evidence.rlp import (
    RlpItem,
    as_bytes,
    as_integer,
    as_list,
    decode_list,
    encode_integer,
    encode_rlp,
)
from stemproof.evidence.trie import prove_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LEGACY = 0
_DEPOSIT = 0x7E
# EVM: LOG0 to LOG4.
_MAX_TOPICS = 4
# Yellow Paper: 375 gas a log; far more than an anchor or a batch of them emits.
MAX_LOGS = 4096
# A block of 2**24 transactions is beyond any gas limit.
MAX_TRANSACTION_INDEX = 2**24 - 1


@dataclass(frozen=True, slots=True)
class Log:
    """One event as the EVM wrote it."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a transaction left behind."""

    kind: int
    succeeded: bool
    cumulative_gas: int
    logs: tuple[Log, ...]


def prove_receipt(receipts_root: bytes, index: int, nodes: Sequence[bytes]) -> Receipt:
    """Yield the receipt of transaction `index`; refuse a proof that there is none."""
    if not 0 <= index <= MAX_TRANSACTION_INDEX:
        raise Malformed("transaction index", index, f"0 to {MAX_TRANSACTION_INDEX}")
    value = prove_value(receipts_root, encode_rlp(encode_integer(index)), nodes)
    if value is None:
        raise Refuted(f"the block has no transaction {index}")
    return parse_receipt(value)


def parse_receipt(data: bytes) -> Receipt:
    """Read a receipt, typed or not."""
    is_typed = data[:1] < b"\x80" and len(data) > 0
    kind = data[0] if is_typed else LEGACY
    if is_typed and kind == LEGACY:
        raise Malformed("receipt type", kind, "1 to 127, or no type byte")
    items = decode_list(data[1:] if is_typed else data, what="receipt")
    if len(items) != 4 and not (kind == _DEPOSIT and len(items) in (5, 6)):
        raise Malformed("number of receipt fields", len(items), "4")
    for extra in items[4:]:
        as_integer(extra, "deposit field", max_bytes=8)
    as_bytes(items[2], "logs bloom", 256)
    logs = as_list(items[3], "logs")
    if len(logs) > MAX_LOGS:
        raise Malformed("number of logs", len(logs), f"at most {MAX_LOGS}")
    return Receipt(
        kind=kind,
        succeeded=_parse_status(items[0]),
        cumulative_gas=as_integer(items[1], "cumulative gas", max_bytes=8),
        logs=tuple(_parse_log(item) for item in logs),
    )


def receipt_bytes_from_rpc(receipt: Mapping[str, object]) -> bytes:
    """Write a receipt as a node answered it in the bytes that its block's trie holds."""
    status = receipt.get("status")
    items: list[RlpItem] = [
        parse_data(receipt.get("root"), "receipt root")
        if status is None
        else encode_integer(parse_quantity(status, "status")),
        encode_integer(parse_quantity(receipt.get("cumulativeGasUsed"), "cumulativeGasUsed")),
        parse_data(receipt.get("logsBloom"), "logsBloom"),
        [_log_from_rpc(log) for log in _sequence(receipt.get("logs"), "logs")],
    ]
    kind = parse_quantity(receipt.get("type", 0), "receipt type")
    if kind == _DEPOSIT:
        for name in ("depositNonce", "depositReceiptVersion"):
            if receipt.get(name) is not None:
                items.append(encode_integer(parse_quantity(receipt[name], name)))
    body = encode_rlp(items)
    if kind == LEGACY:
        return body
    if kind >= 0x80:
        raise Malformed("receipt type", kind, "0 to 127")
    return bytes([kind]) + body


def _parse_status(item: RlpItem) -> bool:
    status = as_bytes(item, "receipt status")
    if status not in (b"", b"\x01"):
        raise Malformed("receipt status", status, "0 or 1")
    return status == b"\x01"


def _parse_log(item: RlpItem) -> Log:
    fields = as_list(item, "log")
    if len(fields) != 3:
        raise Malformed("number of log fields", len(fields), "3")
    topics = as_list(fields[1], "log topics")
    if len(topics) > _MAX_TOPICS:
        raise Malformed("number of topics", len(topics), f"at most {_MAX_TOPICS}")
    return Log(
        address=as_bytes(fields[0], "log address", 20),
        topics=tuple(as_bytes(topic, "topic", 32) for topic in topics),
        data=as_bytes(fields[2], "log data"),
    )


def _log_from_rpc(log: object) -> list[RlpItem]:
    # A client's answer is some Mapping; only the three fields are read.
    get = getattr(log, "get", None)
    if get is None:
        raise Malformed("log", log, "an object")
    topics: list[RlpItem] = [parse_data(t, "topic") for t in _sequence(get("topics"), "topics")]
    return [parse_data(get("address"), "log address"), topics, parse_data(get("data"), "log data")]


def _sequence(value: object, what: str) -> Sequence[object]:
    if not isinstance(value, (list, tuple)):
        raise Malformed(what, value, "a list")
    return value
