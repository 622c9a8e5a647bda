"""Observing an audio file beside one pass of ffmpeg, and telling two fingerprints apart.

Ours decodes, hashes the file and its exact samples, and fingerprints; the pass does the last alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Row, best_of, run_quietly, workshop
from stemproof.audio.ffmpeg import Program, find_ffmpeg
from stemproof.audio.fpcalc_shim import compute
from stemproof.audio.match import compare
from stemproof.audio.observe import observe_audio
from stemproof.testnet import song_sound


def measure(quick: bool) -> Iterator[Row]:
    """Observe one track as WAV and as FLAC; compare its fingerprint with itself."""
    minutes = 4 if quick else 12
    turns = 3 if quick else 5
    ffmpeg = find_ffmpeg()
    with workshop() as folder:
        wave, flac = folder / "track.wav", folder / "track.flac"
        wave.write_bytes(play(minutes))
        encode = [str(ffmpeg.path), "-nostdin", "-v", "error", "-i", str(wave), str(flac)]
        run_quietly(encode)
        for path in (wave, flac):
            yield _measure_observing(ffmpeg, path, minutes, turns)
        yield _measure_comparing(wave, minutes)


def play(minutes: int) -> bytes:
    """Repeat the lead of the demo's song for so long."""
    import numpy as np

    lead = song_sound.render_stems()["lead"]
    times = -(-minutes * 60 * song_sound.RATE // lead.shape[1])
    return song_sound.encode_wav(np.tile(lead, times), bits=24)


def pass_once(ffmpeg: Program, path: Path) -> None:
    """Decode, and fingerprint where this ffmpeg can."""
    if ffmpeg.has_chromaprint:
        compute(ffmpeg.path, path, 0, 600.0)
    else:
        decode = [str(ffmpeg.path), "-nostdin", "-v", "error", "-i", str(path), "-f", "null", "-"]
        run_quietly(decode)


def _measure_observing(ffmpeg: Program, path: Path, minutes: int, turns: int) -> Row:
    ours, bare = best_of(turns, lambda: observe_audio(path), lambda: pass_once(ffmpeg, path))
    kind = path.suffix[1:].upper()
    beside = "ffmpeg, fingerprint alone" if ffmpeg.has_chromaprint else "ffmpeg, decoding alone"
    return Row(f"audio: {kind} of {minutes} min observed", ours, "s", bare, beside, "<= 2.5")


def _measure_comparing(path: Path, minutes: int) -> Row:
    made = observe_audio(path).fingerprint
    [taken] = best_of(9, lambda: compare(made, made))
    name = f"audio: {minutes} min compared, every offset"
    return Row(name, taken * 1000, "ms", 100, "limit", "<= 1")
