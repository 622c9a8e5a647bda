"""A log's slot at some block, from a node's answers: the pure half of asking for it.

A view says what a slot holds at the end of a block. It is *proved* where the block's header
hashes to the block and the proofs of account and slot hang from its state root; that the block
is canonical stays the node's word. Events say how a word came about: whoever holds the last one
and its block's header can compute the word, and so proves it. No I/O.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from stemproof.errors import Malformed, Refuted
from stemproof.evidence.accumulator import ACC_BITS, Step, parse_head, replay
from stemproof.evidence.chain import EVENT_SIGNATURE
from stemproof.evidence.header import header_rlp_from_rpc, parse_header
from stemproof.evidence.keccak import keccak256
from stemproof.evidence.quantity import parse_data, parse_quantity
from stemproof.evidence.state import prove_account, prove_slot

REVOKED_SIGNATURE: Final = "Revoked(address,bytes32,uint256)"
# A log is anchored daily for a hundred years, or attacked; either is told without the rest.
_MAX_EVENTS: Final = 40_000
_WORDS_OF_ANCHOR: Final = 3


@dataclass(frozen=True, slots=True)
class SlotView:
    """What a slot holds at the end of a block."""

    number: int
    block_hash: bytes
    word: int
    # Whether it follows from the block's hash; else it is the node's word alone.
    is_proved: bool


@dataclass(frozen=True, slots=True)
class SlotHistory:
    """The last anchor of a log and the block that ended it, as the contract's events tell."""

    prior: int
    step: Step
    ended_in: int | None

    @property
    def word(self) -> int:
        """The head that the anchor left; refused where it could have left none."""
        return replay(self.prior, [self.step])

    def leads_to(self, word: int) -> bool:
        """Say whether a slot's word, of a log that goes on or was ended, is what it left."""
        try:
            return parse_head(self.word)[1] == parse_head(word)[1]
        except Refuted:
            return False


@dataclass(frozen=True, slots=True)
class SlotEvent:
    """The newest anchor among some events, by the number of its block, and the first end."""

    prior: int
    size: int
    root: bytes
    block: int
    ended_in: int | None


def event_topics(publisher: bytes, origin_id: bytes) -> tuple[tuple[str, str], str, str]:
    """Give what to ask a node's logs for: anchors and ends of one log."""
    kinds = tuple("0x" + keccak256(each.encode()).hex() for each in _SIGNATURES)
    return (kinds[0], kinds[1]), "0x" + publisher.rjust(32, b"\0").hex(), "0x" + origin_id.hex()


_SIGNATURES: Final = (EVENT_SIGNATURE, REVOKED_SIGNATURE)


def read_view(
    block: Mapping[str, object], proof: Mapping[str, object], *, contract: bytes, slot: bytes
) -> SlotView:
    """Read a node's block and proof; Refuted where they do not hang together."""
    raw = header_rlp_from_rpc(block)
    header = parse_header(raw)
    account = prove_account(header.state_root, contract, _nodes(proof.get("accountProof")))
    if account is None:
        raise Refuted("the contract is not there")
    entries = proof.get("storageProof")
    if not isinstance(entries, list) or len(entries) != 1 or not isinstance(entries[0], dict):
        raise Malformed("storageProof", entries, "a list of one proof")
    word = prove_slot(account.storage_root, slot, _nodes(entries[0].get("proof")))
    return SlotView(header.number, keccak256(raw), word, True)


def read_last_event(
    logs: object, *, contract: bytes, publisher: bytes, origin_id: bytes
) -> SlotEvent | None:
    """Read the contract's events about one log, oldest first as nodes give them."""
    if not isinstance(logs, list) or len(logs) > _MAX_EVENTS:
        raise Malformed("events", type(logs).__name__, f"a list of at most {_MAX_EVENTS}")
    found: SlotEvent | None = None
    ended: int | None = None
    kinds, of, name = event_topics(publisher, origin_id)
    for log in logs:
        if not isinstance(log, Mapping):
            raise Malformed("event", log, "an object")
        topics = log.get("topics")
        if parse_data(log.get("address"), "event's contract") != contract or topics not in (
            [kinds[0], of, name],
            [kinds[1], of, name],
        ):
            raise Refuted("it answers with events of something else")
        block = parse_quantity(log.get("blockNumber"), "event's block")
        if topics == [kinds[1], of, name]:
            ended = block if ended is None else ended
            continue
        data = parse_data(log.get("data"), "event's data")
        if len(data) != 32 * _WORDS_OF_ANCHOR:
            raise Malformed("event data length", len(data), "96 bytes")
        size, prior = int.from_bytes(data[:32], "big"), int.from_bytes(data[64:], "big")
        found = SlotEvent(prior, size, data[32:64], block, None)
    if found is None:
        return None
    return SlotEvent(found.prior, found.size, found.root, found.block, ended)


def make_history(event: SlotEvent, block: Mapping[str, object]) -> SlotHistory:
    """Join an event and its block's header, which is recomputed."""
    header = parse_header(header_rlp_from_rpc(block))
    if header.number != event.block:
        raise Refuted("it answers with another block than asked for")
    if event.size >> (256 - ACC_BITS):
        raise Malformed("anchored size", event.size, "0 to 2**40 - 1")
    step = Step(event.size, event.root, header.number, header.time, header.parent_hash)
    return SlotHistory(event.prior, step, event.ended_in)


def _nodes(value: object) -> Sequence[bytes]:
    if not isinstance(value, list):
        raise Malformed("proof", value, "a list of nodes")
    nodes = tuple(parse_data(node, "proof") for node in value)
    # Some nodes write the empty trie as one empty node; a proof of it has none.
    return () if nodes == (b"\x80",) else nodes
