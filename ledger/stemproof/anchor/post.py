"""One HTTP request to a node or a relay, with one deadline for all of it.

A timeout for each receive alone would let a node that sends a byte now and then hold us for
ever. Plain HTTP or TLS; redirections are not followed. Looking a name up takes no deadline.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from urllib.parse import SplitResult

_BUFFER_BYTES = 1 << 16


def post_json(url: SplitResult, body: bytes, *, limit: int, timeout_s: float) -> bytes:
    """Post JSON and give the answer, at most `limit` bytes of it.

    Raises OSError or HTTPException; ValueError where the answer is too long.
    """
    return exchange(url, body, limit=limit, timeout_s=timeout_s)[1]


def exchange(
    url: SplitResult,
    body: bytes | None,
    *,
    limit: int,
    timeout_s: float,
    kind: str = "application/json",
) -> tuple[int, bytes]:
    """Post, or get where there is no body; give the status and the answer, as `post_json`."""
    deadline = time.monotonic() + timeout_s
    connect = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = connect(url.hostname or "", url.port, timeout=timeout_s)
    method = "GET" if body is None else "POST"
    try:
        connection.connect()
        # An attribute that the type stubs leave out; connect() has set it.
        link: socket.socket = connection.sock
        link.settimeout(_rest(deadline))
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        headers = {} if body is None else {"Content-Type": kind}
        connection.request(method, path, body, headers)
        status, raw = _read_answer(link, method, limit, deadline)
    finally:
        connection.close()
    if len(raw) > limit:
        raise ValueError(f"the answer is longer than {limit} bytes")
    return status, raw


def tell_failure(error: Exception) -> str:
    """Say why a request failed, without the number that the system has for it."""
    if isinstance(error, TimeoutError):
        return "it took too long"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return (reason or type(error).__name__).lower()


class _Timed(io.RawIOBase):
    """What a socket receives until the deadline."""

    def __init__(self, link: socket.socket, deadline: float) -> None:
        self._link = link
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # only filled here
        self._link.settimeout(_rest(self._deadline))
        return self._link.recv_into(buffer)


def _read_answer(
    link: socket.socket, method: str, limit: int, deadline: float
) -> tuple[int, bytes]:
    answer = http.client.HTTPResponse(link, method=method)
    answer.fp.close()
    answer.fp = io.BufferedReader(_Timed(link, deadline), _BUFFER_BYTES)
    with answer:
        answer.begin()
        return answer.status, answer.read(limit + 1)


def _rest(deadline: float) -> float:
    rest = deadline - time.monotonic()
    if rest <= 0:
        raise TimeoutError("no whole answer in time")
    return rest
