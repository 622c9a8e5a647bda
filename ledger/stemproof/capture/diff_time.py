"""The frame of a piece compared: tempo, time signatures, markers and regions."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from .decision import Change, Subject
from .diff_clips import Times
from .findings import Findings
from .match import pair_things
from .sentences import plain
from .sessions.model import Marker, TempoPoint
from .sessions.numbers import is_same_number
from .timeline import Timeline, is_same_moment


def compare_tempo(
    findings: Findings,
    whole: Subject,
    times: Times,
    before: Sequence[TempoPoint],
    after: Sequence[TempoPoint],
) -> None:
    """Report another tempo, tempo map or time signature."""
    _compare_metres(findings, whole, times, before, after)
    one, two = _tempo_changes(before), _tempo_changes(after)
    pairs = list(zip(one, two, strict=False))
    if len(one) == len(two) and all(_is_same_tempo(times, *pair) for pair in pairs):
        return
    if len(one) == len(two) == 1:
        tempi = [f"{float(p.bpm):g}" for p in (one[0], two[0])]
        if tempi[0] == tempi[1]:
            tempi = [one[0].bpm, two[0].bpm]
        text = f"Session: tempo {tempi[0]} -> {tempi[1]} bpm"
    else:
        tempi = [f"{len(points)} tempo points" for points in (one, two)]
        text = f"Session: tempo map changed ({tempi[0]} -> {tempi[1]})"
    findings.add(whole, Change("session.tempo", "tempo", text, tempi[0], tempi[1]))


def _compare_metres(
    findings: Findings,
    whole: Subject,
    times: Times,
    before: Sequence[TempoPoint],
    after: Sequence[TempoPoint],
) -> None:
    one, two = _metre_changes(before), _metre_changes(after)
    shown = [", ".join(dict.fromkeys(_metre(p) for p in points)) for points in (one, two)]
    if shown[0] == shown[1]:
        pairs = zip(one, two, strict=False)
        if len(one) == len(two) and all(_is_same_place(times, *pair) for pair in pairs):
            return
        # The same ones at other places.
        lines = times.before, times.after
        shown = [
            ", ".join(f"{_metre(p)} at {line.place(p.at)}" for p in points)
            for points, line in zip((one, two), lines, strict=True)
        ]
    text = f"Session: time signature {plain(shown[0])} -> {plain(shown[1])}"
    change = Change("session.time_signature", "time signature", text, shown[0], shown[1])
    findings.add(whole, change)


def _metre(point: TempoPoint) -> str:
    return f"{point.numerator}/{point.denominator}"


def _metre_changes(points: Sequence[TempoPoint]) -> list[TempoPoint]:
    kept: list[TempoPoint] = []
    for point in points:
        if not kept or _metre(kept[-1]) != _metre(point):
            kept.append(point)
    return kept


def _tempo_changes(points: Sequence[TempoPoint]) -> list[TempoPoint]:
    """Leave out the points where only the time signature changes."""
    kept: list[TempoPoint] = []
    for point in points:
        last = kept[-1] if kept else None
        if last is None or last.ramp or point.ramp or not is_same_number(last.bpm, point.bpm):
            kept.append(point)
    return kept


def _is_same_tempo(times: Times, one: TempoPoint, two: TempoPoint) -> bool:
    ends = is_same_number(one.ramp_to or one.bpm, two.ramp_to or two.bpm)
    is_same = is_same_number(one.bpm, two.bpm) and ends and one.ramp == two.ramp
    return is_same and _is_same_place(times, one, two)


def _is_same_place(times: Times, one: TempoPoint, two: TempoPoint) -> bool:
    return is_same_moment(one.at, times.before, two.at, times.after)


def compare_markers(
    findings: Findings,
    whole: Subject,
    times: Times,
    before: Sequence[Marker],
    after: Sequence[Marker],
) -> None:
    """Report markers and regions that came, went, moved or have another name."""
    if before == after:
        return
    pairing = pair_things(before, after, (_identity, _equal, _place, _name))
    for old, new in pairing.pairs:
        _compare_marker(findings, whole, times, before[old], after[new])
    for index in pairing.removed:
        _mark(findings, whole, "removed", before[index], times.before)
    for index in pairing.added:
        _mark(findings, whole, "added", after[index], times.after)


def _compare_marker(
    findings: Findings, whole: Subject, times: Times, one: Marker, two: Marker
) -> None:
    if one.name != two.name:
        text = f"Session: marker '{plain(one.name)}' renamed to '{plain(two.name)}'"
        change = Change("marker.renamed", "marker", text, one.name, two.name, two.identity)
        findings.add(whole, change)
    if not is_same_moment(one.at, times.before, two.at, times.after):
        places = times.before.place(one.at), times.after.place(two.at)
        text = f"Session: marker '{plain(two.name)}' moved from {places[0]} to {places[1]}"
        change = Change("marker.moved", "marker", text, places[0], places[1], two.identity)
        findings.add(whole, change)
    if one.length is None or two.length is None:
        return
    if not is_same_moment(one.length, times.before, two.length, times.after):
        spans = times.before.span(one.length), times.after.span(two.length)
        text = f"Session: length of region '{plain(two.name)}' {spans[0]} -> {spans[1]}"
        change = Change("marker.resized", "region", text, spans[0], spans[1], two.identity)
        findings.add(whole, change)


def _mark(findings: Findings, whole: Subject, verb: str, marker: Marker, line: Timeline) -> None:
    place = line.place(marker.at)
    kind = "marker" if marker.length is None else "region"
    text = f"Session: {kind} '{plain(marker.name)}' {verb} at {place}"
    ends = (place, None) if verb == "removed" else (None, place)
    change = Change(f"marker.{verb}", kind, text, ends[0], ends[1], marker.identity)
    findings.add(whole, change)


def _identity(marker: Marker) -> Hashable:
    return marker.identity or None


def _equal(marker: Marker) -> Hashable:
    return marker


def _place(marker: Marker) -> Hashable:
    return None if marker.identity else (marker.at, marker.length is None)


def _name(marker: Marker) -> Hashable:
    return None if marker.identity or not marker.name else (marker.name, marker.length is None)
