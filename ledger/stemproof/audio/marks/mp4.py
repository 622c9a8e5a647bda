"""MP4, M4A and QuickTime atoms: iTunes tags, keys as ffmpeg writes them, XMP and C2PA boxes.

    size (4), name (4), content; size 1: the size follows in 8 bytes, size 0: to the end

Specification: ISO/IEC 14496-12; QuickTime File Format (keys and ilst); C2PA 2.x section A.5.
Only the atoms on the way to the tags are entered, so that nesting costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from stemproof.audio.marks.model import MAX_TEXT_BYTES, Tags
from stemproof.audio.marks.window import Window
from stemproof.errors import BadInput

SOURCE: Final = "mp4"
_MAX_ATOMS: Final = 20_000
_C2PA: Final = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_XMP: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


class _Atom(NamedTuple):
    name: bytes
    place: int
    stop: int


class _Reader:
    """One walk; the number of atoms is bounded over all of it."""

    def __init__(self, window: Window, tags: Tags) -> None:
        self._window = window
        self._tags = tags
        self._left = _MAX_ATOMS

    def read_file(self) -> None:
        for atom in self._atoms(0, self._window.size):
            if atom.name == b"moov":
                for inner in self._atoms(atom.place, atom.stop):
                    self._take(inner)
            elif atom.name == b"uuid":
                self._take_uuid(atom)

    def _take(self, atom: _Atom) -> None:
        if atom.name == b"udta":
            for inner in self._atoms(atom.place, atom.stop):
                if inner.name == b"meta":
                    self._take_meta(inner)
        elif atom.name == b"meta":
            self._take_meta(atom)

    def _take_uuid(self, atom: _Atom) -> None:
        if atom.stop - atom.place < 16:
            return
        kind = self._window.read(atom.place, 16)
        if kind == _C2PA:
            self._tags.credentials = "an MP4 box"
        elif kind == _XMP and atom.stop - atom.place <= MAX_TEXT_BYTES:
            packet = self._window.read(atom.place + 16, atom.stop - atom.place - 16)
            self._tags.add("xmp", "uuid", packet.decode("utf-8", "replace"))

    def _take_meta(self, meta: _Atom) -> None:
        if meta.stop - meta.place < 12:
            return
        # QuickTime's has no version before its first atom.
        is_plain = self._window.read(meta.place + 4, 4) == b"hdlr"
        keys: list[str] = []
        for atom in self._atoms(meta.place + (0 if is_plain else 4), meta.stop):
            if atom.name == b"keys":
                keys = self._keys(atom)
            elif atom.name == b"ilst":
                for item in self._atoms(atom.place, atom.stop):
                    self._take_item(item, keys)

    def _keys(self, atom: _Atom) -> list[str]:
        place, keys = atom.place + 8, []
        while place + 8 <= atom.stop:
            self._count()
            size = int.from_bytes(self._window.read(place, 4))
            if size < 8 or place + size > atom.stop or size > MAX_TEXT_BYTES:
                raise BadInput("a key of its MP4 tags is cut short")
            keys.append(self._window.read(place + 8, size - 8).decode("utf-8", "replace"))
            place += size
        return keys

    def _take_item(self, item: _Atom, keys: list[str]) -> None:
        index = int.from_bytes(item.name)
        name = item.name.decode("latin-1")
        if 1 <= index <= len(keys):
            name = keys[index - 1]
        for atom in self._atoms(item.place, item.stop):
            size = atom.stop - atom.place
            if atom.name == b"name" and item.name == b"----" and 4 <= size <= 1024:
                own = self._window.read(atom.place + 4, size - 4).decode("utf-8", "replace")
                name = f"----:{own}"
            elif atom.name == b"data" and 8 <= size <= MAX_TEXT_BYTES:
                data = self._window.read(atom.place, size)
                # Type 1 is UTF-8, 0 is for the atom to say; pictures and numbers are others.
                if int.from_bytes(data[:4]) in (0, 1):
                    self._tags.add(SOURCE, name, data[8:].decode("utf-8", "replace"))

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise BadInput(f"it has more than {_MAX_ATOMS} atoms")

    def _atoms(self, place: int, stop: int) -> Iterator[_Atom]:
        while place + 8 <= stop:
            self._count()
            head = self._window.read(place, 8)
            size, start = int.from_bytes(head[:4]), place + 8
            if size == 1:
                size, start = int.from_bytes(self._window.read(start, 8)), place + 16
            elif size == 0:
                size = stop - place
            if size < start - place or place + size > stop:
                raise BadInput(f"its atom {head[4:]!r} is cut short")
            yield _Atom(head[4:], start, place + size)
            place += size


def read_mp4(window: Window, tags: Tags) -> None:
    """Read what an MP4 says beside its sound."""
    _Reader(window, tags).read_file()
