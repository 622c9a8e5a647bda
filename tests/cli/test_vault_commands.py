"""vault and replay as commands: what they say, and with which code they end."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.cli.typed import Answer, stemproof
from tests.keys.cheapkeys import make_cheap

from stemproof.keys.device import mark_device
from stemproof.testnet.song import write_step

PASSPHRASE = "correct horse battery staple"


@dataclass(frozen=True, slots=True)
class Desk:
    """A ledger with one work of three saves."""

    home: Path

    def run(self, *arguments: str, unlocked: bool = False) -> Answer:
        secrets = {"passphrase_fd": PASSPHRASE} if unlocked else {}
        return stemproof(self.home, *arguments, **secrets)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    home = folder / "ledger"
    assert stemproof(home, "init", passphrase_fd=PASSPHRASE).code == 0
    make_cheap(home, PASSPHRASE)
    (folder / "Low Tide").mkdir()
    assert stemproof(home, "work", "add", str(folder / "Low Tide")).code == 0
    for step in (1, 2, 3):
        write_step(folder / "Low Tide", step)
        assert stemproof(home, "watch", "--once").code == 0
    return home


@pytest.fixture
def desk(made: Path, tmp_path: Path) -> Desk:
    home = Path(shutil.copytree(made, tmp_path / "ledger"))
    mark_device(home)
    return Desk(home)


def test_the_vault_shows_what_it_keeps_and_its_room(desk: Desk) -> None:
    answer = desk.run("vault")
    assert answer.code == 0, answer.err
    assert "Low Tide" in answer.out
    assert "on the disk; everything is kept" in answer.out
    found = json.loads(desk.run("vault", "show", "--json").out)
    assert [kept["files"] for kept in found["kept"]] == [3]
    assert found["bytes"] > found["kept"][0]["stored"] > 0


def test_status_tells_the_vault_s_room(desk: Desk) -> None:
    assert " of saves; everything is kept" in desk.run("status").out
    found = json.loads(desk.run("status", "--json").out)["vault"]
    assert found["bytes"] > 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--days", "30"], "saves are kept for 30 days"),
        (["--size", "0.5"], "the newest 0.5 GB are kept"),
        (["all"], "everything is kept"),
        (["none"], "nothing is kept from now on"),
    ],
)
def test_what_is_kept_is_the_user_s_choice(desk: Desk, arguments: list[str], told: str) -> None:
    answer = desk.run("vault", "keep", *arguments)
    assert answer.code == 0, answer.err
    assert answer.out.startswith(told)
    assert told in desk.run("vault").out


@pytest.mark.parametrize("arguments", [[], ["some"], ["all", "--days", "3"], ["--days", "0"]])
def test_a_choice_that_is_none_is_a_usage_error(desk: Desk, arguments: list[str]) -> None:
    assert desk.run("vault", "keep", *arguments).code == 2


def test_a_replay_from_the_vault_reproduces_everything(desk: Desk) -> None:
    answer = desk.run("replay", "Low Tide", unlocked=True)
    assert (answer.code, answer.out.split()[-1]) == (0, "reproduced"), answer.err


def test_a_replay_from_handed_over_saves_needs_no_keys(desk: Desk, tmp_path: Path) -> None:
    to = tmp_path / "disclosed"
    taken = desk.run("vault", "take", "Low Tide", "--to", str(to), unlocked=True)
    assert (taken.code, taken.out) == (0, f"3 saves in {to}\n"), taken.err
    answer = desk.run("replay", "Low Tide", "--from", str(to))
    assert answer.code == 0, answer.out
    next(to.iterdir()).unlink()
    answer = desk.run("replay", "Low Tide", "--from", str(to), "--json")
    assert answer.code == 3
    found = json.loads(answer.out)
    assert found["counts"]["save missing"] > 0


def test_what_an_erased_save_told_is_one_line(desk: Desk, tmp_path: Path) -> None:
    to = tmp_path / "disclosed"
    desk.run("vault", "take", "Low Tide", "--to", str(to), unlocked=True)
    events = json.loads(desk.run("log", "show", "--json", "--limit", "500").out)["events"]
    save = next(one["event"] for one in events if one["action"] == "session.jumped")
    assert desk.run("erase", str(save), "--yes", unlocked=True).code == 0
    lines = desk.run("replay", "Low Tide", "--from", str(to)).out.splitlines()
    erased = [line for line in lines if line.startswith("erased: ")]
    assert erased == [f"erased: events {save}-{save + 8}: its save was erased"]


def test_a_changed_handed_over_save_counts_as_missing(desk: Desk, tmp_path: Path) -> None:
    to = tmp_path / "disclosed"
    desk.run("vault", "take", "Low Tide", "--to", str(to), unlocked=True)
    for path in to.iterdir():
        path.write_bytes(path.read_bytes().replace(b"vol=", b"VOL="))
    answer = desk.run("replay", "Low Tide", "--from", str(to))
    assert answer.code == 3
    assert "save missing" in answer.out


def test_erasing_asks_for_keys_where_other_saves_rest_on_one(desk: Desk) -> None:
    events = json.loads(desk.run("log", "show", "--json", "--limit", "500").out)["events"]
    found = next(one["event"] for one in events if one["action"] == "session.found")
    answer = desk.run("erase", str(found), "--yes", "--json", unlocked=True)
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert (told["kept"], told["kept_too"]) == (1, 0)
    [kept] = json.loads(desk.run("vault", "show", "--json").out)["kept"]
    assert kept["files"] == 2


def test_a_damaged_vault_is_told_from_the_ledger_and_can_be_moved_away(desk: Desk) -> None:
    vault = desk.home / "vault.db"
    for beside in desk.home.glob("vault.db-*"):
        beside.unlink()
    vault.write_bytes(b"no database" * 2000)
    answer = desk.run("erase", "--work", "Low Tide", "--yes")
    assert answer.code == 3
    assert f"the vault at {desk.home} is damaged" in answer.err
    assert "move vault.db away: the ledger is whole without it" in answer.err
    vault.rename(desk.home / "vault.db.damaged")
    assert desk.run("erase", "--work", "Low Tide", "--yes").code == 0
