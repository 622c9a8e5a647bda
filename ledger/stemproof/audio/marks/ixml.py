"""iXML, the XML chunk of location recorders and editors: the texts of its innermost elements.

Specification: iXML 3.01. UTF-8 only; a document type is refused whole, so that no entity is
ever declared; depth and number of elements are bounded.
"""

from __future__ import annotations

from typing import Final
from xml.parsers import expat  # what it parses has no document type: refused below

from stemproof.errors import BadInput

ROOT: Final = "BWFXML"
_MAX_ELEMENTS: Final = 2_000
_MAX_DEPTH: Final = 32


def parse_ixml(data: bytes) -> list[tuple[str, str]]:
    """Give name and text of each innermost element."""
    reader = _Reader()
    # UTF-16 would be another document to expat than to whoever wrote the bound.
    if b"\0" in data:
        raise BadInput("its iXML is not UTF-8")
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise BadInput(f"its iXML is not XML: {expat.ErrorString(error.code)}") from error
    return reader.found


class _Reader:
    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse_type
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._add
        self._open: list[str] = []
        self._texts: list[str] = []
        self._is_leaf = False
        self._count = 0

    def _refuse_type(self, *_: object) -> None:
        raise BadInput("its iXML declares a document type")

    def _start(self, name: str, _: object) -> None:
        self._count += 1
        self._open.append(name)
        if self._open[0] != ROOT:
            raise BadInput(f"the root of its iXML is {name!r:.40}, want {ROOT!r}")
        if self._count > _MAX_ELEMENTS or len(self._open) > _MAX_DEPTH:
            raise BadInput(
                f"its iXML has more than {_MAX_ELEMENTS} elements or {_MAX_DEPTH} levels"
            )
        self._texts, self._is_leaf = [], True

    def _add(self, text: str) -> None:
        self._texts.append(text)

    def _end(self, name: str) -> None:
        self._open.pop()
        text = "".join(self._texts).strip()
        if self._is_leaf and text:
            self.found.append((name[:100], text))
        self._texts, self._is_leaf = [], False
