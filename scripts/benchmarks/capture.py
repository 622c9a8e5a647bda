"""A big session read, compared with the save before, and brought into the log.

Beside reading stands the plainest pass over the same bytes; beside a save stands the time
after which somebody who presses save wonders whether it was seen. Beside a Live set of 37 MB
stands what the standard library takes to build its tree and nothing more.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
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
FEW_TRACKS, SIZES = 16, (1, 2, 4, 8)


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
        yield from _measure_replay(folder, 1000 if quick else 10_000)


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
    [read] = best_of(turns, lambda: read_session("Big.als", data))
    yield Row(f"capture: {size}, read", read, "s", LIMIT_S, "limit", "<= 1")
    busy, tree = _busiest(turns, lambda: read_session("Big.als", data), lambda: parse_tree(data))
    yield Row(f"capture: {size}, processor", busy, "s", tree, "ElementTree alone", "<= 0.8")
    ours, theirs = (peak_mib(f"{_LOAD}\n{how}", str(path)) for how in (_READ, _TREE))
    yield Row(f"capture: {size}, memory", ours, "MiB", LIMIT_MIB, "limit", "<= 1")
    yield Row(f"capture: {size}, memory", ours, "MiB", theirs, "ElementTree alone", "<= 0.6")


def _busiest(turns: int, *actions: Callable[[], object]) -> list[float]:
    """Take the processor's time of actions in turns, which other programs lengthen least."""
    rounds = [[_busy_s(action) for action in actions] for _ in range(turns)]
    return [min(column) for column in zip(*rounds, strict=True)]


def _busy_s(action: Callable[[], object]) -> float:
    begun = time.process_time()
    action()
    return time.process_time() - begun


def parse_tree(data: bytes) -> object:
    """Build the standard library's tree and nothing more."""
    # The set was made here: nobody's bomb is in it.
    from xml.etree import ElementTree

    return ElementTree.fromstring(data)  # noqa: S314


def _measure_growth(turns: int) -> Iterator[Row]:
    """Compare sets of one shape and four sizes: the cost is to grow as the size does."""
    counts = [FEW_TRACKS * times for times in SIZES]
    pairs = [
        [read_session("a.als", format_set(count, louder=louder)) for louder in (0, count)]
        for count in counts
    ]
    costs = _busiest(turns, *(partial(diff, *pair) for pair in pairs))
    for times, cost in zip(SIZES[1:], costs[1:], strict=True):
        name = f"capture: Live, {FEW_TRACKS * times} tracks compared"
        beside = f"{times} x {FEW_TRACKS} tracks"
        yield Row(name, 1000 * cost, "ms", 1000 * times * costs[0], beside, "<= 1.5")


def _measure_replay(folder: Path, saves: int) -> Iterator[Row]:
    """Read and compare a long history in one process; its memory is to stay where it was."""
    path = folder / "Small.als"
    path.write_bytes(format_set(1))
    done = subprocess.run(
        [sys.executable, "-c", _REPLAY, str(path), str(saves)],
        check=True,
        capture_output=True,
        text=True,
    )
    marks = [line.split() for line in done.stdout.splitlines()]
    first = saves // 10
    peaks = {int(count): int(kib) / 1024 for count, _, kib in marks}
    moments = {int(count): float(moment) for count, moment, _ in marks}
    for count in (saves // 2, saves):
        name = f"capture: Live, {count:,} saves replayed, memory"
        yield Row(name, peaks[count], "MiB", peaks[first], f"after {first:,}", "<= 1.05")
    name = f"capture: Live, {saves:,} saves replayed, decisions"
    yield Row(
        name, saves / moments[saves], "/s", first / moments[first], f"the first {first:,}", ">= 0.8"
    )


_LOAD = "import sys; data = open(sys.argv[1], 'rb').read()"
_READ = "from stemproof.capture.sessions.live import read_live; read_live(data)"
_TREE = "from xml.etree import ElementTree; root = ElementTree.fromstring(data)"
_REPLAY = """
import resource, sys, time
from pathlib import Path
from stemproof.capture.diff import diff
from stemproof.capture.sessions.live import read_live

def peak_kib():
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    lines = status.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

data = open(sys.argv[1], "rb").read()
saves = int(sys.argv[2])
before = read_live(data)
for number in range(1, saves + 1):
    level = b'Manual Value="0.%d1"' % number
    after = read_live(data.replace(b'Manual Value="0.5"', level, 1))
    assert len(diff(before, after)) == 1
    before = after
    if number in (saves // 10, saves // 2, saves):
        print(number, time.process_time(), peak_kib())
"""
