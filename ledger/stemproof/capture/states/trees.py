"""Settings written as JSON or XML, flattened to names and values.

    <Params><PARAM id="gain" value="0.5"/></Params>      gain = 0.5
    <Synth><osc name="2" wave="saw"/></Synth>            osc 2/wave = saw
    {"eq": {"bands": [{"freq": 90}]}}                    eq/bands 1/freq = 90

Strangers' text: bounded in size and depth, no entities; None of it is ever evaluated.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from stemproof.capture.sessions.model import Unit
from stemproof.capture.sessions.strict_xml import has_declarations, strict_parser
from stemproof.record.depth import is_deeper

from .settings import MAX_PARAMETERS, Settings

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_TEXT: Final = 8 << 20
_MAX_DEPTH: Final = 64
_MAX_NODES: Final = 4 * MAX_PARAMETERS
# Counted before parsing: eight megabytes of `<a/>` would take half a gigabyte as a tree.
_MAX_MARKS: Final = 4 * _MAX_NODES
# Every child's name begins with its parent's: a long one would be kept thousands of times.
_MAX_PATH: Final = 1000


class _Number(str):
    """A number as it was written."""

    __slots__ = ()


class _Object(list[tuple[str, Any]]):  # Any: whatever JSON holds
    """An object's members in their order, equal names kept."""

    __slots__ = ()


def read_json(data: bytes, settings: Settings) -> bool:
    """Read a JSON document; False if it is none."""
    if len(data) > MAX_TEXT or data.lstrip()[:1] not in (b"{", b"["):
        return False
    if data.count(b",") > _MAX_MARKS or is_deeper(data, _MAX_DEPTH):
        return False
    try:
        document = json.loads(
            data.rstrip(b"\0"),
            object_pairs_hook=_Object,
            parse_float=_Number,
            parse_int=_Number,
            parse_constant=_Number,
        )
    except (ValueError, RecursionError):
        return False
    nodes = 0
    stack: list[tuple[str, Any, int]] = [("", document, 0)]
    while stack:
        name, value, depth = stack.pop()
        nodes += 1
        inside = len(value) if isinstance(value, list) else 0
        if depth > _MAX_DEPTH or len(name) > _MAX_PATH or nodes + len(stack) + inside > _MAX_NODES:
            return False
        if isinstance(value, _Object):
            stack += [(_join(name, key), item, depth + 1) for key, item in reversed(value)]
        elif isinstance(value, list):
            numbered = [(f"{name} {n}".strip(), item) for n, item in enumerate(value, start=1)]
            stack += [(key, item, depth + 1) for key, item in reversed(numbered)]
        elif isinstance(value, bool):
            settings.add(name, str(int(value)), Unit.SWITCH)
        elif value is not None:
            settings.add(name, str(value), Unit.TEXT if type(value) is str else None)
    return True


def read_xml(data: bytes, settings: Settings) -> bool:
    """Read an XML document; False if it is none."""
    from lxml import etree

    text = data.rstrip(b"\0 \t\r\n")
    is_xml = text.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"
    if not is_xml or len(text) > MAX_TEXT or b"\0" in text or has_declarations(text):
        return False
    if text.count(b"<") > _MAX_MARKS or text.count(b"=") > _MAX_MARKS:
        return False
    try:
        root = etree.fromstring(text, strict_parser())
    except (etree.XMLSyntaxError, ValueError):
        return False
    nodes = 0
    stack = [(root, "")]
    while stack:
        element, path = stack.pop()
        nodes += 1
        if len(path) > _MAX_PATH or nodes + len(stack) + len(element) > _MAX_NODES:
            return False
        _read_attributes(element, path, settings)
        stack += reversed(list(_children(element, path)))
    return True


def _read_attributes(element: _Element, path: str, settings: Settings) -> None:
    words = element.attrib
    name = _name(element)
    if name and "value" in words:
        # The path of a named value already ends in its name.
        settings.add(path or name, str(words["value"]))
        rest = {"value", "id", "name", "key"}
    else:
        rest = {"id", "name", "key"} if path.endswith(f" {name}") else set()
    for key, value in words.items():
        if key not in rest:
            settings.add(_join(path, str(key)), str(value))
    text = (element.text or "").strip()
    if text:
        settings.add(path or str(element.tag), text)


def _children(element: _Element, path: str) -> Iterator[tuple[_Element, str]]:
    seen: Counter[str] = Counter()
    for child in element:
        name = _name(child)
        if name and "value" in child.attrib:
            yield child, _join(path, name)
            continue
        tag = str(child.tag).rpartition("}")[2]
        seen[tag] += 1
        number = name or (str(seen[tag]) if seen[tag] > 1 else "")
        yield child, _join(path, f"{tag} {number}".strip())


def _name(element: _Element) -> str:
    for word in ("id", "name", "key"):
        if found := element.get(word):
            return str(found)
    return ""


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name
