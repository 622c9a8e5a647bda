"""Chain evidence: what proves one anchor to somebody who trusts one block hash.

It is captured at the block that holds the anchor's transaction and travels in the
bundle: the block's header, the proofs of the contract's account and of the log's slot
under its state root, and the proof of the transaction's receipt. `docs/format/evidence.md`
has every byte. As bytes it is canonical JSON, hex in lower case without 0x, and only the
spelling that `format_evidence` writes is read.

`check_evidence` proves: in the block whose hash it yields, the contract at this address
emitted this event and left this head in its storage. It proves neither that the block
is canonical, nor on which chain it lies (no header names its chain), nor which code the
contract has: those are for whoever pins chain, contract and block hash. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from stemproof.errors import Malformed, Refuted
from stemproof.evidence.accumulator import ACC_BITS, MAX_SIZE, next_head, parse_head
from stemproof.evidence.header import MAX_HEADER_BYTES, Header, block_hash, parse_header
from stemproof.evidence.keccak import keccak256
from stemproof.evidence.members import parse_hex, parse_number
from stemproof.evidence.receipt import MAX_LOGS, MAX_TRANSACTION_INDEX, Receipt, prove_receipt
from stemproof.evidence.rlp import MAX_BYTES
from stemproof.evidence.state import mapping_slot, prove_account, prove_slot
from stemproof.evidence.trie import MAX_NODES
from stemproof.record.canonical import MAX_INTEGER, canonical_bytes, parse_object

if TYPE_CHECKING:
    from stemproof.evidence.receipt import Log
    from stemproof.record.canonical import Json

EVENT_SIGNATURE = "Anchored(address,bytes32,uint40,bytes32,uint256)"
# Solidity: the mapping of heads is the contract's first state variable.
_HEADS_SLOT = bytes(32)
# Mainnet evidence has about 25 kB; the bound leaves room for one very long receipt.
MAX_EVIDENCE_BYTES = 1024 * 1024
_FIXED = {"contract": 20, "origin_id": 32, "publisher": 20}
_PROOFS = ("account_proof", "receipt_proof", "storage_proof")
_NUMBERS = {
    "chain_id": (1, MAX_INTEGER),
    "log_index": (0, MAX_LOGS - 1),
    "transaction_index": (0, MAX_TRANSACTION_INDEX),
}
_NAMES = {*_FIXED, *_PROOFS, *_NUMBERS, "header"}


@dataclass(frozen=True, slots=True)
class ChainEvidence:
    """One anchor, with everything that proves it."""

    chain_id: int
    contract: bytes
    publisher: bytes
    # SHA-256 of the log's origin.
    origin_id: bytes
    header: bytes
    account_proof: tuple[bytes, ...]
    storage_proof: tuple[bytes, ...]
    receipt_proof: tuple[bytes, ...]
    transaction_index: int
    # Counts within the receipt, not within the block.
    log_index: int


@dataclass(frozen=True, slots=True)
class AnchorEvent:
    """What the contract said: the checkpoint, and the head that it found before."""

    size: int
    root: bytes
    prior: int


@dataclass(frozen=True, slots=True)
class ProvedAnchor:
    """What holds if the block with this hash is canonical."""

    block_hash: bytes
    number: int
    time: int
    parent_hash: bytes
    # The head that the event led to; a revocation in the same block leaves its accumulator.
    head_size: int
    head_acc: int
    # The block ends with the log revoked: nothing can be anchored in it any more.
    revoked: bool
    event: AnchorEvent


class LaterAnchor(Refuted):
    """The same block holds a later anchor of the same log: its evidence covers this one."""


def parse_evidence(data: bytes) -> ChainEvidence:
    """Read evidence in the one form we write it."""
    fields = parse_object(data, what="chain evidence", max_bytes=MAX_EVIDENCE_BYTES)
    if set(fields) != _NAMES:
        raise Malformed("members of chain evidence", sorted(fields), f"{sorted(_NAMES)}")
    numbers = {name: parse_number(fields[name], name, *_NUMBERS[name]) for name in _NUMBERS}
    fixed = {name: parse_hex(fields[name], name, size) for name, size in _FIXED.items()}
    proofs = {name: _parse_nodes(fields[name], name) for name in _PROOFS}
    header = parse_hex(fields["header"], "header")
    if len(header) > MAX_HEADER_BYTES:
        raise Malformed("header length", len(header), f"at most {MAX_HEADER_BYTES} bytes")
    return ChainEvidence(
        chain_id=numbers["chain_id"],
        contract=fixed["contract"],
        publisher=fixed["publisher"],
        origin_id=fixed["origin_id"],
        header=header,
        account_proof=proofs["account_proof"],
        storage_proof=proofs["storage_proof"],
        receipt_proof=proofs["receipt_proof"],
        transaction_index=numbers["transaction_index"],
        log_index=numbers["log_index"],
    )


def format_evidence(evidence: ChainEvidence) -> bytes:
    """Write evidence; what `parse_evidence` would refuse is refused here too."""
    fields: dict[str, Json] = {
        "account_proof": [node.hex() for node in evidence.account_proof],
        "chain_id": evidence.chain_id,
        "contract": evidence.contract.hex(),
        "header": evidence.header.hex(),
        "log_index": evidence.log_index,
        "origin_id": evidence.origin_id.hex(),
        "publisher": evidence.publisher.hex(),
        "receipt_proof": [node.hex() for node in evidence.receipt_proof],
        "storage_proof": [node.hex() for node in evidence.storage_proof],
        "transaction_index": evidence.transaction_index,
    }
    data = canonical_bytes(fields)
    parse_evidence(data)
    return data


def check_evidence(evidence: ChainEvidence) -> ProvedAnchor:
    """Recompute everything from the header's bytes on; yield what is proved.

    Of several anchors of one log in one block, only the last leaves its head in the
    slot. The evidence of an earlier one is refused (`LaterAnchor`): the last one's covers
    it, as the earlier anchor is a step of the accumulator that leads there.
    A revocation in the same block sets the slot's size to 2^40 - 1 and leaves the
    accumulator, so the last anchor before it is proved all the same.
    """
    header = parse_header(evidence.header)
    event = _prove_event(evidence, header)
    head = _prove_head(evidence, header)
    expected = next_head(
        event.prior,
        size=event.size,
        root=event.root,
        number=header.number,
        time=header.time,
        parent_hash=header.parent_hash,
    )
    revoked = head != expected and head == expected | MAX_SIZE << ACC_BITS
    if head != expected and not revoked:
        _refuse_head(head, expected)
    head_size, head_acc = parse_head(expected)
    return ProvedAnchor(
        block_hash=block_hash(evidence.header),
        number=header.number,
        time=header.time,
        parent_hash=header.parent_hash,
        head_size=head_size,
        head_acc=head_acc,
        revoked=revoked,
        event=event,
    )


def _refuse_head(head: int, expected: int) -> NoReturn:
    left, anchored = parse_head(head)[0], parse_head(expected)[0]
    if left > anchored:
        raise LaterAnchor(
            f"the event anchors size {anchored}, but the block leaves size {left}: a later "
            "anchor of this log stands in the same block, and only its evidence counts"
        )
    raise Refuted(f"the contract holds the head {head:064x}, its event leads to {expected:064x}")


def head_slot(publisher: bytes, origin_id: bytes) -> bytes:
    """Find the slot that holds the head of a log: heads[publisher][origin]."""
    return mapping_slot(origin_id, mapping_slot(publisher, _HEADS_SLOT))


def find_event(receipt: Receipt, *, contract: bytes, publisher: bytes, origin_id: bytes) -> int:
    """Say which log of a receipt is the last anchor of this log of events."""
    topics = _event_topics(publisher, origin_id)
    for index in reversed(range(len(receipt.logs))):
        log = receipt.logs[index]
        if log.address == contract and log.topics == topics:
            return index
    raise Refuted("the transaction emitted no anchor of this log from this contract")


def _prove_event(evidence: ChainEvidence, header: Header) -> AnchorEvent:
    receipt = prove_receipt(
        header.receipts_root, evidence.transaction_index, evidence.receipt_proof
    )
    if not receipt.succeeded:
        raise Refuted(f"transaction {evidence.transaction_index} of the block failed")
    if not 0 <= evidence.log_index < len(receipt.logs):
        raise Refuted(f"the receipt has {len(receipt.logs)} logs, want log {evidence.log_index}")
    log = receipt.logs[evidence.log_index]
    if log.address != evidence.contract:
        raise Refuted(f"the event is from {log.address.hex()}, want {evidence.contract.hex()}")
    topics = _event_topics(evidence.publisher, evidence.origin_id)
    if log.topics != topics:
        raise Refuted(
            f"the event's topics are {[topic.hex() for topic in log.topics]}, "
            f"want {[topic.hex() for topic in topics]}"
        )
    return _parse_event(log)


def _prove_head(evidence: ChainEvidence, header: Header) -> int:
    account = prove_account(header.state_root, evidence.contract, evidence.account_proof)
    if account is None:
        raise Refuted(f"no account {evidence.contract.hex()} exists in block {header.number}")
    slot = head_slot(evidence.publisher, evidence.origin_id)
    return prove_slot(account.storage_root, slot, evidence.storage_proof)


def _event_topics(publisher: bytes, origin_id: bytes) -> tuple[bytes, ...]:
    return (keccak256(EVENT_SIGNATURE.encode()), publisher.rjust(32, b"\0"), origin_id)


def _parse_event(log: Log) -> AnchorEvent:
    # Solidity ABI: uint40 size, bytes32 root, uint256 prior, a word each.
    if len(log.data) != 96:
        raise Malformed("event data length", len(log.data), "96 bytes")
    size = int.from_bytes(log.data[:32], "big")
    if size > MAX_SIZE:
        raise Malformed("anchored size", size, "0 to 2**40 - 1")
    return AnchorEvent(size=size, root=log.data[32:64], prior=int.from_bytes(log.data[64:], "big"))


def _parse_nodes(value: Json, what: str) -> tuple[bytes, ...]:
    if not isinstance(value, list) or len(value) > MAX_NODES:
        raise Malformed(what, value, f"a list of at most {MAX_NODES} nodes")
    nodes = tuple(parse_hex(node, what) for node in value)
    if any(len(node) > MAX_BYTES for node in nodes):
        raise Malformed(f"longest node of {what}", max(map(len, nodes)), f"at most {MAX_BYTES}")
    return nodes
