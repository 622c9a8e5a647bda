"""Attributions carried from save to save: what a save leaves as it was keeps who set it.

    held = first_sight(session, origin)
    held = carry(held, later, step)

Things are paired as the differ pairs them. A value that is the same is carried; another one is
the save's, by the decision that tells of it. After an upgrade of the program what no decision
tells of is carried too: the program wrote it in another way. Copies bring along who wrote their
notes. What equals the save before is not looked into, so a save costs what changed in it. No I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from stemproof.capture.diff_clips import CLIP_KEYS, copied_content
from stemproof.capture.diff_devices import DEVICE_KEYS, chain_labels
from stemproof.capture.diff_tracks import pair_tracks, track_labels
from stemproof.capture.identity import is_renewed, without_identities
from stemproof.capture.match import pair_things
from stemproof.capture.sentences import clip_label, clip_place, stretch_place
from stemproof.capture.sessions.model import Clip, Device, Note, Session, Track
from stemproof.capture.timeline import Timeline

from .held import ClipHeld, Held, SessionHeld, TrackHeld, names_of, whole_clip
from .loose import Loose, clip_keys, device_keys, parallel, pool_of, scaled
from .steps import Step
from .values import Lines, Value, clip_values, device_values, is_same, session_values, track_values
from .who import NOT_RECORDED, Origin


def carry(held: SessionHeld, after: Session, step: Step | None) -> SessionHeld:
    """Carry attributions over one save; without a step the change was not recorded yet."""
    if held.session.content_digest == after.content_digest and held.session.format == after.format:
        return held if held.session.digest == after.digest else _same_content(held, after)
    return _Carrier(held, after, step).run()


def _same_content(held: SessionHeld, after: Session) -> SessionHeld:
    """Keep all where only the spelling differs: attributes in another order."""
    return held if held.session.tracks == after.tracks else _Carrier(held, after, None).run()


@dataclass(frozen=True, slots=True)
class _Place:
    """A track on both sides of a save."""

    label: str
    names: Mapping[str, str]
    names_before: Mapping[str, str]


class _Carrier:
    """One save; clips and devices that left a track are kept until all tracks are seen."""

    def __init__(self, held: SessionHeld, after: Session, step: Step | None) -> None:
        self._held, self._after, self._step = held, after, step
        before = held.session
        self._one, self._two = before, after
        if is_renewed(before, after):
            self._one, self._two = without_identities(before), without_identities(after)
        self._lines = Lines(Timeline(before.tempo), Timeline(after.tempo))
        self._is_upgrade = (before.application, before.version) != (
            after.application,
            after.version,
        )
        self._names = names_of(self._two)
        self._names_before = names_of(self._one)
        self._loose_clips = Loose[Clip, ClipHeld]()
        self._loose_devices = Loose[Device, Held]()
        self._known: dict[Hashable, ClipHeld] | None = None

    def run(self) -> SessionHeld:
        pairing = pair_tracks(self._one.tracks, self._two.tracks)
        partner = {new: old for old, new in pairing.pairs}
        labels = track_labels(self._two.tracks)
        for old in pairing.removed:
            self._loosen_track(self._one.tracks[old], self._held.tracks[old])
        for new, track in enumerate(self._two.tracks):
            place = partner.get(new)
            if place is not None and self._one.tracks[place] != track:
                self._note_gone(place, track)
        tracks = []
        for new, track in enumerate(self._two.tracks):
            at = partner.get(new)
            where = _Place(labels[new], self._names, self._names_before)
            if at is None:
                tracks.append(self._new_track(track, where))
            elif self._one.tracks[at] == track:
                tracks.append(self._held.tracks[at])
            else:
                tracks.append(self._track(at, track, where))
        own = self._values(
            session_values(self._one),
            self._held.own,
            session_values(self._two),
            lambda value: self._ask(lambda step: step.of_value("Session", "", value)),
        )
        return SessionHeld(self._after, own, tuple(tracks))

    def _note_gone(self, place: int, track: Track) -> None:
        """Keep what leaves a track that stays: it may turn up on another one."""
        old, held = self._one.tracks[place], self._held.tracks[place]
        if old.clips != track.clips:
            for index in pair_things(old.clips, track.clips, CLIP_KEYS).removed:
                clip = old.clips[index]
                self._loose_clips.add(clip_keys(clip), clip, held.clips[index])
        if old.devices != track.devices:
            for index in pair_things(old.devices, track.devices, DEVICE_KEYS).removed:
                device = old.devices[index]
                self._loose_devices.add(device_keys(device), device, held.devices[index])

    def _loosen_track(self, track: Track, held: TrackHeld) -> None:
        for clip, one in zip(track.clips, held.clips, strict=True):
            self._loose_clips.add(clip_keys(clip), clip, one)
        for device, two in zip(track.devices, held.devices, strict=True):
            self._loose_devices.add(device_keys(device), device, two)

    def _original(self, clip: Clip) -> ClipHeld | None:
        """Find what a clip that came is a copy of: what plays the same in the save before."""
        if self._known is None:
            self._known = {}
            for track, held in zip(self._one.tracks, self._held.tracks, strict=True):
                for old, one in zip(track.clips, held.clips, strict=True):
                    content = copied_content(old) if old.notes else None
                    if content is not None:
                        self._known.setdefault(content, one)
        return self._known.get(copied_content(clip))

    def _track(self, at: int, track: Track, where: _Place) -> TrackHeld:
        old, held = self._one.tracks[at], self._held.tracks[at]
        own = self._values(
            track_values(old, where.names_before),
            held.own,
            track_values(track, where.names),
            lambda value: self._ask(lambda step: step.of_value(where.label, "", value)),
        )
        devices = self._devices(where, old.devices, held.devices, track.devices)
        return TrackHeld(own, devices, self._clips(where, old, held, track))

    def _new_track(self, track: Track, where: _Place) -> TrackHeld:
        origin = self._brought(lambda step: step.of_new_track(where.label))
        own = dict.fromkeys(track_values(track, where.names), origin)
        labels = chain_labels(track.devices)
        devices = tuple(
            self._new_device(where.label, labels[n], device)
            for n, device in enumerate(track.devices)
        )
        return TrackHeld(own, devices, tuple(self._new_clip(where, clip) for clip in track.clips))

    def _devices(
        self,
        where: _Place,
        before: Sequence[Device],
        held: Sequence[Held],
        after: Sequence[Device],
    ) -> tuple[Held, ...]:
        if before == after:
            return tuple(held)
        partner = {new: old for old, new in pair_things(before, after, DEVICE_KEYS).pairs}
        labels = chain_labels(after)
        found = []
        for new, device in enumerate(after):
            at = partner.get(new)
            if at is None:
                found.append(self._new_device(where.label, labels[new], device))
            else:
                found.append(self._device((where.label, labels[new]), before[at], held[at], device))
        return tuple(found)

    def _device(self, where: tuple[str, str], old: Device, held: Held, new: Device) -> Held:
        if old == new:
            return held
        return self._values(
            device_values(old),
            held,
            device_values(new),
            lambda value: self._ask(lambda step: step.of_value(*where, value)),
        )

    def _new_device(self, track: str, label: str, device: Device) -> Held:
        origin = self._brought(lambda step: step.of_new_device(track, label, device.identity))
        if loose := self._loose_devices.take(device_keys(device)):
            # It went from one chain to another: its settings went with it.
            return {**self._device((track, label), *loose, device), "device": origin}
        return dict.fromkeys(device_values(device), origin)

    def _clips(
        self, where: _Place, old: Track, held: TrackHeld, track: Track
    ) -> tuple[ClipHeld, ...]:
        if old.clips == track.clips:
            return held.clips
        partner = {new: at for at, new in pair_things(old.clips, track.clips, CLIP_KEYS).pairs}
        found = []
        for new, clip in enumerate(track.clips):
            at = partner.get(new)
            if at is None:
                found.append(self._new_clip(where, clip))
            elif old.clips[at] == clip:
                found.append(held.clips[at])
            else:
                found.append(self._clip(where, old.clips[at], held.clips[at], clip))
        return tuple(found)

    def _clip(self, where: _Place, old: Clip, held: ClipHeld, clip: Clip) -> ClipHeld:
        label, lines = clip_label(clip), self._lines
        places = clip_place(old, lines.before), clip_place(clip, lines.after)
        own = self._values(
            clip_values(old, lines.before, places[0]),
            held.own,
            clip_values(clip, lines.after, places[1]),
            lambda value: self._ask(
                lambda step: step.of_clip(where.label, label, clip.identity, value)
            ),
        )
        if old.slot != clip.slot and "place" in own:
            place = clip_values(clip, lines.after, places[1])["place"]
            moved = self._ask(lambda step: step.of_clip(where.label, label, clip.identity, place))
            own = {**own, "place": moved or own["place"]}
        devices = self._devices(where, old.devices, held.devices, clip.devices)
        return ClipHeld(
            own, self._notes(where, old, held, clip), self._signs(where, old, held, clip), devices
        )

    def _notes(self, where: _Place, old: Clip, held: ClipHeld, clip: Clip) -> tuple[Origin, ...]:
        if old.notes == clip.notes and old.ppq == clip.ppq:
            return held.notes
        before = scaled(old.notes, old.ppq, clip.ppq)
        known = set(before)
        what = _told_notes([note for note in clip.notes if note not in known], clip, self._lines)
        changed = self._ask(lambda step: step.of_notes(where.label, clip.identity, what))
        return parallel(before, held.notes, clip.notes, self._or_save(changed))

    def _signs(self, where: _Place, old: Clip, held: ClipHeld, clip: Clip) -> tuple[Origin, ...]:
        if old.signs == clip.signs:
            return held.signs
        found: list[Origin] = []
        kinds = {sign.kind for sign in clip.signs}
        changed = {
            kind: self._or_save(
                self._ask(partial(Step.of_signs, track=where.label, kind=kind.value))
            )
            for kind in kinds
        }
        pool = pool_of(old.signs, held.signs)
        for sign in clip.signs:
            origins = pool.get(sign)
            found.append(origins.pop(0) if origins else changed[sign.kind])
        return tuple(found)

    def _new_clip(self, where: _Place, clip: Clip) -> ClipHeld:
        place = clip_place(clip, self._lines.after)
        label, identity = clip_label(clip), clip.identity
        come = self._brought(lambda step: step.of_new_clip(where.label, label, place, identity))
        if loose := self._loose_clips.take(clip_keys(clip)):
            moved = self._clip(where, *loose, clip)
            # A pattern's cells have no place of their own.
            place_held = {"place": come} if "place" in moved.own else {}
            return replace(moved, own={**moved.own, **place_held})
        new = whole_clip(clip, self._lines.after, come)
        if not clip.notes:
            return new
        original = self._original(clip)
        if original is not None and len(original.notes) == len(clip.notes):
            return replace(new, notes=original.notes)
        what = _told_notes(clip.notes, clip, self._lines)
        notes = self._ask(lambda step: step.of_new_notes(where.label, identity, what)) or come
        return replace(new, notes=(notes,) * len(clip.notes))

    def _values(
        self,
        before: Mapping[str, Value],
        held: Held,
        after: Mapping[str, Value],
        ask: Callable[[Value], Origin | None],
    ) -> Held:
        found: dict[str, Origin] = {}
        for name, value in after.items():
            old = before.get(name)
            if old is not None and name in held and is_same(old, value, self._lines):
                found[name] = held[name]
                continue
            changed = ask(value)
            if changed is None and self._is_upgrade:
                # Written in another way, or stored for the first time: as its thing, or as it was.
                changed = held.get(name) or next(iter(held.values()), None)
            found[name] = self._or_save(changed)
        return found

    def _ask(self, ask: Callable[[Step], Origin | None]) -> Origin | None:
        return NOT_RECORDED if self._step is None else ask(self._step)

    def _brought(self, ask: Callable[[Step], Origin]) -> Origin:
        return NOT_RECORDED if self._step is None else ask(self._step)

    def _or_save(self, origin: Origin | None) -> Origin:
        """Fall back on the save: something changed that no decision tells of."""
        if origin is not None:
            return origin
        return NOT_RECORDED if self._step is None else self._step.origin(())


def _told_notes(notes: Sequence[Note], clip: Clip, lines: Lines) -> str:
    """Name the bars of notes as a decision about them does."""
    starts = [note.start for note in notes]
    return f"notes in {stretch_place(starts, clip, lines.after)}" if starts else ""
