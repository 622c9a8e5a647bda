"""The proxy's server and client as aiohttp makes them, with our bounds.

A connection that does not bring its first request in time is closed; a header is bounded in
size and number; nothing that a stranger wrote is logged. Certificates of providers are verified,
and neither cookies, nor redirects, nor the environment's proxies are followed.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

MAX_LINE_BYTES: Final = 16_384
MAX_HEADERS: Final = 100
# From connecting to the end of the first headers; between two requests of a connection.
HEADERS_S: Final = 20.0
KEEP_ALIVE_S: Final = 75.0
CONNECT_S: Final = 30.0

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Connection(RequestHandler):
    """A connection that is closed when its first request does not come in time."""

    is_used = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        patience = self.headers_s
        asyncio.get_running_loop().call_later(patience, self._close_if_unused, transport)

    headers_s = HEADERS_S

    def _close_if_unused(self, transport: asyncio.BaseTransport) -> None:
        if not self.is_used:
            transport.close()


class Server(web.Server):
    """Makes such connections."""

    headers_s = HEADERS_S

    def __call__(self) -> RequestHandler:
        made = Connection(self, loop=self._loop, **self._kwargs)
        made.headers_s = self.headers_s
        return made


# What aiohttp would log of a broken request is a stranger's text.
_SILENT: Final = logging.Logger("stemproof.proxy", level=logging.CRITICAL + 1)


def make_server(handler: Handler, headers_s: float) -> Server:
    """Make the server in front of a handler."""
    server = Server(
        handler,
        handler_cancellation=True,
        access_log=None,
        logger=_SILENT,
        auto_decompress=False,
        keepalive_timeout=KEEP_ALIVE_S,
        max_line_size=MAX_LINE_BYTES,
        max_field_size=MAX_LINE_BYTES,
        max_headers=MAX_HEADERS,
    )
    server.headers_s = headers_s
    return server


def open_session() -> aiohttp.ClientSession:
    """Open connections to providers: no cookies, no redirects, no unpacking, no environment."""
    return aiohttp.ClientSession(
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=60),
        timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=CONNECT_S),
        skip_auto_headers=("User-Agent", "Accept", "Content-Type"),
        max_line_size=MAX_LINE_BYTES,
        max_field_size=MAX_LINE_BYTES,
        trust_env=False,
    )


def refusal(status: int, why: str) -> web.Response:
    """Answer for ourselves, in the form in which these APIs tell errors."""
    document = {"error": {"type": "stemproof_proxy", "message": why}}
    response = web.Response(
        status=status, text=json.dumps(document), content_type="application/json"
    )
    response.force_close()
    return response
