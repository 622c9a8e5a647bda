"""One log's share of a bundle: binding, trees, checkpoints, openings."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stemproof.claim.logpart import Head, LogPart, Opened
from stemproof.errors import Malformed, Refuted
from stemproof.keys.binding import check_binding
from stemproof.keys.rotation import Holder, check_rotation, holder_of
from stemproof.record.commitment import Opening, check_opening
from stemproof.record.event import Header, leaf_hash, parse_header
from stemproof.seal.checkpoint import Checkpoint, open_checkpoint
from stemproof.seal.merkle import Digest
from stemproof.seal.tree import Frontier
from stemproof.seal.workmap import check_map_absence, check_map_proof, map_key, parse_map_proof

OWN_WORK = bytes(16)
# Each costs three signatures; whoever replaces keys weekly needs twenty years for them.
MAX_ROTATIONS: Final = 1000


@dataclass(frozen=True, slots=True)
class CheckedTree:
    """Headers that form one gapless tree, with the root of each size that a head states."""

    headers: tuple[Header, ...]
    roots: dict[int, Digest]
    openings: dict[tuple[int, str], Opening]


@dataclass(frozen=True, slots=True)
class CheckedHead:
    """A checkpoint whose signature and map paths hold."""

    checkpoint: Checkpoint
    head: Head
    holder: Holder


@dataclass(frozen=True, slots=True)
class CheckedLog:
    """A log whose inner evidence holds; nothing is said of the chain yet."""

    origin: str
    holders: tuple[Holder, ...]
    own: CheckedTree
    work: CheckedTree
    heads: tuple[CheckedHead, ...]

    @property
    def anchored(self) -> tuple[CheckedHead, ...]:
        """The heads that name a block; the others are dated by timestamps alone."""
        return tuple(each for each in self.heads if each.head.block is not None)


def check_log_part(part: LogPart, work: bytes) -> CheckedLog:
    """Check everything in a log's share that needs neither chain nor trust."""
    if work == OWN_WORK:
        raise Refuted("the claim's work is the log's own record of its keys")
    own = _check_tree(
        part.own_headers, part.own_openings, OWN_WORK, {head.own_size for head in part.heads}
    )
    holders = _check_holders(own)
    origin = own.headers[0].origin
    log_key = check_binding(own.openings[0, "body"].value).log_key
    tree = _check_tree(part.headers, part.openings, work, {head.work_size for head in part.heads})
    if tree.headers[0].origin != origin:
        raise Refuted(f"the work's events are of log {tree.headers[0].origin}, want {origin}")
    heads = _check_heads(part, log_key, (own, tree), work)
    _check_dated(part, [checkpoint for checkpoint, _ in heads])
    since = [seq for seq, _ in holders]
    return CheckedLog(
        origin,
        tuple(holder for _, holder in holders),
        own,
        tree,
        tuple(
            # Who held the log when its own tree had that many events.
            CheckedHead(checkpoint, head, holders[bisect_left(since, head.own_size) - 1][1])
            for checkpoint, head in heads
        ),
    )


def holders_at(log: CheckedLog, head: CheckedHead) -> tuple[Holder, ...]:
    """List who held a log up to a head, in their order."""
    # A holder's number counts the rotations before it.
    return log.holders[: head.holder.number + 1]


def rotations_in(log: CheckedLog) -> tuple[int, ...]:
    """List the events of a log's own record that replaced its keys."""
    return tuple(each.work_seq for each in log.own.headers if each.action == "key.rotate")


def _check_tree(
    headers: Sequence[bytes], openings: Sequence[Opened], work: bytes, sizes: set[int]
) -> CheckedTree:
    """Check that headers follow each other, and yield the roots at the sizes asked for."""
    if not headers or max(sizes) != len(headers):
        raise Refuted(
            f"{len(headers)} headers are shown, the newest checkpoint counts {max(sizes)}"
        )
    parsed: list[Header] = []
    leaves: list[bytes] = []
    prev = ""
    for seq, data in enumerate(headers):
        header = parse_header(data)
        if (header.work_seq, header.work, header.prev) != (seq, work.hex(), prev):
            raise Refuted(f"event {seq} does not follow the event before it")
        if parsed and header.origin != parsed[0].origin:
            raise Refuted(f"event {seq} is of log {header.origin}, want {parsed[0].origin}")
        leaf = leaf_hash(data)
        prev = leaf.hex()
        parsed.append(header)
        leaves.append(leaf)
    frontier, roots = Frontier(), {}
    for size in sorted(sizes - {0}):
        frontier.extend_hashes(leaves[frontier.size : size])
        roots[size] = frontier.root()
    opened = {}
    for item in openings:
        name = item.opening.field
        if item.work_seq >= len(parsed) or name not in parsed[item.work_seq].commit:
            raise Refuted(f"an opening is for {name} of event {item.work_seq}, which has none")
        check_opening(item.opening, parsed[item.work_seq].commit[name])
        opened[item.work_seq, name] = item.opening
    return CheckedTree(tuple(parsed), roots, opened)


def _check_holders(own: CheckedTree) -> list[tuple[int, Holder]]:
    """Follow the log's own tree from its binding through every rotation."""
    first = own.headers[0]
    if first.action != "log.open" or (0, "body") not in own.openings:
        raise Malformed("first event of the log", first.action, "an opened log.open")
    binding = check_binding(own.openings[0, "body"].value)
    if binding.origin != first.origin:
        raise Refuted(f"the binding is for log {binding.origin}, the events are of {first.origin}")
    rotations = sum(header.action == "key.rotate" for header in own.headers)
    if rotations > MAX_ROTATIONS:
        raise Malformed("number of rotations", rotations, f"at most {MAX_ROTATIONS}")
    holders = [(0, holder_of(binding))]
    for seq, header in enumerate(own.headers):
        if header.action == "key.rotate":
            if (seq, "body") not in own.openings:
                raise Refuted(f"the rotation in event {seq} of the log is not opened")
            body = own.openings[seq, "body"].value
            holders.append((seq, check_rotation(body, holders[-1][1])))
    return holders


def _check_heads(
    part: LogPart, log_key: bytes, trees: tuple[CheckedTree, CheckedTree], work: bytes
) -> list[tuple[Checkpoint, Head]]:
    own, tree = trees
    origin = own.headers[0].origin
    heads: list[tuple[Checkpoint, Head]] = []
    for head in part.heads:
        checkpoint = open_checkpoint(head.note, log_key, origin)
        if heads:
            before, last = heads[-1]
            if checkpoint.size <= before.size:
                raise Refuted(f"checkpoint {checkpoint.size} does not grow from {before.size}")
            if head.own_size < last.own_size or head.work_size < last.work_size:
                raise Refuted(f"a tree shrinks between checkpoints up to {checkpoint.size}")
        _check_size(checkpoint, head, heads)
        for owner, size, proof, roots in (
            (OWN_WORK, head.own_size, head.own_proof, own.roots),
            (work, head.work_size, head.work_proof, tree.roots),
        ):
            key, path = map_key(owner), parse_map_proof(proof)
            if size:
                check_map_proof(key, size, roots[size], path, checkpoint.root)
            else:
                check_map_absence(key, path, checkpoint.root)
        heads.append((checkpoint, head))
    return heads


def _check_dated(part: LogPart, checkpoints: Sequence[Checkpoint]) -> None:
    """Check that every checkpoint shown has a block or a timestamp, unless it is the only one."""
    stamped = {each.size for each in part.stamps}
    for head, checkpoint in zip(part.heads, checkpoints, strict=True):
        if head.block is None and checkpoint.size not in stamped and len(checkpoints) > 1:
            raise Refuted(f"nothing dates checkpoint {checkpoint.size}")


def _check_size(
    checkpoint: Checkpoint, head: Head, before: Sequence[tuple[Checkpoint, Head]]
) -> None:
    """Check that a checkpoint counts at least the events that its trees show."""
    grown, shown = checkpoint.size, head.own_size + head.work_size
    if before:
        last, older = before[-1]
        grown, shown = grown - last.size, shown - older.own_size - older.work_size
    if grown < shown:
        raise Refuted(
            f"checkpoint {checkpoint.size} counts {grown} new events, its trees show {shown}"
        )
