"""Strangers' XML, parsed with bounds: no entities, no DTD, no network, no comments.

A document type may name an outer DTD, which is never loaded; its own declarations are refused,
since an entity or a default attribute makes a megabyte of a kilobyte, and older versions of
libxml2 do not stop at that. Its own limits stay on (256 levels, 10 MB of text a node). UTF-8
only: another encoding would hide a declaration. lxml is imported inside, so that importing a
reader stays cheap.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypedDict

from stemproof.errors import BadInput

if TYPE_CHECKING:
    from lxml.etree import XMLParser, XMLPullParser, _Element

WANT_UTF8 = "declares entities or is not UTF-8, want plain UTF-8 XML"
_SPACE: Final = b" \t\r\n"
_QUOTED: Final = rb"""(?:"[^"]{0,500}"|'[^']{0,500}')"""
_DOCTYPE: Final = re.compile(
    rb"<!DOCTYPE\s{1,99}[^\s<>\[\]!\"']{1,200}"
    rb"(?:\s{1,99}(?:PUBLIC\s{1,99}" + _QUOTED + rb"\s{0,99}|SYSTEM\s{1,99})" + _QUOTED + rb")?"
    rb"\s{0,99}>"
)


class _Options(TypedDict):
    encoding: str
    resolve_entities: bool
    no_network: bool
    load_dtd: bool
    dtd_validation: bool
    remove_comments: bool
    remove_pis: bool
    remove_blank_text: bool


_STRICT: Final[_Options] = {
    "encoding": "utf-8",
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "dtd_validation": False,
    "remove_comments": True,
    "remove_pis": True,
    "remove_blank_text": True,
}
"""What every parser of this room is made with."""


def parse_xml(xml: bytes, what: str, *, roots: Sequence[str], max_bytes: int) -> _Element:
    """Parse XML into its root element, which must be one of `roots`."""
    from lxml import etree

    if len(xml) > max_bytes:
        raise BadInput(f"{what} has {len(xml)} bytes, want at most {max_bytes}")
    # Attribute values expand entities whatever the parser is told: refuse any declaration.
    # UTF-16 would hide one, so zero bytes are refused first.
    if b"\0" in xml or has_declarations(xml):
        raise BadInput(f"{what} {WANT_UTF8}")
    try:
        root = etree.fromstring(xml, strict_parser())
    except etree.XMLSyntaxError as error:
        # libxml2 quotes what it met.
        said = "".join(c if c.isprintable() else "?" for c in str(error.msg))
        raise BadInput(f"{what} is not XML: {said:.80}") from error
    if root.tag not in roots:
        raise BadInput(f"the root element is {root.tag!r:.40}, want {roots[0]!r}")
    return root


def has_declarations(xml: bytes) -> bool:
    """Tell whether UTF-8 XML declares anything; naming an outer DTD, once, declares nothing.

    Declarations may stand before the root element alone; elsewhere the parser refuses them.
    """
    if b"<!ENTITY" in xml:
        return True
    place = 3 if xml.startswith(b"\xef\xbb\xbf") else 0
    is_named = False
    while True:
        while xml[place : place + 1] and xml[place] in _SPACE:
            place += 1
        if xml.startswith(b"<?", place):
            place = _after(xml, b"?>", place + 2)
        elif xml.startswith(b"<!--", place):
            place = _after(xml, b"-->", place + 4)
        elif xml.startswith(b"<!", place):
            named = _DOCTYPE.match(xml, place)
            if named is None or is_named:
                return True
            place, is_named = named.end(), True
        else:
            return False


def _after(xml: bytes, mark: bytes, place: int) -> int:
    found = xml.find(mark, place)
    return len(xml) if found < 0 else found + len(mark)


def strict_parser() -> XMLParser[_Element]:
    """Make the parser that strangers' XML goes through."""
    from lxml import etree

    return etree.XMLParser(huge_tree=False, **_STRICT)


def huge_pull_parser(tags: Sequence[str]) -> XMLPullParser[_Element]:
    """Make the parser that hands out the elements of some tags while they end.

    libxml2's own limits are off but for 2048 levels: who feeds it bounds what it is fed.
    """
    from lxml import etree

    return etree.XMLPullParser(("end",), tag=tags, huge_tree=True, **_STRICT)


def digest_xml(root: _Element) -> str:
    """Digest what an element says, in the order of elements; order of attributes does not count."""
    digest = hashlib.sha256()
    # Canonical XML sorts attributes, and LMMS shuffles them on every save.
    root.getroottree().write_c14n(_Sink(digest.update), with_comments=False)
    return digest.hexdigest()


class _Sink:
    """A file that only hashes, so that the canonical text is never held whole."""

    def __init__(self, update: Callable[[bytes], None]) -> None:
        self._update = update

    def write(self, data: bytes) -> int:
        self._update(data)
        return len(data)
