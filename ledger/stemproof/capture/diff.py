"""Two saves of a project compared: what a musician decided between them.

    decisions = diff(read_session("a.rpp", a), read_session("b.rpp", b))

Models are compared, never text. `diff(a, a)` is empty; the cost is linear in the session's size.
A change of the program's version gives one note, `session.upgraded`, and hides what the schema
alone changed: settings that only one version stores, default names, unused busses.
No I/O.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

from .decision import UPGRADED, Change, Decision, Scope, Subject
from .diff_clips import LooseClip, Times, compare_clips, copied_content, report_loose_clips
from .diff_devices import LooseDevice, compare_chain, device_content, report_loose
from .diff_media import report_relinked
from .diff_splits import report_splits
from .diff_takes import compare_takes
from .diff_time import compare_markers, compare_tempo
from .diff_tracks import Names, compare_strip, pair_tracks, scope_of, track_labels
from .findings import Findings
from .identity import is_renewed, without_identities
from .match import Pairing, find_reordered
from .sentences import note_count, plain
from .sessions.model import (
    Clip,
    ClipKind,
    Device,
    Parameter,
    Session,
    Track,
    TrackKind,
)
from .timeline import Timeline

__all__ = ["Decision", "diff"]


def diff(before: Session, after: Session) -> list[Decision]:
    """List the decisions between two saves, and notes about the save among them."""
    if before.content_digest == after.content_digest and before.format == after.format:
        # At most the version's name for itself differs: nothing was changed, nor upgraded.
        return []
    upgraded = (before.application, before.version) != (after.application, after.version)
    if is_renewed(before, after):
        before, after = without_identities(before), without_identities(after)
    return _Comparison(before, after, upgraded=upgraded).run()


class _Comparison:
    """One comparison; what came and went is kept until all tracks are seen."""

    def __init__(self, before: Session, after: Session, *, upgraded: bool) -> None:
        self._before, self._after = before, after
        self._findings = Findings(upgraded=upgraded)
        self._times = Times(Timeline(before.tempo), Timeline(after.tempo))
        self._whole = Subject("Session", "session", Scope.SESSION)
        self._labels = {id(s): track_labels(s.tracks) for s in (before, after)}
        self._names = Names({}, {})
        self._originals: dict[Hashable, Track] = {}
        self._gone: list[LooseClip] = []
        self._come: list[LooseClip] = []
        self._devices_gone: list[LooseDevice] = []
        self._devices_come: list[LooseDevice] = []

    def run(self) -> list[Decision]:
        if self._findings.upgraded:
            self._note_upgrade()
        self._compare_session()
        self._compare_tracks()
        clips = [clip for track in self._before.tracks for clip in track.clips]
        known = frozenset(copied_content(c) for c in clips) | frozenset(c.media for c in clips)
        loose = report_splits(self._findings, self._times, self._gone, self._come)
        report_loose_clips(self._findings, self._times, *loose, known)
        report_loose(self._findings, self._devices_gone, self._devices_come, self._known_devices())
        report_relinked(self._findings, self._whole)
        return self._findings.decisions

    def _note_upgrade(self) -> None:
        names = [f"{s.application} {s.version}".strip() for s in (self._before, self._after)]
        text = f"Session: saved by {plain(names[1])}, before by {plain(names[0])}"
        change = Change(UPGRADED, "application version", text, names[0], names[1])
        self._findings.add(self._whole, change)

    def _compare_session(self) -> None:
        before, after = self._before, self._after
        compare_tempo(self._findings, self._whole, self._times, before.tempo, after.tempo)
        for group, (kind, scope) in _SETTINGS.items():
            one, two = (
                [p for p in s.parameters if _setting_group(p) == group] for s in (before, after)
            )
            pattern = Change(kind, "", "", object_id="session", scope=scope)
            self._findings.compare_parameters(self._whole, one, two, pattern)
        markers = before.markers, after.markers
        compare_markers(self._findings, self._whole, self._times, *markers)
        self._compare_opaque()

    def _compare_opaque(self) -> None:
        """Say that a save changed where the format does not let us see what."""
        one, two = self._before.opaque, self._after.opaque
        if one is None or two is None or one.digest == two.digest:
            return
        sizes = f"{one.size} -> {two.size} bytes" if one.size != two.size else f"{two.size} bytes"
        text = f"Session: changed, but its format does not tell what ({sizes})"
        change = Change("session.changed", "session", text, one.digest[:12], two.digest[:12])
        self._findings.add(self._whole, change)

    def _compare_tracks(self) -> None:
        before, after = self._before.tracks, self._after.tracks
        pairing = pair_tracks(before, after)
        labels = self._labels[id(self._after)]
        self._names = Names(
            {t.identity: label for t, label in zip(after, labels, strict=True) if t.identity},
            {before[i].name: after[j].name for i, j in pairing.pairs if not before[i].identity},
            _followed(before, after, pairing),
        )
        if pairing.added:
            self._originals = {_bare(track): track for track in reversed(before)}
        for index in pairing.removed:
            self._remove_track(index)
        busses = (TrackKind.BUS, TrackKind.MASTER)
        ordered = [
            p
            for p in pairing.pairs
            if before[p[0]].kind not in busses and after[p[1]].kind not in busses
        ]
        reordered = find_reordered(ordered)
        added = set(pairing.added)
        partner = {new: old for old, new in pairing.pairs}
        for index, track in enumerate(after):
            if index in added:
                self._add_track(index)
            elif before[partner[index]] != track or index in reordered:
                self._compare_track(partner[index], index, is_reordered=index in reordered)

    def _subject(self, session: Session, index: int) -> Subject:
        track = session.tracks[index]
        identity = track.identity or f"{track.kind.value}:{index}:{track.name}"
        return Subject(self._labels[id(session)][index], identity, scope_of(track))

    def _compare_track(self, old: int, new: int, *, is_reordered: bool) -> None:
        one, two = self._before.tracks[old], self._after.tracks[new]
        subject = self._subject(self._after, new)
        if is_reordered:
            self._report_order(subject, old, new)
        compare_strip(self._findings, subject, one, two, self._names)
        clips = compare_takes(self._findings, subject, one, two)
        gone, come = compare_clips(self._findings, subject, self._times, *clips)
        self._gone += gone
        self._come += come
        lost, found = compare_chain(self._findings, subject, one.devices, two.devices)
        self._devices_gone += lost
        self._devices_come += found

    def _report_order(self, subject: Subject, old: int, new: int) -> None:
        places = [str(old + 1), str(new + 1)]
        text = f"{subject.label}: track moved from place {places[0]} to {places[1]}"
        if old == new:
            # The others moved around it.
            sides = (self._before, old), (self._after, new)
            labels = [self._labels[id(s)][i - 1] if i else "the first" for s, i in sides]
            places = [f"after {label}" if new else label for label in labels]
            text = f"{subject.label}: track moved from {places[0]} to {places[1]}"
        if places[0] != places[1]:
            change = Change("track.reordered", "order of tracks", text, places[0], places[1])
            self._findings.add(subject, change)

    def _remove_track(self, index: int) -> None:
        track = self._before.tracks[index]
        if self._findings.upgraded and _is_unused_bus(track, self._before):
            return
        subject = self._subject(self._before, index)
        text = f"{subject.label}: track removed{_contents(track)}"
        self._findings.add(subject, Change("track.removed", "track", text, track.name, None))
        # They went with their track; but they may turn up elsewhere.
        self._gone += [LooseClip(subject, clip, is_silent=True) for clip in track.clips]
        self._devices_gone += [LooseDevice(subject, d, is_silent=True) for d in track.devices]

    def _known_devices(self) -> dict[Hashable, Subject]:
        if not self._devices_come:
            return {}
        found = {
            device_content(device): self._subject(self._before, index)
            for index, track in enumerate(self._before.tracks)
            for device in track.devices
        }
        found.pop(None, None)
        return found

    def _add_track(self, index: int) -> None:
        track = self._after.tracks[index]
        if self._findings.upgraded and _is_unused_bus(track, self._after):
            return
        subject = self._subject(self._after, index)
        copied = self._originals.get(_bare(track)) if track.clips or track.devices else None
        if copied is not None:
            text = f"{subject.label}: track copied from {plain(copied.name) or 'another'}"
            change = Change("track.copied", "track", text, None, track.name)
            self._findings.add(subject, change)
            return
        text = f"{subject.label}: track added"
        is_envelope = track.kind is TrackKind.AUTOMATION and len(track.automations) == 1
        if is_envelope:
            # The track is the envelope: one thing was made, not two.
            target = plain(track.automations[0].target) or "unknown target"
            text = f"{subject.label}: automation of {target} added"
        self._findings.add(subject, Change("track.added", "track", text, None, track.name))
        self._come += [LooseClip(subject, clip) for clip in track.clips]
        self._devices_come += [
            LooseDevice(subject, device, is_of_new_track=True) for device in track.devices
        ]
        if not is_envelope:
            self._findings.compare_automations(subject, (), track.automations)


_SETTINGS = {
    "volume": ("session.setting", Scope.MASTER),
    "key": ("session.key", Scope.SESSION),
    "bars": ("session.length", Scope.SESSION),
    "credit": ("session.credit", Scope.SESSION),
    "": ("session.setting", Scope.SESSION),
}
_CREDITS = frozenset(
    {
        *("title", "movement", "artist", "composer", "creator", "lyricist", "poet", "arranger"),
        *("translator", "copyright"),
    }
)


def _setting_group(parameter: Parameter) -> str:
    """Tell the group of a session's setting; tags of the file to be are credits too."""
    if "volume" in parameter.name:
        return "volume"
    if parameter.name in _CREDITS or parameter.name.startswith("tag "):
        return "credit"
    return {"key": "key", "number of bars": "bars"}.get(parameter.name, "")


def _contents(track: Track) -> str:
    clips = sum(1 for c in track.clips if c.kind is not ClipKind.SLOT)
    notes = sum(len(c.notes) for c in track.clips)
    parts = []
    if clips:
        parts.append("1 clip" if clips == 1 else f"{clips} clips")
    if notes:
        parts.append(note_count(notes))
    return f" with {' and '.join(parts)}" if parts else ""


def _is_unused_bus(track: Track, session: Session) -> bool:
    """Tell whether a bus is one of those that old programs always stored, touched by nobody."""
    if track.kind is not TrackKind.BUS or track.devices or track.mixer.mute or track.mixer.solo:
        return False
    volume = track.mixer.volume
    if volume is not None and volume.value != "1":
        return False
    return all(track.name != other.mixer.output for other in session.tracks)


def _followed(
    before: Sequence[Track], after: Sequence[Track], pairing: Pairing
) -> frozenset[tuple[str, str]]:
    """Find busses that play what was just added, renamed or led there, with its name.

    FL Studio names the insert of the mixer after the channel.
    """
    new = {(after[j].mixer.output, after[j].name) for j in pairing.added}
    for i, j in pairing.pairs:
        one, two = before[i], after[j]
        if two.kind is not TrackKind.BUS and (one.name, one.mixer.output) != (
            two.name,
            two.mixer.output,
        ):
            new.add((two.mixer.output, two.name))
    return frozenset(pair for pair in new if all(pair))


def _bare(track: Track) -> Hashable:
    """What a copy of a track has in common with it: all but name, identities and order."""
    return (
        track.kind,
        tuple(_bare_clip(clip) for clip in track.clips),
        tuple(_bare_device(device) for device in track.devices),
        track.mixer.volume,
        track.mixer.pan,
    )


def _bare_clip(clip: Clip) -> Clip:
    takes = tuple(replace(take, identity="") for take in clip.takes)
    return replace(clip, identity="", take="", takes=takes, points=(), devices=())


def _bare_device(device: Device) -> Device:
    return replace(device, identity="", automations=())
