"""The demo's LMMS project as LMMS 1.2 saves it: `format_project` yields the bytes of Song.mmp.

Built-in instruments only, notes in the song editor. LMMS itself opens and renders these files.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass

from stemproof.testnet.song_score import BAR, Note

# LMMS numbers A4 57 where MIDI has 69.
_KEY_SHIFT = 12
_BASE_NOTE = "57"
_CLIP_BARS = 4
_PLACE = {"x": "5", "y": "5", "width": "640", "height": "400"}
_SHOWN = {"visible": "1", "maximized": "0", "minimized": "0"}
_ENVELOPE = {
    **{"pdel": "0", "att": "0", "hold": "0.5", "dec": "0.5", "sustain": "0.5", "rel": "0.1"},
    **{"amt": "0", "lpdel": "0", "latt": "0", "lspd": "0.1", "lamt": "0", "lshp": "0"},
    **{"x100": "0", "ctlenvamt": "0", "userwavefile": "", "syncmode": "0"},
    **{"lspd_numerator": "4", "lspd_denominator": "4"},
}


@dataclass(frozen=True, slots=True)
class Voice:
    """One instrument track: the instrument's own settings, channel volume and pan, its notes."""

    name: str
    instrument: str
    settings: dict[str, str]
    volume: int
    pan: int
    notes: tuple[Note, ...]
    envelope: dict[str, str]


def format_project(tempo: int, voices: Sequence[Voice]) -> bytes:
    """Write a project with these tracks."""
    root = ET.Element(
        "lmms-project",
        {"type": "song", "version": "1.0", "creator": "LMMS", "creatorversion": "1.2.2"},
    )
    head = {"bpm": str(tempo), "timesig_numerator": "4", "timesig_denominator": "4"}
    ET.SubElement(root, "head", {**head, "mastervol": "100", "masterpitch": "0"})
    song = ET.SubElement(root, "song")
    tracks = ET.SubElement(song, "trackcontainer", {"type": "song", **_SHOWN, **_PLACE})
    for voice in voices:
        _add_track(tracks, voice)
    _add_automation_track(song)
    _add_mixer(song)
    for window in ("ControllerRackView", "pianoroll", "automationeditor"):
        ET.SubElement(song, window, {**_SHOWN, **_PLACE})
    ET.SubElement(song, "projectnotes", {**_SHOWN, **_PLACE}).text = ""
    ET.SubElement(song, "timeline", {"lp0pos": "0", "lp1pos": str(BAR), "lpstate": "0"})
    ET.SubElement(song, "controllers")
    ET.indent(root)
    body = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0"?>\n<!DOCTYPE lmms-project>\n{body}\n'.encode()


def _add_track(tracks: ET.Element, voice: Voice) -> None:
    track = ET.SubElement(
        tracks, "track", {"type": "0", "name": voice.name, "muted": "0", "solo": "0"}
    )
    channel = {"vol": str(voice.volume), "pan": str(voice.pan), "fxch": "0", "pitch": "0"}
    body = ET.SubElement(
        track,
        "instrumenttrack",
        {**channel, "pitchrange": "1", "basenote": _BASE_NOTE, "usemasterpitch": "1"},
    )
    instrument = ET.SubElement(body, "instrument", {"name": voice.instrument})
    ET.SubElement(instrument, voice.instrument, voice.settings)
    sound = ET.SubElement(
        body, "eldata", {"fcut": "14000", "fres": "0.5", "ftype": "0", "fwet": "0"}
    )
    ET.SubElement(sound, "elvol", {**_ENVELOPE, **voice.envelope})
    ET.SubElement(sound, "elcut", _ENVELOPE)
    ET.SubElement(sound, "elres", _ENVELOPE)
    _add_midi(body)
    ET.SubElement(body, "fxchain", {"enabled": "0", "numofeffects": "0"})
    _add_patterns(track, voice)


def _add_midi(body: ET.Element) -> None:
    chord = {"chord": "0", "chordrange": "1", "chord-enabled": "0"}
    ET.SubElement(body, "chordcreator", chord)
    arpeggio = {"arp": "0", "arprange": "1", "arptime": "100", "arpgate": "100", "arpdir": "0"}
    more = {"arpmode": "0", "syncmode": "0", "arp-enabled": "0"}
    time = {"arptime_numerator": "4", "arptime_denominator": "4"}
    ET.SubElement(body, "arpeggiator", {**arpeggio, **more, **time})
    port = {"readable": "0", "writable": "0", "inputchannel": "0", "outputchannel": "1"}
    fixed = {"fixedinputvelocity": "-1", "fixedoutputvelocity": "-1", "fixedoutputnote": "-1"}
    rest = {"inputcontroller": "0", "outputcontroller": "0", "outputprogram": "1"}
    ET.SubElement(body, "midiport", {**port, **fixed, **rest, "basevelocity": "63"})


def _add_patterns(track: ET.Element, voice: Voice) -> None:
    """Add one pattern for each four bars that hold notes."""
    span = _CLIP_BARS * BAR
    last = max((note.start for note in voice.notes), default=0) // span
    for number in range(last + 1):
        start = number * span
        inside = [note for note in voice.notes if start <= note.start < start + span]
        bars = max((note.start - start) // BAR for note in inside) + 1 if inside else 1
        pattern = ET.SubElement(
            track,
            "pattern",
            {
                **{"type": "1", "name": voice.name, "muted": "0", "steps": "16"},
                **{"pos": str(start), "len": str(bars * BAR)},
            },
        )
        for note in sorted(inside, key=lambda note: (note.start, note.key)):
            place = {"pos": str(note.start - start), "len": str(note.length)}
            tone = {"key": str(note.key - _KEY_SHIFT), "vol": str(note.volume), "pan": "0"}
            ET.SubElement(pattern, "note", {**place, **tone})


def _add_automation_track(song: ET.Element) -> None:
    track = ET.SubElement(
        song, "track", {"type": "6", "name": "Automation track", "muted": "0", "solo": "0"}
    )
    ET.SubElement(track, "automationtrack")


def _add_mixer(song: ET.Element) -> None:
    mixer = ET.SubElement(song, "fxmixer", {**_SHOWN, **_PLACE})
    channel = ET.SubElement(
        mixer,
        "fxchannel",
        {"num": "0", "name": "Master", "volume": "1", "muted": "0", "soloed": "0"},
    )
    ET.SubElement(channel, "fxchain", {"enabled": "0", "numofeffects": "0"})
