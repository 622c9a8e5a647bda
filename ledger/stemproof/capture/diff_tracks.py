"""Tracks paired and their strips compared: name, folder, level, pan, switches, sends."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

from .decision import Change, Scope, Subject
from .diff_devices import is_fixed_part
from .findings import Findings
from .match import Key, Pairing, pair_alike, pair_things
from .sentences import plain, same_law, shown_change, shown_values
from .sessions.model import Mixer, Parameter, Send, Track, TrackKind, Unit
from .sessions.numbers import is_same_number

_NUMBERED = re.compile(r"(?:Channel|FX|Bus) \d{1,5}")
_PATTERN = re.compile(r"(?:Beat/Bassline|Pattern) (\d{1,5})")
_SCOPES = {TrackKind.BUS: Scope.BUS, TrackKind.MASTER: Scope.MASTER}
_KIND_WORDS = {
    TrackKind.BUS: "bus",
    TrackKind.PATTERN: "pattern",
    TrackKind.AUTOMATION: "automation",
}
_SWITCHES = (
    # attribute, when on, when off
    ("mute", "muted", "unmuted"),
    ("solo", "soloed", "unsoloed"),
    ("phase", "phase inverted", "phase back to normal"),
)


@dataclass(frozen=True, slots=True)
class Names:
    """What tracks are called: by identity, and the later name of each earlier bus.

    `followed` holds busses and the names that the program gave them: those of tracks that were
    added, renamed or led there just now.
    """

    labels: Mapping[str, str]
    renamed: Mapping[str, str]
    followed: frozenset[tuple[str, str]] = frozenset()


def track_labels(tracks: Sequence[Track]) -> list[str]:
    """Name tracks as the musician does, or by place; equal names are told apart.

    A bus, a pattern or an automation that is called like a track says what it is; what is still
    called alike is numbered.
    """
    names = [plain(track.name) or f"Track {index}" for index, track in enumerate(tracks, start=1)]
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for name, track in zip(names, tracks, strict=True):
        kinds[name].add(_KIND_WORDS.get(track.kind, ""))
    names = [
        f"{name} ({_KIND_WORDS[track.kind]})"
        if len(kinds[name]) > 1 and track.kind in _KIND_WORDS
        else name
        for name, track in zip(names, tracks, strict=True)
    ]
    total, seen = Counter(names), Counter[str]()
    labels = []
    for name in names:
        seen[name] += 1
        labels.append(name if total[name] == 1 else f"{name} #{seen[name]}")
    return labels


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
    names: Names,
) -> None:
    """Report what changed of a track besides its clips and devices."""
    is_own_name = (two.identity, two.name) not in names.followed
    if _has_other_name(one, two) and is_own_name and not _is_renumbered(one, two):
        text = (
            f"{plain(one.name) or 'a track without a name'}: track renamed to '{plain(two.name)}'"
        )
        findings.add(subject, Change("track.renamed", "name", text, one.name, two.name))
    if names.renamed.get(one.parent, one.parent) != two.parent:
        folders = [names.labels.get(p, p) or "top level" for p in (one.parent, two.parent)]
        text = f"{subject.label}: track moved from {folders[0]} to {folders[1]}"
        findings.add(subject, Change("track.moved", "folder", text, folders[0], folders[1]))
    _compare_mixer(findings, subject, one.mixer, two.mixer, names)
    pattern = Change("track.setting", "", "", object_id=subject.identity)
    findings.compare_parameters(subject, one.parameters, two.parameters, pattern)
    findings.compare_automations(subject, one.automations, two.automations)


def _has_other_name(one: Track, two: Track) -> bool:
    """Tell whether the musician renamed it: what the program made up follows from other things."""
    if one.own_name is None or two.own_name is None:
        return one.name != two.name
    return one.own_name != two.own_name and one.name != two.name


def _is_renumbered(one: Track, two: Track) -> bool:
    """Tell whether only the name changed that the program itself gives to a bus or a pattern."""
    names = one.name, two.name
    if one.kind is TrackKind.PATTERN:
        # LMMS called patterns so up to 1.2 and calls them patterns since.
        found = [_PATTERN.fullmatch(name) for name in names]
        return all(found) and len({match[1] for match in found if match}) == 1
    return one.kind is TrackKind.BUS and all(_NUMBERED.fullmatch(name) for name in names)


def _compare_mixer(
    findings: Findings, subject: Subject, one: Mixer, two: Mixer, names: Names
) -> None:
    if one == two:
        return
    for name in ("trim", "volume", "pan", "width"):
        old: Parameter | None = getattr(one, name)
        new: Parameter | None = getattr(two, name)
        if old is None or new is None or old.automated or new.automated:
            continue
        old, new = same_law(old, new)
        if is_same_number(old.value, new.value):
            continue
        text = f"{subject.label}: {name} {shown_change(old, new)}"
        change = Change(f"mixer.{name}", name, text, old.value, new.value)
        findings.add(subject, replace(change, shown=shown_values(old, new)))
    for name, on, off in _SWITCHES:
        was, now = getattr(one, name), getattr(two, name)
        if was != now:
            text = f"{subject.label}: {on if now else off}"
            states = ["on" if s else "off" for s in (was, now)]
            findings.add(subject, Change(f"mixer.{name}", name, text, states[0], states[1]))
    before, after = names.renamed.get(one.output, one.output), two.output
    if before != after and not (findings.upgraded and not (before and after)):
        before, after = (names.labels.get(end, end) or "none" for end in (before, after))
        text = f"{subject.label}: output {plain(before)} -> {plain(after)}"
        findings.add(subject, Change("mixer.output", "output", text, before, after))
    _compare_sends(findings, subject, one.sends, two.sends, names)


def _compare_sends(
    findings: Findings,
    subject: Subject,
    before: Sequence[Send],
    after: Sequence[Send],
    names: Names,
) -> None:
    renamed = [replace(send, target=names.renamed.get(send.target, send.target)) for send in before]
    pairing = pair_things(renamed, after, (_send_key,))
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
            if _is_silent(sends[index]):
                continue  # it came or went with its bus
            label = _send_label(sends[index], names)
            text = f"{subject.label}: {label} {verb}"
            ends = (label, None) if verb == "removed" else (None, label)
            findings.add(subject, Change(f"send.{verb}", label, text, ends[0], ends[1]))


def _is_silent(send: Send) -> bool:
    return send.is_fixed and all(p.value == "0" for p in send.parameters if p.unit is Unit.GAIN)


def _send_label(send: Send, names: Names) -> str:
    target = plain(names.labels.get(send.target, send.target))
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


def _same_chain(track: Track) -> Hashable:
    # Programs renumber busses that nobody named: then the effects tell which is which.
    if track.identity or track.kind is not TrackKind.BUS or not track.devices:
        return None
    return tuple(d.name for d in track.devices)


def _named(track: Track) -> Hashable:
    return None if track.identity else (track.name, track.kind, track.parent)


def _content(track: Track) -> Hashable:
    if track.identity or not (track.clips or track.devices):
        return None
    return (track.kind, track.clips, track.devices)


def _master(track: Track) -> Hashable:
    return track.kind if track.kind is TrackKind.MASTER else None


_KEYS: tuple[Key[Track], ...] = (
    _identity,
    _equal,
    _sounds_alike,
    _content,
    _same_chain,
    _named,
    _master,
)


def _instrument(track: Track) -> Hashable:
    return tuple(
        (d.name, tuple(p.value for p in d.parameters if p.name == "sample"))
        for d in track.devices
        if d.role == "instrument" or track.kind is TrackKind.BUS
    )


def _features(track: Track) -> frozenset[Hashable]:
    """What makes a track recognisable under another name; none for those with an identity."""
    if track.identity:
        return frozenset({("identity", track.identity)})
    found: set[Hashable] = {("kind", track.kind), ("parent", track.parent)}
    found |= {("device", d.name) for d in track.devices if not is_fixed_part(d)}
    found |= {("clip", c.kind, c.position, len(c.notes), c.media) for c in track.clips}
    return frozenset(found)
