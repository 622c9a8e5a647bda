"""Gathering a bundle's parts from the log: headers, openings, heads and evidence.

Only dated checkpoints are gathered: what is newer is not covered yet, and said so.
Anchored ones are those of one slot, the newest: a log whose account was rotated shows the
heads that the present account anchored, the first of which covers all that came before.
Those that only a timestamp dates stand among them, and alone where nothing is anchored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stemproof.acts.anchors import LOST, Anchor, list_anchors
from stemproof.acts.keeping import count_rotations
from stemproof.acts.stamps import Record, list_stamps
from stemproof.claim.bundle import MAX_LOGS
from stemproof.claim.claim import LogCover
from stemproof.claim.logpart import Anchorage, Block, Head, LogPart, Opened
from stemproof.claim.stamps import MAX_STAMPS, OTS
from stemproof.errors import BadInput, Malformed
from stemproof.evidence.ots import parse_proof
from stemproof.evidence.otswork import MAX_BYTES, MAX_OPERATIONS, Budget
from stemproof.log.sealing import checkpoint_at, head_at, prove_head, record_reader
from stemproof.log.store import OWN_WORK, Log
from stemproof.record.commitment import Opening
from stemproof.record.event import parse_header
from stemproof.seal.workmap import format_map_proof, map_key, prove_map

if TYPE_CHECKING:
    from stemproof.keys.rotation import Holder

# Opened in every bundle: who holds the log, and what bounds its sessions in time.
ALWAYS_OPEN = {"log.open": ("body",), "key.rotate": ("body",), "session.open": ("body",)}


@dataclass(frozen=True, slots=True)
class Gathered:
    """One log's share, and what a claim that rests on its newest anchor says of it."""

    number: int
    part: LogPart
    cover: LogCover
    sizes: tuple[int, ...]

    @property
    def holders(self) -> tuple[Holder, ...]:
        """List who held the log up to its newest anchor, in their order."""
        from stemproof.keys.binding import check_binding
        from stemproof.keys.rotation import check_rotation, holder_of

        headers = [parse_header(data) for data in self.part.own_headers]
        bodies = {
            (headers[item.work_seq].action, item.work_seq): item.opening.value
            for item in self.part.own_openings
        }
        if ("log.open", 0) not in bodies:
            raise BadInput(f"the binding of log {self.cover.origin} cannot be opened")
        held = [holder_of(check_binding(bodies["log.open", 0]))]
        for action, seq in sorted(bodies, key=lambda each: each[1]):
            if action == "key.rotate":
                held.append(check_rotation(bodies[action, seq], held[-1]))
        return tuple(held)


def gather_logs(
    log: Log,
    work: bytes,
    opened: dict[tuple[int, int], tuple[str, ...]],
    *,
    stamped: bool = False,
) -> list[Gathered]:
    """Gather every log that has dated events of a work.

    `opened` names further openings to show, by (log number, work_seq) the fields. With
    `stamped` what only a timestamp dates since the newest anchor is gathered too.
    """
    found = []
    for tree, number, _ in log.fetch_all("trees_of_work", work):
        dated = _covering(log, number, tree, stamped=stamped)
        if dated is not None:
            found.append(_gather(log, number, work, dated, opened))
    if not found:
        raise nothing_anchored()
    return found


def nothing_anchored() -> BadInput:
    """Say that there is nothing that a claim could rest on."""
    return BadInput(
        "nothing of this work is anchored yet",
        hint="run `stemproof anchor` first, or `stemproof stamp add --ots`, which is free; a claim"
        " rests on a checkpoint that somebody dated",
    )


def covered_size(log: Log, number: int, tree: int, *, stamped: bool = False) -> int:
    """Say how many of a work's events the newest dated checkpoint of a log covers."""
    dated = _covering(log, number, tree, stamped=stamped)
    head = None if dated is None else head_at(log, tree, dated.sizes[-1])
    return 0 if head is None else head.size


@dataclass(frozen=True, slots=True)
class _Dated:
    """The anchors of the newest slot, and the timestamps that a bundle shows beside them."""

    anchors: tuple[Anchor, ...]
    stamps: tuple[Record, ...]

    @property
    def sizes(self) -> list[int]:
        """List the dated checkpoints, the one that a claim rests on last."""
        sizes = {each.size for each in self.anchors} | {each.size for each in self.stamps}
        return sorted(sizes)


def _covering(log: Log, number: int, tree: int, *, stamped: bool) -> _Dated | None:
    """Find what dates a log; None if the work is not in it yet.

    Where there is an anchor a claim rests on the newest, unless the artist says otherwise:
    every verifier counts those.
    """
    anchors = _slot_of(log, number, tree)
    stamps = [each for each in list_stamps(log, number) if head_at(log, tree, each.size)]
    if anchors and not stamped:
        stamps = [each for each in stamps if each.size <= anchors[-1].size]
    if not anchors and not stamps:
        return None
    return _Dated(tuple(anchors), tuple(stamps[-MAX_STAMPS:]))


def _affordable(dated: _Dated) -> _Dated:
    """Leave out the oldest proofs where all of them would be more work than a bundle may make."""
    budget = Budget(MAX_OPERATIONS // MAX_LOGS, MAX_BYTES // MAX_LOGS)
    kept: list[Record] = []
    for record in reversed(dated.stamps):
        try:
            if record.kind == OTS:
                parse_proof(record.as_stamp().proofs[0], budget)
        except Malformed:
            # The newest is what a claim rests on.
            if kept:
                continue
        kept.append(record)
    return replace(dated, stamps=tuple(reversed(kept)))


def _slot_of(log: Log, number: int, tree: int) -> list[Anchor]:
    """List the anchors of the newest slot, from its first on; none if the work is not in it yet."""
    mined = [
        anchor
        for anchor in list_anchors(log, number)
        if anchor.block_hash is not None and anchor.state != LOST
    ]
    slot = sorted(
        (anchor for anchor in mined if _slot(anchor) == _slot(mined[-1])),
        key=lambda anchor: anchor.size,
    )
    return slot if slot and head_at(log, tree, slot[-1].size) else []


def _slot(anchor: Anchor) -> tuple[int, bytes, bytes]:
    """Name the slot of a log: another account, after a rotation, begins another one."""
    return anchor.chain, anchor.contract, anchor.publisher


def _gather(
    log: Log,
    number: int,
    work: bytes,
    dated: _Dated,
    opened: dict[tuple[int, int], tuple[str, ...]],
) -> Gathered:
    dated = _affordable(dated)
    newest = dated.anchors[-1] if dated.anchors else None
    if newest is not None:
        _check_slot(dated.anchors)
    own_tree, tree = log.tree_of(number, OWN_WORK), log.tree_of(number, work)
    if own_tree is None or tree is None:
        raise BadInput("the log has no binding")
    anchors = {anchor.size: anchor for anchor in dated.anchors}
    heads = tuple(_head(log, number, (work, tree), size, anchors.get(size)) for size in dated.sizes)
    if count_rotations(log, number=number, start=heads[-1].own_size):
        raise BadInput(
            "the keys were rotated after the newest anchor or timestamp",
            hint="run `stemproof anchor` first: a claim is signed by whom its checkpoint names",
        )
    part = LogPart(
        own_headers=tuple(log.headers(own_tree, 0, heads[-1].own_size)),
        own_openings=_openings(log, own_tree, heads[-1].own_size, {}),
        headers=tuple(log.headers(tree, 0, heads[-1].work_size)),
        openings=_openings(
            log,
            tree,
            heads[-1].work_size,
            {seq: fields for (of, seq), fields in opened.items() if of == number},
        ),
        heads=heads,
        anchorage=None
        if newest is None
        else Anchorage(
            chain_id=newest.chain,
            contract=newest.contract,
            publisher=newest.publisher,
        ),
        evidence=None if newest is None else newest.evidence,
        stamps=tuple(sorted({each.as_stamp() for each in dated.stamps})),
    )
    size = dated.sizes[-1]
    proved = prove_head(log, number, work, size)
    sealed = checkpoint_at(log, number, size)
    if sealed is None:
        raise _lost(size)
    origin = dict(log.fetch_all("logs"))[number]
    cover = LogCover(
        origin=origin,
        size=size,
        root=sealed.root.hex(),
        work_size=proved.head.size,
        work_root=proved.head.root.hex(),
    )
    return Gathered(number, part, cover, tuple(dated.sizes))


def _check_slot(anchors: tuple[Anchor, ...]) -> None:
    """Refuse a slot that would not be verified."""
    newest = anchors[-1]
    if anchors[0].prior:
        raise BadInput("the ledger does not know the first anchors of this log on this chain")
    if newest.evidence is None:
        raise BadInput(
            f"the evidence of the anchor of size {newest.size} is not captured yet",
            hint="run `stemproof anchor` again while the chain is reachable; where its nodes do not"
            " prove so old a block any more, note something first: the next anchor covers this one",
        )


def _lost(size: int) -> BadInput:
    return BadInput(f"the ledger has lost the checkpoint of size {size}")


def _head(log: Log, number: int, of: tuple[bytes, int], size: int, anchor: Anchor | None) -> Head:
    work, tree = of
    own = prove_head(log, number, OWN_WORK, size)
    # Where the work was not in the log yet, the path shows its absence.
    held = head_at(log, tree, size)
    path = prove_map(map_key(work), record_reader(log, number, size))
    sealed = checkpoint_at(log, number, size)
    if sealed is None:
        raise _lost(size)
    if not sealed.note:
        raise BadInput(
            f"the checkpoint of size {size} was anchored while the keys were locked and is"
            " not signed yet",
            hint="unlock the keys once: `stemproof anchor` with your passphrase signs it",
        )
    return Head(
        note=sealed.note,
        own_size=own.head.size,
        own_proof=format_map_proof(own.proof),
        work_size=0 if held is None else held.size,
        work_proof=format_map_proof(path),
        block=None if anchor is None else _block(anchor),
    )


def _block(anchor: Anchor) -> Block:
    number, time, parent_hash = anchor.block_number, anchor.block_time, anchor.parent_hash
    if number is None or time is None or parent_hash is None:
        raise _lost(anchor.size)
    return Block(number=number, time=time, parent_hash=parent_hash)


def _openings(
    log: Log, tree: int, size: int, opened: dict[int, tuple[str, ...]]
) -> tuple[Opened, ...]:
    found = []
    for start in range(0, size, 1024):
        rows = log.fetch_all("events", tree, start, min(start + 1024, size))
        for seq, (event_id, _, data) in enumerate(rows, start):
            fields = opened.get(seq) or ALWAYS_OPEN.get(parse_header(data).action, ())
            if fields:
                known: dict[str, Opening] = log.openings(event_id)
                found += [Opened(seq, known[name]) for name in fields if name in known]
    return tuple(found)
