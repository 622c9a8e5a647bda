"""Live sets as a stream: gzip or plain XML, handed out part by part.

The XML is parsed while it is inflated, and a part (a clip, a track) leaves the tree as soon as it
was read, so neither the text nor the tree of a big set is ever held whole.
libxml2's tight limits are off, since a plug-in's state may be a text of more than 10 MB (2048
levels remain its bound); in their place: no DTD, so no entities; a bound on the inflated size; a
bound on tags and attributes between the ends of two tracks, which bounds memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from stemproof.errors import BadInput

from .packed import GZIP_MAGIC
from .strict_xml import WANT_UTF8, huge_pull_parser

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_XML_BYTES: Final = 256 * 1024 * 1024
"""Sets of 40 MB are big, 100 MB are rare."""
MAX_OPEN_MARKS: Final = 2_500_000
"""Tags and attributes between the ends of two tracks: 70 MB of text, 500 MB of memory."""
_FREE_BYTES: Final = 8 * 1024 * 1024
"""Up to here nothing is counted: it holds two million of the shortest tags."""
_STEP: Final = 1 << 17
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
_WHAT: Final = "the Live set"
_DECLARATION: Final = b"<!DOCTYPE"
ROOT: Final = "Ableton"


def stream_parts(
    data: bytes, tags: tuple[str, ...], releases: frozenset[str]
) -> Iterator[_Element]:
    """Yield each element of one of `tags` when it ends, and the root last.

    The caller empties what it has read; at the end of one of `releases` counting starts anew.
    """
    from lxml import etree

    parser = huge_pull_parser((*tags, ROOT))
    guard = _Guard()
    try:
        for piece in _pieces(data):
            guard.check(piece)
            parser.feed(piece)
            for _, element in parser.read_events():
                if element.tag == ROOT and element.getparent() is not None:
                    raise BadInput(f"{_WHAT} holds another set, want one")
                yield element
                if element.tag in releases:
                    guard.release(piece)
        # Tells the end of an unfinished text.
        parser.close()
    except etree.XMLSyntaxError as error:
        raise BadInput(f"{_WHAT} is not XML: {error.msg:.80}") from error


class _Guard:
    """Watches the text on its way into the parser."""

    def __init__(self) -> None:
        self._bytes = 0
        self._marks = 0
        self._tail = b""

    def check(self, piece: bytes) -> None:
        across = self._tail + piece[: len(_DECLARATION)]
        # One byte is looked for ten times as fast as nine, and Live writes no "!" in its tags.
        is_declared = _DECLARATION in across or (b"!" in piece and _DECLARATION in piece)
        if is_declared or b"\0" in piece:
            raise BadInput(f"{_WHAT} {WANT_UTF8}")
        self._tail = piece[-len(_DECLARATION) :]
        self._bytes += len(piece)
        if self._bytes > _FREE_BYTES:
            self._marks += piece.count(b"<") + piece.count(b"=")
        if self._marks > MAX_OPEN_MARKS:
            raise BadInput(f"a track of {_WHAT} has more than {MAX_OPEN_MARKS} tags and values")

    def release(self, piece: bytes) -> None:
        self._bytes, self._marks = len(piece), 0


def _pieces(data: bytes) -> Iterator[bytes]:
    if not data.startswith(GZIP_MAGIC):
        if len(data) > MAX_XML_BYTES:
            raise BadInput(f"{_WHAT} has {len(data)} bytes, want at most {MAX_XML_BYTES}")
        for start in range(0, len(data), _STEP):
            yield data[start : start + _STEP]
        return
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    rest, total = data, 0
    while not inflater.eof:
        try:
            piece = inflater.decompress(rest, _STEP)
        except zlib.error as error:
            raise BadInput(f"{_WHAT} is not a gzip stream") from error
        rest = inflater.unconsumed_tail
        total += len(piece)
        if total > MAX_XML_BYTES:
            raise BadInput(f"{_WHAT} inflates beyond {MAX_XML_BYTES} bytes")
        if not piece and not rest and not inflater.eof:
            raise BadInput(f"{_WHAT} is cut short: its gzip stream does not end")
        if piece:
            yield piece
    if inflater.unused_data.strip(b"\0"):
        raise BadInput(f"{_WHAT} has {len(inflater.unused_data)} bytes after its gzip stream")


def value(element: _Element, path: str, default: str = "") -> str:
    """Read the `Value` of a child, as Live stores nearly everything."""
    child = element.find(path)
    return default if child is None else child.get("Value", default)


def is_true(element: _Element, path: str) -> bool:
    """Read a switch."""
    return value(element, path) == "true"
