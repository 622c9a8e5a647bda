"""Sealing: from the log as it stands to a signed checkpoint, and proofs as of any of them.

A checkpoint's size counts the events of the log, its root is the map of work heads.
Only a checkpoint about to be anchored is sealed, and the database holds at most one
of each size, so a log never shows two faces. Where the log's key is locked it is sealed
without a signature, which is added once the key is there: the checkpoint stays the same.
Work is proportional to the works that grew since the checkpoint before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stemproof.errors import BadInput
from stemproof.log.store import Log
from stemproof.seal.checkpoint import Checkpoint
from stemproof.seal.merkle import Digest
from stemproof.seal.workmap import (
    MapProof,
    ReadRecord,
    WorkHead,
    map_key,
    prove_map,
    update_map,
)

SignCheckpoint = Callable[[Checkpoint], bytes]


@dataclass(frozen=True, slots=True)
class Sealed:
    """A checkpoint and the signed note that states it; the note is empty until it is signed."""

    size: int
    root: Digest
    note: bytes


@dataclass(frozen=True, slots=True)
class ProvedHead:
    """A work's head in a checkpoint, with its way to the checkpoint's root."""

    head: WorkHead
    proof: MapProof


def seal(log: Log, sign: SignCheckpoint | None) -> Sealed:
    """Seal all events of the log; the newest checkpoint again if none came since."""
    with log.writing():
        size = log.size
        if not size:
            raise BadInput("there is nothing to anchor yet: the log is empty")
        newest = newest_checkpoint(log)
        if newest is not None and newest.size == size:
            return newest
        grown = _grown_heads(log, 0 if newest is None else newest.size)
        update = update_map(
            [(map_key(work), head) for _, work, head in grown], record_reader(log, log.number, size)
        )
        note = b"" if sign is None else sign(Checkpoint(log.origin, size, update.root))
        log.run_many(
            "add_map_record",
            [(log.number, row.depth, row.prefix, size, row.value) for row in update.records],
        )
        log.run_many("add_head", [(tree, size, head.size, head.root) for tree, _, head in grown])
        log.run("add_checkpoint", log.number, size, update.root, note)
    return Sealed(size, update.root, note)


def newest_checkpoint(log: Log) -> Sealed | None:
    """Give the newest checkpoint of the log that is being written, or None."""
    row = log.fetch_one("newest_checkpoint", log.number)
    return None if row is None else _sealed(log, log.number, row)


def checkpoint_at(log: Log, number: int, size: int) -> Sealed | None:
    """Give the checkpoint of one size of one log, or None."""
    row = log.fetch_one("checkpoint", number, size)
    return None if row is None else _sealed(log, number, row)


def sign_waiting(log: Log, number: int, origin: str, sign: SignCheckpoint) -> int:
    """Sign the checkpoints of a log that were sealed while its key was locked; count them."""
    waiting = [
        (size, Digest(root))
        for size, root, note in log.fetch_all("checkpoints", number)
        if not note and log.setting(_note_setting(number, size)) is None
    ]
    for size, root in waiting:
        # In a setting: the checkpoint's own row is final.
        note = sign(Checkpoint(origin, size, root))
        log.put_setting(_note_setting(number, size), note.decode())
    return len(waiting)


def note_of(log: Log, number: int, size: int, note: bytes) -> bytes:
    """Give a checkpoint's note: its row's, else the one signed later, else none."""
    return note or (log.setting(_note_setting(number, size)) or "").encode()


def head_at(log: Log, tree: int, checkpoint: int) -> WorkHead | None:
    """Give a tree's head in a checkpoint; None if the work was not in it yet."""
    row = log.fetch_one("head_at", tree, checkpoint)
    return None if row is None else WorkHead(row[0], Digest(row[1]))


def prove_head(log: Log, number: int, work: bytes, checkpoint: int) -> ProvedHead:
    """Prove a work's head as of a checkpoint of one log."""
    tree = log.tree_of(number, work)
    head = None if tree is None else head_at(log, tree, checkpoint)
    if head is None:
        raise BadInput(f"the checkpoint of size {checkpoint} holds nothing of this work")
    return ProvedHead(head, prove_map(map_key(work), record_reader(log, number, checkpoint)))


def record_reader(log: Log, number: int, checkpoint: int) -> ReadRecord:
    """Give the port through which the map is read as of a checkpoint."""

    def read(depth: int, prefix: bytes) -> bytes | None:
        row = log.fetch_one("map_record", number, depth, prefix, checkpoint)
        return None if row is None else bytes(row[0])

    return read


def _sealed(log: Log, number: int, row: tuple[int, bytes, bytes]) -> Sealed:
    size, root, note = row
    return Sealed(size, Digest(root), note_of(log, number, size, note))


def _note_setting(number: int, size: int) -> str:
    return f"note.{number}.{size}"


def _grown_heads(log: Log, since: int) -> list[tuple[int, bytes, WorkHead]]:
    grown = []
    for tree, work in log.fetch_all("trees", log.number):
        size = log.tree_size(tree)
        before = head_at(log, tree, since) if since else None
        if size and (before is None or before.size < size):
            grown.append((tree, work, WorkHead(size, Digest(log.tree_root(tree, size)))))
    return grown
