"""What an anchor costs, measured on a chain and compared with the committed figures."""

from __future__ import annotations

from pathlib import Path

import pytest
from eth_account.signers.local import LocalAccount
from tests.contracts.figures import hold
from tests.contracts.test_artifact import demand_package
from tests.contracts.witness import Signed, Witness, account, compact, named, open_witness
from tests.testnet.running import running_testnet

from stemproof.anchor.contract import load_artifact, origin_id
from stemproof.errors import Unavailable
from stemproof.evidence.keccak import keccak256
from stemproof.testnet.anvil import HARDFORK, Testnet
from stemproof.testnet.deploy import deploy_anchors
from stemproof.testnet.rpc import call_local

pytestmark = pytest.mark.chain

# What the design aims at.
MOST = {
    "anchor_first": 52_000,
    "anchor_next": 33_000,
    "anchor_many_100_each": 13_000,
    "anchor_for_100_each": 17_000,
}


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


# Sizes with as many bytes that are not zero as a log of years has.
SIZES = (0x010101, 0x010202)


def measure(witness: Witness) -> dict[str, float]:
    """Measure every way to anchor, and its peers, in gas: for many heads that of one of them."""
    figures: dict[str, float] = {}
    figures["anchor_first"], figures["anchor_next"] = _measure_alone(witness)
    for count in (10, 100):
        figures[f"anchor_many_{count}_each"] = _measure_many(witness, count)
        figures[f"anchor_for_{count}_each"] = _measure_for(witness, count)
    figures["anchor_for"] = _measure_one_for(witness)
    return {**figures, **_measure_peers(witness)}


def _measure_alone(witness: Witness) -> list[int]:
    gas, origin = [], origin_id("stemproof/gas")
    for size in SIZES:
        prior = witness.head_of(witness.payer, origin)
        receipt = witness.send("anchor", origin, prior, size, named(f"root {size}"))
        assert receipt["status"] == 1
        gas.append(receipt["gasUsed"])
    return gas


def _measure_many(witness: Witness, count: int) -> float:
    origins = [named(f"one of {count}, {n}") for n in range(count)]
    gas = 0
    for size in SIZES:
        priors = [witness.head_of(witness.payer, origin) for origin in origins]
        heads = [
            (origin, prior, size, named(f"{n} {size}"))
            for n, (origin, prior) in enumerate(zip(origins, priors, strict=True))
        ]
        receipt = witness.send("anchorMany", heads)
        assert len(witness.anchored(receipt)) == count
        gas = receipt["gasUsed"]
    return gas / count


def _measure_for(witness: Witness, count: int) -> float:
    artists = [account(number) for number in range(count)]
    gas = 0
    for size in SIZES:
        items = [signed_by(witness, artist, f"of {count}", size) for artist in artists]
        receipt = witness.send("anchorManyFor", items)
        assert len(witness.anchored(receipt)) == count
        gas = receipt["gasUsed"]
    return gas / count


def _measure_one_for(witness: Witness) -> float:
    gas = 0
    for size in SIZES:
        receipt = witness.send("anchorFor", signed_by(witness, account(0), "alone", size))
        assert receipt["status"] == 1
        gas = receipt["gasUsed"]
    return gas


def signed_by(witness: Witness, artist: LocalAccount, log: str, size: int) -> Signed:
    """Have an artist sign the next head of a log."""
    origin = named(f"{log}: {artist.address}")
    prior = witness.head_of(artist.address, origin)
    deadline = 0x7FFFFFFF
    head = (origin, prior, size, named(f"{size}"))
    return compact(witness.signed(artist, head, deadline=deadline))


def _measure_peers(witness: Witness) -> dict[str, float]:
    bare = witness.deployed("peers.sol", "BareEvent").functions
    stamps = witness.deployed("peers.sol", "Timestamps").functions
    roots = [named(f"stamped {number}") for number in range(101)]
    calls = {
        "bare_event": bare.leave(roots[0]),
        "eas_timestamp": stamps.timestamp(roots[0]),
        "eas_multi_timestamp_100_each": stamps.multiTimestamp(roots[1:]),
    }
    gas = {}
    for name, ready in calls.items():
        sent = ready.transact({"from": witness.payer, "gas": 16_000_000})
        receipt = witness.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
        gas[name] = receipt["gasUsed"] / (100 if name.endswith("_each") else 1)
    return gas


def test_gas_is_as_committed_and_within_the_aim(tmp_path: Path) -> None:
    demand_package("solc")
    with running_testnet(tmp_path) as testnet:
        measured = {name: round(gas) for name, gas in measure(open_witness(testnet)).items()}
    hold(HARDFORK, measured)
    assert {name: measured[name] for name, most in MOST.items() if measured[name] > most} == {}
    assert measured["anchor_for_100_each"] < measured["eas_multi_timestamp_100_each"]


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
    assert len(load_artifact().runtime_bytecode) < 6144
