"""HTTP for the node: requests in, replies out, nothing believed.

A request is refused unless its Host is one of the server's own names (a page on another site cannot
reach a loopback server by giving its own name to 127.0.0.1) and its Origin, if any, is the server
itself. Heads and bodies are bounded; a silent peer is dropped; connections are counted.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from stemproof.content.unixfs import Source
from stemproof.errors import Malformed, StemproofError, Unavailable
from stemproof.pin.places import MAX_HEADER_BYTES, Head, Places, hang_up_after

logger = logging.getLogger(__name__)

MAX_CONNECTIONS: Final = 64
SILENCE_S: Final = 30.0  # a peer that neither sends nor takes for so long is dropped

_MAX_DRAIN_BYTES: Final = 64 << 20
_HEX_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,17}")


class HttpRefusal(StemproofError):
    """A request that is answered with an error status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """What a handler sees. `options` keeps the order and repetitions of the query."""

    method: str
    path: str
    options: tuple[tuple[str, str], ...]
    accept: str
    if_none_match: str
    content_type: str
    body: Source


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler answers: bytes at once, or an iterator that is sent as it goes."""

    status: int
    content_type: str
    body: bytes | Iterator[bytes]
    headers: tuple[tuple[str, str], ...] = field(default=())


Handle = Callable[[Request], Reply]


def json_reply(document: object, status: int = 200) -> Reply:
    """Answer one JSON document."""
    return Reply(status, "application/json", json.dumps(document).encode() + b"\n")


class _Empty:
    def read(self, _size: int, /) -> bytes:
        return b""


class _Counted:
    """A body with a Content-Length."""

    def __init__(self, source: Source, size: int) -> None:
        self._source = source
        self._left = size

    def read(self, size: int, /) -> bytes:
        data = self._source.read(min(size, self._left))
        if self._left and not data:
            raise Malformed("request body", f"cut off {self._left} bytes early", "all of it")
        self._left -= len(data)
        return data


class _Chunked:
    """A body in chunks (RFC 9112 section 7.1); extensions and trailers are refused."""

    def __init__(self, source: Any, limit: int) -> None:  # Any: read and readline of a socket file
        self._source = source
        self._limit = limit
        self._left = 0
        self._is_at_end = False

    def read(self, size: int, /) -> bytes:
        if self._is_at_end:
            return b""
        if not self._left:
            self._next_chunk()
            if self._is_at_end:
                return b""
        data: bytes = self._source.read(min(size, self._left))
        if not data:
            raise Malformed("request body", "cut off inside a chunk", "all of it")
        self._left -= len(data)
        if not self._left:
            self._line_end()
        return data

    def _next_chunk(self) -> None:
        line = self._source.readline(16)
        match = _HEX_SIZE.fullmatch(line)
        if match is None:
            raise Malformed("chunk size", line, "hexadecimal digits and a line end")
        self._left = int(match[1], 16)
        self._limit -= self._left
        if self._limit < 0:
            raise HttpRefusal(413, "the upload is longer than this node takes")
        if not self._left:
            self._line_end()
            self._is_at_end = True

    def _line_end(self) -> None:
        end = self._source.read(2)
        if end != b"\r\n":
            raise Malformed("end of chunk", end, "a line end")


class HttpServer(ThreadingHTTPServer):
    """One listening socket with one handler function."""

    daemon_threads = True
    #: How long the head of a request may take; None as long as the peer is not silent.
    head_s: float | None = None
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        handle: Handle,
        *,
        methods: frozenset[str],
        names: frozenset[str],
        max_upload_bytes: int,
    ) -> None:
        """Listen. `names` are the Host names that are answered, without ports."""
        self.handle_request_value = handle
        self.methods = methods
        self.names = names
        self.max_upload_bytes = max_upload_bytes
        self._places = Places(MAX_CONNECTIONS)
        try:
            super().__init__(address, _Handler)
        except OSError as error:
            where = f"{address[0]}:{address[1]}"
            raise Unavailable(f"{where} cannot be listened on: {error.strerror}") from error

    def server_bind(self) -> None:
        """Bind without asking a name service who we are, which http.server does."""
        TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve in a thread, if a place is free; Any as socketserver has it."""
        address = client_address[0]
        if not self._places.take(address, self.places_of(address)):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve and give the place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.give_back(client_address[0])

    def places_of(self, _address: str) -> int | None:
        """Say how many connections one address may have; None for all there are."""
        return None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Peers hang up; that is no event."""
        logger.debug("connection from %s ended", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = SILENCE_S
    disable_nagle_algorithm = True
    rbufsize = 1 << 18
    server: HttpServer
    raw_requestline: bytes

    def version_string(self) -> str:
        return "stemproof-node"

    def log_message(self, format: str, *args: Any) -> None:
        logger.debug(format, *args)

    def handle_one_request(self) -> None:
        """Take one request; its head comes in time, or the peer is hung up on."""
        self._be_patient = hang_up_after(self.connection, self.server.head_s)
        try:
            super().handle_one_request()
        finally:
            self._be_patient()

    def parse_request(self) -> bool:
        """Read the head of a request, which is bounded."""
        source = self.rfile
        self.rfile = Head(source, MAX_HEADER_BYTES - len(self.raw_requestline))
        try:
            return super().parse_request()
        finally:
            self.rfile = source
            self._be_patient()

    def do_GET(self) -> None:
        self._serve()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_GET

    def _serve(self) -> None:
        body: Source = _Empty()
        try:
            self._check_sender()
            body = self._body()
            reply = self.server.handle_request_value(self._request(body))
        except HttpRefusal as refusal:
            reply = _error_reply(refusal.status, refusal)
        except StemproofError as error:
            reply = _error_reply(500, error)
        except TimeoutError:
            self.close_connection = True
            return
        self._settle(body, reply.status)
        self._send(reply)

    def _check_sender(self) -> None:
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or _host_name(hosts[0]) not in self.server.names:
            raise HttpRefusal(403, f"host {', '.join(hosts)!r:.80} is not this node")
        origin = self.headers.get("Origin")
        if origin is not None and origin != f"http://{hosts[0]}":
            raise HttpRefusal(403, f"origin {origin!r:.80} is not this node")
        if self.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
            raise HttpRefusal(403, "a page of another site cannot use this node")
        if self.command not in self.server.methods:
            wanted = ", ".join(sorted(self.server.methods))
            raise HttpRefusal(405, f"method {self.command} is not served here, want {wanted}")

    def _body(self) -> Source:
        encodings = self.headers.get_all("Transfer-Encoding", [])
        lengths = self.headers.get_all("Content-Length", [])
        if not encodings and not lengths:
            return _Empty()
        if encodings and (lengths or encodings != ["chunked"]):
            # Two lengths for one body are how requests are smuggled past a proxy.
            raise HttpRefusal(400, "a body has one length: chunked or Content-Length")
        if encodings:
            return _Chunked(self.rfile, self.server.max_upload_bytes)
        if len(lengths) != 1 or not _DECIMAL.fullmatch(lengths[0]):
            raise HttpRefusal(400, "Content-Length is not one decimal number")
        if int(lengths[0]) > self.server.max_upload_bytes:
            raise HttpRefusal(413, "the upload is longer than this node takes")
        return _Counted(self.rfile, int(lengths[0]))

    def _request(self, body: Source) -> Request:
        url = urlsplit(self.path)
        try:
            options = parse_qsl(
                url.query, keep_blank_values=True, errors="strict", max_num_fields=64
            )
        except ValueError as error:
            raise HttpRefusal(400, "the query is not of the form a=b&c=d") from error
        return Request(
            self.command,
            url.path,
            tuple(options),
            self.headers.get("Accept", ""),
            self.headers.get("If-None-Match", ""),
            self.headers.get("Content-Type", ""),
            body,
        )

    def _settle(self, body: Source, status: int) -> None:
        """Read what is left of the body: a client that still sends would miss the answer."""
        left = _MAX_DRAIN_BYTES
        try:
            while left > 0 and (data := body.read(1 << 18)):
                left -= len(data)
        except (StemproofError, OSError):
            left = 0
        if left <= 0 or status >= 400:
            self.close_connection = True

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in reply.headers:
            self.send_header(name, value)
        if isinstance(reply.body, bytes):
            self.send_header("Content-Length", str(len(reply.body)))
        else:
            self.send_header("Transfer-Encoding", "chunked")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command == "HEAD":
            return
        if isinstance(reply.body, bytes):
            self.wfile.write(reply.body)
        else:
            self._send_chunks(reply.body)

    def _send_chunks(self, parts: Iterator[bytes]) -> None:
        try:
            for part in parts:
                if part:
                    self.wfile.write(b"%x\r\n" % len(part))
                    self.wfile.write(part)
                    self.wfile.write(b"\r\n")
            self.wfile.write(b"0\r\n\r\n")
        except StemproofError as error:
            # Without its last chunk the reply is visibly cut off.
            logger.warning("reply broken off: %s", error)
            self.close_connection = True


def _error_reply(status: int, error: StemproofError) -> Reply:
    return json_reply({"Message": str(error), "Code": 0, "Type": "error"}, status)


def _host_name(host: str) -> str:
    name, colon, port = host.rpartition(":")
    if colon and port.isascii() and port.isdigit():
        return name.lower()
    return host.lower()
