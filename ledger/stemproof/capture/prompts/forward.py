"""The proxy's door: requests go on to the provider, answers come back as they come.

Nothing is held back: each piece of an answer is written to the caller when it arrives, and a
copy of it goes to the witness. What the witness makes of it never touches the call, unless
`strict`: then nothing goes out before the request is recorded, and the last piece of an answer
waits until its result is. aiohttp speaks HTTP on both sides; certificates are verified.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import Final, Protocol

import aiohttp
from aiohttp import web
from yarl import URL

from stemproof.capture.prompts.api import Call
from stemproof.capture.prompts.copying import Budget, Collector, Copy
from stemproof.capture.prompts.doors import (
    HEADERS_S,
    Connection,
    make_server,
    open_session,
    refusal,
)
from stemproof.capture.prompts.gate import Upstream, backward, onward, secrets_in, why_refused
from stemproof.errors import StemproofError, Unavailable

# Audio to be continued or separated is uploaded; more than this is no call.
MAX_REQUEST_BYTES: Final = 512 << 20
# The copy that is read for the prompt; what is longer is passed on piece by piece.
MAX_ASKED_BYTES: Final = 32 << 20
# Between two pieces of a request's body.
PIECE_S: Final = 60.0
_PIECE_BYTES: Final = 1 << 16


class Witness(Protocol):
    """Who is told of each call; neither method may block or raise."""

    def begin(self, upstream: Upstream, call: Call, secrets: frozenset[str]) -> Witnessed:
        """Hear of a call before it goes out."""
        ...


class Witnessed(Protocol):
    """One call of which a witness heard."""

    def recorded(self) -> Awaitable[None]:
        """Wait until what was told so far is durable; raises what went wrong."""
        ...

    def end(self, copy: Copy) -> None:
        """Hear how the call ended."""
        ...


@dataclass(frozen=True, slots=True)
class Rules:
    """How the proxy is run."""

    strict: bool = False
    headers_s: float = HEADERS_S
    piece_s: float = PIECE_S


class Proxy:
    """A running proxy; `open` starts it, `close` lets calls end for a moment."""

    def __init__(
        self, upstreams: dict[str, Upstream], witness: Witness, rules: Rules, budget: Budget
    ) -> None:
        self.upstreams = upstreams
        self.witness = witness
        self.rules = rules
        self.budget = budget
        self.port = 0
        self.calls = 0
        self.is_closing = False
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.ServerRunner | None = None

    async def open(self, port: int) -> None:
        """Listen on 127.0.0.1; port 0 takes a free one."""
        self._session = open_session()
        server = make_server(self._serve, self.rules.headers_s)
        self._runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        try:
            await site.start()
        except OSError as error:
            raise Unavailable(
                f"port {port} cannot be listened on: {error.strerror}",
                hint="choose another with --port, or 0 for a free one",
            ) from error
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Stop listening, end what runs, and hang up on the providers."""
        self.is_closing = True
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if isinstance(request.protocol, Connection):
            request.protocol.is_used = True
        headers = {name.lower(): value for name, value in request.headers.items()}
        refused = why_refused(request.method, headers, self.port)
        if refused is not None:
            return refusal(*refused)
        target = request.raw_path
        _, _, rest = target.partition("/")
        name, slash, rest = rest.partition("/")
        upstream = self.upstreams.get(name)
        if upstream is None or not target.startswith("/") or not slash:
            known = ", ".join(f"/{name}/" for name in sorted(self.upstreams))
            return refusal(404, f"nothing is served here; the proxy serves {known}")
        try:
            if headers.get("expect", "").lower() == "100-continue":
                await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                # As aiohttp's own handler does: that was no part of the answer.
                request.writer.output_size = 0
            prefix, is_whole = await self._read_prefix(request)
        except (TimeoutError, web.RequestPayloadError):
            return refusal(408, "the request's body did not come")
        self.calls += 1
        exchange = _Exchange(self, upstream, request, f"/{rest}")
        return await exchange.run(prefix, is_whole)

    async def _read_prefix(self, request: web.BaseRequest) -> tuple[bytes, bool]:
        """Read a body as far as its copy may go; say whether that is all of it."""
        parts: list[bytes] = []
        size = 0
        while size <= MAX_ASKED_BYTES:
            part = await asyncio.wait_for(
                request.content.read(_PIECE_BYTES), timeout=self.rules.piece_s
            )
            if not part:
                return b"".join(parts), True
            size += len(part)
            parts.append(part)
        return b"".join(parts), False

    @property
    def session(self) -> aiohttp.ClientSession:
        """The connections to providers."""
        if self._session is None:
            raise Unavailable("the proxy is not open")
        return self._session


class _Exchange:
    """One call on its way to a provider and back."""

    def __init__(
        self, proxy: Proxy, upstream: Upstream, request: web.BaseRequest, target: str
    ) -> None:
        self.proxy = proxy
        self.upstream = upstream
        self.request = request
        self.target = target
        self.collector = Collector(proxy.budget)
        self.status = 0
        self.headers: dict[str, str] = {}

    async def run(self, prefix: bytes, is_whole: bool) -> web.StreamResponse:
        """Pass the call on and its answer back; the witness hears of both."""
        query = list(self.request.query.items())
        call = Call(
            method=self.request.method,
            path=self.target.partition("?")[0],
            query=dict(query),
            media=self.request.headers.get("Content-Type", ""),
            body=prefix if is_whole else b"",
        )
        told = self.proxy.witness.begin(
            self.upstream, call, secrets_in(self.request.headers.items(), query)
        )
        ending, error = "failed", ""
        try:
            if self.proxy.rules.strict:
                await told.recorded()
            return await self._pass(prefix, is_whole, told)
        except asyncio.CancelledError:
            ending = "cut"
            error = "the proxy was stopped" if self.proxy.is_closing else "the caller hung up"
            raise
        except _Cut:
            raise
        except StemproofError as wrong:
            error = str(wrong)
            return refusal(503, f"not recorded, so not passed on: {wrong}")
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as wrong:
            ending = "cut" if self.status else "failed"
            what = "the answer could not be handed on" if self.status else "no answer came"
            error = f"{what}: {_named(wrong)}"
            return refusal(502, error)
        finally:
            if not self._is_told:
                told.end(self.collector.finish(self.status, self.headers, ending, error))

    _is_told = False

    async def _pass(self, prefix: bytes, is_whole: bool, told: Witnessed) -> web.StreamResponse:
        url = URL(self.upstream.base_url + self.target, encoded=True)
        has_body = bool(prefix) or self.request.body_exists
        body = (prefix if is_whole else self._whole(prefix)) if has_body else None
        async with self.proxy.session.request(
            self.request.method,
            url,
            headers=onward(self.request.headers.items()),
            data=body,
            allow_redirects=False,
        ) as answer:
            self.status = answer.status
            self.headers = {name.lower(): value for name, value in answer.headers.items()}
            response = web.StreamResponse(status=answer.status, reason=answer.reason)
            for name, value in backward(answer.headers.items()):
                response.headers.add(name, value)
            if "content-length" not in self.headers and self.request.version >= (1, 1):
                response.enable_chunked_encoding()
            await response.prepare(self.request)
            await self._stream(answer, response, told)
            return response

    async def _stream(
        self, answer: aiohttp.ClientResponse, response: web.StreamResponse, told: Witnessed
    ) -> None:
        strict = self.proxy.rules.strict
        length = answer.content_length
        ending, error = "ok", ""
        last = b""
        try:
            async for part in answer.content.iter_any():
                self.collector.add(part)
                if strict and length is not None and self.collector.size >= length:
                    last = part
                    break
                if not await _give(response, part):
                    ending, error = "cut", "the caller hung up"
                    break
        except (aiohttp.ClientError, OSError, TimeoutError) as wrong:
            ending, error = "cut", f"the provider broke off: {_named(wrong)}"
        self._is_told = True
        told.end(self.collector.finish(self.status, self.headers, ending, error))
        if strict:
            try:
                await told.recorded()
            except StemproofError as wrong:
                ending, error = "cut", f"not recorded: {wrong}"
        if ending == "cut":
            # The caller sees what happened: an answer without its end.
            self._hang_up()
            raise _Cut(error)
        await response.write(last)
        await response.write_eof()

    async def _whole(self, prefix: bytes) -> AsyncIterator[bytes]:
        """Give a long body piece by piece."""
        yield prefix
        size = len(prefix)
        while part := await asyncio.wait_for(
            self.request.content.read(_PIECE_BYTES), timeout=self.proxy.rules.piece_s
        ):
            size += len(part)
            if size > MAX_REQUEST_BYTES:
                raise ValueError(f"the request is longer than {MAX_REQUEST_BYTES} bytes")
            yield part

    def _hang_up(self) -> None:
        transport = self.request.transport
        if transport is not None:
            transport.abort()


class _Cut(ConnectionError):
    """Ends a call whose caller has seen a part of the answer: aiohttp then writes nothing more."""


async def _give(response: web.StreamResponse, part: bytes) -> bool:
    """Write a piece to the caller; say whether the caller is still there."""
    try:
        await response.write(part)
    except ConnectionResetError:
        return False
    return True


def _named(error: BaseException) -> str:
    """Name an error without what it quotes: addresses hold query strings."""
    return type(error).__name__
