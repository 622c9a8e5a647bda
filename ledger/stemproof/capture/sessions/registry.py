"""The table of session formats: which reader reads a file.

What a file begins with decides; the extension only settles what content cannot. A reader is
named by its module and loaded when its first file is met, so the table costs nothing.
Another package adds a format of its own by an entry point that gives a `Format` (brought.py);
ours come first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Final, cast

from stemproof.errors import BadInput

from .brought import brought_formats, recognises
from .brought import read as read_brought
from .model import Session
from .opaque_table import CLOSED
from .packed import GZIP_MAGIC, ZIP_MAGIC, peek_gzip

HEAD_BYTES: Final = 4096
"""How much of a file is looked at to know its format."""


@dataclass(frozen=True, slots=True)
class Format:
    """One row of the table. `reader` is `module:function`, from bytes to `Session`."""

    name: str
    title: str
    extensions: tuple[str, ...]
    reader: str
    # Given the lower-case file name and the first bytes without leading white space.
    recognises: Callable[[str, bytes], bool]
    # Raised by whoever changes what is told of the same bytes, by the reader or by the differ that
    # all share; it stands in each event.
    version: int = 1
    advice: str = ""  # which export to use, where the format itself stays closed
    brought_by: str = ""  # the entry point, where another package brings it

    @property
    def reader_name(self) -> str:
        """Name the reader and its version, as events record them."""
        return f"{self.name} {self.version}"

    def load(self) -> Callable[[bytes], Session]:
        """Import the reader."""
        module, _, function = self.reader.partition(":")
        return cast("Callable[[bytes], Session]", getattr(import_module(module), function))

    def read(self, data: bytes) -> Session:
        """Read a session's bytes."""
        return read_brought(self, data) if self.brought_by else self.load()(data)


_HERE: Final = __package__
_LOGIC_PART: Final = "logic-metadata"


def _starts(*marks: bytes) -> Callable[[str, bytes], bool]:
    return lambda _, head: head.startswith(marks)


def _holds(*marks: bytes) -> Callable[[str, bytes], bool]:
    return lambda _, head: any(mark in head for mark in marks)


def _holds_all(*marks: bytes) -> Callable[[str, bytes], bool]:
    return lambda _, head: all(mark in head for mark in marks)


def _is_lmms(name: str, head: bytes) -> bool:
    # zlib's first byte is 0x78 for every window and level that Qt writes.
    plain = b"<lmms-project" in head or b"<multimedia-project" in head
    return plain or name.endswith(".mmpz") or head[4:5] == b"\x78"


def _is_hydrogen(name: str, head: bytes) -> bool:
    marks = (b"<metronomeVolume>", b"http://www.hydrogen-music.org/song")
    return b"<song" in head and (name.endswith(".h2song") or any(m in head for m in marks))


def _is_dawproject(name: str, head: bytes) -> bool:
    # A zip; the first entry's name stands at byte 30.
    firsts = (b"project.xml", b"metadata.xml", b"project.json")
    return head.startswith(ZIP_MAGIC) and (
        name.endswith(".dawproject") or head[30:].startswith(firsts)
    )


def _is_musescore(name: str, head: bytes) -> bool:
    return (head.startswith(ZIP_MAGIC) and name.endswith(".mscz")) or b"<museScore" in head


def is_score(head: bytes) -> bool:
    """Tell MusicXML by what it begins with, whatever its name."""
    # Some exporters wrote UTF-16.
    head = head[:HEAD_BYTES].replace(b"\0", b"")
    return b"<score-partwise" in head or b"<score-timewise" in head


def _is_musicxml(name: str, head: bytes) -> bool:
    return name.endswith(".mxl") if head.startswith(ZIP_MAGIC) else is_score(head)


def _is_audacity(_: str, head: bytes) -> bool:
    # SQLite's application id, at byte 68 of the header.
    return head.startswith(b"SQLite format 3\0") and head[68:72] == b"AUDY"


def _is_live(name: str, head: bytes) -> bool:
    # A preset or a damaged file under this name is the reader's to refuse.
    if head.startswith(GZIP_MAGIC):
        return name.endswith(".als") or b"<Ableton" in peek_gzip(head)
    return b"<Ableton" in head


FORMATS: Final = (
    Format(
        "rpp",
        "REAPER",
        (".rpp", ".rpp-bak"),
        f"{_HERE}.rpp:read_rpp",
        _starts(b"<REAPER_PROJECT"),
        version=2,
    ),
    Format(
        "ardour",
        "Ardour",
        (".ardour", ".ardour.bak"),
        f"{_HERE}.ardour:read_ardour",
        _holds_all(b"<Session ", b"sample-rate="),
        version=2,
    ),
    Format(
        "dawproject",
        "DAWproject",
        (".dawproject",),
        f"{_HERE}.dawproject:read_dawproject",
        _is_dawproject,
        version=2,
    ),
    Format(
        "musescore",
        "MuseScore",
        (".mscz", ".mscx"),
        f"{_HERE}.musescore:read_musescore",
        _is_musescore,
        version=2,
    ),
    Format(
        "musicxml",
        "MusicXML",
        (".musicxml", ".mxl"),
        f"{_HERE}.musicxml:read_musicxml",
        _is_musicxml,
        version=2,
    ),
    Format(
        "midi",
        "MIDI file",
        (".mid", ".midi", ".rmi"),
        f"{_HERE}.midi:read_midi",
        lambda _, head: head.startswith(b"MThd") or head[8:16] == b"RMIDdata",
        version=2,
    ),
    Format("aup3", "Audacity", (".aup3",), f"{_HERE}.aup3:read_aup3", _is_audacity, version=2),
    Format("als", "Ableton Live", (".als",), f"{_HERE}.live:read_live", _is_live, version=2),
    Format("flp", "FL Studio", (".flp",), f"{_HERE}.flp:read_flp", _starts(b"FLhd"), version=2),
    Format(
        "hydrogen",
        "Hydrogen",
        (".h2song",),
        f"{_HERE}.hydrogen:read_hydrogen",
        _is_hydrogen,
        version=2,
    ),
    Format(
        "lmms", "LMMS", (".mmp", ".mmpz", ".mpt"), f"{_HERE}.lmms:read_lmms", _is_lmms, version=2
    ),
)
"""In the order in which they are asked: what recognises loosely comes last."""

CLOSED_FORMATS: Final = tuple(
    Format(
        one.name,
        one.title,
        one.extensions,
        f"{_HERE}.{one.reader}",
        one.recognises,
        advice=one.advice,
    )
    for one in CLOSED
)
"""Asked last, so that another package can open what is closed to us."""


_BESIDE: Final = (
    "name the session beside it; in a recorded folder `stemproof watch` reads the history too"
)


def known_formats() -> tuple[Format, ...]:
    """Give every format: ours, those that other packages bring, those that stay closed."""
    return (*FORMATS, *brought_formats().formats, *CLOSED_FORMATS)


def is_session_name(path_name: str) -> bool:
    """Tell whether a file of this name is worth reading as a session; content decides."""
    return path_name.lower().endswith(_extensions())


def read_session(path_name: str, data: bytes) -> Session:
    """Read a session file; the name serves only to choose the reader and to name the file."""
    try:
        return find_format(path_name, data).read(data)
    except BadInput as error:
        raise BadInput(f"cannot read {_shown(path_name)}: {error}", hint=error.hint) from error


def find_format(path_name: str, data: bytes) -> Format:
    """Tell which format a file is of: its first bytes decide, then its name."""
    head = data[:HEAD_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not data:
        raise BadInput("it is empty", hint="save it again in the program that made it")
    if head.startswith(b"<REAPER_UNDO_HISTORY"):
        raise BadInput("it is REAPER's undo history and not a session", hint=_BESIDE)
    if b"<UndoHistory" in head:
        raise BadInput("it is Ardour's undo history and not a session", hint=_BESIDE)
    for one in FORMATS:
        if one.recognises(path_name.lower(), head):
            return one
    for other in brought_formats().formats:
        if recognises(other, path_name.lower(), head):
            return other
    for closed in CLOSED_FORMATS:
        if closed.recognises(path_name.lower(), head):
            return closed
    open_ones = (*FORMATS, *brought_formats().formats)
    readable = (f"{one.title} ({', '.join(one.extensions)})" for one in open_ones)
    problems = "".join(f"; {problem}" for problem in brought_formats().problems)
    raise BadInput(
        "it is no session of a known format", hint=f"readable now: {', '.join(readable)}{problems}"
    )


@cache
def _extensions() -> tuple[str, ...]:
    # A part of a session that another file stands for is none of its own.
    formats = (one for one in known_formats() if one.name != _LOGIC_PART)
    return tuple(extension for one in formats for extension in one.extensions)


def _shown(path_name: str) -> str:
    name = path_name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c if c.isprintable() else "?" for c in name)[:120] or "the session"
