"""Make the vectors in tests/vectors/chainevidence from real blocks of a local chain.

    anvil --port 8549 --hardfork osaka --no-mining --accounts 8 --order fifo
    python tests/evidence/make_chainevidence.py http://127.0.0.1:8549 CREATION_CODE_HEX_FILE NAME

With `revoked` as a fourth word only the history that ends by a revocation is played.
What a vector expects comes from the node's own answers (block hash, storage, call), not
from the code under test. Run by hand when the format changes; the vectors are committed.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

from stemproof.evidence.accumulator import next_head
from stemproof.evidence.assembly import AnchorPlace, assemble_evidence
from stemproof.evidence.chain import format_evidence, head_slot
from stemproof.evidence.keccak import keccak256
from stemproof.evidence.receipt import receipt_bytes_from_rpc
from stemproof.evidence.trie import build_proof

VECTORS = Path(__file__).parents[1] / "vectors" / "chainevidence"
ANCHOR = keccak256(b"anchor(bytes32,uint256,uint40,bytes32)")[:4]
REVOKE = keccak256(b"revoke(bytes32)")[:4]
HEAD_OF = keccak256(b"headOf(address,bytes32)")[:4]


class Node:
    """A JSON-RPC client, as small as can be."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, method: str, *params: object) -> Any:  # JSON of the node's choosing
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        request = urllib.request.Request(
            self.url, body.encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            document = json.load(answer)
        if "error" in document:
            raise SystemExit(f"{method}: {document['error']}")
        return document["result"]


def _word(value: int | bytes) -> bytes:
    return value.to_bytes(32, "big") if isinstance(value, int) else value.rjust(32, b"\0")


def _write(name: str, vector: dict[str, Any]) -> None:
    text = json.dumps(vector, indent=1, sort_keys=True)
    (VECTORS / f"{name}.json").write_text(text + "\n")


class Chain:
    """The contract on the node, and what the makers of cases need of it."""

    def __init__(self, node: Node, code: str) -> None:
        self.node = node
        self.accounts = [bytes.fromhex(a[2:]) for a in node.ask("eth_accounts")]
        self.send(self.accounts[0], None, bytes.fromhex(code.removeprefix("0x")))
        block = self.mine()
        receipt = node.ask("eth_getTransactionReceipt", block["transactions"][0])
        self.contract = bytes.fromhex(receipt["contractAddress"][2:])

    def send(self, sender: bytes, to: bytes | None, data: bytes, value: int = 0) -> None:
        call = {
            "from": "0x" + sender.hex(),
            "data": "0x" + data.hex(),
            "value": hex(value),
            "gas": hex(1_500_000 if to is None else 200_000),
        }
        if to is not None:
            call["to"] = "0x" + to.hex()
        self.node.ask("eth_sendTransaction", call)

    def mine(self) -> dict[str, Any]:
        self.node.ask("evm_mine")
        block: dict[str, Any] = self.node.ask("eth_getBlockByNumber", "latest", False)
        return block

    def head(self, publisher: bytes, origin: bytes) -> int:
        call = {
            "to": "0x" + self.contract.hex(),
            "data": "0x" + (HEAD_OF + _word(publisher) + origin).hex(),
        }
        return int(self.node.ask("eth_call", call, "latest"), 16)

    def anchor(self, publisher: bytes, origin: bytes, prior: int, size: int) -> None:
        root = keccak256(b"root %d" % size)
        data = ANCHOR + origin + _word(prior) + _word(size) + root
        self.send(publisher, self.contract, data)

    def write(
        self, name: str, block: dict[str, Any], index: int, publisher: bytes, origin: bytes
    ) -> None:
        slot = "0x" + head_slot(publisher, origin).hex()
        at = {"blockHash": block["hash"]}
        contract = "0x" + self.contract.hex()
        answers = {
            "block": {k: v for k, v in block.items() if k != "transactions"},
            "proof": self.node.ask("eth_getProof", contract, [slot], at),
            "receipts": self.node.ask("eth_getBlockReceipts", block["number"]),
        }
        evidence = assemble_evidence(
            AnchorPlace(
                chain_id=int(self.node.ask("eth_chainId"), 16),
                contract=self.contract,
                publisher=publisher,
                origin_id=origin,
                transaction_index=index,
            ),
            **answers,
        )
        head = self.head(publisher, origin)
        assert head == int(self.node.ask("eth_getStorageAt", contract, slot, at), 16)
        log = self.node.ask("eth_getTransactionReceipt", block["transactions"][index])["logs"][-1]
        data = bytes.fromhex(log["data"][2:])
        vector = {
            "evidence": json.loads(format_evidence(evidence)),
            "proved": {
                "block_hash": block["hash"][2:],
                "number": int(block["number"], 16),
                "time": int(block["timestamp"], 16),
                "parent_hash": block["parentHash"][2:],
                "head": f"{head:064x}",
                "size": int.from_bytes(data[:32], "big"),
                "root": data[32:64].hex(),
                "prior": data[64:].hex(),
            },
        }
        if head >> 216 == 2**40 - 1:
            vector["proved"]["revoked"] = True
        # The answers of the small block also feed the tests of assembling evidence.
        if name.endswith("-first"):
            vector["answers"] = answers
        _write(name, vector)


def play_growth(chain: Chain, name: str) -> None:
    """Play one small history and write a vector for each anchor in it that counts."""
    one, two, *others = chain.accounts
    origin, other_origin = keccak256(b"first log"), keccak256(b"second log")

    chain.anchor(one, origin, 0, 3)
    chain.write(f"{name}-first", chain.mine(), 0, one, origin)

    # A busy block: neighbours in the receipts trie, other logs in the storage trie.
    for n, other in enumerate(others):
        chain.anchor(other, keccak256(b"log %d" % n), 0, 1 + n)
        for k in range(16):
            chain.send(other, keccak256(b"%d %d" % (n, k))[12:], b"", 1)
    chain.anchor(one, origin, chain.head(one, origin), 1000)
    chain.anchor(two, other_origin, 0, 70_000)
    block = chain.mine()
    hashes = block["transactions"]
    for tx in hashes:
        receipt = chain.node.ask("eth_getTransactionReceipt", tx)
        if receipt["from"][2:] == one.hex() and receipt["logs"]:
            chain.write(f"{name}-busy", block, int(receipt["transactionIndex"], 16), one, origin)

    # One log twice in one block: only the second leaves its head in the slot.
    block = _anchor_twice(chain, one, origin, block)
    chain.write(f"{name}-twice", block, 1, one, origin)
    _write_earlier(chain, f"{name}-twice", block, f"refused-{name}-earlier-of-two")


def play_revocation(chain: Chain, name: str) -> None:
    """Anchor one log twice and revoke it, all in one block: the second anchor is proved."""
    one, origin = chain.accounts[0], keccak256(b"ended log")
    chain.anchor(one, origin, 0, 3)
    block = chain.mine()
    block = _anchor_twice(chain, one, origin, block, then=REVOKE + origin)
    assert chain.head(one, origin) >> 216 == 2**40 - 1
    chain.write(f"{name}-revoked", block, 1, one, origin)
    _write_earlier(chain, f"{name}-revoked", block, f"refused-{name}-revoked-earlier-of-two")
    _write(
        f"refused-{name}-revoked-no-anchor",
        {
            "base": f"{name}-revoked",
            "set": {"transaction_index": 2, "receipt_proof": _receipt_nodes(chain, block, 2)},
            "refused": "Refuted",
            "says": "the event's topics are",
        },
    )


def _anchor_twice(
    chain: Chain, publisher: bytes, origin: bytes, before: dict[str, Any], then: bytes = b""
) -> dict[str, Any]:
    # A wrong guess of the head between them would be refused by the contract.
    prior = chain.head(publisher, origin)
    time = int(before["timestamp"], 16) + 12
    middle = next_head(
        prior,
        size=1001,
        root=keccak256(b"root %d" % 1001),
        number=int(before["number"], 16) + 1,
        time=time,
        parent_hash=bytes.fromhex(before["hash"][2:]),
    )
    chain.anchor(publisher, origin, prior, 1001)
    chain.anchor(publisher, origin, middle, 1002)
    if then:
        chain.send(publisher, chain.contract, then)
    chain.node.ask("evm_setNextBlockTimestamp", time)
    return chain.mine()


def _receipt_nodes(chain: Chain, block: dict[str, Any], index: int) -> list[str]:
    receipts = chain.node.ask("eth_getBlockReceipts", block["number"])
    _, nodes = build_proof([receipt_bytes_from_rpc(receipt) for receipt in receipts], index)
    return [node.hex() for node in nodes]


def _write_earlier(chain: Chain, base: str, block: dict[str, Any], name: str) -> None:
    _write(
        name,
        {
            "base": base,
            "set": {"transaction_index": 0, "receipt_proof": _receipt_nodes(chain, block, 0)},
            "refused": "Refuted",
            "says": "a later anchor of this log",
        },
    )


def main(url: str, code_file: str, name: str, only: str = "") -> None:
    """Play the histories and write their vectors."""
    chain = Chain(Node(url), Path(code_file).read_text().strip())
    if only != "revoked":
        play_growth(chain, name)
    play_revocation(chain, name)


if __name__ == "__main__":
    main(*sys.argv[1:5])
