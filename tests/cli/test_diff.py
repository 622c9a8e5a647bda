"""diff as a command: for people, for programs, and called by a real git."""

from __future__ import annotations

import json
import os
import plistlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.cli.transcript import environment
from tests.cli.typed import Answer, at_terminal, stemproof

from stemproof.capture.diff import diff
from stemproof.capture.sessions.opaque_table import LOGIC_MAGIC
from stemproof_cli import compare

FIXTURES = Path(__file__).parents[1] / "capture" / "fixtures"
FIELDS = {"stage", "kind", "track", "device", "what", "from", "to", "text", "object", "count"}
FIELDS |= {"shown_from", "shown_to"}
STYLE = re.compile("\x1b\\[[0-9]+m")


def saves(case: str) -> tuple[str, str]:
    folder = FIXTURES / case
    return str(next(folder.glob("before.*"))), str(next(folder.glob("after.*")))


def run_git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words],
        cwd=folder,
        env={**environment(folder), **plain_git(), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def plain_git() -> dict[str, str]:
    names = {f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME",)}
    mails = {f"GIT_{who}_EMAIL": "a@b.c" for who in ("AUTHOR", "COMMITTER")}
    return {**names, **mails, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A band's repository with one save committed and a later one in the work tree."""
    if shutil.which("git") is None:
        pytest.skip("git is not on this computer")
    before, after = saves("rpp/track_pan")
    run_git(tmp_path, "init", "-q", ".")
    shutil.copy(before, tmp_path / "Low Tide.RPP")
    run_git(tmp_path, "add", "Low Tide.RPP")
    run_git(tmp_path, "commit", "-q", "-m", "first")
    shutil.copy(after, tmp_path / "Low Tide.RPP")
    return tmp_path


def install(folder: Path) -> Answer:
    here = Path.cwd()
    os.chdir(folder)
    try:
        return stemproof(folder / "none", "diff", "--git-install")
    finally:
        os.chdir(here)


def test_two_saves_stand_side_by_side_within_80_columns(tmp_path: Path) -> None:
    answer = stemproof(tmp_path, "diff", *saves("rpp/track_pan"))
    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert lines[0].split() == ["before.rpp", "after.rpp"]
    assert "Keys" in lines
    assert [line.split() for line in lines if line.startswith("~")] == [
        ["~", "pan", "25L", "->", "30R", "mixing"]
    ]
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "1 decision: 1 mixing"


@pytest.mark.parametrize("case", sorted(p.parent for p in FIXTURES.glob("rpp/*/expected.json")))
def test_every_decision_is_one_object_of_the_document(case: Path) -> None:
    before, after = (next(case.glob(f"{name}.*")) for name in ("before", "after"))
    sessions = [compare._read(path) for path in (before, after)]
    document: Any = compare._document((before, after), sessions, diff(*sessions))
    wanted = json.loads((case / "expected.json").read_text())
    told = document["notes"] + document["decisions"]
    assert [row["text"] for row in told] == [row["text"] for row in wanted]
    assert all(set(row) == FIELDS for row in told)
    assert {"notes", "decisions", "before", "after", "v"} == set(document)


def test_json_is_one_document_and_no_error(tmp_path: Path) -> None:
    answer = stemproof(tmp_path, "diff", "--json", *saves("lmms/notes_added"))
    assert (answer.code, answer.err) == (0, "")
    document = json.loads(answer.out)
    assert document["notes"] == []
    (decision,) = document["decisions"]
    assert (decision["stage"], decision["kind"]) == ("composition", "notes.added")
    assert document["before"]["format"] == "lmms"


def test_equal_saves_have_no_decision(tmp_path: Path) -> None:
    one, _ = saves("rpp/track_pan")
    answer = stemproof(tmp_path, "diff", one, one)
    assert answer.code == 0
    assert answer.out.splitlines()[-1] == "no decision between them"
    document = json.loads(stemproof(tmp_path, "diff", "--json", one, one).out)
    assert (document["notes"], document["decisions"]) == ([], [])


def test_where_colours_are_shown_words_and_signs_say_the_same(tmp_path: Path) -> None:
    # A pager of git's shows colours; the tests' own terminal is told to show none.
    seen = {name: text for name, text in environment(tmp_path).items() if name != "NO_COLOR"}
    done = subprocess.run(
        [sys.executable, "-m", "stemproof_cli", "diff", *saves("rpp/effect_added")],
        env={**seen, "GIT_PAGER_IN_USE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "\x1b[32m+\x1b[0m" in done.stdout
    plain = at_terminal(tmp_path, "diff", *saves("rpp/effect_added"), types=()).out
    assert STYLE.search(plain) is None
    assert "+ Pro-Q 3 (FabFilter) added" in STYLE.sub("", done.stdout)
    assert "+ Pro-Q 3 (FabFilter) added" in plain


def test_a_strangers_names_do_not_steer_the_terminal(tmp_path: Path) -> None:
    before, after = (Path(path).read_bytes() for path in saves("rpp/track_pan"))
    for name, data in (("a.rpp", before), ("b.rpp", after)):
        (tmp_path / name).write_bytes(data.replace(b'"Keys"', b'"Ke\x1b[31m\x1b[2Jys"'))
    for words in ((), ("--json",), ("--all",)):
        answer = stemproof(tmp_path, "diff", *words, str(tmp_path / "a.rpp"), f"{tmp_path}/b.rpp")
        assert answer.code == 0
        assert "\x1b" not in answer.out
    text = stemproof(tmp_path, "diff", "--textconv", str(tmp_path / "a.rpp"))
    assert "\x1b" not in text.out


def test_wide_letters_fit_too(tmp_path: Path) -> None:
    before, after = (Path(path).read_text() for path in saves("rpp/effect_added"))
    for name, text in (("a.rpp", before), ("b.rpp", after)):
        (tmp_path / name).write_text(text.replace("Keys", "鍵盤" * 60).replace("Pro-Q", "均" * 70))
    answer = stemproof(tmp_path, "diff", str(tmp_path / "a.rpp"), str(tmp_path / "b.rpp"))
    from rich.cells import cell_len

    assert max(cell_len(line) for line in answer.out.splitlines()) <= 80


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("a.rpp",), 2, "want two saves to compare, not 1"),
        ((), 2, "want two saves to compare, not 0"),
        (("gone.rpp", "gone.rpp"), 3, "there is no file 'gone.rpp'"),
        (("--textconv",), 2, "--textconv takes one save, not 0"),
        (("--textconv", "gone.rpp"), 3, "there is no file 'gone.rpp'"),
        (("--git-install", "a.rpp"), 2, "--git-install takes no files"),
        (("--git-driver", "a", "b"), 2, "git hands over 7 or 9 words, not 2"),
    ],
)
def test_a_wrong_call_is_one_sentence(
    tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    answer = stemproof(tmp_path, "diff", *words)
    assert (answer.code, answer.out) == (code, "")
    assert answer.err.startswith(f"stemproof: error: {said}")


def test_a_file_that_is_no_session_is_refused_and_shown_to_git_by_digest(tmp_path: Path) -> None:
    noise = tmp_path / "noise.rpp"
    noise.write_bytes(b"\x00\x01 no session")
    answer = stemproof(tmp_path, "diff", str(noise), str(noise))
    assert (answer.code, answer.out) == (3, "")
    text = stemproof(tmp_path, "diff", "--textconv", str(noise))
    assert text.code == 0
    assert text.out.splitlines()[1].startswith("13 bytes, ")


def test_two_folders_of_logic_differ_in_what_lies_open(tmp_path: Path) -> None:
    for name, tempo in (("one", 90.0), ("two", 95.5)):
        place = tmp_path / f"{name}.logicx" / "Alternatives" / "000"
        place.mkdir(parents=True)
        (place / "ProjectData").write_bytes(LOGIC_MAGIC + bytes(round(tempo)))
        (place / "MetaData.plist").write_bytes(plistlib.dumps({"BeatsPerMinute": tempo}))
    answer = stemproof(tmp_path, "diff", f"{tmp_path}/one.logicx", f"{tmp_path}/two.logicx")
    assert answer.code == 0, answer.err
    assert "~ tempo 90 -> 95.5 bpm" in answer.out
    refused = stemproof(tmp_path, "diff", str(tmp_path), str(tmp_path))
    assert (refused.code, refused.out) == (3, "")


def test_git_shows_decisions_and_plain_lines(repository: Path) -> None:
    answer = install(repository)
    assert answer.code == 0, answer.err
    assert "*.[rR][pP][pP] diff=stemproof" in answer.out
    assert "diff.stemproof.textconv" in answer.out
    shown = run_git(repository, "diff")
    assert "session Low Tide.RPP" in shown
    assert ["~", "pan", "25L", "->", "30R", "mixing"] in [
        line.split() for line in shown.split("\n")
    ]
    run_git(repository, "commit", "-q", "-a", "-m", "second")
    log = run_git(repository, "log", "-p", "-1")
    changed = {line for line in log.splitlines() if re.match(r"[+-] ", line)}
    assert changed == {"-  pan 25L", "+  pan 30R"}


def test_git_is_answered_for_new_removed_and_broken_saves(repository: Path) -> None:
    install(repository)
    (repository / "New.rpp").write_bytes(Path(saves("rpp/track_pan")[0]).read_bytes())
    run_git(repository, "add", "-N", "New.rpp")
    assert "new: 4 tracks, saved by REAPER" in run_git(repository, "diff", "New.rpp")
    (repository / "Low Tide.RPP").write_bytes(b"no session any more")
    assert "not shown: cannot read" in run_git(repository, "diff", "--", "Low Tide.RPP")
    (repository / "Low Tide.RPP").unlink()
    assert "removed: 4 tracks" in run_git(repository, "diff", "--", "Low Tide.RPP")


def test_a_repository_runs_none_of_its_own_code(repository: Path, tmp_path: Path) -> None:
    install(repository)
    ran = tmp_path / "ran"
    for name in ("typer", "stemproof_cli", "lxml"):
        (repository / f"{name}.py").write_text(f"open({str(ran)!r}, 'w').write('x')")
    assert "mixing" in run_git(repository, "diff", "--", "Low Tide.RPP")
    run_git(repository, "log", "-p")
    assert not ran.exists()


def test_a_save_whose_name_looks_like_an_option_is_shown(repository: Path) -> None:
    install(repository)
    (repository / "-x.rpp").write_bytes(Path(saves("rpp/track_pan")[0]).read_bytes())
    run_git(repository, "add", "-N", "./-x.rpp")
    shown = run_git(repository, "diff")
    assert "session -x.rpp" in shown
    assert "session Low Tide.RPP" in shown


def test_attributes_that_lead_out_of_the_repository_are_left_alone(
    repository: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.txt"
    (repository / ".gitattributes").symlink_to(outside)
    answer = install(repository)
    assert answer.code == 3
    assert "is a link, which git does not follow" in answer.err
    assert not outside.exists()


def test_files_of_logic_are_known_by_git(repository: Path) -> None:
    install(repository)
    named = ["Song.logicx/Alternatives/000/ProjectData", "a.Rpp", "b.ALS", "notes.txt"]
    said = run_git(repository, "check-attr", "diff", "--", *named).splitlines()
    assert [line.endswith(": stemproof") for line in said] == [True, True, True, False]


def test_the_same_saves_give_the_same_decisions_in_every_process(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from fractions import Fraction\n"
        "from stemproof.capture.diff import diff\n"
        "from stemproof.capture.sessions.model import *\n"
        "points = (Point(Fraction(0), '1'), Point(Fraction(1), '2'))\n"
        "def session(names):\n"
        "    lanes = tuple(Automation(name, points) for name in names)\n"
        "    track = Track('Drums', TrackKind.TRACK, automations=lanes)\n"
        "    digest = str(len(names))\n"
        "    return Session('x', 'X', '1', digest, digest, 1, (), (track,))\n"
        "names = ['volume', 'pan', 'program', 'bend', 'cutoff', 'width', 'send', 'mute']\n"
        "for decision in diff(session(names), session([])):\n"
        "    print(decision.text)\n"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(said) == 1
    assert len(said.pop().splitlines()) == 8


def test_installing_twice_writes_nothing_twice(repository: Path) -> None:
    attributes = repository / ".gitattributes"
    attributes.write_text("*.wav filter=lfs")
    install(repository)
    first = attributes.read_text()
    assert first.startswith("*.wav filter=lfs\n*.[rR][pP][pP] diff=stemproof\n")
    assert "nothing new, all is there" in install(repository).out
    assert attributes.read_text() == first


def test_outside_a_repository_nothing_is_written(tmp_path: Path) -> None:
    answer = install(tmp_path)
    assert answer.code == 3
    assert "git rev-parse failed" in answer.err
    assert list(tmp_path.iterdir()) == []


def test_nothing_of_a_long_value_is_cut_when_piped(tmp_path: Path) -> None:
    words = [f"word{number}" for number in range(10)]
    paths = []
    for source, name in zip(saves("rpp/track_pan"), ("short", " ".join(words)), strict=True):
        path = tmp_path / Path(source).name
        # The first name in the file is that of the first track.
        text = re.sub(
            r"\n( +)NAME [^\n]*", rf'\n\1NAME "{name}"', Path(source).read_text(), count=1
        )
        path.write_text(text)
        paths.append(str(path))
    answer = stemproof(tmp_path, "diff", *paths)
    assert answer.code == 0, answer.err
    assert "…" not in answer.out
    assert set(words) <= set(answer.out.replace("'", " ").split())
    assert all(len(line) <= 80 for line in answer.out.splitlines())
