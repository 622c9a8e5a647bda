"""Nodes that send a byte now and then: one deadline ends the whole call."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from stemproof.acts.bounds import Question, ask
from stemproof.anchor.blocks import RpcBlocks
from stemproof.anchor.post import post_json, tell_failure
from stemproof.errors import Unavailable
from stemproof.testnet.rpc import call_local

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"


@contextmanager
def dripping(at_once: bytes, then: bytes) -> Iterator[int]:
    """Serve the first bytes at once and then the others for ever, one each 50 ms."""
    server = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        with contextlib.suppress(OSError):
            link, _ = server.accept()
            with link:
                link.recv(65536)
                link.sendall(at_once)
                while not over.wait(0.05):
                    link.sendall(then)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        over.set()
        server.close()
        thread.join()


@pytest.mark.parametrize(
    "at_once",
    [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"],
    ids=["status", "header", "body"],
)
def test_a_dripping_node_is_left_at_the_deadline(at_once: bytes) -> None:
    with dripping(at_once, b"H") as port:
        began = time.monotonic()
        with pytest.raises(Unavailable, match="does not answer"):
            RpcBlocks(f"http://127.0.0.1:{port}", timeout_s=0.4).block_hash(1, 1)
        assert 0.3 < time.monotonic() - began < 3


def test_a_dripping_node_gives_no_bound_and_leaves_no_thread() -> None:
    with dripping(HEAD[:-2], b"X: y\r\n") as port:
        began = time.monotonic()
        url = f"http://127.0.0.1:{port}"
        assert ask(Question(url, 31337, bytes(20), bytes(20), bytes(32))) is None
        assert time.monotonic() - began < 5


def test_a_dripping_program_on_the_port_is_no_local_chain() -> None:
    with dripping(HEAD[:-4], b"0") as port:
        began = time.monotonic()
        with pytest.raises(Unavailable, match="nothing answers as a chain"):
            call_local(port, "eth_chainId", timeout_s=0.4)
        assert time.monotonic() - began < 3


def test_an_answer_within_the_bound_is_given_and_a_longer_one_refused() -> None:
    for limit in (3, 2):
        with dripping(HEAD + b"abc", b"") as port:
            url = urlsplit(f"http://127.0.0.1:{port}/")
            if limit == 3:
                assert post_json(url, b"{}", limit=limit, timeout_s=2) == b"abc"
            else:
                with pytest.raises(ValueError, match="longer than 2 bytes"):
                    post_json(url, b"{}", limit=limit, timeout_s=2)


def test_a_failure_is_told_without_the_systems_number() -> None:
    assert tell_failure(ConnectionRefusedError(111, "Connection refused")) == "connection refused"
    assert tell_failure(ValueError("the answer is longer than 9 bytes")).startswith("the answer")
    assert tell_failure(TimeoutError()) == "it took too long"
