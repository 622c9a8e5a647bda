"""Hydrogen songs (.h2song), versions 0.9.2 to 1.2: bytes -> Session, or BadInput.

Instruments of the drum kit become tracks with their notes in one cell a pattern; patterns become
tracks whose clips are their columns in the song; the four effects and the output become busses.
A tick is a 48th of a quarter note; a column is as long as its longest pattern. Instruments have
numbers of their own, which notes use; patterns have only names. A key is told from the sample's
own pitch, which is 60 here. Not read: windows, loop and song mode, metronome, MIDI output,
component levels; what is unknown is counted in `Session.unread`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from stemproof.errors import BadInput

from .hydrogen_parts import effect_track, instrument_track, is_true, quarters, read_notes
from .model import (
    Automation,
    Clip,
    ClipKind,
    Marker,
    MediaRef,
    Mixer,
    Moment,
    Parameter,
    Point,
    Session,
    TempoPoint,
    Track,
    TrackKind,
    Unit,
)
from .numbers import parse_decimal, parse_integer
from .strict_xml import digest_xml, parse_xml

if TYPE_CHECKING:
    from lxml.etree import _Element

WHAT: Final = "the Hydrogen song"
MAX_XML_BYTES: Final = 64 << 20
MAX_NOTES: Final = 1_000_000
MAX_TRACKS: Final = 20_000
MAX_COLUMNS: Final = 100_000
MAX_TICKS: Final = 48 * 1000
_NAMESPACE: Final = "{http://www.hydrogen-music.org/song}"
_DEFAULT_TICKS: Final = "192"
_ZERO: Final = Moment(Fraction(0))
_READ: Final = frozenset(
    {
        *("version", "bpm", "volume", "name", "author", "notes", "license", "humanize_time"),
        *("humanize_velocity", "swing_factor", "instrumentList", "patternList", "ladspa"),
        *("virtualPatternList", "patternSequence", "BPMTimeLine", "timeLineTag"),
        *("automationPaths", "playbackTrackFilename", "playbackTrackEnabled"),
        *("playbackTrackVolume", "isTimelineActivated", "pan_law_type", "formatVersion"),
    }
)
# How the program plays and shows, not what.
_NOT_MUSIC: Final = frozenset(
    {
        *("metronomeVolume", "loopEnabled", "patternModeMode", "action_mode", "mode"),
        *("pan_law_k_norm", "componentList", "isPatternEditorLocked", "isMuted"),
        *("last_loaded_drumkit", "last_loaded_drumkit_name", "midiInstrumentMap"),
    }
)


def read_hydrogen(data: bytes) -> Session:
    """Read a Hydrogen song."""
    roots = ("song", f"{_NAMESPACE}song")
    root = parse_xml(data, WHAT, roots=roots, max_bytes=MAX_XML_BYTES)
    for node in root.iter(f"{_NAMESPACE}*"):
        node.tag = str(node.tag).removeprefix(_NAMESPACE)
    song = _Song(root)
    tracks = tuple(song.tracks())
    if len(tracks) > MAX_TRACKS:
        raise BadInput(f"{WHAT} has {len(tracks)} tracks, want at most {MAX_TRACKS}")
    session = Session(
        format="hydrogen",
        application="Hydrogen",
        version=root.findtext("version") or "",
        digest=hashlib.sha256(data).hexdigest(),
        content_digest="",
        size=len(data),
        tempo=tuple(song.tempo()),
        tracks=tracks,
        markers=tuple(song.markers()),
        parameters=tuple(_parameters(root)),
        unread=tuple(sorted(song.unread.items())),
    )
    return _with_content(session, root)


def _with_content(session: Session, root: _Element) -> Session:
    for name in ("version", "formatVersion", *_NOT_MUSIC):
        for node in root.findall(name):
            root.remove(node)
    return replace(session, content_digest=digest_xml(root))


def _parameters(root: _Element) -> Iterator[Parameter]:
    yield Parameter("swing", root.findtext("swing_factor") or "0")
    yield Parameter("humanize time", root.findtext("humanize_time") or "0")
    yield Parameter("humanize velocity", root.findtext("humanize_velocity") or "0")
    yield Parameter("pan law", root.findtext("pan_law_type") or "RATIO_STRAIGHT_POLYGONAL")
    for title, name in (("title", "name"), ("author", "author"), ("license", "license")):
        yield Parameter(title, root.findtext(name) or "", Unit.TEXT)
    yield Parameter("notes", root.findtext("notes") or "", Unit.TEXT)


class _Song:
    """One song; columns and their places are worked out once."""

    def __init__(self, root: _Element) -> None:
        self._root = root
        self.unread: Counter[str] = Counter(
            str(n.tag)[:40] for n in root if n.tag not in _READ and n.tag not in _NOT_MUSIC
        )
        self._patterns = list(root.iterfind("patternList/pattern"))
        self._sizes: dict[str, int] = {}
        for node in self._patterns:
            size = parse_integer(node.findtext("size") or _DEFAULT_TICKS, "a pattern's size")
            if not 0 < size <= MAX_TICKS:
                raise BadInput(f"a pattern has {size} ticks, want 1 to {MAX_TICKS}")
            self._sizes.setdefault(_name(node), size)
        self._columns = [
            [p.text or "" for p in group.iterfind("patternID")]
            for group in root.iterfind("patternSequence/group")
        ]
        if len(self._columns) > MAX_COLUMNS:
            raise BadInput(f"{WHAT} has {len(self._columns)} columns, want at most {MAX_COLUMNS}")
        self._starts = [0]
        for names in self._columns:
            size = max((self._sizes.get(name, 0) for name in names), default=0)
            self._starts.append(self._starts[-1] + (size or int(_DEFAULT_TICKS)))

    def tracks(self) -> Iterator[Track]:
        notes = read_notes(self._patterns, _name, self.unread, MAX_NOTES)
        seen: set[str] = set()
        for node in self._root.iterfind("instrumentList/instrument"):
            number = node.findtext("id") or ""
            cells = notes.pop(number, {}) if number not in seen else {}
            seen.add(number)
            yield instrument_track(node, cells, self.unread)
        for cells in notes.values():
            self.unread["note of an unknown instrument"] += sum(
                len(c.notes) for c in cells.values()
            )
        yield from self._pattern_tracks()
        for place, node in enumerate(self._root.iterfind("ladspa/fx"), start=1):
            track = effect_track(node, place)
            if track is not None:
                yield track
        yield from self._playback()
        yield Track(
            "Master",
            TrackKind.MASTER,
            identity="master",
            mixer=Mixer(
                volume=Parameter("volume", self._root.findtext("volume") or "0.5", Unit.GAIN)
            ),
            automations=tuple(self._paths()),
        )

    def _pattern_tracks(self) -> Iterator[Track]:
        places: dict[str, list[Clip]] = {}
        for column, names in enumerate(self._columns):
            for name in dict.fromkeys(names):
                start = self._starts[column]
                size = self._sizes.get(name, 0)
                clip = Clip(ClipKind.PATTERN, "", quarters(start), quarters(size))
                places.setdefault(name, []).append(clip)
        virtual = _virtual(self._root)
        for node in self._patterns:
            name = _name(node)
            yield Track(
                name,
                TrackKind.PATTERN,
                clips=tuple(places.pop(name, ())),
                parameters=(
                    Parameter("length", f"{self._sizes[name] / 48:g}", Unit.BEATS),
                    Parameter("category", node.findtext("category") or "", Unit.TEXT),
                    Parameter("plays also", virtual.get(name, "none")),
                ),
            )
        if places:
            self.unread["place of an unknown pattern"] += sum(len(p) for p in places.values())

    def _playback(self) -> Iterator[Track]:
        path = self._root.findtext("playbackTrackFilename") or ""
        if not path:
            return
        clip = Clip(ClipKind.AUDIO, "", _ZERO, _ZERO, media=MediaRef(path))
        volume = self._root.findtext("playbackTrackVolume") or "0"
        yield Track(
            "Playback track",
            TrackKind.AUDIO,
            identity="playback",
            mixer=Mixer(
                volume=Parameter("volume", volume, Unit.GAIN),
                mute=not is_true(self._root.findtext("playbackTrackEnabled")),
            ),
            clips=(clip,),
        )

    def _paths(self) -> Iterator[Automation]:
        for path in self._root.iterfind("automationPaths/path"):
            points = tuple(
                Point(
                    # Columns, here as bars of four quarter notes.
                    parse_decimal(p.get("x", ""), "an automation point") * 4,
                    p.get("y", ""),
                )
                for p in path.iterfind("point")
            )
            if points:
                yield Automation(path.get("adjust", ""), points)

    def tempo(self) -> Iterator[TempoPoint]:
        first = self._root.findtext("bpm") or "120"
        is_active = self._root.findtext("isTimelineActivated")
        changes: dict[int, str] = {}
        if is_active is None or is_true(is_active):
            for node in self._root.iterfind("BPMTimeLine/newBPM"):
                changes[self._bar(node)] = node.findtext("BPM") or ""
        changes.setdefault(0, first)
        for tick, bpm in sorted(changes.items()):
            if not 1 <= parse_decimal(bpm, "the tempo") <= 10_000:
                raise BadInput(f"the tempo is {bpm:.40}, want 1 to 10000")
            yield TempoPoint(quarters(tick), bpm, 4, 4)

    def markers(self) -> Iterator[Marker]:
        for node in self._root.iterfind("timeLineTag/newTAG"):
            yield Marker(node.findtext("TAG") or "", quarters(self._bar(node)))

    def _bar(self, node: _Element) -> int:
        """Give the tick at which a column begins, also beyond the last one."""
        column = parse_integer(node.findtext("BAR") or "", "a column")
        if not 0 <= column <= MAX_COLUMNS:
            raise BadInput(f"a column is {column}, want 0 to {MAX_COLUMNS}")
        last = len(self._starts) - 1
        beyond = max(0, column - last) * int(_DEFAULT_TICKS)
        return self._starts[min(column, last)] + beyond


def _name(node: _Element) -> str:
    return node.findtext("name") or node.findtext("pattern_name") or ""


def _virtual(root: _Element) -> Mapping[str, str]:
    return {
        _name(node): ", ".join(v.text or "" for v in node.iterfind("virtual")) or "none"
        for node in root.iterfind("virtualPatternList/pattern")
    }
