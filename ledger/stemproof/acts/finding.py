"""Results looked for in what a work holds now: sound by digest, notes and words by content.

A result that came as one format and was placed as another has another digest; then the
fingerprints of both are compared, where a program is there to make one. Files are read within
bounds; what cannot be read tells nothing.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from stemproof.acts.desk import read_seen
from stemproof.acts.marks import sounds_alike
from stemproof.acts.parsed import read_once
from stemproof.acts.traces import Output, file_of
from stemproof.blame.likeness import Key, keys_of, same_notes
from stemproof.blame.spans import covered, find_spans
from stemproof.capture.diff_tracks import track_labels
from stemproof.capture.sentences import clip_label
from stemproof.capture.sessions.signs import SignKind
from stemproof.errors import BadInput, Malformed, Unavailable

if TYPE_CHECKING:
    from stemproof.acts.begin import Work
    from stemproof.acts.blaming import Source
    from stemproof.acts.desk import Seen
    from stemproof.acts.saved_steps import History
    from stemproof.capture.sessions.model import Clip, Session
    from stemproof.log.store import Log
    from stemproof.record.canonical import Json

TEXT_FILES: Final = frozenset({".txt", ".md", ".lrc"})
MAX_TEXT_BYTES: Final = 1 << 20
_MAX_TEXT_FILES: Final = 64
# Each takes some seconds to decode.
_MAX_HEARD: Final = 16
MIDI: Final = frozenset({"audio/midi", "audio/x-midi", "audio/mid", "audio/sp-midi"})


@dataclass(frozen=True, slots=True)
class Find:
    """A result in a file: how it was recognised, and the clips that play it.

    `state` is what its notes or words are now, `is_edited` whether that differs from what came.
    """

    output: Output
    path: str
    how: str
    digest: bytes
    events: tuple[int, ...] = ()
    clips: tuple[tuple[str, str, str], ...] = ()
    more: Mapping[str, Json] = field(default_factory=dict)
    state: bytes = b""
    is_edited: bool = False


@dataclass(frozen=True, slots=True)
class _Held:
    """A session of a work as it was saved last."""

    path: str
    digest: bytes
    session: Session


def find_everywhere(
    log: Log, work: Work, history: History, outputs: Sequence[Output], source: Source
) -> list[Find]:
    """Look for results in the sessions and text files of a work."""
    seen = read_seen(log, work)
    sessions = list(_sessions(log, work, seen))
    audio = [one for one in outputs if one.media.startswith("audio/") and one.media not in MIDI]
    found = list(_sounds(sessions, seen, history, audio, source))
    midi = [(one, keys) for one in outputs if (keys := notes_of(one, source))]
    found += _notes(sessions, midi)
    texts = [(one, text) for one in outputs if (text := text_of(one, source))]
    if texts:
        found += _words(sessions, work, texts)
    return found


def notes_of(output: Output, source: Source) -> list[Key]:
    """Read the notes of a result that is a MIDI file; none where it is not to be had."""
    data = source(bytes.fromhex(output.sha256)) if output.media in MIDI else None
    if data is None:
        return []
    try:
        session = read_once("output.mid", data)
    except (BadInput, Malformed):
        return []  # what a generator sent need not be MIDI
    return [key for t in session.tracks for c in t.clips for key in keys_of(c.notes, c.ppq)]


def text_of(output: Output, source: Source) -> str:
    """Read the words of a result that is text; none where it is not to be had."""
    if not output.media.startswith("text/"):
        return ""
    data = source(bytes.fromhex(output.sha256))
    return "" if data is None else data[:MAX_TEXT_BYTES].decode("utf-8", "replace")


def lyrics_of(session: Session) -> str:
    """Give the words of a score as they are sung: verse by verse, syllables joined."""
    verses = []
    for track in session.tracks:
        lines: dict[int, list[str]] = {}
        for clip in track.clips:
            for sign in clip.signs:
                if sign.kind is SignKind.LYRICS:
                    lines.setdefault(sign.line, []).append(sign.text)
        verses += [" ".join(words).replace("- ", "") for _, words in sorted(lines.items())]
    return "\n".join(verses)


def _sessions(log: Log, work: Work, seen: Mapping[str, Seen]) -> Iterator[_Held]:
    for path, state in sorted(seen.items()):
        row = log.fetch_one("seen_saved", work.id, path)
        if state.kind != "session" or state.is_gone or row is None or row[0] is None:
            continue
        try:
            yield _Held(path, state.digest, read_once(path, zlib.decompress(row[0])))
        except BadInput:
            continue


def _sounds(
    sessions: Sequence[_Held],
    seen: Mapping[str, Seen],
    history: History,
    outputs: Sequence[Output],
    source: Source,
) -> Iterator[Find]:
    by_digest = {one.sha256: one for one in outputs}
    heard = {
        str(one.body.get("sha256")): one for one in history.of("audio.appeared", "audio.changed")
    }
    prints = _Prints(source)
    for held in sessions:
        for digest, (file, clips) in _files(held.session, seen).items():
            event = heard.get(digest)
            events = () if event is None else (event.event,)
            more: dict[str, Json] = {"file": file, "file_sha256": digest}
            if (output := by_digest.get(digest)) is not None:
                yield Find(output, held.path, "digest", held.digest, events, clips, more)
            elif event is not None and isinstance(event.body.get("fingerprint"), dict):
                alike = (one for one in outputs if sounds_alike_output(event.body, prints.of(one)))
                for output in alike:
                    yield Find(output, held.path, "fingerprint", held.digest, events, clips, more)


def sounds_alike_output(body: Mapping[str, Json], other: dict[str, Json] | None) -> bool:
    """Say whether a file that was heard sounds like a result, if that could be heard."""
    own = body.get("fingerprint")
    return other is not None and isinstance(own, dict) and sounds_alike(own, other)


class _Prints:
    """The fingerprints of results, made when they are wanted, each once."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._made: dict[str, dict[str, Json] | None] = {}

    def of(self, output: Output) -> dict[str, Json] | None:
        """Give the fingerprint of a result; None where it cannot be made."""
        if output.sha256 not in self._made:
            is_many = len(self._made) >= _MAX_HEARD
            data = None if is_many else self._source(bytes.fromhex(output.sha256))
            self._made[output.sha256] = None if data is None else _fingerprint(data)
        return self._made[output.sha256]


def _fingerprint(data: bytes) -> dict[str, Json] | None:
    from stemproof.acts.sound import fingerprint_body
    from stemproof.audio.observe import observe_audio

    with tempfile.TemporaryDirectory(prefix="stemproof-") as folder:
        path = Path(folder) / "output"
        path.write_bytes(data)
        try:
            return fingerprint_body(observe_audio(path))
        except (BadInput, Unavailable):
            return None


def _files(
    session: Session, seen: Mapping[str, Seen]
) -> dict[str, tuple[str, tuple[tuple[str, str, str], ...]]]:
    """Name the files that a session plays by digest, each with the clips that play it."""
    found: dict[str, tuple[str, list[tuple[str, str, str]]]] = {}
    for track, label in zip(session.tracks, track_labels(session.tracks), strict=True):
        for clip in track.clips:
            file = None if clip.media is None else file_of(clip.media.path, seen)
            if file is not None:
                name = label, clip_label(clip), clip.identity
                found.setdefault(file[1], (file[0], []))[1].append(name)
    for media in session.media:
        file = file_of(media.path, seen)
        if file is not None:
            found.setdefault(file[1], (file[0], []))
    return {digest: (path, tuple(clips)) for digest, (path, clips) in found.items()}


def _notes(
    sessions: Sequence[_Held], given: Sequence[tuple[Output, Sequence[Key]]]
) -> Iterator[Find]:
    for held in sessions:
        clips = [clip for track in held.session.tracks for clip in track.clips if clip.notes]
        for output, keys in given:
            parts = [(clip, places) for clip in clips if (places := same_notes(clip, keys))]
            if not parts:
                continue
            same = sum(len(places) for _, places in parts)
            now = sum(len(clip.notes) for clip, _ in parts)
            more: dict[str, Json] = {"same": same, "notes": now, "given": len(keys)}
            yield Find(
                output,
                held.path,
                "notes",
                held.digest,
                more=more,
                state=_notes_state(clip for clip, _ in parts),
                is_edited=same < max(now, len(keys)),
            )


def _notes_state(clips: Iterator[Clip]) -> bytes:
    return repr([keys_of(clip.notes, clip.ppq) for clip in clips]).encode()


def _words(
    sessions: Sequence[_Held], work: Work, given: Sequence[tuple[Output, str]]
) -> Iterator[Find]:
    texts = [(held.path, held.digest, lyrics_of(held.session)) for held in sessions]
    texts += [(path, b"", text) for path, text in text_files(work.folder)]
    for path, digest, text in texts:
        # Results of one call are much alike: each stretch is the one's that has most of it.
        spans = find_spans(text, [raw for _, raw in given])
        for number, (output, raw) in enumerate(given):
            mine = [span for span in spans if span.output == number]
            if not mine:
                continue
            same, now = covered(mine, text)
            whole = len("".join(raw.split()))
            more: dict[str, Json] = {"same": same, "characters": now, "given": whole}
            yield Find(
                output,
                path,
                "text",
                digest,
                more=more,
                state=text.encode("utf-8", "replace"),
                is_edited=same < max(now, whole),
            )


def text_files(folder: Path) -> Iterator[tuple[str, str]]:
    """Read the text files of a folder itself and of those in it named for words, bounded."""
    left = _MAX_TEXT_FILES
    for path in sorted([*folder.glob("*"), *folder.glob("*/*")]):
        if PurePosixPath(path.name).suffix.lower() not in TEXT_FILES or left <= 0:
            continue
        left -= 1
        try:
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= MAX_TEXT_BYTES:
                name = path.relative_to(folder).as_posix()
                yield name, path.read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
