"""From files that changed to events: each save its decisions, each audio file its digests.

    observed = observe(log, work, Look(moment=now, live=False, bound=lambda: None))

A save counts as seen live only where a watch was on from the save before; what changed
while nobody watched is recorded with class `unknown`. One save is one transaction: its
events and the new state of the file are durable together, or not at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from stemproof.acts.begin import Work
from stemproof.acts.changes import Changes, find_changes
from stemproof.acts.desk import (
    QUIET,
    Bound,
    Desk,
    Line,
    Look,
    Observed,
    read_seen,
)
from stemproof.acts.facts import fact
from stemproof.acts.saves import (
    record_gone,
    record_known_content,
    record_save,
    record_unreadable,
)
from stemproof.acts.sound import NO_DIGEST, Heard, hear
from stemproof.acts.survey import Found, survey
from stemproof.acts.unreadable import note_unreadable
from stemproof.errors import Unavailable
from stemproof.log.store import Log

__all__ = [
    "QUIET",
    "Bound",
    "Line",
    "Look",
    "Observed",
    "lay_out",
    "observe",
    "record_audio",
    "record_sessions",
    "watch_facts",
]


def observe(log: Log, work: Work, look: Look, *, but: Collection[str] = ()) -> Observed:
    """Look once at a work's folder and record what changed; `but` names what is left for later."""
    seen = read_seen(log, work)
    changes = find_changes(work.folder, survey(work.folder), seen)
    desk = Desk(log, work, look, seen, missing=set(changes.missing))
    desk.observed.problems += changes.problems
    record_sessions(desk, [found for found in changes.sessions if found.path not in but])
    for found in changes.audio:
        if found.path not in but:
            hear_and_record(desk, found)
    for path in sorted(desk.missing - set(but)):
        record_gone(desk, path)
    return desk.observed


def lay_out(log: Log, work: Work, look: Look, changes: Changes) -> Desk:
    """Prepare the desk for changes that were found and have settled."""
    return Desk(log, work, look, read_seen(log, work), missing=set(changes.missing))


def record_sessions(desk: Desk, sessions: Iterable[Found]) -> None:
    """Record sessions that changed, oldest save first, each in a transaction of its own."""
    for found in sessions:
        record_save(desk, found)


def hear_and_record(desk: Desk, found: Found) -> None:
    """Hear one audio file here and now, and record it."""
    live = desk.is_live(found, desk.look.moment())
    try:
        heard = hear(desk.work.folder, found, known=known_audio(desk, found), live=live)
    except Unavailable as error:
        # A program is missing: nothing is wrong with the file, and it will be heard later.
        put_off(desk, found, str(error))
        return
    if heard is not None:
        record_audio(desk, heard)


def known_audio(desk: Desk, found: Found) -> frozenset[bytes]:
    """Give the digests by which a file would be an old one, touched, moved or come back."""
    return frozenset(
        state.digest
        for path, state in desk.seen.items()
        if state.kind == "audio"
        and state.digest != NO_DIGEST
        and (path == found.path or path in desk.missing or state.is_gone)
    )


def record_audio(desk: Desk, heard: Heard) -> None:
    """Record an audio file that was heard."""
    found, known = heard.found, desk.seen.get(heard.found.path)
    if heard.digest != NO_DIGEST and record_known_content(desk, found, heard.digest):
        return
    if heard.why:
        record_unreadable(desk, found, heard.digest, heard.why)
        return
    if not heard.body:
        # Another file took the place that it was known from; the next look hears it.
        return
    verb = "appeared" if known is None or known.is_gone else "changed"
    moment = desk.look.moment()
    with desk.writing(moment) as sitting:
        draft = fact(
            f"audio.{verb}", moment, heard.body, session=sitting.label, extra=heard.commitments
        )
        desk.log.append(desk.work.id, [draft])
        desk.put(found, heard.digest, None)
        note_unreadable(desk.log, desk.work.id, found.path, None)
    desk.observed.audio += 1
    desk.say(found.path, f"audio {verb}, {_length(heard)}")


def put_off(desk: Desk, found: Found, why: str) -> None:
    """Tell that a file cannot be heard on this computer for now."""
    with desk.log.writing():
        note_unreadable(desk.log, desk.work.id, found.path, why)
    desk.observed.problems.append(f"{found.path}: {why}")


def watch_facts(
    log: Log, works: Iterable[Work], action: str, moment: datetime, monotonic_ms: int
) -> None:
    """Record that a watch opened, is alive, paused or closed, by both clocks."""
    for work in works:
        log.append(work.id, [fact(action, moment, {"monotonic_ms": monotonic_ms})])


def _length(heard: Heard) -> str:
    seconds, thousandths = divmod(int(str(heard.body["duration_ms"])), 1000)
    return f"{seconds // 60}:{seconds % 60:02d}.{thousandths // 100}"
