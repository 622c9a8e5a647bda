"""Facts about real Live sets that nobody on this project made (corpus README)."""

from __future__ import annotations

import gzip
import os
from collections import Counter
from pathlib import Path

import pytest

from stemproof.capture.diff import diff
from stemproof.capture.sessions.model import Session
from stemproof.capture.sessions.registry import read_session
from stemproof.errors import BadInput

HERE = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("STEMPROOF_CORPUS", HERE.parent / "shared" / "corpus"))
SETS = CORPUS / "sessions" / "als"

pytestmark = pytest.mark.skipif(not SETS.is_dir(), reason="the corpus is not on this machine")


def load(path: Path) -> Session:
    data = path.read_bytes()
    # Upstream keeps these as plain XML: the .gz is the corpus's own.
    plain = gzip.decompress(data) if path.suffix == ".gz" else data
    return read_session(path.name.removesuffix(".gz"), plain)


def one(pattern: str) -> Session:
    (path,) = SETS.glob(f"*/{pattern}")
    return load(path)


def test_extra_toms_are_sixteen_notes_and_nothing_else() -> None:
    (decision,) = diff(one("02_*"), one("03_*"))
    assert (decision.kind, decision.count, decision.track) == (
        "notes.added",
        16,
        "1-Kit-Core Chromatone",
    )


def test_the_bassline_comes_with_its_notes_and_two_empty_tracks_go() -> None:
    # By text 17 notes came and 3 went: one of each is one note, whose time of
    # 0.98426235223110226 was written anew as 0.984262352231102255.
    decisions = diff(one("01_2016*"), one("02_*"))
    notes = Counter[str]()
    for decision in decisions:
        notes[decision.kind] += decision.count
    assert (notes["notes.added"], notes["notes.removed"]) == (16, 2)
    gone = [d.track for d in decisions if d.kind == "track.removed"]
    assert gone == ["4-Audio", "5-Audio"]
    assert {d.track for d in decisions if d.kind == "device.added"} == {"Bass", "Main"}


FILES = sorted(p for p in SETS.glob("*/*") if p.suffix != ".tsv") if SETS.is_dir() else []


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name[14:50])
def test_every_set_is_read_completely(path: Path) -> None:
    session = load(path)
    assert session.application == "Ableton Live"
    assert session.unread == ()
    assert session.tracks[-1].name == "Main"
    assert all(track.name for track in session.tracks)
    assert diff(session, session) == []


@pytest.mark.parametrize(
    ("pattern", "version", "tracks", "markers", "tempi"),
    [
        ("*live8-patch*", "8.1.4", 20, ["b", "c"], 3),
        ("*live9-patch*", "9.7.1", 28, ["Live9Marker", "Live9Marker2", "Live9Marker3"], 1),
        ("01_2020*_automation.als", "10.1.7", 2, ["A", "B", "D", "C", "Z", "E"], 4),
        ("*L12-automation.als", "12.0b16", 2, ["A", "B", "D", "C", "Z", "E"], 4),
        ("*L12-automation-intense-*", "12.0b16", 2, ["A", "X", "B", "D", "C", "Z"], 19),
    ],
)
def test_versions_tracks_markers_and_tempo_are_as_in_the_program(
    pattern: str, version: str, tracks: int, markers: list[str], tempi: int
) -> None:
    session = one(pattern)
    assert session.version == version
    assert len(session.tracks) == tracks
    assert [m.name for m in session.markers][: len(markers)] == markers
    assert len(session.tempo) == tempi


def test_one_set_saved_by_live_10_and_12_was_upgraded_and_nothing_else() -> None:
    for name in ("automation.als", "automation-intense-unaligned.als"):
        decisions = diff(one(f"01_2020*_{name}"), one(f"*L12-{name}"))
        assert [d.kind for d in decisions if d.kind != "session.setting"] == ["session.upgraded"]


def test_automation_of_live_9_moves_what_it_is_named_after() -> None:
    session = one("*live9-patch*")
    found = {(t.name, a.target, len(a.points)) for t in session.tracks for a in t.automations}
    assert ("strings", "volume", 16) in found and ("strings", "send B", 10) in found
    plugins = {d.name for t in session.tracks for d in t.devices if d.vendor == "FabFilter"}
    assert plugins == {"FF Saturn", "FF Pro-Q 2", "FF Pro-L"}


@pytest.mark.parametrize("pattern", ["*L12-automation.als", "*example-120.als"])
def test_a_real_set_cut_anywhere_is_refused(pattern: str) -> None:
    (path,) = SETS.glob(f"*/{pattern}")
    data = path.read_bytes()
    xml = gzip.decompress(data).rstrip()
    for whole, step in ((data, 100), (xml, 1000)):
        for end in range(0, len(whole), step):
            with pytest.raises(BadInput):
                read_session(path.name, whole[:end])
