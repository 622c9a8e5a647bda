"""Audacity's binary XML: the `dict` and `doc` of a project, decoded into plain elements.

Both are streams of fields: one byte for the type, then little-endian numbers (Audacity's
`ProjectSerializer`). `dict` numbers the names, `doc` uses the numbers:

    CharSize u8 | Name id u16, bytes u16, text | StartTag id | EndTag id
    String id, bytes i32, text | Int id i32 | Bool id u8 | Long id i32 | LongLong id i64
    SizeT id u32 | Float id f32, digits i32 | Double id f64, digits i32
    Data bytes i32, text | Raw bytes i32, text | Push | Pop
"""

from __future__ import annotations

import enum
import math
import struct
from dataclasses import dataclass, field
from typing import Final

from stemproof.errors import BadInput

MAX_DOC_BYTES: Final = 64 << 20
"""A project of a day in five-second blocks has a third of it."""
MAX_ELEMENTS: Final = 1_000_000
MAX_DEPTH: Final = 64
_CODECS: Final = {1: "utf-8", 2: "utf-16-le", 4: "utf-32-le"}


class _Field(enum.IntEnum):
    CHAR_SIZE = 0
    START_TAG = 1
    END_TAG = 2
    STRING = 3
    INT = 4
    BOOL = 5
    LONG = 6
    LONG_LONG = 7
    SIZE_T = 8
    FLOAT = 9
    DOUBLE = 10
    DATA = 11
    RAW = 12
    PUSH = 13
    POP = 14
    NAME = 15


_NUMBERS: Final = {
    _Field.INT: struct.Struct("<i"),
    _Field.LONG: struct.Struct("<i"),
    _Field.LONG_LONG: struct.Struct("<q"),
    _Field.SIZE_T: struct.Struct("<I"),
    _Field.BOOL: struct.Struct("<B"),
    _Field.FLOAT: struct.Struct("<fi"),
    _Field.DOUBLE: struct.Struct("<di"),
}
_ID: Final = struct.Struct("<H")
_LENGTH: Final = struct.Struct("<i")


@dataclass(slots=True)
class Element:
    """One element: its name, its attributes as text, and the elements within."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element] = field(default_factory=list)

    def get(self, name: str, default: str = "") -> str:
        """Give one attribute."""
        return self.attributes.get(name, default)

    def all(self, tag: str) -> list[Element]:
        """Give the elements of one name that stand directly within."""
        return [child for child in self.children if child.tag == tag]


def decode(names: bytes, doc: bytes) -> Element:
    """Decode a project's two blobs into its root element."""
    if len(names) > MAX_DOC_BYTES or len(doc) > MAX_DOC_BYTES:
        raise BadInput(f"the Audacity project's text has more than {MAX_DOC_BYTES} bytes")
    decoder = _Decoder()
    decoder.run(names)
    decoder.run(doc)
    return decoder.finish()


class _Decoder:
    """One pass over the fields of one stream after the other."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._kept: list[dict[int, str]] = []
        self._codec = "utf-32-le"
        self._root = Element("")
        self._open = [self._root]
        self._count = 0
        self._data = b""
        self._at = 0

    def run(self, data: bytes) -> None:
        self._data, self._at = data, 0
        try:
            while self._at < len(data):
                self._read_field()
        except (struct.error, UnicodeDecodeError) as error:
            raise BadInput("the Audacity project's binary XML is damaged") from error

    def finish(self) -> Element:
        if len(self._open) != 1 or len(self._root.children) != 1:
            raise BadInput("the Audacity project's binary XML is cut short")
        return self._root.children[0]

    def _read_field(self) -> None:
        code = self._data[self._at]
        self._at += 1
        if code == _Field.START_TAG:
            self._start(self._name())
        elif code == _Field.END_TAG:
            self._end(self._name())
        elif code == _Field.STRING:
            name = self._name()
            self._set(name, self._text())
        elif code in _NUMBERS:
            name = self._name()
            self._set(name, self._number(_NUMBERS[_Field(code)], is_bool=code == _Field.BOOL))
        elif code in (_Field.DATA, _Field.RAW):
            self._text()
        elif code == _Field.CHAR_SIZE:
            self._set_codec(self._data[self._at : self._at + 1])
        elif code == _Field.NAME:
            number, size = self._whole(_ID), self._whole(_ID)
            self._names[number] = self._bytes(size).decode(self._codec)
        elif code == _Field.PUSH:
            if len(self._kept) >= MAX_DEPTH:
                raise BadInput("the Audacity project's binary XML is nested too deep")
            self._kept.append(self._names)
            self._names = {}
        elif code == _Field.POP and self._kept:
            self._names = self._kept.pop()
        else:
            raise BadInput(f"the Audacity project's binary XML has a field of type {code}")

    def _set_codec(self, size: bytes) -> None:
        codec = _CODECS.get(size[0] if size else 0)
        if codec is None:
            raise BadInput("the Audacity project's characters have no size of 1, 2 or 4 bytes")
        self._codec = codec
        self._at += 1

    def _start(self, name: str) -> None:
        self._count += 1
        if len(self._open) > MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise BadInput("the Audacity project's binary XML is nested too deep or too long")
        element = Element(name)
        self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, name: str) -> None:
        if len(self._open) < 2 or self._open[-1].tag != name:
            raise BadInput(f"the Audacity project closes {name!r:.40}, which is not open")
        self._open.pop()

    def _set(self, name: str, text: str) -> None:
        self._open[-1].attributes.setdefault(name, text)

    def _name(self) -> str:
        number = self._whole(_ID)
        name = self._names.get(number)
        if name is None:
            raise BadInput(f"the Audacity project uses name {number}, which it does not give")
        return name

    def _number(self, layout: struct.Struct, *, is_bool: bool) -> str:
        value: int | float = layout.unpack_from(self._data, self._at)[0]
        self._at += layout.size
        if isinstance(value, float):
            if not math.isfinite(value):
                raise BadInput(f"the Audacity project holds the number {value}")
            return f"{value:.12g}"
        return str(int(bool(value)) if is_bool else value)

    def _text(self) -> str:
        return self._bytes(self._whole(_LENGTH)).decode(self._codec)

    def _bytes(self, size: int) -> bytes:
        end = self._at + size
        if size < 0 or end > len(self._data):
            raise BadInput("the Audacity project's binary XML is cut short")
        piece = self._data[self._at : end]
        self._at = end
        return piece

    def _whole(self, layout: struct.Struct) -> int:
        value: int = layout.unpack_from(self._data, self._at)[0]
        self._at += layout.size
        return value
