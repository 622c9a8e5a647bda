"""Backup and restore of a whole ledger: the words restore the keys, this the history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stemproof.acts.home import Home, opened
from stemproof.acts.keeping import check_place, restore_keys
from stemproof.errors import BadInput, Usage
from stemproof.log.store import Log
from stemproof.record.event import parse_header

if TYPE_CHECKING:
    from stemproof.keys.ring import Keys
    from stemproof.log.backupfile import Report

BACKUP_SETTING: Final = "last_backup"
# The local chain, its program, locks and a device's anchor-only key can all be had again.
NOT_SAVED: Final = ("testnet", "tools", "locks", "delegate")
_PAGE = 4096
_ERASED = b'"action":"record.erased"'


@dataclass(frozen=True, slots=True)
class Restored:
    """What a backup held, and the keys under which this folder goes on."""

    report: Report
    keys: Keys


def back_up(home: Home, target: Path, moment: datetime) -> Report:
    """Add the present state of the ledger to a backup file, or begin one; needs no unlocking."""
    from stemproof.keys.public import read_public
    from stemproof.log.backup import write_backup
    from stemproof.log.restore import find_last_backup

    check_place(home)
    check_target(target)
    public = read_public(home.path)
    with opened(home) as log:
        erased = _newest_erasure(log)
    last = find_last_backup(home.path, target) if target.exists() and erased else None
    if last is not None and erased is not None and last.made <= erased:
        raise BadInput(
            f"{target} still holds what was erased from the ledger on {erased[:10]}",
            hint="begin a new file under another name, then destroy this one",
        )
    report = write_backup(
        home.path, target, recipients=[public.age_recipient], now=moment, skip=NOT_SAVED
    )
    with opened(home) as log:
        log.put_setting(BACKUP_SETTING, report.made)
    return report


def check_target(target: Path) -> None:
    """Refuse a place where no backup can be begun."""
    folder = target.absolute().parent
    if not folder.is_dir():
        raise BadInput(
            f"there is no folder {folder} to put the backup in",
            hint="make it first; if it is on another disk, see that the disk is there",
        )
    if target.is_dir():
        example = target / "ledger.backup"
        raise BadInput(f"{target} is a folder", hint=f"name a file in it: {example}")


def check_source(home: Home, source: Path) -> None:
    """Refuse what cannot be restored before anybody is asked for words."""
    from stemproof.log.backupfile import disk_errors, open_source

    if not source.is_file():
        raise BadInput(f"there is no backup at {source}", hint="name the file of a backup")
    with disk_errors(source), open_source(source):
        pass
    into = home.path
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise Usage(
            f"{into} is not an empty folder; a backup is never mixed with other files",
            hint="restore into another folder with --home",
        )


def restore_backup(
    home: Home, source: Path, words: str, passphrase: str, moment: datetime
) -> Restored:
    """Put a backup into an empty ledger folder, and go on there as a new device."""
    from stemproof.keys import derive
    from stemproof.keys.words import parse_words
    from stemproof.log.restore import read_backup

    identity = derive.age_identity_of(derive.derive(parse_words(words)).age)
    report = read_backup(source, identity, home.path)
    # After a crash here the folder has no device mark: `key restore` finishes the work.
    keys = restore_keys(home, passphrase, words, moment)
    with opened(home) as log:
        log.put_setting(BACKUP_SETTING, report.made)
    return Restored(report, keys)


def _newest_erasure(log: Log) -> str | None:
    """Find when something was last erased; None where nothing ever was."""
    newest, after = None, -1
    while entries := log.entries_after(after, _PAGE):
        after = entries[-1].id
        for entry in entries:
            if _ERASED in entry.header:
                newest = max(newest or "", parse_header(entry.header).time)
    return newest
