"""What erasing takes out of the vault, and of the last saves kept for comparison."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

from stemproof.acts.vault import Unseal, open_with, opened_vault
from stemproof.log.store import Entry, Log
from stemproof.record.event import parse_header

__all__ = [
    "Unseal",
    "count_kept",
    "forget_kept",
    "forget_last",
    "kept_files",
    "open_with",
    "sweep_kept",
]

# Files that are named in a body only.
_IN_BODY: Final = ("session.unreadable", "undo.read", "gen.result")


def kept_files(log: Log, entries: Iterable[Entry]) -> tuple[tuple[tuple[bytes, bytes], ...], int]:
    """Find the kept files that events saw, and count those that can be read only with them."""
    found: dict[tuple[bytes, bytes], None] = {}
    later = 0
    with opened_vault(log) as vault:
        for entry in entries:
            for digest in _seen_by(log, entry):
                if (entry.work, digest) in found:
                    continue
                kept = vault is not None and vault.has(entry.work, digest)
                if vault is not None and kept:
                    later += vault.later(entry.work, digest)
                if kept or _is_last(log, entry.work, digest):
                    found[entry.work, digest] = None
    return tuple(found), later


def count_kept(log: Log, work: bytes) -> int:
    """Count what is kept of a work."""
    with opened_vault(log) as vault:
        sizes = [] if vault is None else vault.sizes()
    return sum(size.files for size in sizes if size.work == work)


def forget_kept(
    log: Log,
    kept: Sequence[tuple[bytes, bytes]],
    works: Iterable[bytes],
    unseal: Unseal | None,
) -> None:
    """Drop files from the vault, and all of whole works."""
    with opened_vault(log) as vault:
        if vault is None:
            return
        for work, digest in kept:
            vault.drop(work, digest, unseal)
        for work in works:
            vault.drop_work(work)


def forget_last(log: Log, work: bytes, digest: bytes) -> None:
    """Forget a session's last content, kept for comparison, where it is this one."""
    for path in _lasts(log, work, digest):
        log.run("forget_saved_of", work, path)


def sweep_kept(log: Log) -> bool:
    """Write the vault anew, so that nothing dropped stays in it; False if others read it."""
    with opened_vault(log) as vault:
        return True if vault is None else vault.sweep()


def _seen_by(log: Log, entry: Entry) -> list[bytes]:
    """Give the digests of the files that an event saw: an output, and the answer around it."""
    openings = log.openings(entry.id)
    if "after" in openings:
        return [openings["after"].value]
    if "body" in openings and parse_header(entry.header).action in _IN_BODY:
        body = json.loads(openings["body"].value)
        texts = (body.get("sha256"), body.get("raw"))
        return [bytes.fromhex(text) for text in texts if isinstance(text, str)]
    return []


def _is_last(log: Log, work: bytes, digest: bytes) -> bool:
    return bool(_lasts(log, work, digest))


def _lasts(log: Log, work: bytes, digest: bytes) -> list[str]:
    paths = []
    for path, *_ in log.fetch_all("seen_files", work):
        (saved,) = log.fetch_one("seen_saved", work, path)
        if saved is not None and sha256(zlib.decompress(saved)).digest() == digest:
            paths.append(path)
    return paths
