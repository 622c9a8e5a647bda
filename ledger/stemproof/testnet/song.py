"""The demo's own small piece of music, and the saves that tell how it was made.

    Song.mmp              LMMS: beat, bass, chords and melody, a correction
    Lead sheet.musicxml   MuseScore: the melody with its words
    stems/*.wav           drums, bass, lead
    Arrangement.dawproject   Bitwig Studio: the stems arranged
    Mix.rpp               REAPER: the stems mixed
    mix.wav, master.wav

`write_step(folder, n)` does to the folder what the musician's programs do at save n, so that a
watcher sees each one live. The same n writes the same bytes on one machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from stemproof.errors import Usage
from stemproof.testnet import song_arrangement, song_lmms, song_reaper, song_score, song_sheet
from stemproof.testnet.song_lmms import Voice
from stemproof.testnet.song_mix import FIRST_MIX, MASTER, MIX, Equaliser, Master, Strip
from stemproof.testnet.song_score import Note

TITLE = "Small Hours"
STEMS = ("drums", "bass", "lead")
STEPS = (
    "A beat is sketched in LMMS: kick, snare and hi-hat at 92 bpm.",
    "A bass line is added under the beat.",
    "Chords and a first take of the melody are added.",
    "The melody is corrected note by note, and the tempo goes up to 96 bpm.",
    "A lead sheet is written in MuseScore: the melody and its words.",
    "A line of the words is rewritten.",
    "Three stems are bounced: drums, bass and lead.",
    "An arrangement is tried in Bitwig Studio: the stems, one after the other.",
    "There the lead comes in two bars later, and fades in.",
    "A mix session is made in REAPER from the stems.",
    "Faders, pans and equalisers are set.",
    "The lead comes up and loses some edge; a master chain is added: equaliser and limiter.",
    "The mix and the master are bounced.",
)
# When the mix session says it was saved; a fixed day, since saves must not differ by the clock.
_SAVED_AT = 1767261600


def write_step(folder: Path, step: int) -> tuple[Path, ...]:
    """Write save `step` (from 1) into the folder; return the files written, in order."""
    if not 1 <= step <= len(STEPS):
        raise Usage(f"step is {step}, want 1 to {len(STEPS)}")
    written = []
    for name, content in _FILES[step - 1]().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(path.name + ".part")
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        written.append(path)
    return tuple(written)


def _beat() -> tuple[Voice, ...]:
    kick = {
        **{"startfreq": "160", "endfreq": "48", "decay": "440", "dist": "0.4", "distend": "0.4"},
        **{"gain": "1", "env": "0.2", "noise": "0", "click": "0.3", "slope": "0.1"},
        **{"startnote": "0", "endnote": "0", "version": "1"},
    }
    short = {"amt": "1", "att": "0", "hold": "0", "dec": "0.28", "sustain": "0", "rel": "0.05"}
    tight = {**short, "dec": "0.12"}
    return (
        Voice("Kick", "kicker", kick, 92, 0, song_score.kick_notes(), {}),
        Voice("Snare", *_noise("6", "0", -12), 60, 8, song_score.snare_notes(), short),
        Voice("Hi-hat", *_noise("6", "6", 24), 34, -30, song_score.hat_notes(), tight),
    )


def _bass() -> Voice:
    envelope = {"amt": "1", "att": "0", "hold": "0.2", "dec": "0.6", "sustain": "0.6"}
    return Voice("Bass", *_tones("2", "0", "0"), 42, 0, song_score.bass_notes(), envelope)


def _keys() -> Voice:
    envelope = {"amt": "1", "att": "0.12", "hold": "0.4", "sustain": "0.8", "rel": "0.3"}
    return Voice("Keys", *_tones("1", "1", "0"), 17, 0, song_score.chord_notes(), envelope)


def _lead(notes: tuple[Note, ...]) -> Voice:
    envelope = {"amt": "1", "att": "0.01", "hold": "0.3", "sustain": "0.7", "rel": "0.25"}
    return Voice("Lead", *_tones("0", "3", "0"), 30, 5, notes, envelope)


def _tones(*waves: str) -> tuple[str, dict[str, str]]:
    return _oscillators(waves, (0, 0, -12))


def _noise(first: str, second: str, coarse: int) -> tuple[str, dict[str, str]]:
    return _oscillators((first, second, "0"), (0, coarse, 0))


def _oscillators(waves: tuple[str, ...], coarse: tuple[int, ...]) -> tuple[str, dict[str, str]]:
    """Return LMMS's triple oscillator: three wave shapes and their transposition."""
    settings = {"modalgo1": "2", "modalgo2": "2", "modalgo3": "2"}
    for number in range(3):
        one = {"vol": "33", "pan": "0", "coarse": str(coarse[number]), "finel": "0", "finer": "0"}
        two = {"phoffset": "0", "stphdetun": "0", "wavetype": waves[number], "userwavefile": ""}
        settings |= {f"{key}{number}": value for key, value in (one | two).items()}
    return "tripleoscillator", settings


def _song(tempo: int, *voices: Voice) -> Mapping[str, bytes]:
    return {"Song.mmp": song_lmms.format_project(tempo, voices)}


def _mix(strips: tuple[Strip, ...], master: Master | None, minute: int) -> Mapping[str, bytes]:
    from stemproof.testnet.song_sound import LENGTH, RATE

    project = song_reaper.format_project(
        strips, length_s=LENGTH / RATE, master=master, saved_at=_SAVED_AT + 60 * minute
    )
    return {"Mix.rpp": project}


def _sheet(words: tuple[str, ...]) -> Mapping[str, bytes]:
    sheet = song_sheet.format_sheet(TITLE, song_score.TEMPO, song_score.lead_notes(), words)
    return {"Lead sheet.musicxml": sheet}


def _arrangement(lead_at: int, fade: tuple[float, ...]) -> Mapping[str, bytes]:
    project = song_arrangement.format_arrangement(
        TITLE,
        song_score.TEMPO,
        {"drums": 0, "bass": 8, "lead": lead_at},
        4 * song_score.BARS,
        fade,
    )
    return {"Arrangement.dawproject": project}


def _flat() -> tuple[Strip, ...]:
    return tuple(Strip(stem, 1.0, 0.0, Equaliser()) for stem in STEMS)


def _stems() -> Mapping[str, bytes]:
    from stemproof.testnet import song_sound

    stems = song_sound.render_stems()
    return {f"stems/{name}.wav": song_sound.encode_wav(stems[name], bits=24) for name in STEMS}


def _bounces() -> Mapping[str, bytes]:
    from stemproof.testnet import song_sound

    mix = song_sound.render_mix(song_sound.render_stems())
    master = song_sound.render_master(mix)
    return {
        "mix.wav": song_sound.encode_wav(mix, bits=24),
        "master.wav": song_sound.encode_wav(master, bits=24),
    }


_FILES: tuple[Callable[[], Mapping[str, bytes]], ...] = (
    lambda: _song(song_score.SKETCH_TEMPO, *_beat()),
    lambda: _song(song_score.SKETCH_TEMPO, *_beat(), _bass()),
    lambda: _song(
        song_score.SKETCH_TEMPO,
        *(*_beat(), _bass(), _keys(), _lead(song_score.sketched_lead_notes())),
    ),
    lambda: _song(song_score.TEMPO, *(*_beat(), _bass(), _keys(), _lead(song_score.lead_notes()))),
    lambda: _sheet(song_sheet.FIRST_WORDS),
    lambda: _sheet(song_sheet.WORDS),
    _stems,
    lambda: _arrangement(16, ()),
    lambda: _arrangement(24, (0.0, 0.5, 1.0)),
    lambda: _mix(_flat(), None, 0),
    lambda: _mix(FIRST_MIX, None, 14),
    lambda: _mix(MIX, MASTER, 22),
    _bounces,
)
