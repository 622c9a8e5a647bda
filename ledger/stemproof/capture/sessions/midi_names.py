"""What MIDI numbers are called: General MIDI programs, controllers, keys."""

from __future__ import annotations

from typing import Final

DRUM_CHANNEL: Final = 9

# General MIDI level 1, programs 1 to 128.
_PROGRAMS: Final = (
    "Acoustic Grand Piano, Bright Acoustic Piano, Electric Grand Piano, Honky-tonk Piano, "
    "Electric Piano 1, Electric Piano 2, Harpsichord, Clavinet, Celesta, Glockenspiel, "
    "Music Box, Vibraphone, Marimba, Xylophone, Tubular Bells, Dulcimer, Drawbar Organ, "
    "Percussive Organ, Rock Organ, Church Organ, Reed Organ, Accordion, Harmonica, "
    "Tango Accordion, Acoustic Guitar (nylon), Acoustic Guitar (steel), "
    "Electric Guitar (jazz), Electric Guitar (clean), Electric Guitar (muted), "
    "Overdriven Guitar, Distortion Guitar, Guitar Harmonics, Acoustic Bass, "
    "Electric Bass (finger), Electric Bass (pick), Fretless Bass, Slap Bass 1, Slap Bass 2, "
    "Synth Bass 1, Synth Bass 2, Violin, Viola, Cello, Contrabass, Tremolo Strings, "
    "Pizzicato Strings, Orchestral Harp, Timpani, String Ensemble 1, String Ensemble 2, "
    "Synth Strings 1, Synth Strings 2, Choir Aahs, Voice Oohs, Synth Voice, Orchestra Hit, "
    "Trumpet, Trombone, Tuba, Muted Trumpet, French Horn, Brass Section, Synth Brass 1, "
    "Synth Brass 2, Soprano Sax, Alto Sax, Tenor Sax, Baritone Sax, Oboe, English Horn, "
    "Bassoon, Clarinet, Piccolo, Flute, Recorder, Pan Flute, Blown Bottle, Shakuhachi, "
    "Whistle, Ocarina, Lead 1 (square), Lead 2 (sawtooth), Lead 3 (calliope), Lead 4 (chiff), "
    "Lead 5 (charang), Lead 6 (voice), Lead 7 (fifths), Lead 8 (bass + lead), "
    "Pad 1 (new age), Pad 2 (warm), Pad 3 (polysynth), Pad 4 (choir), Pad 5 (bowed), "
    "Pad 6 (metallic), Pad 7 (halo), Pad 8 (sweep), FX 1 (rain), FX 2 (soundtrack), "
    "FX 3 (crystal), FX 4 (atmosphere), FX 5 (brightness), FX 6 (goblins), FX 7 (echoes), "
    "FX 8 (sci-fi), Sitar, Banjo, Shamisen, Koto, Kalimba, Bagpipe, Fiddle, Shanai, "
    "Tinkle Bell, Agogo, Steel Drums, Woodblock, Taiko Drum, Melodic Tom, Synth Drum, "
    "Reverse Cymbal, Guitar Fret Noise, Breath Noise, Seashore, Bird Tweet, Telephone Ring, "
    "Helicopter, Applause, Gunshot"
).split(", ")
_CONTROLLERS: Final = {
    0: "bank",
    1: "mod wheel",
    2: "breath",
    5: "portamento time",
    6: "data entry",
    7: "volume",
    8: "balance",
    10: "pan",
    11: "expression",
    32: "bank (fine)",
    64: "sustain pedal",
    65: "portamento",
    66: "sostenuto pedal",
    67: "soft pedal",
    71: "resonance",
    72: "release time",
    73: "attack time",
    74: "brightness",
    91: "reverb send",
    93: "chorus send",
}
# By number of flats (left) or sharps (right).
_MAJORS: Final = ("Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#")
_MINORS: Final = (
    *("Ab", "Eb", "Bb", "F", "C", "G", "D", "A"),
    *("E", "B", "F#", "C#", "G#", "D#", "A#"),
)


def program_name(number: int, channel: int) -> str:
    """Name a program as General MIDI does; on the drum channel it is a kit."""
    if channel == DRUM_CHANNEL:
        return f"drum kit {number + 1}"
    return f"{number + 1} {_PROGRAMS[number]}"


def controller_name(kind: str, number: int) -> str:
    """Name a lane: a controller by its common name, other kinds by theirs."""
    if kind == "controller":
        return _CONTROLLERS.get(number, f"CC {number}")
    return f"{kind} {number}" if kind == "key pressure" else kind


def lane_name(kind: str, number: int) -> str:
    """Name a lane as `controller_name`, with the number that a musician sees beside it."""
    if kind == "controller" and number in _CONTROLLERS:
        return f"{_CONTROLLERS[number]} (CC {number})"
    return controller_name(kind, number)


def key_name(sharps: int, mode: int) -> str:
    """Name a key signature."""
    return f"{_MINORS[sharps + 7]} minor" if mode else f"{_MAJORS[sharps + 7]} major"
