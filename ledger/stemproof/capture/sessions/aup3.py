"""Audacity 3 projects (.aup3): tracks, clips, envelopes, real-time effects and labels.

The audio lies in the file itself, so a clip points to no file: its `audio` setting is a digest
of the numbers of its sample blocks, which change whenever its samples do. Cursor, selection,
zoom and track heights are passed by.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final

from stemproof.errors import BadInput

from .aup3_effects import read_effects
from .aup3_sqlite import read_blobs
from .aup3_xml import Element, decode
from .model import (
    AUDIO_PARAMETER,
    Automation,
    Clip,
    ClipKind,
    Marker,
    Mixer,
    Moment,
    Parameter,
    Point,
    Session,
    TempoPoint,
    TimeUnit,
    Track,
    TrackKind,
    Unit,
)
from .numbers import parse_decimal, parse_integer

MAX_TRACKS: Final = 20_000
_KNOWN: Final = frozenset({"wavetrack", "labeltrack", "timetrack", "tags", "effects"})
_CLIP_PARTS: Final = frozenset({"sequence", "envelope"})
_LEFT: Final = "0"


def read_aup3(data: bytes) -> Session:
    """Read an Audacity 3 project."""
    root = decode(*read_blobs(data))
    if root.tag != "project":
        raise BadInput(f"the Audacity project's root is {root.tag!r:.40}, want 'project'")
    unread: Counter[str] = Counter(c.tag[:40] for c in root.children if c.tag not in _KNOWN)
    tracks = _wave_tracks(root, unread)
    tracks += [_time_track(node) for node in root.all("timetrack")]
    master = [device for node in root.all("effects") for device in read_effects(node)]
    if master:
        tracks.append(Track("Master", TrackKind.MASTER, devices=tuple(master)))
    if len(tracks) > MAX_TRACKS:
        raise BadInput(f"the Audacity project has {len(tracks)} tracks, want at most {MAX_TRACKS}")
    tempo = (_tempo(root),)
    markers = tuple(_label(label) for node in root.all("labeltrack") for label in node.all("label"))
    parameters = _project_parameters(root)
    said = repr((tempo, tracks, markers, parameters))
    return Session(
        format="aup3",
        application="Audacity",
        version=root.get("audacityversion")[:40],
        digest=hashlib.sha256(data).hexdigest(),
        content_digest=hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest(),
        size=len(data),
        tempo=tempo,
        tracks=tuple(tracks),
        markers=markers,
        parameters=parameters,
        unread=tuple(sorted(unread.items())),
    )


def _wave_tracks(root: Element, unread: Counter[str]) -> list[Track]:
    """Read the audio tracks; a stereo one is stored as two, the left one linked to the right."""
    found: list[Track] = []
    waiting: Element | None = None
    for node in root.all("wavetrack"):
        if waiting is not None:
            found.append(_track(waiting, node, unread))
            waiting = None
        elif node.get("linked") not in ("", "0") and node.get("channel", _LEFT) == _LEFT:
            waiting = node
        else:
            found.append(_track(node, None, unread))
    if waiting is not None:
        found.append(_track(waiting, None, unread))
    return found


def _track(node: Element, right: Element | None, unread: Counter[str]) -> Track:
    rate = parse_decimal(node.get("rate", "44100"), "a track's sample rate")
    if not 0 < rate <= 10_000_000:
        raise BadInput(f"a track's sample rate is {node.get('rate')!r:.40}, want one above 0")
    clips = [_clip(clip, rate, unread) for clip in node.all("waveclip")]
    others = [] if right is None else [_clip(c, rate, unread) for c in right.all("waveclip")]
    effects = [device for chain in node.all("effects") for device in read_effects(chain)]
    for child in node.children:
        if child.tag not in ("waveclip", "effects"):
            unread[f"wavetrack {child.tag[:40]}"] += 1
    return Track(
        node.get("name"),
        TrackKind.AUDIO,
        mixer=Mixer(
            volume=Parameter("volume", node.get("gain", "1"), Unit.GAIN),
            pan=Parameter("pan", node.get("pan", "0"), Unit.PAN),
            mute=node.get("mute") == "1",
            solo=node.get("solo") == "1",
        ),
        devices=tuple(effects),
        clips=tuple(_joined(clips, others)),
        parameters=(
            Parameter("channels", "2" if right is not None else "1"),
            Parameter("sample rate", node.get("rate", "44100"), Unit.HERTZ),
        ),
    )


def _joined(left: Sequence[Clip], right: Sequence[Clip]) -> list[Clip]:
    """Make one clip of the two that lie at one place of both channels."""
    waiting = {(clip.position, clip.length): clip for clip in right}
    found = []
    for clip in left:
        other = waiting.pop((clip.position, clip.length), None)
        found.append(clip if other is None else _with_audio_of(clip, other))
    return [*found, *waiting.values()]


def _with_audio_of(clip: Clip, other: Clip) -> Clip:
    both = "".join(c.parameters[0].value for c in (clip, other)).encode()
    audio = Parameter(AUDIO_PARAMETER, hashlib.sha256(both).hexdigest()[:12], Unit.TEXT)
    return replace(clip, parameters=(audio, *clip.parameters[1:]))


def _clip(node: Element, rate: Fraction, unread: Counter[str]) -> Clip:
    trims = [_seconds(node, name) for name in ("trimLeft", "trimRight")]
    stretch = parse_decimal(node.get("clipStretchRatio", "1"), "a clip's stretch")
    digest, samples = hashlib.sha256(), 0
    for sequence in node.all("sequence"):
        samples += parse_integer(sequence.get("numsamples", "0"), "a clip's length")
        for block in sequence.all("waveblock"):
            digest.update(f"{block.get('start')} {block.get('blockid')}\n".encode())
    for child in node.children:
        if child.tag not in _CLIP_PARTS:
            # A clip within a clip is what was cut away and can be put back.
            unread[f"waveclip {child.tag[:40]}"] += 1
    length = max(Fraction(0), samples / rate * stretch - trims[0] - trims[1])
    parameters = [Parameter(AUDIO_PARAMETER, digest.hexdigest()[:12], Unit.TEXT)]
    if node.get("clipStretchRatio"):
        parameters.append(Parameter("stretch", node.get("clipStretchRatio")))
    if node.get("centShift"):
        parameters.append(Parameter("pitch in cents", node.get("centShift")))
    return Clip(
        ClipKind.AUDIO,
        node.get("name"),
        _moment(_seconds(node, "offset") + trims[0]),
        _moment(length),
        offset=_moment(trims[0]),
        points=tuple(_envelopes(node, "volume", Unit.GAIN)),
        parameters=tuple(parameters),
    )


def _envelopes(node: Element, target: str, unit: Unit) -> list[Automation]:
    found = []
    for envelope in node.all("envelope"):
        points = tuple(
            Point(_seconds(point, "t"), point.get("val", "1"))
            for point in envelope.all("controlpoint")
        )
        if points:
            found.append(Automation(target, points, time_unit=TimeUnit.SECOND, unit=unit))
    return found


def _time_track(node: Element) -> Track:
    lanes = tuple(_envelopes(node, "speed", Unit.RAW))
    return Track(node.get("name"), TrackKind.AUTOMATION, automations=lanes)


def _label(node: Element) -> Marker:
    begin = _seconds(node, "t")
    end = _seconds(node, "t1") if node.get("t1") else begin
    return Marker(node.get("title"), _moment(begin), _moment(end - begin) if end > begin else None)


def _tempo(root: Element) -> TempoPoint:
    bpm = root.get("time_signature_tempo") or "120"
    if not 1 <= parse_decimal(bpm, "the tempo") <= 10_000:
        raise BadInput(f"the tempo is {bpm:.40}, want 1 to 10000")
    over = parse_integer(root.get("time_signature_upper") or "4", "the time signature")
    under = parse_integer(root.get("time_signature_lower") or "4", "the time signature")
    if not (0 < over < 1000 and 0 < under < 1000):
        raise BadInput(f"the time signature is {over}/{under}, want two small positive numbers")
    return TempoPoint(_moment(Fraction(0)), bpm, over, under)


def _project_parameters(root: Element) -> tuple[Parameter, ...]:
    found = [Parameter("sample rate", root.get("rate", "44100"), Unit.HERTZ)]
    for tags in root.all("tags"):
        for tag in tags.all("tag"):
            if tag.get("name") and tag.get("value"):
                found.append(Parameter(f"tag {tag.get('name')}", tag.get("value"), Unit.TEXT))
    return tuple(found)


def _seconds(node: Element, name: str) -> Fraction:
    return parse_decimal(node.get(name) or "0", f"a {name}")


def _moment(seconds: Fraction) -> Moment:
    return Moment(seconds, TimeUnit.SECOND)
