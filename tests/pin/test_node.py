"""Our own node: a service that starts, stops and dies well, and answers strangers strictly."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest
from tests.content.recipe import counter_stream
from tests.pin.conftest import api_of

from stemproof.content.car import CarReader
from stemproof.content.cid import RAW, cid_of, parse_cid
from stemproof.content.unixfs import DEFAULT_PROFILE
from stemproof.content.walk import walk_blocks
from stemproof.errors import Unavailable, Usage
from stemproof.pin import node
from stemproof.pin.blocks import BlockStore
from stemproof.pin.ipfs import IpfsNode
from stemproof.pin.tree import build_path

BOUNDARY = "0123456789abcdef"


def ask(
    port: int,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[HTTPResponse, bytes]:
    with closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request(method, path, body=body, headers=dict(headers or {}))
        response = connection.getresponse()
        return response, response.read()


def raw_ask(port: int, request: bytes) -> bytes:
    """Send bytes that no HTTP library would send; give the status line."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
        peer.sendall(request)
        peer.shutdown(socket.SHUT_WR)
        answer = b""
        while part := peer.recv(65536):
            answer += part
    return answer.split(b"\r\n")[0]


def upload(content: bytes, *, boundary: str = BOUNDARY) -> tuple[bytes, dict[str, str]]:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
    body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def test_a_node_starts_serves_and_stops(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    assert node.status(folder) is None
    started = node.start(node.NodeConfig(folder, 0, 0))
    assert node.status(folder) == started
    assert node.is_answering(started)
    with pytest.raises(Usage, match="already serves"):
        node.start(node.NodeConfig(folder, 0, 0))
    assert node.stop(folder)
    assert node.status(folder) is None
    assert not node.is_answering(started)
    assert not node.stop(folder)


def test_a_port_that_is_taken_is_one_clear_error(own: node.NodeStatus, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=f"{own.api_port}"):
        node.start(node.NodeConfig(tmp_path / "second", own.api_port, 0))
    assert node.status(tmp_path / "second") is None


def test_a_killed_node_is_seen_as_gone_and_starts_again(tmp_path: Path) -> None:
    config = node.NodeConfig(tmp_path / "node", 0, 0)
    first = node.start(config)
    path = tmp_path / "stem.wav"
    path.write_bytes(counter_stream("stem", 5000))
    cid = IpfsNode(api_of(first)).add_file(path).cid
    os.kill(first.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while node.status(config.folder) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert node.status(config.folder) is None
    second = node.start(config)
    try:
        assert IpfsNode(api_of(second)).has(cid)
    finally:
        node.stop(config.folder)


def test_a_node_serves_in_this_process_until_told_to_stop(tmp_path: Path) -> None:
    ready: list[node.NodeStatus] = []
    is_ready, stop = threading.Event(), threading.Event()

    def on_ready(status: node.NodeStatus) -> None:
        ready.append(status)
        is_ready.set()

    config = node.NodeConfig(tmp_path / "node", 0, 0)
    thread = threading.Thread(target=node.serve_forever, args=(config, stop, on_ready))
    thread.start()
    try:
        assert is_ready.wait(10)
        assert node.is_answering(ready[0])
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()
    assert not (config.folder / "node.json").exists()


@pytest.mark.parametrize("turn", range(5))
def test_a_node_killed_during_an_add_stays_consistent(tmp_path: Path, turn: int) -> None:
    config = node.NodeConfig(tmp_path / "node", 0, 0)
    path = tmp_path / "stem.wav"
    path.write_bytes(random.Random(turn).randbytes(12 << 20))
    started = node.start(config)
    outcome: list[object] = []

    def add() -> None:
        try:
            outcome.append(IpfsNode(api_of(started)).add_file(path))
        except Unavailable as error:
            outcome.append(error)

    thread = threading.Thread(target=add)
    thread.start()
    time.sleep(0.05 + turn * 0.06)
    os.kill(started.pid, signal.SIGKILL)
    thread.join(30)
    store = BlockStore(config.folder)
    for root in store.pins():
        assert sum(1 for _ in walk_blocks(root, store.get)) > 0
    if not isinstance(outcome[0], Unavailable):
        assert store.is_pinned(build_path(path).cid)
    again = node.start(config)
    try:
        IpfsNode(api_of(again)).add_file(path)
    finally:
        node.stop(config.folder)


def test_a_node_on_a_full_disk_says_so_and_goes_on(tmp_path: Path) -> None:
    program = (
        "import resource, sys; from stemproof.pin.node import run;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)); sys.exit(run(sys.argv[1:]))"
    )
    folder = tmp_path / "node"
    command = [sys.executable, "-c", program, str(folder), "--api-port=0", "--gateway-port=0"]
    subprocess.run(command, check=True, timeout=30)
    try:
        started = node.status(folder)
        assert started is not None
        backend = IpfsNode(api_of(started))
        large, small = tmp_path / "large.wav", tmp_path / "small.wav"
        large.write_bytes(counter_stream("large", 400_000))
        small.write_bytes(counter_stream("small", 1000))
        with pytest.raises(Unavailable, match="cannot be written"):
            backend.add_file(large)
        assert backend.has(backend.add_file(small).cid)
    finally:
        node.stop(folder)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:5711"},
        {"Host": ""},
        {"Host": "127.0.0.1.evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_foreign_pages_are_refused_on_both_ports(
    running: node.NodeStatus, headers: dict[str, str]
) -> None:
    assert ask(running.api_port, "POST", "/api/v0/version", headers=headers)[0].status == 403
    path = f"/ipfs/{cid_of(b'', codec=RAW)}?format=raw"
    assert ask(running.gateway_port, "GET", path, headers=headers)[0].status == 403


def test_its_own_origin_and_names_are_answered(running: node.NodeStatus) -> None:
    for host in (f"127.0.0.1:{running.api_port}", f"localhost:{running.api_port}", "LOCALHOST"):
        headers = {"Host": host, "Origin": f"http://{host}"}
        response, body = ask(running.api_port, "POST", "/api/v0/version", headers=headers)
        assert response.status == 200
        assert json.loads(body)["Version"].endswith("stemproof-node")


def test_it_never_calls_itself_kubo(running: node.NodeStatus) -> None:
    for call in ("version", "id"):
        response, body = ask(running.api_port, "POST", f"/api/v0/{call}")
        said = (body + str(response.headers).encode()).lower()
        assert b"kubo" not in said
        assert b"go-ipfs" not in said


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_the_rpc_takes_post_only(running: node.NodeStatus, method: str) -> None:
    assert ask(running.api_port, method, "/api/v0/version")[0].status == 405


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_the_gateway_changes_nothing(running: node.NodeStatus, method: str) -> None:
    assert ask(running.gateway_port, method, "/ipfs/bafkqaaa?format=raw")[0].status == 405
    assert ask(running.gateway_port, "GET", "/api/v0/version")[0].status == 404


CID = str(cid_of(b"nobody has this", codec=RAW))


@pytest.mark.parametrize(
    ("call", "status"),
    [
        ("swarm/peers", 404),
        ("../v0/version", 404),
        ("version?unknown=1", 400),
        ("add?trickle=true", 400),
        ("add?nocopy=true", 400),
        ("add?wrap-with-directory=true", 400),
        ("add?chunker=rabin", 400),
        ("add?chunker=size-0", 400),
        ("add?chunker=size-99999999", 400),
        ("add?cid-version=2", 400),
        ("add?max-file-links=1", 400),
        ("add?hash=blake3", 400),
        ("add?raw-leaves=maybe", 400),
        ("add?cid-version=1&cid-version=0", 400),
        ("add", 500),
        ("block/put?mhtype=sha3-256", 400),
        ("block/put?cid-codec=dag-cbor", 400),
        (f"block/get?arg={CID}", 500),
        ("block/get", 400),
        (f"block/get?arg={CID}&arg={CID}", 400),
        ("block/get?arg=../../etc/passwd", 500),
        (f"block/get?arg={CID}/a", 500),
        (f"pin/add?arg={CID}", 500),
        (f"pin/add?arg={CID}&recursive=false", 400),
        (f"pin/rm?arg={CID}", 500),
        (f"pin/ls?arg={CID}", 400),
        ("pin/ls?type=strange", 400),
        (f"cat?arg={CID}&offset=-1", 400),
        (f"dag/export?arg={CID}", 500),
        ("dag/import", 500),
        ("version?" + "&".join(f"a{number}=1" for number in range(100)), 400),
    ],
)
def test_a_call_that_is_not_offered_is_refused(
    running: node.NodeStatus, call: str, status: int
) -> None:
    response, body = ask(running.api_port, "POST", f"/api/v0/{call}")
    assert (response.status, body) == (status, body)
    assert json.loads(body)["Type"] == "error"


@pytest.mark.parametrize(
    "request_text",
    [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        "Content-Length: -1\r\n\r\n",
        "Content-Length: +5\r\n\r\nabcde",
        "Content-Length: 05\r\n\r\nabcde",
        "Content-Length: 0x5\r\n\r\nabcde",
        "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: identity\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5;ext=1\r\nabcde\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n-5\r\nabcde\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nabcdeXX0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nfffffffff\r\n",
        "Content-Length: 9999999999999999\r\n\r\n",
    ],
)
def test_a_body_of_doubtful_length_is_refused(running: node.NodeStatus, request_text: str) -> None:
    head = (
        f"POST /api/v0/add HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
    )
    status = raw_ask(running.api_port, (head + request_text).encode())
    assert status.startswith((b"HTTP/1.1 400", b"HTTP/1.1 413", b"HTTP/1.1 500"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no boundary",
        f"--{BOUNDARY}--\r\n".encode(),
        f"--{BOUNDARY}\r\n".encode(),
        f"--{BOUNDARY}\r\nA: b\r\n\r\ncut off".encode(),
        f"--{BOUNDARY}\r\nno colon\r\n\r\nx\r\n--{BOUNDARY}--\r\n".encode(),
        f"--{BOUNDARY}XX\r\n\r\nx\r\n--{BOUNDARY}--\r\n".encode(),
        f"--{BOUNDARY}\r\nA: {'x' * 40_000}\r\n\r\nx\r\n--{BOUNDARY}--\r\n".encode(),
        f"--{BOUNDARY}\r\nA: b\r\n\r\nx\r\n".encode() * 2 + f"--{BOUNDARY}--\r\n".encode(),
    ],
)
def test_an_upload_in_a_broken_form_pins_nothing(running: node.NodeStatus, body: bytes) -> None:
    before = ask(running.api_port, "POST", "/api/v0/pin/ls")[1]
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    response, _ = ask(running.api_port, "POST", "/api/v0/add", body, headers)
    assert response.status in (400, 500)
    assert ask(running.api_port, "POST", "/api/v0/pin/ls")[1] == before


def test_content_that_looks_like_a_boundary_is_content(running: node.NodeStatus) -> None:
    for content in (
        f"\r\n--{BOUNDARY[:-1]}".encode() * 50_000,
        b"\r\n--" * 100_000,
        b"\r\n" * 300_000 + b"\r",
    ):
        body, headers = upload(content)
        _, said = ask(running.api_port, "POST", "/api/v0/block/put", body[:0] + body, headers)
        document = json.loads(said)
        assert document == {"Key": str(cid_of(content, codec=RAW)), "Size": len(content)}


def test_an_upload_that_stops_half_way_pins_nothing(own: node.NodeStatus) -> None:
    body, headers = upload(bytes(3 << 20))
    head = (
        "POST /api/v0/add?cid-version=1 HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: {headers['Content-Type']}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    status = raw_ask(own.api_port, head.encode() + body[: 2 << 20])
    assert b"500" in status or status == b""
    assert json.loads(ask(own.api_port, "POST", "/api/v0/pin/ls")[1]) == {"Keys": {}}


def test_an_upload_longer_than_the_bound_is_refused(tmp_path: Path) -> None:
    config = node.NodeConfig(tmp_path / "node", 0, 0, max_upload_bytes=1 << 20)
    started = node.start(config)
    try:
        path = tmp_path / "long.wav"
        path.write_bytes(bytes(5 << 20))
        with pytest.raises(Unavailable):
            IpfsNode(api_of(started)).add_file(path)
        assert BlockStore(config.folder).pins() == ()
    finally:
        node.stop(config.folder)


def test_blocks_and_cars_are_served_as_the_specification_says(
    running: node.NodeStatus, tmp_path: Path
) -> None:
    path = tmp_path / "stem.wav"
    path.write_bytes(counter_stream("served", 1_500_000))
    cid = IpfsNode(api_of(running)).add_file(path, DEFAULT_PROFILE).cid
    port = running.gateway_port
    by_option, block = ask(port, "GET", f"/ipfs/{cid}?format=raw")
    accept = {"Accept": "text/html, application/vnd.ipld.raw"}
    by_header, same = ask(port, "GET", f"/ipfs/{cid}", headers=accept)
    assert block == same
    for response in (by_option, by_header):
        assert response.status == 200
        assert response.headers["Content-Type"] == "application/vnd.ipld.raw"
        assert response.headers["Content-Length"] == str(len(block))
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "immutable" in response.headers["Cache-Control"]
        assert response.headers["Content-Disposition"] == f'attachment; filename="{cid}.bin"'
    head, nothing = ask(port, "HEAD", f"/ipfs/{cid}?format=raw")
    assert (head.headers["Content-Length"], nothing) == (str(len(block)), b"")
    etag = {"If-None-Match": by_option.headers["Etag"]}
    assert ask(port, "GET", f"/ipfs/{cid}?format=raw", headers=etag)[0].status == 304
    response, car = ask(port, "GET", f"/ipfs/{cid}?format=car")
    assert response.headers["Content-Type"] == (
        "application/vnd.ipld.car; version=1; order=dfs; dups=n"
    )
    reader = CarReader(_Bytes(car), max_bytes=1 << 30)
    blocks = {section.cid: section.block for section in reader.sections()}
    assert list(blocks) == [cid for cid, _ in walk_blocks(cid, blocks.__getitem__)]
    scoped = ask(port, "GET", f"/ipfs/{cid}?format=car&dag-scope=block")[1]
    assert len(list(CarReader(_Bytes(scoped), max_bytes=1 << 30).sections())) == 1


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self._view = memoryview(data)

    def read(self, size: int, /) -> bytes:
        part, self._view = bytes(self._view[:size]), self._view[size:]
        return part


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 404),
        (f"/ipfs/{CID}?format=raw", 404),
        (f"/ipfs/{CID}?format=car", 404),
        (f"/ipfs/{CID}", 406),
        (f"/ipfs/{CID}?format=tar", 406),
        (f"/ipfs/{CID}/a?format=raw", 400),
        ("/ipfs/nonsense?format=raw", 400),
        ("/ipfs/../../etc/passwd?format=raw", 400),
        (f"/ipfs/{CID}?format=raw&format=car", 400),
        (f"/ipfs/{CID}?format=car&dag-scope=entity", 400),
        (f"/ipfs/{CID}?format=car&entity-bytes=0:1", 400),
        ("/ipns/example.org", 404),
        ("/ipfs/bafkqaaa?format=raw", 200),
    ],
)
def test_the_gateway_answers_by_cid_only(running: node.NodeStatus, path: str, status: int) -> None:
    assert ask(running.gateway_port, "GET", path)[0].status == status


def test_cat_gives_ranges_and_export_gives_the_car(
    running: node.NodeStatus, tmp_path: Path
) -> None:
    content = counter_stream("cat", 3_000_000)
    (tmp_path / "stem.wav").write_bytes(content)
    cid = IpfsNode(api_of(running)).add_file(tmp_path / "stem.wav").cid
    port = running.api_port
    assert ask(port, "POST", f"/api/v0/cat?arg={cid}")[1] == content
    ranged = ask(port, "POST", f"/api/v0/cat?arg=/ipfs/{cid}&offset=1048570&length=20")[1]
    assert ranged == content[1048570:1048590]
    exported = ask(port, "POST", f"/api/v0/dag/export?arg={cid}")[1]
    assert CarReader(_Bytes(exported), max_bytes=1 << 30).root == cid
    stat = json.loads(ask(port, "POST", f"/api/v0/block/stat?arg={cid}")[1])
    assert parse_cid(stat["Key"]) == cid
    assert json.loads(ask(port, "POST", "/api/v0/repo/stat")[1])["NumObjects"] >= 4


def test_only_hash_stores_nothing(own: node.NodeStatus) -> None:
    body, headers = upload(b"only named")
    _, said = ask(own.api_port, "POST", "/api/v0/add?only-hash=true&cid-version=1", body, headers)
    assert json.loads(said)["Hash"] == str(cid_of(b"only named", codec=RAW))
    assert json.loads(ask(own.api_port, "POST", "/api/v0/repo/stat")[1])["NumObjects"] == 0


def test_garbage_is_collected_through_the_rpc(own: node.NodeStatus) -> None:
    body, headers = upload(b"unpinned")
    ask(own.api_port, "POST", "/api/v0/add?pin=false&cid-version=1", body, headers)
    gone = json.loads(ask(own.api_port, "POST", "/api/v0/repo/gc")[1])
    assert gone == {"Key": {"/": str(cid_of(b"unpinned", codec=RAW))}}


def test_more_connections_than_places_do_not_stop_the_node(own: node.NodeStatus) -> None:
    idle = [socket.create_connection(("127.0.0.1", own.api_port)) for _ in range(100)]
    time.sleep(0.3)
    for peer in idle:
        peer.close()
    time.sleep(0.3)
    assert node.is_answering(own)
