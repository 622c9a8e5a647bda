"""A session as plain lines that git can compare: one fact a line, in the order of the session.

    track Lead Vox (track)
      volume -3.0 dB
      device ReaComp (Cockos)
        slider 1: 0.3
      clip 'verse' at bar 5, 4 beats
        note bar 5 beat 1, C4, 1 beat, velocity 100

Identities, and what is no decision, are left out, so that equal music gives equal lines.
Values are shown as sentences show them; opaque settings by size and the start of their digest.
"""

from __future__ import annotations

from collections.abc import Iterator

from .diff_controllers import event_count, events_digest
from .sentences import clip_label, device_title, plain, shown_value
from .sessions.model import (
    Automation,
    Clip,
    ClipKind,
    Device,
    Mixer,
    Moment,
    Parameter,
    Session,
    State,
    TimeUnit,
    Track,
)
from .timeline import Timeline, beats_text

_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def text_form(session: Session) -> Iterator[str]:
    """Write a session line by line."""
    line = Timeline(session.tempo)
    yield f"session by {plain(f'{session.application} {session.version}'.strip())}"
    yield from _state("closed format", session.opaque, "")
    for point in session.tempo:
        ramp = ", ramp" if point.ramp else ""
        metre = f"{point.numerator}/{point.denominator}"
        yield f"tempo {float(point.bpm):g} bpm, {metre}{ramp}, from {line.place(point.at)}"
    for marker in session.markers:
        span = f", {line.span(marker.length)}" if marker.length else ""
        yield f"marker '{plain(marker.name)}' at {line.place(marker.at)}{span}"
    yield from _parameters(session.parameters, "")
    names = {track.identity: plain(track.name) for track in session.tracks if track.identity}
    for track in session.tracks:
        yield ""
        yield from _track(track, line, names)


def pitch_name(pitch: int) -> str:
    """Name a MIDI note, middle C as C4."""
    return f"{_NAMES[pitch % 12]}{pitch // 12 - 1}"


def _track(track: Track, line: Timeline, names: dict[str, str]) -> Iterator[str]:
    yield f"track {plain(track.name) or 'without a name'} ({track.kind.value})"
    if track.parent:
        yield f"  inside {names.get(track.parent, plain(track.parent))}"
    yield from _mixer(track.mixer, names)
    yield from _parameters(track.parameters, "  ")
    for lane in track.automations:
        yield from _automation(lane, line, "  ")
    for device in track.devices:
        yield from _device(device, line, "  ")
    for clip in track.clips:
        yield from _clip(clip, line)


def _mixer(mixer: Mixer, names: dict[str, str]) -> Iterator[str]:
    for name, level in (("volume", mixer.volume), ("pan", mixer.pan), ("width", mixer.width)):
        if level is not None:
            yield f"  {name} {shown_value(level.value, level.unit)}"
    for name in ("mute", "solo", "phase"):
        if getattr(mixer, name):
            yield f"  {name} on"
    if mixer.output:
        yield f"  output {names.get(mixer.output, plain(mixer.output))}"
    for send in mixer.sends:
        way = "receive from" if send.incoming else "send to"
        yield f"  {way} {names.get(send.target, plain(send.target))}"
        yield from _parameters(send.parameters, "    ")


def _device(device: Device, line: Timeline, indent: str) -> Iterator[str]:
    off = "" if device.enabled else ", bypassed"
    yield f"{indent}device {device_title(device)}{off}"
    if device.preset:
        yield f"{indent}  preset {plain(device.preset)}"
    yield from _parameters(device.parameters, indent + "  ")
    yield from _state("settings", device.state, indent + "  ")
    for lane in device.automations:
        yield from _automation(lane, line, indent + "  ")


def _clip(clip: Clip, line: Timeline) -> Iterator[str]:
    if clip.kind is ClipKind.SLOT and not clip.notes:
        return
    muted = ", muted" if clip.muted else ""
    where = f"{line.place(clip.position)}, {line.span(clip.length)}"
    yield f"  {clip_label(clip)} at {where}{muted}"
    if clip.media is not None:
        yield f"    plays '{plain(clip.media.path)}'"
    if clip.offset.value:
        yield f"    from {line.span(clip.offset)} of its source"
    yield from _parameters(clip.parameters, "    ")
    yield from (f"    take '{plain(take.name)}'" for take in clip.takes)
    begin = line.quarters(clip.position)
    for note in sorted(clip.notes, key=lambda note: (note.start, note)):
        quarters = begin + note.start / clip.ppq
        muted = ", muted" if note.muted else ""
        yield (
            f"    note {line.place_at(quarters)}, {pitch_name(note.pitch)}, "
            f"{beats_text(note.length / clip.ppq)}, velocity {note.velocity}{muted}"
        )
    for sign in clip.signs:
        verse = f" {sign.line}" if sign.line > 1 else ""
        where = line.place_at(begin + float(sign.at))
        yield f"    {sign.kind.value}{verse} {where}: {plain(sign.text)}"
    for played in clip.lanes:
        events = event_count(len(played.events))
        yield f"    {plain(played.name)}: {events}, {events_digest(played.events)}"
    if not clip.lanes:
        yield from _state("expression of single notes", clip.controllers, "    ")
    for lane in clip.points:
        yield from _automation(lane, line, "    ")
    for device in clip.devices:
        yield from _device(device, line, "    ")


def _parameters(parameters: tuple[Parameter, ...], indent: str) -> Iterator[str]:
    for item in parameters:
        yield f"{indent}{plain(item.name)}: {shown_value(item.value, item.unit)}"


def _automation(lane: Automation, line: Timeline, indent: str) -> Iterator[str]:
    off = "" if lane.enabled else ", off"
    yield f"{indent}automation of {plain(lane.target)}{off}"
    for point in lane.points:
        where = line.place(Moment(point.at, lane.time_unit))
        if lane.time_unit is TimeUnit.SECOND:
            where = f"{float(point.at):.3f} s"
        yield f"{indent}  {where}: {shown_value(point.value, lane.unit)}"


def _state(what: str, state: State | None, indent: str) -> Iterator[str]:
    if state is not None:
        yield f"{indent}{what}: {state.size} bytes, {state.digest[:12]}"
