"""Studio One songs (.song): a zip whose `metainfo.xml` lies open.

    <MetaInformation><Attribute id="Document:Generator" value="Studio One/6.5"/>…

The rest is XML of an undocumented kind: recorded by digest and size.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Final

from .model import Moment, Parameter, Session, TempoPoint, Unit
from .numbers import is_decimal
from .opaque import closed_session
from .packed import Archive
from .strict_xml import parse_xml

_WHAT: Final = "the Studio One song"
_META: Final = "metainfo.xml"
_MAX_META_BYTES: Final = 4 << 20
_PARAMETERS: Final = {
    "Document:Title": ("title", Unit.TEXT),
    "Media:Artist": ("artist", Unit.TEXT),
    "Media:KeySignature": ("key", Unit.TEXT),
    "Media:SampleRate": ("sample rate", Unit.HERTZ),
    "Media:TrackCount": ("number of tracks", Unit.RAW),
    "Media:Length": ("length in seconds", Unit.RAW),
}


def read_studio_one(data: bytes) -> Session:
    """Read what lies open in a Studio One song."""
    archive = Archive(data, _WHAT)
    xml = archive.read(_META, _MAX_META_BYTES)
    root = parse_xml(xml, _WHAT, roots=("MetaInformation",), max_bytes=_MAX_META_BYTES)
    found = {n.get("id", ""): n.get("value", "")[:500] for n in root.iterfind("Attribute")}
    program, _, version = found.get("Document:Generator", "Studio One").partition("/")
    parameters = tuple(
        Parameter(name, found[key], unit)
        for key, (name, unit) in _PARAMETERS.items()
        if found.get(key, "") not in ("", "-")
    )
    return replace(
        closed_session("studio-one", program or "Studio One", data),
        version=version,
        tempo=_tempo(found),
        parameters=parameters,
    )


def _tempo(found: dict[str, str]) -> tuple[TempoPoint, ...]:
    bpm = found.get("Media:Tempo", "")
    if not is_decimal(bpm) or not 1 <= float(bpm) <= 10_000:
        return ()
    over = _small(found.get("Media:TimeSignatureNumerator", ""))
    under = _small(found.get("Media:TimeSignatureDenominator", ""))
    return (TempoPoint(Moment(Fraction(0)), bpm, over, under),)


def _small(text: str) -> int:
    is_plain = text.isascii() and text.isdigit() and len(text) < 4 and int(text) > 0
    return int(text) if is_plain else 4
