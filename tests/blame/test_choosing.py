"""Results recognised by their notes and by their sound; what no session took up in a day."""

from __future__ import annotations

import struct
from datetime import timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest
from tests.acts.keyed import Keyed, make_keyed
from tests.acts.room import write_tone
from tests.blame.reaper import Item, project

from stemproof.acts.blaming import blame_session
from stemproof.acts.choosing import derive_choices
from stemproof.acts.disclosed import from_vault
from stemproof.acts.generating import Request, Result, record_request, record_result
from stemproof.acts.home import now, opened
from stemproof.blame.who import LIKENESS, NOTES

TUNE = [60, 62, 64, 65, 67, 69, 71, 72, 74, 76]


@pytest.fixture
def keyed(tmp_path: Path) -> Keyed:
    return make_keyed(tmp_path)


def midi(pitches: list[int], *, rest: int = 0) -> bytes:
    """Write a MIDI file of even notes after a rest, in ticks of 480 a quarter."""
    events = b""
    for number, pitch in enumerate(pitches):
        gap = rest if number == 0 else 0
        events += _length(gap) + bytes((0x90, pitch, 90)) + _length(240) + bytes((0x80, pitch, 0))
    events += b"\x00\xff\x2f\x00"
    head = b"MThd" + struct.pack(">IHHH", 6, 0, 1, 480)
    return head + b"MTrk" + struct.pack(">I", len(events)) + events


def _length(ticks: int) -> bytes:
    parts = [ticks & 0x7F]
    while ticks := ticks >> 7:
        parts.append(ticks & 0x7F | 0x80)
    return bytes(parts[::-1])


def give(keyed: Keyed, kind: str, media: str, data: bytes, *, days: int = 0) -> None:
    """Record a call and its result, as whoever saw them does."""
    room, moment = keyed.room, now() - timedelta(days=days)
    with opened(room.home) as log:
        call = record_request(log, room.work, Request("maker", "m1", kind, prompt="a tune"), moment)
        digest = sha256(data).hexdigest()
        assert not record_result(
            log, room.work, Result(call, 0, media, data, digest, len(data)), moment
        )


def derive(keyed: Keyed) -> list[tuple[str, str]]:
    """Derive choices with the vault open; give all that is derived so far."""
    room = keyed.room
    with opened(room.home) as log, from_vault(log, keyed.keys) as kept:
        derive_choices(log, room.work, now(), partial(kept, room.work.id))
    found = [e for e in room.events() if e.action in ("gen.keep", "gen.reject", "gen.modify")]
    return [(e.action, e.body["how"]) for e in found]


def origins(keyed: Keyed, name: str, kind: str) -> list[tuple[str, str]]:
    """Give class and way of knowing of all values of a kind."""
    room = keyed.room
    data = (room.folder / name).read_bytes()
    with opened(room.home) as log, from_vault(log, keyed.keys) as kept:
        blame = blame_session(log, room.work, name, data, partial(kept, room.work.id))
    items = [item for track in blame.tracks for item in track.items if item.kind == kind]
    return [(item.origin.class_, item.origin.how) for item in items]


def test_notes_of_a_generator_are_known_where_they_were_placed_and_edited(keyed: Keyed) -> None:
    give(keyed, "midi", "audio/midi", midi(TUNE))
    (keyed.room.folder / "Song.mid").write_bytes(midi(TUNE, rest=960))
    keyed.room.look()
    assert derive(keyed) == [("gen.keep", "notes")]
    edited = [*TUNE[:4], 50, *TUNE[5:]]
    (keyed.room.folder / "Song.mid").write_bytes(midi(edited, rest=960))
    keyed.room.look()
    assert derive(keyed) == [("gen.keep", "notes"), ("gen.modify", "notes")]
    assert derive(keyed) == [("gen.keep", "notes"), ("gen.modify", "notes")]
    found = origins(keyed, "Song.mid", "note")
    assert found.count(("ai_generated", NOTES)) == len(TUNE) - 1
    assert found[4] == ("human_with_tool", "decision")


def test_a_sound_in_another_file_is_a_likeness_and_no_proof(keyed: Keyed) -> None:
    write_tone(keyed.room.folder.parent / "given.wav", seconds=6)
    data = (keyed.room.folder.parent / "given.wav").read_bytes()
    give(keyed, "audio", "audio/wav", data)
    # One more chunk at the end: other bytes, the same sound.
    more = data + b"junk" + struct.pack("<I", 4) + b"none"
    more = more[:4] + struct.pack("<I", len(more) - 8) + more[8:]
    (keyed.room.folder / "tone.wav").write_bytes(more)
    (keyed.room.folder / "Song.rpp").write_bytes(project([Item("tone.wav", 0, 6)]))
    keyed.room.look()
    assert derive(keyed) == [("gen.keep", "fingerprint")]
    assert origins(keyed, "Song.rpp", "sound") == [("unknown", LIKENESS)]


def test_a_result_that_nobody_took_up_is_rejected_after_a_day_and_not_before(keyed: Keyed) -> None:
    give(keyed, "midi", "audio/midi", midi(TUNE))
    assert derive(keyed) == []
    give(keyed, "midi", "audio/midi", midi(TUNE[::-1]), days=2)
    assert derive(keyed) == [("gen.reject", "nowhere")]
    assert derive(keyed) == [("gen.reject", "nowhere")]


def test_what_was_rejected_may_be_taken_up_later(keyed: Keyed) -> None:
    give(keyed, "midi", "audio/midi", midi(TUNE), days=2)
    assert derive(keyed) == [("gen.reject", "nowhere")]
    (keyed.room.folder / "Song.mid").write_bytes(midi(TUNE))
    keyed.room.look()
    assert derive(keyed) == [("gen.reject", "nowhere"), ("gen.keep", "notes")]


def test_with_the_vault_closed_nothing_is_called_rejected_that_could_not_be_seen(
    keyed: Keyed,
) -> None:
    give(keyed, "midi", "audio/midi", midi(TUNE), days=2)
    with opened(keyed.room.home) as log:
        assert derive_choices(log, keyed.room.work, now()) == 0


def test_a_work_without_generators_derives_nothing(keyed: Keyed) -> None:
    (keyed.room.folder / "Song.rpp").write_bytes(project([]))
    keyed.room.look()
    assert derive(keyed) == []


def test_a_picture_is_looked_for_nowhere_and_so_not_rejected(keyed: Keyed) -> None:
    give(keyed, "image", "image/png", b"picture", days=2)
    assert derive(keyed) == []
