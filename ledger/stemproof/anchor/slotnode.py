"""Asking a node what a log's slot holds now, and how that came about; without web3.

What the node proves is recomputed from its block's hash; where it proves nothing, the answer
says so. The final block is asked for where it is new enough, else the newest.
"""

from __future__ import annotations

from typing import Final

from stemproof.anchor.blocks import RpcBlocks
from stemproof.errors import Malformed, Refuted, Unavailable
from stemproof.evidence.ethsig import Address, format_address
from stemproof.evidence.header import block_hash, header_rlp_from_rpc, parse_header
from stemproof.evidence.quantity import parse_data
from stemproof.evidence.slot import (
    SlotHistory,
    SlotView,
    event_topics,
    make_history,
    read_last_event,
    read_view,
)

# Where a node refuses to search all blocks: around the block that is known of.
_AROUND: Final = 5_000


class RpcSlots(RpcBlocks):
    """A node that says what a slot holds (verify's `SlotSource`)."""

    def slot_now(self, chain_id: int, contract: bytes, slot: bytes, not_before: int) -> SlotView:
        """Give a slot's word at a final block, or the newest if that is before `not_before`."""
        self.check_chain(chain_id)
        problem: Unavailable | None = None
        for tag in ("finalized", "latest"):
            is_last = tag == "latest"
            try:
                block = self._call("eth_getBlockByNumber", tag, False)
                if not isinstance(block, dict):
                    continue
                header = parse_header(header_rlp_from_rpc(block))
                if header.number >= not_before or is_last:
                    return self._view(block, contract, slot, may_say=is_last)
            except Unavailable as error:
                problem = error
            except Refuted as error:
                problem = Unavailable(f"{self.name} is not to be believed: {error}")
        raise problem or Unavailable(f"{self.name} knows no newest block")

    def slot_history(
        self, chain_id: int, contract: bytes, publisher: bytes, origin_id: bytes, near: int
    ) -> SlotHistory | None:
        """Give the last anchor of a log and the end of it; None where the node shows none."""
        self.check_chain(chain_id)
        asked = {
            "address": format_address(Address(contract)),
            "topics": list(event_topics(publisher, origin_id)),
        }
        try:
            logs = self._call("eth_getLogs", {**asked, "fromBlock": "0x0", "toBlock": "latest"})
        except Unavailable:
            low, high = max(0, near - _AROUND), near + _AROUND
            logs = self._call("eth_getLogs", {**asked, "fromBlock": hex(low), "toBlock": hex(high)})
        try:
            event = read_last_event(
                logs, contract=contract, publisher=publisher, origin_id=origin_id
            )
            if event is None:
                return None
            block = self._call("eth_getBlockByNumber", hex(event.block), False)
            if not isinstance(block, dict):
                return None
            return make_history(event, block)
        except Refuted as error:
            raise Unavailable(f"{self.name} is not to be believed: {error}") from error

    def _view(
        self, block: dict[str, object], contract: bytes, slot: bytes, *, may_say: bool
    ) -> SlotView:
        address, key = format_address(Address(contract)), "0x" + slot.hex()
        raw = header_rlp_from_rpc(block)
        number, hashed = parse_header(raw).number, block_hash(raw)
        try:
            # EIP-1898: by hash, so that no reorganisation comes in between.
            proof = self._call("eth_getProof", address, [key], {"blockHash": "0x" + hashed.hex()})
        except Unavailable:
            if not may_say:
                raise
            word = self._call("eth_getStorageAt", address, key, hex(number))
            data = parse_data(word, "slot's word")
            if len(data) != 32:
                raise Malformed("slot's word", word, "32 bytes") from None
            return SlotView(number, hashed, int.from_bytes(data, "big"), False)
        if not isinstance(proof, dict):
            raise Unavailable(f"{self.name} proves no state")
        return read_view(block, proof, contract=contract, slot=slot)
