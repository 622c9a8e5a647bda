"""Steps: the saves of a session as they were recorded, and which decision told of a value.

A step answers for each value that its save changed: the decision that names it, with that
event's class; else the save itself, with the one class of the decisions that could have told
of it, or `unknown`. A burst of an AI-capable tool stands above the decisions of its device.
No I/O.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from .values import Value
from .who import BURST, RECORDED, SAVE, Origin

NEW_DEVICE = ("device.added", "device.copied", "device.moved")
NEW_TRACK = ("track.added", "track.copied")
NEW_CLIP = ("clip.added", "clip.copied", "take.recorded", "clip.split")
_NEW_NOTES = ("notes.recorded", "notes.added")


@dataclass(frozen=True, slots=True)
class Told:
    """One recorded decision, as its body tells it."""

    event: int
    kind: str
    track: str
    device: str
    what: str
    before: str
    after: str
    object_id: str
    class_: str


@dataclass(frozen=True, slots=True)
class Burst:
    """An AI-capable tool changed many of its settings in one save."""

    event: int
    track: str
    device: str


@dataclass(slots=True)
class Step:
    """One recorded save with its decisions; `live` says whether a watch saw it happen."""

    event: int
    action: str
    time: str
    live: bool
    told: Sequence[Told] = ()
    bursts: Sequence[Burst] = ()
    observed: str = "tool"
    _by_track: dict[str, list[Told]] = field(default_factory=dict, repr=False)
    _burst: dict[tuple[str, str], Burst] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        by_track: defaultdict[str, list[Told]] = defaultdict(list)
        for one in self.told:
            by_track[one.track].append(one)
        self._by_track = dict(by_track)
        self._burst = {(one.track, one.device): one for one in self.bursts}

    def origin(self, found: Sequence[Told]) -> Origin:
        """Name the decision, or the save where there is none or more than one."""
        burst = next((self._burst[p] for one in found if (p := _place(one)) in self._burst), None)
        if burst is not None:
            return Origin(burst.event, self.time, "ai_automated", self.live, BURST, self.observed)
        if len(found) == 1:
            one = found[0]
            return Origin(one.event, self.time, one.class_, self.live, RECORDED, self.observed)
        classes = {one.class_ for one in found}
        class_ = classes.pop() if len(classes) == 1 else "unknown"
        return Origin(self.event, self.time, class_, self.live, SAVE, self.observed)

    def of_track(self, track: str) -> Sequence[Told]:
        """Give the decisions about a track."""
        return self._by_track.get(track, ())

    def of_value(self, track: str, device: str, value: Value) -> Origin | None:
        """Find who changed a value of a track or device; None if no decision tells of it."""
        told = [one for one in self.of_track(track) if not device or one.device == device]
        return self._first(told, value)

    def of_clip(self, track: str, label: str, identity: str, value: Value) -> Origin | None:
        """Find who changed a value of a clip."""
        told = self._of_object(track, identity)
        named = [one for one in told if one.what.startswith(label)] or told
        return self._first(named, value)

    def of_notes(self, track: str, identity: str, what: str) -> Origin | None:
        """Find who changed notes of a clip that was there; `what` names the bars of those."""
        told = [one for one in self._of_object(track, identity) if one.kind.startswith("notes.")]
        exact = [one for one in told if one.what == what] or told
        return self.origin(exact) if exact else None

    def of_signs(self, track: str, kind: str) -> Origin | None:
        """Find who changed words or signs of a clip."""
        told = [one for one in self.of_track(track) if one.kind.startswith(f"{kind}.")]
        return self.origin(told) if told else None

    def of_new_device(self, track: str, device: str, identity: str) -> Origin:
        """Find who brought a device: it came by itself, or with its track."""
        told = [one for one in self.of_track(track) if one.kind in NEW_DEVICE]
        exact = [one for one in told if (identity and one.object_id == identity)]
        exact = exact or [one for one in told if device in (one.what, one.device)]
        return self.origin(exact[:1]) if exact else self.of_new_track(track)

    def of_new_clip(self, track: str, label: str, place: str, identity: str) -> Origin:
        """Find who brought a clip."""
        told = self._of_object(track, identity)
        for kind in (*NEW_CLIP, "clip."):
            fits = [one for one in told if fits_kind(one.kind, kind)]
            named = [one for one in fits if one.what == label] or fits
            exact = [one for one in named if one.after == place] or named
            if exact:
                return self.origin(exact if len(named) == len(exact) else exact[:1])
        return self.of_new_track(track)

    def of_new_notes(self, track: str, identity: str, what: str) -> Origin | None:
        """Find who wrote the notes of a clip that came; None where no decision tells."""
        told = [one for one in self._of_object(track, identity) if one.kind in _NEW_NOTES]
        exact = [one for one in told if one.what == what] or told
        return self.origin(exact) if exact else None

    def of_new_track(self, track: str) -> Origin:
        """Find who brought a track."""
        told = [one for one in self.of_track(track) if one.kind in NEW_TRACK]
        # An envelope that is a track is told as one thing, and some come without a word.
        told = told or [one for one in self.of_track(track) if one.kind == "automation.added"]
        return self.origin(told[:1])

    def _of_object(self, track: str, identity: str) -> Sequence[Told]:
        told = self.of_track(track)
        if identity:
            return [one for one in told if one.object_id == identity] or told
        return told

    def _first(self, told: Sequence[Told], value: Value) -> Origin | None:
        for kind in value.kinds:
            fits = [one for one in told if fits_kind(one.kind, kind)]
            if value.what and kind == value.kinds[0]:
                fits = [one for one in fits if names_value(one.what, value.what)]
            exact = [one for one in fits if one.after == value.shown]
            if fits:
                return self.origin(exact[:1] or fits)
        return None


def fits_kind(kind: str, wanted: str) -> bool:
    """Say whether a decision is of a kind, or of a family of kinds that ends with a dot."""
    return kind.startswith(wanted) if wanted.endswith(".") else kind == wanted


def names_value(what: str, name: str) -> bool:
    """Say whether what a decision is about ends with the name of a value."""
    return what == name or what.endswith(" " + name)


def _place(told: Told) -> tuple[str, str]:
    return told.track, told.device
