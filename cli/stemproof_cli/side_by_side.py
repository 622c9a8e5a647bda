"""Two saves side by side: what each is, then the changes by track and device, a line each.

    tide 1.rpp                             tide 2.rpp
    REAPER 7.0, 2 tracks, 3 clips          REAPER 7.0, 2 tracks, 3 clips

    Lead Vox
    ~ volume                          -3.0 dB -> -4.5 dB              mixing
    + ReaEQ (Cockos) added                                            mixing

As wide as the terminal, and 80 columns where there is none. A sentence that is too long goes on
in the next line, under its beginning: nothing is cut.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len, chop_cells

from stemproof_cli import say
from stemproof_cli.sessions import count_clips

if TYPE_CHECKING:
    from stemproof.capture.decision import Decision
    from stemproof.capture.sessions.model import Session
    from stemproof.capture.summary import Line

WIDTH: Final = 80
NARROWEST: Final = 60
WIDEST: Final = 160
STAGE_WIDTH: Final = 11  # "performance", "composition", "arrangement"
VALUE_WIDTH: Final = 14
_ADDED: Final = ("added", "recorded", "copied")


def show_head(names: Sequence[str], sessions: Sequence[Session]) -> Iterator[str]:
    """Say what the two saves are, one beside the other."""
    half = _width() // 2 - 1
    rows = (
        names,
        [f"{s.application} {s.version}".strip() for s in sessions],
        [_amounts(session) for session in sessions],
    )
    for number, (left, right) in enumerate(rows):
        for one, two in zip_longest(_wrapped(left, half), _wrapped(right, half), fillvalue=""):
            line = f"{_padded(one, half)}  {two}".rstrip()
            yield say.strong(line) if number == 0 else line


def show_changes(lines: Sequence[Line]) -> Iterator[str]:
    """Say what changed, grouped by track and device in the order of their first change."""
    tracks: dict[str, dict[str, list[Line]]] = {}
    for line in lines:
        first = line.decisions[0]
        tracks.setdefault(first.track, {"": []}).setdefault(first.device, []).append(line)
    for track, devices in tracks.items():
        yield ""
        yield from map(say.strong, _wrapped(track, _width()))
        for device, found in devices.items():
            # A device that only came, went or moved needs no heading over that one line.
            in_place = [line for line in found if _is_inside(line)]
            for line in found:
                if line not in in_place:
                    yield from _row(line, track, "")
            if device and in_place:
                yield from (f"  {part}" for part in _wrapped(device, _width() - 2))
            for line in in_place:
                yield from _row(line, track, device)


def show_totals(decisions: Sequence[Decision]) -> str:
    """Count the decisions by stage."""
    counts: dict[str, int] = {}
    for decision in decisions:
        stage = "unknown" if decision.stage == "none" else decision.stage
        counts[stage] = counts.get(stage, 0) + 1
    total = len(decisions)
    parts = ", ".join(f"{count} {stage}" for stage, count in counts.items())
    return f"{total} decision{'' if total == 1 else 's'}: {parts}"


def _is_inside(line: Line) -> bool:
    first = line.decisions[0]
    verb = first.kind.partition(".")[2]
    is_whole = first.kind.startswith("device.") and verb in ("added", "removed", "moved", "copied")
    return bool(first.device) and not is_whole


def _row(line: Line, track: str, device: str) -> Iterator[str]:
    first = line.decisions[0]
    verb = first.kind.partition(".")[2]
    if first.is_note:
        mark, meaning = "i", "quiet"
    elif verb in _ADDED:
        mark, meaning = "+", "added"
    elif verb == "removed":
        mark, meaning = "-", "removed"
    else:
        mark, meaning = "~", "changed"
    stage = "" if first.is_note else "unknown" if first.stage == "none" else first.stage
    indent = "    " if device else "  "
    room = _width() - STAGE_WIDTH - len(indent) - 3
    body = _columns(line, device, room) or _sentence(line.text, track, device)
    first_part, *parts = _wrapped(body, room)
    said = _padded(first_part, room) if stage else first_part
    marked = say.coloured(mark, meaning)
    yield f"{indent[:-2]}{marked} {said} {say.coloured(stage, 'stage')}".rstrip()
    for part in parts:
        yield f"{indent}{part}"


def _columns(line: Line, device: str, room: int) -> str:
    """Write what changed, before and after, each in its column; nothing if they do not fit."""
    first = line.decisions[0]
    if len(line.decisions) != 1 or first.shown is None or first.shown[0] == first.shown[1]:
        return ""
    what = say.clean(first.what.removeprefix(device).strip() or first.what)
    one, two = (say.clean(value) for value in first.shown)
    left = room - 2 * VALUE_WIDTH - 4
    if cell_len(what) > left or max(cell_len(one), cell_len(two)) > VALUE_WIDTH:
        return ""
    return f"{_padded(what, left)}{' ' * (VALUE_WIDTH - cell_len(one))}{one} -> {two}"


def _sentence(text: str, track: str, device: str) -> str:
    """Leave out what the headings say."""
    text = text.removeprefix(track).removeprefix(": ")
    return text.removeprefix(f", {device}: ").removeprefix(device).lstrip(": ") or text


def _amounts(session: Session) -> str:
    from stemproof.capture.unused import count_used

    tracks = count_used(session.tracks)
    clips = sum(count_clips(track) for track in session.tracks)
    notes = sum(len(clip.notes) for track in session.tracks for clip in track.clips)
    parts = [(tracks, "track"), (clips, "clip"), (notes, "note")]
    said = [f"{count} {name}{'' if count == 1 else 's'}" for count, name in parts if count]
    if len(session.tempo) == 1:
        said.append(f"{float(session.tempo[0].bpm):g} bpm")
    return ", ".join(said)


def _width() -> int:
    if not sys.stdout.isatty():
        return WIDTH
    return max(NARROWEST, min(WIDEST, shutil.get_terminal_size().columns))


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _wrapped(text: str, width: int) -> list[str]:
    """Break a text between words where it is too long, and a word that fits in no line."""
    text = say.clean(text)
    if cell_len(text) <= width:
        return [text]
    lines = [""]
    for word in text.split(" "):
        for piece in chop_cells(word, width):
            joined = f"{lines[-1]} {piece}" if lines[-1] else piece
            if cell_len(joined) <= width:
                lines[-1] = joined
            else:
                lines.append(piece)
    return lines
