"""Re-derive everything that a ledger claims from the bytes that it stores.

Headers are parsed and hashed again, nodes, heads, maps and checkpoints rebuilt, and
openings held against their commitments. Memory does not grow with the log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from stemproof.errors import Refuted, StemproofError
from stemproof.log.store import Log
from stemproof.record.commitment import Opening, check_opening
from stemproof.record.event import leaf_hash, parse_header
from stemproof.seal.checkpoint import open_checkpoint
from stemproof.seal.merkle import Digest
from stemproof.seal.tree import Frontier
from stemproof.seal.workmap import WorkHead, map_key, root_of_heads

BATCH = 4096


@dataclass(slots=True)
class Findings:
    """What was looked at, and all that does not fit, in sentences."""

    events: int = 0
    works: int = 0
    openings: int = 0
    erased: int = 0
    checkpoints: int = 0
    wrong: list[str] = field(default_factory=list)


def check_log(
    log: Log, log_keys: Mapping[str, bytes], progress: Callable[[int], None] | None = None
) -> Findings:
    """Check every log of a ledger; `log_keys` gives the key that signs each origin."""
    findings = Findings()
    for problem in log.integrity():
        findings.wrong.append(f"SQLite reports: {problem}")
    for number, origin in log.fetch_all("logs"):
        for tree, work in log.fetch_all("trees", number):
            _check_tree(log, (origin, tree, work), findings, progress)
        _check_order(log, number, origin, findings)
        _check_checkpoints(log, number, origin, log_keys.get(origin), findings)
    return findings


def _check_tree(
    log: Log,
    place: tuple[str, int, bytes],
    findings: Findings,
    progress: Callable[[int], None] | None,
) -> None:
    origin, tree, work = place
    findings.works += any(work)
    wanted = {
        row[0]: (row[1], row[2]) for row in log.fetch_all("heads_of_tree", tree)
    }  # size -> (root, checkpoint)
    frontier, prev = Frontier(), ""
    size = log.tree_size(tree)
    for start in range(0, size, BATCH):
        leaves: list[bytes] = []
        for event_id, _, data in log.fetch_all("events", tree, start, min(start + BATCH, size)):
            seq = start + len(leaves)
            try:
                header = parse_header(data)
                if (header.origin, header.work, header.work_seq, header.prev) != (
                    origin,
                    work.hex(),
                    seq,
                    prev,
                ):
                    raise Refuted("it does not follow the event before it")
                _check_openings(log, event_id, header.commit, findings)
            except StemproofError as error:
                findings.wrong.append(f"event {seq} of work {work.hex()[:12]}: {error}")
            leaf = leaf_hash(data)
            leaves.append(leaf)
            prev = leaf.hex()
        # Sealed sizes may fall inside a batch, so the tree grows from one to the next.
        _grow(log, tree, frontier, leaves, wanted, findings)
        findings.events += len(leaves)
        if progress is not None:
            progress(findings.events)
    for missing in wanted:
        findings.wrong.append(f"a sealed head of size {missing} is beyond the events of its work")


def _grow(
    log: Log,
    tree: int,
    frontier: Frontier,
    leaves: list[bytes],
    wanted: dict[int, tuple[bytes, int]],
    findings: Findings,
) -> None:
    start, stop = frontier.size, frontier.size + len(leaves)
    cuts = sorted(size for size in wanted if start < size <= stop)
    for cut in [*cuts, stop]:
        batch = leaves[frontier.size - start : cut - start]
        for run in frontier.extend_hashes(batch):
            for level, position, digest in run.nodes():
                row = log.fetch_one("node", tree, level, position) if level else (digest,)
                if row is None or row[0] != digest:
                    findings.wrong.append(f"node ({level}, {position}) of tree {tree} is wrong")
        if cut in wanted:
            root, checkpoint = wanted.pop(cut)
            if frontier.root() != root:
                findings.wrong.append(
                    f"the head of size {cut} sealed in checkpoint {checkpoint} has another root"
                )


def _check_openings(log: Log, event_id: int, commit: Mapping[str, str], findings: Findings) -> None:
    openings = log.openings(event_id)
    findings.openings += len(openings)
    findings.erased += len(commit) - len(openings)
    for name, opening in openings.items():
        if name not in commit:
            raise Refuted(f"it holds an opening for {name}, which its header does not commit to")
        check_opening(Opening(name, opening.salt, opening.value), commit[name])


def _check_order(log: Log, number: int, origin: str, findings: Findings) -> None:
    (count, lowest, highest, different) = log.fetch_one("log_order", number)
    if count and (lowest, highest, different) != (0, count - 1, count):
        findings.wrong.append(f"the events of log {origin} are not numbered without gaps")


def _check_checkpoints(
    log: Log, number: int, origin: str, key: bytes | None, findings: Findings
) -> None:
    for size, root, note in log.fetch_all("checkpoints", number):
        findings.checkpoints += 1
        heads = [
            (map_key(work), WorkHead(tree_size, Digest(tree_root)))
            for work, tree_size, tree_root in log.fetch_all("heads_at", number, size)
        ]
        if root_of_heads(heads) != root:
            findings.wrong.append(f"checkpoint {size} of log {origin} has another map root")
        if sum(head.size for _, head in heads) != size:
            findings.wrong.append(f"checkpoint {size} of log {origin} counts other events")
        if key is None:
            findings.wrong.append(f"log {origin} has no binding that names its key")
            continue
        try:
            checkpoint = open_checkpoint(note, key, origin)
            if (checkpoint.size, checkpoint.root) != (size, root):
                raise Refuted("the signed note states another checkpoint")
        except StemproofError as error:
            findings.wrong.append(f"checkpoint {size} of log {origin}: {error}")
