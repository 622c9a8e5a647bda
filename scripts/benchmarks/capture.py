"""A big session read, compared with the save before, and brought into the log.

Beside reading stands the plainest pass over the same bytes; beside a save stands the time
after which somebody who presses save wonders whether it was seen. Beside a Live set of 37 MB
stands what the standard library takes to build its tree and nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.figures import Row, best_of, peak_mib, seconds, workshop
from benchmarks.live_set import format_set
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
LIVE_TRACKS = 156
"""A Live set of 514,000 elements."""
LIMIT_S, LIMIT_MIB = 2.0, 250
FEW_SAVES = 200


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
    with workshop() as folder:
        yield from _measure_live(folder, turns)
        yield from _measure_growth(turns)
        yield _measure_replay(folder, 1000 if quick else 10_000)


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


def _measure_live(folder: Path, turns: int) -> Iterator[Row]:
    data = format_set(LIVE_TRACKS)
    path = folder / "Big.als"
    path.write_bytes(data)
    elements = data.count(b"<") - data.count(b"</") - 1
    size = f"Live, {len(data) / 1e6:.0f} MB, {elements:,} elements"
    read, tree = best_of(turns, lambda: read_session("Big.als", data), lambda: parse_tree(data))
    yield Row(f"capture: {size}, read", read, "s", LIMIT_S, "limit", "<= 1")
    yield Row(f"capture: {size}, read", read, "s", tree, "ElementTree alone", "<= 0.8")
    ours, theirs = (peak_mib(f"{_LOAD}\n{how}", str(path)) for how in (_READ, _TREE))
    yield Row(f"capture: {size}, memory", ours, "MiB", LIMIT_MIB, "limit", "<= 1")
    yield Row(f"capture: {size}, memory", ours, "MiB", theirs, "ElementTree alone", "<= 0.6")


def parse_tree(data: bytes) -> object:
    """Build the standard library's tree and nothing more."""
    # The set was made here: nobody's bomb is in it.
    from xml.etree import ElementTree

    return ElementTree.fromstring(data)  # noqa: S314


def _measure_growth(turns: int) -> Iterator[Row]:
    """Compare sets of one shape and four sizes apart: the cost is to grow as the size does."""
    small, big = (
        [read_session("a.als", format_set(tracks, louder=n)) for n in (0, tracks)]
        for tracks in (25, 100)
    )
    few, many = best_of(turns, lambda: diff(*small), lambda: diff(*big))
    yield Row("capture: Live, 100 tracks compared", many, "s", 4 * few, "4 x 25 tracks", "<= 1.5")


def _measure_replay(folder: Path, saves: int) -> Row:
    """Read and compare a long history in one process; its memory is to stay where it was."""
    path = folder / "Small.als"
    path.write_bytes(format_set(2))
    many, few = (peak_mib(_REPLAY, str(path), str(count)) for count in (saves, FEW_SAVES))
    name = f"capture: Live, {saves:,} saves replayed, memory"
    return Row(name, many, "MiB", few, f"after {FEW_SAVES}", "<= 1.1")


_LOAD = "import sys; data = open(sys.argv[1], 'rb').read()"
_READ = "from stemproof.capture.sessions.live import read_live; read_live(data)"
_TREE = "from xml.etree import ElementTree; root = ElementTree.fromstring(data)"
_REPLAY = """
import sys
from stemproof.capture.diff import diff
from stemproof.capture.sessions.live import read_live
data = open(sys.argv[1], "rb").read()
before = read_live(data)
for number in range(int(sys.argv[2])):
    level = b'Manual Value="0.%d"' % (number + 1)
    after = read_live(data.replace(b'Manual Value="0.5"', level, 1))
    assert number == 0 or len(diff(before, after)) == 1
    before = after
"""
