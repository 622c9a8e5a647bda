"""Proofs checked by the EVM, on the vectors and on the trees that Python is held to."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.seal import naive
from tests.seal.test_public_vectors import ROOTS_THAT_ARE_NO_HASHES
from tests.seal.test_public_vectors import VECTORS as PUBLIC
from tests.testnet.running import running_testnet

from stemproof.anchor.contract import load_artifact
from stemproof.anchor.jsonrpc import Json
from stemproof.errors import Unavailable
from stemproof.evidence.keccak import keccak256
from stemproof.testnet.anvil import Testnet
from stemproof.testnet.rpc import call_local, call_text

pytestmark = pytest.mark.chain

VECTORS = Path(__file__).parents[1] / "vectors"
INCLUSION = "isIncluded(bytes32,uint256,uint256,bytes32[],bytes32)"
CONSISTENCY = "isConsistent(uint256,bytes32,uint256,bytes32,bytes32[])"
Value = bytes | int | list[bytes]


def encode(signature: str, values: list[Value]) -> bytes:
    """Write a call's ABI encoding, by hand: words in front, the one array behind them."""
    front, behind = [], b""
    for value in values:
        if isinstance(value, list):
            front.append((32 * len(values)).to_bytes(32, "big"))
            behind = len(value).to_bytes(32, "big") + b"".join(value)
        else:
            front.append(value if isinstance(value, bytes) else value.to_bytes(32, "big"))
    return keccak256(signature.encode())[:4] + b"".join(front) + behind


class Contract:
    """LogProofs on a chain."""

    def __init__(self, testnet: Testnet) -> None:
        self._port = testnet.port
        accounts = call_local(testnet.port, "eth_accounts")
        assert isinstance(accounts, list)
        code = "0x" + load_artifact("LogProofs").bytecode.hex()
        deployment: dict[str, Json] = {"from": accounts[0], "data": code}
        sent = call_text(testnet.port, "eth_sendTransaction", deployment)
        receipt = None
        while receipt is None:
            receipt = call_local(testnet.port, "eth_getTransactionReceipt", sent)
        assert isinstance(receipt, dict)
        self._address = str(receipt["contractAddress"])

    def ask(self, data: bytes) -> bytes:
        """Call a pure function."""
        call: dict[str, Json] = {"to": self._address, "data": "0x" + data.hex()}
        return bytes.fromhex(call_text(self._port, "eth_call", call, "latest")[2:])

    def includes(self, leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> bool:
        return self._judge(INCLUSION, [leaf, index, size, proof, root])

    def is_consistent(
        self, size1: int, root1: bytes, size2: int, root2: bytes, proof: list[bytes]
    ) -> bool:
        return self._judge(CONSISTENCY, [size1, root1, size2, root2, proof])

    def _judge(self, signature: str, values: list[Value]) -> bool:
        """Ask the contract; what cannot be written as a call at all is refused before it."""
        hashes = [v for v in values if isinstance(v, bytes)]
        hashes += [node for v in values if isinstance(v, list) for node in v]
        numbers = [v for v in values if isinstance(v, int)]
        if any(len(value) != 32 for value in hashes) or any(n < 0 for n in numbers):
            return False
        answer = int.from_bytes(self.ask(encode(signature, values)), "big")
        assert answer in (0, 1)
        return bool(answer)


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contract]:
    with running_testnet(tmp_path_factory.mktemp("chain")) as testnet:
        yield Contract(testnet)


def vectors(check: str) -> list[Any]:
    return [
        pytest.param(json.loads(path.read_text()), id=path.stem)
        for path in sorted((VECTORS / check).glob("*.json"))
    ]


def plain(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.mark.parametrize("case", vectors("inclusion"))
def test_inclusion_is_judged_as_the_vectors_say(contract: Contract, case: dict[str, Any]) -> None:
    proof = [plain(node) for node in case["proof"]]
    judged = contract.includes(
        plain(case["leaf"]), case["index"], case["size"], proof, plain(case["root"])
    )
    assert judged is (case["want"] != "refused")


@pytest.mark.parametrize("case", vectors("consistency"))
def test_consistency_is_judged_as_the_vectors_say(contract: Contract, case: dict[str, Any]) -> None:
    proof = [plain(node) for node in case["proof"]]
    judged = contract.is_consistent(
        case["size1"], plain(case["root1"]), case["size2"], plain(case["root2"]), proof
    )
    assert judged is (case["want"] != "refused")


def public(name: str) -> list[Any]:
    path = PUBLIC / "rfc6962-merkle" / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def based(text: str | None) -> bytes:
    return base64.b64decode(text or "")


@pytest.mark.skipif(not PUBLIC.is_dir(), reason="no corpus: set STEMPROOF_CORPUS to its folder")
def test_the_published_proofs_are_judged_as_their_makers_say(contract: Contract) -> None:
    cases = 0
    for case in public("inclusion"):
        proof = [based(node) for node in case["proof"] or []]
        judged = contract.includes(
            based(case["leafHash"]), case["leafIdx"], case["treeSize"], proof, based(case["root"])
        )
        assert judged is not case["wantErr"], case["path"]
        cases += 1
    for case in public("consistency"):
        proof = [based(node) for node in case["proof"] or []]
        judged = contract.is_consistent(
            case["size1"], based(case["root1"]), case["size2"], based(case["root2"]), proof
        )
        # A root that is no hash cannot even be written as a call.
        wanted = not case["wantErr"] and case["path"] != ROOTS_THAT_ARE_NO_HASHES
        assert judged is wanted, case["path"]
        cases += 1
    assert cases > 100


def test_every_proof_in_trees_of_up_to_nineteen_entries_holds(contract: Contract) -> None:
    entries = [b"entry %d" % number for number in range(19)]
    leaves = [hashlib.sha256(b"\0" + entry).digest() for entry in entries]
    roots = [naive.root(entries[:size]) for size in range(20)]
    for size in range(1, 20):
        for index in range(0, size, 3):
            proof = naive.path(index, entries[:size])
            assert contract.includes(leaves[index], index, size, proof, roots[size])
            assert not contract.includes(leaves[index], index ^ 1, size, proof, roots[size])
        for prior in range(1, size + 1, 2):
            between = naive.consistency(prior, entries[:size])
            assert contract.is_consistent(prior, roots[prior], size, roots[size], between)
            assert not contract.is_consistent(prior, roots[prior - 1], size, roots[size], between)


def test_a_leaf_is_hashed_as_the_rfc_has_it(contract: Contract) -> None:
    for entry in (b"", b"x", bytes(range(256))):
        words = (32).to_bytes(32, "big") + len(entry).to_bytes(32, "big")
        padded = entry + bytes(-len(entry) % 32)
        answer = contract.ask(keccak256(b"leafHash(bytes)")[:4] + words + padded)
        assert answer == hashlib.sha256(b"\0" + entry).digest()


@pytest.mark.parametrize("size", [2**64, 2**256 - 1])
def test_sizes_beyond_the_format_are_no_proof_and_no_endless_loop(
    contract: Contract, size: int
) -> None:
    assert not contract.includes(bytes(32), size - 1, size, [bytes(32)] * 64, bytes(32))
    assert not contract.is_consistent(size - 1, bytes(32), size, bytes(32), [bytes(32)] * 64)


def test_a_proof_that_is_no_array_reverts(contract: Contract) -> None:
    data = encode(INCLUSION, [bytes(32), 0, 1, [], bytes(32)])
    with pytest.raises(Unavailable, match="revert"):
        contract.ask(data[:100])
