"""One address of a node, spoken to through web3's HTTP provider, one try a call.

Answers are bounded in bytes and in time, and come back as plain JSON. Addresses of nodes often
hold an access key, so messages show only their host. Every failure is one of `problems`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import requests
import urllib3
from web3 import HTTPProvider

from stemproof.anchor.jsonrpc import decode_answer
from stemproof.anchor.problems import NodeBusy, NodeDown, NodeRefuses, Unsupported, UntrustedNode
from stemproof.errors import Malformed
from stemproof.evidence.quantity import parse_data

if TYPE_CHECKING:
    from web3.types import RPCEndpoint, RPCResponse

    from stemproof.anchor.jsonrpc import Json

_CHUNK_BYTES = 64 * 1024
# JSON-RPC 2.0, section 5.1, and what EIP-1474 adds.
_METHOD_NOT_FOUND = -32601
_METHOD_NOT_SUPPORTED = -32004
_LIMIT_EXCEEDED = -32005
_SERVER_ERROR = -32000
# Looked up by a hash, so nothing asked can be wrong: geth refuses while it still indexes.
_LOOKUPS = frozenset(("eth_getTransactionByHash", "eth_getTransactionReceipt"))
# Too many requests; a gateway whose node is away.
_BUSY = frozenset((429, 502, 503, 504))
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class BoundedProvider(HTTPProvider):
    """web3's HTTP provider with a limit on an answer's size and on the whole call's time."""

    def __init__(self, url: str, *, timeout_s: float, max_answer_bytes: int) -> None:
        super().__init__(url, exception_retry_configuration=None)
        self.max_answer_bytes = max_answer_bytes
        self.url = url
        self.timeout_s = timeout_s
        self._http = requests.Session()
        # Calls to this computer never go through a proxy.
        self._http.trust_env = urlsplit(url).hostname not in _LOOPBACK

    def make_request(self, method: RPCEndpoint, params: object) -> RPCResponse:
        """Send one call and yield the decoded answer."""
        raw = self.post(self.encode_rpc_request(method, params))
        return cast("RPCResponse", decode_answer(raw))

    def post(self, body: bytes) -> bytes:
        """Send one body and read the answer, within the limits; redirects are not followed."""
        deadline = time.monotonic() + self.timeout_s
        with self._http.post(
            self.url,
            data=body,
            # Nothing packed: what is unpacked would need a limit of its own.
            headers={**self.get_request_headers(), "Accept-Encoding": "identity"},
            timeout=self.timeout_s,
            stream=True,
            allow_redirects=False,
        ) as response:
            received = bytearray()
            # Not iter_content, which waits for full chunks: a drop now and then would hold us up.
            while chunk := response.raw.read1(_CHUNK_BYTES):
                received += chunk
                if len(received) > self.max_answer_bytes:
                    raise requests.exceptions.ContentDecodingError("answer too long")
                if time.monotonic() > deadline:
                    raise requests.exceptions.ReadTimeout("answer too slow")
            # Some nodes put a JSON-RPC error under an HTTP error; others put a page there.
            if response.status_code != requests.codes.ok and not received.startswith(b"{"):
                raise requests.exceptions.HTTPError(
                    f"HTTP {response.status_code}", response=response
                )
            return bytes(received)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


class Endpoint:
    """An address of a node."""

    def __init__(self, url: str, *, timeout_s: float, max_answer_bytes: int) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise NodeDown(f"{url!r:.60} is no address of a node", hint="it begins with https://")
        #: How messages name it: without a path, where access keys are.
        self.where = f"the node at {parts.hostname}" + (f":{parts.port}" if parts.port else "")
        self.provider = BoundedProvider(url, timeout_s=timeout_s, max_answer_bytes=max_answer_bytes)

    def call_once(self, method: str, *params: Json) -> Json:
        """Call a method; NodeBusy is worth another try, the other problems are not."""
        try:
            answer: object = self.provider.make_request(cast("RPCEndpoint", method), list(params))
        except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError) as error:
            raise NodeDown(
                f"{self.where} did not answer {method} within {self.provider.timeout_s:g} s"
            ) from error
        except requests.exceptions.ContentDecodingError as error:
            raise UntrustedNode(f"{self.where} answers {method} too long or garbled") from error
        except requests.exceptions.HTTPError as error:
            status = 0 if error.response is None else error.response.status_code
            problem = NodeBusy if status in _BUSY else NodeDown
            raise problem(f"{self.where} answers {method} with {error}") from error
        except (
            requests.exceptions.RequestException,
            urllib3.exceptions.HTTPError,
            OSError,
        ) as error:
            raise NodeBusy(
                f"{self.where} is not reachable",
                hint="is the address right, and is the network on? --rpc names another node",
            ) from error
        except ValueError as error:
            raise UntrustedNode(f"{self.where} answers {method} with something not JSON") from error
        return self._result(method, answer)

    def _result(self, method: str, answer: object) -> Json:
        if not isinstance(answer, dict) or ("result" in answer) == (
            answer.get("error") is not None
        ):
            raise UntrustedNode(f"{self.where} answers {method} with something not JSON-RPC")
        if "result" in answer:
            return cast("Json", answer["result"])
        error = answer["error"]
        code = error.get("code") if isinstance(error, dict) else None
        if not isinstance(error, dict) or not isinstance(code, int):
            raise UntrustedNode(f"{self.where} answers {method} with something not JSON-RPC")
        if code in (_METHOD_NOT_FOUND, _METHOD_NOT_SUPPORTED):
            raise Unsupported(
                f"{self.where} does not have {method}", hint="choose another node for this chain"
            )
        if code in (_LIMIT_EXCEEDED, *_BUSY) or (code == _SERVER_ERROR and method in _LOOKUPS):
            raise NodeBusy(f"{self.where} takes no more calls at the moment (code {code})")
        raise NodeRefuses(
            self.where,
            method,
            code=code,
            message=str(error.get("message", "")),
            data=_revert_data(error.get("data")),
        )


def _revert_data(data: object) -> bytes:
    try:
        return parse_data(data, "revert data")
    except Malformed:
        return b""
