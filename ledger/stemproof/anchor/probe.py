"""What a chain is like behind one node: whether anchors there can be made and be proved.

Every finding is found by asking and, where that is possible, by computing: a header is hashed,
a state proof is checked. Nothing is sent and nothing is paid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from stemproof.anchor.contract import address_of
from stemproof.anchor.deployments import CONTRACTS, Standing, find_contract, find_deployer
from stemproof.anchor.fees import format_wei, suggest_fees
from stemproof.anchor.problems import ContractMissing, NodeRefuses, UntrustedNode, WrongChain
from stemproof.errors import Refuted, Unavailable
from stemproof.evidence.ethsig import format_address
from stemproof.evidence.header import header_rlp_from_rpc, parse_header
from stemproof.evidence.quantity import parse_data
from stemproof.evidence.state import prove_account

if TYPE_CHECKING:
    from stemproof.anchor.evm import BlockRef, Chain

# A next anchor: tests/contracts/gas.json.
_ANCHOR_GAS = 33_000
# Longer extra data holds signatures (clique, Bor).
_PLAIN_EXTRA = 32
_TRIE_NODES = 65


class Found(StrEnum):
    """What a look at one thing yields."""

    GOOD = "good"
    #: Not there yet, or not offered: something does without it, or it can be put there.
    MISSING = "missing"
    #: It contradicts what it should be.
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    found: Found
    detail: str


def find_genesis(chain: Chain) -> bytes | None:
    """Ask for the hash of block 0; None where the node does not keep it or does not say."""
    try:
        block = chain.find_block(0)
    except (NodeRefuses, UntrustedNode):
        # Some nodes drop the oldest blocks and answer in ways of their own.
        return None
    return None if block is None or block.number != 0 else block.hash


def check_genesis(chain: Chain) -> bytes | None:
    """Refuse a node of another chain with the same id; give block 0's hash if the node says it."""
    found, wanted = find_genesis(chain), chain.info.genesis
    if found is not None and wanted is not None and found != wanted:
        raise WrongChain(
            f"{chain.node.where} serves another chain of the id {chain.info.id}: its block 0 is "
            f"{found.hex()[:12]}, that of {chain.info.name} is {wanted.hex()[:12]}",
            hint="choose another node",
        )
    return found


def look_at(chain: Chain) -> Iterator[Finding]:
    """Look at everything that anchors and their proofs need; each finding as it is found."""
    for what, look in _LOOKS.items():
        try:
            found, detail = look(chain)
        except (WrongChain, Refuted, ContractMissing) as error:
            found, detail = Found.WRONG, str(error)
        except Unavailable as error:
            found, detail = Found.UNKNOWN, str(error)
        yield Finding(what, found, detail)
    for name in CONTRACTS:
        yield _look_at_contract(chain, name)


def _look_at_id(chain: Chain) -> tuple[Found, str]:
    chain.check_id()
    return Found.GOOD, f"{chain.info.id}, at {chain.node.where}"


def _look_at_genesis(chain: Chain) -> tuple[Found, str]:
    found = check_genesis(chain)
    if found is None:
        return Found.UNKNOWN, f"{chain.node.where} does not tell block 0"
    if chain.info.genesis is None:
        return Found.GOOD, f"0x{found.hex()}, with nothing in the table to compare"
    return Found.GOOD, f"0x{found.hex()}"


def _look_at_header(chain: Chain) -> tuple[Found, str]:
    block, answer = _newest(chain)
    header_rlp_from_rpc(answer)
    is_signed = len(parse_data(answer.get("extraData"), "extraData")) > _PLAIN_EXTRA
    if is_signed != chain.info.poa:
        said = "with" if chain.info.poa else "without"
        return Found.WRONG, f"block {block.number} hashes, but the table has it {said} signatures"
    seal = ", signed in its extra data" if is_signed else ""
    return Found.GOOD, f"block {block.number} hashes to what the node says{seal}"


def _look_at_finality(chain: Chain) -> tuple[Found, str]:
    depth, newest = chain.info.finality_depth, chain.latest_block().number
    if depth is not None:
        return Found.GOOD, f"{depth} blocks on top, so block {max(0, newest - depth)}"
    block = chain.find_block("finalized")
    if block is None:
        return Found.MISSING, "the node names no final block (a young chain, or give depth:N)"
    return Found.GOOD, f"block {block.number}, {newest - block.number} behind the newest"


def _look_at_proof(chain: Chain) -> tuple[Found, str]:
    block, answer = _newest(chain)
    address = chain.contract
    proof = chain.node.read_object(
        "eth_getProof",
        format_address(address),
        ["0x" + bytes(32).hex()],
        {"blockHash": "0x" + block.hash.hex()},
    )
    nodes = None if proof is None else proof.get("accountProof")
    if not isinstance(nodes, list) or len(nodes) > _TRIE_NODES:
        return Found.WRONG, f"{chain.node.where} answers eth_getProof without a proof"
    state_root = parse_header(header_rlp_from_rpc(answer)).state_root
    prove_account(state_root, bytes(address), [parse_data(node, "trie node") for node in nodes])
    return Found.GOOD, f"{len(nodes)} nodes lead to the state root of block {block.number}"


def _look_at_receipts(chain: Chain) -> tuple[Found, str]:
    block = chain.latest_block()
    receipts = chain.node.call("eth_getBlockReceipts", "0x" + block.hash.hex())
    if not isinstance(receipts, list):
        return Found.MISSING, "not told for a whole block; they are asked one by one"
    return Found.GOOD, f"{len(receipts)} of block {block.number} in one answer"


def _look_at_fees(chain: Chain) -> tuple[Found, str]:
    fees = suggest_fees(chain)
    price = format_wei(_ANCHOR_GAS * (fees.base_fee + fees.tip))
    return Found.GOOD, f"a timestamp costs about {price} {chain.info.currency} now"


def _look_at_deployer(chain: Chain) -> tuple[Found, str]:
    standing = find_deployer(chain)
    if standing is Standing.OTHER:
        return Found.WRONG, "something else is at the address of the deployment proxy"
    if standing is Standing.ABSENT:
        return Found.MISSING, "`stemproof chain deploy` puts it there"
    return Found.GOOD, "the deterministic deployment proxy"


def _look_at_contract(chain: Chain, name: str) -> Finding:
    where = format_address(address_of(name))
    try:
        standing = find_contract(chain, name)
    except Unavailable as error:
        return Finding(name, Found.UNKNOWN, str(error))
    if standing is Standing.OTHER:
        return Finding(name, Found.WRONG, f"other code than {name} is at {where}")
    if standing is Standing.ABSENT:
        return Finding(name, Found.MISSING, f"not at {where} yet")
    return Finding(name, Found.GOOD, f"at {where}, the code that this release ships")


def _newest(chain: Chain) -> tuple[BlockRef, Mapping[str, object]]:
    answer = chain.node.read_object("eth_getBlockByNumber", "latest", False)
    if answer is None:
        raise UntrustedNode(f"{chain.node.where} knows no latest block")
    return chain.read_block(answer), answer


_LOOKS: Mapping[str, Callable[[Chain], tuple[Found, str]]] = {
    "chain id": _look_at_id,
    "genesis": _look_at_genesis,
    "headers": _look_at_header,
    "finality": _look_at_finality,
    "state proofs": _look_at_proof,
    "receipts": _look_at_receipts,
    "fees": _look_at_fees,
    "deployer": _look_at_deployer,
}
