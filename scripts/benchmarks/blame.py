"""Blame: attributions carried over saves, beside reading and comparing the same saves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

from benchmarks.capture import lmms
from benchmarks.figures import Row
from stemproof.blame.carry import carry
from stemproof.blame.held import SessionHeld, first_sight
from stemproof.blame.spans import find_spans
from stemproof.blame.steps import Step
from stemproof.blame.who import HERE_BEFORE, Origin
from stemproof.capture.diff import diff
from stemproof.capture.sessions.model import Session
from stemproof.capture.sessions.registry import read_session

HERE = Origin(1, "2026-01-01T00:00:00.000Z", "unknown", False, HERE_BEFORE)
SAVES = 1000


def measure(quick: bool) -> Iterator[Row]:
    """Time a large session, and a thousand saves of it that each change one thing."""
    data = lmms().before
    began = time.perf_counter()
    session = read_session("Song.mmp", data)
    read = time.perf_counter() - began
    saves = [session, *(_changed(session, number) for number in range(1, SAVES + 1))]
    began = time.perf_counter()
    held = first_sight(session, HERE)
    first = time.perf_counter() - began
    carried = _carry(held, saves)
    began = time.perf_counter()
    for number in range(20):
        diff(saves[number], saves[number + 1])
    compared = (time.perf_counter() - began) / 20
    size = f"{len(data) / 1e6:.1f} MB session"
    yield Row(
        f"blame: everything in a {size} listed once", first * 1000, "ms", read * 1000, "reading it"
    )
    yield Row(
        f"blame: carried over one save of a {size}, mean of {SAVES}",
        carried / SAVES * 1000,
        "ms",
        compared * 1000,
        "comparing the two saves",
    )
    yield Row(
        f"blame: carried over {SAVES} saves of a {size}, reading aside",
        carried,
        "s",
        60.0,
        "limit",
        "<= 1",
    )
    text = "silver rain on a tin roof all the night it fell on me " * (200 if quick else 2000)
    began = time.perf_counter()
    find_spans(text, [text[9:], text[30:]])
    spans = time.perf_counter() - began
    yield Row(
        f"blame: {len(text):,} characters of words against two outputs",
        spans,
        "s",
        5.0,
        "limit",
        "<= 1",
    )


def _carry(held: SessionHeld, saves: list[Session]) -> float:
    began = time.perf_counter()
    for number, save in enumerate(saves[1:], 1):
        held = carry(held, save, Step(number, "session.saved", "", True))
    return time.perf_counter() - began


def _changed(session: Session, number: int) -> Session:
    """Set one fader of the session: what most saves do."""
    place = number % len(session.tracks)
    track = session.tracks[place]
    volume = track.mixer.volume
    if volume is None:
        return replace(session, content_digest=f"{number}")
    mixer = replace(track.mixer, volume=replace(volume, value=str(1 + number % 90)))
    tracks = list(session.tracks)
    tracks[place] = replace(track, mixer=mixer)
    digest = f"{number}"
    return replace(session, tracks=tuple(tracks), digest=digest, content_digest=digest)
