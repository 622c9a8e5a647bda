"""The demo's tune as notes: what the LMMS saves hold and what the renderer plays.

Nine bars in A minor: Am F C G twice, and a last A minor chord. Time is in LMMS ticks, 48 to a
quarter note, 192 to a bar; keys are MIDI numbers. The lead exists as first sketched, with slips,
and as corrected, so that a save tells of the correction.
"""

from __future__ import annotations

from dataclasses import dataclass

TICKS_PER_QUARTER = 48
BAR = 4 * TICKS_PER_QUARTER
BARS = 9
SKETCH_TEMPO = 92
TEMPO = 96


@dataclass(frozen=True, slots=True)
class Note:
    """One note: start and length in ticks, MIDI key, velocity in LMMS's percent."""

    start: int
    length: int
    key: int
    volume: int = 100


# Chord tones (low to high) and bass root of each bar.
CHORDS = (
    (57, 60, 64),
    (53, 57, 60),
    (55, 60, 64),
    (55, 59, 62),
) * 2 + ((57, 60, 64),)
ROOTS = (33, 29, 36, 31) * 2 + (33,)

# Each bar of the melody: (key, ticks), 0 is a rest.
_MELODY = (
    ((76, 72), (74, 24), (72, 48), (69, 48)),
    ((72, 96), (69, 24), (72, 24), (74, 48)),
    ((76, 48), (79, 24), (76, 24), (0, 24), (74, 24), (72, 48)),
    ((74, 96), (71, 48), (0, 48)),
    ((76, 72), (74, 24), (72, 48), (76, 48)),
    ((77, 48), (81, 48), (79, 24), (77, 24), (76, 48)),
    ((79, 72), (76, 24), (74, 24), (76, 24), (72, 48)),
    ((74, 48), (71, 24), (74, 24), (72, 48), (71, 48)),
    ((69, 192),),
)


def lead_notes() -> tuple[Note, ...]:
    """Return the melody as it is played in the end."""
    notes: list[Note] = []
    for bar, line in enumerate(_MELODY):
        at = bar * BAR
        for key, length in line:
            if key:
                notes.append(Note(at, length, key, 100 if at % BAR == 0 else 88))
            at += length
    return tuple(notes)


def sketched_lead_notes() -> tuple[Note, ...]:
    """Return the melody as first played in: bar 6 a tone flat, one late note, two wrong ones."""
    slips: list[Note] = []
    for note in lead_notes():
        bar = note.start // BAR
        if bar == 5:
            slips.append(Note(note.start, note.length, note.key - 2, note.volume))
        elif note.start == 2 * BAR + 48:
            slips.append(Note(note.start + 12, note.length, note.key, note.volume))
        elif bar == 7 and note.key == 72:
            slips.append(Note(note.start, note.length, 70, note.volume))
        else:
            slips.append(note)
    return (*slips, Note(3 * BAR + 144, 48, 70, 80))


def bass_notes() -> tuple[Note, ...]:
    """Return the bass: root, a push, root and fifth; the last bar held."""
    notes: list[Note] = []
    for bar, root in enumerate(ROOTS[:-1]):
        at = bar * BAR
        fifth = root + 7
        notes += [
            Note(at, 66, root),
            Note(at + 72, 24, root, 84),
            Note(at + 96, 44, root + 12, 92),
            Note(at + 144, 24, fifth, 88),
            Note(at + 168, 22, root + 12, 80),
        ]
    return (*notes, Note((BARS - 1) * BAR, BAR, ROOTS[-1]))


def chord_notes() -> tuple[Note, ...]:
    """Return the keys: one held chord a bar."""
    return tuple(
        Note(bar * BAR, BAR - 6, key, 72) for bar, chord in enumerate(CHORDS) for key in chord
    )


def kick_notes() -> tuple[Note, ...]:
    """Return the kick: one and three, with a push before every second bar's three."""
    notes: list[Note] = []
    for bar in range(BARS - 1):
        at = bar * BAR
        notes += [Note(at, 24, 45), Note(at + 96, 24, 45)]
        if bar % 2:
            notes.append(Note(at + 72, 24, 45, 78))
    return (*notes, Note((BARS - 1) * BAR, 24, 45))


def snare_notes() -> tuple[Note, ...]:
    """Return the snare: two and four, and a small fill at the end of bar 8."""
    notes = [
        Note(bar * BAR + beat * TICKS_PER_QUARTER, 24, 57)
        for bar in range(BARS - 1)
        for beat in (1, 3)
    ]
    fill = 7 * BAR + 168
    return (*notes, Note(fill, 12, 57, 70), Note(fill + 12, 12, 57, 84))


def hat_notes() -> tuple[Note, ...]:
    """Return the closed hi-hat: eighths, the beat louder."""
    return tuple(
        Note(at, 12, 69, 90 if at % TICKS_PER_QUARTER == 0 else 62)
        for at in range(0, (BARS - 1) * BAR, TICKS_PER_QUARTER // 2)
    )
