"""show: on a terminal, piped and as JSON; whatever the session says, it steers nothing."""

from __future__ import annotations

import gzip
import json
import os
import re
import zipfile
from pathlib import Path

import pytest
from rich.cells import cell_len
from tests.capture.aup3_maker import Band, make_project
from tests.cli import typed
from tests.cli.typed import at_terminal, stemproof

from stemproof.acts.showing import show_session

HERE = Path(__file__).parents[1]
FIXTURES = HERE / "capture" / "fixtures"
CORPUS = Path(os.environ.get("STEMPROOF_CORPUS", HERE.parents[1] / "shared" / "corpus"))
needs_flp = pytest.mark.skipif(
    not (CORPUS / "sessions/flp").is_dir(), reason="the corpus is not on this machine"
)
CODES = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the terminal have eighty columns."""
    usual = typed._environment
    monkeypatch.setattr(typed, "_environment", lambda home: {**usual(home), "COLUMNS": "80"})


PROJECT = """<REAPER_PROJECT 0.1 "7.0" 1
  TEMPO 96 3 4
  <TRACK {1}
    NAME "Lead Vox"
    VOLPAN 0.5 -0.25 -1 -1 1
    <ITEM
      POSITION 1
      LENGTH 2
      IGUID {2}
      <SOURCE WAVE
        FILE "%s"
      >
    >
    <FXCHAIN
      BYPASS 0 0 0
      <VST "VST3: Some EQ (Somebody)" SomeEQ.vst3 0 "" 123{0123456789ABCDEF0123456789ABCDEF} ""
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
      >
      FXID {3}
      WAK 0 0
    >
  >
>
"""


def project(folder: Path, media: str = "audio/take.wav", name: str = "Lead Vox") -> Path:
    path = folder / "song.rpp"
    path.write_text(PROJECT.replace("%s", media).replace("Lead Vox", name), "utf-8")
    return path


def test_the_page_tells_tracks_devices_and_files(tmp_path: Path) -> None:
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio" / "take.wav").touch()
    said = stemproof(tmp_path / "home", "show", str(project(tmp_path))).out
    assert said.startswith("song.rpp  REAPER 7.0\n")
    for line in (
        r"tempo +96 bpm, 3/4",
        r"Lead Vox +track +-6.02 dB +25L +1 +1",
        r"Lead Vox +Some EQ +Somebody +vst3 0123456789ABCDEF0123456789ABCDEF",
        r"found +audio/take.wav",
    ):
        assert re.search(line, said), line
    assert not any(line != line.rstrip() for line in said.splitlines())


def test_tracks_of_one_name_are_numbered_alike_in_both_tables(tmp_path: Path) -> None:
    track = PROJECT.partition("\n  <TRACK")[2].removesuffix(">\n").replace("%s", "take.wav")
    whole = PROJECT.replace("%s", "take.wav").removesuffix(">\n")
    path = tmp_path / "song.rpp"
    path.write_text(f"{whole}  <TRACK{track}>\n".replace("{1}", "{9}", 1), "utf-8")
    said = stemproof(tmp_path / "home", "show", str(path)).out
    for name in ("Lead Vox #1", "Lead Vox #2"):
        assert len(re.findall(rf"^{name} ", said, re.MULTILINE)) == 2


def test_of_many_markers_the_first_are_named_and_the_others_counted(tmp_path: Path) -> None:
    path = project(tmp_path)
    markers = "".join(f"  MARKER {n} {n} Verse{n} 0\n" for n in range(1, 31))
    path.write_text(path.read_text("utf-8").replace("  TEMPO 96", markers + "  TEMPO 96"), "utf-8")
    said = stemproof(tmp_path / "home", "show", str(path)).out
    assert re.search(r"markers +30: Verse1, .*, Verse12 and 18 more\n", said)


MEDIA = {
    "audio/take.wav": "found",
    "audio\\take.wav": "found",
    "C:\\Music\\old\\take.wav": "elsewhere",
    "/nowhere/take.wav": "elsewhere",
    "gone.wav": "missing",
    "//server/share/take.wav": "not looked for",
    "\\\\server\\share\\take.wav": "not looked for",
    "x" * 5000: "missing",
}


@pytest.mark.parametrize("path", MEDIA, ids=lambda path: str(path)[:20])
def test_a_file_is_found_elsewhere_missing_or_not_looked_for(tmp_path: Path, path: str) -> None:
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio" / "take.wav").touch()
    (media,) = show_session(project(tmp_path, path)).media
    assert (media.path, media.state) == (path, MEDIA[path])
    assert media.where == (os.path.join("audio", "take.wav") if media.state == "elsewhere" else "")


def test_links_out_of_the_project_are_not_followed(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (outside / "take.wav").touch()
    (inside / "link").symlink_to(outside, target_is_directory=True)
    (media,) = show_session(project(inside, "elsewhere/take.wav")).media
    assert media.state == "missing"


def test_audio_inside_the_session_file_is_found(tmp_path: Path) -> None:
    text = (FIXTURES / "dawproject" / "project.xml").read_text("utf-8")
    for names in ((), ("audio/one.wav",)):
        path = tmp_path / f"song{len(names)}.dawproject"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("project.xml", text)
            for name in names:
                archive.writestr(name, b"RIFF")
        states = {media.path: media.state for media in show_session(path).media}
        assert states["audio/one.wav"] == ("found" if names else "missing")


def test_what_has_no_value_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "song.h2song"
    path.write_text(
        "<song><version>1.2.0</version><bpm>90</bpm><name>Rain</name><author></author>"
        "<license></license><instrumentList/><patternList/><patternSequence/></song>",
        "utf-8",
    )
    page = stemproof(tmp_path / "home", "show", str(path)).out
    assert "Rain" in page
    assert "author" not in page
    assert "license" not in page


def test_json_tells_all_of_it(tmp_path: Path) -> None:
    answer = stemproof(tmp_path / "home", "show", "--json", str(project(tmp_path)))
    found = json.loads(answer.out)
    assert answer.out.isascii()
    assert (found["v"], found["format"], found["version"]) == (0, "rpp", "7.0")
    assert (
        found["tempo"] == [{"at": "0.0", "unit": "second", "bpm": "96", "time_signature": "3/4"}]
        or found["tempo"][0]["bpm"] == "96"
    )
    (track,) = [track for track in found["tracks"] if track["name"] == "Lead Vox"]
    (device,) = track["devices"]
    assert device["vendor"] == "Somebody"
    assert device["ids"] == [{"kind": "vst3", "id": "0123456789ABCDEF0123456789ABCDEF"}]
    assert found["media"] == [{"path": "audio/take.wav", "state": "missing", "where": None}]
    assert [(one["what"], one["family"]) for one in found["opaque"]] == [("device", "vst3")]
    assert found["unread"] == []


EVIL = ("a\x1b]0;X\x07b", "[bold red]x[/]", "\u202egnp", "x" * 300, ":smile:", "宽" * 60)


@pytest.mark.parametrize("name", EVIL, ids=range(len(EVIL)))
def test_names_of_a_stranger_neither_steer_nor_break_the_page(tmp_path: Path, name: str) -> None:
    data = make_project(Band(name))
    path = tmp_path / "song.aup3"
    path.write_bytes(data)
    shown = at_terminal(tmp_path / "home", "show", str(path), types=())
    plain = CODES.sub("", shown.out.replace("\r\n", "\n"))
    assert shown.code == 0
    assert all(line.isprintable() for line in plain.splitlines())
    assert max(cell_len(line) for line in plain.splitlines()) <= 80
    if name.startswith(("[", ":")):
        assert name in plain


REAL = ("rpp/vapors_track2/04_*.rpp", "lmms/TameAnderson-MakeMe/06_*", "rpp/pypi-rpp-tests/*vst*")


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not on this machine")
@pytest.mark.parametrize("pattern", [*REAL, "musescore/*/*Reunion*", "musescore/*/*Brassed*"])
def test_real_sessions_fit_eighty_columns(tmp_path: Path, pattern: str) -> None:
    (source,) = (CORPUS / "sessions").glob(pattern)
    data = source.read_bytes()
    path = tmp_path / source.name.removesuffix(".gz")
    path.write_bytes(gzip.decompress(data) if source.suffix == ".gz" else data)
    shown = at_terminal(tmp_path / "home", "show", str(path), types=())
    lines = CODES.sub("", shown.out.replace("\r\n", "\n")).splitlines()
    assert shown.code == 0
    assert max(map(cell_len, lines)) <= 80
    assert any(re.match(r"\d+ tracks?$", line) for line in lines)
    assert lines[-1].split()[0] in ("read", "opaque", "not", "advice")


def test_a_closed_session_shows_its_digest_and_the_advice(tmp_path: Path) -> None:
    path = tmp_path / "song.reason"
    path.write_bytes(b"FORM" + bytes(5000))
    said = stemproof(tmp_path / "home", "show", str(path)).out
    assert re.search(r"opaque +closed format: 5.0 kB, sha256 [0-9a-f]{12}", said)
    assert "advice  export MIDI and stems" in said


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("notes.txt", "no session of a known format"),
        ("absent.rpp", "there is no file"),
        ("empty.als", "cannot read empty.als: it is empty"),
    ],
)
def test_what_is_no_session_is_refused(tmp_path: Path, name: str, want: str) -> None:
    if name == "notes.txt":
        (tmp_path / name).write_text("hello")
    elif name == "empty.als":
        (tmp_path / name).touch()
    answer = stemproof(tmp_path / "home", "show", str(tmp_path / name))
    assert answer.code == 3
    assert want in answer.err


def test_an_undo_history_is_named_with_what_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "song.rpp-UNDO"
    path.write_text("<REAPER_UNDO_HISTORY 1\n>\n")
    answer = stemproof(tmp_path / "home", "show", str(path))
    assert answer.code == 3
    assert "undo history and not a session" in answer.err
    assert "hint: name the session beside it" in answer.err


@needs_flp
def test_inserts_that_nobody_used_are_counted_and_not_listed(tmp_path: Path) -> None:
    (path,) = (CORPUS / "sessions/flp/dawtool").glob("*complex.flp")
    said = stemproof(tmp_path / "home", "show", str(path)).out
    assert "47 tracks, and 115 unused busses" in said
    assert "Insert 114 " in said and "Insert 113 " not in said


def test_the_ids_of_one_plug_in_read_as_one(tmp_path: Path) -> None:
    plugin = '"VST: ReaSynth (Cockos)" reasynth.dll 0 "" '
    comp = f'VST {plugin}1919251321<5653547265737972656173796E746800> ""'
    chain = f"<FXCHAIN\n<{comp}\nAAAA\n>\n>\n"
    body = '<REAPER_PROJECT 0.1 "7.0" 1\n<TRACK {1}\nNAME "Vox"\n' + chain + ">\n>\n"
    (tmp_path / "a.rpp").write_text(body)
    said = stemproof(tmp_path / "home", "show", str(tmp_path / "a.rpp")).out
    assert "  vst2 resy (also vst3 5653547265737972656173796E746800)  " in said
