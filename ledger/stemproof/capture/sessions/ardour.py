"""Ardour (and Mixbus) sessions (.ardour), versions 3 to 8: bytes -> Session, or BadInput.

    <Session version="7002" name="song" sample-rate="48000">
      <ProgramVersion created-with="Ardour 7.3.0" modified-with="Ardour 7.3.0"/>
      <Sources> <Regions> <Locations> <Routes> <Playlists> <UnusedPlaylists> <TempoMap> ...

Routes, regions, processors and locations carry an `id` that stays: it is their identity. Times
are samples up to version 6 and superclock or beats since. MIDI lies in .mid files beside the
session, so a change of notes is seen only in the history (ardour_history.py). Not read: what
records and listens (rec-enable, inputs, monitoring), meters, loop and punch, the session range
while Ardour stretches it by itself, colours, windows, export, click, control surfaces; elements
of other names are counted in `Session.unread`.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from stemproof.errors import BadInput

from .ardour_regions import Playlist, read_playlists, read_pool
from .ardour_routes import Network, read_route, read_vca
from .ardour_time import Clock, read_clock, read_tempo
from .model import (
    Clip,
    Marker,
    Moment,
    Parameter,
    Session,
    Slot,
    Take,
    Track,
    TrackKind,
    Unit,
)
from .numbers import parse_integer
from .strict_xml import parse_xml

if TYPE_CHECKING:
    from lxml.etree import _Element

ROOT = "Session"
MAX_XML_BYTES = 64 * 1024 * 1024
"""A tree takes up to ten times as much memory; a song of 50 tracks has 1 to 5 MB."""
MAX_TRACKS = 20_000
_OLDEST = 3000
_PROGRAM = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9 ]{0,30}?) (?:\d+:)?(?P<version>\d+(?:\.\d+)*)")
_KNOWN = frozenset(
    {
        *("ProgramVersion", "Metadata", "Sources", "Regions", "Locations", "VCAManager", "Routes"),
        *("Playlists", "UnusedPlaylists", "RouteGroups", "TempoMap", "TriggerBindings"),
        # The program's own state.
        *("EngineHints", "MIDIPorts", "Config", "Selection", "Bundles", "Click", "Speakers"),
        *("LTC-In", "LTC-Out", "LTC In", "LTC Out", "ControlProtocols", "Extra", "UI", "Script"),
        *("GUIObjectState", "Videomonitor", "Videotimeline", "CompoundAssociations", "IOPlugins"),
        *("NamedSelections", "DiskStreams", "Connections", "EditGroups", "MixGroups", "IO"),
        *("TransportMasters", "RTMidiPorts", "MixerScenes", "Instance", "Locks", "ProcessGraph"),
    }
)
# Places of the transport and of the program, not of the music.
_NOT_MUSIC = frozenset({"IsAutoPunch", "IsAutoLoop", "IsClockOrigin", "IsXrun", "IsSessionRange"})


def read_ardour(data: bytes) -> Session:
    """Read an Ardour session."""
    root = parse_xml(data, "the Ardour session", roots=(ROOT,), max_bytes=MAX_XML_BYTES)
    _check_version(root.get("version", ""))
    clock, unread = read_clock(root), Counter[str]()
    for child in root:
        if child.tag not in _KNOWN:
            unread[str(child.tag)[:40]] += 1
    session = Session(
        format="ardour",
        application=_program(root)[0],
        version=_program(root)[1],
        digest=hashlib.sha256(data).hexdigest(),
        content_digest="",
        size=len(data),
        tempo=read_tempo(root.find("TempoMap"), clock),
        tracks=_tracks(root, clock, unread),
        markers=tuple(_markers(root, clock)),
        parameters=tuple(_metadata(root)),
        unread=tuple(sorted(unread.items())),
    )
    said = repr((session.tempo, session.tracks, session.markers, session.parameters))
    digest = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()
    return replace(session, content_digest=digest)


def _check_version(written: str) -> None:
    # Version 2 wrote "2.0.0"; since then the thousands are the program's version.
    is_number = written.isascii() and written.isdigit() and len(written) < 7
    if not is_number or int(written) < _OLDEST:
        raise BadInput(
            f"the Ardour session is of version {written!r:.20}, want 3000 or later",
            hint="open and save it with Ardour 5 or later",
        )


def _program(root: _Element) -> tuple[str, str]:
    """Name the program without the build: bands mix builds of one version."""
    node = root.find("ProgramVersion")
    written = "" if node is None else node.get("modified-with") or node.get("created-with") or ""
    match = _PROGRAM.match(written)
    if match is None:
        return "Ardour", root.get("version", "")
    version = match["version"]
    while version.endswith(".0") and version.count(".") > 1:
        version = version.removesuffix(".0")
    return match["name"], version


def _tracks(root: _Element, clock: Clock, unread: Counter[str]) -> tuple[Track, ...]:
    nodes = [node for node in root.iterfind("Routes/Route") if not _is_hidden(node)]
    if len(nodes) > MAX_TRACKS:
        raise BadInput(f"the Ardour session has {len(nodes)} routes, want at most {MAX_TRACKS}")
    network = Network(root, nodes)
    playlists = read_playlists(root, read_pool(root, clock, unread))
    by_owner: dict[str, list[Playlist]] = {}
    for playlist in playlists:
        by_owner.setdefault(playlist.owner, []).append(playlist)
    found: list[tuple[int, Track]] = []
    for node in nodes:
        track = read_route(node, network, clock, unread)
        owned = _owned(node, by_owner)
        found.append((_order(node), _with_clips(node, track, owned, playlists)))
    found.sort(key=lambda pair: (pair[1].kind is TrackKind.MASTER, pair[0]))
    vcas = [read_vca(node, clock, unread) for node in root.iterfind("VCAManager/VCA")]
    return (*(track for _, track in found), *vcas)


def _is_hidden(node: _Element) -> bool:
    flags = _flags(node)
    return any(word in flags for word in ("MonitorOut", "Auditioner"))


def _flags(node: _Element) -> str:
    # Version 3 and 4 keep them on the route, later ones beside its order.
    info = node.find("PresentationInfo")
    return node.get("flags", "") if info is None else info.get("flags", "")


def _order(node: _Element) -> int:
    info = node.find("PresentationInfo")
    if info is not None:
        # One that was never set is the largest number that the program knows.
        return parse_integer(info.get("order", "0")[:18], "a track's order")
    # `order-keys="EditorSort=1:MixerSort=1"`
    keys = node.get("order-keys", "").lower()
    words = re.findall(r"(?:editor|editorsort)=(\d{1,9})", keys, re.ASCII)
    return int(words[0]) if words else 0


def _owned(node: _Element, by_owner: dict[str, list[Playlist]]) -> list[Playlist]:
    diskstream = node.find("Diskstream")
    owned = list(by_owner.get(node.get("id", ""), ()))
    if diskstream is not None:
        owned += by_owner.get(diskstream.get("id", ""), ())
    return owned


def _with_clips(
    node: _Element,
    track: Track,
    owned: list[Playlist],
    playlists: Sequence[Playlist],
) -> Track:
    diskstream = node.find("Diskstream")
    number = node.get("audio-playlist") or node.get("midi-playlist") or ""
    name = "" if diskstream is None else diskstream.get("playlist", "")
    used = next(
        (
            p
            for p in (*owned, *playlists)
            if (number and p.identity == number) or (name and p.name == name)
        ),
        None,
    )
    if used is None:
        return track
    # A track may play the playlist of another one.
    kept = owned if used in owned else [used, *owned]
    clips: list[Clip] = list(used.clips)
    for other in kept:
        if other is not used:
            slot = Slot(other.identity, f"take '{other.name}'", is_timed=True)
            clips += [replace(clip, slot=slot) for clip in other.clips]
    takes = tuple(Take(p.identity, p.name) for p in kept)
    return replace(
        track,
        clips=tuple(clips),
        takes=tuple(sorted(takes, key=lambda t: (len(t.identity), t.identity))),
        take=used.identity,
    )


def _markers(root: _Element, clock: Clock) -> Iterator[Marker]:
    is_by_hand = "0" in (root.get("end-is-free"), root.get("session-range-is-free"))
    for node in root.iterfind("Locations/Location"):
        flags = set(node.get("flags", "").split(","))
        if flags & _NOT_MUSIC and not (is_by_hand and "IsSessionRange" in flags):
            continue
        at = clock.moment(node.get("start", "0"), "a marker's place")
        end = clock.moment(node.get("end", "0"), "a marker's end")
        length = None
        if at.unit is end.unit and end.value > at.value and "IsMark" not in flags:
            length = Moment(Fraction(end.value - at.value), at.unit)
        yield Marker(node.get("name", ""), at, length, node.get("id", ""))


def _metadata(root: _Element) -> Iterator[Parameter]:
    for node in root.iterfind("Metadata/*"):
        yield Parameter(str(node.tag).replace("_", " ")[:40], node.text or "", Unit.TEXT)
