"""Facts about 25 saves of a real song in Ardour 5 (corpus README)."""

from __future__ import annotations

import gzip
import os
import random
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from stemproof.capture.decision import Decision
from stemproof.capture.diff import diff
from stemproof.capture.sessions.ardour import read_ardour
from stemproof.capture.sessions.ardour_history import read_ardour_history
from stemproof.capture.sessions.model import Session
from stemproof.capture.sessions.registry import read_session
from stemproof.errors import BadInput

HERE = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("STEMPROOF_CORPUS", HERE.parent / "shared" / "corpus"))
SONG = CORPUS / "sessions/ardour/with-you"
SAVES = sorted(SONG.glob("*.ardour.gz"))
HISTORIES = sorted(SONG.glob("*.history.gz"))

pytestmark = pytest.mark.skipif(not SONG.is_dir(), reason="the corpus is not on this machine")


@cache
def save(number: int) -> Session:
    path = SAVES[number - 1]
    return read_session(path.name.removesuffix(".gz"), gzip.decompress(path.read_bytes()))


def told(before: int, after: int) -> list[Decision]:
    return diff(save(before), save(after))


@pytest.mark.parametrize(("before", "after"), [(2, 3), (4, 5)])
def test_a_minor_change_is_no_decision_at_all(before: int, after: int) -> None:
    assert told(before, after) == []


@pytest.mark.parametrize(("before", "after"), [(6, 7), (8, 9)])
def test_arming_and_disarming_is_no_decision(before: int, after: int) -> None:
    assert told(before, after) == []


def test_the_bands_own_message_is_corrected() -> None:
    # "some volume changes for export": no volume changed.
    decisions = told(16, 17)
    assert [d.text for d in decisions if d.kind.startswith("mixer.")] == [
        "E guit 1: pan 48.1L -> 59.6R",
        "E guit 2: pan 36.5R -> 95.5R",
        "Drums3: width 0 -> 100 %",
    ]
    pans = [(d.before, d.after) for d in decisions if d.kind == "mixer.pan"]
    assert [(f"{float(a or ''):.4f}", f"{float(b or ''):.4f}") for a, b in pans] == [
        ("0.2596", "0.7978"),
        ("0.6827", "0.9775"),
    ]
    assert {d.kind.split(".")[0] for d in decisions} == {"mixer", "clip"}


def test_the_last_mix_is_told_knob_by_knob() -> None:
    decisions = told(24, 25)
    texts = {d.text for d in decisions}
    assert {
        "MIDI guitar: pan centre -> 78.7L",
        "MIDI guitar: width 100 -> 1.1236 %",
        "Drums2: GxBooster H Level 7.045 -> 4.4125",
        "perc: Calf Equalizer 8 Band Freq 3 2000 -> 1985.32",
        "perc: Calf Equalizer 8 Band Freq 4 4913.94 -> 4968.55",
    } <= texts
    assert {d.text for d in decisions if d.kind in ("device.added", "device.copied")} == {
        "perc: Calf Reverb added",
        "MIDI Bridge Synth: Calf Equalizer 8 Band added",
        "vocals-new: Calf Reverb added",
    }
    assert {d.kind for d in decisions} == {
        *("mixer.volume", "mixer.pan", "mixer.width"),
        *("device.parameter", "device.state", "device.added", "clip.added"),
    }


def test_a_recording_is_told_from_an_import() -> None:
    kinds = {d.kind for d in told(7, 8) if d.track in ("Audio 1", "Audio 2")}
    assert kinds == {"track.added", "take.recorded"}
    imported = [d for d in told(14, 15) if d.kind != "track.added"]
    assert {d.kind for d in imported} == {"clip.added"}


def test_cutting_guitars_reads_as_splits() -> None:
    splits = [d.text for d in told(13, 14) if d.kind == "clip.split"]
    assert any(text.startswith("E guit 1: clip 'E guit 1-7.1' at 0:00.00") for text in splits)


@pytest.mark.parametrize("number", range(1, 25))
def test_every_pair_replays(number: int) -> None:
    assert diff(save(number), save(number)) == []
    there, back = told(number, number + 1), told(number + 1, number)
    assert bool(there) == bool(back)
    for decision in (*there, *back):
        assert decision.text.isprintable()
        assert decision.object_id
        assert decision.before != decision.after or decision.before is None


def test_every_save_is_read_completely() -> None:
    assert [save(n).unread for n in range(1, 26)] == [()] * 25
    # Three builds of one version were in use.
    assert {save(n).version for n in range(1, 26)} == {"5.12"}


def test_gone_and_come_tracks_balance() -> None:
    for number, (one, two) in enumerate(pairwise([save(n) for n in range(1, 26)]), start=1):
        kinds = [d.kind for d in told(number, number + 1)]
        came = kinds.count("track.added") + kinds.count("track.copied")
        assert len(two.tracks) - len(one.tracks) == came - kinds.count("track.removed")


def test_the_history_holds_what_was_done_between_saves() -> None:
    histories = [read_ardour_history(gzip.decompress(p.read_bytes())) for p in HISTORIES]
    assert sum(len(entries) for entries in histories) == 466
    entry = histories[16][0]
    assert (entry.label, entry.time_s, entry.time_us) == ("delete objects", 1592362048, 351960)
    (change,) = entry.changes
    assert (change.object_id, change.kind, change.what, change.before) == (
        *("68262", "playlist"),
        *("region removed", "82386"),
    )
    notes = [c for entries in histories for e in entries for c in e.changes if c.kind == "notes"]
    assert {c.what for c in notes} == {
        *("note added", "note removed", "note length", "note starttime", "note velocity"),
    }
    assert "SelectionMemento" not in {
        c.kind for entries in histories for e in entries for c in e.changes
    }


def test_a_history_is_no_session() -> None:
    with pytest.raises(BadInput, match="undo history"):
        read_session("song.history", gzip.decompress(HISTORIES[0].read_bytes()))


def test_a_real_session_cut_at_every_thousandth_byte_is_refused() -> None:
    data = gzip.decompress(SAVES[0].read_bytes()).rstrip()
    for end in range(0, len(data), 1000):
        with pytest.raises(BadInput):
            read_ardour(data[:end])


def test_flipped_bits_of_a_real_session_are_read_or_refused() -> None:
    data = gzip.decompress(SAVES[0].read_bytes())
    dice = random.Random(5)
    for _ in range(60):
        damaged = bytearray(data)
        for _ in range(dice.choice((1, 4, 40))):
            damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        try:
            session = read_ardour(bytes(damaged))
        except BadInput as error:
            assert str(error).isprintable()
        else:
            assert diff(session, session) == []
