"""A chain made up in memory: one anchor a block, proofs that hold, and a node to ask.

The tries are built by the code under test, which tests/evidence holds against the
definition; bundles of real blocks are under tests/vectors/bundle/.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from stemproof.evidence.accumulator import next_head
from stemproof.evidence.chain import EVENT_SIGNATURE, ChainEvidence, format_evidence, head_slot
from stemproof.evidence.header import block_hash
from stemproof.evidence.keccak import keccak256
from stemproof.evidence.rlp import RlpItem, encode_integer, encode_rlp
from stemproof.evidence.trie import build_proof, build_trie_proof

CONTRACT = b"\xcc" * 20
FIRST_TIME = 1_800_000_000


@dataclass(frozen=True)
class Order:
    """What is to be anchored, for whom."""

    publisher: bytes
    origin_id: bytes
    size: int
    root: bytes


@dataclass(frozen=True)
class Mined:
    """A block that took an anchor in, and the evidence of it."""

    number: int
    time: int
    parent_hash: bytes
    hash: bytes
    evidence: bytes


@dataclass
class MadeUpChain:
    """Blocks twelve seconds apart; every anchor is mined in one of its own."""

    chain_id: int = 1
    contract: bytes = CONTRACT
    hashes: list[bytes] = field(default_factory=lambda: [b"\x77" * 32])
    slots: dict[bytes, int] = field(default_factory=dict)
    block_time: Callable[[int], int] = lambda number: FIRST_TIME + 12 * number

    def head_of(self, publisher: bytes, origin_id: bytes) -> int:
        """Read a slot."""
        return self.slots.get(head_slot(publisher, origin_id), 0)

    def anchor(self, order: Order) -> Mined:
        """Mine a block with this anchor."""
        number, parent = len(self.hashes), self.hashes[-1]
        time = self.block_time(number)
        prior = self.head_of(order.publisher, order.origin_id)
        self.slots[head_slot(order.publisher, order.origin_id)] = next_head(
            prior, size=order.size, root=order.root, number=number, time=time, parent_hash=parent
        )
        return self._prove(order, prior, number, time)

    def mine(self, blocks: int = 1) -> None:
        """Add empty blocks."""
        for _ in range(blocks):
            self.hashes.append(keccak256(b"empty" + self.hashes[-1]))

    def _prove(self, order: Order, prior: int, number: int, time: int) -> Mined:
        slot = keccak256(head_slot(order.publisher, order.origin_id))
        words = {
            keccak256(each): encode_rlp(encode_integer(word)) for each, word in self.slots.items()
        }
        # Neighbours, so that proofs are more than one node deep.
        words |= {keccak256(b"slot %d" % n): encode_rlp(b"\x07" * 31) for n in range(40)}
        storage_root, storage_proof = build_trie_proof(words, slot)
        account: list[RlpItem] = [b"\x01", b"", storage_root, keccak256(b"code")]
        accounts = {keccak256(b"account %d" % n): encode_rlp(account) for n in range(40)}
        accounts[keccak256(self.contract)] = encode_rlp(account)
        state_root, account_proof = build_trie_proof(accounts, keccak256(self.contract))
        receipts_root, receipt_proof = build_proof(
            [self._receipt(order, prior, n) for n in range(3)], 1
        )
        header = _header(self.hashes[-1], state_root, receipts_root, number, time)
        evidence = ChainEvidence(
            chain_id=self.chain_id,
            contract=self.contract,
            publisher=order.publisher,
            origin_id=order.origin_id,
            header=header,
            account_proof=tuple(account_proof),
            storage_proof=tuple(storage_proof),
            receipt_proof=tuple(receipt_proof),
            transaction_index=1,
            log_index=0,
        )
        parent = self.hashes[-1]
        self.hashes.append(block_hash(header))
        return Mined(number, time, parent, block_hash(header), format_evidence(evidence))

    def _receipt(self, order: Order, prior: int, index: int) -> bytes:
        topics: list[RlpItem] = [
            keccak256(EVENT_SIGNATURE.encode()),
            order.publisher.rjust(32, b"\0"),
            order.origin_id,
        ]
        data = order.size.to_bytes(32, "big") + order.root + prior.to_bytes(32, "big")
        log: RlpItem = [self.contract if index == 1 else bytes(20), topics, data]
        gas = encode_integer(50_000 * (index + 1))
        return b"\x02" + encode_rlp([b"\x01", gas, bytes(256), [log]])


def _header(
    parent: bytes, state_root: bytes, receipts_root: bytes, number: int, time: int
) -> bytes:
    before: list[RlpItem] = [parent, bytes(32), bytes(20), state_root, bytes(32), receipts_root]
    after: list[RlpItem] = [b"", bytes(32), bytes(8), b"\x07"]
    numbers: list[RlpItem] = [encode_integer(number), encode_integer(30_000_000), b""]
    return encode_rlp([*before, bytes(256), b"", *numbers, encode_integer(time), *after])


@dataclass
class Node:
    """Somebody to ask about blocks: honest, lying, behind, silent or broken as its answer says."""

    name: str
    answer: Callable[[int, int], bytes | None]

    def block_hash(self, chain_id: int, number: int) -> bytes | None:
        """Answer, or fail, as it was made to."""
        return self.answer(chain_id, number)
