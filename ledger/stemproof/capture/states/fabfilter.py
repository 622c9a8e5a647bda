"""FabFilter's settings: `FFBS`, a version, a count, and that many 32-bit floats.

    46464253 01000000 66010000  0000803F 0000803F 789A5441 …   FFBS 1, 358 values
    46467072 …                                                 FFpr: the preset's name
    46466564 …                                                 FFed: the editor's window

Pro-Q 3 has 24 bands of 13 values, frequency as log2 of Hz, then those of the whole. Of other
plug-ins each value has only its number. Little endian.
"""

from __future__ import annotations

import math
import struct
from typing import Final

from stemproof.capture.sessions.model import Unit

from .settings import MAX_PARAMETERS, Settings, float_text

MAGIC: Final = b"FFBS"
_HEAD: Final = struct.Struct("<4sII")
_PRO_Q_3 = ("pro-q 3", b"FQ3p")
_BANDS: Final = 24
_SHAPES = (
    *("bell", "low shelf", "low cut", "high shelf", "high cut", "notch", "band pass"),
    *("tilt shelf", "flat tilt"),
)
_SLOPES = (*(f"{db} dB/oct" for db in (6, 12, 18, 24, 30, 36, 48, 72, 96)), "brickwall")
_PLACES = ("left", "right", "stereo", "mid", "side")
_BAND: tuple[tuple[str, Unit, tuple[str, ...]], ...] = (
    ("used", Unit.SWITCH, ()),
    ("on", Unit.SWITCH, ()),
    ("frequency", Unit.LOG2_HERTZ, ()),
    ("gain", Unit.DECIBEL, ()),
    ("dynamic range", Unit.DECIBEL, ()),
    ("dynamics", Unit.SWITCH, ()),
    ("threshold", Unit.RAW, ()),
    ("Q", Unit.RAW, ()),
    ("shape", Unit.TEXT, _SHAPES),
    ("slope", Unit.TEXT, _SLOPES),
    ("placement", Unit.TEXT, _PLACES),
    ("speakers", Unit.RAW, ()),
    ("solo", Unit.SWITCH, ()),
)
_WHOLE: tuple[tuple[str, Unit], ...] = (
    ("processing mode", Unit.RAW),
    ("processing resolution", Unit.RAW),
    ("gain scale", Unit.RATIO),
    ("output level", Unit.RAW),
    ("output pan", Unit.RAW),
    ("output pan mode", Unit.RAW),
    ("bypass", Unit.SWITCH),
    ("invert phase", Unit.SWITCH),
    ("auto gain", Unit.SWITCH),
)
# After them stand the analyser and the display, which nobody hears.
_ANALYSER: Final = range(len(_WHOLE), 22)


def read_fabfilter(data: bytes, settings: Settings, name: str) -> bool:
    """Read the values; False if these bytes are something else."""
    if len(data) < _HEAD.size:
        return False
    magic, _, count = _HEAD.unpack_from(data)
    end = _HEAD.size + 4 * count
    if magic != MAGIC or not 0 < count <= MAX_PARAMETERS or end > len(data):
        return False
    values = struct.unpack_from(f"<{count}f", data, _HEAD.size)
    rest = data[end:]
    plain, mark = _PRO_Q_3
    if (plain in name.lower() or mark in rest) and count >= _BANDS * len(_BAND):
        _read_pro_q_3(values, settings)
    else:
        for number, value in enumerate(values, start=1):
            settings.add(f"value {number}", float_text(value))
    # The preset's name and the editor's window follow; the host names the track in the one.
    if rest[:4] not in (b"FFpr", b"FFed"):
        settings.leave(rest)
    return True


def _read_pro_q_3(values: tuple[float, ...], settings: Settings) -> None:
    for number, value in enumerate(values[: _BANDS * len(_BAND)]):
        band, place = divmod(number, len(_BAND))
        name, unit, words = _BAND[place]
        if words and math.isfinite(value) and value == int(value) and 0 <= value < len(words):
            settings.add(f"band {band + 1} {name}", words[int(value)], Unit.TEXT)
        else:
            # Slopes between two words are numbers.
            settings.add(f"band {band + 1} {name}", float_text(value), None if words else unit)
    for number, value in enumerate(values[_BANDS * len(_BAND) :]):
        if number < len(_WHOLE):
            name, unit = _WHOLE[number]
            settings.add(name, float_text(value), unit)
        elif number not in _ANALYSER:
            settings.add(f"value {number + 1}", float_text(value))
