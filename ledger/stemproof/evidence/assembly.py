"""Evidence from a node's answers: the pure half of capturing it.

An adapter asks by block hash for the block, for `eth_getProof` of the contract with the
log's slot, and for all receipts of the block; this module checks that they fit together
and makes the evidence. A node that lies or is behind gives an error here, not bad
evidence: the result has passed `check_evidence`. No I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stemproof.errors import Malformed, Refuted
from stemproof.evidence.chain import ChainEvidence, check_evidence, find_event, head_slot
from stemproof.evidence.header import header_rlp_from_rpc, parse_header
from stemproof.evidence.quantity import parse_data
from stemproof.evidence.receipt import parse_receipt, receipt_bytes_from_rpc
from stemproof.evidence.rlp import encode_rlp
from stemproof.evidence.trie import build_proof

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class AnchorPlace:
    """Which anchor the evidence is about."""

    chain_id: int
    contract: bytes
    publisher: bytes
    origin_id: bytes
    transaction_index: int


def assemble_evidence(
    place: AnchorPlace,
    *,
    block: Mapping[str, object],
    proof: Mapping[str, object],
    receipts: Sequence[Mapping[str, object]],
) -> ChainEvidence:
    """Make checked evidence of one anchor from three answers about one block."""
    header = header_rlp_from_rpc(block)
    receipt, receipt_proof = _prove_receipt(place, header, receipts)
    evidence = ChainEvidence(
        chain_id=place.chain_id,
        contract=place.contract,
        publisher=place.publisher,
        origin_id=place.origin_id,
        header=header,
        account_proof=_nodes(proof.get("accountProof"), "accountProof"),
        storage_proof=_storage_nodes(place, proof),
        receipt_proof=receipt_proof,
        transaction_index=place.transaction_index,
        log_index=find_event(
            parse_receipt(receipt),
            contract=place.contract,
            publisher=place.publisher,
            origin_id=place.origin_id,
        ),
    )
    check_evidence(evidence)
    return evidence


def _prove_receipt(
    place: AnchorPlace, header: bytes, receipts: Sequence[Mapping[str, object]]
) -> tuple[bytes, tuple[bytes, ...]]:
    items = [receipt_bytes_from_rpc(receipt) for receipt in receipts]
    if not 0 <= place.transaction_index < len(items):
        raise Refuted(
            f"the node gave {len(items)} receipts, want one for transaction "
            f"{place.transaction_index}"
        )
    root, nodes = build_proof(items, place.transaction_index)
    expected = parse_header(header).receipts_root
    if root != expected:
        raise Refuted(f"the node's receipts hash to {root.hex()}, its header says {expected.hex()}")
    return items[place.transaction_index], tuple(nodes)


def _storage_nodes(place: AnchorPlace, proof: Mapping[str, object]) -> tuple[bytes, ...]:
    slot = int.from_bytes(head_slot(place.publisher, place.origin_id), "big")
    entries = proof.get("storageProof")
    if not isinstance(entries, (list, tuple)):
        raise Malformed("storageProof", entries, "a list")
    for entry in entries:
        # Nodes write the key as a quantity or as 32 bytes.
        if isinstance(entry, Mapping) and _slot_number(entry.get("key")) == slot:
            return _nodes(entry.get("proof"), "storage proof")
    raise Refuted("the node's answer has no proof of the log's slot")


def _slot_number(key: object) -> int:
    if isinstance(key, str):
        digits = key.removeprefix("0x")
        return int.from_bytes(parse_data("0x" + digits.rjust(64, "0"), "slot key"), "big")
    return int.from_bytes(parse_data(key, "slot key"), "big")


def _nodes(value: object, what: str) -> tuple[bytes, ...]:
    if not isinstance(value, (list, tuple)):
        raise Malformed(what, value, "a list of nodes")
    nodes = tuple(parse_data(node, what) for node in value)
    # Some nodes write the empty trie as one empty node; a proof of it has none.
    return () if nodes == (encode_rlp(b""),) else nodes
