"""Nodes that are down, slow, on another chain, or not nodes at all: one sentence each."""

from __future__ import annotations

import dataclasses
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from tests.anchor.altering_node import answering, serving

from stemproof.anchor.chains import ChainInfo
from stemproof.anchor.evm import open_chain
from stemproof.anchor.node import Node
from stemproof.anchor.problems import (
    NodeDown,
    NodeRefuses,
    Unsupported,
    UntrustedNode,
    WrongChain,
)
from stemproof.errors import Unavailable
from stemproof.testnet.anvil import Testnet


@pytest.fixture
def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def stalling_url() -> Iterator[str]:
    """A socket that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_node_that_is_down_is_named(info: ChainInfo, closed_port: int) -> None:
    with pytest.raises(NodeDown, match=rf"the node at 127\.0\.0\.1:{closed_port} is not reachable"):
        open_chain(info, rpc_url=f"http://127.0.0.1:{closed_port}")


def test_a_node_that_stalls_is_given_up_in_time(info: ChainInfo, stalling_url: str) -> None:
    began = time.monotonic()
    with pytest.raises(NodeDown, match=r"did not answer eth_chainId within 0\.3 s"):
        open_chain(info, rpc_url=stalling_url, timeout_s=0.3)
    assert time.monotonic() - began < 5


def test_a_node_that_drips_its_answer_is_given_up_in_time() -> None:
    class Dripping(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            try:
                for _ in range(100):
                    self.wfile.write(b" ")
                    self.wfile.flush()
                    time.sleep(0.05)
            except OSError:
                pass

        def log_message(self, format: str, *args: object) -> None:
            pass

    began = time.monotonic()
    with serving(Dripping) as url, pytest.raises(NodeDown, match="did not answer"):
        Node(url, timeout_s=0.3).call("eth_chainId")
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("url", ["", "localhost:8545", "ftp://127.0.0.1", "http://", "http://:80"])
def test_what_is_no_address_of_a_node_is_refused(url: str) -> None:
    with pytest.raises(NodeDown, match="is no address"):
        Node(url)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b"7",
        b'{"jsonrpc":"2.0","id":1}',
        b'{"jsonrpc":"2.0","id":1,"error":"no"}',
        b'{"jsonrpc":"2.0","id":1,"error":{"code":"x"}}',
        b'{"jsonrpc":"2.0","id":1,"result":1,"error":{"code":1}}',
        b'{"jsonrpc":"2.0","id":1,"result":null}',
        b'{"jsonrpc":"2.0","id":1,"result":"31337"}',
        b'{"jsonrpc":"2.0","id":1,"result":"0x07a69"}',
        b'{"jsonrpc":"2.0","id":1,"result":-1}',
        b"[" * 100_000,
        b'{"]":' * 100_000,
        b'{"\\"]":"]",' + b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_an_answer_that_is_none_is_not_believed(info: ChainInfo, answer: bytes) -> None:
    with answering(answer) as url, pytest.raises(UntrustedNode):
        open_chain(info, rpc_url=url)


def test_an_answer_without_end_is_cut_off() -> None:
    with answering(b'{"result":"' + b"0" * 100_000) as url:
        node = Node(url, max_answer_bytes=1000)
        with pytest.raises(UntrustedNode, match="too long"):
            node.call("eth_chainId")


def test_a_node_that_hangs_up_is_a_node_that_is_down(info: ChainInfo) -> None:
    class HangingUp(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"res')

        def log_message(self, format: str, *args: object) -> None:
            pass

    with serving(HangingUp) as url, pytest.raises((NodeDown, UntrustedNode)):
        open_chain(info, rpc_url=url)


@pytest.mark.parametrize("status", [302, 403, 429, 502])
def test_a_page_instead_of_an_answer_is_a_node_that_is_down(info: ChainInfo, status: int) -> None:
    with answering(b"<html>", status=status) as url, pytest.raises(NodeDown, match=f"{status}"):
        open_chain(info, rpc_url=url)


def test_an_error_with_a_code_is_told_with_its_code() -> None:
    data = (
        b'{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no \\u001b[31m","data":"0x01"}}'
    )
    with answering(data) as url, pytest.raises(NodeRefuses) as caught:
        Node(url).call("eth_call")
    assert (caught.value.code, caught.value.data) == (-32000, b"\x01")
    assert "\x1b" not in str(caught.value)


def test_a_call_that_the_node_lacks_is_named() -> None:
    data = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"?"}}'
    with answering(data) as url, pytest.raises(Unsupported, match="does not have eth_getProof"):
        Node(url).call("eth_getProof")


def test_an_access_key_in_the_address_is_never_shown(closed_port: int) -> None:
    url = f"http://user:hunter2@127.0.0.1:{closed_port}/v3/topsecret?key=alsosecret"
    with pytest.raises(NodeDown) as caught:
        Node(url).call("eth_chainId")
    assert not any(word in str(caught.value) for word in ("hunter2", "topsecret", "alsosecret"))


@pytest.mark.chain
def test_a_node_of_another_chain_is_refused(testnet: Testnet, info: ChainInfo) -> None:
    other = dataclasses.replace(info, id=11155111, name="sepolia")
    with pytest.raises(WrongChain, match=r"serves chain 31337, want sepolia \(11155111\)"):
        open_chain(other, rpc_url=testnet.rpc_url)


@pytest.mark.chain
def test_the_next_node_of_the_table_is_taken_where_one_is_down(
    testnet: Testnet, info: ChainInfo, closed_port: int
) -> None:
    both = dataclasses.replace(info, rpcs=(f"http://127.0.0.1:{closed_port}", testnet.rpc_url))
    assert open_chain(both).node.where.endswith(str(testnet.port))


def test_a_chain_without_a_node_says_so(info: ChainInfo) -> None:
    with pytest.raises(Unavailable, match="no node is known"):
        open_chain(dataclasses.replace(info, rpcs=()))
