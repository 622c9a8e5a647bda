"""A bad line to a real chain: it drops, delays, repeats, holds back, cuts and forges.

    with proxying(chain.rpc_url) as line:
        line.fault = lambda call: DROP if call.number % 3 == 0 else None

What a fault gives decides about one call; None passes it on as it is.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.anchor.altering_node import serving


@dataclass(frozen=True)
class Call:
    """One call on its way to the chain; `number` counts those of its method from 1."""

    method: str
    params: list[Any]
    number: int


@dataclass(frozen=True)
class Drop:
    """Hang up: before the chain hears of it, or after it has answered."""

    after: bool = False


@dataclass(frozen=True)
class Delay:
    """Pass it on later."""

    seconds: float


@dataclass(frozen=True)
class Repeat:
    """Pass it on twice; the second answer counts."""


@dataclass(frozen=True)
class HoldBack:
    """Hang up, and bring it to the chain later: it overtakes nothing, others overtake it."""

    seconds: float


@dataclass(frozen=True)
class Alter:
    """Change the result, or what was asked."""

    result: Callable[[Any], Any] | None = None
    params: list[Any] | None = None


@dataclass(frozen=True)
class Refuse:
    """Answer with a JSON-RPC error."""

    code: int


@dataclass(frozen=True)
class Raw:
    """Answer with these bytes, or with so many of them."""

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    repeat: int = 1


@dataclass(frozen=True)
class Cut:
    """Answer with the first half of the answer."""


Action = Drop | Delay | Repeat | HoldBack | Alter | Refuse | Raw | Cut
Fault = Callable[[Call], Action | None]
DROP = Drop()


@dataclass
class Line:
    """The proxy: where it is, what it does wrong, what went through it."""

    url: str
    upstream: str
    fault: Fault = lambda _call: None
    calls: Counter[str] = field(default_factory=Counter)
    late: list[threading.Thread] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, body: dict[str, Any]) -> Call:
        with self.lock:
            self.calls[body["method"]] += 1
            return Call(body["method"], body["params"], self.calls[body["method"]])

    def ask(self, body: dict[str, Any]) -> dict[str, Any]:
        data = json.dumps(body).encode()
        request = urllib.request.Request(self.upstream, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as response:
            answer: dict[str, Any] = json.loads(response.read())
            return answer

    def deliver_late(self, body: dict[str, Any], seconds: float) -> None:
        def deliver() -> None:
            time.sleep(seconds)
            with contextlib.suppress(urllib.error.URLError):
                self.ask(body)

        thread = threading.Thread(target=deliver, daemon=True)
        self.late.append(thread)
        thread.start()

    def settle(self) -> None:
        """Wait until what was held back has arrived."""
        for thread in self.late:
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    """Passes one call on, or does what the fault says; a subclass has the line."""

    protocol_version = "HTTP/1.1"
    # Head and body of an answer in one packet: else each waits for an acknowledgement.
    wbufsize = 64 * 1024
    line: Line

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with contextlib.suppress(OSError):
            self.act(body, self.line.fault(self.line.count(body)))
            self.wfile.flush()

    def act(self, body: dict[str, Any], action: Action | None) -> None:
        match action:
            case Drop(after):
                if after:
                    self.line.ask(body)
                self.close_connection = True
            case HoldBack(seconds):
                self.line.deliver_late(body, seconds)
                self.close_connection = True
            case Raw(raw, status, headers, repeat):
                self.reply(raw, status, headers, repeat)
            case Refuse(code):
                error = {"code": code, "message": "no"}
                answer = {"jsonrpc": "2.0", "id": body["id"], "error": error}
                self.reply(json.dumps(answer).encode())
            case _:
                self.pass_on(body, action)

    def pass_on(self, body: dict[str, Any], action: Action | None) -> None:
        match action:
            case Delay(seconds):
                time.sleep(seconds)
            case Repeat():
                self.line.ask(body)
            case Alter(_, params) if params is not None:
                body["params"] = params
        answer = self.line.ask(body)
        if isinstance(action, Alter) and action.result is not None and "result" in answer:
            answer["result"] = action.result(answer["result"])
        data = json.dumps(answer).encode()
        self.reply(data[: len(data) // 2] if isinstance(action, Cut) else data)

    def reply(
        self,
        data: bytes,
        status: int = 200,
        headers: tuple[tuple[str, str], ...] = (),
        repeat: int = 1,
    ) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data) * repeat))
        self.end_headers()
        for _ in range(repeat):
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def proxying(upstream: str) -> Iterator[Line]:
    """Stand between a client and a chain."""
    own = Line("", upstream)

    class Handler(_Handler):
        line = own

    with serving(Handler) as url:
        own.url = url
        yield own
        own.settle()
