"""What became of a relay's batch: mined, dropped, reorganised away, overtaken, or too cheap.

Of a batch's transactions, which all have one number of the account, the chain takes one. What a
node has dropped is sent again, the same bytes; what waits too long is signed anew with a better
offer, as far as the relay's limits allow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stemproof.anchor.follow import TxState, TxStatus, find_status
from stemproof.anchor.problems import FeeTooHigh, InsufficientFunds, NonceTaken
from stemproof.anchor.publish import prepare_replacement, send
from stemproof.anchor.relaybatch import read_outcomes
from stemproof.anchor.relaystore import Place, Sending
from stemproof.errors import Malformed
from stemproof.evidence.quantity import parse_quantity

if TYPE_CHECKING:
    from stemproof.anchor.evm import Chain
    from stemproof.anchor.relaystore import Batch, RelayStore
    from stemproof.anchor.signer import Signer

# Blocks come every 12 seconds at most; one that is passed over for so long is too cheap.
PATIENCE_S: Final = 90
# A head whose batches come to nothing so often is given up.
MOST_TRIES: Final = 5

ReplaceCap = Callable[[int, int], int | None]
"""What a better offer for so many heads may cost, where this batch is counted already."""


def follow_batch(
    chain: Chain, signer: Signer, store: RelayStore, batch: Batch, *, cap: ReplaceCap, now: int
) -> list[str]:
    """Look one batch up, and do what is to be done; give what there is to tell."""
    failed: list[TxStatus] = []
    is_known = False
    sendings = store.sendings(batch.number)
    for sending in sendings:
        status = find_status(
            chain, sending.raw, seen=batch.block_hash, seen_number=batch.block_number
        )
        is_known = is_known or status.is_known
        if status.state is TxState.FAILED:
            failed.append(status)
        elif status.block is not None:
            return _put_mined(chain, store, batch, _Seen(sending, status, now))
    if len(failed) == len(sendings):
        spent_wei = _spent_on(chain, sendings)
        store.put_failed(batch.number, spent_wei=spent_wei, most_tries=MOST_TRIES, now=now)
        why = failed[0].reason
        return [f"batch {batch.number} came to nothing, its heads wait again: {why}"]
    told = []
    if batch.state == "mined":
        store.put_unmined(batch.number)
        told.append(f"batch {batch.number} is in no block any more: reorganised")
    if not is_known:
        try:
            send(chain, sendings[0].raw)
        except NonceTaken:
            # Seen again at the next turn, as failed or as mined.
            return told
    if now - sendings[0].made >= PATIENCE_S:
        told += _offer_more(chain, signer, store, batch, cap=cap, now=now)
    return told


@dataclass(frozen=True, slots=True)
class _Seen:
    """Which transaction of a batch is in a block, and when that was seen."""

    sending: Sending
    status: TxStatus
    now: int


def _put_mined(chain: Chain, store: RelayStore, batch: Batch, seen: _Seen) -> list[str]:
    sending, status = seen.sending, seen.status
    block = status.block
    if block is None:
        return []
    told = []
    if batch.block_hash != block.hash:
        party = store.heads_of(batch.number)
        receipt = chain.find_receipt(sending.tx) or {}
        refused = read_outcomes(chain, receipt.get("logs"), party)
        place = Place(sending.tx, block.number, block.hash, _read_cost(receipt))
        store.put_mined(batch.number, place, refused, now=seen.now)
        told.append(
            f"batch {batch.number}: {len(party) - len(refused)} of {len(party)} heads in block"
            f" {block.number}"
        )
    if status.state is TxState.FINAL:
        store.put_final(batch.number)
    return told


def _spent_on(chain: Chain, sendings: list[Sending]) -> int:
    """Add up what transactions cost that came to nothing: one may have reverted in a block."""
    receipts = [chain.find_receipt(sending.tx) for sending in sendings]
    return sum(_read_cost(receipt) for receipt in receipts if receipt is not None)


def _offer_more(
    chain: Chain, signer: Signer, store: RelayStore, batch: Batch, *, cap: ReplaceCap, now: int
) -> list[str]:
    """Sign a batch anew with a better offer: it waits for too long at its price."""
    newest, *_ = store.sendings(batch.number)
    heads = len(store.heads_of(batch.number))
    cap_wei = cap(heads, batch.number)
    try:
        intent = prepare_replacement(chain, signer, newest.raw, cap_wei=cap_wei)
    except (FeeTooHigh, InsufficientFunds):
        return []
    sending = Sending(intent.tx_hash, intent.raw, now)
    store.put_sending(batch.number, sending, cost_wei=intent.cost_wei)
    try:
        send(chain, intent.raw)
    except NonceTaken:
        return []
    return [f"batch {batch.number}: a better fee was offered"]


def _read_cost(receipt: Mapping[str, object]) -> int:
    """Read what a mined transaction cost, in wei."""
    try:
        cost = parse_quantity(receipt.get("gasUsed"), "gas used") * parse_quantity(
            receipt.get("effectiveGasPrice"), "gas price"
        )
        # OP-stack chains take a fee for the data besides.
        return cost + parse_quantity(receipt.get("l1Fee") or "0x0", "data fee")
    except Malformed:
        return 0
