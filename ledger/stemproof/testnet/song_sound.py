"""The demo's tune as sound: three stems, a mix and a master, by numpy alone.

Everything is computed from the score and fixed seeds, so two runs on one machine write the same
bytes. Nobody else's audio is in it.
"""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterable
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from stemproof.testnet.song_mix import MASTER, MIX, Equaliser
from stemproof.testnet.song_score import (
    BAR,
    BARS,
    TEMPO,
    TICKS_PER_QUARTER,
    Note,
    bass_notes,
    chord_notes,
    hat_notes,
    kick_notes,
    lead_notes,
    snare_notes,
)

RATE = 44100
TAIL_S = 1.5
Mono = NDArray[np.float64]
Stereo = NDArray[np.float64]  # shape (2, n)

_SECONDS_PER_TICK = 60 / TEMPO / TICKS_PER_QUARTER
LENGTH = round((BARS * BAR * _SECONDS_PER_TICK + TAIL_S) * RATE)
_FADE = 220  # samples: 5 ms at each end of a note keep it from clicking


def render_stems() -> dict[str, Stereo]:
    """Return the three stems by name, peaks below full scale."""
    return {"drums": _render_drums(), "bass": _render_bass(), "lead": _render_lead()}


def render_mix(stems: dict[str, Stereo]) -> Stereo:
    """Return the mix: the stems with the faders, pans and equalisers of the mix session."""
    total = np.zeros((2, LENGTH))
    for strip in MIX:
        left = strip.volume * min(1.0, 1 - strip.pan)
        right = strip.volume * min(1.0, 1 + strip.pan)
        shaped = _equalise(stems[strip.stem], strip.equaliser)
        total += shaped * np.array([[left], [right]])
    return total


def render_master(mix: Stereo) -> Stereo:
    """Return the master: a touch of equaliser, gain, and a limiter that rounds the peaks off."""
    driven = _equalise(mix, MASTER.equaliser) * 10 ** (MASTER.gain_db / 20)
    ceiling = 10 ** (MASTER.ceiling_db / 20)
    knee = 0.7 * ceiling
    size = np.abs(driven)
    over = knee + (ceiling - knee) * np.tanh((size - knee) / (ceiling - knee))
    limited: Stereo = np.where(size > knee, np.sign(driven) * over, driven)
    return limited


def encode_wav(sound: Stereo, *, bits: int) -> bytes:
    """Write a stereo WAV of 16 or 24 bits."""
    scale = 2 ** (bits - 1) - 1
    whole = np.ascontiguousarray(np.rint(np.clip(sound.T, -1, 1) * scale).astype("<i4"))
    width = bits // 8
    frames = whole.view(np.uint8).reshape(-1, 4)[:, :width].tobytes()
    target = BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(width)
        file.setframerate(RATE)
        file.writeframes(frames)
    return target.getvalue()


def _render_drums() -> Stereo:
    kick = _place(kick_notes(), lambda note: _kick() * note.volume / 100)
    snare = _place(snare_notes(), lambda note: _snare(note.start) * note.volume / 100)
    hat = _place(hat_notes(), lambda note: _hat(note.start) * note.volume / 100)
    return _spread(0.7 * kick, 0.0) + _spread(0.42 * snare, 0.08) + _spread(0.13 * hat, -0.3)


def _render_bass() -> Stereo:
    sound = _place(bass_notes(), _bass_note)
    return _spread(0.5 * sound, 0.0)


def _render_lead() -> Stereo:
    lead = _place(lead_notes(), _lead_note)
    step = round(1.5 * TICKS_PER_QUARTER * _SECONDS_PER_TICK * RATE)
    echoes = np.stack([_delayed(lead, step) * 0.3, _delayed(lead, 2 * step) * 0.18])
    chords = np.zeros((2, LENGTH))
    for side, cents in enumerate((-4, 4)):
        chords[side] = _place(chord_notes(), _chord_note(cents))
    dry = _spread(0.3 * lead, 0.05) + 0.3 * echoes + 0.11 * chords
    fade = np.clip(np.arange(LENGTH, 0, -1) / (0.5 * RATE), 0, 1)
    return (dry + 0.22 * _reverberate(dry)) * fade


def _place(notes: Iterable[Note], play: Callable[[Note], Mono]) -> Mono:
    """Play each note at its place."""
    total = np.zeros(LENGTH)
    for note in notes:
        start = round(note.start * _SECONDS_PER_TICK * RATE)
        sound = play(note)[: LENGTH - start]
        total[start : start + len(sound)] += sound
    return total


def _spread(sound: Mono, pan: float) -> Stereo:
    """Place a mono sound between left (-1) and right (1) at equal power."""
    angle = (pan + 1) * np.pi / 4
    placed: Stereo = np.array([[np.cos(angle)], [np.sin(angle)]]) * sound
    return placed


def _delayed(sound: Mono, samples: int) -> Mono:
    late = np.zeros(len(sound))
    late[samples:] = sound[:-samples]
    return late


def _seconds(length_s: float) -> Mono:
    return np.arange(round(length_s * RATE)) / RATE


def _noise(size: int, seed: int) -> Mono:
    """Return white noise from the raw generator, whose output numpy promises to keep."""
    raw = np.random.PCG64(seed).random_raw(size)
    return (raw >> np.uint64(11)).astype(float) / 2**52 - 1


def _frequency(key: float) -> float:
    return float(440 * 2 ** ((key - 69) / 12))


def _length_s(note: Note, release_s: float) -> float:
    return note.length * _SECONDS_PER_TICK + release_s


def _held(t: Mono, note: Note, release_s: float) -> Mono:
    """Return 1 while a note is held and a soft fall after it; both ends without a click."""
    end = note.length * _SECONDS_PER_TICK
    level = np.where(t < end, 1.0, np.exp(-(t - end) / (release_s / 5)))
    ramp = np.linspace(0, 1, _FADE)
    level[:_FADE] *= ramp
    level[-_FADE:] *= ramp[::-1]
    return level


def _kick() -> Mono:
    t = _seconds(0.45)
    # A sine that falls from 160 to 48 Hz: the integral of its frequency.
    phase = 48 * t + 112 * 0.035 * (1 - np.exp(-t / 0.035))
    body = np.sin(2 * np.pi * phase) * np.exp(-t / 0.16)
    click = _noise(len(t), 1) * np.exp(-t / 0.003) * 0.18
    return (body + click) * _ends(len(t))


def _snare(seed: int) -> Mono:
    t = _seconds(0.28)
    hiss = np.diff(_noise(len(t) + 1, seed + 2)) * np.exp(-t / 0.07)
    tone = np.sin(2 * np.pi * (182 * t + 1.2 * (1 - np.exp(-t / 0.02)))) * np.exp(-t / 0.09)
    return (0.6 * hiss + 0.7 * tone) * _ends(len(t))


def _hat(seed: int) -> Mono:
    t = _seconds(0.09)
    hiss = np.diff(_noise(len(t) + 2, seed + 5000), 2) * np.exp(-t / 0.022)
    return hiss * _ends(len(t))


def _ends(size: int) -> Mono:
    """Return a window of ones with short ramps."""
    window = np.ones(size)
    window[:24] = np.linspace(0, 1, 24)
    window[-_FADE:] = np.linspace(1, 0, _FADE)
    return window


def _bass_note(note: Note) -> Mono:
    t = _seconds(_length_s(note, 0.08))
    tone = np.zeros(len(t))
    for harmonic in range(1, 8):
        # Higher partials fade first, as on a plucked string.
        fade = np.exp(-t * (0.8 + 1.1 * harmonic))
        wave_ = np.sin(2 * np.pi * harmonic * _frequency(note.key) * t)
        tone += wave_ * fade / harmonic**1.15
    return tone * _held(t, note, 0.08) * note.volume / 100


def _lead_note(note: Note) -> Mono:
    t = _seconds(_length_s(note, 0.3))
    vibrato = 0.0035 * np.sin(2 * np.pi * 5.2 * t) * np.clip((t - 0.25) / 0.3, 0, 1)
    phase = 2 * np.pi * np.cumsum(_frequency(note.key) * (1 + vibrato)) / RATE
    index = 1.6 * np.exp(-t / 0.22) + 0.25
    tone = np.sin(phase + index * np.sin(phase)) + 0.22 * np.sin(2 * phase) * np.exp(-t / 0.5)
    return tone * np.exp(-t / 1.4) * _held(t, note, 0.3) * note.volume / 100


def _chord_note(cents: float) -> Callable[[Note], Mono]:
    """Return a soft, slow voice, detuned so that left and right differ."""

    def play(note: Note) -> Mono:
        t = _seconds(_length_s(note, 0.4))
        frequency = _frequency(note.key + cents / 100)
        tone = np.zeros(len(t))
        for harmonic in range(1, 6):
            tone += np.sin(2 * np.pi * harmonic * frequency * t + harmonic) / harmonic**1.8
        return tone * np.clip(t / 0.12, 0, 1) * _held(t, note, 0.4) * note.volume / 100

    return play


def _reverberate(sound: Stereo) -> Stereo:
    """Convolve with a second of falling noise, another one for each side."""
    t = _seconds(1.1)
    room = np.stack([_noise(len(t), seed) * np.exp(-t / 0.28) for seed in (11, 12)])
    size = LENGTH + 2 * RATE  # a length of small prime factors, past the end of the last tail
    spectrum = np.fft.rfft(sound, size) * np.fft.rfft(room, size)
    wet: Stereo = np.fft.irfft(spectrum, size)[:, :LENGTH] / 18
    return wet


def _equalise(sound: Stereo, equaliser: Equaliser) -> Stereo:
    """Apply three bands with soft borders, without moving the phase."""
    size = LENGTH + RATE  # a silent second, so that the end does not ring into the start
    frequency: Mono = np.linspace(0.0, RATE / 2, size // 2 + 1)
    above_low = _above(frequency, equaliser.low_hz)
    above_high = _above(frequency, equaliser.high_hz)
    gain_db = (
        equaliser.low_db * (1 - above_low)
        + equaliser.mid_db * (above_low - above_high)
        + equaliser.high_db * above_high
    )
    shaped: Stereo = np.fft.irfft(np.fft.rfft(sound, size) * 10 ** (gain_db / 20), size)
    return shaped[:, :LENGTH]


def _above(frequency: Mono, border_hz: float) -> Mono:
    square = (frequency / border_hz) ** 2
    return square / (1 + square)
