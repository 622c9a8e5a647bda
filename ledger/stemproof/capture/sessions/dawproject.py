"""DAWproject exchange files (.dawproject), version 1: bytes -> Session, or BadInput.

A zip of `project.xml`, `metadata.xml`, plug-in states and audio; schema: bitwig/dawproject,
Project.xsd. Bitwig Studio, Studio One and Cubase write it.

    <Track contentType="notes" id="id2" name="Bass">      structure: tracks and their channels
        <Channel destination="id15" role="regular" id="id3"> devices, mute, pan, sends, volume
    <Lanes track="id2" timeUnit="beats">                  arrangement: clips and automation

Facts that shape this reader: `idN` numbers things in order of the document and shifts with every
insertion, so it links the parts of one file and is no identity. A state is a file of the zip
whose name changes with every export: only its digest counts. Not read: video, release velocity,
colours, comments; what is unknown is counted in `Session.unread`. Audio inside the zip is named
and never unpacked.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from stemproof.capture.states.decode import Decoded, decode_state
from stemproof.errors import BadInput

from .dawproject_lanes import Arranger
from .dawproject_numbers import beats_or_seconds, number, shown_number
from .dawproject_tracks import Strip, mark_moved, read_structure
from .model import (
    Automation,
    Marker,
    Mixer,
    Moment,
    Parameter,
    Session,
    State,
    TempoPoint,
    TimeUnit,
    Track,
    Unit,
)
from .numbers import parse_decimal, parse_integer
from .packed import Archive
from .strict_xml import digest_xml, parse_xml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml.etree import _Element

WHAT: Final = "the DAWproject"
# A song of an hour has a few MiB; 64 MiB hold some 400,000 notes.
MAX_XML_BYTES: Final = 64 << 20
MAX_STATE_BYTES: Final = 64 << 20
MAX_STATES_BYTES: Final = 256 << 20
"""All states of a project together: a zip bomb has many small entries too."""
_PROJECT: Final = "project.xml"
_METADATA: Final = "metadata.xml"
_FIELDS: Final = (
    *("Title", "Artist", "Album", "OriginalArtist", "Composer", "Songwriter", "Producer"),
    *("Arranger", "Year", "Genre", "Copyright", "Website", "Comment"),
)
_LINKS: Final = ("id", "track", "destination", "parameter", "reference")
_KNOWN_PARTS: Final = frozenset({"Application", "Transport", "Structure", "Arrangement", "Scenes"})


def read_dawproject(data: bytes) -> Session:
    """Read a DAWproject file."""
    archive = Archive(data, WHAT)
    root = _parse_project(archive)
    unread: Counter[str] = Counter(str(n.tag)[:40] for n in root if n.tag not in _KNOWN_PARTS)
    tempo = _read_tempo(root)
    states = _States(archive, unread)
    strips = read_structure(root, states.read, unread)
    arranger = Arranger(root, strips, Fraction(tempo[0].bpm), unread)
    arranger.read()
    tracks = tuple(_finish(strip) for strip in strips)
    parameters = _read_metadata(archive)
    application = root.find("Application")
    name, version = ("", "") if application is None else _name_and_version(application)
    return Session(
        format="dawproject",
        application=name,
        version=version,
        digest=hashlib.sha256(data).hexdigest(),
        content_digest=_digest_content(root, states, parameters),
        size=len(data),
        tempo=tempo,
        tracks=tracks,
        markers=tuple(_read_markers(root, arranger)),
        parameters=parameters,
        unread=tuple(sorted(unread.items())),
    )


def _parse_project(archive: Archive) -> _Element:
    if _PROJECT not in archive.names:
        if "project.json" in archive.names:
            raise BadInput(
                f"{WHAT} is of the JSON variant from before version 1.0",
                hint="open it in a current version of its program and export it again",
            )
        raise BadInput(f"{WHAT} holds no {_PROJECT}")
    xml = archive.read(_PROJECT, MAX_XML_BYTES)
    root = parse_xml(xml, f"{WHAT}'s {_PROJECT}", roots=("Project",), max_bytes=MAX_XML_BYTES)
    version = root.get("version", "")
    if version.partition(".")[0] != "1":
        raise BadInput(f"{WHAT} is of version {version!r:.20}, want 1.0")
    return root


def _name_and_version(application: _Element) -> tuple[str, str]:
    return application.get("name", ""), application.get("version", "")


class _States:
    """Plug-in states in the zip, each unpacked once, to be digested and read by family."""

    def __init__(self, archive: Archive, unread: Counter[str]) -> None:
        self._archive = archive
        self._names = frozenset(archive.names)
        self._unread = unread
        self._left = MAX_STATES_BYTES
        self.known: dict[str, State] = {}
        self._decoded: dict[str, Decoded] = {}

    def read(self, node: _Element | None) -> Decoded:
        if node is None:
            return (), None
        path = node.get("path", "")
        if path in self._decoded:
            return self._decoded[path]
        if node.get("external") == "true" or path not in self._names:
            self._unread["plug-in state outside the file"] += 1
            return (), None
        if self._left <= 0:
            raise BadInput(f"{WHAT}'s plug-in states take more than {MAX_STATES_BYTES} bytes")
        data = self._archive.read(path, min(MAX_STATE_BYTES, self._left))
        self._left -= len(data)
        self.known[path] = State(hashlib.sha256(data).hexdigest(), len(data))
        self._decoded[path] = decode_state(data)
        return self._decoded[path]


def _finish(strip: Strip) -> Track:
    return Track(
        strip.name,
        strip.kind,
        parent=strip.parent,
        mixer=_with_moved(strip.mixer, strip.automations),
        devices=tuple(strip.finished_devices()),
        clips=tuple(strip.clips),
        automations=tuple(strip.automations),
        parameters=strip.parameters,
    )


def _with_moved(mixer: Mixer, lanes: list[Automation]) -> Mixer:
    """Mark what automation moves: the file stores where the playhead happened to leave it."""
    moved = {lane.target for lane in lanes if lane.points}
    if not moved:
        return mixer
    volume, pan = mixer.volume, mixer.pan
    return replace(
        mixer,
        volume=volume and replace(volume, automated="volume" in moved),
        pan=pan and replace(pan, automated="pan" in moved),
        mute=mixer.mute and "mute" not in moved,
        sends=tuple(
            replace(send, parameters=mark_moved(send.parameters, moved, f"send to {send.target} "))
            for send in mixer.sends
        ),
    )


def _read_tempo(root: _Element) -> tuple[TempoPoint, ...]:
    """Join the transport's tempo and time signature with their automation."""
    bpm = number(root.find("Transport/Tempo"), "120")
    metre = _metre(root.find("Transport/TimeSignature"))
    changes: dict[Moment, tuple[str | None, tuple[int, int] | None, bool]] = {}
    for lane in root.iterfind("Arrangement/TempoAutomation"):
        unit = beats_or_seconds(lane, TimeUnit.QUARTER)
        for point in lane.iterfind("RealPoint"):
            at = Moment(parse_decimal(point.get("time", ""), "a tempo point's time"), unit)
            ramp = point.get("interpolation") == "linear"
            changes[at] = (point.get("value", ""), None, ramp)
    for lane in root.iterfind("Arrangement/TimeSignatureAutomation"):
        unit = beats_or_seconds(lane, TimeUnit.QUARTER)
        for point in lane.iterfind("TimeSignaturePoint"):
            at = Moment(parse_decimal(point.get("time", ""), "a time signature's time"), unit)
            known = changes.get(at, (None, None, False))
            changes[at] = (known[0], _metre(point), known[2])
    if len({at.unit for at in changes}) > 1:
        raise BadInput(f"{WHAT} counts its tempo in beats and its metre in seconds, want one")
    found: list[TempoPoint] = []
    ordered = sorted(changes.items(), key=lambda item: item[0].value)
    if not ordered or ordered[0][0].value > 0:
        unit = ordered[0][0].unit if ordered else TimeUnit.QUARTER
        found.append(_tempo_point(Moment(Fraction(0), unit), bpm, metre, ramp=False))
    for index, (at, (new_bpm, new_metre, is_ramp)) in enumerate(ordered):
        ramp = is_ramp
        metre = new_metre or metre
        if new_bpm is not None:
            bpm = new_bpm
        elif found and found[-1].ramp:
            # A new metre inside a ramp: the tempo there lies between.
            following = next(((p, c[0]) for p, c in ordered[index:] if c[0] is not None), None)
            ramp = following is not None
            bpm = _between(found[-1], at, following) if following is not None else bpm
        found.append(_tempo_point(at, bpm, metre, ramp=ramp))
    return tuple(found)


def _between(start: TempoPoint, at: Moment, end: tuple[Moment, str]) -> str:
    first, last = parse_decimal(start.bpm, "the tempo"), parse_decimal(end[1], "the tempo")
    part = (at.value - start.at.value) / (end[0].value - start.at.value)
    return shown_number(first + (last - first) * part)


def _metre(node: _Element | None) -> tuple[int, int]:
    if node is None:
        return 4, 4
    return (
        parse_integer(node.get("numerator", ""), "the time signature"),
        parse_integer(node.get("denominator", ""), "the time signature"),
    )


def _tempo_point(at: Moment, bpm: str, metre: tuple[int, int], *, ramp: bool) -> TempoPoint:
    tempo = parse_decimal(bpm, "the tempo")
    if not 1 <= tempo <= 10_000:
        raise BadInput(f"the tempo is {bpm:.40}, want 1 to 10000")
    over, under = metre
    if not (0 < over < 1000 and 0 < under < 1000):
        raise BadInput(f"the time signature is {over}/{under}, want two small positive numbers")
    return TempoPoint(at, shown_number(tempo), over, under, ramp)


def _read_markers(root: _Element, arranger: Arranger) -> Iterator[Marker]:
    lanes = [*root.iterfind("Arrangement/Markers"), *root.iterfind("Arrangement/markers")]
    for lane, inherited in [*((lane, TimeUnit.QUARTER) for lane in lanes), *arranger.markers]:
        unit = beats_or_seconds(lane, inherited)
        for node in lane.iterfind("Marker"):
            at = parse_decimal(node.get("time", ""), "a marker's time")
            yield Marker(node.get("name", ""), Moment(at, unit))


def _read_metadata(archive: Archive) -> tuple[Parameter, ...]:
    if _METADATA not in archive.names:
        return ()
    xml = archive.read(_METADATA, MAX_XML_BYTES)
    root = parse_xml(xml, f"{WHAT}'s {_METADATA}", roots=("MetaData",), max_bytes=MAX_XML_BYTES)
    return tuple(
        Parameter(field.lower(), root.findtext(field) or "", Unit.TEXT) for field in _FIELDS
    )


def _digest_content(root: _Element, states: _States, parameters: tuple[Parameter, ...]) -> str:
    """Digest what the project says; changes the tree, so it comes last.

    Numbers of links, names of state files, colours and the program's version do not count.
    """
    numbers: dict[str, str] = {}
    for node in root.iter():
        for name in _LINKS:
            link = node.get(name)
            if link is not None:
                node.set(name, numbers.setdefault(link, str(len(numbers))))
        node.attrib.pop("color", None)
        if node.tag == "State":
            state = states.known.get(node.get("path", ""))
            node.set("path", state.digest if state else "")
        elif node.tag == "Application":
            node.attrib.pop("version", None)
    told = "\n".join(repr((p.name, p.value)) for p in parameters)
    return hashlib.sha256(f"{digest_xml(root)}\n{told}".encode("utf-8", "replace")).hexdigest()
