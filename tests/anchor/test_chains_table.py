"""The table of chains: what a user's entry may say, and that it is written as it is read."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemproof.acts.chains import add_chain, check_terms, known_chains
from stemproof.acts.home import Home
from stemproof.anchor.chains import (
    ChainInfo,
    FeeHint,
    format_chains,
    is_web_address,
    load_chains,
    parse_chains,
)
from stemproof.errors import Usage

OWN = replace(
    load_chains()[560048],
    id=4242,
    name="my-chain",
    rpcs=("https://one.example/key", "http://127.0.0.1:8545"),
    finality="depth:20",
    genesis=bytes(range(32)),
    sunset=date(2031, 1, 2),
    fee_hint=FeeHint(25, 30),
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "ledger")


def test_every_public_chain_of_the_table_is_told_by_its_first_block() -> None:
    shipped = [chain for chain in load_chains().values() if chain.kind != "local"]
    hashes = {chain.genesis for chain in shipped}
    assert len(shipped) == 6
    assert len(hashes) == 6
    assert None not in hashes
    # go-ethereum, params/config.go.
    assert load_chains()[11155111].genesis == bytes.fromhex(
        "25a5cc106eea7138acab33231d7160d69cb777ee0c2c553fcddf5138993e6dd9"
    )


def test_an_added_chain_is_there_the_next_time(home: Home) -> None:
    add_chain(home, OWN)
    assert known_chains(home)[4242] == OWN
    assert set(known_chains(home)) == {*load_chains(), 4242}


def test_an_added_chain_takes_the_place_of_one_with_its_id(home: Home) -> None:
    add_chain(home, OWN)
    add_chain(home, replace(OWN, name="renamed", finality="finalized"))
    add_chain(home, replace(load_chains()[560048], rpcs=("https://mine.example",)))
    known = known_chains(home)
    assert known[4242].name == "renamed"
    assert known[560048].rpcs == ("https://mine.example",)


def test_a_name_that_another_chain_has_is_refused_and_changes_nothing(home: Home) -> None:
    add_chain(home, OWN)
    before = home.chains_file.read_bytes()
    with pytest.raises(Usage, match="another chain has the name hoodi"):
        add_chain(home, replace(OWN, id=4243, name="hoodi"))
    assert home.chains_file.read_bytes() == before


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (replace(OWN, id=31337), "the local chain"),
        (replace(OWN, id=0), "id of chain"),
        (replace(OWN, id=2**53), "id of chain"),
        (replace(OWN, name="11155111"), "would read as a chain's id"),
        (replace(OWN, name="My chain"), "name of chain"),
        (replace(OWN, kind="livenet"), "kind of chain"),
        (replace(OWN, finality="depth:0"), "finality of chain"),
        (replace(OWN, finality="soon"), "finality of chain"),
        (replace(OWN, rpcs=()), "needs a node's address"),
        (replace(OWN, rpcs=OWN.rpcs * 2), "each only once"),
        (replace(OWN, rpcs=("ftp://x.example",)), "rpcs of chain"),
        (replace(OWN, rpcs=("https://",)), "rpcs of chain"),
        (replace(OWN, explorer="x.example"), "explorer of chain"),
        (replace(OWN, currency="E\x1b[31mTH"), "currency of chain"),
        (replace(OWN, currency="E" * 300), "currency of chain"),
        (replace(OWN, fee_hint=FeeHint(-1, 0)), "fee_hint of chain"),
        (replace(OWN, fee_hint=FeeHint(10**12, 0)), "fee_hint of chain"),
    ],
)
def test_what_cannot_be_a_chain_is_refused(home: Home, wrong: ChainInfo, told: str) -> None:
    with pytest.raises(Usage, match=told):
        check_terms(wrong)
    with pytest.raises(Usage, match=told):
        add_chain(home, wrong)
    assert not home.chains_file.exists()


def test_a_table_from_before_these_members_is_read() -> None:
    [entry] = json.loads(format_chains([OWN]))
    for member in ("genesis", "sunset", "fee_hint"):
        del entry[member]
    [read] = parse_chains(json.dumps([entry]).encode(), "the test")
    assert read == replace(OWN, genesis=None, sunset=None, fee_hint=None)


@given(
    number=st.integers(1, 2**53 - 1),
    depth=st.integers(1, 99_999),
    day=st.none() | st.dates(),
    tip=st.integers(0, 500_000_000),
    genesis=st.none() | st.binary(min_size=32, max_size=32),
    note=st.text("abc äöü\u4e2d", max_size=50),
)
def test_a_table_is_read_as_it_was_written(
    number: int, depth: int, day: date | None, tip: int, genesis: bytes | None, note: str
) -> None:
    info = replace(
        OWN,
        id=number,
        finality=f"depth:{depth}",
        sunset=day,
        fee_hint=FeeHint(tip, tip),
        genesis=genesis,
        note=note,
    )
    assert parse_chains(format_chains([info]), "the test") == [info]


@pytest.mark.parametrize(
    "url", ["", "http:///x", "https://a.example:0", "https://a.example:99999", "https://a b", 7]
)
def test_what_no_node_can_have_is_no_address(url: object) -> None:
    assert not is_web_address(url)
