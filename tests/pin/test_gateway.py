"""Gateways that lie, break off, stall or flood: named, and the next one goes on."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.content.recipe import counter_stream

from stemproof.content.car import format_header, format_section
from stemproof.content.cid import RAW, Cid, cid_of, parse_cid
from stemproof.content.unixfs import Profile, build_directory, build_file
from stemproof.content.walk import Bounds, walk_blocks
from stemproof.errors import BadInput, Malformed, Refuted, StemproofError, Unavailable, Usage
from stemproof.pin.gateway import FETCH_BOUNDS, fetch
from stemproof.pin.tree import MAX_ENTRIES

SMALL = Profile("small", 1000, 8, raw_leaves=True, version=1)
CONTENT = counter_stream("fetched", 20_500)
BLOCKS: dict[Cid, bytes] = {}
ROOT = build_file(io.BytesIO(CONTENT), BLOCKS.__setitem__, SMALL).cid
SECTIONS = [format_section(*pair) for pair in walk_blocks(ROOT, BLOCKS.__getitem__)]
CAR = "application/vnd.ipld.car"
RAW_TYPE = "application/vnd.ipld.raw"

Answer = Callable[[BaseHTTPRequestHandler, Cid, str], None]


def send(handler: BaseHTTPRequestHandler, kind: str, body: bytes, status: int = 200) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def car_of(root: Cid) -> bytes:
    blocks = walk_blocks(root, BLOCKS.__getitem__)
    return format_header(root) + b"".join(format_section(*pair) for pair in blocks)


def honest(handler: BaseHTTPRequestHandler, cid: Cid, form: str) -> None:
    if cid not in BLOCKS:
        send(handler, "text/plain", b"not here", 404)
    elif form == "raw":
        send(handler, RAW_TYPE, BLOCKS[cid])
    else:
        send(handler, CAR, car_of(cid))


def sends_car(body: bytes) -> Answer:
    return lambda handler, cid, form: send(handler, CAR, body)


def refuses_cars(handler: BaseHTTPRequestHandler, cid: Cid, form: str) -> None:
    if form == "car":
        send(handler, "text/plain", b"blocks only", 406)
    else:
        honest(handler, cid, form)


def lies_in_blocks(handler: BaseHTTPRequestHandler, cid: Cid, form: str) -> None:
    if form == "car":
        refuses_cars(handler, cid, form)
    else:
        send(handler, RAW_TYPE, BLOCKS[cid][:-1] + b"!")


def floods_blocks(handler: BaseHTTPRequestHandler, cid: Cid, form: str) -> None:
    if form == "car":
        refuses_cars(handler, cid, form)
    else:
        send(handler, RAW_TYPE, bytes(3 << 20))


def floods_car(handler: BaseHTTPRequestHandler, cid: Cid, form: str) -> None:
    """Sends whole and true blocks for ever, none of them asked for."""
    handler.send_response(200)
    handler.send_header("Content-Type", CAR)
    handler.end_headers()
    handler.wfile.write(format_header(cid) + SECTIONS[0])
    while True:
        handler.wfile.write(SECTIONS[0])


def goes_on_after_the_end(handler: BaseHTTPRequestHandler, cid: Cid, form: str) -> None:
    extra = b"nobody asked for this"
    send(handler, CAR, car_of(cid) + format_section(cid_of(extra, codec=RAW), extra))


def stalls(handler: BaseHTTPRequestHandler, cid: Cid, form: str) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", CAR)
    handler.end_headers()
    handler.wfile.write(format_header(cid) + SECTIONS[0] + SECTIONS[1][:100])
    time.sleep(3)


def trickles(handler: BaseHTTPRequestHandler, cid: Cid, form: str) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", CAR)
    handler.end_headers()
    for byte in car_of(cid):
        handler.wfile.write(bytes([byte]))
        time.sleep(0.02)


def says_nothing(handler: BaseHTTPRequestHandler, cid: Cid, form: str) -> None:
    time.sleep(3)


def redirects(handler: BaseHTTPRequestHandler, cid: Cid, form: str) -> None:
    handler.send_response(302)
    handler.send_header("Location", "http://127.0.0.1:1/elsewhere")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def hangs_up(handler: BaseHTTPRequestHandler, cid: Cid, form: str) -> None:
    handler.connection.close()


def is_down_inside(handler: BaseHTTPRequestHandler, cid: Cid, form: str) -> None:
    send(handler, "text/html", b"<h1>502</h1>", 502)


def compresses(handler: BaseHTTPRequestHandler, cid: Cid, form: str) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", CAR if form == "car" else RAW_TYPE)
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


HEADER = format_header(ROOT)
LIARS: dict[str, Answer] = {
    "another root": sends_car(format_header(cid_of(b"x", codec=RAW)) + SECTIONS[0]),
    "cut in a section": sends_car(HEADER + b"".join(SECTIONS)[:-5]),
    "a block missing at the end": sends_car(HEADER + b"".join(SECTIONS[:-1])),
    "a block missing inside": sends_car(HEADER + b"".join(SECTIONS[:2] + SECTIONS[3:])),
    "blocks in another order": sends_car(HEADER + b"".join(reversed(SECTIONS))),
    "a changed byte": sends_car(HEADER + b"".join(SECTIONS)[:-1] + b"!"),
    "no block": sends_car(HEADER),
    "no byte": sends_car(b""),
    "a web page called CAR": sends_car(b"<html>"),
    "false blocks": lies_in_blocks,
    "huge blocks": floods_blocks,
    "a flood of true blocks": floods_car,
    "a stall": stalls,
    "a trickle": trickles,
    "silence": says_nothing,
    "a redirect": redirects,
    "a hang-up": hangs_up,
    "an error page": is_down_inside,
    "compression": compresses,
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients of liars hang up."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        text, _, form = self.path.removeprefix("/ipfs/").partition("?format=")
        self.server.answer(self, parse_cid(text), form)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


Start = Callable[[Answer], _Server]


@pytest.fixture
def serve() -> Iterator[Start]:
    with ExitStack() as stack:

        def start(answer: Answer) -> _Server:
            server = _Server(answer)
            stack.callback(server.server_close)
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            stack.callback(server.shutdown)
            return server

        yield start


def test_an_honest_gateway_is_asked_once(serve: Start, tmp_path: Path) -> None:
    server = serve(honest)
    fetched = fetch(ROOT, [server.url], tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == CONTENT
    assert (fetched.bytes, fetched.faults) == (len(CONTENT), ())
    assert server.asked == [f"/ipfs/{ROOT}?format=car"]


def test_a_gateway_for_single_blocks_only_serves_too(serve: Start, tmp_path: Path) -> None:
    fetched = fetch(ROOT, [serve(refuses_cars).url], tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == CONTENT
    assert fetched.faults == ()


@pytest.mark.parametrize("what", LIARS)
def test_a_liar_is_named_and_the_next_gateway_is_tried(
    serve: Start, tmp_path: Path, what: str
) -> None:
    liar, good = serve(LIARS[what]), serve(honest)
    fetched = fetch(ROOT, [liar.url, good.url], tmp_path / "out", silence_s=0.5)
    assert (tmp_path / "out").read_bytes() == CONTENT
    assert [fault.gateway for fault in fetched.faults] == [liar.url]
    assert fetched.faults[0].reason


@pytest.mark.parametrize("what", LIARS)
def test_with_liars_only_nothing_is_written(serve: Start, tmp_path: Path, what: str) -> None:
    liar = serve(LIARS[what])
    with pytest.raises(Unavailable, match=liar.url):
        fetch(ROOT, [liar.url], tmp_path / "out", silence_s=0.5)
    assert list(tmp_path.iterdir()) == []


def test_what_was_fetched_before_a_fault_is_not_fetched_again(serve: Start, tmp_path: Path) -> None:
    half = serve(sends_car(format_header(ROOT) + b"".join(SECTIONS[:12])))
    good = serve(honest)
    fetch(ROOT, [half.url, good.url], tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == CONTENT
    assert len(good.asked) == len(SECTIONS) - 12


def test_a_gateway_that_goes_on_after_the_end_is_named(serve: Start, tmp_path: Path) -> None:
    server = serve(goes_on_after_the_end)
    fetched = fetch(ROOT, [server.url], tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == CONTENT
    assert [fault.gateway for fault in fetched.faults] == [server.url]


def test_a_dead_gateway_is_named(serve: Start, tmp_path: Path) -> None:
    dead = serve(honest)
    dead.shutdown()
    dead.server_close()
    fetched = fetch(ROOT, [dead.url, serve(honest).url], tmp_path / "out")
    assert [fault.gateway for fault in fetched.faults] == [dead.url]


def test_what_no_gateway_has_is_unavailable_and_all_are_named(serve: Start, tmp_path: Path) -> None:
    servers = [serve(honest), serve(honest)]
    with pytest.raises(Unavailable) as caught:
        fetch(cid_of(b"lost", codec=RAW), [server.url for server in servers], tmp_path / "out")
    assert all(server.url in str(caught.value) for server in servers)


def test_content_longer_than_the_bound_is_refused(serve: Start, tmp_path: Path) -> None:
    with pytest.raises(Refuted):
        fetch(ROOT, [serve(honest).url], tmp_path / "out", bounds=Bounds(max_bytes=20_000))
    assert list(tmp_path.iterdir()) == []


def test_repeated_blocks_are_asked_for_again_only_when_forgotten(
    serve: Start, tmp_path: Path
) -> None:
    loop = [counter_stream(f"bar {number}", 1000) for number in range(12)]
    content = b"".join(loop * 3) + bytes(9000)
    root = build_file(io.BytesIO(content), BLOCKS.__setitem__, SMALL).cid
    server = serve(honest)
    fetched = fetch(root, [server.url], tmp_path / "out")
    assert fetched.faults == ()
    assert (tmp_path / "out").read_bytes() == content
    # The CAR, then 24 repeated bars and one repeated group of them; the silence for nothing.
    assert len(server.asked) == 1 + 24 + 1


def test_a_hostile_folder_leaves_nothing_behind(serve: Start, tmp_path: Path) -> None:
    from stemproof.content.cid import DAG_PB
    from stemproof.content.dagpb import Kind, Link, PbNode, UnixFs, format_node

    leaf = build_file(io.BytesIO(b"x"), BLOCKS.__setitem__, SMALL)
    good = build_directory({"fine.wav": leaf}, BLOCKS.__setitem__)
    links = (Link(good.cid, "a", 1), Link(leaf.cid, "../../up.wav", 1))
    block = format_node(PbNode(tuple(sorted(links, key=lambda link: link.name)), UnixFs(Kind(1))))
    root = cid_of(block, codec=DAG_PB)
    BLOCKS[root] = block
    (tmp_path / "in").mkdir()
    with pytest.raises(Malformed):
        fetch(root, [serve(honest).url], tmp_path / "in" / "out")
    assert [path.name for path in tmp_path.rglob("*")] == ["in"]


def test_a_folder_of_too_many_files_is_refused_and_leaves_nothing(
    serve: Start, tmp_path: Path
) -> None:
    leaf = build_file(io.BytesIO(b"x"), BLOCKS.__setitem__, SMALL)
    root = build_directory({f"{n}": leaf for n in range(6)}, BLOCKS.__setitem__)
    (tmp_path / "in").mkdir()
    # Large is not wrong: nothing is refuted by it.
    with pytest.raises(BadInput, match="more than 6 files and folders"):
        fetch(root.cid, [serve(honest).url], tmp_path / "in" / "out", bounds=Bounds(max_entries=6))
    assert [path.name for path in tmp_path.rglob("*")] == ["in"]
    # The folder itself counts.
    fetch(root.cid, [serve(honest).url], tmp_path / "in" / "out", bounds=Bounds(max_entries=7))
    assert FETCH_BOUNDS.max_entries == MAX_ENTRIES


def test_hidden_files_are_fetched_and_named(serve: Start, tmp_path: Path) -> None:
    leaf = build_file(io.BytesIO(b"x"), BLOCKS.__setitem__, SMALL)
    below = build_directory({".profile": leaf, "a.wav": leaf}, BLOCKS.__setitem__)
    root = build_directory({"stems": below}, BLOCKS.__setitem__)
    fetched = fetch(root.cid, [serve(honest).url], tmp_path / "out")
    assert fetched.hidden == ("stems/.profile",)
    assert fetched.files == 2


def test_an_existing_target_is_left_alone(serve: Start, tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"mine")
    with pytest.raises(Usage):
        fetch(ROOT, [serve(honest).url], tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"mine"


@pytest.mark.parametrize("url", ["ftp://x", "http://", "http://x/ipfs", "", "https://x?y=z"])
def test_an_address_that_is_no_gateway_is_a_usage_error(url: str, tmp_path: Path) -> None:
    with pytest.raises(StemproofError):
        fetch(ROOT, [url], tmp_path / "out")
