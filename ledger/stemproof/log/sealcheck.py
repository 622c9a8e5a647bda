"""Check what was sealed: every checkpoint's map is made again from the heads it names.

Each checkpoint is replayed upon the map as the one before it left it, so the cost is that
of the sealing itself, and in the end every stored record was compared. Trees and heads'
roots are the task of `check`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

from stemproof.errors import Refuted, StemproofError
from stemproof.log.sealing import note_of, record_reader
from stemproof.log.store import Log
from stemproof.seal.checkpoint import open_checkpoint
from stemproof.seal.merkle import Digest
from stemproof.seal.workmap import MapUpdate, WorkHead, map_key, update_map


@dataclass(slots=True)
class _Replay:
    """How far the log has been sealed, in the replay."""

    sizes: dict[int, int] = field(default_factory=dict)
    checkpoint: int = 0


def sealing_problems(log: Log, number: int, origin: str, key: bytes | None) -> Iterator[str]:
    """Tell in sentences what does not fit in one log's checkpoints; `key` signs them."""
    records = _records_by_checkpoint(log, number)
    replay = _Replay()
    for size, root, note in log.fetch_all("checkpoints", number):
        name = f"checkpoint {size} of log {origin}"
        try:
            update = _replay(log, number, replay, size)
            if update.root != root:
                raise Refuted("its heads give another map root")
            stored = records.pop(size, {})
            if {(row.depth, row.prefix): row.value for row in update.records} != stored:
                raise Refuted("the map that is stored for it is another")
            if sum(replay.sizes.values()) != size:
                raise Refuted("its heads count other events")
            if key is None:
                raise Refuted("no binding names the key that signs it")
            # One that was sealed while its key was locked is signed at the next unlock.
            if signed := note_of(log, number, size, note):
                checkpoint = open_checkpoint(signed, key, origin)
                if (checkpoint.size, checkpoint.root) != (size, root):
                    raise Refuted("the signed note states another checkpoint")
        except StemproofError as error:
            yield f"{name}: {error}"
        replay.checkpoint = size
    for size in sorted({*records, *_sizes(log, "heads_unsealed", number)}):
        yield f"log {origin} has a map or heads of a checkpoint {size} that is missing"
    for size in _sizes(log, "anchors_unsealed", number):
        yield f"log {origin} has an anchor of a checkpoint {size} that is missing or another"


def _replay(log: Log, number: int, replay: _Replay, size: int) -> MapUpdate:
    grown = []
    shrunk = False
    for tree, work, tree_size, root in log.fetch_all("heads_of_checkpoint", number, size):
        shrunk |= tree_size <= replay.sizes.get(tree, 0)
        replay.sizes[tree] = tree_size
        grown.append((map_key(work), WorkHead(tree_size, Digest(root))))
    if shrunk or not grown:
        raise Refuted("its heads do not grow")
    return update_map(grown, record_reader(log, number, replay.checkpoint))


def _records_by_checkpoint(log: Log, number: int) -> dict[int, dict[tuple[int, bytes], bytes]]:
    """Read the map's records, of which there are some for each checkpoint, not for each event."""
    rows = log.fetch_all("map_records", number)
    return {
        checkpoint: {(depth, prefix): value for _, depth, prefix, value in group}
        for checkpoint, group in groupby(rows, key=lambda row: row[0])
    }


def _sizes(log: Log, statement: str, number: int) -> list[int]:
    return [size for (size,) in log.fetch_all(statement, number)]
