"""A session file that changed, written down: the save and each decision, in one transaction."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from stemproof.acts.desk import Desk, pack, with_clock
from stemproof.acts.facts import fact
from stemproof.acts.failing import Failed
from stemproof.acts.kept import find_kept
from stemproof.acts.parsed import read_once
from stemproof.acts.saved import Save, decide, draft_decision, read_save, save_body
from stemproof.acts.sound import NO_DIGEST
from stemproof.acts.survey import (
    FileClosed,
    FileGone,
    Found,
    hash_content,
    is_unchanged,
    read_session_file,
)
from stemproof.acts.takes import compare_takes, draft_takes
from stemproof.acts.tooling import draft_signs, grade, told_rows
from stemproof.acts.unreadable import Reason, note_unreadable
from stemproof.capture.summary import summarise
from stemproof.capture.unused import count_used
from stemproof.errors import BadInput
from stemproof.record.canonical import Json

if TYPE_CHECKING:
    from stemproof.capture.decision import Decision
    from stemproof.capture.sessions.model import Session

# Bounded: a name of two hundred dashes is asked about again and again.
_VERSION_MARK = re.compile(
    r"(?i)[ _.-]{0,8}(v(er)?\.?)?[ _.-]{0,8}\d{1,4}$|[ _-]{0,8}(final|new|copy|alt)\d*$"
)
# Of how many earlier sessions a new one's tracks are compared with; each must be parsed.
_MAX_LIKENESS = 12


def record_save(desk: Desk, found: Found) -> None:
    """Read a session file that changed and record what that tells; nothing if it changes still."""
    try:
        data = read_session_file(desk.work.folder / found.path)
    except FileGone:
        return
    except FileClosed as error:
        record_unreadable(desk, found, NO_DIGEST, Reason.of(error))
        return
    except BadInput as error:
        # Too large to keep.
        record_unreadable(desk, found, _stand_in(found), Reason.of(error))
        return
    if not is_unchanged(desk.work.folder, found):
        return
    digest = sha256(data).digest()
    if record_known_content(desk, found, digest):
        return
    try:
        save = read_save(found.path, data)
    except BadInput as error:
        # A later version of this program may be able to.
        moment, before = desk.look.moment(), desk.saved_bytes(found.path)
        desk.keep("session", found.path, data, moment, before=before)
        record_unreadable(desk, found, digest, Reason.of(error))
        return
    _record_session(desk, found, save)


def record_known_content(desk: Desk, found: Found, digest: bytes) -> bool:
    """Record a file that only moved, came back or was touched; False if its content is new."""
    known = desk.seen.get(found.path)
    if known is not None and known.digest == digest:
        if known.is_gone:
            _record_place(desk, found, digest, "returned", {})
        else:
            desk.touch(found, digest)
        return True
    if known is not None and not known.is_gone:
        return False
    origin = desk.find_missing(found.kind, digest)
    if origin is not None:
        _record_place(desk, found, digest, "moved", {"from": origin})
        return True
    if found.kind == "session":
        for path, other in desk.seen.items():
            if other.digest == digest and other.kind == "session" and not other.is_gone:
                _record_place(desk, found, digest, "copied", {"from": path})
                return True
    return False


def record_gone(desk: Desk, path: str) -> None:
    """Record that a file is not there any more; its last state is kept for its return."""
    known, moment = desk.seen[path], desk.look.moment()
    body: dict[str, Json] = {"path": path, "sha256": known.digest.hex()}
    with desk.writing(moment) as sitting:
        gone = fact(f"{known.kind}.gone", moment, with_clock(body, sitting), session=sitting.label)
        desk.log.append(desk.work.id, [gone])
        desk.bury(path)
        note_unreadable(desk.log, desk.work.id, path, None)
    desk.missing.discard(path)
    desk.say(path, "no longer there")


def record_failed(desk: Desk, found: Found, error: Failed) -> None:
    """Record that this program itself failed on a file; it is tried again when it changes."""
    # What was noted down in a transaction that was undone is not so.
    desk.read_again()
    try:
        digest = hash_content(desk.work.folder / found.path)
    except FileGone:
        return
    except FileClosed:
        # Without a digest it would be tried at each look.
        digest = _stand_in(found)
    why = Reason(str(error), report=error.report)
    if not record_unreadable(desk, found, digest, why):
        desk.observed.problems.append(f"{found.path}: {why.told}")


def record_unreadable(desk: Desk, found: Found, digest: bytes, why: Reason) -> bool:
    """Record once for each content that it could not be read; it is tried again when it changes.

    False if that was known.
    """
    known = desk.seen.get(found.path)
    if known is not None and known.digest == digest and not known.is_gone:
        # A file that cannot be opened has no content to know it by, only its size and time.
        if digest != NO_DIGEST or known.is_state_of(found):
            desk.touch(found, digest)
            return False
    moment = desk.look.moment()
    body: dict[str, Json] = {"path": found.path, "bytes": found.size, "why": why.why[:300]}
    if why.hint:
        body["hint"] = why.hint[:300]
    if found.kind == "session" and digest != NO_DIGEST:
        body["sha256"] = digest.hex()
    with desk.writing(moment) as sitting:
        body = with_clock(body, sitting)
        unread = fact(f"{found.kind}.unreadable", moment, body, session=sitting.label)
        desk.log.append(desk.work.id, [unread])
        desk.touch(found, digest)
        note_unreadable(desk.log, desk.work.id, found.path, why.told)
    desk.observed.problems.append(f"{found.path}: {why.told}")
    return True


def _stand_in(found: Found) -> bytes:
    """Let a file's size stand for its content, which cannot be hashed."""
    return sha256(b"%d" % found.size).digest()


def _record_place(
    desk: Desk, found: Found, digest: bytes, verb: str, more: dict[str, Json]
) -> None:
    moment = desk.look.moment()
    body: dict[str, Json] = {"path": found.path, "sha256": digest.hex(), **more}
    with desk.writing(moment) as sitting:
        placed = fact(
            f"{found.kind}.{verb}", moment, with_clock(body, sitting), session=sitting.label
        )
        desk.log.append(desk.work.id, [placed])
        if verb == "moved":
            desk.move(str(more["from"]), found)
        elif verb == "copied":
            desk.put(found, digest, desk.packed(str(more["from"])))
        else:
            desk.touch(found, digest)
    texts = {"moved": "moved here from", "copied": "a copy of", "returned": "there again"}
    desk.say(found.path, f"{texts[verb]} {more.get('from', '')}".strip())


def _record_session(desk: Desk, found: Found, save: Save) -> None:
    moment = desk.look.moment()
    is_live = desk.is_live(found, moment)
    has_past = desk.seen.get(found.path) is not None and desk.packed(found.path) is not None
    earlier = found.path if has_past else _continued(desk, found, save.session)
    if earlier in desk.unwatched:
        is_live = False
    last = None if earlier is None else desk.saved_bytes(earlier)
    action = "session.found" if last is None else "session.saved" if is_live else "session.jumped"
    before = None if last is None else _read_before(earlier or "", last)
    is_first = last is None and desk.seen.get(found.path) is None
    kept, newest = find_kept(desk, found, save) if is_first else ([], None)
    if newest is not None:
        # First seen, and what was kept of it before tells how it came to be as it is.
        is_live, before, last, earlier = False, newest, newest.data, newest.path
    arrival = desk.arrivals.get(found.path)
    if arrival is not None:
        is_live, action = False, "session.received"
    decisions = decide(before, save)
    catalogue, graded = grade(desk, before, save, decisions)
    body: dict[str, Json] = {**save_body(save, decisions), "live": is_live}
    body["tools"] = told_rows(catalogue)
    if arrival is not None:
        body["arrival"] = arrival
    if earlier is not None and earlier != found.path:
        body["continues"] = earlier
    extra = {"after": save.digest}
    if last is not None:
        extra["before"] = sha256(last).digest()
    packed = pack(save.data)
    takes = compare_takes(None if before is None else before.session, save.session)
    with desk.writing(moment) as sitting:
        for one in kept:
            desk.log.append(desk.work.id, one.drafts(moment, sitting))
        body = with_clock(body, sitting)
        event = fact(action, moment, body, session=sitting.label, extra=extra)
        decided = (
            draft_decision(item, moment, sitting, live=is_live, tool_grade=known)
            for item, known in zip(decisions, graded.grades, strict=True)
        )
        taken = draft_takes(takes, found.path, desk.seen, moment, sitting)
        signs = draft_signs(desk, graded.signs, found.path, moment, sitting)
        desk.log.append(desk.work.id, [event, *decided, *taken, *signs])
        desk.put(found, save.digest, packed)
        note_unreadable(desk.log, desk.work.id, found.path, None)
        desk.owe(found.path)
    # After the events: packing a large save takes longer than to record it.
    desk.keep("session", found.path, save.data, moment, before=last)
    if kept:
        desk.say(found.path, f"{len(kept)} past save{'' if len(kept) == 1 else 's'} read")
    _tell(desk, found, action, save.session, decisions)


def _tell(
    desk: Desk, found: Found, action: str, session: Session, decisions: list[Decision]
) -> None:
    desk.observed.saves += 1
    desk.observed.decisions += sum(not decision.is_note for decision in decisions)
    if action == "session.found":
        amount = count_used(session.tracks)
        desk.say(found.path, f"first seen, {amount} track{'' if amount == 1 else 's'}")
    elif not decisions:
        desk.say(found.path, "saved, no decision in it")
    for line in summarise(decisions):
        desk.say(found.path, line.text)


def _read_before(path: str, last: bytes) -> Save | None:
    try:
        return read_save(path, last)
    except BadInput:
        # An older version of this program could read it, or thought so.
        return None


def _continued(desk: Desk, found: Found, session: Session) -> str | None:
    """Find the session that a new file goes on from ("save as"), or None if it begins anew."""
    older = sorted(
        (
            (state.mtime_ns, path)
            for path, state in desk.seen.items()
            if state.kind == "session"
            and path != found.path
            and _family(path) == _family(found.path)
        ),
        reverse=True,
    )
    paths = [path for _, path in older]
    tracks = {track.name for track in session.tracks}
    stem = _plain_stem(found.path)
    namesakes = [path for path in paths if _plain_stem(path) == stem]
    others = [path for path in paths if _plain_stem(path) != stem]
    for path in [*namesakes[:_MAX_LIKENESS], *others[:_MAX_LIKENESS]]:
        known = _track_names(path, desk.saved_bytes(path))
        if known is None:
            continue
        shared = len(tracks & known)
        # Half of the tracks of the smaller one: a new song from a template shares fewer.
        # A like name asks for less: `Song 1` and `Song 2` may also be two songs.
        if path in namesakes and (shared or not tracks or not known):
            return path
        if shared and 2 * shared >= min(len(tracks), len(known)):
            return path
    return None


def _track_names(path: str, saved: bytes | None) -> set[str] | None:
    if saved is None:
        return None
    try:
        return {track.name for track in read_once(path, saved).tracks}
    except BadInput:
        return None


def _family(path: str) -> str:
    """Give the extension, the same one for a program's plain and packed form."""
    return {".mmpz": ".mmp"}.get(suffix := PurePosixPath(path).suffix.lower(), suffix)


def _plain_stem(path: str) -> str:
    stem = PurePosixPath(path).stem
    while (shorter := _VERSION_MARK.sub("", stem)) and shorter != stem:
        stem = shorter
    return stem.lower()
