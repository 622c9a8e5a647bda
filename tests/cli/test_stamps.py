"""stamp and verify: a song that is on no chain, dated by an authority and by Bitcoin."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.acts.room import write_tone
from tests.cli.typed import Answer, stemproof
from tests.evidence.local_calendar import Calendar
from tests.evidence.local_tsa import Tsa, Wish, make_tsa, served

from stemproof.acts.checking import Asked, make_trust
from stemproof.errors import BadInput, Usage

PASSPHRASE = "correct horse battery staple"


@dataclass(frozen=True)
class Stage:
    """A ledger with one recorded song, and who would timestamp it."""

    home: Path
    song: Path
    tsa: Tsa
    tsa_url: str
    calendar: Calendar

    def run(self, *arguments: str) -> Answer:
        """Run a command, which must do what it is asked."""
        answer = self.ask(*arguments)
        assert answer.code == 0, answer.err
        return answer

    def ask(self, *arguments: str) -> Answer:
        """Run a command, whatever it comes to."""
        return stemproof(self.home, *arguments, passphrase_fd=PASSPHRASE)

    def read(self, *arguments: str) -> Any:  # JSON, whose form each test knows
        """Run a command and read its answer."""
        return json.loads(self.run(*arguments, "--json").out)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A song that is recorded, and everybody on loopback."""
    folder = tmp_path_factory.mktemp("stage")
    home, song = folder / "ledger", folder / "song"
    write_tone(song / "master.wav")
    tsa, calendar = make_tsa(folder / "tsa", Wish(ec=True)), Calendar()
    with served(lambda _, body: (200, tsa.answer(body))) as url, calendar.serve():
        made = Stage(home, song, tsa, url, calendar)
        made.run("init")
        made.run("work", "add", str(song))
        made.run("watch", "--once")
        yield made
    shutil.rmtree(folder)


def test_a_song_on_no_chain_is_dated_by_whom_the_verifier_names(
    stage: Stage, tmp_path: Path
) -> None:
    assert stage.ask("stamp", "add").code == 2
    (token,) = stage.read("stamp", "add", "--tsa", stage.tsa_url)["timestamps"]
    assert (token["state"], token["kind"], token["size"]) == ("stamped", "rfc3161", 4)
    # Sealed already: the second needs no passphrase.
    bare = stemproof(stage.home, "stamp", "add", "--calendar", stage.calendar.url)
    assert bare.code == 0 and bare.out.startswith("pending: 4 events, sent to 1 calendar")
    bundle = str(tmp_path / "song.stemproof")
    stage.run("claim", "make", "--master", str(stage.song / "master.wav"), "--out", bundle)

    undecided = stage.ask("verify", bundle)
    assert undecided.code == 3
    assert "--policy evm,rfc3161,ots" in undecided.out + undecided.err
    root = str(stage.tsa.folder / "root.pem")
    dated = stage.run("verify", bundle, "--policy", "rfc3161", "--tsa-root", root)
    assert "existed before" in dated.out and "according to TSA 'CN=Test TSA'" in dated.out
    assert stage.ask("verify", bundle, "--policy", "ots", "--tsa-root", root).code == 3

    stage.calendar.mine()
    (done,) = stage.read("stamp", "upgrade")["timestamps"]
    assert done["heights"] == [stage.calendar.height]
    listed = stage.run("stamp", "export", str(tmp_path / "out")).out.splitlines()
    assert len(listed) == len(set(listed)) == 3
    newer = str(tmp_path / "newer.stemproof")
    stage.run("claim", "bundle", "--out", newer)
    trust = tmp_path / "trust.json"
    block = {"height": stage.calendar.height, "header": stage.calendar.header.hex()}
    trust.write_text(json.dumps({"v": 0, "bitcoin": [block], "bitcoin_difficulty": 0}))
    options = ["--trust", str(trust), "--tsa-root", root, "--policy", "2 of evm,rfc3161,ots"]
    both = stage.read("verify", newer, *options)
    assert both["verdict"] == "verified"
    assert sorted(item["kind"] for item in both["timestamps"]) == ["ots", "rfc3161"]
    assert both["not_after"] == stage.calendar.time + 7200
    assert both["warnings"] == ["rehearsal: Bitcoin headers of little work count for you"]


def test_nothing_is_renewed_before_its_time(stage: Stage) -> None:
    stage.run("stamp", "add", "--tsa", stage.tsa_url)
    assert stage.run("anchor", "--renew").out == "no timestamp ends within 90 days\n"
    assert "ends no later" in stage.ask("stamp", "renew", "--within", "36500").err


@pytest.mark.parametrize(
    "said",
    [
        {"policy": "2 of ots"},
        {"policy": "moon"},
        {"bitcoin": ["840000"]},
        {"bitcoin": ["840000:00"]},
        {"bitcoin": [f"1:{'00' * 80}"]},
        {"tsa_roots": [Path(__file__)]},
        {"tsa_roots": [Path("not there")]},
    ],
)
def test_a_slip_of_the_verifiers_own_is_told(said: dict[str, Any]) -> None:
    with pytest.raises((Usage, BadInput)):
        make_trust(Asked(**said))
