"""A node that lies: it passes calls on to a real chain and alters what comes back."""

from __future__ import annotations

import contextlib
import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# Any: JSON as it comes; a lie may be of any form.
Alter = Callable[[str, list[Any], Any], Any]


class Refusal(Exception):
    """Raised by an `Alter` to answer with a JSON-RPC error."""

    def __init__(self, code: int, message: str = "refused") -> None:
        super().__init__(message)
        self.code = code


@contextlib.contextmanager
def altering_node(rpc_url: str, alter: Alter) -> Iterator[str]:
    """Serve a chain on loopback; each result passes through `alter`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked = json.loads(body)
            request = urllib.request.Request(rpc_url, body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request) as response:
                answer = json.loads(response.read())
            try:
                altered = alter(asked["method"], asked["params"], answer.get("result"))
                if altered is not answer.get("result"):
                    answer["result"] = altered
            except Refusal as refusal:
                answer.pop("result", None)
                answer["error"] = {"code": refusal.code, "message": str(refusal)}
            self.reply(json.dumps(answer).encode())

        def reply(self, data: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with serving(Handler) as url:
        yield url


@contextlib.contextmanager
def answering(data: bytes, *, status: int = 200) -> Iterator[str]:
    """Answer every call with the same bytes."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with serving(Handler) as url:
        yield url


@contextlib.contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Run a handler on a free port of loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
