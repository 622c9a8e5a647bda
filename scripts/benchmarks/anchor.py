"""Anchoring on a local chain: gas beside a bare event, time beside a bare transaction.

Gas does not depend on the machine. What it costs depends on the chain and its hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from benchmarks import log as filling
from benchmarks.figures import Row, median_of, seconds, workshop
from benchmarks.rehearsal import Rehearsal, rehearse
from stemproof.acts.anchors import Anchor, list_anchors
from stemproof.anchor.contract import DEPLOYER, create2_address, origin_id
from stemproof.anchor.transaction import parse_transaction
from stemproof.evidence.ethsig import Address
from stemproof.evidence.keccak import keccak256
from stemproof.testnet.deploy import send_as_test_account
from stemproof.testnet.rpc import call_local

_TOPIC: Final = keccak256(b"Anchored(address,bytes32,uint40,bytes32,uint256)")
# Logs what an anchor logs, and keeps nothing: the least that a witness can cost.
_BARE: Final = (
    bytes.fromhex("606060245f37")  # memory 0..96 = call data 36..132: prior, size, root
    + bytes.fromhex("60043533")  # topics: word at 4, the origin; the caller
    + (b"\x7f" + _TOPIC)  # topic: the event
    + bytes.fromhex("60605fa300")  # LOG3 of memory 0..96; STOP
)
# Copies what follows it into memory and returns that as the contract's code.
_INIT: Final = bytes([0x60, len(_BARE), 0x60, 11, 0x5F, 0x39, 0x60, len(_BARE), 0x5F, 0xF3, 0])
_SALT: Final = bytes(32)


def measure(quick: bool) -> Iterator[Row]:
    """Anchor for the first time, again, and as often as gives a fair time."""
    with workshop() as folder, rehearse(folder) as ledger:
        bare = deploy_bare(ledger)
        for which, want in (("the first of a log", "<= 2.1"), ("each later one", "<= 1.4")):
            grow(ledger)
            made = ledger.anchor()
            gas, event = gas_of(ledger, made), emit_bare(ledger, bare, made)
            yield Row(f"anchor: {which}", gas, "gas", event, "bare event", want)
        yield from _measure_time(ledger, bare, 5 if quick else 21)
        yield _measure_row(ledger, 50 if quick else 1000)


def grow(ledger: Rehearsal) -> None:
    """Record one decision more."""
    ledger.log.append(ledger.work.id, [filling.draft(ledger.log.size)])


def gas_of(ledger: Rehearsal, anchor: Anchor) -> int:
    """Ask the chain what an anchor used."""
    receipt = call_local(ledger.testnet.port, "eth_getTransactionReceipt", "0x" + anchor.tx.hex())
    if not isinstance(receipt, dict):
        raise LookupError("the chain has no receipt of the anchor")
    return int(str(receipt["gasUsed"]), 16)


def deploy_bare(ledger: Rehearsal) -> Address:
    """Put the contract that only logs on the chain."""
    send_as_test_account(ledger.testnet, DEPLOYER, _SALT + _INIT + _BARE)
    return create2_address(DEPLOYER, _SALT, _INIT + _BARE)


def emit_bare(ledger: Rehearsal, contract: Address, like: Anchor) -> int:
    """Log the event of an anchor and nothing else; give the gas that it used."""
    prior, size = like.prior.to_bytes(32, "big"), like.size.to_bytes(32, "big")
    words = (origin_id(ledger.log.origin), prior, size, like.root)
    receipt = send_as_test_account(ledger.testnet, contract, _TOPIC[:4] + b"".join(words))
    logs = receipt["logs"]
    if receipt["status"] != "0x1" or not isinstance(logs, list) or len(logs) != 1:
        raise LookupError("the bare event was not logged")
    return int(str(receipt["gasUsed"]), 16)


def _measure_time(ledger: Rehearsal, bare: Address, turns: int) -> Iterator[Row]:
    def anchor() -> Anchor:
        grow(ledger)
        return ledger.anchor()

    like = anchor()
    ours, peer = median_of(turns, anchor, lambda: emit_bare(ledger, bare, like))
    # Sealed, priced, signed, stored, sent, mined, proved, and the proof checked and kept.
    name = "anchor: sealed, sent, mined, proved"
    yield Row(name, ours, "s", 1, "limit", "<= 1")
    yield Row(name, ours, "s", peer, "bare transaction, mined")


def _measure_row(ledger: Rehearsal, count: int) -> Row:
    """Anchor so often in a row through one node; no number of the account may stick or be lost."""
    before = len(list_anchors(ledger.log))

    def run() -> None:
        for _ in range(count):
            grow(ledger)
            ledger.anchor()

    took = seconds(run)
    sent = [parse_transaction(anchor.raw).nonce for anchor in list_anchors(ledger.log)]
    if sent != list(range(before + count)):
        raise LookupError("numbers of the account were left out or taken twice")
    return Row(f"anchor: {count:,} in a row, one node, each", took / count, "s", 1, "limit", "<= 1")
