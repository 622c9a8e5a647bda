"""A big session read, compared with the save before, and brought into the log.

Beside reading stands the plainest pass over the same bytes; beside a save stands the time
after which somebody who presses save wonders whether it was seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.figures import Row, best_of, seconds, workshop
from stemproof.acts.begin import add_work
from stemproof.acts.home import Home, now, opened
from stemproof.acts.observe import Look, observe
from stemproof.capture.diff import diff
from stemproof.capture.sessions.registry import read_session
from stemproof.log.store import create_log
from stemproof.testnet import song_lmms, song_reaper
from stemproof.testnet.song_lmms import Voice
from stemproof.testnet.song_mix import Equaliser, Strip
from stemproof.testnet.song_score import Note

TRACKS = 200
CHANGED = 50
"""Faders that one save moves: a busy quarter of an hour."""


@dataclass(frozen=True, slots=True)
class Save:
    """A big project, and the same one with some faders moved."""

    name: str
    before: bytes
    after: bytes
    scan: Callable[[bytes], object]
    scan_name: str


def measure(quick: bool) -> Iterator[Row]:
    """Read, compare and record a big LMMS project and a big REAPER session."""
    turns = 2 if quick else 7
    for save in (lmms(), reaper()):
        size = f"{TRACKS} tracks, {len(save.after) / 2**20:.1f} MiB"
        yield from _measure_reading(save, size, turns)
        with workshop() as folder:
            yield from _measure_recording(save, folder)


def lmms() -> Save:
    """Make a project of many tracks with 250 notes each."""
    notes = tuple(Note(12 * n, 12, 40 + n * 7 % 40, 100) for n in range(250))
    voices = [Voice(f"Voice {n}", "kicker", {}, 80, 0, notes, {}) for n in range(TRACKS)]
    moved = [replace(voice, volume=60) for voice in voices[:CHANGED]]
    return Save(
        "LMMS",
        song_lmms.format_project(120, voices),
        song_lmms.format_project(120, moved + voices[CHANGED:]),
        parse_bare,
        "lxml alone",
    )


def reaper() -> Save:
    """Make a session of many tracks with a take and an equaliser each."""
    strips = [Strip(f"stem {n}", 1.0, 0.0, Equaliser(low_db=-1.5)) for n in range(TRACKS)]
    moved = [replace(strip, volume=0.5) for strip in strips[:CHANGED]]

    def form(tracks: list[Strip]) -> bytes:
        return song_reaper.format_project(tracks, length_s=60.0, master=None, saved_at=1767261600)

    return Save(
        "REAPER", form(strips), form(moved + strips[CHANGED:]), split_bare, "lines split at blanks"
    )


def parse_bare(data: bytes) -> object:
    """Build the tree and nothing more."""
    from lxml import etree

    return etree.fromstring(data, etree.XMLParser(resolve_entities=False, huge_tree=True))


def split_bare(data: bytes) -> object:
    """Cut the text into lines, and each line into words."""
    return [line.split() for line in data.decode().splitlines()]


def _measure_reading(save: Save, size: str, turns: int) -> Iterator[Row]:
    path = f"Big.{'mmp' if save.name == 'LMMS' else 'rpp'}"
    read, bare = best_of(
        turns, lambda: read_session(path, save.after), lambda: save.scan(save.after)
    )
    yield Row(f"capture: {save.name}, {size}, read", read, "s", bare, save.scan_name)
    one, two = read_session(path, save.before), read_session(path, save.after)
    found = diff(one, two)
    if len(found) != CHANGED:
        raise ValueError(f"{len(found)} decisions were found, {CHANGED} made")
    [compared] = best_of(turns, lambda: diff(one, two))
    yield Row(f"capture: {save.name}, compared", compared, "s", read, "reading it", "<= 1")


def _measure_recording(save: Save, folder: Path) -> Iterator[Row]:
    home, song = Home(folder / "home"), folder / "song"
    song.mkdir()
    path = song / f"Big.{'mmp' if save.name == 'LMMS' else 'rpp'}"
    home.make()
    # Recording needs no key, so none is made.
    with create_log(home.database) as log:
        log.begin(f"stemproof/{bytes(16).hex()}/{bytes(16).hex()}")
    work = add_work(home, song, "Figures", now())
    look = Look(moment=now, live=True, bound=lambda: None)
    path.write_bytes(save.before)
    with opened(home) as log:
        observe(log, work, look)
        path.write_bytes(save.after)
        begun = log.size
        taken = seconds(lambda: observe(log, work, look))
        events = log.size - begun
    if events < CHANGED:
        raise ValueError(f"{events} events were recorded, want {CHANGED} and more")
    name = f"capture: {save.name}, save to {events} durable events"
    yield Row(name, taken, "s", 3, "limit", "<= 1")
