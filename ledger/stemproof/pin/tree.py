"""Files and folders on disk -> CIDs and CARs.

A folder is taken as it is: all files, hidden ones too, no symbolic links. Nothing is held in memory
but one chunk and the nodes of one folder at a time; a CAR needs two passes, since its root stands
first. A file that changes between them is noticed.
"""

from __future__ import annotations

import os
import stat
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stemproof.content.car import CarWriter
from stemproof.content.cid import Cid
from stemproof.content.unixfs import (
    DEFAULT_PROFILE,
    Node,
    Profile,
    Put,
    build_directory,
    build_file,
)
from stemproof.errors import BadInput
from stemproof.pin.durable import UserFile, written_beside

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Files and folders of one folder, to pin as to fetch: ten times what a large song is made of.
MAX_ENTRIES: Final = 10_000
_MAX_DEPTH = 30  # content.walk follows 32 levels, two of them inside a large file


def _drop(_cid: Cid, _block: bytes) -> None:
    """Forget the block: only the CID is wanted."""


def build_path(path: Path, put: Put = _drop, profile: Profile = DEFAULT_PROFILE) -> Node:
    """Build the DAG of a file or a folder; `put` gets each block, children first."""
    return _build(path, put, profile, (0, count(1)))


def write_car(path: Path, target: Path, profile: Profile = DEFAULT_PROFILE) -> Node:
    """Write the CAR of a file or a folder; `target` is whole or not there."""
    root = build_path(path, profile=profile)
    with written_beside(target) as file:
        writer = CarWriter(file, root.cid)
        again = build_path(path, writer.put, profile)
        if again.cid != root.cid:
            raise BadInput(f"{path} changed while it was being read")
    return root


def too_many_entries(what: object, limit: int) -> BadInput:
    """Say that a folder holds more than is pinned or fetched in one piece."""
    return BadInput(
        f"{what} holds more than {limit:,} files and folders, the most that is pinned or"
        " fetched as one folder",
        hint="take the folders in it one by one",
    )


def _build(path: Path, put: Put, profile: Profile, at: tuple[int, Iterator[int]]) -> Node:
    depth, entries = at
    if next(entries) > MAX_ENTRIES:
        raise too_many_entries("the folder", MAX_ENTRIES)
    if depth > _MAX_DEPTH:
        raise BadInput(f"{path} lies deeper than {_MAX_DEPTH} folders")
    try:
        mode = path.lstat().st_mode
        names = os.listdir(path) if stat.S_ISDIR(mode) else []
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from error
    if stat.S_ISDIR(mode):
        below = depth + 1, entries
        nodes = {name: _build(path / name, put, profile, below) for name in names}
        return build_directory(nodes, put, profile)
    if stat.S_ISREG(mode):
        with UserFile(path) as source:
            return build_file(source, put, profile)
    raise BadInput(f"{path} is neither a file nor a folder", hint="symbolic links are not followed")
