"""What one save tells of the AI-capable tools in it: present, changed, or a burst.

    present   the tool's device stands in the session
    changed   its state differs from the save before: a person or the tool did that
    burst     so many of its parameters changed in one save that hands are unlikely; inferred

That a tool is present says nothing of its use. How many are many is in the rules
(`capture/rules.json`, `burst`). A preset that was loaded sets many at once and is no burst.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stemproof.capture.diff_devices import chain_labels
from stemproof.capture.diff_tracks import track_labels
from stemproof.capture.rules import burst_size

if TYPE_CHECKING:
    from stemproof.capture.decision import Decision
    from stemproof.capture.sessions.model import Device, Session

    from .catalogue import Catalogue, Match

Place = tuple[str, str]
"""A track and a device on it, by the labels that decisions have."""

_PARAMETER: Final = "device.parameter"
_PRESET: Final = "device.preset"
_STATE: Final = frozenset({_PARAMETER, _PRESET, "device.settings", "device.state"})
_ORDER: Final = {"present": 0, "changed": 1, "burst": 2}


@dataclass(frozen=True, slots=True)
class Found:
    """An AI-capable tool at its place in a session."""

    place: Place
    match: Match


@dataclass(frozen=True, slots=True)
class Sign:
    """What a save tells of one tool; `count` is how many of its parameters changed."""

    grade: str
    track: str
    device: str
    match: Match
    count: int = 0


@dataclass(frozen=True, slots=True)
class Graded:
    """The signs of a save, and for each of its decisions the grade of the device it is about."""

    signs: tuple[Sign, ...]
    grades: tuple[str, ...]


def find_tools(session: Session, catalogue: Catalogue) -> Iterator[Found]:
    """Find the devices of a session that the catalogue knows as AI-capable."""
    for place, device in devices_of(session):
        match = catalogue.match(device)
        if match is not None and match.tool.is_ai_capable:
            yield Found(place, match)


def devices_of(session: Session) -> Iterator[tuple[Place, Device]]:
    """Give every device with its place, those on clips included."""
    for label, chain in _chains(session):
        for name, device in zip(chain_labels(chain), chain, strict=True):
            yield (label, name), device


def grade_save(
    before: Session | None,
    after: Session,
    decisions: Sequence[Decision],
    catalogue: Catalogue,
) -> Graded:
    """Grade the tools of a save by its decisions; one that the save before had is not new."""
    tools = _by_place(after, catalogue)
    known = {} if before is None else _by_place(before, catalogue)
    signs = [
        Sign("present", *place, match)
        for place, match in tools.items()
        if place not in known or known[place].tool.id != match.tool.id
    ]
    at = [_place_of(decision, tools, known, catalogue) for decision in decisions]
    changes: defaultdict[Place, list[Decision]] = defaultdict(list)
    for decision, found in zip(decisions, at, strict=True):
        if found is not None and decision.kind in _STATE:
            changes[found.place].append(decision)
    grade = {place: "present" for place in (found.place for found in at if found is not None)}
    matches = {found.place: found.match for found in at if found is not None}
    for place, told in changes.items():
        count = sum(decision.kind == _PARAMETER for decision in told)
        is_preset = any(decision.kind == _PRESET for decision in told)
        grade[place] = "burst" if count >= burst_size() and not is_preset else "changed"
        signs.append(Sign(grade[place], *place, matches[place], count))
    return Graded(
        tuple(sorted(signs, key=lambda sign: _ORDER[sign.grade])),
        tuple("none" if found is None else grade[found.place] for found in at),
    )


def _by_place(session: Session, catalogue: Catalogue) -> dict[Place, Match]:
    return {found.place: found.match for found in find_tools(session, catalogue)}


def _chains(session: Session) -> Iterator[tuple[str, Sequence[Device]]]:
    for label, track in zip(track_labels(session.tracks), session.tracks, strict=True):
        yield label, track.devices
        for clip in track.clips:
            if clip.devices:
                yield label, clip.devices


def _place_of(
    decision: Decision,
    tools: dict[Place, Match],
    known: dict[Place, Match],
    catalogue: Catalogue,
) -> Found | None:
    """Find the tool that a decision is about: by its place, else by its ids."""
    if not decision.device:
        return None
    place = (decision.track, decision.device)
    match = tools.get(place) or known.get(place) or catalogue.match_ids(decision.devices)
    if match is None or not match.tool.is_ai_capable:
        return None
    return Found(place, match)
