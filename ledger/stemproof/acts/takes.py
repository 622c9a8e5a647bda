"""Takes: audio that a program says it recorded, from its first save until the song lets it go.

    take.kept       a save refers to it for the first time
    take.dropped    the save before referred to it, this one does not

Whether audio was recorded, only the session can say; a file by itself cannot. These events
join the session's words with the file that was heard, and no stage counts them: the decision
`take.recorded` is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from stemproof.acts.facts import fact
from stemproof.acts.sound import NO_DIGEST
from stemproof.capture.sessions.model import ClipKind, TimeUnit

if TYPE_CHECKING:
    from stemproof.acts.desk import Seen, Sitting
    from stemproof.capture.sessions.model import Clip, Session, Track
    from stemproof.log.store import Draft
    from stemproof.record.canonical import Json


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded file as a session refers to it."""

    media: str
    track: str
    source: str
    length_ms: int | None


@dataclass(frozen=True, slots=True)
class Change:
    """A take that came into a session or left it."""

    action: str
    recording: Recording


def compare_takes(before: Session | None, after: Session) -> list[Change]:
    """Tell which recorded files a save has that the one before had not, and the other way."""
    if before is None:
        return []
    old, new = _recordings(before), _recordings(after)
    # A file that was or is there in any place, under any name, neither came nor went.
    was, still = _referred_to(before), _referred_to(after)
    kept = [Change("take.kept", one) for media, one in new.items() if _name(media) not in was]
    dropped = [
        Change("take.dropped", one) for media, one in old.items() if _name(media) not in still
    ]
    return kept + dropped


def draft_takes(
    changes: list[Change], path: str, seen: Mapping[str, Seen], moment: datetime, sitting: Sitting
) -> Iterator[Draft]:
    """Draft the events of takes, each with the file of the project that it is, if that is known."""
    for change in changes:
        one = change.recording
        body: dict[str, Json] = {
            "path": path,
            "media": one.media,
            "track": one.track,
            "input": one.source or None,
            "length_ms": one.length_ms,
        }
        file = find_file(one.media, seen)
        if file is not None:
            body["file"] = file
            if seen[file].digest != NO_DIGEST:
                body["sha256"] = seen[file].digest.hex()
        yield fact(change.action, moment, body, session=sitting.label)


def _recordings(session: Session) -> dict[str, Recording]:
    """Find the recorded files of a session, each once, those of inactive takes too."""
    found: dict[str, Recording] = {}
    for track in session.tracks:
        for clip in track.clips:
            if not clip.recorded or clip.kind is not ClipKind.AUDIO:
                continue
            if clip.media is not None:
                found.setdefault(clip.media.path, _recording(clip.media.path, track, clip))
            for take in clip.takes:
                if take.media:
                    found.setdefault(take.media, _recording(take.media, track, clip))
    return found


def _referred_to(session: Session) -> set[str]:
    paths = {ref.path for ref in session.media}
    paths |= {take.media for track in session.tracks for clip in track.clips for take in clip.takes}
    return {_name(path) for path in paths}


def _recording(media: str, track: Track, clip: Clip) -> Recording:
    length = clip.length
    length_ms = round(length.value * 1000) if length.unit is TimeUnit.SECOND else None
    return Recording(media, track.name, track.source, length_ms)


def find_file(media: str, seen: Mapping[str, Seen]) -> str | None:
    """Find the one file of the project that a session means by its own spelling of a path."""
    spelled = media.replace("\\", "/")
    audio = [path for path, state in seen.items() if state.kind == "audio"]
    for path in audio:
        if spelled == path or spelled.endswith("/" + path):
            return path
    alike = [path for path in audio if _name(path) == _name(spelled)]
    return alike[0] if len(alike) == 1 else None


def _name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]
