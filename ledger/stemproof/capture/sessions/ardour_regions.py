"""Sources, regions and playlists of an Ardour session.

A source is a file (MIDI is kept in .mid files beside the session, so notes are not here), a
region plays a part of one or several sources, a playlist holds the regions of one track; a track
plays one playlist and keeps the others, which is how Ardour keeps takes. A region in the pool
`<Regions>` is heard nowhere: only the playlists count. A file that Ardour recorded says for which
track (`captured-for`).

Not read: layering, sync points, transients, the shape of fades.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from .ardour_automation import is_on, read_list
from .ardour_processors import read_plugin
from .model import (
    Automation,
    Clip,
    ClipKind,
    MediaRef,
    Moment,
    Parameter,
    TimeUnit,
    Unit,
)
from .numbers import is_decimal

if TYPE_CHECKING:
    from lxml.etree import _Element

    from .ardour_time import Clock

MAX_CHANNELS = 64
_OWNERS = ("orig-track-id", "orig_track_id", "orig-diskstream-id", "orig_diskstream_id")
_FADES = (("fade-in", "FadeIn", "fade-in-active"), ("fade-out", "FadeOut", "fade-out-active"))
_KNOWN_PARTS = frozenset(
    {
        *("Envelope", "FadeIn", "FadeOut", "InverseFadeIn", "InverseFadeOut", "RegionFXPlugin"),
        *("Extra", "Transients"),
    }
)
_FLAT = 1e-4
_NOWHERE = Moment(Fraction(0), TimeUnit.SECOND)


@dataclass(frozen=True, slots=True)
class Source:
    """One channel of a file."""

    path: str
    is_recorded: bool


@dataclass(slots=True)
class Pool:
    """What the playlists of one session refer to."""

    clock: Clock
    unread: Counter[str]
    sources: dict[str, Source] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Playlist:
    """Regions in order, and the track (in version 3: the diskstream) that they were made for."""

    identity: str
    name: str
    clips: tuple[Clip, ...]
    owner: str


def read_pool(root: _Element, clock: Clock, unread: Counter[str]) -> Pool:
    """Read the files of a session."""
    pool = Pool(clock, unread)
    for node in root.iterfind("Sources/Source"):
        if node.get("playlist"):
            unread["compound regions"] += 1
            continue
        is_recorded = bool(node.get("captured-for"))
        pool.sources[node.get("id", "")] = Source(node.get("name", ""), is_recorded)
    return pool


def read_playlists(root: _Element, pool: Pool) -> list[Playlist]:
    """Read the playlists in use and then the kept ones."""
    return [
        _read_playlist(node, pool)
        for part in ("Playlists", "UnusedPlaylists")
        for node in root.iterfind(f"{part}/Playlist")
    ]


def _read_playlist(node: _Element, pool: Pool) -> Playlist:
    clips = [_read_region(region, pool) for region in node.iterfind("Region")]
    clips.sort(key=lambda c: (c.position.unit, c.position.value, c.identity))
    owner = next((node.get(name, "") for name in _OWNERS if node.get(name)), "")
    return Playlist(node.get("id", ""), node.get("name", ""), tuple(clips), owner)


def _read_region(node: _Element, pool: Pool) -> Clip:
    is_midi = node.get("type") == "midi"
    position, length = _position(node, pool.clock), _length(node, pool.clock)
    offset = pool.clock.moment(node.get("start", "0"), "a region's start")
    media = _media(node, pool)
    source = pool.sources.get(node.get("source-0", ""))
    for child in node:
        if child.tag not in _KNOWN_PARTS:
            pool.unread[f"part of a region: {str(child.tag)[:30]}"] += 1
    return Clip(
        ClipKind.NOTES if is_midi else ClipKind.AUDIO,
        node.get("name", ""),
        position,
        length,
        identity=node.get("id", ""),
        offset=offset,
        muted=is_on(node.get("muted", "0")),
        media=media[0] if media else None,
        more_media=media[1:],
        points=() if is_midi else _envelope(node, pool.clock),
        parameters=() if is_midi else _settings(node, pool.clock),
        devices=tuple(
            replace(read_plugin(effect, pool.clock, pool.unread), role="take")
            for effect in node.iterfind("RegionFXPlugin")
        ),
        recorded=source is not None and source.is_recorded,
    )


def _media(node: _Element, pool: Pool) -> tuple[MediaRef, ...]:
    paths: dict[str, None] = {}
    for channel in range(MAX_CHANNELS):
        number = node.get(f"source-{channel}")
        if number is None:
            break
        source = pool.sources.get(number)
        if source is not None:
            paths[source.path] = None
    return tuple(MediaRef(path) for path in paths if path)


def _position(node: _Element, clock: Clock) -> Moment:
    written = node.get("position")
    if written is None:
        # Since version 7 a length tells where it is measured: there the region stands.
        written = node.get("length", "").partition("@")[2]
    return clock.moment(written, "a region's position") if written else _NOWHERE


def _length(node: _Element, clock: Clock) -> Moment:
    return clock.moment(node.get("length", "0"), "a region's length")


def _settings(node: _Element, clock: Clock) -> tuple[Parameter, ...]:
    found = [Parameter("gain", node.get("scale-amplitude", "1"), Unit.GAIN)]
    for name, tag, switch in _FADES:
        words = (node.findtext(f"{tag}/AutomationList/events") or "").split()
        # A fade is as long as its last point is late.
        is_used = len(words) > 1 and is_on(node.get(switch, "1"))
        length = clock.point(words[-2], "a fade's end") if is_used else Fraction(0)
        found.append(Parameter(name, f"{float(length):.6g}", Unit.SECONDS))
    found.append(Parameter("opaque", _switch(node.get("opaque", "1")), Unit.SWITCH))
    return tuple(found)


def _envelope(node: _Element, clock: Clock) -> tuple[Automation, ...]:
    written = node.find("Envelope/AutomationList")
    if written is None:
        return ()
    lane = read_list(written, clock, "clip gain", Unit.GAIN)
    # Ardour writes a flat envelope for every trimmed region, a hair above 1.
    if all(is_decimal(p.value) and abs(float(p.value) - 1) < _FLAT for p in lane.points):
        return ()
    enabled = is_on(node.get("envelope-active", "0"))
    return (Automation(lane.target, lane.points, "", lane.time_unit, enabled, lane.unit),)


def _switch(text: str) -> str:
    return "1" if is_on(text) else "0"
