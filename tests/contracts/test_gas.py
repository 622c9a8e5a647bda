"""What an anchor costs, measured on a chain and compared with the committed figures.

After a wanted change: STEMPROOF_REWRITE_GAS=1 pytest tests/contracts/test_gas.py
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.testnet.running import running_testnet

from stemproof.anchor.contract import load_artifact, origin_id
from stemproof.errors import Unavailable
from stemproof.evidence.keccak import keccak256
from stemproof.testnet.anvil import HARDFORK, Testnet
from stemproof.testnet.deploy import deploy_anchors, send_as_test_account
from stemproof.testnet.rpc import call_local

pytestmark = pytest.mark.chain

FIGURES = Path(__file__).parent / "gas.json"
# What the design aims at.
MOST = {"anchor_first": 52_000, "anchor_next": 33_000}


def selector(signature: str) -> bytes:
    return keccak256(signature.encode())[:4]


def encode_anchor(prior: int, size: int) -> bytes:
    words = (
        origin_id("stemproof/gas"),
        prior.to_bytes(32, "big"),
        size.to_bytes(32, "big"),
        keccak256(size.to_bytes(8, "big")),
    )
    return selector("anchor(bytes32,uint256,uint40,bytes32)") + b"".join(words)


def head_of_test_account(testnet: Testnet, contract: bytes) -> int:
    accounts = call_local(testnet.port, "eth_accounts")
    assert isinstance(accounts, list)
    publisher = bytes.fromhex(str(accounts[0])[2:]).rjust(32, b"\0")
    data = selector("headOf(address,bytes32)") + publisher + origin_id("stemproof/gas")
    call = {"to": "0x" + contract.hex(), "data": "0x" + data.hex()}
    word = call_local(testnet.port, "eth_call", dict(call), "latest")
    assert isinstance(word, str)
    return int(word, 16)


def measure(testnet: Testnet) -> dict[str, dict[str, int]]:
    contract = deploy_anchors(testnet)
    gas = []
    # Sizes with as many bytes that are not zero as a log of years has.
    for size in (0x010101, 0x010202):
        prior = head_of_test_account(testnet, contract)
        receipt = send_as_test_account(testnet, contract, encode_anchor(prior, size))
        assert receipt["status"] == "0x1"
        gas.append(int(str(receipt["gasUsed"]), 16))
    return {"anchor_first": {"gas": gas[0]}, "anchor_next": {"gas": gas[1]}}


def test_gas_is_as_committed_and_within_the_aim(tmp_path: Path) -> None:
    with running_testnet(tmp_path) as testnet:
        measured = measure(testnet)
    assert all(measured[name]["gas"] <= most for name, most in MOST.items())
    if os.environ.get("STEMPROOF_REWRITE_GAS") == "1":
        FIGURES.write_text(json.dumps({HARDFORK: measured}, indent=2) + "\n")
    committed = json.loads(FIGURES.read_text())[HARDFORK]
    for name, figure in measured.items():
        # A zero byte of calldata is 12 to 30 gas cheaper, and heads differ from block to block.
        assert abs(figure["gas"] - committed[name]["gas"]) <= 200, (name, figure)


def call(testnet: Testnet, contract: bytes, data: bytes) -> object:
    asked = {"to": "0x" + contract.hex(), "data": "0x" + data.hex()}
    return call_local(testnet.port, "eth_call", dict(asked), "latest")


def test_a_bare_transfer_and_a_wrong_call_are_refused(tmp_path: Path) -> None:
    with running_testnet(tmp_path) as testnet:
        contract = deploy_anchors(testnet)
        for data in (b"", b"\x00\x00\x00\x00", selector("owner()")):
            with pytest.raises(Unavailable, match="revert"):
                call(testnet, contract, data)


def test_a_size_of_more_than_40_bits_is_refused(tmp_path: Path) -> None:
    too_big = encode_anchor(0, 2**40)
    with running_testnet(tmp_path) as testnet:
        contract = deploy_anchors(testnet)
        with pytest.raises(Unavailable, match="revert"):
            call(testnet, contract, too_big)
        # The same call with a size that fits is taken.
        assert call(testnet, contract, encode_anchor(0, 2**24)) == "0x"


def test_the_code_is_small() -> None:
    # EIP-170 allows 24,576 bytes; a contract that anybody can read is far below.
    assert len(load_artifact().runtime_bytecode) < 1024
