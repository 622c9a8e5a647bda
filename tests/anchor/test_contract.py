"""Addresses, artefact, table of chains and deployments: all without a chain."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stemproof.anchor.chains import (
    contract_on,
    find_chain,
    load_chains,
    load_deployments,
    parse_chains,
)
from stemproof.anchor.contract import anchors_address, create2_address, origin_id
from stemproof.anchor.filelock import hold_lock
from stemproof.errors import BadInput, Unavailable, Usage
from stemproof.evidence.ethsig import Address, format_address, parse_address

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("deployer", "salt", "init_code", "expected"),
    [
        # EIP-1014, examples 0, 1, 4 and 6.
        ("00" * 20, "00" * 32, "00", "0x4D1A2e2bB4F88F0250f26Ffff098B0b30B26BF38"),
        (
            "deadbeef" + "00" * 16,
            "00" * 32,
            "00",
            "0xB928f69Bb1D91Cd65274e3c79d8986362984fDA3",
        ),
        (
            "00000000000000000000000000000000deadbeef",
            "00" * 28 + "cafebabe",
            "deadbeef",
            "0x60f3f640a8508fC6a86d45DF051962668E1e8AC7",
        ),
        ("00" * 20, "00" * 32, "", "0xE33C0C7F7df4809055C3ebA6c09CFe4BaF1BD9e0"),
    ],
)
def test_create2_addresses_are_those_of_the_standard(
    deployer: str, salt: str, init_code: str, expected: str
) -> None:
    found = create2_address(
        Address(bytes.fromhex(deployer)), bytes.fromhex(salt), bytes.fromhex(init_code)
    )
    assert format_address(found) == expected


def test_an_origins_id_is_its_sha256() -> None:
    assert origin_id("abc").hex().startswith("ba7816bf8f01cfea")


def test_the_table_has_the_chains_of_the_design() -> None:
    chains = load_chains()
    assert set(chains) == {31337, 11155111, 560048, 84532, 11155420, 421614, 80002}
    assert all(chain.rpcs and chain.note for chain in chains.values())
    assert [chain.id for chain in chains.values() if chain.poa] == [80002]
    assert [chain.id for chain in chains.values() if chain.kind == "local"] == [31337]


def test_a_chain_is_found_by_name_and_by_id() -> None:
    chains = load_chains()
    assert find_chain(chains, "sepolia") == find_chain(chains, "11155111")
    with pytest.raises(Usage, match="no chain 'mainnet'") as caught:
        find_chain(chains, "mainnet")
    assert "sepolia (11155111)" in (caught.value.hint or "")


def shipped(**change: Any) -> dict[str, Any]:  # Any: values of wrong types are the point
    raw = (ROOT / "ledger/stemproof/anchor/chains.json").read_text()
    entry: dict[str, Any] = json.loads(raw)[1]
    return {**entry, **change}


def test_a_users_file_adds_and_replaces(tmp_path: Path) -> None:
    table = tmp_path / "chains.json"
    own = shipped(id=5151, name="ours", finality="depth:12")
    replaced = shipped(rpcs=["https://node.example/key"])
    table.write_text(json.dumps([own, replaced]))
    chains = load_chains(table)
    assert chains[5151].finality_depth == 12
    assert chains[11155111].rpcs == ("https://node.example/key",)
    assert chains[560048] == load_chains()[560048]


@pytest.mark.parametrize(
    "change",
    [
        {"id": "1"},
        {"id": 0},
        {"id": True},
        {"id": 2**53},
        {"name": "Two Words"},
        {"kind": "mainline"},
        {"rpcs": "https://one.example"},
        {"rpcs": ["file:///etc/passwd"]},
        {"finality": "soon"},
        {"finality": "depth:0"},
        {"poa": 1},
        {"explorer": 7},
        {"surplus": 1},
    ],
)
def test_a_chain_of_the_wrong_form_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="in the test"):
        parse_chains(json.dumps([shipped(**change)]).encode(), "the test")


@pytest.mark.parametrize("raw", [b"", b"{}", b"[1]", b"\xff", b"[" * 3000, b" " * (2**20 + 1)])
def test_a_table_that_is_none_is_refused(raw: bytes) -> None:
    with pytest.raises(BadInput):
        parse_chains(raw, "the test")


def test_two_chains_of_one_name_are_refused(tmp_path: Path) -> None:
    table = tmp_path / "chains.json"
    table.write_text(json.dumps([shipped(id=5151)]))
    with pytest.raises(BadInput, match="the name sepolia"):
        load_chains(table)


def test_a_table_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="unreadable"):
        load_chains(tmp_path / "absent.json")


def test_anchors_has_one_address_on_every_chain_of_the_table() -> None:
    assert {contract_on(chain_id) for chain_id in load_chains()} == {anchors_address()}
    assert all(one.contract == anchors_address() for one in load_deployments().values())


def test_the_packed_deployments_are_those_of_the_folder() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "pack-deployments", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_where_nobody_deployed_the_files_say_so() -> None:
    for path in (ROOT / "deployments").glob("[0-9]*.json"):
        entry = json.loads(path.read_text())
        assert str(entry["chain_id"]) == path.stem
        assert parse_address(entry["contract"]) == anchors_address()
        assert (entry["block"] is None) == (entry["status"] == "not deployed yet")


def test_a_lock_is_free_again_after_its_holder(tmp_path: Path) -> None:
    for _ in range(2):
        with hold_lock(tmp_path / "a" / "lock", timeout_s=0):
            pass


def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; "
        "from stemproof.anchor.filelock import hold_lock\n"
        "with hold_lock(Path(sys.argv[1]), timeout_s=1): os._exit(9)"
    )
    lock = tmp_path / "lock"
    done = subprocess.run([sys.executable, "-c", program, str(lock)], check=False)
    assert done.returncode == 9
    with hold_lock(lock, timeout_s=0):
        pass


def test_a_lock_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(Unavailable, match="cannot be opened"),
        hold_lock(tmp_path / "file" / "lock", timeout_s=0),
    ):
        pass


def test_the_light_modules_import_no_web3() -> None:
    program = (
        "import sys, stemproof.anchor, stemproof.anchor.contract, stemproof.anchor.chains, "
        "stemproof.testnet.anvil, stemproof.testnet.deploy, stemproof.anchor.problems; "
        "print([n for n in ('web3', 'eth_account', 'requests') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
