"""Asking a node for one block hash, without web3: all that a verifier needs of a chain.

The answer decides nothing alone: the verdict names the node that gave it. No redirects, a
bound on time and size; a key that an address may hold is never shown. A busy node is asked again.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import time
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from stemproof.anchor.jsonrpc import decode_answer
from stemproof.anchor.post import exchange
from stemproof.errors import BadInput, Unavailable

# A block without its transactions' bodies has some ten kilobytes of hashes.
MAX_ANSWER_BYTES: Final = 4 << 20
# How long a busy node is left alone before each further try.
_PAUSES_S: Final = (0.1, 0.4)
# Too many requests; a gateway whose node is away.
_BUSY: Final = frozenset((429, 502, 503, 504))
_HASH = re.compile(r"0x[0-9a-f]{64}")


class RpcBlocks:
    """A node that says which block has a number (verify's `BlockSource`)."""

    def __init__(self, url: str, *, timeout_s: float = 10.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(f"{url!r:.60} is no address of a node", hint="it begins with https://")
        self._url = parts
        self._timeout_s = timeout_s
        self._chain_id: int | None = None
        #: The host alone: paths may hold access keys.
        self.name = parts.hostname + (f":{parts.port}" if parts.port else "")

    def block_hash(self, chain_id: int, number: int) -> bytes | None:
        """Give the hash of a block, None if the node has no such block."""
        self.check_chain(chain_id)
        block = self._call("eth_getBlockByNumber", hex(number), False)
        if block is None:
            return None
        found = block.get("hash") if isinstance(block, dict) else None
        at = block.get("number") if isinstance(block, dict) else None
        if not isinstance(found, str) or not _HASH.fullmatch(found) or at != hex(number):
            raise Unavailable(f"{self.name} answers with something that is not block {number}")
        return bytes.fromhex(found[2:])

    def check_chain(self, chain_id: int) -> None:
        """Demand that the node serves a chain."""
        if self._chain_id is None:
            self._chain_id = _number(self._call("eth_chainId"), self.name)
        if self._chain_id != chain_id:
            raise Unavailable(f"{self.name} serves chain {self._chain_id}, want {chain_id}")

    def _call(self, method: str, *params: object) -> object:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        try:
            answer = decode_answer(self._post(body.encode()))
        except (OSError, http.client.HTTPException, ssl.SSLError) as error:
            raise Unavailable(f"{self.name} does not answer") from error
        except ValueError as error:
            raise Unavailable(f"{self.name} answers, but not as a chain's node") from error
        if not isinstance(answer, dict) or "result" not in answer:
            raise Unavailable(f"{self.name} refuses {method}")
        return answer["result"]

    def _post(self, body: bytes) -> bytes:
        """Post, again where the node hangs up or says that it is busy; a timeout is an answer."""
        for pause_s in _PAUSES_S:
            with suppress(ConnectionResetError, http.client.HTTPException):
                status, raw = self._exchange(body)
                if status not in _BUSY:
                    return raw
            time.sleep(pause_s)
        return self._exchange(body)[1]

    def _exchange(self, body: bytes) -> tuple[int, bytes]:
        return exchange(self._url, body, limit=MAX_ANSWER_BYTES, timeout_s=self._timeout_s)


def _number(value: object, name: str) -> int:
    if not isinstance(value, str) or re.fullmatch(r"0x[0-9a-f]{1,16}", value) is None:
        raise Unavailable(f"{name} answers, but not as a chain's node")
    return int(value, 16)
