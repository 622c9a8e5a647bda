"""JSON-RPC to the chain that we started ourselves on loopback.

It needs no web3, so that `testnet up` answers at once. It never talks to any other host, and it is
not how anchors are published: that is stemproof.anchor.evm.
"""

from __future__ import annotations

import http.client
import json
from typing import cast
from urllib.parse import urlsplit

from stemproof.anchor.jsonrpc import Json, decode_answer
from stemproof.anchor.post import post_json
from stemproof.errors import Unavailable

#: The only address that a test chain listens on.
LOOPBACK = "127.0.0.1"
# The whole state of ten thousand blocks; a block or a proof is far smaller.
_MAX_ANSWER_BYTES = 256 * 2**20


def call_local(port: int, method: str, *params: Json, timeout_s: float = 10.0) -> Json:
    """Call `method` of the chain on `port`; Unavailable when nothing sensible answers."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
    url = urlsplit(f"http://{LOOPBACK}:{port}/")
    try:
        raw = post_json(url, body.encode(), limit=_MAX_ANSWER_BYTES, timeout_s=timeout_s)
        answer = decode_answer(raw)
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(f"nothing answers as a chain on {LOOPBACK}:{port}") from error
    except ValueError as error:
        raise Unavailable(f"{LOOPBACK}:{port} answers, but not as a chain") from error
    if not isinstance(answer, dict) or not ({"result", "error"} & answer.keys()):
        raise Unavailable(f"{LOOPBACK}:{port} answers, but not as a chain")
    if answer.get("error") is not None:
        raise Unavailable(f"the local chain refuses {method}: {answer['error']!r:.200}")
    return cast("Json", answer.get("result"))


def call_text(port: int, method: str, *params: Json, timeout_s: float = 10.0) -> str:
    """Call `method` and demand that the answer is text, as quantities and hashes are."""
    result = call_local(port, method, *params, timeout_s=timeout_s)
    if not isinstance(result, str):
        raise Unavailable(f"the local chain answers {method} with {result!r:.80}, want text")
    return result
