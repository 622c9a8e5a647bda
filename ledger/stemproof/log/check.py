"""Re-derive everything that a ledger claims from the bytes that it stores.

Headers are parsed and hashed again, nodes, heads and roots rebuilt, and openings held
against their commitments; what was sealed is the task of `sealcheck`. Memory does not
grow with the number of events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from stemproof.errors import BadInput, Refuted, StemproofError
from stemproof.log.sealcheck import sealing_problems
from stemproof.log.sqlite import schema_triggers
from stemproof.log.store import LOWEST_STORED, Log
from stemproof.record.commitment import Opening, check_opening
from stemproof.record.event import leaf_hash, parse_header
from stemproof.seal.tree import Frontier

BATCH: Final = 4096
# One missing event can make thousands of others unfit; nobody reads more than these.
MAX_LISTED: Final = 100

Progress = Callable[[int], None]


@dataclass(slots=True)
class Findings:
    """What was looked at, and what does not fit: sentences, and how many more there are."""

    events: int = 0
    works: int = 0
    openings: int = 0
    erased: int = 0
    checkpoints: int = 0
    wrong: list[str] = field(default_factory=list)
    unlisted: int = 0

    def blame(self, sentence: str) -> None:
        """Add what does not fit."""
        if len(self.wrong) < MAX_LISTED:
            self.wrong.append(sentence)
        else:
            self.unlisted += 1


@dataclass(frozen=True, slots=True)
class _Place:
    """The tree that is being looked at."""

    origin: str
    tree: int
    work: bytes

    @property
    def name(self) -> str:
        if any(self.work):
            return f"work {self.work.hex()[:12]}"
        return f"log {self.origin}"


@dataclass(frozen=True, slots=True)
class _Event:
    """An event and what opens it."""

    id: int
    seq: int
    header: bytes
    openings: list[Opening]


def check_log(
    log: Log, log_keys: Mapping[str, bytes], progress: Progress | None = None
) -> Findings:
    """Check every log of a ledger; `log_keys` gives the key that signs each origin."""
    findings, works = Findings(), set[bytes]()
    try:
        _check_file(log, findings)
        for number, origin in log.fetch_all("logs"):
            for tree, work in log.fetch_all("trees", number):
                # A work that went on in another log has a tree in each; a log's own is none.
                works |= {work} if any(work) else set()
                findings.works = len(works)
                _check_tree(log, _Place(origin, tree, work), findings, progress)
            _check_order(log, number, origin, findings)
            findings.checkpoints += len(log.fetch_all("checkpoints", number))
            for problem in sealing_problems(log, number, origin, log_keys.get(origin)):
                findings.blame(problem)
    except BadInput as error:
        # SQLite could not go on reading: what it had said before stands too.
        findings.blame(str(error))
    return findings


def _check_file(log: Log, findings: Findings) -> None:
    for problem in log.integrity():
        findings.blame(f"SQLite reports: {problem}")
    found = {name for (name,) in log.fetch_all("triggers")}
    for missing in sorted(schema_triggers() - found):
        findings.blame(f"the guard {missing} was taken out of the database")
    for table, parent, count in log.fetch_all("loose_rows"):
        findings.blame(f"{count} rows of {table} belong to no {parent}")


def _check_tree(log: Log, place: _Place, findings: Findings, progress: Progress | None) -> None:
    wanted = {
        row[0]: (row[1], row[2]) for row in log.fetch_all("heads_of_tree", place.tree)
    }  # size -> (root, checkpoint)
    frontier, prev = Frontier(), ""
    size = log.tree_size(place.tree)
    for start in range(0, size, BATCH):
        leaves: list[bytes] = []
        for event in _events(log, place.tree, start, min(start + BATCH, size)):
            if event.seq != start + len(leaves):
                break
            try:
                _check_event(event, place, prev, findings)
            except StemproofError as error:
                findings.blame(f"event {event.seq} of {place.name}: {error}")
            leaves.append(leaf_hash(event.header))
            prev = leaves[-1].hex()
        # Sealed sizes may fall inside a batch, so the tree grows from one to the next.
        _grow(log, place, frontier, leaves, wanted, findings)
        findings.events += len(leaves)
        if progress is not None:
            progress(findings.events)
        if frontier.size != min(start + BATCH, size):
            findings.blame(
                f"event {frontier.size} of {place.name} is missing; those after it were not checked"
            )
            return
    for missing in wanted:
        findings.blame(f"a sealed head of {place.name} of size {missing} is beyond its events")
    (stored,) = log.fetch_one("count_nodes", place.tree)
    if stored != sum(size >> level for level in range(LOWEST_STORED, size.bit_length())):
        findings.blame(
            f"{place.name} has {stored} stored nodes, not as many as its events complete"
        )


def _events(log: Log, tree: int, start: int, stop: int) -> list[_Event]:
    openings: dict[int, list[Opening]] = {}
    for event_id, *opening in log.fetch_all("openings_between", tree, start, stop):
        openings.setdefault(event_id, []).append(Opening(*opening))
    return [
        _Event(event_id, seq, data, openings.get(event_id, []))
        for event_id, seq, data in log.fetch_all("events_between", tree, start, stop)
    ]


def _check_event(event: _Event, place: _Place, prev: str, findings: Findings) -> None:
    header = parse_header(event.header)
    found = (header.origin, header.work, header.work_seq, header.prev)
    if found != (place.origin, place.work.hex(), event.seq, prev):
        raise Refuted("it does not follow the event before it")
    findings.openings += len(event.openings)
    findings.erased += len(header.commit) - len(event.openings)
    for opening in event.openings:
        if opening.field not in header.commit:
            raise Refuted(
                f"it holds an opening for {opening.field!r}, which its header does not commit to"
            )
        check_opening(opening, header.commit[opening.field])


def _grow(
    log: Log,
    place: _Place,
    frontier: Frontier,
    leaves: list[bytes],
    wanted: dict[int, tuple[bytes, int]],
    findings: Findings,
) -> None:
    start, stop = frontier.size, frontier.size + len(leaves)
    cuts = sorted(size for size in wanted if start < size <= stop)
    for cut in [*cuts, stop]:
        for run in frontier.extend_hashes(leaves[frontier.size - start : cut - start]):
            if run.level < LOWEST_STORED:
                continue
            end = run.first + len(run.digests)
            stored = dict(log.fetch_all("nodes", place.tree, run.level, run.first, end))
            for _, position, digest in run.nodes():
                if stored.get(position) != digest:
                    findings.blame(f"node ({run.level}, {position}) of {place.name} is wrong")
        if cut in wanted:
            root, checkpoint = wanted.pop(cut)
            if frontier.root() != root:
                findings.blame(
                    f"the head of {place.name} of size {cut} that checkpoint {checkpoint}"
                    f" sealed has another root"
                )


def _check_order(log: Log, number: int, origin: str, findings: Findings) -> None:
    (count, lowest, highest, different) = log.fetch_one("log_order", number)
    if count and (lowest, highest, different) != (0, count - 1, count):
        findings.blame(f"the events of log {origin} are not numbered without gaps")
    if log.fetch_one("out_of_order", number) is not None:
        findings.blame(f"the events of log {origin} are numbered in another order than written")
