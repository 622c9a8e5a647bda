"""A block made up in memory, whose proofs are all right whatever its contents say.

The tries are built by the code under test, which test_trie holds against the
definition; what is tried here is what `check_evidence` says of wrong contents.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from stemproof.evidence.accumulator import next_head
from stemproof.evidence.chain import EVENT_SIGNATURE, ChainEvidence, head_slot
from stemproof.evidence.keccak import keccak256
from stemproof.evidence.rlp import RlpItem, encode_integer, encode_rlp
from stemproof.evidence.trie import build_proof, build_trie_proof

CONTRACT, PUBLISHER, ORIGIN_ID = b"\xcc" * 20, b"\xaa" * 20, b"\x0f" * 32
NUMBER, TIME, PARENT, ROOT = 7, 1_800_000_000, b"\x77" * 32, b"\x52" * 32
SIZE = 12


def honest_head(prior: int = 0) -> int:
    """Compute what the contract would hold after this block's anchor."""
    return next_head(prior, size=SIZE, root=ROOT, number=NUMBER, time=TIME, parent_hash=PARENT)


@dataclass(frozen=True)
class Block:
    """What the block holds; each part can be made wrong alone."""

    head: int = field(default_factory=honest_head)
    status: bytes = b"\x01"
    event_data: bytes = SIZE.to_bytes(32, "big") + ROOT + bytes(32)
    has_account: bool = True
    account_fields: int = 4
    # Neighbours make the tries as deep as those of a public chain.
    neighbours: int = 0

    def evidence(self) -> ChainEvidence:
        """Prove the block's anchor."""
        storage_root, storage_proof = self._storage()
        state_root, account_proof = self._state(storage_root)
        receipts_root, receipt_proof = build_proof(
            [self._receipt(n) for n in range(1 + min(self.neighbours, 300))], 0
        )
        return ChainEvidence(
            chain_id=1,
            contract=CONTRACT,
            publisher=PUBLISHER,
            origin_id=ORIGIN_ID,
            header=self._header(state_root, receipts_root),
            account_proof=tuple(account_proof),
            storage_proof=tuple(storage_proof),
            receipt_proof=tuple(receipt_proof),
            transaction_index=0,
            log_index=0,
        )

    def _storage(self) -> tuple[bytes, list[bytes]]:
        key = keccak256(head_slot(PUBLISHER, ORIGIN_ID))
        slots = {
            keccak256(b"slot %d" % n): encode_rlp(b"\x01" * 31) for n in range(self.neighbours)
        }
        if self.head:
            slots[key] = encode_rlp(encode_integer(self.head))
        return build_trie_proof(slots, key)

    def _state(self, storage_root: bytes) -> tuple[bytes, list[bytes]]:
        fields: list[RlpItem] = [b"\x01", b"", storage_root, keccak256(b"code")]
        account = encode_rlp(fields[: self.account_fields])
        key = keccak256(CONTRACT)
        accounts = {keccak256(b"account %d" % n): account for n in range(self.neighbours + 1)}
        if self.has_account:
            accounts[key] = account
        return build_trie_proof(accounts, key)

    def _receipt(self, index: int) -> bytes:
        topics: list[RlpItem] = [
            keccak256(EVENT_SIGNATURE.encode()),
            PUBLISHER.rjust(32, b"\0"),
            ORIGIN_ID,
        ]
        log: RlpItem = [CONTRACT, topics, self.event_data]
        gas = encode_integer(50_000 * (index + 1))
        return b"\x02" + encode_rlp([self.status, gas, bytes(256), [log]])

    def _header(self, state_root: bytes, receipts_root: bytes) -> bytes:
        return encode_rlp(
            [
                PARENT,
                bytes(32),
                bytes(20),
                state_root,
                bytes(32),
                receipts_root,
                bytes(256),
                b"",
                encode_integer(NUMBER),
                encode_integer(30_000_000),
                b"",
                encode_integer(TIME),
                b"",
                bytes(32),
                bytes(8),
                b"\x07",
            ]
        )
