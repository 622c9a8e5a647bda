"""inspect, ai inbox and ai add as commands: sentences, JSON, exit codes, hostile text."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.audio.making_credentials import make_chain, manifest, sign
from tests.audio.making_marks import MPEG, SUNO, bext, comment, frame, id3, info, wave
from tests.cli.transcript import environment
from tests.cli.typed import stemproof

from stemproof.acts.home import Home, opened
from stemproof.acts.reading import Line, Wanted, newest_lines

PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A ledger with one work, whose folder is `song`."""
    ledger = tmp_path / "ledger"
    assert stemproof(ledger, "init", passphrase_fd=PASSPHRASE).code == 0
    (tmp_path / "song").mkdir()
    assert stemproof(ledger, "work", "add", str(tmp_path / "song")).code == 0
    return ledger


@pytest.fixture
def marked(tmp_path: Path) -> Path:
    path = tmp_path / "marked.mp3"
    path.write_bytes(id3(frame("COMM", comment(SUNO))) + MPEG)
    return path


def as_json(home: Path, *arguments: str) -> Any:  # Any: the command's document
    return json.loads(stemproof(home, "inspect", "--json", *arguments).out)


def lines(home: Path) -> list[Line]:
    with opened(Home(home)) as log:
        return newest_lines(log, Wanted(), 100)


def test_inspect_needs_no_ledger_and_says_what_it_found(tmp_path: Path, marked: Path) -> None:
    answer = stemproof(tmp_path / "no ledger", "inspect", str(marked))
    assert answer.code == 0
    assert "COMM: Suno wrote here that it made this" in answer.out
    assert "not signed: anybody can write or remove it" in answer.out
    assert not (tmp_path / "no ledger").exists()


def test_no_mark_is_never_told_as_human(tmp_path: Path) -> None:
    path = tmp_path / "bounce.wav"
    path.write_bytes(wave(bext("REAPER")))
    answer = stemproof(tmp_path, "inspect", str(path))
    assert answer.code == 0
    assert "Originator: written by REAPER; it says nothing about AI" in answer.out
    assert "no mark was found; that says nothing about who made it" in answer.out


def test_json_holds_the_findings_of_each_file(tmp_path: Path, marked: Path) -> None:
    second = tmp_path / "second.wav"
    second.write_bytes(wave(info(ICMT=SUNO)))
    document = as_json(tmp_path, str(marked), str(second))
    assert [file["container"] for file in document["files"]] == ["MP3", "WAV"]
    for file, source in zip(document["files"], ("id3", "riff-info"), strict=True):
        (finding,) = file["findings"]
        assert {"source", "generator", "text", "signed", "valid", "trusted", "says"} <= set(finding)
        assert (finding["source"], finding["generator"]) == (source, "Suno")
        assert (finding["signed"], finding["valid"], finding["trusted"]) == (False, None, None)


def test_what_is_no_audio_is_one_sentence_and_exit_code_3(tmp_path: Path, marked: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("words")
    answer = stemproof(tmp_path, "inspect", str(notes))
    assert answer.code == 3
    assert answer.err.splitlines()[0] == (
        "stemproof: error: 'notes.txt' is not audio that this version knows"
    )
    both = stemproof(tmp_path, "inspect", str(marked), str(notes))
    assert both.code == 3
    assert "Suno" in both.out
    document = as_json(tmp_path, str(marked), str(notes))
    assert [file["error"] is None for file in document["files"]] == [True, False]


@pytest.mark.skipif(importlib.util.find_spec("c2pa") is None, reason="the extra c2pa is absent")
def test_text_in_forged_credentials_steers_no_terminal(tmp_path: Path) -> None:
    path = tmp_path / "hostile.wav"
    path.write_bytes(wave())
    evil = "\x1b]0;owned\x07<script>alert(1)</script>\x1b[2J"
    path.write_bytes(sign(path, make_chain("Evil\x1b[31m"), manifest(by=evil)))
    answer = stemproof(tmp_path, "inspect", str(path))
    assert answer.code == 0
    assert "\x1b" not in answer.out
    assert "\x07" not in answer.out
    assert "Content Credentials of" in answer.out
    (finding,) = as_json(tmp_path, str(path))["files"][0]["findings"]
    assert finding["trusted"] is False


def test_text_in_tags_steers_no_terminal(tmp_path: Path) -> None:
    path = tmp_path / "hostile.mp3"
    label = json.dumps({"Label": "1", "ContentProducer": "\x1b[2J\u202eevil"})
    path.write_bytes(id3(frame("TXXX", b"\3AIGC\0" + label.encode())) + MPEG)
    answer = stemproof(tmp_path, "inspect", str(path))
    assert answer.code == 0
    assert "\x1b" not in answer.out
    assert "\u202e" not in answer.out


def add(home: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stemproof_cli", "--home", str(home), "ai", "add", *arguments]
    return subprocess.run(
        command, input=text, capture_output=True, text=True, check=False, env=environment(home)
    )


def test_a_prompt_is_added_from_stdin_and_stays_private(home: Path, marked: Path) -> None:
    done = add(home, "a private idea\n", str(marked), "--prompt", "-", "--plan", "pro")
    assert (done.returncode, done.stderr) == (0, "")
    assert "marked.mp3, made with Suno, on song" in done.stdout
    mark, said = lines(home)[-2:]
    assert (mark.header.action, said.header.action) == ("ai.mark", "ai.said")
    assert said.text == "marked.mp3: made with Suno, plan pro, as its author says"
    assert "private idea" not in json.dumps([line.as_json() for line in lines(home)])
    assert b"private idea" not in said.entry.header


def test_nothing_said_is_a_usage_error(home: Path, marked: Path) -> None:
    assert add(home, "", str(marked)).returncode == 2
    assert add(home, "x" * 100_001, str(marked), "--prompt", "-").returncode == 2
    assert add(home, "", "nowhere.mp3", "--provider", "Suno").returncode == 3


def test_the_inbox_is_set_shown_and_turned_off(home: Path, tmp_path: Path) -> None:
    assert "no downloads folder" in stemproof(home, "ai", "inbox").out
    downloads = tmp_path / "Downloads"
    assert stemproof(home, "ai", "inbox", str(downloads)).code == 3
    downloads.mkdir()
    assert str(downloads) in stemproof(home, "ai", "inbox", str(downloads)).out
    shown = json.loads(stemproof(home, "ai", "inbox", "--json").out)
    assert shown == {"v": 0, "folder": os.path.realpath(downloads), "waiting": []}
    assert "no downloads folder" in stemproof(home, "ai", "inbox", "off").out
