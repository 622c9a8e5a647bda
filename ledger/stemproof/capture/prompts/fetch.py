"""Downloading what a music API says it made: the third step, done for the record.

An address in an answer is a stranger's word. It is fetched over https from public addresses
only, or from the very upstream that gave it; no key goes along, redirects are judged like the
first address, and the copy is bounded.
"""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from stemproof.capture.prompts.copying import Budget, Collector, Copy

MAX_REDIRECTS: Final = 4
FETCH_S: Final = 600.0
_MOVED: Final = frozenset((301, 302, 303, 307, 308))


class PublicResolver(AbstractResolver):
    """Resolves names, and leaves out addresses of this machine and of local networks."""

    def __init__(self) -> None:
        self._inner = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Give the public addresses of a name."""
        found = await self._inner.resolve(host, port, family)
        public = [one for one in found if ip_address(one["host"]).is_global]
        if not public:
            raise OSError(None, "the name leads to no public address")
        return public

    async def close(self) -> None:
        """Close nothing: names are resolved by threads of the loop."""
        await self._inner.close()


def why_not(url: str, upstream: str) -> str:
    """Say why an address is not fetched; nothing if it is."""
    try:
        wanted, own = URL(url), URL(upstream)
        if wanted.origin() == own.origin():
            return ""
        host = wanted.host or ""
    except ValueError:
        return "the address of the output cannot be read"
    if wanted.scheme != "https" or not host:
        return "the address of the output is not https"
    try:
        is_local = not ip_address(host).is_global
    except ValueError:
        is_local = host == "localhost" or host.endswith((".localhost", ".local", ".internal"))
    return "the address of the output is not public" if is_local else ""


async def fetch(url: str, upstream: str, budget: Budget) -> Copy:
    """Download one output; what goes wrong is told in the copy, and never raised."""
    collector = Collector(budget)
    status, headers = 0, dict[str, str]()
    try:
        async with asyncio.timeout(FETCH_S):
            for _ in range(MAX_REDIRECTS + 1):
                if problem := why_not(url, upstream):
                    return collector.finish(0, {}, "failed", problem)
                async with _session(url, upstream) as session:
                    async with session.get(url, allow_redirects=False) as answer:
                        status = answer.status
                        headers = {name.lower(): value for name, value in answer.headers.items()}
                        if status in _MOVED and "location" in headers:
                            url = str(URL(url).join(URL(headers["location"])))
                            continue
                        async for part in answer.content.iter_any():
                            collector.add(part)
                ending = "ok" if status == 200 else "failed"
                error = "" if status == 200 else f"the download answered HTTP {status}"
                return collector.finish(status, headers, ending, error)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        ending = "cut" if collector.size else "failed"
        told = f"the download broke off: {type(error).__name__}"
        return collector.finish(status, headers, ending, told)
    return collector.finish(status, headers, "failed", "the download was redirected too often")


def _session(url: str, upstream: str) -> aiohttp.ClientSession:
    is_own = URL(url).origin() == URL(upstream).origin()
    resolver = None if is_own else PublicResolver()
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=30.0, sock_read=60.0),
        headers={"Accept-Encoding": "identity"},
        trust_env=False,
    )
