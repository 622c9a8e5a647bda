"""Where a replay takes saves from: the vault, or a folder of files that somebody handed over."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from stemproof.acts.survey import hash_content, read_session_file
from stemproof.acts.vault import open_with, opened_vault
from stemproof.errors import BadInput, Usage
from stemproof.log.store import Log
from stemproof.pin.durable import written_beside

if TYPE_CHECKING:
    from stemproof.keys.ring import Keys

Source = Callable[[bytes, bytes], bytes | None]
"""Gives a work's file by its digest, or None where it is not to be had."""

# More files than this are a disk and not a disclosure.
MAX_FILES: Final = 20_000


@contextmanager
def from_vault(log: Log, keys: Keys) -> Iterator[Source]:
    """Take saves from the ledger's own vault."""
    unseal = open_with(keys.age_identities)
    with opened_vault(log) as vault:

        def give(work: bytes, digest: bytes) -> bytes | None:
            return None if vault is None else vault.fetch(work, digest, unseal)

        yield give


def from_folder(folder: Path) -> Source:
    """Take saves from the files of a folder, whatever they are called."""
    paths = _by_digest(folder)

    def give(_work: bytes, digest: bytes) -> bytes | None:
        path = paths.get(digest)
        return None if path is None else read_session_file(path)

    return give


def hand_over(source: Source, saves: Mapping[tuple[bytes, bytes], str], folder: Path) -> int:
    """Write saves into a folder, each under its name; give how many were not to be had."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Usage(f"{folder} is not an empty folder", hint="name a new one")
    folder.mkdir(parents=True, exist_ok=True)
    missing = 0
    for number, ((work, digest), path) in enumerate(saves.items(), 1):
        data = source(work, digest)
        if data is None:
            missing += 1
            continue
        name = f"{number:05d} {PurePosixPath(path).name}"
        with written_beside(folder / name) as file:
            file.write(data)
    return missing


def _by_digest(folder: Path) -> dict[bytes, Path]:
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder")
    found: dict[bytes, Path] = {}
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(place) / name
            if path.is_symlink() or not path.is_file():
                continue
            if len(found) >= MAX_FILES:
                raise BadInput(f"{folder} holds more than {MAX_FILES} files")
            found.setdefault(hash_content(path), path)
    return found
