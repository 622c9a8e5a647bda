"""Plain HTTP to a gateway: no redirects, no compression, no proxy, bounded patience."""

from __future__ import annotations

import time
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
    RemoteDisconnected,
)
from typing import Final
from urllib.parse import urlsplit

from stemproof.errors import Unavailable, Usage

# Below this rate, over the time that silence is suffered, a gateway counts as stalled.
_MIN_BYTES_PER_S: Final = 8 << 10


class NotServed(Unavailable):
    """The gateway does not serve this form of content."""


class Body:
    """A reply's body, read as it comes; slower than a trickle is a stall."""

    def __init__(self, response: HTTPResponse, silence_s: float) -> None:
        self._response = response
        self._silence_s = silence_s
        self._waited_s = 0.0
        self._received = 0

    def read(self, size: int, /) -> bytes:
        """Read at most `size` bytes; only the time spent waiting here counts."""
        before = time.monotonic()
        data = self._response.read1(size)
        self._waited_s += time.monotonic() - before
        self._received += len(data)
        patience_s = self._silence_s + self._received / _MIN_BYTES_PER_S
        if self._waited_s > patience_s:
            raise TimeoutError
        return data


class Link:
    """Connections to one gateway: one for the reply being read, one for what comes between."""

    def __init__(self, url: str, *, silence_s: float) -> None:
        """Take `http://HOST[:PORT]` or `https://HOST[:PORT]`."""
        self.url = url.rstrip("/")
        self._silence_s = silence_s
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query:
            raise Usage(f"gateway {url!r:.80} is not of the form https://HOST")
        self._is_secure = parts.scheme == "https"
        self._host = parts.netloc
        self._connections: list[tuple[HTTPConnection, HTTPResponse]] = []

    def open(self, path: str, accept: str, content_type: str) -> Body:
        """Ask for `path` and give its body, if it is of `content_type`."""
        headers = {"Accept": accept, "Accept-Encoding": "identity", "User-Agent": "stemproof"}
        connection = self._free_connection()
        was_used = connection.sock is not None
        try:
            response = _ask(connection, path, headers)
        except (RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            connection.close()
            if not was_used:
                raise
            # Servers close idle connections; that is no fault.
            response = _ask(connection, path, headers)
        self._connections.append((connection, response))
        if response.status in (400, 406, 415, 501):
            raise NotServed(f"answers {response.status} to {content_type}")
        if response.status != 200:
            raise Unavailable(f"answers {response.status} {response.reason[:60]!r}")
        if response.headers.get_content_type() != content_type:
            raise NotServed(f"sends {response.headers.get_content_type()!r:.60}")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise NotServed("sends a compressed reply that was not asked for")
        return Body(response, self._silence_s)

    def close(self) -> None:
        """Close all connections."""
        for connection, response in self._connections:
            response.close()
            connection.close()
        self._connections.clear()

    def _free_connection(self) -> HTTPConnection:
        for index, (connection, response) in enumerate(self._connections):
            if response.isclosed() and connection.sock is not None:
                del self._connections[index]
                return connection
        kind = HTTPSConnection if self._is_secure else HTTPConnection
        return kind(self._host, timeout=self._silence_s)


def _ask(connection: HTTPConnection, path: str, headers: dict[str, str]) -> HTTPResponse:
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse()
    except (OSError, HTTPException):
        connection.close()
        raise
