"""LMMS containers: .mmp is XML, .mmpz is a big-endian length and a zlib stream of that XML.

The output of zlib is bounded and must be as long as declared.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from stemproof.errors import BadInput

from .strict_xml import digest_xml, parse_xml

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
    return parse_xml(xml, "the LMMS project", roots=_ROOTS, max_bytes=MAX_XML_BYTES)


def content_digest(root: _Element) -> str:
    """Digest everything but the version that wrote it; order of attributes does not count."""
    kept = {name: root.get(name) for name in _VERSION_ATTRIBUTES}
    tag = root.tag
    for name in kept:
        root.attrib.pop(name, None)
    root.tag = _ROOTS[0]
    digest = digest_xml(root)
    root.tag = tag
    for name, value in kept.items():
        if value is not None:
            root.set(name, value)
    return digest
