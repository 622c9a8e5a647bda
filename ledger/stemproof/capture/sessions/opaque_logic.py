"""Logic Pro and GarageBand: a session is a folder, NAME.logicx or NAME.band.

    Alternatives/000/ProjectData      closed: digest and size
    Alternatives/000/MetaData.plist   open: tempo, metre, key, numbers of tracks and files
    Resources/ProjectInformation.plist  open: which version saved it

A watch meets these files one by one, so each is a session of its own; `whole_project` joins them.
"""

from __future__ import annotations

import plistlib
import struct
from dataclasses import replace
from fractions import Fraction
from typing import Final
from xml.parsers.expat import ExpatError

from stemproof.errors import BadInput

from .model import Moment, Parameter, Session, TempoPoint, Unit
from .opaque import closed_session
from .opaque_table import LOGIC_MAGIC

MAX_PLIST_BYTES: Final = 8 << 20
_BINARY_MAGIC: Final = b"bplist00"
_TRAILER: Final = struct.Struct(">6xBBQQQ")
_PROGRAM: Final = "Logic Pro"
# What plistlib raises on damaged or hostile bytes; its own error is a ValueError.
_PLIST_ERRORS: Final = (
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError),
    *(OverflowError, RecursionError, MemoryError, struct.error, ExpatError),
)
_COUNTS: Final = {
    "NumberOfTracks": "number of tracks",
    "AudioFiles": "audio files",
    "UnusedAudioFiles": "unused audio files",
    "SamplerInstrumentsFiles": "sampler instruments",
    "QuicksamplerFiles": "Quick Sampler files",
    "AlchemyFiles": "Alchemy files",
    "UltrabeatFiles": "Ultrabeat files",
    "ImpulsResponsesFiles": "impulse responses",
    "PlaybackFiles": "Playback files",
}


def read_project_data(data: bytes) -> Session:
    """Record the closed part of a Logic or GarageBand project."""
    if not data.startswith(LOGIC_MAGIC):
        raise BadInput("it is no project of Logic or GarageBand")
    return closed_session("logic", _PROGRAM, data)


def read_metadata(data: bytes) -> Session:
    """Read the open part of a Logic or GarageBand project."""
    values = _read_plist(data)
    if "BeatsPerMinute" not in values and "NumberOfTracks" not in values:
        raise BadInput("it is no metadata of a Logic project")
    return replace(
        closed_session("logic-metadata", _PROGRAM, data),
        version=_version(values),
        tempo=_tempo(values),
        parameters=_parameters(values),
        # All of it that tells something is read.
        opaque=None,
        unread=(),
    )


def whole_project(project: bytes, metadata: bytes | None, information: bytes | None) -> Session:
    """Join the parts of a Logic or GarageBand package into one session."""
    session = read_project_data(project)
    if metadata is not None:
        known = read_metadata(metadata)
        session = replace(
            session, version=known.version, tempo=known.tempo, parameters=known.parameters
        )
    if information is not None:
        saved = _version(_read_plist(information))
        session = replace(session, version=saved or session.version)
    return session


def _read_plist(data: bytes) -> dict[str, object]:
    if len(data) > MAX_PLIST_BYTES:
        raise BadInput(f"the property list has {len(data)} bytes, want at most {MAX_PLIST_BYTES}")
    try:
        if data.startswith(_BINARY_MAGIC) and _is_overlapping(data):
            raise BadInput("the objects of the property list are together larger than its file")
        found = plistlib.loads(data)
    except _PLIST_ERRORS as error:
        raise BadInput("it is no property list") from error
    if not isinstance(found, dict):
        raise BadInput("the property list is no dictionary")
    return {key: value for key, value in found.items() if isinstance(key, str)}


def _is_overlapping(data: bytes) -> bool:
    """Tell if a binary list's objects share bytes: read one by one, they could fill any memory."""
    # CFBinaryPList.c: a marker is a kind and a size; the size 15 means that a longer one follows.
    offset_size, ref_size, count, _, table = _TRAILER.unpack(data[-_TRAILER.size :])
    widths = {4: 1, 5: 1, 6: 2, 10: ref_size, 13: 2 * ref_size}
    total: int = count * (1 + offset_size)
    for number in range(min(count, len(data))):
        if total > len(data):
            return True
        begin = table + number * offset_size
        at = int.from_bytes(data[begin : begin + offset_size], "big")
        kind, size = divmod(data[at], 16)
        if kind == 1:
            total += 1 << size
        elif width := widths.get(kind):
            if size == 15:
                end = at + 2 + (1 << (data[at + 1] & 3))
                size = int.from_bytes(data[at + 2 : end], "big")
            total += size * width
    return total > len(data)


def _version(values: dict[str, object]) -> str:
    saved = values.get("LastSavedFrom")
    if not isinstance(saved, str):
        return ""
    return saved[:80].removeprefix(_PROGRAM).strip(" X")


def _tempo(values: dict[str, object]) -> tuple[TempoPoint, ...]:
    bpm = values.get("BeatsPerMinute")
    if not isinstance(bpm, (int, float)) or isinstance(bpm, bool) or not 1 <= bpm <= 10_000:
        return ()
    over = _small(values.get("SongSignatureNumerator"))
    under = _small(values.get("SongSignatureDenominator"))
    return (TempoPoint(Moment(Fraction(0)), f"{bpm:.6g}", over, under),)


def _small(value: object) -> int:
    is_metre = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1000
    return value if is_metre and isinstance(value, int) else 4


def _parameters(values: dict[str, object]) -> tuple[Parameter, ...]:
    found = []
    key, gender = values.get("SongKey"), values.get("SongGenderKey")
    if isinstance(key, str):
        mode = f" {gender[:20]}" if isinstance(gender, str) else ""
        found.append(Parameter("key", key[:20] + mode, Unit.TEXT))
    rate = values.get("SampleRate")
    if isinstance(rate, int) and 0 < rate < 10_000_000:
        found.append(Parameter("sample rate", str(rate), Unit.HERTZ))
    for name, label in _COUNTS.items():
        value = values.get(name)
        if isinstance(value, list):
            found.append(Parameter(label, str(len(value))))
        elif isinstance(value, int) and 0 <= value < 1_000_000:
            found.append(Parameter(label, str(int(value))))
    return tuple(found)
