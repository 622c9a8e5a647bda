"""Read files and folders back out of blocks, trusting none of them.

Blocks come through a port `get(cid)`; each is compared with its CID before it is looked at. A DAG
cannot loop, but a small one can unfold into a huge one: everything is bounded by `Bounds`, and a
node must hold exactly the bytes that its parent says. Names are checked, so that no entry leaves
the folder it is in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from stemproof.content.cid import DAG_PB, RAW, Cid, check_block
from stemproof.content.dagpb import Kind, PbNode, parse_node
from stemproof.content.unixfs import check_name
from stemproof.errors import BadInput, Malformed, Refuted, Undecided

Get = Callable[[Cid], bytes]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a stranger's DAG is followed."""

    max_bytes: int = 1 << 38  # 256 GiB: more than the stems of any one work
    max_blocks: int = 1 << 20  # 1 TiB in chunks of the default profile
    max_depth: int = 32
    max_entries: int = 1 << 17  # files and folders in one tree


DEFAULT_BOUNDS: Final = Bounds()


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a folder in a tree; `path` holds its names from the root down."""

    path: tuple[str, ...]
    cid: Cid
    is_folder: bool


@dataclass(slots=True)
class _Budget:
    bounds: Bounds
    blocks: int = 0
    entries: int = 0

    def fetch(self, cid: Cid, get: Get, depth: int) -> bytes:
        """Get and check one block, or refuse because the bounds are reached."""
        self.blocks += 1
        if self.blocks > self.bounds.max_blocks:
            raise Refuted(f"the DAG has more than {self.bounds.max_blocks} blocks")
        if depth > self.bounds.max_depth:
            raise Refuted(f"the DAG is deeper than {self.bounds.max_depth} levels")
        block = get(cid)
        check_block(cid, block)
        return block


def read_file(root: Cid, get: Get, bounds: Bounds = DEFAULT_BOUNDS) -> Iterator[bytes]:
    """Yield the bytes of the file at `root`, in order, a chunk at a time."""
    yield from read_range(root, get, start=0, stop=None, bounds=bounds)


def read_range(
    root: Cid, get: Get, *, start: int, stop: int | None, bounds: Bounds = DEFAULT_BOUNDS
) -> Iterator[bytes]:
    """Yield the bytes from `start` up to `stop` or the end; blocks outside are not fetched."""
    budget = _Budget(bounds)
    # (CID, first byte, size said by the parent, depth), the next one last.
    waiting: list[tuple[Cid, int, int | None, int]] = [(root, 0, None, 0)]
    while waiting:
        cid, at, said, depth = waiting.pop()
        if stop is not None and at >= stop:
            return
        if said is not None and at + said <= start:
            continue
        block = budget.fetch(cid, get, depth)
        data, children = _parse_file_block(cid, block)
        size = len(data) + sum(child_size for _, child_size in children)
        if said is not None and size != said:
            raise Malformed(f"size of {cid}", size, f"{said}, as its parent says")
        if at + size > bounds.max_bytes:
            raise Refuted(f"the file is longer than {bounds.max_bytes} bytes")
        part = data[max(start - at, 0) : None if stop is None else max(stop - at, 0)]
        if part:
            yield part
        at += size
        for child, child_size in reversed(children):
            at -= child_size
            waiting.append((child, at, child_size, depth + 1))


def file_size(root: Cid, get: Get) -> int:
    """Say how many bytes the file at `root` claims to have; the root block is checked."""
    data, children = _parse_file_block(root, _Budget(DEFAULT_BOUNDS).fetch(root, get, 0))
    return len(data) + sum(size for _, size in children)


def is_folder(root: Cid, get: Get) -> bool:
    """Tell a folder from a file by its root block."""
    if root.codec == RAW:
        return False
    return (
        _parse_dag_pb(root, _Budget(DEFAULT_BOUNDS).fetch(root, get, 0)).unixfs.kind
        is Kind.DIRECTORY
    )


def list_folder(root: Cid, get: Get) -> tuple[tuple[str, Cid], ...]:
    """Name the entries of the folder at `root`, in the order of their UTF-8 names."""
    return _parse_folder(root, _Budget(DEFAULT_BOUNDS).fetch(root, get, 0))


def walk_tree(root: Cid, get: Get, bounds: Bounds = DEFAULT_BOUNDS) -> Iterator[Entry]:
    """Yield what is at and below `root`, folders before what is in them. Files are not read."""
    budget = _Budget(bounds)
    waiting: list[tuple[tuple[str, ...], Cid]] = [((), root)]
    while waiting:
        path, cid = waiting.pop()
        budget.entries += 1
        if budget.entries > bounds.max_entries:
            raise Refuted(f"the tree has more than {bounds.max_entries} entries")
        if cid.codec == RAW:
            yield Entry(path, cid, is_folder=False)
            continue
        block = budget.fetch(cid, get, len(path))
        if _parse_dag_pb(cid, block).unixfs.kind is Kind.FILE:
            yield Entry(path, cid, is_folder=False)
            continue
        yield Entry(path, cid, is_folder=True)
        waiting.extend(
            ((*path, name), child) for name, child in reversed(_parse_folder(cid, block))
        )


def walk_blocks(
    root: Cid, get: Get, bounds: Bounds = DEFAULT_BOUNDS
) -> Iterator[tuple[Cid, bytes]]:
    """Yield each block at and below `root` once, depth first, parents before children.

    This is the order `order=dfs; dups=n` of a CAR from a trustless gateway.
    """
    budget = _Budget(bounds)
    seen: set[bytes] = set()
    waiting: list[tuple[Cid, int]] = [(root, 0)]
    while waiting:
        cid, depth = waiting.pop()
        if bytes(cid) in seen:
            continue
        seen.add(bytes(cid))
        block = budget.fetch(cid, get, depth)
        yield cid, block
        children = links_of(cid, block)
        waiting.extend(
            (child, depth + 1) for child in reversed(children) if bytes(child) not in seen
        )
        if len(waiting) > bounds.max_blocks:
            raise Refuted(f"the DAG has more than {bounds.max_blocks} blocks")


def links_of(cid: Cid, block: bytes) -> tuple[Cid, ...]:
    """Name the blocks that this one links to. The block's hash is not checked."""
    if cid.codec == RAW:
        return ()
    return tuple(link.cid for link in _parse_dag_pb(cid, block).links)


def _parse_dag_pb(cid: Cid, block: bytes) -> PbNode:
    if cid.codec != DAG_PB:
        raise Undecided(f"{cid} has codec 0x{cid.codec:x}, only raw and DAG-PB are followed")
    return parse_node(block)


def _parse_file_block(cid: Cid, block: bytes) -> tuple[bytes, list[tuple[Cid, int]]]:
    """Take a file's block apart: its own bytes, then its children with their sizes."""
    if cid.codec == RAW:
        return block, []
    node = _parse_dag_pb(cid, block)
    message = node.unixfs
    if message.kind is not Kind.FILE:
        raise BadInput(f"{cid} is a folder, want a file")
    data = message.data or b""
    if len(message.block_sizes) != len(node.links):
        raise Malformed(f"blocksizes of {cid}", len(message.block_sizes), f"{len(node.links)}")
    # Children without bytes would let a small DAG unfold for ever inside any bound on bytes.
    if node.links and min(message.block_sizes) == 0:
        raise Malformed(f"blocksize in {cid}", 0, "at least 1")
    if message.size != len(data) + sum(message.block_sizes):
        raise Malformed(f"filesize of {cid}", message.size, "the sum of its parts")
    children = [link.cid for link in node.links]
    return data, list(zip(children, message.block_sizes, strict=True))


def _parse_folder(cid: Cid, block: bytes) -> tuple[tuple[str, Cid], ...]:
    node = _parse_dag_pb(cid, block)
    if node.unixfs.kind is not Kind.DIRECTORY:
        raise BadInput(f"{cid} is a file, want a folder")
    names = [link.name.encode("utf-8") for link in node.links]
    # Strictly ascending, so that no name stands twice and hides another.
    for before, after in pairwise(names):
        if before >= after:
            raise Malformed(f"names in {cid}", after, "ascending order, each once")
    for link in node.links:
        try:
            check_name(link.name)
        except BadInput as error:
            raise Malformed(f"entry of {cid}", link.name, "a plain file name") from error
    return tuple((link.name, link.cid) for link in node.links)
