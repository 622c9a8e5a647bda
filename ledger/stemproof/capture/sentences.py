"""Values and sentences as a musician reads them: dB, Hz, %, semitones, bars.

A value whose law is unknown is shown as stored. Text from a session is stripped of control
characters here, because sentences end on terminals.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from .notes import NoteChange
from .sessions.model import Clip, ClipKind, Device, Moment, Parameter, TimeUnit, Unit
from .sessions.numbers import is_decimal
from .timeline import Timeline

_LONGEST_NAME = 80
_SILENCE_DB = -150.0
_LARGEST_LOG2 = 32
_SUFFIX = {
    Unit.DECIBEL: " dB",
    Unit.PERCENT: " %",
    Unit.HERTZ: " Hz",
    Unit.SECONDS: " s",
    Unit.MILLISECONDS: " ms",
    Unit.BEATS: " beats",
    Unit.SEMITONES: " semitones",
    Unit.CENTS: " cents",
    Unit.DEGREES: " degrees",
    Unit.RATIO: " %",
    Unit.BPM: " bpm",
}
# By what a side is multiplied: what stands at the edge of the knob.
_EDGES = {Unit.PAN: 100, Unit.PAN_PERCENT: 1, Unit.PAN_FIFTY: 50}

_SHARED_SUFFIX = {Unit.GAIN: " dB", Unit.LOG2_HERTZ: " Hz"}


def plain(text: str) -> str:
    """Cut a stranger's text to one printable line."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return line if len(line) <= _LONGEST_NAME else line[: _LONGEST_NAME - 1] + "…"


def shown_value(value: str, unit: Unit) -> str:
    """Show one stored value by the law of its unit."""
    if not is_decimal(value):
        return repr(plain(value)) if unit is Unit.TEXT else plain(value)
    number = float(value)
    if unit is Unit.GAIN:
        level = 20 * math.log10(number) if number > 0 else -math.inf
        return "-inf dB" if level < _SILENCE_DB else f"{_trim(level, 2)} dB"
    if unit is Unit.PAN_UNIT:
        number, unit = 2 * number - 1, Unit.PAN
    if unit in _EDGES:
        side = round(number * _EDGES[unit], 1)
        return "centre" if side == 0 else f"{abs(side):g}{'L' if side < 0 else 'R'}"
    if unit is Unit.SWITCH:
        return "off" if number == 0 else "on"
    if unit is Unit.DECIBEL:
        return f"{_trim(number, 2)} dB"
    if unit is Unit.LOG2_HERTZ:
        return f"{2**number:.5g} Hz" if abs(number) < _LARGEST_LOG2 else plain(value)
    if unit is Unit.RATIO:
        number *= 100
    if unit in _SUFFIX:
        return f"{number:.6g}{_SUFFIX[unit]}"
    return f"{number:.6g}" if "." in value else plain(value)


def same_law(before: Parameter, after: Parameter) -> tuple[Parameter, Parameter]:
    """Give two values in one law where they have two that can be told in each other's.

    A session that was carried to another program keeps its pans and levels.
    """
    if before.unit is not after.unit:
        for shared, laws in _SHARED_LAWS.items():
            if before.unit in laws and after.unit in laws:
                one, two = (_in_law(p, shared, laws[p.unit]) for p in (before, after))
                return one, two
    return before, after


def _in_law(parameter: Parameter, unit: Unit, law: Callable[[float], float]) -> Parameter:
    if parameter.unit is unit or not is_decimal(parameter.value):
        return parameter
    return replace(parameter, value=f"{law(float(parameter.value)):.6f}", unit=unit)


_SHARED_LAWS: dict[Unit, dict[Unit, Callable[[float], float]]] = {
    Unit.PAN: {
        Unit.PAN: lambda n: n,
        Unit.PAN_PERCENT: lambda n: n / 100,
        Unit.PAN_FIFTY: lambda n: n,
        Unit.PAN_UNIT: lambda n: 2 * n - 1,
    },
    Unit.GAIN: {
        Unit.GAIN: lambda n: n,
        Unit.DECIBEL: lambda n: 10 ** (min(n, 100) / 20),
    },
}
"""Laws that tell the same thing; each turns a stored number into the first one's."""


def shown_values(before: Parameter, after: Parameter) -> tuple[str, str]:
    """Show the two values of one parameter; those that read alike are shown as stored."""
    one, two = shown_value(before.value, before.unit), shown_value(after.value, after.unit)
    # Too close to tell apart when rounded, yet more than rounding: show all digits.
    if one == two:
        return plain(before.value), plain(after.value)
    return one, two


def shown_change(before: Parameter, after: Parameter) -> str:
    """Show a change of one parameter, with the unit once."""
    if before.unit is after.unit is Unit.DIGEST:
        return "changed"
    one, two = shown_values(before, after)
    suffix = _SHARED_SUFFIX.get(after.unit) or _SUFFIX.get(after.unit, "")
    if suffix and one.endswith(suffix) and two.endswith(suffix):
        one = one.removesuffix(suffix)
    return f"{one} -> {two}"


def _trim(number: float, digits: int) -> str:
    # One digit stays, so that -3.0 reads as a level and not as a count.
    text = f"{number:.{digits}f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


def device_label(device: Device) -> str:
    """Name a device, with its place where it is inside a rack."""
    name = plain(device.name) or "a device without a name"
    return f"{plain(device.place)} > {name}" if device.place else name


def device_title(device: Device) -> str:
    """Name a device with its vendor."""
    vendor = f" ({plain(device.vendor)})" if device.vendor else ""
    return device_label(device) + vendor


def clip_label(clip: Clip) -> str:
    """Name a clip: its own name, else its file, else what it is."""
    if clip.kind is ClipKind.SLOT:
        return "pattern"
    if clip.name:
        return f"clip '{plain(clip.name)}'"
    if clip.media:
        return f"clip from '{plain(clip.media.file_name)}'"
    return {
        ClipKind.NOTES: "note clip",
        ClipKind.PATTERN: "pattern clip",
        ClipKind.AUTOMATION: "automation clip",
    }.get(clip.kind, "clip")


def clip_group(clip: Clip) -> str:
    """Name what alike clips have in common: their file, as programs number the names of clips."""
    return f"clip from '{plain(clip.media.file_name)}'" if clip.media else clip_label(clip)


def clip_place(clip: Clip, line: Timeline) -> str:
    """Say where a clip is: on the timeline, in another lane, or in a cell of a launch grid."""
    where = line.place(clip.position)
    if clip.slot is None:
        return where
    label = plain(clip.slot.label)
    return f"{where} in {label}" if clip.slot.is_timed else label


def note_count(count: int) -> str:
    """Count notes."""
    return "1 note" if count == 1 else f"{count} notes"


def note_sentence(change: NoteChange, clip: Clip, line: Timeline, subject: str) -> str:
    """Say what happened to the notes of one clip, and where."""
    who = note_count(len(change.notes))
    where = notes_place(change, clip, line)
    return f"{subject}: {who} {_VERBS[change.kind](change, clip)} in {where}"


def notes_place(change: NoteChange, clip: Clip, line: Timeline) -> str:
    """Say which bars the notes of a change touch."""
    return stretch_place([note.start for note in change.notes], clip, line)


def stretch_place(ticks: Sequence[int], clip: Clip, line: Timeline) -> str:
    """Say which bars places inside a clip are in."""
    if clip.slot is not None and not clip.slot.is_timed:
        return clip_place(clip, line)
    if clip.kind is ClipKind.SLOT:
        return f"pattern {_pattern_number(clip)}"
    begin = line.quarters(clip.position) - _offset_quarters(clip, line)
    return line.bars_between(begin + min(ticks) / clip.ppq, begin + max(ticks) / clip.ppq)


def _pattern_number(clip: Clip) -> int:
    # LMMS keeps pattern k of every instrument at bar k of the pattern editor.
    return int(clip.position.value / 4) + 1


def _offset_quarters(clip: Clip, line: Timeline) -> float:
    if clip.offset.unit is TimeUnit.QUARTER:
        return float(clip.offset.value)
    end = Moment(clip.position.value + clip.offset.value, TimeUnit.SECOND)
    return line.quarters(end) - line.quarters(clip.position)


def _signed(amount: int, one: str, many: str) -> str:
    return f"{amount:+d} {one if abs(amount) == 1 else many}"


def _moved(change: NoteChange, clip: Clip) -> str:
    return "moved" if change.amount is None else moved_by(change.amount, clip)


def moved_by(ticks: int, clip: Clip) -> str:
    """Say by how much something in a clip moved."""
    beats = ticks / clip.ppq
    return f"moved {'later' if beats > 0 else 'earlier'} by {_trim(abs(beats), 3)} beats"


def _transposed(change: NoteChange, clip: Clip) -> str:
    text = f"transposed {_signed(change.amount or 0, 'semitone', 'semitones')}"
    if change.ticks:
        beats = change.ticks / clip.ppq
        text += f" and moved {'later' if beats > 0 else 'earlier'} by {_trim(abs(beats), 3)} beats"
    return text


def _resized(change: NoteChange, clip: Clip) -> str:
    if change.amount is None:
        return "lengths changed"
    beats = _trim(abs(change.amount) / clip.ppq, 3)
    return f"{'longer' if change.amount > 0 else 'shorter'} by {beats} beats"


_VERBS: dict[str, Callable[[NoteChange, Clip], str]] = {
    "added": lambda change, clip: "added",
    "removed": lambda change, clip: "removed",
    "moved": _moved,
    "transposed": _transposed,
    "velocity": lambda c, clip: "changed in velocity" + (f" by {c.amount:+d}" if c.amount else ""),
    "resized": _resized,
    "panned": lambda change, clip: "panned",
    "muted": lambda change, clip: "muted or unmuted",
    "chance": lambda change, clip: "changed in probability",
    "spread": lambda change, clip: "changed in range of velocity",
    "recorded": lambda change, clip: "recorded",
}
