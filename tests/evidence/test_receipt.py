"""Receipts: real ones under the roots of real blocks, and what is refused."""

from __future__ import annotations

import pytest
from tests.evidence.vectors import cases, load

from stemproof.errors import Malformed, Refuted
from stemproof.evidence.receipt import (
    MAX_LOGS,
    MAX_TRANSACTION_INDEX,
    Log,
    parse_receipt,
    prove_receipt,
    receipt_bytes_from_rpc,
)
from stemproof.evidence.rlp import RlpItem, encode_rlp
from stemproof.evidence.trie import build_proof

LOG: RlpItem = [b"\x11" * 20, [b"\x22" * 32, b"\x33" * 32], b"data"]


def _receipt(status: bytes, logs: list[RlpItem]) -> bytes:
    return encode_rlp([status, b"\x52\x08", bytes(256), logs])


@pytest.mark.parametrize("case", cases("receipt"))
def test_the_receipts_of_a_public_block_hash_to_its_root(case: str) -> None:
    vector = load("receipt", case)
    items = [receipt_bytes_from_rpc(receipt) for receipt in vector["receipts"]]
    root, nodes = build_proof(items, 0)
    assert "0x" + root.hex() == vector["root"]
    assert prove_receipt(root, 0, nodes).succeeded == vector["succeeded"]


@pytest.mark.parametrize("case", cases("receipt", refused=True))
def test_a_malformed_receipt_is_refused(case: str) -> None:
    with pytest.raises(Malformed):
        parse_receipt(bytes.fromhex(load("receipt", case)["bytes"]))


@pytest.mark.parametrize("kind", [b"", b"\x01", b"\x02", b"\x03", b"\x04"])
def test_a_receipt_of_any_type_yields_its_logs(kind: bytes) -> None:
    receipt = parse_receipt(kind + _receipt(b"\x01", [LOG, LOG]))
    assert receipt.kind == int.from_bytes(kind, "big")
    assert receipt.logs == (Log(b"\x11" * 20, (b"\x22" * 32, b"\x33" * 32), b"data"),) * 2


def test_a_failed_transaction_says_so() -> None:
    assert not parse_receipt(_receipt(b"", [])).succeeded


def test_a_receipt_that_is_not_in_the_block_is_refused() -> None:
    root, nodes = build_proof([_receipt(b"\x01", [])], 1)
    with pytest.raises(Refuted, match="no transaction 1"):
        prove_receipt(root, 1, nodes)


@pytest.mark.parametrize("index", [-1, MAX_TRANSACTION_INDEX + 1])
def test_an_index_out_of_bounds_is_refused(index: int) -> None:
    with pytest.raises(Malformed):
        prove_receipt(bytes(32), index, [])


def test_more_logs_than_the_bound_are_refused() -> None:
    log: RlpItem = [b"\x11" * 20, [], b""]
    with pytest.raises(Malformed, match="number of logs"):
        parse_receipt(_receipt(b"\x01", [log] * (MAX_LOGS + 1)))


def test_a_receipt_from_before_byzantium_is_written_for_its_neighbours() -> None:
    data = receipt_bytes_from_rpc(
        {
            "root": "0x" + "44" * 32,
            "cumulativeGasUsed": "0x5208",
            "logsBloom": "0x" + "00" * 256,
            "logs": [{"address": "0x" + "11" * 20, "topics": [], "data": "0x"}],
        }
    )
    with pytest.raises(Malformed, match="status"):
        parse_receipt(data)


@pytest.mark.parametrize(
    "change",
    [{"logs": None}, {"logs": ["log"]}, {"type": "0x80"}, {"status": "1"}, {"logsBloom": None}],
)
def test_an_answer_that_is_no_receipt_is_refused(change: dict[str, object]) -> None:
    receipt = load("receipt", "hoodi-legacy")["receipts"][0]
    with pytest.raises(Malformed):
        receipt_bytes_from_rpc({**receipt, **change})
