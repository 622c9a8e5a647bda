"""The lower bound of a session: a real chain, none, and nodes that are slow or lie."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.acts.room import Room
from tests.testnet.running import running_testnet

from stemproof.acts.begin import make_ledger
from stemproof.acts.bounds import TIMEOUT_S, Bounds, Question, ask, find_bound
from stemproof.acts.home import Home, now, opened
from stemproof.testnet.rpc import call_local

BLOCK = {"number": "0x2a", "hash": "0x" + "ab" * 32, "timestamp": "0x69"}
HONEST: dict[str, Any] = {  # Any: whatever a node may answer
    "eth_chainId": "0x7a69",
    "eth_getBlockByNumber": BLOCK,
    "eth_call": "0x" + "00" * 32,
}


@contextmanager
def node(answers: dict[str, Any], *, delay_s: float = 0.0) -> Iterator[str]:
    """Serve fixed answers as a node would."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            time.sleep(delay_s)
            answer = answers[asked["method"]]
            body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": answer}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/rpc?key=1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def question(url: str) -> Question:
    return Question(url, 31337, bytes(20), bytes(20), bytes(32))


def test_an_honest_node_gives_block_and_head() -> None:
    with node(HONEST) as url:
        assert ask(question(url)) == {
            "block_hash": "ab" * 32,
            "block_number": 42,
            "block_time": 105,
            "chain": 31337,
            "head": "00" * 32,
        }


def test_before_the_contract_is_deployed_the_head_is_empty() -> None:
    with node({**HONEST, "eth_call": "0x"}) as url:
        found = ask(question(url))
    assert isinstance(found, dict)
    assert found["head"] == "00" * 32


@pytest.mark.parametrize(
    "lie",
    [
        {"eth_chainId": "0x1"},
        {"eth_chainId": None},
        {"eth_getBlockByNumber": None},
        {"eth_getBlockByNumber": {**BLOCK, "hash": "0xabcd"}},
        {"eth_getBlockByNumber": {**BLOCK, "number": "0x" + "f" * 60}},
        {"eth_getBlockByNumber": {**BLOCK, "timestamp": -1}},
        {"eth_getBlockByNumber": []},
        {"eth_call": "0x1234"},
        {"eth_call": {"deep": [[[]]]}},
    ],
)
def test_a_node_that_makes_no_sense_gives_no_bound(lie: dict[str, Any]) -> None:
    with node({**HONEST, **lie}) as url:
        assert ask(question(url)) is None


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "file:///etc/passwd", "http://", "ftp://x/", "http://[::1"]
)
def test_no_node_gives_no_bound(url: str) -> None:
    assert ask(question(url)) is None


def test_a_slow_node_holds_nobody_up(room: Room) -> None:
    with node(HONEST, delay_s=4.0) as url, opened(room.home) as log:
        log.put_setting("chain", "31337")
        log.put_setting("rpc", url)
        began = time.monotonic()
        assert find_bound(room.home, log) is None
        assert time.monotonic() - began < TIMEOUT_S + 1


def test_a_node_that_says_nothing_is_asked_once_a_minute(room: Room) -> None:
    class Counted:
        at = 0.0

    with socket.create_server(("127.0.0.1", 0)) as silent, opened(room.home) as log:
        log.put_setting("chain", "31337")
        log.put_setting("rpc", f"http://127.0.0.1:{silent.getsockname()[1]}")
        bounds = Bounds(room.home, log, monotonic=lambda: Counted.at)
        assert bounds.find() is None
        began = time.monotonic()
        for _ in range(100):
            assert bounds.find() is None
        assert time.monotonic() - began < 0.5


def test_a_ledger_without_keys_or_chain_has_no_bound(room: Room) -> None:
    with opened(room.home) as log:
        assert find_bound(room.home, log) is None


@pytest.mark.chain
def test_a_running_chain_bounds_the_session(tmp_path: Path) -> None:
    home = Home(tmp_path / "ledger")
    make_ledger(home, "correct horse battery", now())
    with running_testnet(home.testnet) as testnet, opened(home) as log:
        found = find_bound(home, log)
        block = call_local(testnet.port, "eth_getBlockByNumber", "latest", False)
    assert isinstance(found, dict)
    assert isinstance(block, dict)
    assert found["block_hash"] == str(block["hash"]).removeprefix("0x")
    assert found["chain"] == 31337
