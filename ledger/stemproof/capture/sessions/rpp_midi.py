"""MIDI that a REAPER item holds: delta times and hex bytes, one event a line.

    HASDATA 1 960 QN
    E 0 90 3c 60          E muted `Em`, selected `e` and `em`: selection is no decision
    E 480 80 3c 00
    <X 0 0                a long event: system exclusive, text
      /wNUcmFjaw==
    >

Notes are pairs of on and off on one channel and key; all else is digested as controller data.
"""

from __future__ import annotations

import hashlib
from collections import deque

from stemproof.errors import BadInput

from .controls import ControlLane
from .midi_events import lane_of
from .midi_names import lane_name
from .model import Note, State
from .numbers import parse_integer
from .rpp_text import Chunk

MAX_NOTES = 4_000_000
_BYTES = {text: n for n in range(256) for text in (f"{n:02x}", f"{n:02X}", f"{n:x}", f"{n:X}")}
# In base64: a meta event begins with the byte 255, its kind is below 64.
_META = ("/w", "/x")
_EVENTS = frozenset({"E", "e", "Em", "em"})


class MidiData:
    """Notes in order of start, and the digest of everything else."""

    def __init__(self, source: Chunk) -> None:
        self.ppq = 960
        self.notes: list[Note] = []
        self._open: dict[tuple[int, int], deque[tuple[int, int, bool]]] = {}
        self._digest = hashlib.sha256()
        self._others = 0
        self._lanes: dict[str, list[tuple[int, ...]]] = {}
        self._now = 0
        for child in source.children:
            if isinstance(child, Chunk):
                self._long(child)
            else:
                self._line(child)
        self._end_hanging()
        self.notes.sort(key=lambda n: (n.start, n.pitch, n.channel, n.length, n.velocity))

    @property
    def controllers(self) -> State | None:
        """Count and digest of what is not a note, or None."""
        return State(self._digest.hexdigest(), self._others) if self._others else None

    @property
    def lanes(self) -> tuple[ControlLane, ...]:
        """Give what is not a note by the names of controllers."""
        return tuple(ControlLane(name, tuple(ev)) for name, ev in sorted(self._lanes.items()))

    def _line(self, line: str) -> None:
        words = line.split()
        if words[0] in _EVENTS and len(words) >= 5:
            self._now += _delta(words[1])
            try:
                status, first, second = _BYTES[words[2]], _BYTES[words[3]], _BYTES[words[4]]
            except KeyError as error:
                wrong = f"a MIDI byte is {error.args[0]!r:.20}, want two hexadecimal digits"
                raise BadInput(wrong) from None
            self._event(status, first, second, muted="m" in words[0])
        elif words[0] == "HASDATA" and len(words) > 2:
            self.ppq = parse_integer(words[2], "the ticks per quarter note")
            if not 0 < self.ppq < 100_000:
                raise BadInput(f"ticks per quarter note are {self.ppq}, want 1 to 99999")

    def _long(self, chunk: Chunk) -> None:
        if chunk.name.lower() not in ("x", "xm"):
            return
        words = chunk.words()
        if words:
            self._now += _delta(words[0])
        text = " ".join(chunk.lines())
        name = "text and notation" if text.startswith(_META) else "system exclusive"
        value = int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:6])
        self._other(name, text, value)

    def _event(self, status: int, first: int, second: int, *, muted: bool) -> None:
        kind, channel = status & 0xF0, status & 0x0F
        if kind == 0x90 and second:
            self._open.setdefault((channel, first), deque()).append((self._now, second, muted))
        elif kind in (0x80, 0x90):
            waiting = self._open.get((channel, first))
            if waiting:
                self._close(channel, first, waiting.popleft())
        elif not (kind == 0xB0 and first == 0x7B):
            # Every item ends with "all notes off", which says only how long it is.
            lane, value = lane_of(kind, first, second)
            name = lane_name(*lane)
            if channel:
                name += f" on channel {channel + 1}"
            if muted:
                name += ", muted"
            self._other(name, f"{status:x} {first:x} {second:x} {int(muted)}", value)

    def _other(self, name: str, what: str, value: int) -> None:
        self._digest.update(f"{self._now} {what}\n".encode("utf-8", "surrogatepass"))
        self._others += 1
        if self._others > MAX_NOTES:
            raise BadInput(f"one item holds more than {MAX_NOTES} events beside its notes")
        self._lanes.setdefault(name, []).append((self._now, value))

    def _close(self, channel: int, pitch: int, begun: tuple[int, int, bool]) -> None:
        if len(self.notes) >= MAX_NOTES:
            raise BadInput(f"one item holds more than {MAX_NOTES} notes")
        start, velocity, muted = begun
        self.notes.append(
            Note(pitch, start, self._now - start, velocity, channel=channel, muted=muted)
        )

    def _end_hanging(self) -> None:
        for (channel, pitch), waiting in self._open.items():
            for begun in waiting:
                self._close(channel, pitch, begun)


def _delta(word: str) -> int:
    ticks = parse_integer(word, "the time of a MIDI event")
    if not 0 <= ticks < 2**40:
        raise BadInput(f"the time of a MIDI event is {ticks}, want a small positive number")
    return ticks
