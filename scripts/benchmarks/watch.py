"""A watch that runs all day: what it costs while idle, and how soon a save is in the log.

Fifty projects of four thousand files each stand for an artist's whole disk. The limit of an
idle watch is a hundredth of one core; a save is to be in the log a second after its file settled.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.figures import Row, workshop
from stemproof.acts.begin import Work, list_works
from stemproof.acts.changes import find_changes
from stemproof.acts.desk import Desk, Look
from stemproof.acts.facts import fact
from stemproof.acts.home import Home, now, opened
from stemproof.acts.survey import survey
from stemproof.keys.device import mark_device
from stemproof.log.store import Log, create_log
from stemproof.testnet import song_reaper
from stemproof.testnet.song_mix import Equaliser, Strip

PROJECTS, FILES, FOLDERS = 50, 4000, 40
"""Of each folder's files one in four is audio; the rest is what programs keep beside it."""
STRIPS, STATE_BYTES = 60, 64_000
"""A song of sixty tracks, each with a plug-in that keeps some samples in its state."""
SAVES = 5


_OF_A_SAVE = re.compile(rb'"action":"session\.(?:found|saved|jumped)"')


def measure(quick: bool) -> Iterator[Row]:
    """Start a real watch over the tree; take its time on the processor, then save and wait."""
    projects = 10 if quick else PROJECTS
    idle_s = 20.0 if quick else 60.0
    with workshop() as folder:
        home = _ledger(folder, projects)
        with _running(home) as process:
            _wait_for_open(home, projects, process)
            # What it read at its beginning is not what it costs all day.
            time.sleep(5)
            if Path("/proc/self/stat").exists():
                before, began = _cpu_s(process.pid), time.monotonic()
                time.sleep(idle_s)
                share = (_cpu_s(process.pid) - before) / (time.monotonic() - began)
                name = f"watch: idle, {projects} projects, {projects * FILES:,} files"
                yield Row(name, 100 * share, "% core", 1, "limit", "<= 1")
            yield _measure_saves(home, folder / "project 7")


def _measure_saves(home: Home, project: Path) -> Row:
    took = []
    for turn in range(SAVES):
        data = _session(volume=1 / (turn + 2))
        path = project / "Song.rpp"
        beside = path.with_suffix(".tmp")
        beside.write_bytes(data)
        before = _saves(home)
        beside.replace(path)
        began = time.monotonic()
        while _saves(home) == before:
            time.sleep(0.03)
            if time.monotonic() - began > 60:
                raise TimeoutError("a save was not recorded within a minute")
        took.append(time.monotonic() - began)
    size = len(_session(volume=1.0)) / 2**20
    median = sorted(took)[len(took) // 2]
    return Row(
        f"watch: REAPER save, {size:.1f} MiB, settled to logged", median, "s", 1, "limit", "<= 1"
    )


def _ledger(folder: Path, projects: int) -> Home:
    home = Home(folder / "home")
    home.make()
    mark_device(home.path)
    with create_log(home.database) as log:
        log.begin(f"stemproof/{bytes(16).hex()}/{bytes(16).hex()}")
    data = _session(volume=1.0)
    for number in range(projects):
        project = folder / f"project {number}"
        _fill(project)
        (project / "Song.rpp").write_bytes(data if number == 7 else _small())
        with opened(home) as log, log.writing():
            # As `work add` does, without looking for unread sessions in a tree of this size.
            work_id = number.to_bytes(16, "big")
            log.run("add_project", work_id, str(project), project.name)
            log.append(work_id, [fact("work.open", now(), {"title": project.name})])
    with opened(home) as log:
        for work in list_works(log):
            _know_audio(log, work)
    return home


def _know_audio(log: Log, work: Work) -> None:
    """Let the ledger know the audio already: hearing it is measured elsewhere."""
    desk = Desk(log, work, Look(moment=now, live=False, bound=lambda: None), {})
    with log.writing():
        for found in find_changes(work.folder, survey(work.folder), {}).audio:
            desk.put(found, b"\x01" * 32, None)


def _fill(project: Path) -> None:
    for number in range(FOLDERS):
        place = project / f"part {number}"
        place.mkdir(parents=True)
        for count in range(FILES // FOLDERS):
            (place / f"{count}.{'wav' if count % 4 == 0 else 'asd'}").touch()


def _session(*, volume: float) -> bytes:
    equaliser = Equaliser(low_db=-1.5)
    strips = [Strip(f"stem {n}", 1.0, 0.0, equaliser) for n in range(STRIPS)]
    strips[0] = Strip("stem 0", volume, 0.0, equaliser)
    text = song_reaper.format_project(strips, length_s=60.0, master=None, saved_at=1767261600)
    first, *rest = text.split(b"      BYPASS 0 0 0\n")
    return first + b"".join(_plugin(place) + part for place, part in enumerate(rest))


def _plugin(place: int) -> bytes:
    """Write a sampler before a track's own effect, with a state as REAPER stores it."""
    state = b64encode(hashlib.shake_256(b"%d" % place).digest(STATE_BYTES))
    lines = [b"        %s\n" % state[start : start + 128] for start in range(0, len(state), 128)]
    return (
        b"      BYPASS 0 0 0\n"
        b'      <VST "VSTi: Sampler (Somebody)" sampler.so 0 "" 1397968466<> ""\n'
        b"%s      >\n      BYPASS 0 0 0\n" % b"".join(lines)
    )


def _small() -> bytes:
    strips = [Strip("stem", 1.0, 0.0, Equaliser(low_db=-1.5))]
    return song_reaper.format_project(strips, length_s=60.0, master=None, saved_at=1767261600)


@contextmanager
def _running(home: Home) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "stemproof_cli", "watch"],
        env={**os.environ, "STEMPROOF_HOME": str(home.path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=60)


def _wait_for_open(home: Home, projects: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 180
    # The session of each project and all its events are in the log before anything is measured.
    while _saves(home) < projects:
        if process.poll() is not None or time.monotonic() > deadline:
            raise TimeoutError("the watch did not open every project within three minutes")
        time.sleep(0.2)


def _saves(home: Home) -> int:
    """Count what was recorded of sessions, without taking the watch's time for it."""
    with opened(home) as log:
        return sum(bool(_OF_A_SAVE.search(entry.header)) for entry in log.entries_after(-1, 10_000))


def _cpu_s(pid: int) -> float:
    """Read what a process took of the processor, where the system tells it in /proc."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
