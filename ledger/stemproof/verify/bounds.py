"""Time bounds of working sessions: not before a block that they hold, not after an anchor.

The body of `session.open` may hold what a node showed when the session began:

    {"after":{"block_hash":"<64 hex>","block_number":41,"block_time":1800000492,"chain":1,
              "head":"<64 hex>"}}

`head` is the word of the log's slot, `block_…` the newest block. Neither can be known before
its block exists, so the event, and every later one of the tree, was sealed after it. A bound
counts if it is confirmed by the replayed slot, by a block hash that the heads hold, or by
the nodes that the verifier asks; only times of proved blocks are given as times. A bound
that cannot be, such as a block newer than the anchor that covers it, is refuted.
It dates the sealing of an event, never the making of what the event is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stemproof.claim.logpart import MAX_OPENING_BYTES, Block
from stemproof.errors import Malformed, Refuted
from stemproof.evidence.accumulator import NO_HEAD
from stemproof.record.canonical import parse_object
from stemproof.record.fields import Fields
from stemproof.verify.anchors import Anchored, ask_source
from stemproof.verify.logs import CheckedLog
from stemproof.verify.trust import Trust

# Each one costs an answer from every node; the slot confirms the others.
MAX_ASKED: Final = 64


@dataclass(frozen=True, slots=True)
class Bound:
    """What a session's opening holds of a chain; nothing of it is believed yet."""

    chain_id: int
    number: int
    time: int
    hash: bytes
    head: int


@dataclass(frozen=True, slots=True)
class SessionBracket:
    """When a session's events were sealed, as far as blocks show.

    `work_seq` is the event that opened it. `not_before` is None where the block is known to
    be on the chain and its time is not proved; `not_after` is the time of the anchor that
    covers the session's last covered event, in block `not_after_block`.
    """

    origin: str
    session: str
    work_seq: int
    not_before: int | None
    not_before_block: int
    not_after: int
    not_after_block: int
    rests_on: str


@dataclass(frozen=True, slots=True)
class Bracketed:
    """The sessions with both bounds, the events inside them, and how many sessions there are."""

    sessions: tuple[SessionBracket, ...]
    events: frozenset[int]
    opened: int


def bracket_sessions(log: CheckedLog, anchored: Anchored, size: int, trust: Trust) -> Bracketed:
    """Bracket the sessions among the first `size` events of a log's work."""
    blocks = tuple(head.head.block for head in log.heads if head.head.block is not None)
    chain = _Chain(anchored, blocks, trust)
    held: dict[str, _Held] = {}
    found: list[_Held] = []
    opened = 0
    for seq, header in enumerate(log.work.headers[:size]):
        if not header.session:
            continue
        if header.action == "session.open":
            opened += 1
            held.pop(header.session, None)
            bound = _read_bound(log, seq)
            confirmed = None
            if bound is not None and bound.chain_id == anchored.chain_id:
                confirmed = chain.confirm(bound, _covering(log, seq), seq)
            if confirmed is not None:
                held[header.session] = _Held(seq, header.session, confirmed, [])
                found.append(held[header.session])
        if header.session in held:
            held[header.session].events.append(seq)
    return Bracketed(
        tuple(_bracket(log, blocks, one) for one in found),
        frozenset(seq for one in found for seq in one.events),
        opened,
    )


def parse_bound(body: bytes) -> Bound | None:
    """Read the bound in the body of a session's opening; None where it holds none."""
    members = parse_object(body, what="session.open", max_bytes=MAX_OPENING_BYTES)
    if members.get("after") is None:
        return None
    after = Fields("session.open", members).inner("after")
    return Bound(
        chain_id=after.number("chain"),
        number=after.number("block_number"),
        time=after.number("block_time"),
        hash=after.hex_bytes("block_hash", 32),
        head=int.from_bytes(after.hex_bytes("head", 32), "big"),
    )


@dataclass(frozen=True, slots=True)
class _Confirmed:
    number: int
    rests_on: str


@dataclass(frozen=True, slots=True)
class _Held:
    work_seq: int
    session: str
    bound: _Confirmed
    events: list[int]


class _Chain:
    """What is known of the chain: the replayed slot, its blocks, and nodes to ask."""

    def __init__(self, anchored: Anchored, blocks: Sequence[Block], trust: Trust) -> None:
        self._anchored = anchored
        self._blocks = blocks
        self._trust = trust
        self._asked = 0
        self._parents = {block.parent_hash: block.number - 1 for block in blocks}

    def confirm(self, bound: Bound, covering: int, seq: int) -> _Confirmed | None:
        """Say what shows that the bound's block, or head, is of this chain; refuse what cannot be.

        `covering` is the place of the first head that covers the event.
        """
        words, anchor = self._anchored.words, self._blocks[covering]
        known = self._parents.get(bound.hash)
        if (
            bound.number >= anchor.number
            or bound.time > anchor.time
            or (bound.head in words[covering:])
            or (known is not None and known >= anchor.number)
        ):
            raise Refuted(
                f"event {seq} holds block {bound.number} of the time {bound.time}, yet the anchor"
                f" that covers it is in block {anchor.number} of the time {anchor.time}"
            )
        if known is not None:
            return _Confirmed(known, "block")
        if self._is_canonical(bound):
            return _Confirmed(bound.number, "node")
        if bound.head != NO_HEAD and bound.head in words[:covering]:
            return _Confirmed(self._blocks[words.index(bound.head)].number, "head")
        return None

    def _is_canonical(self, bound: Bound) -> bool:
        if not self._trust.sources or self._asked == MAX_ASKED:
            return False
        self._asked += 1
        answers = {
            source.name: ask_source(source, bound.chain_id, bound.number)
            for source in self._trust.sources
        }
        agreeing = [name for name, answer in answers.items() if answer == bound.hash]
        return len(agreeing) >= self._trust.needed


def _bracket(log: CheckedLog, blocks: Sequence[Block], held: _Held) -> SessionBracket:
    number = held.bound.number
    covering = blocks[_covering(log, held.events[-1])]
    return SessionBracket(
        origin=log.origin,
        session=held.session,
        work_seq=held.work_seq,
        # The newest proved block that is no newer: its time is proved, that of others is not.
        not_before=max((each.time for each in blocks if each.number <= number), default=None),
        not_before_block=number,
        not_after=covering.time,
        not_after_block=covering.number,
        rests_on=held.bound.rests_on,
    )


def _read_bound(log: CheckedLog, seq: int) -> Bound | None:
    opening = log.work.openings.get((seq, "body"))
    if opening is None:
        return None
    try:
        return parse_bound(opening.value)
    except Malformed:
        # Of a form that is not known here: it bounds nothing, and refutes nothing.
        return None


def _covering(log: CheckedLog, seq: int) -> int:
    return next(place for place, head in enumerate(log.heads) if head.head.work_size > seq)
