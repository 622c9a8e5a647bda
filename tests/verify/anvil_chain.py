"""Anchors on a real anvil, with evidence captured from its blocks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from tests.verify.madeup_chain import Mined, Order

from stemproof.evidence.assembly import AnchorPlace, assemble_evidence
from stemproof.evidence.chain import check_evidence, format_evidence, head_slot
from stemproof.evidence.ethsig import Address, format_address
from stemproof.evidence.keccak import keccak256
from stemproof.testnet.anvil import Testnet
from stemproof.testnet.deploy import deploy_anchors, fund
from stemproof.testnet.rpc import call_local

_ANCHOR = keccak256(b"anchor(bytes32,uint256,uint40,bytes32)")[:4]


@dataclass
class AnvilChain:
    """A running anvil with the contract on it; any account may send."""

    testnet: Testnet

    def __post_init__(self) -> None:
        """Deploy the contract."""
        self.chain_id = self.testnet.chain_id
        self.contract = bytes(deploy_anchors(self.testnet))

    def anchor(self, order: Order) -> Mined:
        """Send an anchor from the publisher's account and capture its evidence."""
        sender = format_address(Address(order.publisher))
        contract = format_address(Address(self.contract))
        slot = "0x" + head_slot(order.publisher, order.origin_id).hex()
        prior = self._ask("eth_getStorageAt", contract, slot, "latest")
        words = [order.origin_id, bytes.fromhex(prior[2:].rjust(64, "0"))]
        words += [order.size.to_bytes(32, "big"), order.root]
        fund(self.testnet, Address(order.publisher))
        self._ask("anvil_impersonateAccount", sender)
        data = "0x" + (_ANCHOR + b"".join(words)).hex()
        sent = self._ask("eth_sendTransaction", {"from": sender, "to": contract, "data": data})
        receipt = self._wait(sent)
        at = receipt["blockHash"]
        evidence = assemble_evidence(
            AnchorPlace(
                self.chain_id,
                self.contract,
                order.publisher,
                order.origin_id,
                int(receipt["transactionIndex"], 16),
            ),
            block=self._ask("eth_getBlockByHash", at, False),
            proof=self._ask("eth_getProof", contract, [slot], receipt["blockNumber"]),
            receipts=self._ask("eth_getBlockReceipts", at),
        )
        proved = check_evidence(evidence)
        assert proved.block_hash == bytes.fromhex(at[2:])
        where = (proved.number, proved.time, proved.parent_hash, proved.block_hash)
        return Mined(*where, format_evidence(evidence))

    def bound(self, order: Order) -> dict[str, Any]:
        """Tell what a session that begins now holds."""
        block = self._ask("eth_getBlockByNumber", "latest", False)
        slot = "0x" + head_slot(order.publisher, order.origin_id).hex()
        contract = format_address(Address(self.contract))
        head = self._ask("eth_getStorageAt", contract, slot, "latest")
        return {
            "block_hash": block["hash"][2:],
            "block_number": int(block["number"], 16),
            "block_time": int(block["timestamp"], 16),
            "chain": self.chain_id,
            "head": head[2:].rjust(64, "0"),
        }

    def _wait(self, sent: str) -> Any:  # the receipt, as the chain writes it
        for _ in range(200):
            receipt = self._ask("eth_getTransactionReceipt", sent)
            if receipt is not None:
                return receipt
            time.sleep(0.02)
        raise AssertionError("the local chain did not mine an anchor within four seconds")

    def _ask(self, method: str, *params: Any) -> Any:  # JSON of the chain's choosing
        return call_local(self.testnet.port, method, *params)
