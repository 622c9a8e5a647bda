"""Bringing home the proof of an anchor, while nodes still have it.

Full nodes prove state for about 128 blocks, so this is done as soon as the anchor is mined, by
the hash of its block, and again after a reorganisation. Nothing that a node says is kept unless
it hashes to the block: `assemble_evidence` checks it as a verifier would. Where a node cannot
prove it, or lies, the others of the chain's table are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from stemproof.anchor.follow import TxState, find_status
from stemproof.anchor.problems import NodeRefuses, Unsupported, UntrustedNode
from stemproof.anchor.transaction import parse_transaction
from stemproof.errors import Refuted, Unavailable
from stemproof.evidence.assembly import AnchorPlace, assemble_evidence
from stemproof.evidence.chain import head_slot
from stemproof.evidence.ethsig import Address, format_address
from stemproof.evidence.quantity import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stemproof.anchor.evm import BlockRef, Chain
    from stemproof.evidence.chain import ChainEvidence

# A block of plain transfers at a gas limit of 60 million.
_MAX_TRANSACTIONS = 4096


def capture_evidence(
    chain: Chain, raw: bytes, *, origin_id: bytes, publisher: bytes | None = None
) -> ChainEvidence:
    """Capture the evidence of a mined anchor, at its block; what comes back is checked.

    `publisher` is under whom the head stands, where that is not the sender.
    """
    return _first_good(chain, lambda one: _capture_from(one, raw, origin_id, publisher))


def _capture_from(
    chain: Chain, raw: bytes, origin_id: bytes, publisher: bytes | None
) -> ChainEvidence:
    ours = parse_transaction(raw)
    status = find_status(chain, raw)
    if status.block is None or status.state is TxState.FAILED:
        raise Unavailable(f"there is no anchor to prove: the transaction is {status.state}")
    receipt = chain.find_receipt(ours.hash)
    if receipt is None:
        raise UntrustedNode(f"{chain.node.where} gave a receipt and now has none")
    whose = bytes(ours.sender) if publisher is None else publisher
    return _capture_mined(chain, status.block, receipt, whose, origin_id)


def capture_mined(
    chain: Chain,
    block: BlockRef,
    receipt: Mapping[str, object],
    *,
    publisher: bytes,
    origin_id: bytes,
) -> ChainEvidence:
    """Capture the evidence of an anchor at the block of a receipt, whoever sent it."""
    return _first_good(chain, lambda one: _capture_mined(one, block, receipt, publisher, origin_id))


def _first_good(chain: Chain, capture: Callable[[Chain], ChainEvidence]) -> ChainEvidence:
    """Ask each node alone until one proves it; what each said is told where none does."""
    problems: list[Unavailable] = []
    for one in chain.each_node():
        try:
            return capture(one)
        except Unavailable as error:
            problems.append(error)
    first, *others = problems
    if others:
        told = "; ".join(str(other) for other in others)
        first.hint = f"the other nodes were asked too: {told}"
    raise first


def _capture_mined(
    chain: Chain,
    block: BlockRef,
    receipt: Mapping[str, object],
    publisher: bytes,
    origin_id: bytes,
) -> ChainEvidence:
    try:
        place = AnchorPlace(
            chain_id=chain.info.id,
            contract=bytes(chain.contract),
            publisher=publisher,
            origin_id=origin_id,
            transaction_index=parse_quantity(receipt.get("transactionIndex"), "index"),
        )
        return _capture_at(chain, block, place)
    except Refuted as error:
        raise UntrustedNode(
            f"{chain.node.where} is not to be believed about block {block.number}: {error}",
            hint="choose another node for this chain; the anchor itself is not in question",
        ) from error


def _capture_at(chain: Chain, block: BlockRef, place: AnchorPlace) -> ChainEvidence:
    at = "0x" + block.hash.hex()
    answer = chain.node.read_object("eth_getBlockByHash", at, False)
    if answer is None:
        raise Unavailable(f"{chain.node.where} has block {block.number} no more: reorganised?")
    slot = "0x" + head_slot(place.publisher, place.origin_id).hex()
    proof = _ask_proof(chain, place.contract, slot, at)
    receipts = _ask_receipts(chain, answer, at)
    if chain.read_block(answer).hash != block.hash:
        raise Refuted("it answers with another block than the one asked for")
    try:
        return assemble_evidence(place, block=answer, proof=proof, receipts=receipts)
    except Refuted:
        if not chain.info.poa:
            raise
        # Polygon lists a receipt of its state sync last, which the trie does not hold.
        return assemble_evidence(place, block=answer, proof=proof, receipts=receipts[:-1])


def _ask_proof(chain: Chain, contract: bytes, slot: str, at: str) -> Mapping[str, object]:
    address = format_address(Address(contract))
    try:
        # EIP-1898: by hash, so that a reorganisation in between cannot mix two blocks.
        proof = chain.node.read_object("eth_getProof", address, [slot], {"blockHash": at})
    except NodeRefuses as error:
        raise Unsupported(
            f"{chain.node.where} does not prove the state of that block (code {error.code})",
            hint="choose a full node that serves eth_getProof, soon: nodes forget old states",
        ) from error
    if proof is None:
        raise Unsupported(f"{chain.node.where} does not prove the state of that block")
    return proof


def _ask_receipts(
    chain: Chain, block: Mapping[str, object], at: str
) -> Sequence[Mapping[str, object]]:
    try:
        return _as_objects(chain.node.call("eth_getBlockReceipts", at))
    except (Unsupported, NodeRefuses):
        return _ask_receipts_one_by_one(chain, block)


def _ask_receipts_one_by_one(
    chain: Chain, block: Mapping[str, object]
) -> Sequence[Mapping[str, object]]:
    hashes = block.get("transactions")
    if not isinstance(hashes, list) or len(hashes) > _MAX_TRANSACTIONS:
        raise Refuted("it does not list the block's transactions")
    return _as_objects(
        [chain.node.read_object("eth_getTransactionReceipt", each) for each in hashes]
    )


def _as_objects(answers: object) -> list[Mapping[str, object]]:
    if not isinstance(answers, list):
        raise Refuted("its receipts are not a list")
    objects = [answer for answer in answers if isinstance(answer, Mapping)]
    if len(objects) != len(answers):
        raise Refuted("its receipts are not a list of receipts")
    return objects
