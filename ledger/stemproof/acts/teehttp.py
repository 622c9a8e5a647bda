"""A tee in front of an MCP server that is reached by HTTP (streamable HTTP, 2025-06-18).

    http://127.0.0.1:PORT/tee/mcp  ->  https://server.example/mcp

The proxy's door passes POST, GET and DELETE on, streams as they come, and the headers of the
session with them. Requests that a web page makes are refused, as the specification demands
of local servers (an `Origin`, or a `Host` that is not this machine's).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final
from urllib.parse import urlsplit

from stemproof.acts.home import now
from stemproof.acts.teeing import Heard, TeeRecorder, settled
from stemproof.capture.prompts.api import Asked, Call, Reply, Step
from stemproof.capture.prompts.copying import Budget, Copy
from stemproof.capture.prompts.forward import Proxy
from stemproof.capture.prompts.forward import Rules as DoorRules
from stemproof.capture.prompts.gate import Upstream, check_base_url
from stemproof.capture.prompts.reading import base_media, parse_events
from stemproof.errors import Malformed, Usage

NAME: Final = "tee"
_EVENTS: Final = "text/event-stream"


@dataclass(frozen=True, slots=True)
class NoApi:
    """MCP asks no generator by itself: the proxy's adapters have nothing to read in it."""

    upstream: str
    name: str = "mcp"

    def read_request(self, call: Call) -> Asked | None:
        """Find no request to a generator."""
        return None

    def read_reply(self, call: Call, reply: Reply) -> Step:
        """Find no result of one."""
        return Step()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The server's address in two parts: what stays, and what clients write behind ours."""

    base_url: str
    rest: str

    def local(self, port: int) -> str:
        """The address that clients are given."""
        return f"http://127.0.0.1:{port}/{NAME}/{self.rest}"


def parse_endpoint(url: str) -> Endpoint:
    """Read the address of a server."""
    check_base_url(url)
    path = urlsplit(url).path
    if not path.strip("/"):
        return Endpoint(url.rstrip("/"), "")
    base, _, rest = url.rpartition("/")
    if not rest:
        # The slash at the end belongs to the address.
        base, _, name = base.rpartition("/")
        rest = f"{name}/"
    return Endpoint(base, rest)


@dataclass(slots=True)
class _Exchange:
    """One exchange of HTTP; it answers to `Witnessed`."""

    recorder: TeeRecorder
    budget: Budget
    stream: int

    def recorded(self) -> Awaitable[None]:
        """Wait until what was told so far is durable; raise what was ever lost."""
        return settled(self.recorder)

    def end(self, copy: Copy) -> None:
        """Hear how the exchange ended."""
        moment = now()
        try:
            for line in _messages(copy):
                self.recorder.put(Heard(False, line, moment, self.stream))
        except Malformed as error:
            self.recorder.miss(str(error))
        finally:
            self.budget.give_back(copy.held)
        if copy.body is None and copy.status and copy.ending == "ok":
            self.recorder.miss("an answer passed that is longer than its copy may be")
        failure = copy.error if copy.ending != "ok" else ""
        if copy.status >= 400:
            failure = f"HTTP {copy.status}"
        if failure:
            self.recorder.put(Heard(False, None, moment, self.stream, failure))


class _Witness:
    """Hears of every exchange; it answers to `Witness`."""

    def __init__(self, recorder: TeeRecorder, budget: Budget) -> None:
        self._recorder = recorder
        self._budget = budget
        self._streams = count(1)

    def begin(self, upstream: Upstream, call: Call, secrets: frozenset[str]) -> _Exchange:
        stream = next(self._streams)
        if call.method == "POST":
            if call.body:
                self._recorder.put(Heard(True, call.body, now(), stream, secrets=secrets))
            else:
                self._recorder.miss("a message passed that is empty or longer than its copy may be")
        return _Exchange(self._recorder, self._budget, stream)


def _messages(copy: Copy) -> Iterator[bytes]:
    body = copy.plain
    if not body:
        return
    media = base_media(copy.media)
    if media == _EVENTS:
        yield from (data.encode() for _, data in parse_events(body) if data.strip())
    elif media == "application/json":
        yield body


async def run_http(
    url: str,
    recorder: TeeRecorder,
    *,
    strict: bool,
    port: int,
    ready: Callable[[str], None],
    stop: asyncio.Event,
) -> None:
    """Serve until `stop` is set; `ready` hears the address for clients."""
    if not 0 <= port < 1 << 16:
        raise Usage(f"{port} is no port, want 0 to 65535")
    endpoint = parse_endpoint(url)
    budget = Budget()
    upstream = Upstream(NAME, endpoint.base_url, NoApi(endpoint.base_url))
    witness = _Witness(recorder, budget)
    proxy = Proxy({NAME: upstream}, witness, DoorRules(strict=strict), budget)
    await proxy.open(port)
    recorder.start()
    try:
        ready(endpoint.local(proxy.port))
        await stop.wait()
    finally:
        await proxy.close()
        await asyncio.to_thread(recorder.stop)
