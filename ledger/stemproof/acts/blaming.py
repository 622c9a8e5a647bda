"""Blame: who set each value of a session last, from the log and, where they are, the saves.

The saves themselves are the better witness: two of them tell of each note which one is new,
where the log sums notes up by clip. They lie in the vault, which opens by the passphrase.
Without it, or beyond MAX_BYTES of saves, the recorded decisions tell, and that is said.
Nothing is written.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from stemproof.acts.desk import read_seen
from stemproof.acts.finding import notes_of
from stemproof.acts.parsed import read_once
from stemproof.acts.saved_steps import History, Save, read_history, steps_of
from stemproof.acts.traces import Output, Traces, file_of, find_traces
from stemproof.blame.carry import carry
from stemproof.blame.decisions import from_decisions
from stemproof.blame.held import ClipHeld, SessionHeld, TrackHeld, first_sight
from stemproof.blame.likeness import Key, same_notes
from stemproof.blame.listing import TrackBlame, list_tracks
from stemproof.blame.who import HERE_BEFORE, NOT_RECORDED, NOTES, Origin
from stemproof.errors import BadInput

if TYPE_CHECKING:
    from stemproof.acts.begin import Work
    from stemproof.capture.sessions.model import Clip, Session
    from stemproof.log.store import Log

#: Gives a kept file by its digest, or None where it is not to be had.
Source = Callable[[bytes], bytes | None]

# Some minutes of reading; older saves are told by their decisions.
MAX_BYTES: Final = 512 << 20


@dataclass(frozen=True, slots=True)
class Basis:
    """What the answer rests on: saves read, saves recorded, and what was erased of them."""

    read: int
    recorded: int
    erased: int
    is_recorded: bool

    @property
    def how(self) -> str:
        """Name the witness: the saves themselves, the decisions, or both."""
        if not self.recorded:
            return "nothing"
        if self.read == self.recorded:
            return "saves"
        return "saves and decisions" if self.read else "decisions"


@dataclass(frozen=True, slots=True)
class Blame:
    """A session with who set what, and the facts that it was joined with."""

    path: str
    session: Session
    held: SessionHeld
    tracks: tuple[TrackBlame, ...]
    basis: Basis
    history: History
    traces: Traces


def blame_session(log: Log, work: Work, path: str, data: bytes, source: Source) -> Blame:
    """Attribute everything in a session file of a work."""
    history = read_history(log, work.id)
    return blame_in(log, work, history, path, data, source)


def blame_in(
    log: Log, work: Work, history: History, path: str, data: bytes, source: Source
) -> Blame:
    """Attribute everything in a session file, by a history that was read already."""
    session = read_once(path, data)
    saves, is_recorded = history.chain(path, sha256(data).digest())
    source = _with_known(log, work, path, data, source)
    held, read = _follow(saves, session, source)
    if not is_recorded:
        held = carry(held, session, None)
    traces = find_traces(history)
    held = _with_outputs(held, traces, source)
    seen = read_seen(log, work)

    def sound(media: str) -> Origin | None:
        file = file_of(media, seen)
        return None if file is None else traces.sound(file[1])

    basis = Basis(read, len(saves), sum(save.is_cut for save in saves), is_recorded)
    tracks = tuple(list_tracks(held, sound))
    return Blame(path, session, held, tracks, basis, history, traces)


def _follow(saves: Sequence[Save], present: Session, source: Source) -> tuple[SessionHeld, int]:
    """Carry attributions over all saves that can be read in a row up to the newest."""
    if not saves:
        return first_sight(present, NOT_RECORDED), 0
    first = saves[0].header
    here = Origin(saves[0].event, first.time, "unknown", saves[0].live, HERE_BEFORE, first.observed)
    held: SessionHeld | None = None
    read = 0
    for place in range(_oldest_read(saves), len(saves)):
        session = _read(saves[place], source)
        if session is None:
            # Whatever was carried so far breaks off here.
            held, read = None, 0
            continue
        read += 1
        if held is not None:
            held = carry(held, session, saves[place].step())
        elif place == 0 and not saves[0].told:
            held = first_sight(session, here)
        else:
            held = from_decisions(session, steps_of(saves[: place + 1]), here)
    if held is None:
        return from_decisions(present, steps_of(saves), here), 0
    return held, read


def _oldest_read(saves: Sequence[Save]) -> int:
    """Find the oldest save that is read: all of them, or the newest up to MAX_BYTES."""
    left = MAX_BYTES
    for place in range(len(saves) - 1, -1, -1):
        left -= saves[place].size
        if left < 0:
            return place + 1
    return 0


def _read(save: Save, source: Source) -> Session | None:
    data = source(save.after) if save.after else None
    if data is None:
        return None
    try:
        return read_once(save.path, data)
    except BadInput:
        # An earlier version of this program could read it.
        return None


def _with_known(log: Log, work: Work, path: str, data: bytes, source: Source) -> Source:
    """Give the file itself, and the newest content of each session, without opening the vault."""
    digest = sha256(data).digest()
    row = log.fetch_one("seen_saved", work.id, path)
    saved = zlib.decompress(row[0]) if row is not None and row[0] is not None else b""
    last = sha256(saved).digest()

    def give(wanted: bytes) -> bytes | None:
        if wanted == digest:
            return data
        return saved if saved and wanted == last else source(wanted)

    return give


def _with_outputs(held: SessionHeld, traces: Traces, source: Source) -> SessionHeld:
    """Mark the notes that stand in what a generator gave as MIDI."""
    given = [(one, keys) for one in traces.outputs if (keys := notes_of(one, source))]
    if not given:
        return held
    tracks = tuple(
        TrackHeld(
            one.own,
            one.devices,
            tuple(
                _with_notes(clip, two, given)
                for clip, two in zip(track.clips, one.clips, strict=True)
            ),
        )
        for track, one in zip(held.session.tracks, held.tracks, strict=True)
    )
    return replace(held, tracks=tracks)


def _with_notes(
    clip: Clip, held: ClipHeld, given: Sequence[tuple[Output, Sequence[Key]]]
) -> ClipHeld:
    if not clip.notes:
        return held
    notes = list(held.notes)
    for output, keys in given:
        for place in same_notes(clip, keys):
            notes[place] = output.origin_by(NOTES)
    return replace(held, notes=tuple(notes))


# What a machine did stands first, what nobody saw last.
_ORDER: Final = ("AI", "human", "unknown", "here")


def counts_of(tracks: Sequence[TrackBlame]) -> Mapping[str, int]:
    """Count values by who set them, in words: machines first, then people, then the unseen."""
    counts: dict[str, int] = {}
    for track in tracks:
        for item in track.items:
            counts[item.origin.word] = counts.get(item.origin.word, 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: (_rank(pair[0]), -pair[1])))


def _rank(word: str) -> int:
    return next(n for n, head in enumerate(_ORDER) if word.startswith(head))
