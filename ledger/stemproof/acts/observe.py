"""From files that changed to events: each save its decisions, each audio file its digests.

    observed = observe(log, work, Look(moment=now, live=False, bound=lambda: None))

A save counts as seen live only where a watch was on from the save before; what changed
while nobody watched is recorded with class `unknown`. One save is one transaction: its
events and the new state of the file are durable together, or not at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from stemproof.acts.begin import Work
from stemproof.acts.changes import find_changes
from stemproof.acts.desk import (
    QUIET,
    Bound,
    Desk,
    Line,
    Look,
    Observed,
    read_seen,
    with_clock,
)
from stemproof.acts.ears import Answer
from stemproof.acts.facts import fact
from stemproof.acts.failing import Failed, contained
from stemproof.acts.inbox import welcome
from stemproof.acts.marks import record_marks
from stemproof.acts.saves import (
    record_failed,
    record_gone,
    record_known_content,
    record_save,
    record_unreadable,
)
from stemproof.acts.sound import NO_DIGEST, Heard, hear
from stemproof.acts.survey import Found, survey
from stemproof.acts.undone import record_undo_logs
from stemproof.acts.unreadable import Reason, note_unreadable
from stemproof.errors import Unavailable
from stemproof.log.store import Log

__all__ = [
    "QUIET",
    "Bound",
    "Line",
    "Look",
    "Observed",
    "observe",
    "record_answer",
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
    absent = absent_audio(desk)
    for found in changes.audio:
        if found.path not in but:
            hear_and_record(desk, found, absent)
    for path in sorted(desk.missing - set(but)):
        record_gone(desk, path)
    return desk.observed


def record_sessions(desk: Desk, sessions: Iterable[Found]) -> None:
    """Record sessions that changed, oldest save first, each in a transaction of its own."""
    desk.settle(desk.look.moment())
    for found in sessions:
        with apart(desk, found):
            record_save(desk, found)
    record_undo_logs(desk)


@contextmanager
def apart(desk: Desk, found: Found) -> Iterator[None]:
    """Do what concerns one file; where this program itself fails on it, record that and go on."""
    try:
        with contained(desk.ledger, desk.work.id, found.path):
            yield
    except Failed as error:
        record_failed(desk, found, error)


def hear_and_record(desk: Desk, found: Found, absent: frozenset[bytes]) -> None:
    """Hear one audio file here and now, and record it."""
    live = desk.is_live(found, desk.look.moment())
    try:
        with apart(desk, found):
            heard = hear(desk.work.folder, found, known=known_audio(desk, found, absent), live=live)
            if heard is not None and not record_audio(desk, heard):
                heard = hear(desk.work.folder, found, live=live)
                if heard is not None:
                    record_audio(desk, heard)
    except Unavailable as error:
        # A program is missing: nothing is wrong with the file, and it will be heard later.
        put_off(desk, found, str(error))


def absent_audio(desk: Desk) -> frozenset[bytes]:
    """Give the digests of audio that is no longer where it was: a new file may be one of it."""
    return frozenset(
        state.digest
        for path, state in desk.seen.items()
        if state.kind == "audio" and (path in desk.missing or state.is_gone)
    ) - {NO_DIGEST}


def known_audio(desk: Desk, found: Found, absent: frozenset[bytes]) -> frozenset[bytes]:
    """Give the digests by which a file would be an old one: touched, moved or come back."""
    state = desk.seen.get(found.path)
    return absent if state is None else absent | ({state.digest} - {NO_DIGEST})


def record_audio(desk: Desk, heard: Heard) -> bool:
    """Record an audio file that was heard; False if it must be heard again, to the end."""
    found, known = heard.found, desk.seen.get(heard.found.path)
    if heard.digest != NO_DIGEST and record_known_content(desk, found, heard.digest):
        return True
    if heard.why:
        record_unreadable(desk, found, heard.digest, Reason(heard.why, heard.hint))
        return True
    if not heard.body:
        # It was known as a file that another one has turned out to be.
        return False
    verb = "appeared" if known is None or known.is_gone else "changed"
    moment = desk.look.moment()
    seen, first = welcome(desk.log, heard, desk.work.id)
    with desk.writing(moment) as sitting:
        body = with_clock(heard.body, sitting)
        draft = fact(f"audio.{verb}", moment, body, session=sitting.label, extra=heard.commitments)
        (event,) = desk.log.append(desk.work.id, [draft])
        seen = replace(seen, session=sitting.label, event=event)
        marks = record_marks(desk.log, desk.work.id, seen, first, moment)
        desk.put(found, heard.digest, None)
        note_unreadable(desk.log, desk.work.id, found.path, None)
    desk.observed.audio += 1
    desk.say(found.path, f"audio {verb}, {_length(heard)}")
    for says in marks:
        desk.say(found.path, says)
    return True


def record_answer(desk: Desk, answer: Answer) -> bool:
    """Record what became of hearing a file; False if it must be looked at again."""
    if answer.failed is not None:
        record_failed(desk, answer.job.found, answer.failed)
        return True
    if answer.heard is None:
        return False
    is_recorded = True
    with apart(desk, answer.job.found):
        is_recorded = record_audio(desk, answer.heard)
    return is_recorded


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
