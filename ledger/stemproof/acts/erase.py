"""Erasing: what opens an event is deleted for ever, its header and place stay.

A header's commitments say nothing without their salts. Who erases leaves a `record.erased`
event that names the events and fields, never what they held. A log's own entries, which bind
its keys, are not erased: without them nothing of the log could be checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from stemproof.acts.anchors import list_anchors
from stemproof.acts.backing import BACKUP_SETTING
from stemproof.acts.begin import Work, list_works
from stemproof.acts.facts import fact
from stemproof.acts.failing import forget_reports
from stemproof.acts.forgetting import (
    Unseal,
    count_kept,
    forget_kept,
    forget_last,
    kept_files,
    sweep_kept,
)
from stemproof.acts.steps import forget_steps
from stemproof.acts.vault import OWED_SETTING
from stemproof.errors import BadInput, Unavailable, Usage
from stemproof.log.store import OWN_WORK, Entry, Log
from stemproof.record.canonical import Json
from stemproof.record.event import Header, parse_header

ERASED: Final = "record.erased"
# What is told of undo logs, of which digests are kept beside the log.
_STEPS: Final = frozenset({"undo.read", "undo.entry"})


@dataclass(frozen=True, slots=True)
class Target:
    """One event of which something is to be erased."""

    entry: Entry
    header: Header
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is to be erased; of whole works also the saves kept for comparison.

    `kept` are files in the vault by work and digest; `later` counts those that can be read
    only with them, and are written anew where the keys are unlocked, else erased too.
    """

    targets: tuple[Target, ...]
    whole_works: tuple[Work, ...] = ()
    saves: int = 0
    kept: tuple[tuple[bytes, bytes], ...] = ()
    kept_of_works: int = 0
    later: int = 0

    @property
    def works(self) -> tuple[bytes, ...]:
        """The works that lose something."""
        found = [target.entry.work for target in self.targets]
        return tuple(dict.fromkeys([*found, *(work.id for work in self.whole_works)]))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to erase."""
        return not (self.targets or self.saves or self.kept or self.kept_of_works)


def plan_events(log: Log, events: Iterable[int]) -> Plan:
    """Plan to erase all that opens certain events."""
    targets = []
    for event in sorted(set(events)):
        entry = log.entry(event)
        if entry is None:
            raise Usage(f"there is no event {event}", hint="`stemproof log show` numbers them")
        header = parse_header(entry.header)
        if entry.work == OWN_WORK:
            raise BadInput(
                f"event {event} ({header.action}) belongs to the log itself and binds its keys:"
                " without it nothing in this log could be checked"
            )
        if header.action == ERASED:
            raise BadInput(f"event {event} only says what was erased, and stays")
        fields = tuple(log.openings(event))
        if fields:
            targets.append(Target(entry, header, fields))
    kept, later = kept_files(log, [target.entry for target in targets])
    return Plan(tuple(targets), kept=kept, later=later)


def plan_work(log: Log, work: Work) -> Plan:
    """Plan to erase all that opens the events of a work, and the saves kept of it."""
    rows = log.fetch_all("openings_of_work", work.id)
    (saves,) = log.fetch_one("count_saved", work.id)
    return Plan(tuple(_targets(log, rows)), (work,), saves, kept_of_works=count_kept(log, work.id))


def plan_prompts(log: Log, work: Work | None) -> Plan:
    """Plan to erase every prompt, or those of one work."""
    targets = _targets(log, log.fetch_all("openings_of_field", "prompt"))
    return Plan(tuple(item for item in targets if work is None or item.entry.work == work.id))


def erase(log: Log, plan: Plan, moment: datetime, unseal: Unseal | None = None) -> bool:
    """Erase, and record that it was done; False if the old bytes could not be swept out yet.

    `unseal` reads saves that are written as a difference from one that goes.
    """
    if not plan.is_empty:
        # First: while events still name what they saw, this can be done again after a crash.
        forget_kept(log, plan.kept, [work.id for work in plan.whole_works], unseal)
        _delete(log, plan, moment)
    try:
        return sweep_kept(log) and log.sweep()
    except Unavailable:
        # Erased it is, but another process holds the pages, or there is no room for new ones.
        return False


def _delete(log: Log, plan: Plan, moment: datetime) -> None:
    with log.writing():
        for target in plan.targets:
            for field in target.fields:
                log.run("erase_opening", target.entry.id, field)
        for work_id, digest in plan.kept:
            forget_last(log, work_id, digest)
        for work in plan.whole_works:
            log.run("forget_saved", work.id)
            log.run("put_title", nameless(work), work.id)
            log.put_setting(f"unreadable.{work.id.hex()}", "{}")
            forget_reports(log.path.parent, work.id)
            if (log.setting(OWED_SETTING) or "").startswith(work.id.hex()):
                log.put_setting(OWED_SETTING, "")
        origins = dict(log.fetch_all("logs"))
        for work_id in plan.works:
            own = [target for target in plan.targets if target.entry.work == work_id]
            is_whole = any(work.id == work_id for work in plan.whole_works)
            if is_whole or any(target.header.action in _STEPS for target in own):
                forget_steps(log, work_id)
            saves = plan.saves if is_whole else 0
            kept = plan.kept_of_works if is_whole else 0
            kept += sum(work == work_id for work, _ in plan.kept)
            body: dict[str, Json] = {
                "erased": _listed(own, origins),
                "saves": saves,
                "kept": kept,
            }
            log.append(work_id, [fact(ERASED, moment, body)])


def nameless(work: Work) -> str:
    """Give what a work is called once its title is erased: the start of its id."""
    return work.id.hex()[:12]


def consequences(plan: Plan) -> list[str]:
    """Tell in sentences what can never be shown again once single events are erased."""
    whole = {work.id for work in plan.whole_works}
    told = []
    for action, what in _SHOWN_BY.items():
        events = [
            str(target.entry.id)
            for target in plan.targets
            if target.entry.work not in whole
            and target.header.action == action
            and "body" in target.fields
        ]
        if events:
            told.append(f"event {_few(events)}: {what}")
    return told


_SHOWN_BY: Final = {
    "work.open": "where the work begins; nothing shows its first title then",
    "session.open": "where a session begins; no claim shows then when it was begun",
    "audio.appeared": "a recorded file; no claim can name it then",
    "audio.changed": "a recorded file; no claim can name it then",
    "claim.made": "a claim; its bundle cannot be written again then",
}


def beyond_reach(log: Log, plan: Plan) -> list[str]:
    """Tell in sentences where what is erased may still be."""
    told = []
    last = log.setting(BACKUP_SETTING)
    if last is not None:
        told.append(
            f"backups up to {last[:10]} still hold it: begin a new file with"
            " `stemproof backup`, then destroy the old one"
        )
    pins = [row[0] for row in log.fetch_all("pins") if row[1] in plan.works]
    if pins:
        files = "1 pinned file stays" if len(pins) == 1 else f"{len(pins)} pinned files stay"
        told.append(f"{files} with whoever has fetched them: {_few(pins)}")
    claims = sum(_count_claims(log, work) for work in plan.works)
    if claims:
        told.append(
            f"bundles issued for {'1 claim' if claims == 1 else f'{claims} claims'}"
            " still show what they disclosed"
        )
    anchors = sum(len(list_anchors(log, number)) for number, _ in log.fetch_all("logs"))
    if anchors:
        told.append(
            f"{'1 anchor stays' if anchors == 1 else f'{anchors} anchors stay'} on chain,"
            f" {'it holds' if anchors == 1 else 'they hold'} hashes only"
        )
    if plan.whole_works:
        told.append(
            "the path of its folder stays in the list of works, for it is recorded on, and so do"
            " the files in it"
        )
    told.append("copies of the ledger folder, and blocks that the disk itself has not overwritten")
    return told


def _targets(log: Log, rows: Sequence[tuple[int, int, str]]) -> list[Target]:
    found = []
    for event, fields in groupby(rows, key=lambda row: row[0]):
        entry = log.entry(event)
        if entry is None or entry.work == OWN_WORK:
            continue
        header = parse_header(entry.header)
        if header.action != ERASED:
            found.append(Target(entry, header, tuple(row[2] for row in fields)))
    return found


def _listed(targets: Sequence[Target], origins: dict[int, str]) -> list[Json]:
    """List events as ranges of work_seq, for each log and set of fields."""
    sets: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    for target in targets:
        key = origins[target.entry.log], target.fields
        sets.setdefault(key, []).append(target.entry.work_seq)
    return [
        {"log": origin, "fields": list(fields), "events": _ranges(sorted(numbers))}
        for (origin, fields), numbers in sorted(sets.items())
    ]


def _ranges(numbers: Sequence[int]) -> list[Json]:
    """Write ascending numbers as pairs of first and last."""
    runs: list[list[Json]] = []
    last = -2
    for number in numbers:
        if number == last + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
        last = number
    return list(runs)


def _count_claims(log: Log, work: bytes) -> int:
    mark = b'"action":"claim.made"'
    return sum(
        mark in data
        for tree, _, _ in log.fetch_all("trees_of_work", work)
        for data in log.headers(tree, 0, log.tree_size(tree))
    )


def _few(items: Sequence[str]) -> str:
    return ", ".join(items[:3]) + (f" and {len(items) - 3} more" if len(items) > 3 else "")


def title_of(log: Log, work: bytes) -> str:
    """Give a work's title in this ledger's list, or the start of its id."""
    titles = {known.id: known.title for known in list_works(log)}
    return titles.get(work, work.hex()[:12])
