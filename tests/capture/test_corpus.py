"""Facts about real sessions that nobody on this project made (corpus README)."""

from __future__ import annotations

import gzip
import os
from itertools import pairwise
from pathlib import Path

import pytest

from stemproof.capture.decision import Decision
from stemproof.capture.diff import diff
from stemproof.capture.rules import classify
from stemproof.capture.sessions.model import Session
from stemproof.capture.sessions.registry import read_session
from stemproof.capture.sessions.undo import read_undo_log
from stemproof.capture.summary import summarise
from stemproof.errors import BadInput

HERE = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("STEMPROOF_CORPUS", HERE.parent / "shared" / "corpus"))
SESSIONS = CORPUS / "sessions"

pytestmark = pytest.mark.skipif(not SESSIONS.is_dir(), reason="the corpus is not on this machine")
LMMS_SONGS = ("TameAnderson-MakeMe", "Oglsdl-PpTrip")


def load(path: Path) -> Session:
    data = path.read_bytes()
    return read_session(
        path.name.removesuffix(".gz"), gzip.decompress(data) if path.suffix == ".gz" else data
    )


def revisions(folder: str) -> list[Session]:
    found = [p for p in sorted((SESSIONS / folder).iterdir()) if p.suffix != ".tsv"]
    return [load(p) for p in found]


def note_count(session: Session) -> int:
    return sum(len(c.notes) for t in session.tracks for c in t.clips)


@pytest.mark.parametrize("song", LMMS_SONGS)
def test_revision_2_to_3_has_no_event_at_all(song: str) -> None:
    saves = revisions(f"lmms/{song}")
    assert diff(saves[1], saves[2]) == []


@pytest.mark.parametrize("song", LMMS_SONGS)
def test_the_upgrade_to_1_3_is_one_note_and_no_transposition(song: str) -> None:
    saves = revisions(f"lmms/{song}")
    decisions = diff(saves[4], saves[5])
    assert [d.kind for d in decisions] == ["session.upgraded"]
    assert decisions[0].is_note
    assert note_count(saves[4]) == note_count(saves[5])


@pytest.mark.parametrize("song", LMMS_SONGS)
def test_all_of_a_lmms_history_is_read_completely(song: str) -> None:
    assert all(save.unread == () for save in revisions(f"lmms/{song}"))


def test_what_lmms_calls_a_pattern_that_nobody_named_is_no_decision() -> None:
    saves = revisions("lmms/TameAnderson-MakeMe")
    assert diff(saves[2], saves[3]) == diff(saves[3], saves[4]) == []


def test_ports_that_another_version_of_lmms_lays_out_anew_are_in_the_one_note() -> None:
    saves = revisions("lmms/Oglsdl-PpTrip")
    found = [d.what for d in diff(saves[0], saves[1]) if not d.is_note]
    assert found == ["Envelopes and filter cutoff", "Envelopes and filter resonance"]


def test_another_build_of_a_ladspa_plug_in_is_one_decision_a_device() -> None:
    saves = revisions("lmms/Oglsdl-PpTrip")
    assert [d.text for d in diff(saves[2], saves[3])] == [
        "Supernova: PhaserII settings: port00, port10 removed",
        "Supernova: ToneStack settings: port04, port14 added, port00, port10 removed",
    ]


def test_slicing_in_reaper_reads_as_blocks_of_clips() -> None:
    saves = revisions("rpp/vapors_track2")
    lines = [line.text for line in summarise(diff(saves[1], saves[2]))]
    assert "3sfull76: 35 clips moved 50.526 s later" in lines
    assert "Piecemeal: 44 clips moved 6.316 s earlier" in lines
    assert "Piecemeal: volume 0.0 -> -1.51 dB" in lines


def test_the_last_reaper_revision_adds_effects_and_a_master_fade() -> None:
    saves = revisions("rpp/vapors_track2")
    decisions = diff(saves[2], saves[3])
    added = {(d.track, d.what) for d in decisions if d.kind == "device.added"}
    assert {track for track, _ in added} == {"Piecemeal"}
    assert len(added) == 3
    fade = [d for d in decisions if d.kind == "automation.added"]
    assert [(d.track, d.stage, d.after) for d in fade] == [("Master", "mastering", "4 points")]


@pytest.mark.parametrize("folder", [f"lmms/{s}" for s in LMMS_SONGS] + ["rpp/vapors_track2"])
def test_every_history_replays_with_whole_sentences(folder: str) -> None:
    for before, after in pairwise(revisions(folder)):
        assert diff(before, before) == []
        for decision in diff(before, after):
            check_decision(decision)


def check_decision(decision: Decision) -> None:
    assert decision.text.isprintable()
    assert len(decision.text) < 400
    assert decision.before != decision.after or decision.before is None
    unseen = classify(
        decision, observed_live=False, received=False, ai_linked=False, tool_grade="none"
    )
    assert unseen[1] == "unknown"


@pytest.mark.parametrize("folder", ["bwv879", "lighterfluid", "pypi-rpp-tests"])
def test_single_reaper_projects_are_read(folder: str) -> None:
    for save in revisions(f"rpp/{folder}"):
        assert save.application == "REAPER"
        assert diff(save, save) == []


def test_quoted_names_and_notes_of_reaper_are_read_as_written() -> None:
    save = load(SESSIONS / "rpp/pypi-rpp-tests/01_pypi-rpp0.5_vst.RPP")
    names = [t.name for t in save.tracks]
    assert names[2] == "|Beep Boop"
    assert names[5] == '"hey'
    assert names[6] == 'hey"'
    assert names[7:10] == ["<", ">", "<>"]
    notes = save.tracks[0].clips[0].notes
    assert [(n.pitch, n.start, n.length, n.velocity) for n in notes] == [
        (60, 0, 960, 10),
        (62, 960, 960, 6),
        (64, 1920, 960, 96),
        (65, 2880, 960, 96),
    ]
    assert save.tracks[3].parent == save.tracks[2].identity


def test_the_undo_log_holds_378_entries_and_is_no_session() -> None:
    data = gzip.decompress(
        (SESSIONS / "rpp/undo_log/01_2022-10-25_931b097.rpp-UNDO.gz").read_bytes()
    )
    entries = read_undo_log(data)
    assert len(entries) == 378
    assert any(e.label == "Split items" and e.time_s == 1666752458 for e in entries)
    with pytest.raises(BadInput, match="undo history"):
        read_session("song.rpp-UNDO", data)


REAL = ("lmms/TameAnderson-MakeMe/06", "lmms/Oglsdl-PpTrip/01", "rpp/vapors_track2/02")


@pytest.mark.parametrize("start", REAL)
def test_a_real_session_cut_at_every_thousandth_byte_is_refused(start: str) -> None:
    folder, number = start.rsplit("/", 1)
    (path,) = (SESSIONS / folder).glob(f"{number}_*")
    data = path.read_bytes().rstrip()
    for end in range(0, len(data), 1000):
        with pytest.raises(BadInput):
            read_session(path.name, data[:end])
