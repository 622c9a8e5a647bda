"""Readers that other packages bring: found by their entry points, and harmless when broken."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.typed import stemproof

from stemproof.capture.diff import diff
from stemproof.capture.sessions import registry
from stemproof.capture.sessions.brought import brought_formats
from stemproof.capture.sessions.registry import (
    find_format,
    is_session_name,
    known_formats,
    read_session,
)
from stemproof.errors import BadInput

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "readers.md"
MODULE = """
from fractions import Fraction
from hashlib import sha256
from stemproof.capture.sessions.model import Moment, Session, TempoPoint, Track, TrackKind
from stemproof.capture.sessions.registry import Format
from stemproof.errors import BadInput

def read_tiny(data):
    {body}
    names = data.decode("utf-8", "replace").split("\\n")[1:]
    digest = sha256(data).hexdigest()
    return Session(
        format="tiny", application="Tiny", version="1", digest=digest, content_digest=digest,
        size=len(data), tempo=(TempoPoint(Moment(Fraction(0)), "120", 4, 4),),
        tracks=tuple(Track(name, TrackKind.TRACK) for name in names),
    )

FORMAT = Format("tiny", "Tiny", {extensions}, "{module}:read_tiny",
                lambda name, head: {recognises})
"""


def write_package(
    folder: Path,
    module: str = "tiny_reader",
    *,
    body: str = "pass",
    extensions: str = "('.tiny',)",
    recognises: str = "head.startswith(b'TINY')",
    entry: str = "FORMAT",
) -> None:
    """Write a package as an installer leaves it: a module and its dist-info."""
    source = MODULE.format(body=body, extensions=extensions, module=module, recognises=recognises)
    (folder / f"{module}.py").write_text(source)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[stemproof.readers]\n{module} = {module}:{entry}\n")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in which packages count as installed."""
    monkeypatch.syspath_prepend(tmp_path)
    _forget()
    yield tmp_path
    _forget()
    for module in [name for name in sys.modules if name.endswith("tiny_reader")]:
        del sys.modules[module]


def _forget() -> None:
    brought_formats.cache_clear()
    registry._extensions.cache_clear()


def test_a_reader_of_another_package_reads_and_is_compared(place: Path) -> None:
    write_package(place)
    assert is_session_name("song.tiny")
    before = read_session("song.tiny", b"TINY\nDrums")
    after = read_session("song.tiny", b"TINY\nDrums\nBass")
    assert [d.text for d in diff(before, after)] == ["Bass: track added"]
    assert find_format("song.tiny", b"TINY").brought_by == "tiny_reader"


def test_ours_come_first(place: Path) -> None:
    write_package(place, recognises="True")
    rpp = b'<REAPER_PROJECT 0.1 "7.0" 1\n  TEMPO 120 4 4\n>\n'
    assert read_session("song.rpp", rpp).format == "rpp"


def test_a_closed_format_can_be_opened_by_another_package(place: Path) -> None:
    write_package(place, extensions="('.bwproject',)", recognises="head.startswith(b'BtWg')")
    assert read_session("song.bwproject", b"BtWg\nDrums").format == "tiny"


BROKEN = {
    "a module that fails": {"body": "pass\n1/0"},
    "an attribute that is not there": {"entry": "NOTHING"},
    "something else": {"entry": "read_tiny"},
    "an extension without a dot": {"extensions": "('tiny',)"},
    "an extension in capitals": {"extensions": "('.TINY',)"},
    "an extension that is a number": {"extensions": "(5,)"},
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_reader_that_cannot_be_loaded_stands_in_nobodys_way(place: Path, what: str) -> None:
    write_package(place, **BROKEN[what])
    write_package(place, "other_tiny_reader", extensions="('.other',)")
    assert is_session_name("song.other") and not is_session_name("song.tiny")
    assert read_session("song.other", b"TINY\nDrums").format == "tiny"
    (problem,) = brought_formats().problems
    assert "'tiny_reader'" in problem and problem.isprintable()
    with pytest.raises(BadInput) as refused:
        read_session("song.xyz", b"nothing")
    assert "'tiny_reader'" in (refused.value.hint or "")


FAILING = {
    "an error of its own": ("raise KeyError('x\\x1b[2J')", "failed with KeyError"),
    "no end of calls": ("read_tiny(data)", "failed with RecursionError"),
    "something else": ("return 5", "gave a int"),
    "bad input": ("raise BadInput('it has no heart')", "it has no heart"),
}


@pytest.mark.parametrize("what", FAILING)
def test_what_a_reader_raises_is_bad_input(place: Path, what: str) -> None:
    body, want = FAILING[what]
    write_package(place, body=body)
    with pytest.raises(BadInput, match=want) as refused:
        read_session("song.tiny", b"TINY\nDrums")
    assert str(refused.value).isprintable()


def test_a_reader_that_fails_to_recognise_does_not_know_the_file(place: Path) -> None:
    write_package(place, recognises="1 / 0")
    with pytest.raises(BadInput, match="no session of a known format"):
        read_session("song.tiny", b"TINY\nDrums")


def test_an_installed_package_is_found_by_the_command(tmp_path: Path) -> None:
    wheel = tmp_path / "tiny_reader-1.0-py3-none-any.whl"
    built, site = tmp_path / "built", tmp_path / "site"
    built.mkdir()
    write_package(built)
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in sorted(built.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(built).as_posix())
        info = "tiny_reader-1.0.dist-info"
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    # An installer of pure wheels does just this (PyPA, binary distribution format).
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (tmp_path / "song.tiny").write_bytes(b"TINY\nDrums\nBass")
    program = "import sys; sys.path.insert(0, sys.argv.pop(1)); from stemproof_cli.main import run"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}; run()", str(site), "show", "song.tiny"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "song.tiny  Tiny 1" in done.stdout
    assert "2 tracks" in done.stdout


def test_the_package_in_the_guide_works(place: Path) -> None:
    source = GUIDE.read_text("utf-8").split("```python\n")[1].split("```")[0]
    (place / "kern_tiny_reader.py").write_text(textwrap.dedent(source))
    info = place / "stemproof_kern-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stemproof-kern\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[stemproof.readers]\nkern = kern_tiny_reader:FORMAT\n")
    before = read_session("song.krn", b"**kern\n4c\n4.dd#\n8r\n4B-\n*-\n")
    after = read_session("song.krn", b"**kern\n4c\n4.dd#\n8r\n4B-\n2c\n*-\n")
    notes = before.tracks[0].clips[0].notes
    assert [(n.pitch, n.start, n.length) for n in notes] == [
        (60, 0, 960),
        (75, 960, 1440),
        (58, 2880, 960),
    ]
    assert [d.text for d in diff(before, after)] == ["Voice: 1 note added in bar 2"]
    with pytest.raises(BadInput, match="want a note"):
        read_session("song.krn", b"**kern\n4?\n*-\n")


def test_every_format_of_ours_can_be_loaded() -> None:
    for one in known_formats():
        assert callable(one.load())
        assert all(extension == extension.lower() for extension in one.extensions)
    names = [one.name for one in known_formats()]
    assert len(names) == len(set(names))


def test_unused_formats_cost_nothing() -> None:
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, stemproof.capture.sessions.registry\n"
            "print(sorted({'lxml', 'sqlite3', 'mido', 'plistlib', 'rich'} & set(sys.modules)))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "[]"


def test_show_needs_no_ledger(tmp_path: Path) -> None:
    session = tmp_path / "song.rpp"
    session.write_bytes(b'<REAPER_PROJECT 0.1 "7.0" 1\n  TEMPO 96 3 4\n>\n')
    answer = stemproof(tmp_path / "home", "show", str(session))
    assert (answer.code, answer.err) == (0, "")
    assert "96 bpm, 3/4" in answer.out
