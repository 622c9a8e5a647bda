"""Ableton Live sets (.als), Live 8 to 12: bytes -> Session, or BadInput.

    <Ableton MajorVersion="5" MinorVersion="11.0_11300" Creator="Ableton Live 11.3.13">
      <LiveSet>
        <Tracks>…, <MasterTrack> or <MainTrack>, <PreHearTrack>
        <Scenes> or <SceneNames>, <Transport>, <Locators>, <GroovePool>, and dozens of views

A track's `Id` is stable and so is its identity; a clip's or a device's is unique only in its list.
Tempo and time signature stand in the mixer of the master, as other automated values do.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from stemproof.errors import BadInput

from .collector import pause_collector
from .live_clips import CLIPS, GROOVE, NO_GROOVE, read_clip
from .live_digest import digest_content
from .live_envelopes import moment
from .live_tempo import read_tempo
from .live_tracks import TRACKS, Surroundings, read_track
from .live_xml import ROOT, is_true, stream_parts, value
from .model import (
    Clip,
    Marker,
    Moment,
    Parameter,
    Session,
    TempoPoint,
    Track,
    TrackKind,
    Unit,
)

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_TRACKS: Final = 20_000
MAX_CLIPS: Final = 200_000
MAX_PARTS: Final = 3_000_000
"""Notes, points and parameters in all: ten times what the biggest sets hold."""
_CREATOR: Final = re.compile(r"Ableton Live (?:Beta )?(.{1,40})")
_PARTS: Final = (*CLIPS, *TRACKS)
_RELEASES: Final = frozenset(TRACKS)
_ROOT_NOTES: Final = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
# Live 12 numbers its scales where Live 11 named them.
_SCALES: Final = ("Major", "Minor", "Dorian", "Mixolydian", "Lydian", "Phrygian", "Locrian")


def read_live(data: bytes) -> Session:
    """Read a Live set, gzipped or plain."""
    with pause_collector():
        return _read(data)


def _read(data: bytes) -> Session:
    reader = _Reader()
    root = None
    for part in stream_parts(data, _PARTS, _RELEASES):
        if part.tag == ROOT:
            root = part
        else:
            reader.read(part)
    live_set = None if root is None else root.find("LiveSet")
    if root is None or live_set is None:
        raise BadInput("the file holds no Live set", hint="presets and clips (.adg, .alc) are none")
    return reader.session(root, live_set, data)


class _Reader:
    """Fills while the file is read; what must wait for the end is joined there."""

    def __init__(self) -> None:
        self._clips: dict[_Element, Clip] = {}
        self._tracks: list[Track] = []
        self._master: Track | None = None
        self._tempo: tuple[TempoPoint, ...] | None = None
        self._returns: list[str] = []
        self._unread: Counter[str] = Counter()
        self._clip_count = self._part_count = 0

    def read(self, part: _Element) -> None:
        """Read a clip or a track that has just ended, and empty it."""
        if part.tag in CLIPS:
            clip = read_clip(part)
            self._clips[part] = clip
            self._clip_count += 1
            self._count(len(clip.notes) + sum(len(lane.points) for lane in clip.points))
        else:
            self._read_track(part)
            self._clips.clear()
        del part[:]

    def _read_track(self, node: _Element) -> None:
        holder = node.getparent()
        kind = TRACKS[str(node.tag)]
        is_listed = holder is not None and holder.tag == "Tracks"
        if not is_listed and kind is not TrackKind.MASTER:
            self._unread["track in an unknown place"] += 1
            return
        if len(self._tracks) >= MAX_TRACKS:
            raise BadInput(f"the Live set has more than {MAX_TRACKS} tracks")
        is_return = kind is TrackKind.BUS
        number = len(self._returns) + 1 if is_return else len(self._tracks) + 1
        track = read_track(node, Surroundings(self._clips, self._unread, number))
        for device in track.devices:
            moved = sum(len(lane.points) for lane in device.automations)
            self._count(len(device.parameters) + moved)
        self._count(sum(len(lane.points) for lane in track.automations))
        if kind is TrackKind.MASTER:
            self._master = track
            self._tempo = read_tempo(node)
            return
        if is_return:
            self._returns.append(track.identity)
        self._tracks.append(track)

    def _count(self, parts: int) -> None:
        self._part_count += parts
        if self._clip_count > MAX_CLIPS or self._part_count > MAX_PARTS:
            most = f"{MAX_CLIPS} clips or {MAX_PARTS} notes, points and parameters"
            raise BadInput(f"the Live set has more than {most}")

    def session(self, root: _Element, live_set: _Element, data: bytes) -> Session:
        """Join everything at the end of the file."""
        if self._master is None or self._tempo is None:
            raise BadInput("the Live set has no master track with a tempo")
        scenes = list(_scene_nodes(live_set))
        grooves = _grooves(live_set)
        tracks = [self._joined(track, scenes, grooves) for track in self._tracks]
        tracks.append(self._joined(self._master, scenes, grooves))
        session = Session(
            format="als",
            application="Ableton Live",
            version=_version(root),
            digest=hashlib.sha256(data).hexdigest(),
            content_digest="",
            size=len(data),
            tempo=self._tempo,
            tracks=tuple(tracks),
            markers=tuple(sorted(_markers(live_set), key=lambda m: m.at.value)),
            parameters=(*_scale(live_set), *_scene_parameters(scenes)),
            unread=tuple(sorted(self._unread.items())),
        )
        schema = f"{root.get('MajorVersion')} {root.get('MinorVersion')}"
        return replace(session, content_digest=digest_content(session, schema))

    def _joined(self, track: Track, scenes: list[_Element], grooves: dict[str, str]) -> Track:
        sends = tuple(
            replace(send, target=self._returns[int(send.target)])
            for send in track.mixer.sends
            if int(send.target) < len(self._returns)
        )
        return replace(
            track,
            mixer=replace(track.mixer, sends=sends),
            clips=tuple(_joined_clip(clip, scenes, grooves) for clip in track.clips),
        )


def _joined_clip(clip: Clip, scenes: list[_Element], grooves: dict[str, str]) -> Clip:
    slot = clip.slot
    if slot is not None and not slot.is_timed:
        number = int(slot.label.rpartition(" ")[2])
        name = _scene_name(scenes[number - 1]) if number <= len(scenes) else ""
        if name:
            clip = replace(clip, slot=replace(slot, label=f"{slot.label} '{name}'"))
    if all(p.name != GROOVE or p.value == NO_GROOVE for p in clip.parameters):
        return clip
    parameters = tuple(
        replace(p, value=grooves.get(p.value, p.value)) if p.name == GROOVE else p
        for p in clip.parameters
    )
    return replace(clip, parameters=parameters)


def _version(root: _Element) -> str:
    found = _CREATOR.fullmatch(root.get("Creator", ""))
    return found[1] if found else root.get("MinorVersion", "").partition("_")[0]


def _markers(live_set: _Element) -> Iterator[Marker]:
    for node in live_set.iterfind("Locators/Locators/Locator"):
        at = Moment(moment(value(node, "Time", "0")))
        yield Marker(value(node, "Name"), at, identity=node.get("Id", ""))


def _scene_nodes(live_set: _Element) -> Iterator[_Element]:
    yield from live_set.iterfind("Scenes/Scene")
    yield from live_set.iterfind("SceneNames/Scene")


def _scene_name(scene: _Element) -> str:
    # Until Live 10 the scene's own value is its name.
    return (value(scene, "Name") or scene.get("Value", "")).strip()


def _scene_parameters(scenes: list[_Element]) -> Iterator[Parameter]:
    for number, scene in enumerate(scenes, start=1):
        # Numbers from 0 that a scene keeps where it goes.
        key = scene.get("Id", "")
        label = f"scene {int(key) + 1 if key.isdecimal() and len(key) < 9 else number}"
        yield Parameter(f"{label} name", _scene_name(scene), Unit.TEXT)
        if is_true(scene, "IsTempoEnabled"):
            yield Parameter(f"{label} tempo", value(scene, "Tempo"), Unit.BPM)


def _scale(live_set: _Element) -> Iterator[Parameter]:
    node = live_set.find("ScaleInformation")
    if node is None:
        return
    root = value(node, "RootNote") or value(node, "Root")
    name = value(node, "Name")
    known = len(root) < 3 and root.isascii() and root.isdigit() and int(root) < len(_ROOT_NOTES)
    numbered = len(name) < 3 and name.isascii() and name.isdigit() and int(name) < len(_SCALES)
    key = _ROOT_NOTES[int(root)] if known else root
    mode = _SCALES[int(name)] if numbered else name
    yield Parameter("scale", f"{key} {mode}".strip(), Unit.TEXT)


def _grooves(live_set: _Element) -> dict[str, str]:
    found = {}
    for node in live_set.iterfind("GroovePool/Grooves/Groove"):
        found[node.get("Id", "")] = value(node, "Name") or f"groove {node.get('Id', '')}"
    return found
