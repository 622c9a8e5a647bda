"""Fetch content from trustless gateways, trusting none.

The first gateway is asked for one CAR; each block is compared with its CID, and with the place
where it is due, before it is used. A gateway that lies, breaks off, stalls or sends what nobody
asked for is named, and the next one goes on from there, block by block. The result is written
beside its target and renamed when it is whole.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path
from typing import Final

from stemproof.content.car import CarReader, Section
from stemproof.content.cid import MAX_BLOCK_BYTES, Cid, check_block
from stemproof.content.walk import Bounds, is_folder, read_file, walk_tree
from stemproof.errors import Malformed, Refuted, Unavailable, Undecided, Usage
from stemproof.pin.durable import PART_SUFFIX, sync_folder, written_beside
from stemproof.pin.gateway_http import Link, NotServed
from stemproof.pin.tree import MAX_ENTRIES, too_many_entries
from stemproof.pin.trustless import CAR_TYPE, RAW_TYPE

# Silence repeats one chunk: the last few blocks answer for it without asking again.
_RECENT_BLOCKS: Final = 8
_CAR_OVERHEAD: Final = 1 << 20
#: As many files and folders as are pinned in one folder.
FETCH_BOUNDS: Final = Bounds(max_entries=MAX_ENTRIES)


@dataclass(frozen=True, slots=True)
class Fault:
    """What a gateway did wrong."""

    gateway: str
    reason: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was fetched, all of it checked, and who failed on the way."""

    cid: Cid
    bytes: int
    files: int
    faults: tuple[Fault, ...]
    # What begins with a dot is there and not shown: the user is to be told.
    hidden: tuple[str, ...] = ()


def fetch(
    cid: Cid,
    gateways: Sequence[str],
    target: Path,
    *,
    bounds: Bounds = FETCH_BOUNDS,
    silence_s: float = 20.0,
) -> Fetched:
    """Fetch a file or a folder to `target`, which must not exist yet."""
    if target.exists():
        raise Usage(f"{target} exists already")
    if not gateways:
        raise Usage("no gateway is given")
    blocks = Blocks(gateways, bounds=bounds, silence_s=silence_s)
    hidden: list[str] = []
    try:
        if is_folder(cid, blocks.get):
            size, files = _write_folder(cid, blocks, target, bounds, hidden)
        else:
            size, files = _write_file(cid, blocks, target, bounds), 1
        blocks.check_end()
    finally:
        blocks.close()
    return Fetched(cid, size, files, tuple(blocks.faults), tuple(hidden))


def _write_file(cid: Cid, blocks: Blocks, target: Path, bounds: Bounds) -> int:
    size = 0
    with written_beside(target) as file:
        for part in read_file(cid, blocks.get, bounds):
            file.write(part)
            size += len(part)
    return size


def _write_folder(
    cid: Cid, blocks: Blocks, target: Path, bounds: Bounds, hidden: list[str]
) -> tuple[int, int]:
    part = target.with_name(f".{target.name[:80]}.{secrets.token_hex(8)}{PART_SUFFIX}")
    size = files = 0
    try:
        # One more shows that there are too many, which is no lie of the gateway's.
        further = replace(bounds, max_entries=bounds.max_entries + 1)
        for number, entry in enumerate(walk_tree(cid, blocks.get, further), start=1):
            if number > bounds.max_entries:
                raise too_many_entries(cid, bounds.max_entries)
            if entry.path and entry.path[-1].startswith("."):
                hidden.append("/".join(entry.path))
            path = part.joinpath(*entry.path)
            if entry.is_folder:
                path.mkdir()
                continue
            left = Bounds(bounds.max_bytes - size, bounds.max_blocks, bounds.max_depth)
            if path.exists():
                # Two names that this file system takes for one.
                raise Malformed(f"name in {cid}", entry.path[-1], "a name of its own")
            size += _write_file(entry.cid, blocks, path, left)
            files += 1
        os.rename(part, target)
        sync_folder(target.parent)
    except OSError as error:
        raise Unavailable(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return size, files


class Blocks:
    """A source of checked blocks: several gateways, one after the other."""

    def __init__(self, gateways: Iterable[str], *, bounds: Bounds, silence_s: float) -> None:
        self.faults: list[Fault] = []
        self._waiting = list(gateways)
        self._bounds = bounds
        self._silence_s = silence_s
        self._current: _Gateway | None = None
        self._has_begun = False

    def get(self, cid: Cid) -> bytes:
        """Give the block that `cid` names, from whichever gateway has it."""
        while True:
            gateway = self._gateway()
            try:
                block = gateway.get(cid)
            except (Refuted, Undecided, OSError, HTTPException) as error:
                self._fail(gateway, error)
                continue
            self._has_begun = True
            return block

    def check_end(self) -> None:
        """Note a gateway that goes on sending after all that was asked for."""
        gateway = self._current
        if gateway is not None:
            try:
                gateway.check_end()
            except (Refuted, Undecided, OSError, HTTPException) as error:
                self._fail(gateway, error)

    def close(self) -> None:
        """Close the connections."""
        if self._current is not None:
            self._current.close()

    def _gateway(self) -> _Gateway:
        if self._current is None:
            if not self._waiting:
                said = "; ".join(f"{fault.gateway}: {fault.reason}" for fault in self.faults)
                raise Unavailable(f"no gateway gives the content: {said}")
            link = Link(self._waiting.pop(0), silence_s=self._silence_s)
            # In mid-file a CAR of the root would start over: single blocks go on from here.
            self._current = _Gateway(link, self._bounds, takes_car=not self._has_begun)
        return self._current

    def _fail(self, gateway: _Gateway, error: Exception) -> None:
        # The system's own number for an error tells nobody anything.
        told = error.strerror if isinstance(error, OSError) else None
        reason = str(told or error) or type(error).__name__
        if isinstance(error, TimeoutError):
            reason = f"silent for {self._silence_s:g} s"
        self.faults.append(Fault(gateway.url, reason))
        gateway.close()
        self._current = None


class _Gateway:
    """One gateway: a CAR in the order of the walk, single blocks for what it leaves out."""

    def __init__(self, link: Link, bounds: Bounds, *, takes_car: bool) -> None:
        self.url = link.url
        self._link = link
        self._bounds = bounds
        self._takes_car = takes_car
        self._car: CarReader | None = None
        self._next: Section | None = None
        self._seen: set[bytes] = set()
        self._recent: OrderedDict[bytes, bytes] = OrderedDict()

    def get(self, cid: Cid) -> bytes:
        if self._takes_car:
            self._takes_car = False
            self._open_car(cid)
        name = bytes(cid)
        block = None if self._car is None else self._from_car(self._car, cid)
        if block is None:
            block = self._recent.get(name) or self._raw(cid)
        self._seen.add(name)
        self._recent[name] = block
        self._recent.move_to_end(name)
        if len(self._recent) > _RECENT_BLOCKS:
            self._recent.popitem(last=False)
        return block

    def check_end(self) -> None:
        if self._car is not None and (self._next or self._car.next_section()) is not None:
            raise Malformed("CAR", "further blocks", "an end after the last block asked for")

    def close(self) -> None:
        self._link.close()

    def _open_car(self, root: Cid) -> None:
        try:
            body = self._link.open(
                f"/ipfs/{root}?format=car", f"{CAR_TYPE}; version=1; order=dfs; dups=n", CAR_TYPE
            )
        except NotServed:
            return  # a gateway for single blocks only
        self._car = CarReader(body, max_bytes=self._bounds.max_bytes * 2 + _CAR_OVERHEAD)
        if self._car.root != root:
            raise Malformed("CAR root", str(self._car.root), str(root))

    def _from_car(self, car: CarReader, cid: Cid) -> bytes | None:
        """Take the next block if it is the one due; None if it came before and is not repeated."""
        section = self._next or car.next_section()
        self._next = None
        if section is not None and section.cid == cid:
            return section.block
        if bytes(cid) in self._seen:
            self._next = section
            return None
        if section is None:
            raise Malformed("CAR", "cut off", f"block {cid}")
        raise Malformed("CAR", f"block {section.cid}", f"block {cid}, which was due")

    def _raw(self, cid: Cid) -> bytes:
        body = self._link.open(f"/ipfs/{cid}?format=raw", RAW_TYPE, RAW_TYPE)
        block = bytearray()
        while part := body.read(MAX_BLOCK_BYTES):
            block += part
            if len(block) > MAX_BLOCK_BYTES:
                raise Malformed(f"block {cid}", "too much", f"at most {MAX_BLOCK_BYTES} bytes")
        check_block(cid, block)
        return bytes(block)
