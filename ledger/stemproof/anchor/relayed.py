"""What became of a signed head that somebody else brings: asked of the chain, of no relay.

A relay's word which transaction holds it is a hint. Without one, or where it is wrong, the slot
says whether the head was brought, and the contract's events say by which transaction: anybody
may have sent it, in a call of their own. What is found here is proved by `capture` or dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stemproof.anchor.capture import capture_mined
from stemproof.anchor.follow import (
    TxState,
    TxStatus,
    find_block_of,
    has_succeeded,
    standing_in,
    still_held,
)
from stemproof.anchor.problems import NodeRefuses, Unsupported, UntrustedNode
from stemproof.errors import Malformed, Unavailable
from stemproof.evidence.chain import EVENT_SIGNATURE
from stemproof.evidence.ethsig import Address, format_address
from stemproof.evidence.keccak import keccak256
from stemproof.evidence.quantity import parse_data

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stemproof.anchor.evm import BlockRef, Chain
    from stemproof.anchor.jsonrpc import Json
    from stemproof.anchor.signedhead import SignedHead
    from stemproof.evidence.chain import ChainEvidence

#: What stands for a transaction's hash while nobody knows it.
NO_TX: Final = bytes(32)
#: A signed head lives so long at most, by the rule of those who sign and those who bring.
MAX_LIFETIME_S: Final = 25 * 3600
# Nodes refuse longer ranges; some refuse even these, and are asked for fewer.
_RANGES: Final = (2000, 100)
# More events of one slot than blocks in a day can hold.
_MAX_LOGS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Brought:
    """Where a signed head stands, and by which transaction; `tx` is None where none is known."""

    status: TxStatus
    tx: bytes | None = None


def find_brought(
    chain: Chain,
    head: SignedHead,
    *,
    hint: bytes = NO_TX,
    seen: bytes | None = None,
    seen_number: int | None = None,
) -> Brought:
    """Say what became of a signed head; `seen` is the block that held it before."""
    found = None if hint == NO_TX else _find_in(chain, head, hint)
    if found is None:
        held = still_held(chain, seen, seen_number)
        if held is not None:
            return Brought(held, hint)
        # The block first: if the slot moves after it, this is asked again, and nothing is lost.
        latest = chain.latest_block()
        stored = chain.head_of(Address(head.publisher), head.origin_id)
        if stored == head.prior:
            return Brought(_not_brought(head, latest, seen))
        tx = _search(chain, head, latest)
        found = None if tx is None else (tx, *_demand_mined(chain, head, tx))
    if found is None:
        return Brought(TxStatus(TxState.FAILED, None, False, "another head was anchored instead"))
    tx, block, _ = found
    if seen is not None and seen != block.hash:
        return Brought(TxStatus(TxState.REORGED, block, True), tx)
    return Brought(standing_in(chain, block), tx)


def capture_brought(chain: Chain, head: SignedHead, tx: bytes) -> ChainEvidence:
    """Capture the evidence of a signed head that a transaction brought; it is checked."""
    found = _find_in(chain, head, tx)
    if found is None:
        raise Unavailable("there is no anchor to prove: no block holds it")
    _, block, receipt = found
    return capture_mined(chain, block, receipt, publisher=head.publisher, origin_id=head.origin_id)


def _not_brought(head: SignedHead, latest: BlockRef, seen: bytes | None) -> TxStatus:
    if latest.time > head.deadline:
        return TxStatus(TxState.FAILED, None, False, "nobody brought it before its deadline")
    # `is_known`: there is no transaction of ours to send again.
    return TxStatus(TxState.PENDING if seen is None else TxState.REORGED, None, True)


def _find_in(
    chain: Chain, head: SignedHead, tx: bytes
) -> tuple[bytes, BlockRef, Mapping[str, object]] | None:
    """Look into one transaction for the head; None where it is not there, or not in a block."""
    receipt = chain.find_receipt(tx)
    block = None if receipt is None else find_block_of(chain, receipt)
    if receipt is None or block is None or not has_succeeded(chain, receipt):
        return None
    logs = receipt.get("logs")
    if not isinstance(logs, list) or not any(_is_event(chain, head, log) for log in logs):
        return None
    return tx, block, receipt


def _demand_mined(
    chain: Chain, head: SignedHead, tx: bytes
) -> tuple[BlockRef, Mapping[str, object]]:
    found = _find_in(chain, head, tx)
    if found is None:
        raise UntrustedNode(
            f"{chain.node.where} lists an anchor of this log that its receipt does not hold"
        )
    return found[1:]


def _is_event(chain: Chain, head: SignedHead, log: object) -> bool:
    """Whether a log is the event of exactly this head."""
    if not isinstance(log, dict):
        return False
    topics = log.get("topics")
    try:
        address = parse_data(log.get("address"), "log address")
        data = parse_data(log.get("data"), "log data")
    except Malformed:
        return False
    words = head.size.to_bytes(32, "big") + head.root + head.prior.to_bytes(32, "big")
    return address == chain.contract and topics == _topics(head) and data == words


def _topics(head: SignedHead) -> list[Json]:
    return [
        "0x" + keccak256(EVENT_SIGNATURE.encode()).hex(),
        "0x" + head.publisher.rjust(32, b"\0").hex(),
        "0x" + head.origin_id.hex(),
    ]


def _search(chain: Chain, head: SignedHead, latest: BlockRef) -> bytes | None:
    """Search the contract's events, from the last block that could take the head backwards."""
    for logs in _each_range(chain, head, _last_number(chain, head, latest)):
        for log in logs:
            if _is_event(chain, head, log) and isinstance(log, dict):
                try:
                    return parse_data(log.get("transactionHash"), "transaction hash")
                except Malformed as error:
                    where = chain.node.where
                    raise UntrustedNode(f"{where} is not to be believed: {error}") from error
    return None


def _each_range(chain: Chain, head: SignedHead, last: int) -> Iterator[list[object]]:
    width = _RANGES[0]
    while last >= 0:
        first = max(0, last - width + 1)
        try:
            logs = _ask_logs(chain, head, first, last)
        except NodeRefuses as error:
            if width == _RANGES[-1]:
                raise Unsupported(
                    f"{chain.node.where} does not say which transaction anchored the log",
                    hint="choose another node for this chain; the anchor is not in question",
                ) from error
            width = _RANGES[-1]
            continue
        yield logs
        block = chain.find_block(first)
        if block is None or block.time < head.deadline - MAX_LIFETIME_S:
            return
        last = first - 1


def _ask_logs(chain: Chain, head: SignedHead, first: int, last: int) -> list[object]:
    wanted: dict[str, Json] = {
        "address": format_address(chain.contract),
        "topics": _topics(head),
        "fromBlock": hex(first),
        "toBlock": hex(last),
    }
    answer = chain.node.call("eth_getLogs", wanted)
    if not isinstance(answer, list) or len(answer) > _MAX_LOGS:
        raise UntrustedNode(f"{chain.node.where} answers eth_getLogs with no list of logs")
    return list(answer)


def _last_number(chain: Chain, head: SignedHead, latest: BlockRef) -> int:
    """Find the number of the last block before the deadline: no later one can hold the head."""
    if latest.time <= head.deadline:
        return latest.number
    low, high = 0, latest.number
    while high - low > 1:
        middle = (low + high) // 2
        block = chain.find_block(middle)
        if block is not None and block.time <= head.deadline:
            low = middle
        else:
            high = middle
    return low
