"""LMMS containers: .mmp is XML, .mmpz is a big-endian length and a zlib stream of that XML.

Strangers' XML: no entities, no DTD, no network, 256 levels and 10 MB of text a node (libxml2's own
limits, huge_tree off), UTF-8 only; the output of zlib is bounded and must be as long as declared.
lxml is imported inside, so that importing a reader stays cheap.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING

from stemproof.errors import BadInput

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_XML_BYTES = 32 * 1024 * 1024
"""The largest XML that is parsed; a tree of notes takes up to twenty times as much memory."""
_ROOTS = ("lmms-project", "multimedia-project")
# `version` stays in: it numbers the schema, and with it what a note key means.
_VERSION_ATTRIBUTES = ("creator", "creatorversion")


def unpack_mmpz(data: bytes) -> bytes:
    """Inflate a .mmpz, never beyond the bound, and demand the declared length."""
    declared = int.from_bytes(data[:4], "big")
    if len(data) < 6 or declared > MAX_XML_BYTES:
        raise BadInput(f"the LMMS project declares {declared} bytes, want at most {MAX_XML_BYTES}")
    inflater = zlib.decompressobj()
    try:
        xml = inflater.decompress(data[4:], MAX_XML_BYTES + 1)
    except zlib.error as error:
        raise BadInput("the LMMS project is not a zlib stream") from error
    if len(xml) > MAX_XML_BYTES:
        raise BadInput(f"the LMMS project inflates beyond {MAX_XML_BYTES} bytes")
    if not inflater.eof or len(xml) != declared:
        raise BadInput(f"the LMMS project holds {len(xml)} bytes, want the declared {declared}")
    return xml


def parse_root(xml: bytes) -> _Element:
    """Parse project XML into its root element."""
    from lxml import etree

    if len(xml) > MAX_XML_BYTES:
        raise BadInput(f"the LMMS project has {len(xml)} bytes, want at most {MAX_XML_BYTES}")
    # Attribute values expand entities whatever the parser is told: refuse any declaration.
    # UTF-16 would hide one, so zero bytes are refused first.
    if b"\0" in xml or b"<!ENTITY" in xml:
        raise BadInput("the LMMS project declares entities or is not UTF-8, want plain UTF-8 XML")
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        remove_blank_text=True,
    )
    try:
        root = etree.fromstring(xml, parser)
    except etree.XMLSyntaxError as error:
        raise BadInput(f"the LMMS project is not XML: {error.msg:.80}") from error
    if root.tag not in _ROOTS:
        raise BadInput(f"the root element is {root.tag!r:.40}, want {_ROOTS[0]!r}")
    return root


class _Sink:
    """A file that only hashes, so that the canonical text is never held whole."""

    def __init__(self, digest: hashlib._Hash) -> None:
        self._digest = digest

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        return len(data)


def content_digest(root: _Element) -> str:
    """Digest everything but the version that wrote it; order of attributes does not count."""
    kept = {name: root.get(name) for name in _VERSION_ATTRIBUTES}
    tag = root.tag
    for name in kept:
        root.attrib.pop(name, None)
    root.tag = _ROOTS[0]
    # Canonical XML sorts attributes, and LMMS shuffles them on every save.
    digest = hashlib.sha256()
    root.getroottree().write_c14n(_Sink(digest), with_comments=False)
    root.tag = tag
    for name, value in kept.items():
        if value is not None:
            root.set(name, value)
    return digest.hexdigest()
