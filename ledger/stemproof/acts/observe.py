"""From files that changed to events: each save its decisions, each audio file its digests.

A save counts as seen live only where a watch was on from the save before; what changed
while nobody watched is recorded with class `unknown`. One save is one transaction: its
events and the new state of the file are durable together, or not at all.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stemproof.acts.begin import Work, find_work
from stemproof.acts.facts import fact
from stemproof.acts.survey import Found, read_session_file, survey
from stemproof.capture.diff import diff
from stemproof.capture.rules import classify, rules_version
from stemproof.capture.sessions.registry import read_session
from stemproof.errors import BadInput
from stemproof.log.store import Draft, Log
from stemproof.record.canonical import Json, canonical_bytes
from stemproof.record.event import format_time, parse_time

if TYPE_CHECKING:
    from stemproof.capture.decision import Decision
    from stemproof.capture.sessions.model import Session

QUIET: Final = timedelta(minutes=30)
_NO_DIGEST: Final = bytes(32)
_VERSION_MARK = re.compile(r"(?i)[ _.-]*(v(er)?\.?)?[ _.-]*\d{1,4}$|[ _-]*(final|new|copy|alt)\d*$")

Bound = Callable[[], Json]
"""Gives the newest block and head that a node shows, or None: the session's lower time bound."""


@dataclass(slots=True)
class Observed:
    """What one look brought into the log, for people to read."""

    saves: int = 0
    decisions: int = 0
    audio: int = 0
    problems: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Look:
    """How this look is taken: by whom, when, and whether a watch was on since the last one."""

    moment: Callable[[], datetime]
    live: bool
    bound: Bound
    # Files that changed less than this long ago may still be being written.
    settle_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Seen:
    kind: str
    size: int
    mtime_ns: int
    digest: bytes


def observe(log: Log, work: Work, look: Look) -> Observed:
    """Look at a work's folder and record what changed since the last look."""
    observed = Observed()
    seen = {row[0]: _Seen(*row[1:]) for row in log.fetch_all("seen_files", work.id)}
    now_ns = int(look.moment().timestamp() * 1e9)
    for found in survey(work.folder):
        before = seen.get(found.path)
        if before is not None and (before.size, before.mtime_ns) == (found.size, found.mtime_ns):
            continue
        if now_ns - found.mtime_ns < look.settle_s * 1e9:
            continue
        try:
            if found.kind == "session":
                _observe_session(log, work, look, found, before, observed)
            else:
                _observe_audio(log, work, look, found, before, observed)
        except BadInput as error:
            observed.problems.append(f"{found.path}: {error}")
            _record_unreadable(log, work, look, found, str(error))
    return observed


def _observe_session(
    log: Log, work: Work, look: Look, found: Found, before: _Seen | None, observed: Observed
) -> None:
    data = read_session_file(work.folder / found.path)
    digest = hashlib.sha256(data).digest()
    if before is not None and before.digest == digest:
        _remember(log, work, found, digest, data)
        return
    session = read_session(found.path, data)
    earlier = found.path if before is not None else _continued(log, work, found, session)
    last = None if earlier is None else _saved_bytes(log, work, earlier)
    decisions = (
        [] if last is None or earlier is None else diff(read_session(earlier, last), session)
    )
    kind = "session.found" if last is None else "session.saved" if look.live else "session.jumped"
    moment = look.moment()
    with log.writing():
        label = _open_session(log, work, look, moment)
        body: dict[str, Json] = {
            "path": found.path,
            "bytes": len(data),
            "sha256": digest.hex(),
            "format": session.format,
            "application": f"{session.application} {session.version}".strip(),
            "tracks": len(session.tracks),
            "decisions": sum(not decision.is_note for decision in decisions),
            "rules": rules_version(),
        }
        if earlier is not None and earlier != found.path:
            body["continues"] = earlier
        extra = {"after": digest}
        if last is not None:
            extra["before"] = hashlib.sha256(last).digest()
        saved = fact(kind, moment, body, session=label, extra=extra)
        drafts = [saved, *(_decided(item, look, moment, label) for item in decisions)]
        log.append(work.id, drafts)
        _remember(log, work, found, digest, data)
    observed.saves += 1
    observed.decisions += sum(not decision.is_note for decision in decisions)
    observed.lines += [f"{found.path}: {decision.text}" for decision in decisions]
    if last is None:
        observed.lines.append(f"{found.path}: first seen, {len(session.tracks)} tracks")


def _decided(decision: Decision, look: Look, moment: datetime, session: str) -> Draft:
    stage, class_ = classify(
        decision, observed_live=look.live, received=False, ai_linked=False, tool_grade="none"
    )
    body: dict[str, Json] = {
        "kind": decision.kind,
        "track": decision.track,
        "what": decision.what,
        "from": decision.before,
        "to": decision.after,
        "text": decision.text,
        "object": decision.object_id,
        "count": decision.count,
    }
    return Draft(
        time=format_time(moment),
        action=decision.kind if decision.is_note else f"decision.{decision.kind}",
        stage=stage,
        class_="unknown" if decision.is_note else class_,
        observed="tool",
        actor="author" if look.live else "unknown",
        tool="daw",
        session=session,
        values={"body": canonical_bytes(body)},
    )


def _observe_audio(
    log: Log, work: Work, look: Look, found: Found, before: _Seen | None, observed: Observed
) -> None:
    from stemproof.acts.sound import audio_values

    values, digest = audio_values(work.folder, found.path)
    if before is not None and before.digest == digest:
        _remember(log, work, found, digest, None)
        return
    action = "audio.appeared" if before is None else "audio.changed"
    moment = look.moment()
    with log.writing():
        label = _open_session(log, work, look, moment)
        log.append(work.id, [replace(fact(action, moment, {}, session=label), values=values)])
        _remember(log, work, found, digest, None)
    observed.audio += 1
    observed.lines.append(f"{found.path}: audio {'appeared' if before is None else 'changed'}")


def _record_unreadable(log: Log, work: Work, look: Look, found: Found, why: str) -> None:
    """Record once that a file could not be read; it is looked at again when it changes."""
    moment = look.moment()
    with log.writing():
        label = _open_session(log, work, look, moment)
        body: dict[str, Json] = {"path": found.path, "bytes": found.size, "why": why[:300]}
        log.append(work.id, [fact(f"{found.kind}.unreadable", moment, body, session=label)])
        row = log.fetch_one("seen_saved", work.id, found.path)
        saved = None if row is None else row[0]
        log.run(
            "put_seen",
            work.id,
            found.path,
            found.kind,
            found.size,
            found.mtime_ns,
            _NO_DIGEST,
            saved,
        )


def _remember(log: Log, work: Work, found: Found, digest: bytes, data: bytes | None) -> None:
    saved = None if data is None else zlib.compress(data, 6)
    log.run("put_seen", work.id, found.path, found.kind, found.size, found.mtime_ns, digest, saved)


def _saved_bytes(log: Log, work: Work, path: str) -> bytes | None:
    row = log.fetch_one("seen_saved", work.id, path)
    return None if row is None or row[0] is None else zlib.decompress(row[0])


def _continued(log: Log, work: Work, found: Found, session: Session) -> str | None:
    """Find the session that a new file goes on from ("save as"), or None if it begins anew."""
    rows = log.fetch_all("seen_files", work.id)
    older = sorted((row for row in rows if row[1] == "session"), key=lambda row: -row[3])
    tracks = {track.name for track in session.tracks}
    for path, _, _, _, digest in older:
        if Path(path).suffix.lower() != Path(found.path).suffix.lower() or digest == _NO_DIGEST:
            continue
        if _plain_stem(path) == _plain_stem(found.path):
            return str(path)
        last = _saved_bytes(log, work, path)
        known = set() if last is None else {t.name for t in read_session(path, last).tracks}
        # Half of the tracks of the smaller one: a new song from a template shares fewer.
        if tracks & known and 2 * len(tracks & known) >= min(len(tracks), len(known)):
            return str(path)
    return None


def _plain_stem(path: str) -> str:
    stem = Path(path).stem
    while (shorter := _VERSION_MARK.sub("", stem)) and shorter != stem:
        stem = shorter
    return stem.lower()


def _open_session(log: Log, work: Work, look: Look, moment: datetime) -> str:
    """Give the id of the running working session; open one after thirty quiet minutes."""
    current = find_work(log, work.id.hex())
    label = current.session
    if label and current.last_change:
        quiet = moment - parse_time(current.last_change)
        if quiet > QUIET:
            body: dict[str, Json] = {"last_change": current.last_change}
            log.append(work.id, [fact("session.close", moment, body, session=label)])
            label = ""
    if not label:
        label = secrets.token_hex(16)
        log.append(
            work.id,
            [fact("session.open", moment, {"after": look.bound()}, session=label)],
        )
    log.run("put_session", label, format_time(moment), work.id)
    return label


def watch_facts(
    log: Log, works: Iterable[Work], action: str, moment: datetime, monotonic_ms: int
) -> None:
    """Record that a watch opened, is alive, paused or closed, by both clocks."""
    for work in works:
        log.append(work.id, [fact(action, moment, {"monotonic_ms": monotonic_ms})])
