"""MIDI files: made byte by byte here, compared with mido, damaged; the facts of the corpus."""

from __future__ import annotations

import io
import os
import random
import struct
import time
import tracemalloc
from collections import Counter
from pathlib import Path

import mido  # type: ignore[import-untyped]  # it publishes no types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemproof.capture.diff import diff
from stemproof.capture.sessions.controls import ControlLane
from stemproof.capture.sessions.midi_events import MAX_EVENTS, parse_smf
from stemproof.capture.sessions.model import Parameter, Session, Unit
from stemproof.capture.sessions.registry import read_session
from stemproof.errors import BadInput

HERE = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("STEMPROOF_CORPUS", HERE.parent / "shared" / "corpus"))
SESSIONS = CORPUS / "sessions/midi/freedoom_d_e1m5"
needs_corpus = pytest.mark.skipif(not SESSIONS.is_dir(), reason="the corpus is not on this machine")


def varied(number: int) -> bytes:
    out = [number & 0x7F]
    while number := number >> 7:
        out.append(number & 0x7F | 0x80)
    return bytes(reversed(out))


def meta(kind: int, data: bytes, delta: int = 0) -> bytes:
    return varied(delta) + bytes([0xFF, kind]) + varied(len(data)) + data


def note(pitch: int, delta: int = 0, length: int = 480, velocity: int = 100, on: int = 0) -> bytes:
    begin = varied(delta) + bytes([0x90 | on, pitch, velocity])
    return begin + varied(length) + bytes([0x80 | on, pitch, 64])


END = meta(0x2F, b"")


def chunk(name: bytes, body: bytes) -> bytes:
    return name + len(body).to_bytes(4, "big") + body


def midi(*tracks: bytes, kind: int = 1, division: int = 480) -> bytes:
    head = struct.pack(">HHH", kind, len(tracks), division)
    return chunk(b"MThd", head) + b"".join(chunk(b"MTrk", t + END) for t in tracks)


CONDUCTOR = (
    meta(0x03, b"My Song")
    + meta(0x02, b"(c) nobody")
    + meta(0x51, (500_000).to_bytes(3, "big"))
    + meta(0x58, bytes([3, 2, 24, 8]))
    + meta(0x59, bytes([0xFE, 1]))
    + meta(0x06, b"Verse")
    + meta(0x51, (571_429).to_bytes(3, "big"), 1440)
    + meta(0x06, b"Chorus")
)
BASS = (
    meta(0x03, b"Bass")
    + bytes([0, 0xC0, 33, 0, 0xB0, 7, 90, 0, 0xB0, 10, 64])
    + note(40)
    + note(43)
    + bytes([0, 0xE0, 0, 80, 96, 0xE0, 0, 64])
)
DRUMS = meta(0x03, "Schlägel".encode()) + bytes([0, 0xC9, 0]) + note(36, on=9) + note(38, on=9)
SONG = midi(CONDUCTOR, BASS, DRUMS)


def load(data: bytes) -> Session:
    return read_session("song.mid", data)


def told(one: bytes, two: bytes) -> list[str]:
    return [decision.text for decision in diff(load(one), load(two))]


def test_tracks_have_names_notes_levels_and_programs() -> None:
    session = load(SONG)
    bass, drums = session.tracks
    assert [t.name for t in session.tracks] == ["Bass", "Schlägel"]
    (clip,) = bass.clips
    assert [n[:5] for n in clip.notes] == [(40, 0, 480, 100, 0), (43, 480, 480, 100, 0)]
    assert clip.ppq == 480
    assert bass.mixer.volume == Parameter("volume", "90")
    assert bass.mixer.pan == Parameter("pan", "0.0000", Unit.PAN)
    assert bass.parameters == (
        Parameter("channel", "1"),
        Parameter("program", "34 Electric Bass (finger)"),
    )
    assert Parameter("program", "drum kit 1") in drums.parameters
    assert clip.lanes == (ControlLane("pitch bend", ((960, 2048), (1056, 0))),)
    assert clip.points == ()


def test_the_conductor_gives_title_tempo_metre_key_and_markers() -> None:
    session = load(SONG)
    assert [(int(p.at.value), p.bpm, p.numerator) for p in session.tempo] == [
        (0, "120", 3),
        (3, "105", 3),
    ]
    assert [p.value for p in session.parameters] == ["My Song", "(c) nobody", "G minor"]
    assert [(m.name, int(m.at.value)) for m in session.markers] == [("Verse", 0), ("Chorus", 3)]
    assert session.unread == ()


def test_format_0_becomes_a_track_for_each_channel() -> None:
    only = meta(0x03, b"All") + note(60) + note(36, on=9) + note(62)
    session = load(midi(only, kind=0))
    assert [(t.name, len(t.clips[0].notes)) for t in session.tracks] == [
        ("Channel 1", 2),
        ("Drums", 1),
    ]
    assert session.parameters[0].value == "All"


def test_staves_without_a_name_on_one_channel_are_one_track() -> None:
    right, left = bytes([0, 0xC2, 46]) + note(72, on=2), note(48, on=2)
    one, two = midi(b"", right, left), midi(b"", right)
    assert [len(t.clips[0].notes) for t in load(one).tracks] == [2]
    assert told(one, two) == ["Channel 3: 1 note removed in bar 1"]


def test_riff_running_status_and_lyrics_are_read() -> None:
    sung = meta(0x05, b"La-") + bytes([0, 0x90, 60, 80]) + meta(0x05, b"la", 240)
    sung += bytes([0, 60, 0])
    data = midi(meta(0x03, b"Vox") + sung, kind=1)
    (track,) = load(data).tracks
    assert track.clips[0].notes[0][:4] == (60, 0, 240, 80)
    assert [(str(s.at), s.text) for s in track.clips[0].signs] == [("0", "La-"), ("1/2", "la")]
    inner = b"RMIDdata" + len(data).to_bytes(4, "little") + data
    wrapped = b"RIFF" + len(inner).to_bytes(4, "little") + inner
    assert load(wrapped).tracks == load(data).tracks


def test_smpte_time_counts_seconds_as_quarter_notes() -> None:
    session = load(midi(note(60, delta=500, length=1000), kind=0, division=0xE728))
    (found,) = session.tracks[0].clips[0].notes
    assert (session.tempo[0].bpm, session.tracks[0].clips[0].ppq) == ("60", 1000)
    assert (found.start, found.length) == (500, 1000)


def test_what_is_not_understood_is_counted() -> None:
    strange = bytes([0, 0xF0]) + varied(3) + b"\x7e\x7f\xf7" + meta(0x7F, b"abc") + note(60)
    session = read_session("a.mid", midi(strange, bytes([0, 0x80, 60, 0])) + b"tail")
    assert session.unread == (
        ("bytes after the last track", 4),
        ("end of a note that never began", 1),
        ("meta event 7F", 1),
        ("system exclusive message", 1),
    )
    assert (
        load(midi(bytes([0, 0x90, 60, 9]) + meta(1, b"", 7))).tracks[0].clips[0].notes[0].length
        == 7
    )


CHANGES = {
    "note added": (BASS + note(45, delta=480), ["Bass: 1 note added in bar 2"]),
    "louder": (BASS.replace(bytes([43, 100]), bytes([43, 110])),
               ["Bass: 1 note changed in velocity by +10 in bar 1"]),
    "transposed": (BASS.replace(bytes([0, 0x90, 43]), bytes([0, 0x90, 45]))
                   .replace(bytes([0x80, 43]), bytes([0x80, 45])),
                   ["Bass: 1 note transposed +2 semitones in bar 1"]),
    "volume": (BASS.replace(bytes([7, 90]), bytes([7, 80])), ["Bass: volume 90 -> 80"]),
    "pan": (BASS.replace(bytes([10, 64]), bytes([10, 1])), ["Bass: pan centre -> 100L"]),
    "program": (BASS.replace(bytes([0xC0, 33]), bytes([0xC0, 35])),
                ["Bass: program 34 Electric Bass (finger) -> 36 Fretless Bass"]),
    "bend": (BASS.replace(bytes([0, 0xE0, 0, 80]), bytes([0, 0xE0, 0, 90])),
             ["Bass: pitch bend 2048 -> 3328 in bar 1"]),
    "pedal": (bytes([0, 0xB0, 64, 127, 0, 0xB0, 64, 0]) + BASS,
              ["Bass: 2 events of sustain pedal (CC 64) added in bar 1"]),
    "volume moves": (BASS + bytes([96, 0xB0, 7, 60]),
                     ["Bass: automation of volume added (2 points)"]),
    "reverb moves": (BASS + bytes([96, 0xB0, 91, 60, 96, 0xB0, 91, 80]),
                     ["Bass: automation of reverb send added (2 points)"]),
    "renamed": (BASS.replace(b"Bass", b"Sub."), ["Bass: track renamed to 'Sub.'"]),
    "nothing": (BASS, []),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_gives_exactly_its_decisions(what: str) -> None:
    track, sentences = CHANGES[what]
    assert told(SONG, midi(CONDUCTOR, track, DRUMS)) == sentences


def test_tracks_in_another_order_are_only_moved() -> None:
    found = diff(load(SONG), load(midi(CONDUCTOR, DRUMS, BASS)))
    assert [d.kind for d in found] == ["track.reordered"]


def test_tempo_and_key_are_the_session_s() -> None:
    slower = CONDUCTOR.replace((500_000).to_bytes(3, "big"), (600_000).to_bytes(3, "big"))
    other = slower.replace(bytes([0xFE, 1]), bytes([1, 0]))
    assert told(SONG, midi(other, BASS, DRUMS)) == [
        "Session: tempo map changed (2 tempo points -> 2 tempo points)",
        "Session: key 'G minor' -> 'G major'",
    ]


def test_another_spelling_of_the_same_music_has_the_same_content() -> None:
    spelt = midi(bytes([0, 0x90, 60, 80, 96, 0x90, 60, 0]))
    running = midi(bytes([0, 0x90, 60, 80, 96, 60, 0]))
    off = midi(bytes([0, 0x90, 60, 80, 96, 0x80, 60, 64]))
    assert len({load(d).content_digest for d in (spelt, running, off)}) == 1
    assert load(spelt).digest != load(off).digest


def notes_by_mido(data: bytes) -> Counter[tuple[int, int, int, int, int]]:
    """Pair note-ons with note-offs as read by mido: a second implementation."""
    found: Counter[tuple[int, int, int, int, int]] = Counter()
    for track in mido.MidiFile(file=io.BytesIO(data)).tracks:
        tick, begun = 0, dict[tuple[int, int], list[tuple[int, int]]]()
        for message in track:
            tick += message.time
            if message.type == "note_on" and message.velocity:
                key = (message.channel, message.note)
                begun.setdefault(key, []).append((tick, message.velocity))
            elif message.type in ("note_on", "note_off"):
                waiting = begun.get((message.channel, message.note))
                if waiting:
                    start, velocity = waiting.pop(0)
                    found[message.note, start, tick - start, velocity, message.channel] += 1
    return found


def notes_of(session: Session) -> Counter[tuple[int, ...]]:
    return Counter(n[:5] for t in session.tracks for c in t.clips for n in c.notes)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 127), st.integers(0, 300), st.integers(0, 40_000), st.integers(1, 127),
            st.integers(0, 15),
        ),
        max_size=30,
    ),
    st.sampled_from([0, 1]),
)  # fmt: skip
def test_notes_are_those_that_mido_reads(
    wanted: list[tuple[int, int, int, int, int]], kind: int
) -> None:
    data = midi(b"".join(note(p, d, length, v, on) for p, d, length, v, on in wanted), kind=kind)
    assert notes_of(load(data)) == notes_by_mido(data)
    assert sum(notes_of(load(data)).values()) == len(wanted)


REFUSED = {
    "empty": b"",
    "only a header": SONG[:14],
    "header cut": SONG[:12],
    "header too short": chunk(b"MThd", b"\0\1\0\1") + chunk(b"MTrk", END),
    "format 3": midi(END, kind=3),
    "no tracks": midi(),
    "no ticks": midi(END, division=0),
    "frames of 7": midi(END, division=0xF928),
    "a track missing": SONG.replace(b"\0\1\0\3", b"\0\1\0\4", 1),
    "track longer than the file": SONG[:14] + b"MTrk\xff\xff\xff\xff" + SONG[22:],
    "first byte is data": midi(bytes([0, 60, 60])),
    "data above 127": midi(bytes([0, 0x90, 60, 200])),
    "status F4": midi(bytes([0, 0xF4])),
    "number of five bytes": midi(b"\xff\xff\xff\xff\x7f"),
    "event cut": chunk(b"MThd", struct.pack(">HHH", 0, 1, 96)) + chunk(b"MTrk", b"\0\x90\x3c"),
    "text longer than its track": midi(b"\0\xff\x03\xff\xff\x7fx"),
    "tempo of zero": midi(meta(0x51, b"\0\0\0") + note(60)),
    "RIFF of sound": b"RIFF\x24\0\0\0WAVEfmt " + bytes(40),
    "RIFF cut": b"RIFF\xff\0\0\0RMIDdata\xff\xff\0\0" + SONG,
    "too many events": midi(b"\0\xb0\x01\x00" + b"\0\x01\x01" * MAX_EVENTS),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_in_one_sentence(what: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(BadInput) as refused:
        read_session("a.mid", REFUSED[what])
    assert time.perf_counter() - begin < 20
    assert str(refused.value).isprintable() and len(str(refused.value)) < 300


def test_a_declared_length_allocates_nothing() -> None:
    head = chunk(b"MThd", struct.pack(">HHH", 1, 0xFFFF, 96))
    tracemalloc.start()
    with pytest.raises(BadInput):
        parse_smf(head + b"MTrk\x7f\xff\xff\xff" + bytes(100))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000


def read_or_refuse(data: bytes) -> None:
    try:
        session = read_session("a.mid", data)
    except BadInput as error:
        assert str(error).isprintable()
    else:
        assert diff(session, session) == []


def test_a_file_cut_anywhere_is_refused() -> None:
    for end in range(len(SONG)):
        with pytest.raises(BadInput):
            read_session("a.mid", SONG[:end])


def test_flipped_bits_are_read_or_refused() -> None:
    dice = random.Random(3)
    for _ in range(1500):
        damaged = bytearray(SONG)
        for _ in range(dice.choice((1, 1, 2, 8))):
            damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        read_or_refuse(bytes(damaged))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_in_a_track_are_read_or_refused(body: bytes) -> None:
    read_or_refuse(chunk(b"MThd", struct.pack(">HHH", 0, 1, 96)) + chunk(b"MTrk", body))


def revisions() -> list[Session]:
    return [read_session(p.name, p.read_bytes()) for p in sorted(SESSIONS.glob("*.mid"))]


@needs_corpus
def test_revision_2_to_3_removes_15_notes_and_adds_none() -> None:
    _, two, three, *_ = revisions()
    kinds = ("notes.", "clip.", "track.added", "track.removed")
    found = [d for d in diff(two, three) if d.kind.startswith(kinds)]
    assert [(d.kind, d.count, d.text) for d in found] == [
        ("notes.removed", 15, "Channel 3: 15 notes removed in bars 41-77")
    ]


@needs_corpus
def test_every_file_of_the_corpus_has_the_notes_that_mido_reads() -> None:
    for path in sorted(SESSIONS.glob("*.mid")):
        data = path.read_bytes()
        assert notes_of(read_session(path.name, data)) == notes_by_mido(data)


@needs_corpus
def test_a_file_brought_back_is_the_same_content() -> None:
    saves = revisions()
    assert diff(saves[2], saves[9]) == [] and diff(saves[4], saves[8]) == []
    assert {name for save in saves for name, _ in save.unread} == {"meta event 7F"}


@needs_corpus
def test_real_files_cut_at_every_thousandth_byte_are_refused() -> None:
    for path in sorted(SESSIONS.glob("*.mid")):
        data = path.read_bytes()
        for end in range(0, len(data), 1000):
            with pytest.raises(BadInput):
                read_session(path.name, data[:end])
