"""The vault of a ledger: what is kept of saves, undo logs and raw outputs, and for how long.

    vault.db    beside the log; encrypted to the age recipient of keys.json

Keeping asks nobody for a passphrase. A ledger without keys keeps nothing, and neither does
one whose owner said so; recording goes on in both. What cannot be kept is a problem that is
told, never a reason not to record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from stemproof.errors import BadInput, Locked, StemproofError, Usage
from stemproof.keys.public import read_public
from stemproof.log.sealedfile import Unseal, open_with
from stemproof.log.store import Log
from stemproof.log.vault import Fresh, Size, Vault, open_vault
from stemproof.record.event import format_time

__all__ = ["Fresh", "Retention", "Size", "Unseal", "keep", "keep_all", "open_with", "opened_vault"]

VAULT_FILE: Final = "vault.db"
KEEP_SETTING: Final = "vault.keep"
# The work and path of the save that was recorded last: it is kept right after that.
OWED_SETTING: Final = "vault.owed"
MAX_DAYS: Final = 36_500
MAX_BYTES: Final = 1 << 50
_SETTING: Final = re.compile(r"all|none|days [1-9]\d{0,4}|bytes [1-9]\d{0,15}")


@dataclass(frozen=True, slots=True)
class Retention:
    """What the user wants kept: everything, nothing, so many days or so many bytes."""

    days: int | None = None
    max_bytes: int | None = None
    is_off: bool = False

    def __post_init__(self) -> None:
        if self.days is not None and not 1 <= self.days <= MAX_DAYS:
            raise Usage(f"{self.days} days is no time to keep saves, want 1 to {MAX_DAYS}")
        if self.max_bytes is not None and not 1 <= self.max_bytes <= MAX_BYTES:
            raise Usage(f"{self.max_bytes} bytes is no size for a vault")

    @property
    def text(self) -> str:
        """The setting as it is stored."""
        if self.is_off:
            return "none"
        if self.days is not None:
            return f"days {self.days}"
        return "all" if self.max_bytes is None else f"bytes {self.max_bytes}"

    def told(self) -> str:
        """Say it as people do."""
        if self.is_off:
            return "nothing is kept from now on"
        if self.days is not None:
            return f"saves are kept for {self.days} days"
        if self.max_bytes is not None:
            return f"the newest {self.max_bytes / 1e9:g} GB are kept"
        return "everything is kept"


def read_retention(log: Log) -> Retention:
    """Read what the user wants kept; everything, where nothing was said."""
    text = log.setting(KEEP_SETTING) or "all"
    if not _SETTING.fullmatch(text):
        raise BadInput(f"the setting {KEEP_SETTING!r} is {text!r:.40}, want all, none, days, bytes")
    word, _, number = text.partition(" ")
    match word:
        case "none":
            return Retention(is_off=True)
        case "days":
            return Retention(days=int(number))
        case "bytes":
            return Retention(max_bytes=int(number))
        case _:
            return Retention()


def set_retention(log: Log, retention: Retention, moment: datetime) -> int:
    """Keep from now on what the user wants; give how many files were dropped for it."""
    with log.writing():
        log.put_setting(KEEP_SETTING, retention.text)
        log.put_setting(OWED_SETTING, "")
    with opened_vault(log) as vault:
        return 0 if vault is None else _prune(vault, retention, moment)


def keep(log: Log, fresh: Fresh, moment: datetime) -> str:
    """Keep a file as far as the user wants that; give why it could not be kept, or nothing."""
    return keep_all(log, (fresh,), moment)


def keep_all(log: Log, files: Sequence[Fresh], moment: datetime) -> str:
    """Keep files as `keep` does one, in one opening of the vault."""
    try:
        retention = read_retention(log)
        if retention.is_off:
            return ""
        with opened_vault(log, make=True) as vault:
            # Each is durable by itself: a list, since all are to be kept.
            if vault is not None and any([vault.keep(fresh) for fresh in files]):
                _prune(vault, retention, moment)
    except StemproofError as error:
        return str(error)
    return ""


def is_kept(log: Log, work: bytes, digest: bytes) -> bool:
    """Say whether a file is kept, as far as can be told; what cannot be used is told by `keep`."""
    try:
        with opened_vault(log) as vault:
            return vault is not None and vault.has(work, digest)
    except StemproofError:
        return True


@contextmanager
def opened_vault(log: Log, *, make: bool = False) -> Iterator[Vault | None]:
    """Open a ledger's vault; None where it has none yet, or no keys to encrypt to."""
    home = log.path.parent
    path = home / VAULT_FILE
    recipient = _recipient(home)
    if recipient is None or not (make or path.exists()):
        yield None
        return
    with open_vault(path, recipient) as vault:
        yield vault


def vault_sizes(log: Log) -> list[Size]:
    """Tell what is kept, by work and kind."""
    with opened_vault(log) as vault:
        return [] if vault is None else vault.sizes()


def vault_bytes(log: Log) -> int:
    """Tell how much room the vault takes up on the disk."""
    path = log.path.parent / VAULT_FILE
    return sum(
        beside.stat().st_size
        for beside in (path, path.with_name(f"{VAULT_FILE}-wal"))
        if beside.exists()
    )


def tell_size(count: int) -> str:
    """Write a number of bytes as people do, in the units in which disks are sold."""
    for unit, length in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= length:
            return f"{count / length:.1f} {unit}"
    return f"{count} bytes"


def _prune(vault: Vault, retention: Retention, moment: datetime) -> int:
    if retention.days is not None:
        return vault.drop_older(format_time(moment - timedelta(days=retention.days)))
    if retention.max_bytes is not None:
        return vault.drop_beyond(retention.max_bytes)
    return 0


def _recipient(home: Path) -> str | None:
    try:
        return read_public(home).age_recipient
    except (Locked, BadInput):
        return None
