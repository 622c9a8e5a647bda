"""One door to every family of plug-in state: bytes in, named settings and what stays opaque out.

    parameters, state = decode_state(data, ids=device.ids, name="FabFilter Pro-Q 3")

For readers of sessions: hand over the bytes that the plug-in itself gave to its host, taken out
of the program's own wrapping (REAPER's base64 lines and head, Live's hex text, `Chunk` and
`StateChunk` text). Put the parameters behind those that the session names (`beside_named`), and
the state into `Device.state`. `state` is None when nothing stayed opaque; the parameters are
empty when nothing was understood, and then the state is digest and size of all.

Families: FabFilter (`FFBS`), JUCE (`VC2!` and XML), fxp and fxb (`CcnK`), `.vstpreset` (`VST3`),
DISTRHO (names and values between zero bytes), REAPER's own floats, and gzip, zlib, zip, base64,
JSON and XML in one another, five deep.
Never raises for bytes; bounded in size, depth, count and what it inflates to. No I/O.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
import zlib
from collections.abc import Sequence
from typing import Final

from stemproof.capture.sessions.model import Parameter, PluginId, State
from stemproof.capture.sessions.packed import GZIP_MAGIC, ZIP_MAGIC, Archive, gunzip
from stemproof.errors import BadInput

from .distrho import read_distrho
from .fabfilter import MAGIC as FABFILTER_MAGIC
from .fabfilter import read_fabfilter
from .settings import MAX_PARAMETERS, MAX_UNPACKED, Settings, float_text
from .trees import read_json, read_xml
from .vst_files import FX_MAGIC, PRESET_MAGIC, WRAPPER_MAGIC, read_fx, read_preset

MAX_STATE: Final = 64 << 20
"""Larger ones are samples; their digest is enough."""
Decoded = tuple[tuple[Parameter, ...], State | None]
_MAX_DEPTH: Final = 5
_JUCE_MAGIC: Final = b"VC2!"
_FLOATS_MAGIC: Final = bytes.fromhex("efbeadde0df0adde")
# Settings are small numbers and words: what inflates further than this is made to.
_MAX_RATIO: Final = 100
_SPARE: Final = 64 << 10
# RFC 1951: 258 bytes from two bits is the most that deflate can do.
_DEFLATE_RATIO: Final = 1032
_HEAD: Final = 256
"""Plug-ins put a few words of their own before a known beginning."""
_INSIDE = re.compile(
    b"|".join(map(re.escape, (_JUCE_MAGIC, FABFILTER_MAGIC, b"<?xml", FX_MAGIC, PRESET_MAGIC)))
)
_BASE64 = re.compile(rb"[A-Za-z0-9+/\r\n]{24,}={0,2}[\r\n]*")
_CLASS_NAMES: Final = {"72C4DB717A4D459AB97E51745D84B39D": "FabFilter Pro-Q 3"}


def decode_state(data: bytes, *, ids: Sequence[PluginId] = (), name: str = "") -> Decoded:
    """Read a plug-in's stored settings as far as their family is known."""
    settings = Settings()
    if len(data) > MAX_STATE:
        settings.leave(data)
        return settings.result()
    known = next((_CLASS_NAMES[i.value] for i in ids if i.value in _CLASS_NAMES), name)
    room = min(MAX_UNPACKED, _MAX_RATIO * len(data) + _SPARE)
    _Decoder(known, room).read(data, settings, 0)
    return settings.result()


def beside_named(named: Sequence[Parameter], decoded: Sequence[Parameter]) -> tuple[Parameter, ...]:
    """Put decoded settings behind those that the session itself names, each name once."""
    known = {parameter.name.casefold() for parameter in named}
    return (*named, *(p for p in decoded if p.name.casefold() not in known))


class _Decoder:
    """Tries each family in turn, and what is inside of what was unpacked."""

    def __init__(self, name: str, room: int) -> None:
        self._name = name
        self._room = room

    def read(self, data: bytes, settings: Settings, depth: int) -> None:
        """Find what can be found; the rest is left opaque."""
        if depth > _MAX_DEPTH or not self._read_known(data, settings, depth):
            settings.leave(data)

    def _read_known(self, data: bytes, settings: Settings, depth: int) -> bool:
        mark = settings.mark()
        if self._read_at_start(data, settings, depth):
            return True
        settings.go_back(mark)
        found = _INSIDE.search(data[:_HEAD])
        if found is None or found.start() == 0:
            return False
        if self._read_at_start(data[found.start() :], settings, depth):
            settings.leave(data[: found.start()])
            return True
        settings.go_back(mark)
        return False

    def _read_at_start(self, data: bytes, settings: Settings, depth: int) -> bool:
        head = data[:8]
        left = len(data)

        def inner(part: bytes, into: Settings) -> None:
            # Parts that lie over one another, in parts that do, would be read without end.
            nonlocal left
            left -= len(part)
            if left >= 0:
                self.read(part, into, depth + 1)

        if head[:4] == FABFILTER_MAGIC:
            return read_fabfilter(data, settings, self._name)
        if head[:4] == _JUCE_MAGIC:
            return _read_juce(data, settings)
        if head[:4] in (FX_MAGIC, WRAPPER_MAGIC):
            return read_fx(data, settings, inner)
        if head[:4] == PRESET_MAGIC:
            return read_preset(data, settings, inner) and left >= 0
        if head == _FLOATS_MAGIC:
            return _read_floats(data[8:], settings)
        if self._read_packed(data, settings, depth):
            return True
        if read_xml(data, settings) or read_json(data, settings) or read_distrho(data, settings):
            return True
        # nih-plug writes the length of its JSON before it.
        has_length = int.from_bytes(head, "little") == len(data) - 8 > 0
        return has_length and read_json(data[8:], settings)

    def _read_packed(self, data: bytes, settings: Settings, depth: int) -> bool:
        # Text in base64 counts but is not bounded by it, so nothing may be left.
        room = max(0, self._room - settings.unpacked)
        try:
            if data[:2] == GZIP_MAGIC:
                parts = [gunzip(data, "the state", room)]
            elif data[:1] == b"\x78" and int.from_bytes(data[:2], "big") % 31 == 0:
                parts = list(_inflate(data, room))
            elif data[:4] == ZIP_MAGIC:
                parts = _unzip(data, room)
            elif len(data) % 4 == 0 and _BASE64.fullmatch(data):
                parts = [base64.b64decode(data.translate(None, b"\r\n"), validate=True)]
            else:
                return False
        except binascii.Error:
            return False
        except (BadInput, zlib.error):
            # Inflated in vain is inflated all the same.
            settings.unpacked += min(room, _DEFLATE_RATIO * len(data))
            return False
        settings.unpacked += sum(map(len, parts))
        for part in parts:
            self.read(part, settings, depth + 1)
        return True


def _read_juce(data: bytes, settings: Settings) -> bool:
    # juce::AudioProcessor::copyXmlToBinary: magic, length, the text, a zero byte.
    size = int.from_bytes(data[4:8], "little")
    if size > len(data) - 8 or not read_xml(data[8 : 8 + size], settings):
        return False
    settings.leave(data[8 + size :].removeprefix(b"\0"))
    return True


def _read_floats(data: bytes, settings: Settings) -> bool:
    # What REAPER writes for a plug-in without a chunk: its parameters in order.
    count = len(data) // 4
    if count > MAX_PARAMETERS or len(data) % 4:
        return False
    for number, value in enumerate(struct.unpack(f"<{count}f", data), start=1):
        settings.add(f"parameter {number}", float_text(value))
    return True


def _inflate(data: bytes, room: int) -> tuple[bytes, bytes]:
    inflater = zlib.decompressobj()
    out = inflater.decompress(data, room + 1)
    if len(out) > room or not inflater.eof:
        raise BadInput("the state inflates too far, or is cut short")
    return out, inflater.unused_data


def _unzip(data: bytes, room: int) -> list[bytes]:
    archive = Archive(data, "the state")
    parts: list[bytes] = []
    for name in sorted(archive.names):
        part = archive.read(name, room)
        room -= len(part)
        parts.append(part)
    return parts
