"""key delegate, key revoke and key rotate --end as a person runs them, on a local chain."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.typed import at_terminal, stemproof
from tests.testnet.running import demand_anvil

from stemproof.evidence.ethsig import Address
from stemproof.testnet import anvil
from stemproof.testnet.deploy import deploy_anchors, fund

PASSPHRASE = "correct horse battery staple"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A ledger with one anchored work, on its own local chain."""
    folder = tmp_path_factory.mktemp("chained")
    path = folder / "ledger"
    assert stemproof(path, "init", passphrase_fd=PASSPHRASE).code == 0
    (folder / "song").mkdir()
    assert stemproof(path, "work", "add", str(folder / "song")).code == 0
    net = anvil.start(path / "testnet", 0, anvil=demand_anvil())
    try:
        deploy_anchors(net)
        give_coins(path, account(path))
        assert stemproof(path, "anchor", passphrase_fd=PASSPHRASE).code == 0
        yield path
    finally:
        anvil.stop(path / "testnet")


def account(home: Path) -> str:
    return str(json.loads(stemproof(home, "key", "show", "--json").out)["account"])


def give_coins(home: Path, address: str) -> None:
    net = anvil.status(home / "testnet")
    assert net is not None
    fund(net, Address(bytes.fromhex(address[2:])))


def note(home: Path, text: str) -> None:
    assert stemproof(home, "note", text).code == 0


@pytest.mark.parametrize("most", ["0", "-1"])
def test_a_permission_for_no_event_at_all_is_refused_before_anything_is_asked(
    tmp_path: Path, most: str
) -> None:
    refused = stemproof(tmp_path / "none", "key", "delegate", "--most", most)
    assert refused.code == 2
    assert f"--most is {most}, want 1 event or more" in refused.err


def test_a_key_is_allowed_and_timestamps_without_a_passphrase(home: Path) -> None:
    refused = stemproof(home, "key", "delegate", passphrase_fd=PASSPHRASE)
    assert refused.code == 3
    assert "no keyring" in refused.err and "--clear-file" in refused.err
    note(home, "before")
    price = stemproof(home, "anchor", "--dry-run", "--json", passphrase_fd=PASSPHRASE)
    told = json.loads(price.out)
    assert (price.code, told["new"], told["can_pay"], told["events"]) == (0, True, True, 1)
    assert 0 < int(told["expected_wei"]) <= int(told["most_wei"])
    locked = stemproof(home, "anchor")
    assert (locked.code, "keys are locked" in locked.err) == (3, True)

    made = stemproof(
        home, "key", "delegate", "--clear-file", "--until", "9", passphrase_fd=PASSPHRASE
    )
    assert made.code == 0, made.err
    assert "costs about" in made.err and "lies in clear" in made.err
    found = re.search(r"0x[0-9a-fA-F]{40}", made.out)
    assert found is not None and "50000 events at once" in made.out
    alone = stemproof(home, "anchor")
    assert alone.code == 0, alone.err
    assert "final: 3 events" in alone.out
    nothing = stemproof(home, "anchor", "--dry-run")
    assert (nothing.code, nothing.out) == (0, "nothing new since the last timestamp\n")
    told = json.loads(stemproof(home, "anchor", "--dry-run", "--json").out)
    assert (told["dry_run"], told["new"]) == (True, False)
    (row,) = json.loads(stemproof(home, "key", "delegate", "--list", "--json").out)["keys"]
    assert (row["key"], row["most"], row["most_now"]) == (found[0], 50_000, 50_000)

    # The same key again, for less; then it may do too little, and the passphrase is wanted.
    again = stemproof(home, "key", "delegate", "--most", "1", passphrase_fd=PASSPHRASE)
    assert found[0] in again.out and "1 event at once" in again.out
    for text in ("two", "three"):
        note(home, text)
    late = stemproof(home, "anchor")
    assert late.code == 3
    assert "not by the anchor-only key" in late.err and "may add 1 at once" in late.err
    assert "keys are locked" in late.err

    ended = stemproof(home, "key", "delegate", "--end", passphrase_fd=PASSPHRASE)
    assert ended.code == 0, ended.err
    # It was given coins, so its key is not destroyed.
    (kept,) = (home / "delegate").iterdir()
    assert kept.name.endswith(".json.former")
    assert f"left at {found[0]}" in ended.err and "its key is kept in" in ended.err
    assert "keys are locked" in stemproof(home, "anchor").err
    assert "not allowed" in stemproof(home, "key", "delegate", "--list").out


@pytest.mark.parametrize("arguments", ["--key 0x12", "--key me", "--until soon", "--until 0"])
def test_what_cannot_be_allowed_is_refused_before_anything_is_asked(
    home: Path, arguments: str
) -> None:
    answer = stemproof(home, "key", "delegate", *arguments.split())
    assert (answer.code, answer.out) == (2, "")


def test_a_price_is_told_to_an_account_without_coins(home: Path, tmp_path: Path) -> None:
    net = anvil.status(home / "testnet")
    assert net is not None
    poor = tmp_path / "poor"
    assert stemproof(poor, "init", passphrase_fd=PASSPHRASE).code == 0
    asked = ("anchor", "--chain", "local", "--rpc", net.rpc_url, "--dry-run")
    price = stemproof(poor, *asked, passphrase_fd=PASSPHRASE)
    assert price.code == 0, price.err
    assert "it cannot be paid yet" in price.err and "costs up to 0.0" in price.err
    told = json.loads(stemproof(poor, *asked, "--json", passphrase_fd=PASSPHRASE).out)
    assert (told["can_pay"], told["balance_wei"]) == (False, "0")
    assert int(told["most_wei"]) > 0


def test_rotating_hands_the_log_over_and_says_what_is_next(home: Path) -> None:
    before = account(home)
    note(home, "under the old words")
    answer = stemproof(home, "key", "rotate", "--end", "--yes", passphrase_fd=PASSPHRASE)
    assert answer.code == 0, answer.err
    assert "paid by the former account" in answer.err
    assert re.search(r"^ended: log [0-9a-f]{12} on local", answer.out, re.MULTILINE)
    assert account(home) != before
    give_coins(home, account(home))
    first = stemproof(home, "anchor", passphrase_fd=PASSPHRASE)
    second = stemproof(home, "anchor", passphrase_fd=PASSPHRASE)
    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert first.out != second.out


def test_revoking_asks_for_a_word_and_ends_the_log(home: Path) -> None:
    asked = [("type revoke to go on", "yes")]
    stopped = at_terminal(home, "key", "revoke", types=asked, passphrase_fd=PASSPHRASE)
    assert stopped.code == 130
    assert "it cannot be undone" in stopped.out
    typed = [("type revoke to go on", "revoke")]
    done = at_terminal(home, "key", "revoke", types=typed, passphrase_fd=PASSPHRASE)
    assert done.code == 0, done.out
    for what in ("ended: log", "is ended on local already", "whoever has your 24 words"):
        assert what in done.out
    note(home, "too late")
    answer = stemproof(home, "anchor", passphrase_fd=PASSPHRASE)
    assert answer.code == 3
    assert "was ended on local" in answer.err and "key new-device" in answer.err
    fresh = stemproof(home, "key", "new-device", "--yes", passphrase_fd=PASSPHRASE)
    assert fresh.code == 0
    note(home, "on a log of its own")
    again = stemproof(home, "anchor", passphrase_fd=PASSPHRASE)
    assert again.code == 0, again.err
