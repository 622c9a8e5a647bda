"""The bytes of a Standard MIDI File, taken apart: chunks, events, notes.

    MThd 00000006 0001 0003 01E0        format 1, 3 tracks, 480 ticks a quarter note
    MTrk 0000001B 00 FF 03 04 Bass ...  events: time since the last one, status, data

Own code and not mido (1.3.3), which takes three times as long (two seconds for 1 MB), keeps an
object for each event, and lets IndexError, ValueError and an error class of its own out on damaged
files. It serves as the second opinion in the tests.
Nothing is allocated by a declared length before the bytes are there.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import Final

from stemproof.errors import BadInput

from .model import Note

MAX_BYTES: Final = 64 << 20
MAX_EVENTS: Final = 1_000_000
"""The densest real files ("black MIDI" aside) have some 100,000 events."""
MAX_TEXT: Final = 4096
MAX_TICK: Final = 1 << 40
_FRAME_RATES: Final = {24: 24, 25: 25, 29: 30, 30: 30}  # 29 is 30 drop frame


@dataclass(slots=True)
class SmfTrack:
    """What one MTrk chunk says. A lane is keyed by channel, kind and number."""

    name: str = ""
    instrument: str = ""
    copyright: str = ""
    port: int | None = None
    key: tuple[int, int] | None = None
    notes: list[Note] = field(default_factory=list)
    lanes: dict[tuple[int, tuple[str, int]], list[tuple[int, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    tempi: list[tuple[int, int]] = field(default_factory=list)
    metres: list[tuple[int, int, int]] = field(default_factory=list)
    markers: list[tuple[int, str]] = field(default_factory=list)
    lyrics: list[tuple[int, str]] = field(default_factory=list)
    unread: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class SmfFile:
    """A whole file; `ppq` is ticks a second where `is_smpte`."""

    format: int
    ppq: int
    is_smpte: bool
    tracks: tuple[SmfTrack, ...]
    unread: Counter[str]


def parse_smf(data: bytes) -> SmfFile:
    """Parse a Standard MIDI File, bare or in RIFF."""
    if len(data) > MAX_BYTES:
        raise BadInput(f"the MIDI file has {len(data)} bytes, want at most {MAX_BYTES}")
    unread: Counter[str] = Counter()
    if data[:4] == b"RIFF":
        data = _unwrap_riff(data)
    head, at = _chunk(data, 0, b"MThd")
    if len(head) < 6:
        raise BadInput(f"the MIDI header has {len(head)} bytes, want 6")
    kind, count = int.from_bytes(head[:2], "big"), int.from_bytes(head[2:4], "big")
    if kind > 2 or not count:
        raise BadInput(f"the MIDI file has format {kind} and {count} tracks, want format 0, 1 or 2")
    ppq, is_smpte = _division(int.from_bytes(head[4:6], "big"))
    # All chunks before any event: a file that is cut short is refused at once.
    bodies: list[bytes] = []
    while len(bodies) < count:
        name = data[at : at + 4]
        body, at = _chunk(data, at, None)
        if name == b"MTrk":
            bodies.append(body)
        else:
            unread["chunk of another kind"] += 1
    tracks: list[SmfTrack] = []
    left = MAX_EVENTS
    for body in bodies:
        parser = _TrackParser(body, left)
        parser.run()
        left = parser.left
        tracks.append(parser.track)
    if at < len(data):
        unread["bytes after the last track"] += len(data) - at
    return SmfFile(kind, ppq, is_smpte, tuple(tracks), unread)


def _unwrap_riff(data: bytes) -> bytes:
    # RP-029: RIFF, size, "RMID", then a chunk "data" that holds the file.
    if data[8:16] != b"RMIDdata":
        raise BadInput("the RIFF file holds no MIDI data")
    size = int.from_bytes(data[16:20], "little")
    if size > len(data) - 20:
        raise BadInput(f"the RIFF file is cut short: {len(data) - 20} bytes, want {size}")
    return data[20 : 20 + size]


def _chunk(data: bytes, at: int, want: bytes | None) -> tuple[bytes, int]:
    if len(data) - at < 8:
        raise BadInput(f"the MIDI file is cut short at byte {len(data)}: a chunk is missing")
    if want is not None and data[at : at + 4] != want:
        raise BadInput(f"the MIDI file begins with {data[at : at + 4]!r}, want {want!r}")
    size = int.from_bytes(data[at + 4 : at + 8], "big")
    if size > len(data) - at - 8:
        raise BadInput(f"the MIDI file is cut short: a chunk of {size} bytes ends after its end")
    return data[at + 8 : at + 8 + size], at + 8 + size


def _division(word: int) -> tuple[int, bool]:
    if word & 0x8000:
        rate, parts = 256 - (word >> 8), word & 0xFF
        if rate not in _FRAME_RATES or not parts:
            raise BadInput(f"the MIDI file counts {parts} parts of {rate} frames a second")
        return _FRAME_RATES[rate] * parts, True
    if not word:
        raise BadInput("the MIDI file has 0 ticks a quarter note, want at least 1")
    return word, False


class _TrackParser:
    """One pass over the events of a track."""

    def __init__(self, data: bytes, left: int) -> None:
        self._data = data
        self._at = 0
        self._tick = 0
        self._open: defaultdict[tuple[int, int], deque[tuple[int, int]]] = defaultdict(deque)
        self._ended = False
        self.left = left
        self.track = SmfTrack()

    def run(self) -> None:
        data, end, running = self._data, len(self._data), 0
        while self._at < end and not self._ended:
            self.left -= 1
            if self.left < 0:
                raise BadInput(f"the MIDI file has more than {MAX_EVENTS} events")
            self._tick += self._variable()
            status = data[self._at] if self._at < end else 0
            self._at += 1
            if status < 0x80:
                if not running or self._at > end:
                    raise BadInput(f"a MIDI event begins with {status}, want a status byte")
                self._at -= 1
                status = running
            if status < 0xF0:
                running = status
                self._channel_event(status)
            elif status == 0xFF:
                self._meta(self._byte(), self._block())
            elif status in (0xF0, 0xF7):
                running = 0
                self._block()
                self.track.unread["system exclusive message"] += 1
            else:
                raise BadInput(f"a MIDI event has the status {status}, which no file may hold")
        self._finish(data, end)

    def _finish(self, data: bytes, end: int) -> None:
        if not self._ended:
            self.track.unread["track without an end"] += 1
        if self._at < end:
            self.track.unread["bytes after the end of a track"] += end - self._at
        if self._tick > MAX_TICK:
            raise BadInput(f"a MIDI track is {self._tick} ticks long, want at most {MAX_TICK}")
        for (channel, pitch), waiting in self._open.items():
            for start, velocity in waiting:
                self._note(pitch, start, velocity, channel)

    def _byte(self) -> int:
        if self._at >= len(self._data):
            raise BadInput("a MIDI track is cut short within an event")
        self._at += 1
        return self._data[self._at - 1]

    def _variable(self) -> int:
        at = self._at
        if at < len(self._data) and self._data[at] < 0x80:
            self._at = at + 1
            return self._data[at]
        value = 0
        for _ in range(4):
            byte = self._byte()
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value
        raise BadInput("a MIDI number has more than four bytes")

    def _block(self) -> bytes:
        size = self._variable()
        if size > len(self._data) - self._at:
            raise BadInput(f"a MIDI event of {size} bytes ends after its track")
        self._at += size
        return self._data[self._at - size : self._at]

    def _channel_event(self, status: int) -> None:
        kind, channel = status & 0xF0, status & 0x0F
        at, size = self._at, 1 if kind in (0xC0, 0xD0) else 2
        self._at = at + size
        if self._at > len(self._data):
            raise BadInput("a MIDI track is cut short within an event")
        one, two = self._data[at], self._data[at + 1] if size == 2 else 0
        if (one | two) & 0x80:
            raise BadInput(f"a MIDI event holds {max(one, two)}, want at most 127")
        if kind == 0x90 and two:
            self._open[channel, one].append((self._tick, two))
        elif kind in (0x80, 0x90):
            waiting = self._open.get((channel, one))
            if waiting:
                start, velocity = waiting.popleft()
                self._note(one, start, velocity, channel)
            else:
                self.track.unread["end of a note that never began"] += 1
        else:
            lane, value = lane_of(kind, one, two)
            self.track.lanes[channel, lane].append((self._tick, value))

    def _note(self, pitch: int, start: int, velocity: int, channel: int) -> None:
        self.track.notes.append(Note(pitch, start, self._tick - start, velocity, channel))

    def _meta(self, kind: int, block: bytes) -> None:
        track, tick = self.track, self._tick
        if kind == 0x2F:
            self._ended = True
        elif kind in _TEXTS:
            attribute = _TEXTS[kind]
            if not getattr(track, attribute):
                setattr(track, attribute, _text(block))
        elif kind == 0x05:
            track.lyrics.append((tick, _text(block)))
        elif kind in (0x06, 0x07):
            track.markers.append((tick, _text(block)))
        elif kind == 0x51 and len(block) == 3:
            track.tempi.append((tick, int.from_bytes(block, "big")))
        elif kind == 0x58 and len(block) >= 2 and block[0] and block[1] < 8:
            track.metres.append((tick, block[0], 1 << block[1]))
        elif kind == 0x59 and len(block) == 2 and (block[0] + 7) % 256 < 15 and block[1] < 2:
            if track.key is None:
                track.key = ((block[0] + 128) % 256 - 128, block[1])
        elif kind == 0x21 and len(block) == 1:
            track.port = block[0]
        else:
            track.unread[f"meta event {kind:02X}"] += 1


_TEXTS: Final = {0x02: "copyright", 0x03: "name", 0x04: "instrument"}


def lane_of(kind: int, one: int, two: int) -> tuple[tuple[str, int], int]:
    """Tell which lane a channel event belongs to, and its value."""
    if kind == 0xB0:
        return ("controller", one), two
    if kind == 0xC0:
        return ("program", 0), one
    if kind == 0xD0:
        return ("pressure", 0), one
    if kind == 0xA0:
        return ("key pressure", one), two
    return ("pitch bend", 0), (two << 7 | one) - 8192


def _text(block: bytes) -> str:
    # The standard says ASCII; programs write UTF-8 or the code page of their system.
    block = block[:MAX_TEXT]
    try:
        text = block.decode("utf-8")
    except UnicodeDecodeError:
        text = block.decode("latin-1")
    return text.strip("\0 \r\n")
