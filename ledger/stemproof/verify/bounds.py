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

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
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
    """Bracket the sessions among the first `size` events of a log's work that are anchored."""
    size = min(size, log.anchored[-1].head.work_size)
    chain = _Chain(log, anchored, trust)
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
                confirmed = chain.confirm(bound, seq)
            if confirmed is not None:
                held[header.session] = _Held(seq, header.session, confirmed, [])
                found.append(held[header.session])
        if header.session in held:
            held[header.session].events.append(seq)
    return Bracketed(
        tuple(_bracket(log.origin, chain, one) for one in found),
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
    """What is known of the chain: the replayed slot, its blocks, and nodes to ask.

    Heads and sessions can be many thousands each: nothing here scans one for the other.
    """

    def __init__(self, log: CheckedLog, anchored: Anchored, trust: Trust) -> None:
        self._trust = trust
        self._asked = 0
        self._sizes = [head.head.work_size for head in log.anchored]
        self._blocks = [head.head.block for head in log.anchored if head.head.block is not None]
        self._parents = {block.parent_hash: block.number - 1 for block in self._blocks}
        self._last = {word: place for place, word in enumerate(anchored.words)}
        self._first: dict[int, int] = {}
        for place, word in enumerate(anchored.words):
            self._first.setdefault(word, place)
        rising = sorted(self._blocks, key=lambda block: block.number)
        self._numbers = [block.number for block in rising]
        self._times = list(accumulate((block.time for block in rising), max))

    def covering(self, seq: int) -> int:
        """Find the first head that covers an event; sizes never shrink from head to head."""
        return bisect_right(self._sizes, seq)

    def anchor_of(self, seq: int) -> Block:
        """Give the block of the first head that covers an event."""
        return self._blocks[self.covering(seq)]

    def time_before(self, number: int) -> int | None:
        """Give the latest time of the proved blocks that are not after a block."""
        place = bisect_right(self._numbers, number)
        return self._times[place - 1] if place else None

    def confirm(self, bound: Bound, seq: int) -> _Confirmed | None:
        """Say what shows that a bound's block, or head, is of this chain; refuse what cannot be."""
        covering, anchor = self.covering(seq), self.anchor_of(seq)
        first, last = self._first.get(bound.head), self._last.get(bound.head)
        known = self._parents.get(bound.hash)
        if (
            bound.number >= anchor.number
            or bound.time > anchor.time
            or (last is not None and last >= covering)
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
        if bound.head != NO_HEAD and first is not None and first < covering:
            return _Confirmed(self._blocks[first].number, "head")
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


def _bracket(origin: str, chain: _Chain, held: _Held) -> SessionBracket:
    number = held.bound.number
    covering = chain.anchor_of(held.events[-1])
    return SessionBracket(
        origin=origin,
        session=held.session,
        work_seq=held.work_seq,
        # The newest proved block that is no newer: its time is proved, that of others is not.
        not_before=chain.time_before(number),
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
