"""Real servers on loopback that speak as providers do: chat, messages, music in three steps."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WORDS = ["Silver ", "rain ", "on ", "a ", "tin ", "roof"]
MP3 = b"ID3\x04\x00" + bytes(range(256)) * 40
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


@dataclass
class Provider:
    """One running server, and what reached it."""

    url: str
    heard: list[dict[str, Any]] = field(default_factory=list)
    # Set by a test to let a stream go on.
    go: threading.Event = field(default_factory=threading.Event)
    polls: int = 0


def chat_events() -> list[bytes]:
    """The events of a streamed chat answer."""
    found: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]}
        for word in WORDS
    ]
    found.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    lines = [b"data: " + json.dumps(event).encode() + b"\n\n" for event in found]
    return [*lines, b"data: [DONE]\n\n"]


def message_events() -> list[bytes]:
    """The events of a streamed message."""
    found: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"role": "assistant"}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": w}}
            for w in WORDS
        ),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_stop"},
    ]
    return [
        b"event: " + event["type"].encode() + b"\ndata: " + json.dumps(event).encode() + b"\n\n"
        for event in found
    ]


class Handler(BaseHTTPRequestHandler):
    """Answers by path; the provider is on the server."""

    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.answer(b"")

    def do_DELETE(self) -> None:
        self.answer(b"")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length")
        if length is None:
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(length))
        self.answer(body)

    def answer(self, body: bytes) -> None:
        provider = self.server.provider
        path = self.path.partition("?")[0]
        headers = {name.lower(): value for name, value in self.headers.items()}
        provider.heard.append(
            {"method": self.command, "path": self.path, "headers": headers, "body": body}
        )
        reply = ROUTES.get(path) or self.server.extra.get(path)
        if reply is None:
            self.send(404, "application/json", b'{"error":{"message":"no such thing"}}')
            return
        reply(self, body)

    def send(self, status: int, media: str, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def begin_stream(self, media: str = "text/event-stream") -> None:
        self.send_response(200)
        self.send_header("Content-Type", media)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def piece(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def hang_up(self) -> None:
        """Break off without the end of the answer."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


Reply = Callable[[Handler, bytes], None]


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    provider: Provider
    extra: dict[str, Reply]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of callers that hung up."""


def chat(handler: Handler, body: bytes) -> None:
    asked = json.loads(body)
    if asked.get("stream"):
        handler.begin_stream()
        for event in chat_events():
            handler.piece(event)
        handler.piece(b"")
        return
    choices = [
        {"index": n, "message": {"role": "assistant", "content": f"take {n}: " + "".join(WORDS)}}
        for n in range(asked.get("n", 1))
    ]
    handler.send(200, "application/json", json.dumps({"choices": choices}).encode())


def messages(handler: Handler, body: bytes) -> None:
    if json.loads(body).get("stream"):
        handler.begin_stream()
        for event in message_events():
            handler.piece(event)
        handler.piece(b"")
        return
    content = [{"type": "text", "text": "".join(WORDS)}]
    handler.send(200, "application/json", json.dumps({"content": content}).encode())


def speech(handler: Handler, body: bytes) -> None:
    handler.send(200, "audio/mpeg", MP3)


def start_music(handler: Handler, body: bytes) -> None:
    handler.send(200, "application/json", b'{"code":200,"data":{"taskId":"job-5c79"}}')


def poll_music(handler: Handler, body: bytes) -> None:
    provider = handler.server.provider
    provider.polls += 1
    data: dict[str, Any] = {"status": "PENDING"}
    if provider.polls > 1:
        clips = [{"audioUrl": f"{provider.url}/cdn/{n}.mp3"} for n in range(2)]
        data = {"status": "SUCCESS", "response": {"sunoData": clips}}
    handler.send(200, "application/json", json.dumps({"code": 200, "data": data}).encode())


def clip(number: int) -> Reply:
    return lambda handler, body: handler.send(200, "audio/mpeg", MP3 + bytes([number]))


def models(handler: Handler, body: bytes) -> None:
    handler.send(200, "application/json", b'{"data":[]}', Set_Cookie="sid=sessionsecret1")


def endless(handler: Handler, body: bytes) -> None:
    handler.begin_stream()
    while not handler.server.provider.go.is_set():
        handler.piece(b"data: " + b"x" * 60_000 + b"\n\n")


def broken(handler: Handler, body: bytes) -> None:
    handler.begin_stream()
    for event in chat_events()[:3]:
        handler.piece(event)
    time.sleep(0.05)
    handler.hang_up()


def waiting(handler: Handler, body: bytes) -> None:
    handler.begin_stream()
    handler.piece(chat_events()[0])
    handler.server.provider.go.wait(20)
    handler.piece(chat_events()[1])
    handler.piece(b"")


ROUTES: dict[str, Reply] = {
    "/v1/chat/completions": chat,
    "/endless/chat/completions": endless,
    "/broken/chat/completions": broken,
    "/waiting/chat/completions": waiting,
    "/v1/messages": messages,
    "/v1/audio/speech": speech,
    "/v1/models": models,
    "/api/v1/generate": start_music,
    "/api/v1/generate/record-info": poll_music,
    "/cdn/0.mp3": clip(0),
    "/cdn/1.mp3": clip(1),
}


@contextmanager
def provider(extra: dict[str, Reply] | None = None) -> Iterator[Provider]:
    """Run a provider for the length of a test."""
    server = Server(("127.0.0.1", 0), Handler)
    server.extra = extra or {}
    server.provider = Provider(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.provider
    finally:
        server.provider.go.set()
        server.shutdown()
        server.server_close()
