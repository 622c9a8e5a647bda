"""The lower time bound of a working session: what a node shows as the newest block.

    {"block_hash":"<64 hex>","block_number":1042,"block_time":1767261600,"chain":31337,
     "head":"<64 hex>"}

`head` is our log's word on chain (evidence/accumulator.py), all zeros before the first
anchor. An entry that holds a block's hash was written after that block. A node that does
not answer at once is no error: the session then has no lower bound. No web3.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from stemproof.acts.anchoring import CHAIN_SETTING, RPC_SETTING, origin_id
from stemproof.anchor.jsonrpc import decode_answer
from stemproof.anchor.post import post_json
from stemproof.errors import BadInput, Locked, Malformed, Unavailable, Usage
from stemproof.evidence.quantity import parse_data, parse_quantity
from stemproof.record.canonical import MAX_INTEGER

if TYPE_CHECKING:
    from stemproof.acts.home import Home
    from stemproof.log.store import Log
    from stemproof.record.canonical import Json

TIMEOUT_S: Final = 1.5
KEPT_S: Final = 60.0
# The newest block with the hashes of its transactions is below a tenth of it.
_MAX_ANSWER: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and of whom."""

    url: str
    chain_id: int
    contract: bytes
    account: bytes
    origin: bytes


class Bounds:
    """Finds the bound at most once a minute, and never lets a slow node hold a watch up."""

    def __init__(
        self, home: Home, log: Log, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._home = home
        self._log = log
        self._monotonic = monotonic
        self._kept: tuple[float, Json] | None = None

    def find(self) -> Json:
        """Give the newest bound, not older than a minute, or None."""
        now = self._monotonic()
        if self._kept is None or now - self._kept[0] >= KEPT_S:
            self._kept = (now, find_bound(self._home, self._log))
        return self._kept[1]


def find_bound(home: Home, log: Log) -> Json:
    """Ask the ledger's chain for its newest block and our head; None where it is not reachable."""
    try:
        asked = choose_question(home, log)
    except (Unavailable, BadInput, Malformed, Locked, Usage):
        return None
    if asked is None:
        return None
    answers: list[Json] = []
    # Looking a host's name up takes no timeout; a thread of its own does.
    asking = threading.Thread(target=lambda: answers.append(ask(asked)), daemon=True)
    asking.start()
    asking.join(TIMEOUT_S)
    return answers[0] if answers else None


def choose_question(home: Home, log: Log) -> Question | None:
    """Say which node to ask; None where no chain is chosen and the local one does not run."""
    from stemproof.anchor.chains import LOCAL_CHAIN_ID, contract_on, find_chain, load_chains
    from stemproof.evidence.ethsig import parse_address
    from stemproof.keys.public import read_public
    from stemproof.testnet.state import StateDir

    name, url = log.setting(CHAIN_SETTING), log.setting(RPC_SETTING)
    if name in (None, "local", str(LOCAL_CHAIN_ID)):
        run = StateDir(home.testnet).read_run()
        if run is None and url is None:
            return None
        url = url if run is None else f"http://127.0.0.1:{run.port}"
        name = str(LOCAL_CHAIN_ID)
    chains = load_chains(home.chains_file if home.chains_file.exists() else None)
    chain = find_chain(chains, str(name))
    urls = chain.rpcs if url is None else (url,)
    if not urls:
        return None
    account = parse_address(read_public(home.path).account_address)
    contract = contract_on(chain.id)
    return Question(urls[0], chain.id, bytes(contract), bytes(account), origin_id(log.origin))


def ask(question: Question) -> Json:
    """Ask one node; None whatever goes wrong, since nothing depends on it."""
    try:
        node = _Node(question.url)
        if parse_quantity(node.call("eth_chainId"), "chain id") != question.chain_id:
            return None
        block = node.call("eth_getBlockByNumber", "latest", False)
        if not isinstance(block, dict):
            return None
        number = parse_quantity(block.get("number"), "block number")
        head = node.call("eth_call", _head_call(question), hex(number))
        made = parse_quantity(block.get("timestamp"), "block time")
        if max(number, made) > MAX_INTEGER:
            return None
        return {
            "block_hash": _word(block.get("hash")).hex(),
            "block_number": number,
            "block_time": made,
            "chain": question.chain_id,
            # Where the contract is not deployed yet, a call answers with nothing.
            "head": _word(head if head != "0x" else "0x" + bytes(32).hex()).hex(),
        }
    except (OSError, http.client.HTTPException, ValueError, Malformed):
        return None


def _head_call(question: Question) -> Json:
    from stemproof.evidence.keccak import keccak256

    selector = keccak256(b"headOf(address,bytes32)")[:4]
    data = selector + question.account.rjust(32, b"\0") + question.origin
    return {"to": "0x" + question.contract.hex(), "data": "0x" + data.hex()}


def _word(value: object) -> bytes:
    data = parse_data(value, "word")
    if len(data) != 32:
        raise Malformed("word", value, "32 bytes")
    return data


class _Node:
    """One node, asked over plain HTTP or TLS; redirections are not followed."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            raise ValueError(f"not a node's address: {url!r:.80}")
        self._parts = parts

    def call(self, method: str, *params: Json) -> object:
        """Call a method and give its result."""
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        body = json.dumps(asked).encode()
        raw = post_json(self._parts, body, limit=_MAX_ANSWER, timeout_s=TIMEOUT_S)
        answer = decode_answer(raw)
        if not isinstance(answer, dict) or "result" not in answer:
            raise ValueError("not the answer of a chain")
        result: object = answer["result"]
        return result
