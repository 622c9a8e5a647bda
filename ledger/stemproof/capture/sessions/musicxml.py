"""MusicXML 1 to 4: .musicxml and .xml are plain, .mxl is a zip with META-INF/container.xml.

Written part by part (`score-partwise`) or bar by bar (`score-timewise`). Pitches are written
ones: `transpose` makes them sound. Page layout, fonts, beams and stems are passed by.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from stemproof.errors import BadInput

from .collector import pause_collector
from .model import Device, Mixer, Parameter, Session, Unit
from .musicxml_measure import MeasureReader, bar_length, is_transposing
from .notation import MAX_PARTS, MAX_XML_BYTES, Measure, Part, Score, build_session
from .numbers import is_decimal
from .packed import ZIP_MAGIC, Archive
from .places import step
from .strict_xml import parse_xml

if TYPE_CHECKING:
    from lxml.etree import _Element

_WHAT: Final = "the MusicXML score"
_CONTAINER: Final = "META-INF/container.xml"
_MAX_CONTAINER_BYTES: Final = 1 << 16
_ROOTS: Final = ("score-partwise", "score-timewise")
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DECLARED: Final = re.compile(r"\A\s*<\?xml[^>]{0,200}\?>")
_SOFTWARE: Final = re.compile(r"(.{1,80}?)[ /](?:v\.?)?(\d[\w.+-]{0,40})", re.ASCII)
MAX_BARS: Final = 1_000_000
"""All parts together."""


def read_musicxml(data: bytes) -> Session:
    """Read a MusicXML score, packed or plain."""
    with pause_collector():
        return _read(data)


def _read(data: bytes) -> Session:
    xml = data
    if data.startswith(ZIP_MAGIC):
        archive = Archive(data, _WHAT)
        xml = archive.read(_score_name(archive), MAX_XML_BYTES)
    root = parse_xml(_as_utf8(xml), _WHAT, roots=_ROOTS, max_bytes=MAX_XML_BYTES)
    unread: Counter[str] = Counter()
    score = _read_score(root, unread)
    application, version = _program(root)
    return build_session(
        score, program=("musicxml", application, version), data=data, unread=unread
    )


def _score_name(archive: Archive) -> str:
    """Find the score in an .mxl: the first file that its container names."""
    xml = archive.read(_CONTAINER, _MAX_CONTAINER_BYTES)
    root = parse_xml(
        xml, f"{_CONTAINER} in {_WHAT}", roots=("container",), max_bytes=_MAX_CONTAINER_BYTES
    )
    node = root.find("rootfiles/rootfile")
    name = "" if node is None else node.get("full-path", "")
    if name not in archive.names:
        raise BadInput(f"{_CONTAINER} names {name!r:.60}, which is not in {_WHAT}")
    return name


def _as_utf8(xml: bytes) -> bytes:
    """Give UTF-8: older exporters wrote UTF-16, which its first two bytes tell."""
    if not xml.startswith(_UTF16):
        return xml
    try:
        text = xml[: MAX_XML_BYTES + 2].decode("utf-16")
    except UnicodeDecodeError as error:
        raise BadInput(f"{_WHAT} is neither UTF-8 nor UTF-16") from error
    return _DECLARED.sub("", text).encode("utf-8")


def _read_score(root: _Element, unread: Counter[str]) -> Score:
    listed = list(root.iterfind("part-list/score-part"))
    if len(listed) > MAX_PARTS:
        raise BadInput(f"the score has {len(listed)} parts, want at most {MAX_PARTS}")
    bars = _bars_by_part(root)
    score = Score(parameters=_credits(root))
    _lay_bars(score, list(bars.values()))
    nodes = {node.get("id", ""): node for node in listed}
    key_part = next((part for part in bars if not is_transposing(bars[part])), None)
    key_part = next(iter(bars), None) if key_part is None else key_part
    for number, (identity, measures) in enumerate(bars.items()):
        part = _part(nodes.get(identity), identity)
        score.parts.append(part)
        reader = MeasureReader(
            score, part, _drum_keys(nodes.get(identity)), unread, is_first=number == 0
        )
        for measure, node in zip(score.measures, measures, strict=False):
            if node is not None:
                reader.read(node, measure.start, tells_keys=identity == key_part)
    return score


def _bars_by_part(root: _Element) -> dict[str, list[_Element | None]]:
    """Give each part's bars in order, whichever way the score is written."""
    bars: dict[str, list[_Element | None]] = {}
    total = 0
    if root.tag == "score-partwise":
        for part in root.iterfind("part"):
            identity = part.get("id", "")
            if identity in bars:
                raise BadInput(f"two parts have the id {identity!r:.40}")
            bars[identity] = list(part.iterfind("measure"))
            total += len(bars[identity])
    else:
        for number, measure in enumerate(root.iterfind("measure")):
            for part in measure.iterfind("part"):
                row = bars.setdefault(part.get("id", ""), [])
                row += [None] * (number - len(row))
                row.append(part)
                total += 1
            if number * max(len(bars), 1) > MAX_BARS:
                break
    if total > MAX_BARS or len(bars) > MAX_PARTS:
        raise BadInput(f"the score has more than {MAX_BARS} bars or {MAX_PARTS} parts")
    return bars


def _lay_bars(score: Score, parts: list[list[_Element | None]]) -> None:
    """Find where each bar begins: the longest part decides, and an empty bar has its metre."""
    rows: list[tuple[Fraction, tuple[int, int]]] = []
    for bars in parts:
        divisions, metre = 1, (4, 4)
        for number, node in enumerate(bars):
            length = Fraction(0)
            if node is not None:
                length, divisions, metre = bar_length(node, divisions, metre)
            if number == len(rows):
                rows.append((length, metre))
            elif length > rows[number][0]:
                rows[number] = (length, rows[number][1])
    begin = Fraction(0)
    for longest, metre in rows:
        length = longest or Fraction(4 * metre[0], metre[1])
        score.measures.append(Measure(begin, length, metre))
        begin = step(begin, length)


def _part(node: _Element | None, identity: str) -> Part:
    if node is None:
        return Part(identity)
    name = _line(node.findtext("part-name")) or _line(node.findtext("part-name-display"))
    # The part's own name is the track's: a device that bore it would be renamed with it.
    instrument = _line(node.findtext("score-instrument/instrument-name"))
    midi = node.find("midi-instrument")
    if midi is None:
        return Part(name, (Device(instrument, role="instrument"),) if instrument else ())
    parameters: tuple[Parameter, ...] = ()
    if program := _line(midi.findtext("midi-program")):
        parameters = (Parameter("MIDI program", program),)
    volume, pan = _line(midi.findtext("volume")), _line(midi.findtext("pan"))
    mixer = Mixer(
        volume=Parameter("volume", volume, Unit.PERCENT) if is_decimal(volume) else None,
        pan=Parameter("pan", pan) if is_decimal(pan) else None,
    )
    device = Device(instrument or "instrument", role="instrument", parameters=parameters)
    return Part(name, (device,), mixer)


def _drum_keys(node: _Element | None) -> dict[str, int]:
    """Read which key each percussion instrument is; MusicXML counts keys from 1."""
    found = {}
    for midi in node.iterfind("midi-instrument") if node is not None else ():
        key = _line(midi.findtext("midi-unpitched"))
        if key.isascii() and key.isdigit() and len(key) < 4 and 1 <= int(key) <= 128:
            found[midi.get("id", "")] = int(key) - 1
    return found


def _credits(root: _Element) -> list[Parameter]:
    texts = {
        "title": root.findtext("work/work-title"),
        "movement": root.findtext("movement-title"),
        "copyright": root.findtext("identification/rights"),
    }
    for node in root.iterfind("identification/creator"):
        texts.setdefault(_line(node.get("type")) or "creator", node.text)
    named = ((name, _line(text)) for name, text in texts.items())
    return [Parameter(name, text, Unit.TEXT) for name, text in sorted(named) if text]


def _program(root: _Element) -> tuple[str, str]:
    software = _line(root.findtext("identification/encoding/software"))
    found = _SOFTWARE.fullmatch(software)
    if found is not None:
        return found[1], found[2]
    return software or "MusicXML", "" if software else root.get("version", "")


def _line(text: str | None) -> str:
    return " ".join((text or "").split())[:500]
