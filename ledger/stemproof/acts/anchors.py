"""Anchors as the ledger keeps them: one row each, from the intent to the final evidence.

An anchor is `lost` while its rehearsal chain is another one; its row stays as it was.
"""

from __future__ import annotations

import json
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, Final

from stemproof.log.store import Log

OPEN_STATES: Final = ("pending", "anchored", "reorged")
LOST: Final = "lost"
LOST_SETTING: Final = "lost_anchors"


@dataclass(frozen=True, slots=True)
class Anchor:
    """One anchor as the ledger knows it."""

    number: int
    log: int
    size: int
    root: bytes
    chain: int
    contract: bytes
    publisher: bytes
    prior: int
    state: str
    raw: bytes
    tx: bytes
    block_number: int | None
    block_hash: bytes | None
    block_time: int | None
    parent_hash: bytes | None
    evidence: bytes | None
    made: str

    def is_same_call(self, other: Anchor) -> bool:
        """Say whether two transactions ask for the same: one of them replaces the other."""
        return self._call == other._call

    @property
    def _call(self) -> tuple[object, ...]:
        where = self.log, self.chain, self.contract, self.publisher
        return *where, self.prior, self.size, self.root


def is_replaced(anchor: Anchor, among: Sequence[Anchor]) -> bool:
    """Say whether another transaction of the same call took the place of a failed one."""
    return anchor.state == "failed" and any(
        other.state != "failed" and anchor.is_same_call(other) for other in among
    )


def list_anchors(log: Log, number: int | None = None) -> list[Anchor]:
    """List a log's anchors, oldest first; by default those of the log being written."""
    rows = log.fetch_all("anchors", log.number if number is None else number)
    lost = lost_anchors(log)
    return [read_anchor(row, lost) for row in rows]


def all_anchors(log: Log) -> list[Anchor]:
    """List the anchors of every log of the ledger, log by log."""
    return [anchor for number, _ in log.fetch_all("logs") for anchor in list_anchors(log, number)]


def anchor_numbered(log: Log, number: int) -> Anchor:
    """Read one anchor by its number in the ledger."""
    return read_anchor(log.fetch_one("anchor", number), lost_anchors(log))


def data_fee_of(log: Log, anchor: Anchor, *, gas_wei: int) -> int:
    """Give what a chain was to take for an anchor's data, on top of the most for its gas."""
    terms = json.loads(log.fetch_one("anchor_intent", anchor.number)[0])
    return max(0, int(terms.get("cost_wei", 0)) - gas_wei)


def read_anchor(row: Any, lost: Set[int]) -> Anchor:
    """Make an anchor of its row; `lost` holds the numbers of those whose chain is no more."""
    fields = list(row)
    fields[7] = int.from_bytes(fields[7], "big")
    anchor = Anchor(*fields)
    return replace(anchor, state=LOST) if anchor.number in lost else anchor


def lost_anchors(log: Log) -> frozenset[int]:
    """Give the numbers of the anchors whose rehearsal chain is another one now."""
    return frozenset(json.loads(log.setting(LOST_SETTING) or "[]"))


def put_lost_anchors(log: Log, numbers: Set[int]) -> None:
    """Note which anchors' rehearsal chain is another one now."""
    log.put_setting(LOST_SETTING, json.dumps(sorted(numbers)))
