"""The demo's piece: its saves can be read, say what their captions say, and its sound is sound."""

from __future__ import annotations

import os
import shutil
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest

from stemproof.audio import observe_audio
from stemproof.audio.match import compare
from stemproof.capture.decision import Decision
from stemproof.capture.diff import diff
from stemproof.capture.sessions.dawproject import read_dawproject
from stemproof.capture.sessions.lmms import read_lmms
from stemproof.capture.sessions.musicxml import read_musicxml
from stemproof.capture.sessions.rpp import read_rpp
from stemproof.errors import Usage
from stemproof.testnet.song import STEMS, STEPS, write_step

BOUNCES = (7, 13)


def saves(folder: Path) -> dict[int, bytes]:
    """Write every session save, in order; return the bytes of each."""
    sessions = (step for step in range(1, len(STEPS) + 1) if step not in BOUNCES)
    return {step: write_step(folder, step)[0].read_bytes() for step in sessions}


@pytest.fixture(scope="module")
def decisions(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[Decision]]:
    found = saves(tmp_path_factory.mktemp("saves"))
    readers = (
        (4, read_lmms),
        (6, read_musicxml),
        (9, read_dawproject),
        (12, read_rpp),
    )
    sessions = {
        step: next(read for last, read in readers if step <= last)(data)
        for step, data in found.items()
    }
    assert {step: session.unread for step, session in sessions.items() if session.unread} == {}
    pairs = ((1, 2), (2, 3), (3, 4), (5, 6), (8, 9), (10, 11), (11, 12))
    return {after: diff(sessions[before], sessions[after]) for before, after in pairs}


def texts(decisions: list[Decision]) -> list[str]:
    return [decision.text for decision in decisions]


def test_every_step_writes_files_and_nothing_else(tmp_path: Path) -> None:
    written = {path for step in range(1, len(STEPS) + 1) for path in write_step(tmp_path, step)}
    assert written == {path for path in tmp_path.rglob("*") if path.is_file()}
    assert all(step.endswith(".") and step[0].isupper() for step in STEPS)


def test_the_same_step_writes_the_same_bytes(tmp_path: Path) -> None:
    for step in range(1, len(STEPS) + 1):
        first = [path.read_bytes() for path in write_step(tmp_path / "one", step)]
        assert first == [path.read_bytes() for path in write_step(tmp_path / "two", step)]


@pytest.mark.parametrize("step", [0, -1, len(STEPS) + 1])
def test_a_step_that_is_not_there_is_refused(step: int, tmp_path: Path) -> None:
    with pytest.raises(Usage):
        write_step(tmp_path, step)


def test_the_words_are_rewritten_in_the_lead_sheet(
    decisions: dict[int, list[Decision]],
) -> None:
    [line] = decisions[6]
    assert (line.stage, line.track) == ("lyrics", "Voice")
    assert "'low ly-' -> 'slow fall-'" in line.text


def test_the_lead_comes_in_later_in_the_arrangement(
    decisions: dict[int, list[Decision]],
) -> None:
    assert sorted(texts(decisions[9])) == [
        "Lead: automation of volume added (3 points)",
        "Lead: clip 'lead' moved from bar 5 to bar 7",
    ]


def test_the_bass_arrives_in_the_second_save(decisions: dict[int, list[Decision]]) -> None:
    assert {decision.track for decision in decisions[2]} == {"Bass"}
    assert sum(d.count for d in decisions[2] if d.kind == "notes.added") == 41


def test_chords_and_melody_arrive_in_the_third_save(
    decisions: dict[int, list[Decision]],
) -> None:
    assert {decision.track for decision in decisions[3]} == {"Keys", "Lead"}


def test_the_fourth_save_corrects_the_melody(decisions: dict[int, list[Decision]]) -> None:
    assert {decision.kind for decision in decisions[4]} == {
        *("session.tempo", "notes.moved", "notes.removed", "notes.transposed"),
    }
    assert "Session: tempo 92 -> 96 bpm" in texts(decisions[4])


def test_the_mix_moves_faders_pans_and_equalisers(decisions: dict[int, list[Decision]]) -> None:
    kinds = [decision.kind for decision in decisions[11]]
    assert kinds.count("mixer.volume") == 3
    assert kinds.count("mixer.pan") == 2
    assert kinds.count("device.added") == 3
    assert {decision.stage for decision in decisions[11]} == {"mixing"}


def test_the_master_chain_is_mastering(decisions: dict[int, list[Decision]]) -> None:
    added = [decision for decision in decisions[12] if decision.kind == "device.added"]
    assert len(added) == 2
    assert {decision.stage for decision in added} == {"mastering"}
    assert "Lead: volume -5.04 -> -4.01 dB" in texts(decisions[12])


def test_the_wave_files_are_full_bodied_and_do_not_clip(song: Path) -> None:
    for path in (*(song / "stems" / f"{stem}.wav" for stem in STEMS), song / "master.wav"):
        with wave.open(str(path)) as file:
            assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (44100, 3, 2)
            assert 20 <= file.getnframes() / 44100 <= 25
            raw = np.frombuffer(file.readframes(file.getnframes()), np.uint8).reshape(-1, 3)
        samples = np.zeros((len(raw), 4), np.uint8)
        samples[:, 1:] = raw
        level = np.abs(samples.view("<i4").astype(float)) / 2**31
        assert 0.3 < level.max() < 0.95
        assert np.sqrt((level**2).mean()) > 0.05
        # It ends in quiet, not in a cut.
        assert level[-200:].max() < 0.001


def test_the_stems_sound_like_three_pieces(song: Path) -> None:
    marks = [observe_audio(song / "stems" / f"{stem}.wav").fingerprint for stem in STEMS]
    assert all(mark.is_telling for mark in marks)
    assert compare(marks[0], marks[1]).verdict == "different"
    assert compare(marks[0], marks[2]).verdict == "different"


@pytest.mark.skipif(shutil.which("lmms") is None, reason="LMMS is not installed")
def test_lmms_itself_opens_the_project(tmp_path: Path) -> None:
    write_step(tmp_path, 4)
    command = ["lmms", "--allowroot", "upgrade", str(tmp_path / "Song.mmp"), "again.mmp"]
    subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path)},
        check=True,
        capture_output=True,
        timeout=120,
    )
    ours = read_lmms((tmp_path / "Song.mmp").read_bytes())
    theirs = read_lmms((tmp_path / "again.mmp").read_bytes())
    assert diff(ours, theirs) == []
