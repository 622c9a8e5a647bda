"""MuseScore scores: .mscx is XML, .mscz a zip of it with the mixer and pictures beside.

Versions 2 to 4. Parts become tracks at sounding pitch; layout, fonts, page breaks and the
separate parts that MuseScore derives from the score are passed by. The mixer of version 4 is
`audiosettings.json`; that of 2 and 3 is the `Channel` of each instrument.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from stemproof.errors import BadInput

from .collector import pause_collector
from .model import Device, Mixer, Parameter, Session, Unit
from .musescore_mixer import AudioSettings, parse_audio_settings
from .musescore_signs import word_of
from .musescore_staff import StaffReader
from .notation import MAX_XML_BYTES, Part, Score, build_session
from .numbers import parse_integer
from .packed import ZIP_MAGIC, Archive
from .strict_xml import parse_xml

if TYPE_CHECKING:
    from lxml.etree import _Element

_WHAT: Final = "the MuseScore score"
_SETTINGS_FILE: Final = "audiosettings.json"
_MAX_SETTINGS_BYTES: Final = 16 << 20
_CONTAINER: Final = "META-INF/container.xml"
_MAX_CONTAINER_BYTES: Final = 1 << 20
_OLDEST: Final = 2
_MAX_STAVES: Final = 5_000
# Who made it and what it is called; the rest of the tags are set by the program.
_CREDITS: Final = {
    "workTitle": "title",
    "movementTitle": "movement",
    "composer": "composer",
    "lyricist": "lyricist",
    "poet": "poet",
    "arranger": "arranger",
    "translator": "translator",
    "copyright": "copyright",
}
_CONTROLLERS: Final = {"7": "volume", "10": "pan", "91": "reverb", "93": "chorus"}


def read_musescore(data: bytes) -> Session:
    """Read a MuseScore score, packed or plain."""
    with pause_collector():
        return _read(data)


def _read(data: bytes) -> Session:
    settings = None
    xml = data
    if data.startswith(ZIP_MAGIC):
        archive = Archive(data, _WHAT)
        xml = archive.read(_score_name(archive), MAX_XML_BYTES)
        if _SETTINGS_FILE in archive.names:
            settings = parse_audio_settings(archive.read(_SETTINGS_FILE, _MAX_SETTINGS_BYTES))
    root = parse_xml(xml, _WHAT, roots=("museScore",), max_bytes=MAX_XML_BYTES)
    schema = root.get("version", "")
    major = schema.partition(".")[0]
    if not (major.isascii() and major.isdigit() and len(major) < 4 and int(major) >= _OLDEST):
        raise BadInput(
            f"the MuseScore score is of version {schema!r:.20}, want 2 or later",
            hint="open and save it with a newer MuseScore",
        )
    # Scores inside the score are the separate parts: the same notes laid out again.
    score_node = root.find("Score")
    if score_node is None:
        raise BadInput("the MuseScore file holds no score")
    # Versions on the way to 3 say 3.00 and still write as 2 did: what stands there decides.
    has_voices = score_node.find("Staff/Measure/voice") is not None
    return _Reader(score_node, settings, has_voices=has_voices).session(
        data, root.findtext("programVersion", schema)
    )


def _score_name(archive: Archive) -> str:
    """Find the score: the one at the top, and where two lie there the one that is named."""
    top = [name for name in archive.names if name.endswith(".mscx") and "/" not in name]
    if len(top) > 1 and _CONTAINER in archive.names:
        xml = archive.read(_CONTAINER, _MAX_CONTAINER_BYTES)
        root = parse_xml(xml, _CONTAINER, roots=("container",), max_bytes=_MAX_CONTAINER_BYTES)
        named = {node.get("full-path", "") for node in root.iterfind("rootfiles/rootfile")}
        top = [name for name in top if name in named]
    if len(top) != 1:
        raise BadInput(f"{_WHAT} holds {len(top)} scores at its top, want 1")
    return top[0]


class _Reader:
    """One pass over one score."""

    def __init__(self, node: _Element, settings: AudioSettings | None, *, has_voices: bool) -> None:
        self._node = node
        self._settings = settings
        self._has_voices = has_voices
        self._unread: Counter[str] = Counter()

    def session(self, data: bytes, version: str) -> Session:
        score = Score()
        division = parse_integer(self._node.findtext("Division", "480"), "the division")
        if not 0 < division <= 100_000:
            raise BadInput(f"the division is {division}, want 1 to 100000")
        owners = self._read_parts(score)
        staves = [child for child in self._node if child.tag == "Staff"]
        if len(staves) > len(owners):
            raise BadInput(f"the score has {len(staves)} staves for {len(owners)} of its parts")
        key_staff = _key_staff(score.parts, owners[: len(staves)])
        for number, (node, owner) in enumerate(zip(staves, owners, strict=False)):
            if owner is None:
                continue
            reader = StaffReader(
                score, score.parts[owner], number, division, self._unread, self._has_voices
            )
            reader.read(node, tells_keys=number == key_staff)
        score.parameters += self._credits()
        if self._settings is not None:
            score.busses = (self._settings.master,)
        return build_session(
            score, program=("musescore", "MuseScore", version), data=data, unread=self._unread
        )

    def _read_parts(self, score: Score) -> list[int | None]:
        """Read the parts; give, for each staff in order, its part, and None for a mere copy."""
        owners: list[int | None] = []
        for node in self._node.iterfind("Part"):
            for staff in node.iterfind("Staff"):
                is_copy = _is_copy(staff, len(owners) + 1)
                owners.append(None if is_copy else len(score.parts))
            score.parts.append(self._part(node))
            if len(owners) > _MAX_STAVES:
                raise BadInput(f"the score has more than {_MAX_STAVES} staves")
        return owners

    def _part(self, node: _Element) -> Part:
        instrument = node.find("Instrument")
        name = node.findtext("trackName", "")
        if instrument is None:
            return Part(name)
        own = instrument.findtext("trackName", "") or instrument.findtext("instrumentId", "")
        name = word_of(instrument.find("longName")) or name or own
        chromatic = instrument.findtext("transposeChromatic", "0")
        transposition = parse_integer(chromatic, "the transposition")
        settings = self._settings
        mixed = None
        if settings is not None:
            identity = instrument.get("id", "") or instrument.findtext("instrumentId", "")
            mixed = settings.find(node.get("id", ""), identity)
        channel = instrument.find("Channel")
        mixer, parameters = _channel(channel)
        devices: tuple[Device, ...] = (
            Device(own or "instrument", role="instrument", parameters=parameters),
        )
        if mixed is not None:
            mixer, devices = mixed.mixer, mixed.devices(devices[0])
        transposes = Parameter("transposition", str(transposition), Unit.SEMITONES)
        return Part(name, devices, mixer, (transposes,))

    def _credits(self) -> list[Parameter]:
        found = []
        for node in self._node.iterfind("metaTag"):
            name = _CREDITS.get(node.get("name", ""))
            text = word_of(node)
            if name and text:
                found.append(Parameter(name, text, Unit.TEXT))
        return sorted(found, key=lambda parameter: parameter.name)


def _is_copy(staff: _Element, number: int) -> bool:
    """Tell whether a staff shows an earlier one again, as tablature does: linked both ways."""
    links = [(node.text or "").strip() for node in staff.iterfind("linkedTo")]
    return any(n.isascii() and n.isdigit() and len(n) < 5 and 0 < int(n) < number for n in links)


def _key_staff(parts: Sequence[Part], owners: Sequence[int | None]) -> int:
    """Choose the staff whose key signatures are those of the piece: one that sounds as written."""
    for number, owner in enumerate(owners):
        if owner is not None and all(p.value == "0" for p in parts[owner].parameters):
            return number
    return 0


def _channel(node: _Element | None) -> tuple[Mixer, tuple[Parameter, ...]]:
    """Read the mixer strip of MuseScore 2 and 3, which lies in the instrument."""
    if node is None:
        return Mixer(), ()
    found: dict[str, Parameter] = {}
    program = node.find("program")
    if program is not None and program.get("value"):
        found["program"] = Parameter("MIDI program", program.get("value", ""))
    for controller in node.iterfind("controller"):
        name = _CONTROLLERS.get(controller.get("ctrl", ""))
        if name:
            found[name] = Parameter(name, controller.get("value", ""))
    mixer = Mixer(
        # Not stored where it is what MuseScore begins with.
        volume=found.pop("volume", Parameter("volume", "100")),
        pan=found.pop("pan", Parameter("pan", "64")),
        mute=node.findtext("mute", "0") == "1",
        solo=node.findtext("solo", "0") == "1",
    )
    return mixer, tuple(found.values())
