"""Observing an audio file beside the bare programs, and telling two fingerprints apart.

The bare programs do the same one after another: ffmpeg for the fingerprint, ffmpeg for the
digest of the exact samples, and SHA-256 of the file. Ours also asks what the file is, checks
what comes out, and refuses a file that changes meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Row, best_of, run_quietly, workshop
from stemproof.audio.ffmpeg import Program, find_ffmpeg
from stemproof.audio.fpcalc_shim import compute
from stemproof.audio.match import compare
from stemproof.audio.observe import hash_file, observe_audio
from stemproof.testnet import song_sound


def measure(quick: bool) -> Iterator[Row]:
    """Observe one track as WAV and as FLAC; compare its fingerprint with itself."""
    minutes = 2 if quick else 12
    turns = 2 if quick else 5
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


def observe_bare(ffmpeg: Program, path: Path) -> None:
    """Do it with the programs alone; without the fingerprint where this ffmpeg makes none."""
    if ffmpeg.has_chromaprint:
        compute(ffmpeg.path, path, 0, 600.0)
    samples = ["-c:a", "pcm_s24le", "-f", "hash", "-hash", "sha256", "-"]
    run_quietly([str(ffmpeg.path), "-nostdin", "-v", "error", "-i", str(path), *samples])
    hash_file(path)


def _measure_observing(ffmpeg: Program, path: Path, minutes: int, turns: int) -> Row:
    ours, bare = best_of(turns, lambda: observe_audio(path), lambda: observe_bare(ffmpeg, path))
    kind = path.suffix[1:].upper()
    beside = "ffmpeg twice, SHA-256" if ffmpeg.has_chromaprint else "ffmpeg, SHA-256"
    return Row(f"audio: {kind} of {minutes} min observed", ours, "s", bare, beside, "<= 1.5")


def _measure_comparing(path: Path, minutes: int) -> Row:
    made = observe_audio(path).fingerprint
    [taken] = best_of(9, lambda: compare(made, made))
    name = f"audio: {minutes} min compared, every offset"
    return Row(name, taken * 1000, "ms", 100, "limit", "<= 1")
