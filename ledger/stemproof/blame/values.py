"""The values of a session, thing by thing: what each is called, shows, and is compared by.

`kinds` names the decisions that may tell of a change of it, the most exact first. What
automation set, and what a program's window remembers, is nobody's value. No I/O.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from stemproof.capture.sentences import plain, shown_value
from stemproof.capture.sessions.model import (
    AUDIO_PARAMETER,
    MEDIA_PARAMETER,
    Automation,
    Clip,
    ClipKind,
    Device,
    MediaRef,
    Moment,
    Parameter,
    Send,
    Session,
    Track,
    Unit,
)
from stemproof.capture.sessions.numbers import is_same_number
from stemproof.capture.timeline import Timeline, is_same_moment


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a thing; `what` is the end of what its decisions call it."""

    name: str
    shown: str
    stored: Hashable
    kinds: tuple[str, ...]
    what: str = ""
    automated: bool = False


@dataclass(frozen=True, slots=True)
class Lines:
    """The timelines of the save before and the one after."""

    before: Timeline
    after: Timeline


def is_same(one: Value, two: Value, lines: Lines) -> bool:
    """Say whether a value is as it was, but for rounding and spelling of one program."""
    if one.automated or two.automated or one.stored == two.stored:
        return True
    old, new = one.stored, two.stored
    if isinstance(old, Moment) and isinstance(new, Moment):
        return is_same_moment(old, lines.before, new, lines.after)
    if isinstance(old, MediaRef) and isinstance(new, MediaRef):
        # Another folder, the same file: told as relinked, nothing was chosen.
        if old.content and new.content:
            return old.content == new.content
        return old.file_name.casefold() == new.file_name.casefold()
    return isinstance(old, str) and isinstance(new, str) and is_same_number(old, new)


def session_values(session: Session) -> dict[str, Value]:
    """Give what belongs to no track: tempo, settings, markers."""
    line = Timeline(session.tempo)
    rows = [
        Value(
            f"tempo at {line.place(point.at)}",
            f"{shown_value(point.bpm, Unit.BPM)}, {point.numerator}/{point.denominator}",
            (point.bpm, point.numerator, point.denominator, point.ramp, point.ramp_to),
            ("session.tempo", "session.time_signature"),
        )
        for point in session.tempo
    ]
    kinds = ("session.setting", "session.key", "session.length", "session.credit", "session.")
    rows += [_parameter(p, p.name, kinds) for p in session.parameters]
    rows += [
        Value(f"marker {plain(marker.name)!r}", line.place(marker.at), marker.at, ("marker.",))
        for marker in session.markers
    ]
    if session.opaque is not None:
        whole = session.opaque
        shown = f"{whole.size} bytes, not read"
        rows.append(Value("the whole session", shown, whole.digest, ("session.changed",)))
    return _named(rows)


def track_values(track: Track, names: Mapping[str, str]) -> dict[str, Value]:
    """Give a track's own values: name, strip, sends, settings, envelopes."""
    mixer = track.mixer
    rows = [Value("name", plain(track.name), track.name, ("track.renamed",))]
    if track.parent:
        folder = plain(names.get(track.parent, track.parent))
        rows.append(Value("folder", folder, folder, ("track.moved",)))
    for name in ("trim", "volume", "pan", "width"):
        parameter: Parameter | None = getattr(mixer, name)
        if parameter is not None:
            rows.append(_parameter(parameter, name, (f"mixer.{name}",)))
    rows += [
        Value(name, "on" if getattr(mixer, name) else "off", getattr(mixer, name), (kind,))
        for name, kind in (("mute", "mixer.mute"), ("solo", "mixer.solo"), ("phase", "mixer.phase"))
    ]
    if mixer.output:
        output = plain(names.get(mixer.output, mixer.output))
        rows.append(Value("output", output, output, ("mixer.output",)))
    for send in mixer.sends:
        rows += _send(send, names)
    kinds = ("track.setting", "track.settings")
    rows += [_parameter(p, p.name, kinds) for p in track.parameters]
    rows += _envelopes(track.automations)
    return _named(rows)


def device_values(device: Device) -> dict[str, Value]:
    """Give a device's values: itself, its switch, preset, parameters and opaque state."""
    rows = [
        Value("device", plain(device.name), device.name, ("device.renamed",)),
        Value("on", "on" if device.enabled else "bypassed", device.enabled, ("device.enabled",)),
    ]
    if device.preset:
        rows.append(Value("preset", plain(device.preset), device.preset, ("device.preset",)))
    kinds = ("device.parameter", "device.settings", "device.preset", "device.state")
    rows += [_parameter(p, p.name, kinds) for p in device.parameters]
    if device.state is not None:
        shown = f"{device.state.size} bytes of settings"
        told = ("device.state", "device.parameter", "device.settings", "device.preset")
        rows.append(Value("settings", shown, device.state, told))
    rows += _envelopes(device.automations)
    return _named(rows)


def clip_values(clip: Clip, line: Timeline, place: str) -> dict[str, Value]:
    """Give a clip's own values; notes, words and devices stand beside them."""
    rows = []
    if clip.kind is not ClipKind.SLOT:
        rows += [
            Value("place", place, clip.position, ("clip.moved", "clip.trimmed", "clip.retracked")),
            Value(
                "length",
                line.span(clip.length),
                clip.length,
                ("clip.resized", "clip.trimmed", "clip.split"),
            ),
            Value("mute", "muted" if clip.muted else "playing", clip.muted, ("clip.muted",)),
        ]
        if clip.name:
            rows.append(Value("name", plain(clip.name), clip.name, ("clip.renamed",)))
    if clip.media is not None:
        told = ("clip.media", "clip.take", "take.")
        rows.append(Value("file", plain(clip.media.file_name), clip.media, told))
    if clip.offset.value:
        offset = ("clip.slipped", "clip.trimmed")
        rows.append(Value("start in the source", line.span(clip.offset), clip.offset, offset))
    if clip.controllers is not None:
        shown = f"{clip.controllers.size} events"
        rows.append(Value("controllers", shown, clip.controllers, ("controllers.",)))
    for parameter in clip.parameters:
        if parameter.name == AUDIO_PARAMETER:
            rows.append(Value("audio", "in the session", parameter.value, ("clip.audio",)))
        else:
            rows.append(_parameter(parameter, parameter.name, ("clip.setting", "clip.settings")))
    if len(clip.takes) > 1:
        takes = tuple((take.identity, take.media) for take in clip.takes)
        rows.append(Value("takes", str(len(takes)), takes, ("take.",)))
    rows += _envelopes(clip.points)
    return _named(rows)


def _parameter(parameter: Parameter, name: str, kinds: tuple[str, ...]) -> Value:
    shown = shown_value(parameter.value, parameter.unit)
    stored: Hashable = parameter.value
    if parameter.unit is Unit.DIGEST:
        shown = "set"
    elif parameter.name == MEDIA_PARAMETER:
        stored = MediaRef(parameter.value)
        shown = plain(stored.file_name)
    if parameter.automated:
        shown += " (automated)"
    return Value(plain(name), shown, stored, kinds, name, parameter.automated)


def _send(send: Send, names: Mapping[str, str]) -> Iterator[Value]:
    target = plain(names.get(send.target, send.target))
    label = f"receive from {target}" if send.incoming else f"send to {target}"
    yield Value(label, "there", label, ("send.added",), label)
    for parameter in send.parameters:
        yield _parameter(parameter, f"{label} {parameter.name}", ("send.level", "send.settings"))


def _envelopes(lanes: Iterable[Automation]) -> Iterator[Value]:
    for lane in lanes:
        name = f"automation of {plain(lane.target) or 'unknown target'}"
        count = len(lane.points)
        shown = "1 point" if count == 1 else f"{count} points"
        stored = (lane.points, lane.enabled)
        yield Value(name, shown, stored, ("automation.",), name)


def _named(rows: Sequence[Value]) -> dict[str, Value]:
    """Key values by name; equal names are numbered, so that each value stands once."""
    seen: Counter[str] = Counter()
    found: dict[str, Value] = {}
    for row in rows:
        name = row.name
        seen[name] += 1
        while name in found:
            name = f"{row.name} {seen[row.name]}"
            seen[row.name] += 1
        found[name] = row
    return found
