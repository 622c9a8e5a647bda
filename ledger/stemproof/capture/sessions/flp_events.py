"""The bytes of an FL Studio project, taken apart: two chunks, then events.

    FLhd 06000000 0000 2300 6000        kind 0 (a project), 35 channels, 96 ticks a quarter note
    FLdt A1D50100                       size of the events
    C7 0A "20.6.9.1"                    event 199: text of 10 bytes

An event is a number and its data: below 64 one byte, below 128 two, below 192 four, from 192 on
as many as a number in 7-bit groups says. Nothing is documented by the maker; what is known comes
from public reverse engineering (flpkit's measurements, the PyFLP documentation).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from stemproof.errors import BadInput

# Plug-in states make projects big; samples are never inside.
MAX_BYTES: Final = 256 << 20
MAX_EVENTS: Final = 1_000_000
MAX_TEXT: Final = 1 << 16
# One byte against the rule in all files of FL Studio 2026 (measured by flpkit), four before.
_SIZES: Final = {172: 1}
_OLD_SIZES: Final[dict[int, int]] = {}


@dataclass(frozen=True, slots=True)
class FlpEvents:
    """A project's header and its events in order."""

    channels: int
    ppq: int
    events: tuple[tuple[int, bytes], ...]
    trailing: int


def parse_flp(data: bytes) -> FlpEvents:
    """Parse an FL Studio project into events."""
    if len(data) > MAX_BYTES:
        raise BadInput(f"the FL Studio project has {len(data)} bytes, want at most {MAX_BYTES}")
    if data[:4] != b"FLhd" or data[4:8] != b"\x06\0\0\0" or data[14:18] != b"FLdt":
        raise BadInput("the FL Studio project does not begin with FLhd and FLdt")
    kind, channels, ppq = (int.from_bytes(data[n : n + 2], "little") for n in (8, 10, 12))
    if kind:
        raise BadInput(f"the FL Studio file is of kind {kind}, want a project (0)")
    if not ppq:
        raise BadInput("the FL Studio project has 0 ticks a quarter note, want at least 1")
    size = int.from_bytes(data[18:22], "little")
    if len(data) < 22 or size > len(data) - 22:
        raise BadInput(f"the FL Studio project is cut short: its events take {size} bytes")
    end = 22 + size
    try:
        events = tuple(_events(data, end, _SIZES))
    except BadInput as error:
        # Nothing in the file tells the size of that event but that all of them must fit.
        if 172 not in data[22:end]:
            raise
        try:
            events = tuple(_events(data, end, _OLD_SIZES))
        except BadInput:
            raise error from None
    return FlpEvents(channels, ppq, events, len(data) - 22 - size)


def _events(data: bytes, end: int, sizes: dict[int, int]) -> Iterator[tuple[int, bytes]]:
    count, at = 0, 22
    while at < end:
        count += 1
        if count > MAX_EVENTS:
            raise BadInput(f"the FL Studio project has more than {MAX_EVENTS} events")
        number = data[at]
        at += 1
        if number < 192:
            size = sizes.get(number, 1 << (number >> 6))
        else:
            size, at = _size(data, at, end)
        if size > end - at:
            raise BadInput(f"event {number} of {size} bytes ends after the FL Studio project")
        yield number, data[at : at + size]
        at += size


def _size(data: bytes, at: int, end: int) -> tuple[int, int]:
    size = 0
    for shift in range(0, 35, 7):
        if at >= end:
            break
        byte = data[at]
        at += 1
        size |= (byte & 0x7F) << shift
        if byte < 0x80:
            return size, at
    raise BadInput("the size of an event in the FL Studio project does not end")


def decode_text(payload: bytes, *, is_wide: bool) -> str:
    """Read a text event: UTF-16 since version 11.5, before that the system's code page."""
    text = payload[:MAX_TEXT].decode("utf-16-le" if is_wide else "latin-1", "replace")
    return text.partition("\0")[0]
