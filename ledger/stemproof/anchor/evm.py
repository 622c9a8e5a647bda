"""An EVM chain: what its blocks, accounts and our contract say now.

    chain = open_chain(load_chains()[31337])
    head = chain.head_of(publisher, origin_id(origin))

`open_chain` takes the first node that answers and serves the right chain; where that one fails
later, the next of the table goes on. What a node says here is only good for deciding what to do
next; what is kept as proof goes through `capture`, which believes nothing that does not hash to
the block. Importing this module imports web3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from web3 import Web3

from stemproof.anchor.chains import ChainInfo, contract_on
from stemproof.anchor.contract import load_artifact
from stemproof.anchor.jsonrpc import Json
from stemproof.anchor.node import Node
from stemproof.anchor.problems import (
    ContractMissing,
    NodeBehind,
    NodeDown,
    UntrustedNode,
    WrongChain,
)
from stemproof.errors import Malformed
from stemproof.evidence.ethsig import Address, format_address
from stemproof.evidence.quantity import parse_data, parse_quantity

if TYPE_CHECKING:
    from web3.contract import Contract


@dataclass(frozen=True, slots=True)
class BlockRef:
    """A block, as a node names it."""

    number: int
    hash: bytes
    time: int
    parent_hash: bytes
    #: Wei a gas; 0 on chains from before EIP-1559.
    base_fee: int


def open_chain(
    info: ChainInfo,
    *,
    rpc_url: str | None = None,
    contract: Address | None = None,
    timeout_s: float = 10.0,
) -> Chain:
    """Connect to a chain: by the URL given, else by the first of the table that works."""
    urls = info.rpcs if rpc_url is None else (rpc_url,)
    if not urls:
        raise NodeDown(f"no node is known for {info.name}", hint="name one with --rpc")
    node = Node(*urls, serves=info, timeout_s=timeout_s)
    chain = Chain(info, node, contract=contract)
    chain.check_id()
    return chain


class Chain:
    """A chain behind one node, and the contract Anchors on it."""

    def __init__(self, info: ChainInfo, node: Node, *, contract: Address | None = None) -> None:
        self.info = info
        self.node = node
        self.contract = contract_on(info.id) if contract is None else contract

    @cached_property
    def anchors(self) -> Contract:
        """The contract as web3 encodes its calls."""
        web3 = Web3(self.node.provider)
        return web3.eth.contract(
            address=Web3.to_checksum_address(format_address(self.contract)),
            abi=load_artifact().abi,
        )

    def each_node(self) -> Iterator[Chain]:
        """Give the chain behind each of its nodes alone, the one that is asked now first."""
        for node in self.node.each():
            yield Chain(self.info, node, contract=self.contract)

    def check_id(self) -> None:
        """Demand that the node serves this chain."""
        found = self.node.read_quantity("eth_chainId")
        if found != self.info.id:
            raise WrongChain(
                f"{self.node.where} serves chain {found}, want {self.info.name} ({self.info.id})",
                hint="choose another node or another chain",
            )

    def check_contract(self) -> None:
        """Demand that Anchors, and nothing else, is at the contract's address."""
        where = f"{format_address(self.contract)} on {self.info.name}"
        code = self.node.read_data("eth_getCode", format_address(self.contract), "latest")
        if not code:
            raise ContractMissing(
                f"the contract Anchors is not deployed at {where} yet",
                hint="deploy it once, for everybody: the address stays the same",
            )
        if code != load_artifact().runtime_bytecode:
            raise ContractMissing(f"another contract than Anchors is at {where}")

    def latest_block(self) -> BlockRef:
        """Yield the newest block."""
        return self._demand_block("latest")

    def demand_height(self, number: int) -> None:
        """Demand a node that has come as far as a block; the others of the table are tried."""
        behind: list[str] = []
        while (newest := self.latest_block().number) < number:
            behind.append(f"{self.node.where} has blocks up to {newest}")
            if not self.node.skip():
                raise NodeBehind(
                    f"{'; '.join(behind)}, but the ledger knows block {number} of {self.info.name}",
                    hint="it has not caught up: try later, or name another node with --rpc",
                )

    def final_number(self) -> int:
        """Yield the number of the last final block, by the chain's rule; 0 if none is yet."""
        depth = self.info.finality_depth
        if depth is not None:
            return max(0, self.latest_block().number - depth)
        block = self.find_block("finalized")
        return 0 if block is None else block.number

    def find_block(self, number: int | str) -> BlockRef | None:
        """Yield the canonical block with this number or tag, None where there is none."""
        tag = number if isinstance(number, str) else hex(number)
        answer = self.node.read_object("eth_getBlockByNumber", tag, False, check=_parse_block)
        return None if answer is None else _parse_block(answer)

    def block_hash_is_canonical(self, number: int, block_hash: bytes) -> bool:
        """Ask the node whether the block with this number has this hash."""
        block = self.find_block(number)
        if block is not None and block.number != number:
            raise UntrustedNode(f"{self.node.where} answers block {number} with {block.number}")
        return block is not None and block.hash == block_hash

    def balance(self, account: Address) -> int:
        """Yield an account's balance in wei."""
        return self.node.read_quantity("eth_getBalance", format_address(account), "latest")

    def head_of(self, publisher: Address, origin_id: bytes, *, at: str = "latest") -> int:
        """Yield the head of a log on chain; 0 if it was never anchored."""
        data = self.anchors.encode_abi("headOf", args=[bytes(publisher), origin_id])
        word = self.call_contract(data, at=at)
        if len(word) != 32:
            self.check_contract()
            raise UntrustedNode(f"{self.node.where} answers headOf with {len(word)} bytes, want 32")
        return int.from_bytes(word, "big")

    def call_contract(self, data: str, *, at: str = "latest") -> bytes:
        """Call Anchors without a transaction."""
        call: dict[str, Json] = {"to": format_address(self.contract), "data": data}
        return self.node.read_data("eth_call", call, at)

    def find_transaction(self, tx_hash: bytes) -> Mapping[str, object] | None:
        """Yield a transaction that the node knows, mined or waiting."""
        return self._find("eth_getTransactionByHash", "hash", tx_hash)

    def find_receipt(self, tx_hash: bytes) -> Mapping[str, object] | None:
        """Yield a transaction's receipt, as the node tells it; None while there is none."""
        return self._find("eth_getTransactionReceipt", "transactionHash", tx_hash)

    def read_block(self, answer: Mapping[str, object]) -> BlockRef:
        """Read the members of a block that we use."""
        try:
            return _parse_block(answer)
        except Malformed as error:
            raise UntrustedNode(f"{self.node.where} is not to be believed: {error}") from error

    def _demand_block(self, tag: str) -> BlockRef:
        block = self.find_block(tag)
        if block is None:
            raise UntrustedNode(f"{self.node.where} knows no {tag} block")
        return block

    def _find(self, method: str, member: str, tx_hash: bytes) -> Mapping[str, object] | None:
        def demand_hash(found: Mapping[str, object]) -> None:
            if _hash(found.get(member), member) != tx_hash:
                raise Malformed(member, found.get(member), f"0x{tx_hash.hex()[:12]}, as asked")

        return self.node.read_object(method, "0x" + tx_hash.hex(), check=demand_hash)


def _parse_block(answer: Mapping[str, object]) -> BlockRef:
    return BlockRef(
        number=parse_quantity(answer.get("number"), "block number"),
        hash=_hash(answer.get("hash"), "block hash"),
        time=parse_quantity(answer.get("timestamp"), "block time"),
        parent_hash=_hash(answer.get("parentHash"), "parent hash"),
        base_fee=parse_quantity(answer.get("baseFeePerGas") or 0, "base fee"),
    )


def _hash(value: object, what: str) -> bytes:
    data = parse_data(value, what)
    if len(data) != 32:
        raise Malformed(what, value, "32 bytes")
    return data
