"""The demo's lead sheet as MuseScore exports it: `format_sheet` yields its bytes.

MusicXML 4.0, score-partwise: one part, the melody with one syllable under each note.
"""

from __future__ import annotations

from collections.abc import Sequence

from stemproof.testnet.song_score import BAR, BARS, TICKS_PER_QUARTER, Note

# One line a bar, one syllable a note; a hyphen joins a syllable to the next one.
FIRST_WORDS = (
    "Small hours the rain",
    "keeps time out- side",
    "and no- bo- dy calls",
    "me home",
    "Small hours the light",
    "is low and ly- ing",
    "still a- long the wall",
    "I count the words I",
    "keep",
)
WORDS = (*FIRST_WORDS[:5], "is slow and fall- ing", *FIRST_WORDS[6:])

_TYPES = {24: "eighth", 48: "quarter", 72: "quarter", 96: "half", 192: "whole"}
_STEPS = ("C", "C", "D", "D", "E", "F", "F", "G", "G", "A", "A", "B")


def format_sheet(title: str, tempo: int, notes: Sequence[Note], words: Sequence[str]) -> bytes:
    """Write the melody and its words as a score."""
    measures = [
        _measure(bar, tempo, [note for note in notes if note.start // BAR == bar], words[bar])
        for bar in range(BARS)
    ]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<score-partwise version="4.0">\n'
        f"  <work><work-title>{title}</work-title></work>\n"
        "  <identification><encoding><software>MuseScore Studio 4.4.2</software></encoding>"
        "</identification>\n"
        '  <part-list><score-part id="P1"><part-name>Voice</part-name></score-part></part-list>\n'
        f'  <part id="P1">\n{"".join(measures)}  </part>\n</score-partwise>\n'
    ).encode()


def _measure(bar: int, tempo: int, notes: Sequence[Note], line: str) -> str:
    first = ""
    if bar == 0:
        first = (
            f"      <attributes><divisions>{TICKS_PER_QUARTER}</divisions>"
            "<key><fifths>0</fifths><mode>minor</mode></key>"
            "<time><beats>4</beats><beat-type>4</beat-type></time>"
            "<clef><sign>G</sign><line>2</line></clef></attributes>\n"
            f'      <direction placement="above"><sound tempo="{tempo}"/></direction>\n'
        )
    syllables = line.split()
    parts, place = [], bar * BAR
    for number, note in enumerate(notes):
        parts += _rest(note.start - place)
        parts.append(_note(note, syllables, number))
        place = note.start + note.length
    parts += _rest((bar + 1) * BAR - place)
    return f'    <measure number="{bar + 1}">\n{first}{"".join(parts)}    </measure>\n'


def _note(note: Note, syllables: Sequence[str], number: int) -> str:
    text = syllables[number]
    before = number > 0 and syllables[number - 1].endswith("-")
    after = text.endswith("-")
    syllabic = {(False, False): "single", (False, True): "begin", (True, True): "middle"}.get(
        (before, after), "end"
    )
    return (
        f"      <note><pitch><step>{_STEPS[note.key % 12]}</step>"
        f"<octave>{note.key // 12 - 1}</octave></pitch>{_length(note.length)}"
        f"<lyric><syllabic>{syllabic}</syllabic><text>{text.rstrip('-')}</text></lyric></note>\n"
    )


def _rest(ticks: int) -> list[str]:
    return [f"      <note><rest/>{_length(ticks)}</note>\n"] if ticks else []


def _length(ticks: int) -> str:
    dot = "<dot/>" if ticks == 72 else ""
    return f"<duration>{ticks}</duration><voice>1</voice><type>{_TYPES[ticks]}</type>{dot}"
