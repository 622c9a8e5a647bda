"""What a verdict says to people: levels, sessions, what to do, and one last plain sentence."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from dataclasses import replace
from pathlib import Path

import pytest
from tests.verify.altering import judge
from tests.verify.madeup_chain import CONTRACT, FIRST_TIME, MadeUpChain, Node
from tests.verify.studio import Scene, Studio, make_scene

from stemproof.acts.checking import Asked, check_files
from stemproof.evidence.ethsig import Address, format_address
from stemproof.verify.bundle import Verdict
from stemproof.verify.trust import Trust
from stemproof.verify.verdict import State
from stemproof.verify.words import MAX_QUOTED, quote
from stemproof_cli.verdicts import headline, print_verdict, summary, verdict_document

OPEN = Trust({1: frozenset({CONTRACT})})


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene()


def _sessions(count: int) -> tuple[Studio, Trust]:
    """Make a song in so many sessions, each of which holds the slot's newest head."""
    studio, chain = Studio(), MadeUpChain()
    studio.decide()
    studio.anchor(chain)
    for place in range(count):
        number = len(chain.hashes) - 1
        word = next(iter(chain.slots.values()))
        bound = {"chain": 1, "block_number": number, "block_hash": chain.hashes[-1].hex()}
        after = {**bound, "block_time": FIRST_TIME + 12 * number, "head": f"{word:064x}"}
        studio.open_session(json.loads(json.dumps(after)), f"{place:032x}")
        studio.say("decision.param", {"body": b"{}"}, stage="mixing", session=f"{place:032x}")
        studio.anchor(chain)
    return studio, studio.trust()


def _asking(node: Node) -> Trust:
    return Trust({1: frozenset({CONTRACT})}, sources=(node,))


def _lines(verdict: Verdict, capsys: pytest.CaptureFixture[str]) -> list[str]:
    print_verdict(Path("song.stemproof"), verdict)
    return capsys.readouterr().out.splitlines()


def test_a_verified_record_is_dated_in_the_last_line(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    verdict = judge(scene.data, scene.trust)
    lines = _lines(verdict, capsys)
    assert lines[-1] == (
        "This music's record is unchanged and was on record by 2027-01-15 08:00:36 UTC."
        " No audio file was compared with it."
    )
    verdict.checks.add("audio", State.VERIFIED, "a file is the master")
    assert summary(verdict).endswith("UTC.")


def test_stages_show_classes_and_evidence_levels(capsys: pytest.CaptureFixture[str]) -> None:
    studio, trust = _sessions(2)
    studio.say("note.said", {"body": b"{}"}, stage="mixing", observed="declared")
    assert studio.chain is not None
    mined = studio.anchor(studio.chain)
    trust = replace(trust, blocks=frozenset({mined.hash}))
    lines = _lines(judge(studio.sealed(studio.bundle()), trust), capsys)
    start = next(place for place, line in enumerate(lines) if line.startswith("STAGE"))
    # A stage is named once, whoever decided in it.
    assert [re.split(" {2,}", line) for line in lines[start : start + 2]] == [
        ["STAGE", "CLASS", "DECISIONS", "EVIDENCE"],
        ["mixing", "human with tool", "1", "E2: 1"],
    ]
    assert lines[start + 2].split(maxsplit=2) == ["unknown", "3", "E3: 2, E0: 1"]
    assert lines[start + 2].index("unknown") == lines[start].index("CLASS")
    assert lines[start + 3].startswith("E0 said by the author; E2 observed by a tool")


def test_sessions_are_told_between_blocks_and_at_most_five(
    capsys: pytest.CaptureFixture[str],
) -> None:
    studio, trust = _sessions(7)
    lines = _lines(judge(studio.sealed(studio.bundle()), trust), capsys)
    start = next(place for place, line in enumerate(lines) if line.startswith("SESSION"))
    assert lines[start + 1] == (
        "from event 1  after 2027-01-15 08:00:12 UTC (block 1)"
        " and before 2027-01-15 08:00:24 UTC (block 2)"
    )
    assert all(line.startswith("from event") for line in lines[start + 1 : start + 6])
    assert lines[start + 6] == "and 2 more"


def test_what_is_undecided_says_what_to_do_with_the_whole_hash(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    verdict = judge(scene.data, OPEN)
    lines = _lines(verdict, capsys)
    block = scene.chain.hashes[-1].hex()
    (hint,) = [line for line in lines if line.startswith("hint: ")]
    assert f"--block {block}" in hint
    assert sum(block in line for line in lines) == 1
    assert lines[-1] == (
        "Nothing wrong was found, but nobody confirmed the block that dates it,"
        " so that its date is open."
    )
    other = judge(scene.data, replace(scene.trust, contracts={}))
    assert other.state is State.UNDECIDED
    assert f"--contract {format_address(Address(CONTRACT))}" in " ".join(_lines(other, capsys))


def test_a_refuted_bundle_is_not_to_be_relied_on_and_shows_no_stages(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    for data in (scene.data[:-1], bytes(100)):
        lines = _lines(judge(data, scene.trust), capsys)
        assert lines[-1].startswith("Do not rely on this bundle: it is no whole bundle")
    wrong = judge(scene.data, _asking(Node("a", lambda chain_id, number: bytes(32))))
    lines = _lines(wrong, capsys)
    assert lines[-1] == (
        "Do not rely on this bundle: the block that should date it is not the chain's."
    )
    assert not any(line.startswith(("STAGE", "SESSION", "saves")) for line in lines)


def test_another_file_beside_a_sound_bundle_does_not_refute_the_bundle_in_words(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    verdict = judge(scene.data, scene.trust)
    verdict.checks.add("audio", State.REFUTED, "other.wav is none of them", file="other.wav")
    lines = _lines(verdict, capsys)
    assert "refuted: song.stemproof holds; other.wav is not the audio that it claims" in lines
    assert lines[-1].startswith("Do not rely on this bundle for that file")
    assert lines[-1].endswith("For the files that it names it holds.")
    assert any(line.startswith("STAGE") for line in lines)


def test_the_headline_says_what_its_word_is_about(scene: Scene) -> None:
    for trust, own in ((scene.trust, "b holds"), (OPEN, "b is undecided")):
        verdict = judge(scene.data, trust)
        assert headline("b", verdict) == "b"
        verdict.checks.add("audio", State.REFUTED, "another", file="other.wav")
        assert headline("b", verdict) == f"{own}; other.wav is not the audio that it claims"
    verdict = judge(scene.data, scene.trust)
    verdict.checks.add("audio", State.UNDECIDED, "alike", file="copy.mp3")
    assert headline("b", verdict) == "b holds; copy.mp3 is not shown to be its audio"
    broken = judge(scene.data[:-1], scene.trust)
    broken.checks.add("audio", State.UNDECIDED, "no claim", file="master.wav")
    assert headline("b", broken) == "b"


def test_audio_that_is_not_there_leaves_the_bundle_its_verdict(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = tmp_path / "song.stemproof"
    bundle.write_bytes(scene.data)
    _write_trust(scene, tmp_path)
    asked = Asked(trust=tmp_path / "trust.json")
    verdict = check_files(bundle, [tmp_path / "absent.wav", tmp_path], asked)
    assert verdict.checks.state_of_bundle is State.VERIFIED
    assert verdict.state is State.UNDECIDED
    first, second = [line for line in verdict.checks.lines if line.file]
    assert first.says == (
        "'absent.wav' cannot be read: No such file or directory; it was not compared"
    )
    assert str(tmp_path / "absent.wav") in first.hint
    assert second.says.endswith("it was not compared")
    lines = _lines(verdict, capsys)
    assert lines[0] == (
        f"undecided: song.stemproof holds; absent.wav, {tmp_path.name}"
        " are not shown to be its audio"
    )
    assert lines[-1] == "Nothing wrong was found, but a file to compare could not be read."
    document = verdict_document(bundle, verdict)
    assert (document["verdict"], document["verdict_of_bundle"]) == ("undecided", "verified")


def test_no_sentence_says_more_than_is_shown(scene: Scene) -> None:
    verdicts = [judge(scene.data, trust) for trust in (scene.trust, OPEN, Trust({}))]
    rehearsal = judge(scene.data, scene.trust)
    rehearsal.warnings = ("rehearsal on a private chain, proves nothing to others",)
    assert summary(rehearsal).startswith("In a rehearsal, which proves nothing to others: this")
    for verdict in (*verdicts, rehearsal):
        for word in ("authentic", "original", "true", "genuine", "human", "owner", "certif"):
            assert word not in summary(verdict)


def test_the_document_holds_levels_sessions_hints_and_whole_hashes() -> None:
    studio, trust = _sessions(1)
    verdict = judge(studio.sealed(studio.bundle()), trust)
    document = verdict_document(Path("song.stemproof"), verdict)
    assert json.loads(json.dumps(document)) == document
    assert document["levels"] == [
        {"stage": "mixing", "class": "human_with_tool", "level": "E2", "events": 1},
        {"stage": "mixing", "class": "unknown", "level": "E3", "events": 1},
    ]
    (session,) = verdict.sessions
    assert document["sessions"] == [
        {
            "origin": studio.origin,
            "session": "0" * 32,
            "work_seq": 1,
            "not_before": FIRST_TIME + 12,
            "not_before_block": 1,
            "not_after": FIRST_TIME + 24,
            "not_after_block": 2,
            "rests_on": session.rests_on,
        }
    ]
    assert studio.mined is not None
    assert studio.mined.hash.hex() in json.dumps(document["brackets"])
    assert document["summary"] == summary(verdict)


def test_strangers_text_stands_on_one_line_cut_and_between_quotes() -> None:
    assert quote("master.wav") == "'master.wav'"
    assert quote("Über Nacht") == "'Über Nacht'"
    assert quote(" a\n\t b\u2028c\u00a0 ") == "'a b c'"
    assert quote("x' verified  'y") == "\"x' verified 'y\""
    assert quote("\u202eevil\x1b[2J\ud800") == r"'\u202eevil\x1b[2J\ud800'"
    assert quote("n" * MAX_QUOTED) == "'" + "n" * MAX_QUOTED + "'"
    assert quote("n" * (MAX_QUOTED + 1)) == "'" + "n" * (MAX_QUOTED - 1) + "…'"
    assert quote(4096) == "4096"


def test_a_files_name_cannot_pass_for_a_line_of_the_answer() -> None:
    studio, chain = Studio(), MadeUpChain()
    name = "x: recorded" + " " * 200 + "\nverified  identity  key is Ann's" + "!" * 500
    master = studio.record_audio("bounce/" + name)
    studio.anchor(chain)
    verdict = judge(studio.sealed(studio.bundle(master)), studio.trust())
    assert verdict.state is State.VERIFIED
    (line,) = [line for line in verdict.checks.lines if line.name == "master"]
    assert line.says.startswith("\"x: recorded verified identity key is Ann's!!!")
    assert line.says.endswith('!…": recorded in event 0, digests as claimed')


@pytest.mark.parametrize("columns", [100, 72])
def test_on_a_terminal_long_sentences_stand_under_their_heading(
    scene: Scene, tmp_path: Path, columns: int
) -> None:
    (tmp_path / "song.stemproof").write_bytes(scene.data)
    _write_trust(scene, tmp_path)
    words = ["verify", "song.stemproof", "--trust", "trust.json"]
    command = [sys.executable, "-m", "stemproof_cli", "--home", "home", *words]
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
    piped = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=terminal) as process:
        os.close(terminal)
        shown = b""
        while chunk := _read(master):
            shown += chunk
    os.close(master)
    assert process.returncode == 0
    lines = shown.decode().replace("\r\n", "\n").splitlines()
    assert max(map(len, piped)) > 100 >= columns >= max(map(len, lines))
    start = next(line for line in lines if "FOUND" in line).index("FOUND")
    place = next(n for n, line in enumerate(lines) if line.startswith("verified  chain evidence"))
    assert lines[place + 1][:start].strip() == ""
    # Wrapping loses and adds nothing.
    assert " ".join(shown.decode().split()) == " ".join(" ".join(piped).split())


def _write_trust(scene: Scene, folder: Path) -> None:
    trust = {
        "v": 0,
        "blocks": [{"chain": 1, "hash": scene.chain.hashes[-1].hex()}],
        "contracts": [{"chain": 1, "address": CONTRACT.hex()}],
    }
    (folder / "trust.json").write_text(json.dumps(trust))


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:
        # What Linux says when the other side has closed the terminal.
        return b""
