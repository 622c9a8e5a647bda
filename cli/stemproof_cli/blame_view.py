"""How `blame` is written: by track and object for people, every value for programs."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stemproof_cli import say
from stemproof_cli.amounts import counted

if TYPE_CHECKING:
    from stemproof.acts.begin import Work
    from stemproof.acts.blaming import Blame, Source
    from stemproof.acts.blaming_text import Part
    from stemproof.blame.listing import Item, Thing, TrackBlame
    from stemproof.blame.who import Origin
    from stemproof.log.store import Log
    from stemproof.record.canonical import Json

# So many values of one origin are named; the others are counted.
_NAMED: Final = 4
_NOUNS: Final = {"note": "note", "lyric": "word", "sign": "sign"}
_BASIS: Final = {
    "saves": "from {read} in the vault, each compared with the one before",
    "saves and decisions": "from {read} that could be read; older ones by their decisions, which"
    " sum up notes and words",
    "decisions": "from the recorded decisions of {recorded}, which sum up notes and words",
    "nothing": "no save of it is recorded",
}
ABSENCE: Final = "No AI tool observed is no proof that none was used."


def answer_sessions(
    log: Log, work: Work, files: Sequence[Path], source: Source, *, track: str | None, json: bool
) -> None:
    """Answer about sessions of a work."""
    from stemproof.acts.blaming import blame_session
    from stemproof.acts.survey import read_session_file
    from stemproof.errors import Usage

    found = []
    for file in files:
        path = file.resolve().relative_to(work.folder).as_posix()
        with say.waiting(f"reading the saves of {path}"):
            found.append(blame_session(log, work, path, read_session_file(file), source))
    if track is not None:
        labels = [one.label for each in found for one in each.tracks]
        if track not in labels:
            listed = ", ".join(dict.fromkeys(labels))
            raise Usage(f"no track is called {track!r:.80}; there are: {listed:.300}")
    if json:
        say.answer_json({"v": 0, "sessions": [_document(one, track) for one in found]})
        return
    for place, one in enumerate(found):
        if place:
            say.answer("")
        _write(one, track)
    say.answer("")
    say.paragraph(ABSENCE)


def answer_text(log: Log, work: Work, file: Path, source: Source, *, json: bool) -> None:
    """Answer about a text."""
    from stemproof.acts.blaming_text import blame_text

    size = file.stat().st_size
    found = blame_text(log, work, file.read_bytes() if size < _MOST_TEXT else b"", source)
    if json:
        parts: list[Json] = [
            {"start": one.start, "end": one.end, "text": one.text, **_origin(one.origin)}
            for one in found.parts
        ]
        counts: dict[str, Json] = {"outputs": found.outputs, "compared": found.compared}
        say.answer_json({"v": 0, "file": file.name, **counts, "parts": parts})
        return
    say.answer(say.strong(say.clean(file.name)))
    told = f"compared with {found.compared} of {counted(found.outputs, 'text')} that AI tools gave"
    say.paragraph(told if found.outputs else "no text that an AI tool gave is in the record")
    if found.compared < found.outputs:
        say.paragraph("the others are not in the vault, or it was not opened")
    for part in found.parts:
        _write_part(part)
    say.answer("")
    say.paragraph(ABSENCE)


_MOST_TEXT: Final = 8 << 20


def _write_part(part: Part) -> None:
    say.answer("")
    say.answer(say.coloured(_tail(part.origin), "quiet"))
    for line in part.text.strip().splitlines():
        if line.strip():
            say.hanging("  ", line.strip())


def _write(blame: Blame, track: str | None) -> None:
    from stemproof.acts.blaming import counts_of

    tracks = [one for one in blame.tracks if track in (None, one.label)]
    say.answer(say.strong(say.clean(blame.path)))
    basis = blame.basis
    words = {
        "read": counted(basis.read, "save"),
        "recorded": counted(basis.recorded, "save"),
    }
    say.paragraph(_BASIS[basis.how].format(**words))
    if basis.recorded and not basis.is_recorded:
        say.paragraph("the file was changed since the last save that is recorded")
    if basis.erased:
        say.paragraph(f"of {counted(basis.erased, 'save')} something was erased")
    say.paragraph(_counts(counts_of(tracks)))
    for one in tracks:
        if _is_worth_showing(one):
            _write_track(one, is_whole=track is not None)


def _is_worth_showing(track: TrackBlame) -> bool:
    return track.kind != "session" or any(True for _ in track.items)


def _write_track(track: TrackBlame, *, is_whole: bool) -> None:
    from stemproof.acts.blaming import counts_of

    say.answer("")
    kind = "" if track.kind in ("session", "track") else f" ({track.kind})"
    say.answer(say.strong(say.clean(track.label)) + kind)
    say.hanging("  ", _counts(counts_of([track])))
    for thing in track.things:
        _write_thing(thing, is_whole=is_whole)


def _write_thing(thing: Thing, *, is_whole: bool) -> None:
    groups = list(_groups(thing.items))
    if not is_whole:
        groups = [one for one in groups if one[0].how not in ("first sight", *_UNTOLD)]
    if not groups:
        return
    say.hanging("  ", say.clean(thing.label), "stage")
    leads = [f"    {_tail(origin)}" for origin, _ in groups]
    width = max(len(lead) for lead in leads) + 2
    # Without room beside it, what was set stands below who set it.
    is_beside = not sys.stdout.isatty() or shutil.get_terminal_size().columns - width >= _ROOM
    for lead, (_, items) in zip(leads, groups, strict=True):
        text = _listed(items, most=None if is_whole else _NAMED)
        if is_beside:
            say.hanging(lead.ljust(width), text, "quiet")
        else:
            say.answer(say.coloured(lead, "quiet"))
            say.hanging("      ", text)


# Fewer columns than this hold two words of a list.
_ROOM: Final = 36
# That a file was there says nothing of who made its sound.
_UNTOLD: Final = ("audio.appeared", "audio.changed")


def _groups(items: Iterable[Item]) -> Iterator[tuple[Origin, list[Item]]]:
    found: dict[Origin, list[Item]] = {}
    for item in items:
        found.setdefault(item.origin, []).append(item)
    yield from sorted(found.items(), key=lambda pair: pair[0].event or 0)


def _listed(items: Sequence[Item], most: int | None) -> str:
    values = [item for item in items if item.kind in ("value", "sound")]
    shown = values if most is None else values[:most]
    parts = [f"{item.what} {item.value}" for item in shown]
    if len(values) > len(shown):
        parts.append(f"{len(values) - len(shown)} more")
    if most is None:
        parts += [f"{item.what} {item.value}" for item in items if item not in values]
        return ", ".join(parts)
    for kind, count in Counter(item.kind for item in items if item.kind in _NOUNS).items():
        words = [item.value for item in items if item.kind == kind != "note"]
        told = counted(count, _NOUNS[kind])
        parts.append(f"{told}: {' '.join(words[:_WORDS])}" if words else told)
    return ", ".join(parts)


_WORDS: Final = 8


def _tail(origin: Origin) -> str:
    from stemproof.record.event import parse_time

    parts = [] if origin.event is None else [f"event {origin.event}"]
    if origin.time:
        parts.append(f"{parse_time(origin.time).astimezone():%Y-%m-%d %H:%M}")
    if origin.how == "several decisions":
        parts.append("one of several decisions")
    is_told = origin.how != "first sight" and origin.live is not None
    seen = f", {'live' if origin.live else 'catch-up'}" if is_told else ""
    return "  ".join([*parts, origin.word + seen])


def _counts(counts: Mapping[str, int]) -> str:
    if not counts:
        return "nothing in it"
    return "; ".join(f"{count} {word}" for word, count in counts.items())


def _document(blame: Blame, track: str | None) -> dict[str, Json]:
    from stemproof.acts.blaming import counts_of

    tracks = [one for one in blame.tracks if track in (None, one.label)]
    basis = blame.basis
    return {
        "file": blame.path,
        "sha256": blame.session.digest,
        "basis": {
            "how": basis.how,
            "saves_read": basis.read,
            "saves_recorded": basis.recorded,
            "erased": basis.erased,
            "recorded": basis.is_recorded,
        },
        "counts": dict(counts_of(tracks)),
        "tracks": [
            {
                "track": one.label,
                "kind": one.kind,
                "counts": dict(counts_of([one])),
                "objects": [_thing(thing) for thing in one.things],
            }
            for one in tracks
        ],
    }


def _thing(thing: Thing) -> dict[str, Json]:
    return {
        "kind": thing.kind,
        "label": thing.label,
        "id": thing.identity or None,
        "items": [
            {"kind": item.kind, "what": item.what, "value": item.value, **_origin(item.origin)}
            for item in thing.items
        ],
    }


def _origin(origin: Origin) -> dict[str, Json]:
    return {
        "who": origin.word,
        "class": origin.class_,
        "event": origin.event,
        "time": origin.time or None,
        "live": origin.live,
        "observed": origin.observed,
        "how": origin.how,
    }
