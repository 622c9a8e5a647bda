"""How things stand: what is recorded, what is anchored, and what needs a person next.

Reads the ledger folder and nothing else: no chain, no node, no keys.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from stemproof.acts.anchors import LOST, OPEN_STATES, Anchor, is_replaced, list_anchors
from stemproof.acts.automatic import tell_standing
from stemproof.acts.backing import BACKUP_SETTING
from stemproof.acts.begin import Work, list_works
from stemproof.acts.gather import covered_size
from stemproof.acts.home import Home, now, opened
from stemproof.acts.keeping import WORDS_SETTING
from stemproof.acts.revoking import is_log_ended
from stemproof.acts.stamps import RENEW_WITHIN, Record, list_stamps
from stemproof.acts.unreadable import read_unreadable, reason
from stemproof.acts.vault import read_retention, tell_size, vault_bytes
from stemproof.acts.watching import is_watched
from stemproof.record.event import format_time, parse_time

if TYPE_CHECKING:
    from stemproof.log.store import Log
    from stemproof.record.canonical import Json

# A lost computer then costs at most a week of history.
BACKUP_AGE: Final = timedelta(days=7)
# A transaction that offers enough is in a block within minutes.
STUCK_AGE: Final = timedelta(hours=1)
# Calendars put what they gathered into Bitcoin within hours.
PROMISE_AGE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class WorkStanding:
    """One work: its events over all devices' logs, and how many of them a block covers.

    Of those that no block covers, `loose` are in the log that is written here, so that anchoring
    covers them; `left` are in earlier logs, which it does not reach.
    """

    work: Work
    is_there: bool
    events: int
    anchored: int
    loose: int
    left: int
    unreadable: dict[str, str]

    @property
    def state(self) -> str:
        """One word or two for the table."""
        if self.work.paused:
            return "paused"
        return "recording" if self.is_there else "folder gone"


@dataclass(frozen=True, slots=True)
class Need:
    """Something that only a person can do, and the command for it (empty where there is none)."""

    text: str
    command: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A whole ledger at one moment."""

    path: str
    moment: datetime
    works: tuple[WorkStanding, ...]
    anchors: tuple[Anchor, ...]
    is_watched: bool
    copied: str | None
    words_backed_up: str | None
    last_backup: str | None
    vault_bytes: int
    vault_keep: str
    is_rehearsal_gone: bool
    is_log_ended: bool
    # The rule of `anchor --auto`, and why it waits.
    automatic: tuple[str, ...] = ()
    stamps: tuple[Record, ...] = ()

    @property
    def waiting(self) -> tuple[Anchor, ...]:
        """The anchors that are not final yet, or failed and were not followed by another."""
        last = self.anchors[-1:]
        return tuple(
            anchor
            for anchor in self.anchors
            if anchor.state in OPEN_STATES
            or (anchor.state == "failed" and anchor in last and not self._is_replaced(anchor))
        )

    def _is_replaced(self, anchor: Anchor) -> bool:
        return is_replaced(anchor, self.anchors)

    def needs(self) -> list[Need]:
        """List what needs a person, the most pressing first."""
        return [
            *self._needs_of_ledger(),
            *self._needs_of_works(),
            *self._needs_of_chain(),
            *self._needs_of_stamps(),
        ]

    def rows(self) -> list[tuple[str, str, str, str, str]]:
        """Give the table: work, events, anchored, state, folder."""
        return [
            (
                one.work.title,
                str(one.events),
                str(one.anchored),
                one.state if self.is_watched or one.state != "recording" else "not watched",
                str(one.work.folder),
            )
            for one in self.works
        ]

    def lines(self) -> list[str]:
        """Tell in sentences what the table has no room for."""
        told = [f"watch: {'running' if self.is_watched else 'not running'}"]
        changes = [one.work.last_change for one in self.works if one.work.last_change]
        if changes:
            told.append(f"last change seen: {self._ago(max(changes))}")
        for anchor in self.waiting:
            told.append(
                f"anchor {anchor.number} on chain {anchor.chain}: {anchor.state},"
                f" {_amount(anchor.size, 'event')}, made {self._ago(anchor.made)}"
            )
        lost = sum(anchor.state == LOST for anchor in self.anchors)
        if lost:
            told.append(f"{_amount(lost, 'anchor')} lost on a rehearsal chain that is no more")
        kept = "never" if self.last_backup is None else self._ago(self.last_backup)
        told.append(f"last backup: {kept}")
        told += self.automatic
        if self.vault_bytes:
            told.append(f"vault: {tell_size(self.vault_bytes)} of saves; {self.vault_keep}")
        for one in self.works:
            if one.left:
                told.append(
                    f"without a timestamp in an earlier log: {_amount(one.left, 'event')} of"
                    f" {one.work.title!r}; a device that still writes that log can get one, unless"
                    " the log was ended"
                )
            for path, why in sorted(one.unreadable.items()):
                told.append(f"unreadable in {one.work.title!r}: {path}: {reason(path, why)}")
        for need in self.needs():
            told.append(f"next: {need.text}" + (f": {need.command}" if need.command else ""))
        return told

    def as_json(self) -> dict[str, Json]:
        """Give the same facts as one document."""
        return {
            "v": 0,
            "ledger": self.path,
            "watch_running": self.is_watched,
            "copied": self.copied,
            "words_backed_up": self.words_backed_up,
            "last_backup": self.last_backup,
            "vault": {"bytes": self.vault_bytes, "keep": self.vault_keep},
            "automatic": list(self.automatic),
            "works": [_work_json(one) for one in self.works],
            "anchors_lost": [_anchor_json(a) for a in self.anchors if a.state == LOST],
            "anchors_waiting": [_anchor_json(anchor) for anchor in self.waiting],
            "needs": [{"text": need.text, "command": need.command} for need in self.needs()],
        }

    def _needs_of_ledger(self) -> Iterator[Need]:
        if self.copied is not None:
            yield Need(f"nothing is recorded here, {self.copied}", "stemproof key new-device")
        if not self.words_backed_up:
            yield Need("write down the words that restore your keys", "stemproof key backup")
        if not self.works:
            yield Need("add the folder of a song", "stemproof start DIR")
        elif self.last_backup is None:
            yield Need("make a first backup of your history", "stemproof backup FILE")
        elif self.moment - parse_time(self.last_backup) > BACKUP_AGE:
            age = self._ago(self.last_backup)
            yield Need(f"make a backup; the last one was {age}", "stemproof backup FILE")

    def _needs_of_works(self) -> Iterator[Need]:
        for one in self.works:
            name = shlex.quote(one.work.title)
            if not one.is_there:
                move = f"stemproof work move {name} DIR"
                yield Need(f"the folder of {one.work.title!r} is not there", move)
            if one.work.paused:
                yield Need(f"recording {one.work.title!r} is paused", f"stemproof resume {name}")
            if one.unreadable:
                files = _amount(len(one.unreadable), "file")
                # What helps differs: a newer program, a permission, a save that is whole.
                yield Need(f"see above why {files} of {one.work.title!r} cannot be read", "")
        recording = any(one.state == "recording" for one in self.works)
        if recording and not self.is_watched and self.copied is None:
            yield Need("nobody watches; what changes now is recorded later as not watched", _WATCH)

    def _needs_of_chain(self) -> Iterator[Need]:
        if self.is_rehearsal_gone:
            text = "the state of the rehearsal chain is gone, and the timestamps on it are lost"
            yield Need(text, "stemproof testnet up")
        if self.is_log_ended:
            yield Need("this log was ended on chain; begin another", "stemproof key new-device")
            return
        loose = sum(one.loose for one in self.works)
        failed = any(anchor.state == "failed" for anchor in self.waiting)
        stuck = [a for a in self.waiting if a.block_hash is None and self._is_old(a)]
        if failed:
            yield Need("the last anchor failed", "stemproof anchor")
        elif stuck:
            text = f"the anchor sent {self._ago(stuck[0].made)} is in no block yet; raise its fee"
            yield Need(text, "stemproof anchor --bump")
        elif any(anchor.state in OPEN_STATES for anchor in self.waiting):
            yield Need("see whether the anchor is final", "stemproof anchor")
        elif loose:
            events = _amount(loose, "event")
            yield Need(f"{events} not timestamped yet", "stemproof anchor")

    def _needs_of_stamps(self) -> Iterator[Need]:
        slow = self.moment - PROMISE_AGE
        late = [s for s in self.stamps if s.is_pending and parse_time(s.made) < slow]
        if late:
            text = f"{_amount(len(late), 'timestamp')} not in Bitcoin yet when last asked"
            yield Need(text, "stemproof stamp upgrade")
        soon = (self.moment + RENEW_WITHIN).timestamp()
        ends = [s.ends for s in self.stamps if s.ends is not None and s.ends < soon]
        if ends:
            day = datetime.fromtimestamp(min(ends), UTC).date().isoformat()
            text = f"an authority's timestamp holds until {day} only"
            yield Need(text, "stemproof stamp renew")

    def _is_old(self, anchor: Anchor) -> bool:
        return self.moment - parse_time(anchor.made) > STUCK_AGE

    def _ago(self, time: str) -> str:
        return tell_age(self.moment - parse_time(time))


_WATCH: Final = "stemproof watch"


def look_at(home: Home, moment: datetime | None = None) -> Standing:
    """Look at a ledger as it stands."""
    from stemproof.keys.device import is_copied

    with opened(home) as log:
        works = tuple(_look_at_work(log, work) for work in list_works(log))
        anchors = tuple(a for number, _ in log.fetch_all("logs") for a in list_anchors(log, number))
        return Standing(
            path=str(home.path),
            moment=now() if moment is None else moment,
            works=works,
            anchors=anchors,
            is_watched=is_watched(home),
            copied=is_copied(home.path),
            words_backed_up=log.setting(WORDS_SETTING) or None,
            last_backup=log.setting(BACKUP_SETTING),
            vault_bytes=vault_bytes(log),
            vault_keep=read_retention(log).told(),
            is_rehearsal_gone=_is_rehearsal_gone(home, log, anchors),
            is_log_ended=is_log_ended(log),
            stamps=tuple(list_stamps(log)),
            automatic=tuple(tell_standing(log, now() if moment is None else moment)),
        )


def tell_age(age: timedelta) -> str:
    """Say how long ago something was, as people do."""
    seconds = int(age.total_seconds())
    if seconds < 0:
        return "in the future by this computer's clock"
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            return f"{_amount(seconds // length, unit)} ago"
    return "just now"


def _is_rehearsal_gone(home: Home, log: Log, anchors: tuple[Anchor, ...]) -> bool:
    """Whether the ledger's own local chain holds anchors and has no state to start with."""
    from stemproof.anchor.chains import LOCAL_CHAIN_ID
    from stemproof.testnet.state import StateDir

    here = [a for a in anchors if a.chain == LOCAL_CHAIN_ID and a.state in ("anchored", "final")]
    kept = StateDir(home.testnet)
    # Where a node was named, the chain is somebody else's to keep.
    is_own = log.setting("rpc") is None
    return bool(here) and is_own and not (kept.state.exists() or kept.good.exists())


def _look_at_work(log: Log, work: Work) -> WorkStanding:
    trees = [(tree, number) for tree, number, _ in log.fetch_all("trees_of_work", work.id)]
    sizes = {number: log.tree_size(tree) for tree, number in trees}
    covered = {number: covered_size(log, number, tree) for tree, number in trees}
    here = log.number
    return WorkStanding(
        work=work,
        is_there=work.folder.is_dir(),
        events=sum(sizes.values()),
        anchored=sum(covered.values()),
        loose=sizes.get(here, 0) - covered.get(here, 0),
        left=sum(sizes[number] - covered[number] for number in sizes if number != here),
        unreadable=read_unreadable(log, work.id),
    )


def _amount(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _work_json(one: WorkStanding) -> dict[str, Json]:
    return {
        "id": one.work.id.hex(),
        "title": one.work.title,
        "folder": str(one.work.folder),
        "folder_is_there": one.is_there,
        "paused": one.work.paused,
        "events": one.events,
        "anchored": one.anchored,
        "not_anchored_here": one.loose,
        "not_anchored_elsewhere": one.left,
        "last_change": one.work.last_change or None,
        "unreadable": {path: why for path, why in sorted(one.unreadable.items())},
    }


def _anchor_json(anchor: Anchor) -> dict[str, Json]:
    return {
        "number": anchor.number,
        "chain": anchor.chain,
        "state": anchor.state,
        "events": anchor.size,
        "transaction": anchor.tx.hex(),
        "made": format_time(parse_time(anchor.made)),
    }
