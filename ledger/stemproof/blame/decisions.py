"""Attributions from the recorded decisions alone, where the saves themselves are not to be had.

    held = from_decisions(session, steps, first)

The newest decision that names a value set it. Notes and words are told in sums (so many notes
of a clip changed): where several decisions could have set one, none is named and only the class
that they share is told. What no decision names was there before, as far as they tell. No I/O.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import partial

from stemproof.capture.diff_devices import chain_labels
from stemproof.capture.diff_tracks import track_labels
from stemproof.capture.sentences import clip_label, clip_place, plain
from stemproof.capture.sessions.model import Clip, Device, Session, Track
from stemproof.capture.timeline import Timeline

from .held import ClipHeld, Held, SessionHeld, TrackHeld
from .steps import NEW_CLIP, NEW_DEVICE, NEW_TRACK, Step, Told, fits_kind, names_value
from .values import Value, clip_values, device_values, session_values, track_values
from .who import SEVERAL, Origin


def from_decisions(session: Session, steps: Sequence[Step], first: Origin) -> SessionHeld:
    """Attribute everything in a session by the decisions of its saves, oldest first."""
    return _Reader(session, steps, first).run()


Wanted = Callable[[Told], bool]
"""Says whether a decision could have set a value."""


class _Reader:
    """The saves by track, newest first; a renamed track is followed to its earlier name."""

    def __init__(self, session: Session, steps: Sequence[Step], first: Origin) -> None:
        self._session, self._first = session, first
        self._line = Timeline(session.tempo)
        self._by_track: defaultdict[str, list[tuple[int, Step]]] = defaultdict(list)
        for age, step in enumerate(reversed(steps)):
            for track in {one.track for one in step.told}:
                self._by_track[track].append((age, step))

    def run(self) -> SessionHeld:
        session = self._session
        labels = track_labels(session.tracks)
        names = {t.identity: label for t, label in zip(session.tracks, labels, strict=True)}
        told = self._told("Session")
        own = {
            name: self._newest(told, partial(_sets, value))
            for name, value in session_values(session).items()
        }
        tracks = tuple(
            self._track(track, label, names)
            for track, label in zip(session.tracks, labels, strict=True)
        )
        return SessionHeld(session, own, tracks)

    def _track(self, track: Track, label: str, names: dict[str, str]) -> TrackHeld:
        told = self._told(label)
        own = {
            name: self._newest(told, partial(_sets_of_track, value))
            for name, value in track_values(track, names).items()
        }
        titles = chain_labels(track.devices)
        devices = tuple(
            self._device(told, title, device)
            for title, device in zip(titles, track.devices, strict=True)
        )
        labels = Counter(clip_label(clip) for clip in track.clips)
        clips = tuple(self._clip(told, labels, clip) for clip in track.clips)
        return TrackHeld(own, devices, clips)

    def _device(self, told: Sequence[Pair], title: str, device: Device) -> Held:
        def is_new(one: Told) -> bool:
            if one.kind not in NEW_DEVICE:
                return one.kind in NEW_TRACK
            return _is_about(one, device.identity) and title in (one.device, one.what)

        return {
            name: self._newest(told, _either(is_new, partial(_sets_of_device, value, title)))
            for name, value in device_values(device).items()
        }

    def _clip(self, told: Sequence[Pair], labels: Counter[str], clip: Clip) -> ClipHeld:
        place, label = clip_place(clip, self._line), clip_label(clip)

        def is_it(one: Told) -> bool:
            if clip.identity:
                return one.object_id == clip.identity
            return one.what.startswith(label)

        def is_new(one: Told) -> bool:
            return one.kind in NEW_TRACK or (one.kind in NEW_CLIP and is_it(one))

        own = {}
        for name, value in clip_values(clip, self._line, place).items():
            sets = _both(is_it, partial(_sets, value))
            if clip.identity or labels[label] == 1:
                own[name] = self._newest(told, _either(is_new, sets))
            else:
                # Without an identity, clips that are called alike cannot be told apart.
                own[name] = self._only(told, sets, is_new)

        def writes(one: Told) -> bool:
            is_mine = not clip.identity or one.object_id == clip.identity
            return one.kind.startswith("notes.") and is_mine

        notes = self._only(told, writes, is_new) if clip.notes else self._first
        signs = {
            kind: self._only(told, partial(_is_of_family, f"{kind}."), is_new)
            for kind in sorted({sign.kind.value for sign in clip.signs})
        }
        titles = chain_labels(clip.devices)
        return ClipHeld(
            own,
            (notes,) * len(clip.notes),
            tuple(signs[sign.kind.value] for sign in clip.signs),
            tuple(
                self._device(told, title, device)
                for title, device in zip(titles, clip.devices, strict=True)
            ),
        )

    def _newest(self, told: Sequence[Pair], wanted: Wanted) -> Origin:
        return next((step.origin([one]) for step, one in told if wanted(one)), self._first)

    def _only(self, told: Sequence[Pair], changes: Wanted, is_new: Wanted) -> Origin:
        """Name the decision or save if only one can have been it; else what all of them share.

        What a decision counts may be any of a clip's notes, so all of them since the clip came
        can have been it, and so can its coming.
        """
        found: list[Pair] = []
        for step, one in told:
            # Its coming and its notes are told in one save; what is older was another clip's.
            if found and is_new(found[-1][1]) and step is not found[-1][0]:
                break
            if changes(one) or is_new(one):
                found.append((step, one))
        origins = [step.origin([one]) for step, one in found]
        if not found or not is_new(found[-1][1]):
            origins.append(self._first)
        if len(origins) == 1:
            return origins[0]
        if len({step.event for step, _ in found}) == 1 and len(origins) == len(found):
            return found[0][0].origin([one for _, one in found])
        classes, lives = {one.class_ for one in origins}, {one.live for one in origins}
        class_ = classes.pop() if len(classes) == 1 else "unknown"
        return Origin(None, "", class_, lives.pop() if len(lives) == 1 else None, SEVERAL)

    def _told(self, label: str) -> list[Pair]:
        """Give the decisions about a track, newest first, under its earlier names too."""
        found: list[Pair] = []
        age, name = -1, label
        while name:
            earlier = ""
            for at, step in self._by_track.get(name, ()):
                if at <= age:
                    continue
                told = step.of_track(name)
                found += [(step, one) for one in reversed(told)]
                earlier = _earlier_name(told, name)
                if earlier:
                    age = at
                    break
            name = earlier
        return found


Pair = tuple[Step, Told]


def _earlier_name(told: Sequence[Told], label: str) -> str:
    names = [plain(one.before) for one in told if one.kind == "track.renamed"]
    return next((name for name in names if name != label), "")


def _is_about(told: Told, identity: str) -> bool:
    return not identity or told.object_id == identity


def _sets(value: Value, told: Told) -> bool:
    """Say whether a decision names just this value."""
    if value.what:
        return fits_kind(told.kind, value.kinds[0]) and names_value(told.what, value.what)
    return any(fits_kind(told.kind, kind) for kind in value.kinds)


def _sets_of_track(value: Value, told: Told) -> bool:
    return told.kind in NEW_TRACK or (not told.device and _sets(value, told))


def _sets_of_device(value: Value, title: str, told: Told) -> bool:
    return told.device == title and _sets(value, told)


def _is_of_family(family: str, told: Told) -> bool:
    return told.kind.startswith(family)


def _either(one: Wanted, two: Wanted) -> Wanted:
    return lambda told: one(told) or two(told)


def _both(one: Wanted, two: Wanted) -> Wanted:
    return lambda told: one(told) and two(told)
