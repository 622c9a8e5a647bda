"""An MCP server over HTTP whose every answer a test chooses; it remembers what it was sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SESSION = "Mcp-Session-Id"


@dataclass
class Peer:
    """What the server was sent, and how it answers."""

    url: str
    answer: Callable[[BaseHTTPRequestHandler, bytes], None]
    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)


def result(body: bytes) -> bytes:
    """Answer a call as a tool that is done."""
    number = json.loads(body)["id"]
    content = [{"type": "text", "text": "done"}]
    return json.dumps({"jsonrpc": "2.0", "id": number, "result": {"content": content}}).encode()


def send(handler: BaseHTTPRequestHandler, media: str, body: bytes, status: int = 200) -> None:
    """Send a whole answer."""
    handler.send_response(status)
    handler.send_header("Content-Type", media)
    handler.send_header(SESSION, "session-77")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def send_json(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """Answer as most servers do."""
    if handler.command == "POST":
        send(handler, "application/json", result(body))
    else:
        send(handler, "text/plain", b"", 200 if handler.command == "DELETE" else 405)


@contextmanager
def peer() -> Iterator[Peer]:
    """Run the server on loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found.seen.append((self.command, dict(self.headers.items()), body))
            found.answer(self, body)

        do_POST = do_GET = do_DELETE = _serve

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found = Peer(f"http://127.0.0.1:{server.server_port}/v1/mcp", send_json)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.go_on.set()
        server.shutdown()
        server.server_close()
