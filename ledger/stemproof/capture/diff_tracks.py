"""Tracks paired and their strips compared: name, folder, level, pan, switches, sends."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from .decision import Change, Scope, Subject
from .findings import Findings
from .match import Key, Pairing, pair_alike, pair_things
from .sentences import plain, shown_change
from .sessions.model import Mixer, Parameter, Send, Track, TrackKind
from .sessions.numbers import is_same_number

_SCOPES = {TrackKind.BUS: Scope.BUS, TrackKind.MASTER: Scope.MASTER}
_SWITCHES = (
    # attribute, when on, when off
    ("mute", "muted", "unmuted"),
    ("solo", "soloed", "unsoloed"),
    ("phase", "phase inverted", "phase back to normal"),
)


def track_label(track: Track, index: int) -> str:
    """Name a track as the musician does, or by its place."""
    return plain(track.name) or f"Track {index + 1}"


def scope_of(track: Track) -> Scope:
    """Tell track, bus and master apart."""
    return _SCOPES.get(track.kind, Scope.TRACK)


def pair_tracks(before: Sequence[Track], after: Sequence[Track]) -> Pairing:
    """Pair by identity, else by content, name and likeness."""
    return pair_alike(before, after, pair_things(before, after, _KEYS), _features)


def compare_strip(
    findings: Findings,
    subject: Subject,
    one: Track,
    two: Track,
    names: Mapping[str, str],
) -> None:
    """Report what changed of a track besides its clips and devices."""
    if one.name != two.name and not (findings.upgraded and not two.name):
        text = (
            f"{plain(one.name) or 'a track without a name'}: track renamed to '{plain(two.name)}'"
        )
        findings.add(subject, Change("track.renamed", "name", text, one.name, two.name))
    if one.parent != two.parent:
        folders = [names.get(p, p) or "top level" for p in (one.parent, two.parent)]
        text = f"{subject.label}: track moved from {folders[0]} to {folders[1]}"
        findings.add(subject, Change("track.moved", "folder", text, *folders))
    _compare_mixer(findings, subject, one.mixer, two.mixer, names)
    pattern = Change("track.setting", "", "", object_id=subject.identity)
    findings.compare_parameters(subject, one.parameters, two.parameters, pattern)
    findings.compare_automations(subject, one.automations, two.automations)


def _compare_mixer(
    findings: Findings, subject: Subject, one: Mixer, two: Mixer, names: Mapping[str, str]
) -> None:
    if one == two:
        return
    for name in ("volume", "pan", "width"):
        old: Parameter | None = getattr(one, name)
        new: Parameter | None = getattr(two, name)
        if old is None or new is None or is_same_number(old.value, new.value):
            continue
        text = f"{subject.label}: {name} {shown_change(old, new)}"
        findings.add(subject, Change(f"mixer.{name}", name, text, old.value, new.value))
    for name, on, off in _SWITCHES:
        was, now = getattr(one, name), getattr(two, name)
        if was != now:
            text = f"{subject.label}: {on if now else off}"
            states = ["on" if s else "off" for s in (was, now)]
            findings.add(subject, Change(f"mixer.{name}", name, text, *states))
    if one.output != two.output and not (findings.upgraded and not (one.output and two.output)):
        text = f"{subject.label}: output {plain(one.output)} -> {plain(two.output)}"
        findings.add(subject, Change("mixer.output", "output", text, one.output, two.output))
    _compare_sends(findings, subject, one.sends, two.sends, names)


def _compare_sends(
    findings: Findings,
    subject: Subject,
    before: Sequence[Send],
    after: Sequence[Send],
    names: Mapping[str, str],
) -> None:
    pairing = pair_things(before, after, (_send_key,))
    for old, new in pairing.pairs:
        label = _send_label(after[new], names)
        pattern = Change("send.level", label, "")
        findings.compare_parameters(subject, before[old].parameters, after[new].parameters, pattern)
    if findings.upgraded:
        return
    for verb, indices, sends in (
        ("removed", pairing.removed, before),
        ("added", pairing.added, after),
    ):
        for index in indices:
            label = _send_label(sends[index], names)
            text = f"{subject.label}: {label} {verb}"
            ends = (label, None) if verb == "removed" else (None, label)
            findings.add(subject, Change(f"send.{verb}", label, text, *ends))


def _send_label(send: Send, names: Mapping[str, str]) -> str:
    target = plain(names.get(send.target, send.target))
    return f"receive from {target}" if send.incoming else f"send to {target}"


def _send_key(send: Send) -> Hashable:
    return (send.target, send.incoming)


def _identity(track: Track) -> Hashable:
    return track.identity or None


def _equal(track: Track) -> Hashable:
    return None if track.identity else track


def _sounds_alike(track: Track) -> Hashable:
    if track.identity:
        return None
    return (track.name, track.kind, track.parent, _instrument(track))


def _named(track: Track) -> Hashable:
    return None if track.identity else (track.name, track.kind, track.parent)


def _content(track: Track) -> Hashable:
    if track.identity or not (track.clips or track.devices):
        return None
    return (track.kind, track.clips, track.devices)


def _master(track: Track) -> Hashable:
    return track.kind if track.kind is TrackKind.MASTER else None


_KEYS: tuple[Key[Track], ...] = (_identity, _equal, _sounds_alike, _content, _named, _master)


def _instrument(track: Track) -> Hashable:
    return tuple(
        (d.name, tuple(p.value for p in d.parameters if p.name == "sample"))
        for d in track.devices
        if d.role == "instrument"
    )


def _features(track: Track) -> frozenset[Hashable]:
    """What makes a track recognisable under another name; none for those with an identity."""
    if track.identity:
        return frozenset({("identity", track.identity)})
    found: set[Hashable] = {("kind", track.kind), ("parent", track.parent)}
    found |= {("device", d.name) for d in track.devices}
    found |= {("clip", c.kind, c.position, len(c.notes), c.media) for c in track.clips}
    return frozenset(found)
