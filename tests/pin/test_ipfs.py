"""What an RPC port says is compared, never believed; what we send it says no more than it must."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from stemproof.content.cid import RAW, cid_of
from stemproof.errors import Unavailable, Usage
from stemproof.pin.ipfs import IpfsNode
from stemproof.pin.tree import build_path

CID = cid_of(b"stem", codec=RAW)


class _Liar(ThreadingHTTPServer):
    daemon_threads = True
    reply = b"{}"
    status = 200
    wait_s = 0.0
    received = b""

    def handle_error(self, request: object, client_address: object) -> None:
        """Its clients hang up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Liar

    def do_POST(self) -> None:
        while size := int(self.rfile.readline() or b"0", 16) if self._is_chunked() else 0:
            self.server.received += self.rfile.read(size)
            self.rfile.readline()
        time.sleep(self.server.wait_s)
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.reply)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(self.server.reply)

    def _is_chunked(self) -> bool:
        return self.headers.get("Transfer-Encoding") == "chunked"

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def liar() -> Iterator[_Liar]:
    server = _Liar(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def stem(tmp_path: Path) -> Path:
    path = tmp_path / "My Unreleased Song (final).wav"
    path.write_bytes(b"stem")
    return path


def node_at(server: _Liar, silence_s: float = 5.0) -> IpfsNode:
    return IpfsNode(f"http://127.0.0.1:{server.server_port}", silence_s=silence_s)


def test_another_cid_than_ours_is_refused(liar: _Liar, stem: Path) -> None:
    liar.reply = json.dumps({"Name": "x", "Hash": str(cid_of(b"other", codec=RAW))}).encode()
    with pytest.raises(Unavailable, match=str(build_path(stem).cid)):
        node_at(liar).add_file(stem)


def test_a_node_that_takes_a_file_and_does_not_pin_it_is_refused(liar: _Liar, stem: Path) -> None:
    liar.reply = json.dumps({"Hash": str(CID), "Keys": {}}).encode()
    with pytest.raises(Unavailable, match="does not list it as pinned"):
        node_at(liar).add_file(stem)


def test_neither_name_nor_folder_of_a_file_is_sent(liar: _Liar, stem: Path) -> None:
    liar.reply = json.dumps({"Hash": str(CID), "Keys": {str(CID): {}}}).encode()
    node_at(liar).add_file(stem)
    assert b"stem" in liar.received
    for word in (b"Unreleased", str(stem.parent).encode(), b"Abspath"):
        assert word not in liar.received


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"{}",
        b"[]",
        b"[1]",
        b'"text"',
        b"not json",
        b"{}{}",
        b'{"Hash": ["a"]}',
        b"\xff",
        b"null",
    ],
)
def test_an_answer_in_another_form_is_unavailable(liar: _Liar, stem: Path, reply: bytes) -> None:
    liar.reply = reply
    with pytest.raises(Unavailable):
        node_at(liar).add_file(stem)
    with pytest.raises(Unavailable):
        node_at(liar).has(CID)
    with pytest.raises(Unavailable):
        node_at(liar).describe()


@pytest.mark.parametrize("reply", [b"", b"sten", bytes(5 << 20)])
def test_another_block_than_asked_for_is_refused(liar: _Liar, reply: bytes) -> None:
    liar.reply = reply
    with pytest.raises(Unavailable):
        node_at(liar).get_block(CID)


@pytest.mark.parametrize("status", [301, 400, 403, 404, 500, 503])
def test_an_error_status_is_unavailable(liar: _Liar, stem: Path, status: int) -> None:
    liar.status = status
    with pytest.raises(Unavailable):
        node_at(liar).add_file(stem)


def test_the_nodes_own_words_are_escaped_and_cut(liar: _Liar) -> None:
    liar.status = 500
    message = "\x1b[2J" + "x" * 10_000
    liar.reply = json.dumps({"Message": message, "Code": 0, "Type": "error"}).encode()
    with pytest.raises(Unavailable) as caught:
        node_at(liar).rm(CID)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_silent_node_is_left_in_time(liar: _Liar) -> None:
    liar.wait_s = 3
    before = time.monotonic()
    with pytest.raises(Unavailable, match="in time"):
        node_at(liar, silence_s=0.3).has(CID)
    assert time.monotonic() - before < 2


def test_a_node_that_is_down_is_unavailable(liar: _Liar) -> None:
    liar.shutdown()
    liar.server_close()
    with pytest.raises(Unavailable, match="cannot be reached"):
        node_at(liar).describe()


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:5001", "http://x", "ftp://x:1", "http://x:1/api", "http://x:port"]
)
def test_an_address_of_another_form_is_a_usage_error(url: str) -> None:
    with pytest.raises(Usage):
        IpfsNode(url)
