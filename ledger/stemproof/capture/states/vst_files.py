"""The wrappings that VST hosts give a plug-in's settings: fxp, fxb, VstW, vstpreset.

    CcnK size FxCk|FPCh|FxBk|FBCh version id version count …     VST2, big endian
    VST3 version class-id(32) offset … List count (id offset size)…   VST3, little endian

`FxCk` holds floats, `FPCh` a chunk; the banks `FxBk` and `FBCh` many programmes or one chunk.
Layouts: Steinberg's vstfxstore.h and vstpresetfile.h.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from .settings import MAX_PARAMETERS, Settings, float_text

FX_MAGIC: Final = b"CcnK"
WRAPPER_MAGIC: Final = b"VstW"
PRESET_MAGIC: Final = b"VST3"
_FX_HEAD: Final = struct.Struct(">4sI4sI4sII")
_NAME: Final = 28
_BANK_HOLE: Final = 128
_PRESET_HEAD: Final = struct.Struct("<4sI32sQ")
_LIST_HEAD: Final = struct.Struct("<4sI")
_ENTRY: Final = struct.Struct("<4sQQ")
_MAX_ENTRIES: Final = 64
# Written by hosts to describe the file, with dates in it; not by the plug-in.
_SKIPPED: Final = frozenset({b"Info"})

Read = Callable[[bytes, Settings], None]


def read_fx(data: bytes, settings: Settings, inner: Read) -> bool:
    """Read a VST2 programme or bank; `inner` takes the chunk in it. False if it is none."""
    if data[:4] == WRAPPER_MAGIC and len(data) >= 16:
        # JUCE in VST3: magic, size of the rest of this head, version, bypassed.
        size = int.from_bytes(data[4:8], "big")
        settings.add("bypass", str(int.from_bytes(data[12:16], "big") & 1))
        data = data[8 + size :] if size <= 64 else b""
    if len(data) < _FX_HEAD.size + _NAME or data[:4] != FX_MAGIC:
        return False
    _, _, kind, _, _, _, count = _FX_HEAD.unpack_from(data)
    at = _FX_HEAD.size
    if kind == b"FxCk":
        return _read_floats(data, at, count, settings)
    if kind == b"FPCh":
        _add_name(data, at, settings)
        return _read_chunk(data, at + _NAME, settings, inner)
    if kind == b"FBCh":
        return _read_chunk(data, at + _BANK_HOLE, settings, inner)
    if kind == b"FxBk":
        return _read_bank(data, at + _BANK_HOLE, count, settings)
    return False


def read_preset(data: bytes, settings: Settings, inner: Read) -> bool:
    """Read a VST3 preset; `inner` takes each chunk in it. False if it is none."""
    if len(data) < _PRESET_HEAD.size or data[:4] != PRESET_MAGIC:
        return False
    _, _, _, offset = _PRESET_HEAD.unpack_from(data)
    if offset + _LIST_HEAD.size > len(data):
        return False
    mark, count = _LIST_HEAD.unpack_from(data, offset)
    end = offset + _LIST_HEAD.size + count * _ENTRY.size
    if mark != b"List" or count > _MAX_ENTRIES or end > len(data):
        return False
    entries = [
        _ENTRY.unpack_from(data, offset + _LIST_HEAD.size + number * _ENTRY.size)
        for number in range(count)
    ]
    if any(start + size > offset for _, start, size in entries):
        return False
    for name, start, size in entries:
        if name not in _SKIPPED:
            inner(data[start : start + size], settings)
    return True


def _read_floats(data: bytes, at: int, count: int, settings: Settings) -> bool:
    begin = at + _NAME
    if not count <= MAX_PARAMETERS or begin + 4 * count > len(data):
        return False
    _add_name(data, at, settings)
    for number, value in enumerate(struct.unpack_from(f">{count}f", data, begin), start=1):
        settings.add(f"parameter {number}", float_text(value))
    return True


def _read_chunk(data: bytes, at: int, settings: Settings, inner: Read) -> bool:
    if at + 4 > len(data):
        return False
    size = int.from_bytes(data[at : at + 4], "big")
    chunk = data[at + 4 : at + 4 + size]
    if len(chunk) != size:
        return False
    inner(chunk, settings)
    settings.leave(data[at + 4 + size :])
    return True


def _read_bank(data: bytes, at: int, programmes: int, settings: Settings) -> bool:
    """Read the names of a bank's programmes; their floats stay opaque, only one of them plays."""
    found = 0
    while at + _FX_HEAD.size + _NAME <= len(data) and found < min(programmes, MAX_PARAMETERS):
        magic, _, kind, _, _, _, count = _FX_HEAD.unpack_from(data, at)
        end = at + _FX_HEAD.size + _NAME + 4 * count
        if magic != FX_MAGIC or kind != b"FxCk" or end > len(data):
            return False
        found += 1
        settings.add(f"programme {found}", _text(data, at + _FX_HEAD.size))
        settings.leave(data[at + _FX_HEAD.size + _NAME : end])
        at = end
    return found > 0


def _add_name(data: bytes, at: int, settings: Settings) -> None:
    if name := _text(data, at):
        settings.add("programme", name)


def _text(data: bytes, at: int) -> str:
    return data[at : at + _NAME].partition(b"\0")[0].decode("utf-8", "replace").strip()
