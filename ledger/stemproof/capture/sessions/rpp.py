"""REAPER projects (.rpp), versions 4 to 7: bytes -> Session, or BadInput.

Tracks, items, takes and plug-ins carry GUIDs, so identity is the format's own. Positions are
seconds; the tempo map turns them into bars. Sends are stored on the receiving track (AUXRECV,
by index). Not read: record-arm, meters, colours, view, render settings, hardware outputs;
chunks of other names are counted in `Session.unread`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING

from stemproof.errors import BadInput

from .model import (
    Automation,
    Marker,
    Mixer,
    Moment,
    Parameter,
    Send,
    Session,
    TempoPoint,
    TimeUnit,
    Track,
    TrackKind,
    Unit,
)
from .numbers import parse_decimal, parse_integer
from .rpp_fx import read_chain, read_envelope
from .rpp_input import name_input
from .rpp_items import read_item
from .rpp_text import Chunk, decode_text, parse_chunks, split_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_TRACKS = 20_000
ROOT = "REAPER_PROJECT"
MASTER_IDENTITY = "master"
_ENVELOPES = {
    "VOLENV": ("volume (before effects)", Unit.GAIN),
    "VOLENV2": ("volume", Unit.GAIN),
    "VOLENV3": ("volume trim", Unit.GAIN),
    "PANENV": ("pan (before effects)", Unit.PAN),
    "PANENV2": ("pan", Unit.PAN),
    "WIDTHENV": ("width (before effects)", Unit.RATIO),
    "WIDTHENV2": ("width", Unit.RATIO),
    "MUTEENV": ("mute", Unit.SWITCH),
    "AUXVOLENV": ("receive volume", Unit.GAIN),
    "AUXPANENV": ("receive pan", Unit.PAN),
    "AUXMUTEENV": ("receive mute", Unit.SWITCH),
}
_CHAINS = {"FXCHAIN": "effect", "FXCHAIN_REC": "input", "MASTERFXLIST": "effect"}
_KNOWN = frozenset(
    {
        *("TRACK", "ITEM", "TEMPOENVEX", "NOTES", "RECORD_CFG", "APPLYFX_CFG", "RENDER_CFG"),
        *("METRONOME", "PROJBAY", "EXTENSIONS", "EXTSTATE", "MASTERPLAYSPEEDENV", "FREEZE"),
    }
)


def read_rpp(data: bytes) -> Session:
    """Read a REAPER project."""
    project = parse_chunks(decode_text(data), ROOT)
    words = project.words()
    if not words or words[0] != "0.1":
        raise BadInput(f"the REAPER project has format {words[:1]!r:.40}, want 0.1")
    settings = project.settings()
    tempo = tuple(_tempo(project, settings))
    unread: Counter[str] = Counter()
    tracks = (*_tracks(project, unread), _master(project, settings))
    _count_unread(project, unread)
    return Session(
        format="rpp",
        application="REAPER",
        version=words[1] if len(words) > 1 else "",
        digest=hashlib.sha256(data).hexdigest(),
        # The first line holds version and time of saving.
        content_digest=hashlib.sha256(data.partition(b"\n")[2]).hexdigest(),
        size=len(data),
        tempo=tempo,
        tracks=tracks,
        markers=tuple(_markers(project)),
        parameters=(
            Parameter("master play rate", _word(settings, "PLAYRATE", 0, "1"), Unit.RAW),
            Parameter("pan law", _word(settings, "PANLAW", 0, "1"), Unit.RAW),
        ),
        unread=tuple(sorted(unread.items())),
    )


def _word(settings: dict[str, list[str]], key: str, index: int, default: str) -> str:
    words = settings.get(key, [])
    return words[index] if index < len(words) else default


def _moment(word: str, what: str) -> Moment:
    return Moment(parse_decimal(word, what), TimeUnit.SECOND)


def _tempo(project: Chunk, settings: dict[str, list[str]]) -> Iterator[TempoPoint]:
    bpm = _word(settings, "TEMPO", 0, "120")
    over = parse_integer(_word(settings, "TEMPO", 1, "4"), "the time signature")
    under = parse_integer(_word(settings, "TEMPO", 2, "4"), "the time signature")
    _check_tempo(bpm, over, under)
    points: list[TempoPoint] = []
    for chunk in project.chunks("TEMPOENVEX"):
        for line in chunk.lines():
            words = line.split()
            if words[0] != "PT" or len(words) < 4:
                continue
            encoded = parse_integer(words[4], "a time signature") if len(words) > 4 else 0
            if encoded > 0:
                # Two 16-bit halves; zero keeps the signature before.
                over, under = encoded & 0xFFFF, encoded >> 16
            _check_tempo(words[2], over, under)
            at = _moment(words[1], "a tempo marker's time")
            points.append(TempoPoint(at, words[2], over, under, ramp=words[3] == "0"))
    if not points or points[0].at.value > 0:
        first = TempoPoint(Moment(Fraction(0), TimeUnit.SECOND), bpm, over, under)
        points.insert(0, first)
    yield from points


def _check_tempo(bpm: str, over: int, under: int) -> None:
    if not 1 <= parse_decimal(bpm, "the tempo") <= 10_000:
        raise BadInput(f"the tempo is {bpm:.40}, want 1 to 10000")
    if not (0 < over < 1000 and 0 < under < 1000):
        raise BadInput(f"the time signature is {over}/{under}, want two small positive numbers")


def _markers(project: Chunk) -> Iterator[Marker]:
    """Read markers; a region is two lines of one number, the second one its end."""
    begun: dict[str, tuple[str, Moment, str]] = {}
    for line in project.lines():
        if not line.startswith("MARKER "):
            continue
        words = split_words(line)
        if len(words) < 5:
            continue
        number, name = words[1], words[3]
        at = _moment(words[2], "a marker's time")
        identity = next((w for w in words[5:] if w.startswith("{")), "")
        if not parse_integer(words[4], "a marker's flags") & 1:
            yield Marker(name, at, identity=identity)
        elif number in begun:
            label, start, known = begun.pop(number)
            length = Moment(at.value - start.value, TimeUnit.SECOND)
            yield Marker(label, start, length, identity=known)
        else:
            begun[number] = (name, at, identity)


def _tracks(project: Chunk, unread: Counter[str]) -> Iterator[Track]:
    chunks = project.chunks("TRACK")
    if len(chunks) > MAX_TRACKS:
        raise BadInput(f"the REAPER project has {len(chunks)} tracks, want at most {MAX_TRACKS}")
    names = [_track_identity(c) for c in chunks]
    parents: list[str] = []
    for chunk, identity in zip(chunks, names, strict=True):
        settings = chunk.settings()
        parent = parents[-1] if parents else ""
        yield _track(chunk, settings, identity=identity, parent=parent, sources=names)
        _count_unread(chunk, unread)
        mode = _word(settings, "ISBUS", 0, "0")
        change = parse_integer(_word(settings, "ISBUS", 1, "0"), "the folder depth")
        if mode == "1":
            parents.append(identity)
        elif change < 0:
            del parents[max(0, len(parents) + change) :]


def _track_identity(chunk: Chunk) -> str:
    words = chunk.words()
    return words[0] if words else _word(chunk.settings(), "TRACKID", 0, "")


def _track(
    chunk: Chunk,
    settings: dict[str, list[str]],
    *,
    identity: str,
    parent: str,
    sources: Sequence[str],
) -> Track:
    is_folder = _word(settings, "ISBUS", 0, "0") == "1"
    return Track(
        _word(settings, "NAME", 0, ""),
        TrackKind.FOLDER if is_folder else TrackKind.TRACK,
        identity=identity,
        parent=parent,
        mixer=Mixer(
            volume=Parameter("volume", _word(settings, "VOLPAN", 0, "1"), Unit.GAIN),
            pan=Parameter("pan", _word(settings, "VOLPAN", 1, "0"), Unit.PAN),
            width=Parameter("width", _word(settings, "VOLPAN", 4, "1"), Unit.RATIO),
            mute=_word(settings, "MUTESOLO", 0, "0") != "0",
            solo=_word(settings, "MUTESOLO", 1, "0") != "0",
            phase=_word(settings, "IPHASE", 0, "0") != "0",
            output="master" if _word(settings, "MAINSEND", 0, "1") != "0" else "none",
            sends=tuple(_receives(chunk, sources)),
        ),
        devices=tuple(
            device for c in chunk.chunks(*_CHAINS) for device in read_chain(c, _CHAINS[c.name])
        ),
        clips=tuple(read_item(item) for item in chunk.chunks("ITEM")),
        automations=tuple(_envelopes(chunk, prefix="")),
        parameters=(
            Parameter("effects", _word(settings, "FX", 0, "1"), Unit.SWITCH),
            Parameter("play offset", _word(settings, "PLAYOFFS", 0, "0"), Unit.SECONDS),
        ),
        source=name_input(_word(settings, "REC", 1, "")),
    )


def _receives(chunk: Chunk, sources: Sequence[str]) -> Iterator[Send]:
    for line in chunk.lines():
        if not line.startswith("AUXRECV "):
            continue
        words = split_words(line)
        if len(words) < 7:
            continue
        index = parse_integer(words[1], "the source of a receive")
        known = 0 <= index < len(sources)
        yield Send(
            sources[index] if known else words[1],
            (
                Parameter("volume", words[3], Unit.GAIN),
                Parameter("pan", words[4], Unit.PAN),
                Parameter("mute", words[5], Unit.SWITCH),
                Parameter("mode", words[2]),
            ),
            incoming=True,
        )


def _envelopes(chunk: Chunk, prefix: str) -> Iterator[Automation]:
    for child in chunk.chunks():
        target, unit = _ENVELOPES.get(child.name.removeprefix(prefix), ("", Unit.RAW))
        envelope = read_envelope(child, target, unit) if target else None
        if envelope is not None:
            yield envelope


def _master(project: Chunk, settings: dict[str, list[str]]) -> Track:
    state = parse_integer(_word(settings, "MASTERMUTESOLO", 0, "0"), "the master's mute")
    return Track(
        "Master",
        TrackKind.MASTER,
        identity=MASTER_IDENTITY,
        mixer=Mixer(
            volume=Parameter("volume", _word(settings, "MASTER_VOLUME", 0, "1"), Unit.GAIN),
            pan=Parameter("pan", _word(settings, "MASTER_VOLUME", 1, "0"), Unit.PAN),
            mute=bool(state & 1),
            solo=bool(state & 2),
        ),
        devices=tuple(d for c in project.chunks("MASTERFXLIST") for d in read_chain(c)),
        automations=tuple(_envelopes(project, prefix="MASTER")),
        parameters=(Parameter("effects", _word(settings, "MASTER_FX", 0, "1"), Unit.SWITCH),),
    )


def _count_unread(chunk: Chunk, unread: Counter[str]) -> None:
    for child in chunk.chunks():
        name = child.name.removeprefix("MASTER")
        if child.name not in _KNOWN and child.name not in _CHAINS and name not in _ENVELOPES:
            unread[child.name[:40]] += 1
