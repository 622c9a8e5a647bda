"""A tee over HTTP: streams pass as they come, pages are refused, keys stay out of the ledger."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.acts.keyed import Keyed, make_keyed
from tests.acts.room import wait_until
from tests.mcp.http_peer import SESSION, Peer, peer, result, send
from tests.mcp.teed import ledger_bytes

from stemproof.acts.agents import Rules
from stemproof.acts.teehttp import parse_endpoint, run_http
from stemproof.acts.teeing import Counts, Place, TeeRecorder
from stemproof.errors import Usage

KEY = "sk-test-" + "Zz9" * 12
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "set_gain"}}


@dataclass
class Running:
    """A tee in this process; `finish` ends it, so that all is recorded."""

    address: str
    keyed: Keyed
    finish: Callable[[], Counts]


def run(keyed: Keyed, url: str, *, strict: bool = False) -> Iterator[Running]:
    place = Place(keyed.room.home, keyed.room.work)
    recorder = TeeRecorder(place, Rules(transport="http"), lambda text: None)
    started = threading.Event()
    addresses: list[str] = []
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        stop = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stop))

        def ready(address: str) -> None:
            addresses.append(address)
            started.set()

        await run_http(url, recorder, strict=strict, port=0, ready=ready, stop=stop)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert started.wait(10)

    def finish() -> Counts:
        if thread.is_alive():
            loop, stop = loops[0]
            loop.call_soon_threadsafe(stop.set)
            thread.join(30)
        return recorder.counts

    yield Running(addresses[0], keyed, finish)
    finish()


@pytest.fixture
def keyed(tmp_path: Path) -> Keyed:
    return make_keyed(tmp_path)


@pytest.fixture
def server() -> Iterator[Peer]:
    with peer() as found:
        yield found


@pytest.fixture
def tee(keyed: Keyed, server: Peer) -> Iterator[Running]:
    yield from run(keyed, server.url)


@pytest.fixture
def strict_tee(keyed: Keyed, server: Peer) -> Iterator[Running]:
    yield from run(keyed, server.url, strict=True)


def ask(
    tee: Running, method: str = "POST", body: object = CALL, **headers: str
) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    parts = urlsplit(tee.address)
    link = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    link.request(method, parts.path, data if method == "POST" else None, sent)
    return link, link.getresponse()


def last(tee: Running) -> dict[str, object]:
    return tee.keyed.room.last("mcp.call").body


def test_a_call_passes_with_its_session_and_is_recorded_without_its_key(
    tee: Running, server: Peer
) -> None:
    call = {**CALL, "params": {"name": "set_gain", "arguments": {"note": f"use {KEY}"}}}
    link, response = ask(
        tee, body=call, Authorization=f"Bearer {KEY}", Mcp_Session_Id="s-1", Accept="a/b"
    )
    assert (response.status, response.headers[SESSION]) == (200, "session-77")
    assert json.loads(response.read())["result"]["content"][0]["text"] == "done"
    link.close()
    method, headers, body = server.seen[0]
    assert (method, json.loads(body)) == ("POST", call)
    assert (headers["Authorization"], headers["Accept"]) == (f"Bearer {KEY}", "a/b")
    assert headers["Mcp-Session-Id"] == "s-1"
    assert tee.finish() == Counts(calls=1)
    assert (last(tee)["status"], last(tee)["transport"]) == ("ok", "http")
    assert KEY.encode() not in ledger_bytes(tee.keyed.room)


def test_a_session_is_ended_through_the_tee(tee: Running, server: Peer) -> None:
    link, response = ask(tee, "DELETE", Mcp_Session_Id="s-1")
    link.close()
    assert (response.status, server.seen[0][0]) == (200, "DELETE")
    link, response = ask(tee, "GET", Accept="text/event-stream")
    link.close()
    assert response.status == 405
    assert tee.finish() == Counts()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8080"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Host": "rebound.example"},
    ],
)
def test_a_web_page_is_refused(tee: Running, server: Peer, headers: dict[str, str]) -> None:
    link, response = ask(tee, **headers)
    link.close()
    assert response.status == 403
    assert server.seen == []


def test_a_stream_passes_as_it_comes(tee: Running, server: Peer) -> None:
    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        note = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {}}
        handler.wfile.write(b"id: 1\nevent: message\ndata: " + json.dumps(note).encode() + b"\n\n")
        handler.wfile.flush()
        server.go_on.wait(20)
        handler.wfile.write(b"data: " + result(body) + b"\n\n")
        handler.close_connection = True

    server.answer = answer
    link, response = ask(tee)
    # The first event is here while the server still waits for us.
    assert response.readline() == b"id: 1\n"
    assert response.readline() == b"event: message\n"
    server.go_on.set()
    assert b'"done"' in response.read()
    link.close()
    assert tee.finish() == Counts(calls=1)
    assert last(tee)["status"] == "ok"


def test_a_server_that_refuses_or_breaks_off_leaves_a_failed_call(
    tee: Running, server: Peer
) -> None:
    server.answer = lambda handler, body: send(handler, "text/plain", b"no", 401)
    link, response = ask(tee)
    link.close()
    assert response.status == 401

    def cut(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"{")
        handler.close_connection = True

    server.answer = cut
    link, response = ask(tee)
    with pytest.raises((http.client.HTTPException, OSError)):
        response.read()
    link.close()
    assert tee.finish().calls == 2
    calls = [e.body for e in tee.keyed.room.events() if e.action == "mcp.call"]
    assert [body["status"] for body in calls] == ["failed", "failed"]
    assert calls[0]["error"] == "HTTP 401"


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("application/json", b"nonsense"),
        ("application/json", b"[" * 100_000),
        ("text/event-stream", b"data: {\n\ndata: []\n\n"),
        ("text/html", b"<html>"),
    ],
)
def test_nonsense_passes_and_leaves_its_call_unanswered(
    tee: Running, server: Peer, media: str, body: bytes
) -> None:
    server.answer = lambda handler, sent: send(handler, media, body)
    link, response = ask(tee)
    assert response.read() == body
    link.close()
    tee.finish()
    assert last(tee)["status"] == "unanswered"


def test_a_client_that_sends_nonsense_is_passed_on(tee: Running, server: Peer) -> None:
    server.answer = lambda handler, sent: send(handler, "application/json", b"{}", 400)
    link, response = ask(tee, body=b"\x00\xff nonsense")
    link.close()
    assert response.status == 400
    assert server.seen[0][2] == b"\x00\xff nonsense"
    assert tee.finish().unread == 2
    assert "mcp.call" not in tee.keyed.room.actions()


def test_a_ledger_that_breaks_stops_a_strict_tee_alone(
    tee: Running, strict_tee: Running, server: Peer
) -> None:
    database = tee.keyed.room.home.database
    aside = database.rename(database.with_suffix(".aside"))
    try:
        link, response = ask(tee)
        assert b"done" in response.read()
        link.close()
        link, response = ask(strict_tee)
        with pytest.raises((http.client.HTTPException, OSError)):
            response.read()
            raise ConnectionError(response.status)
        link.close()
        link, response = ask(strict_tee)
        assert response.status == 503
        link.close()
    finally:
        tee.finish()
        strict_tee.finish()
        database.unlink(missing_ok=True)
        aside.rename(database)
    assert tee.finish().lost == 1


def test_a_strict_tee_has_recorded_a_call_when_its_answer_ends(
    strict_tee: Running, server: Peer
) -> None:
    link, response = ask(strict_tee)
    assert b"done" in response.read()
    link.close()
    assert strict_tee.keyed.room.actions().count("mcp.call") == 1


def test_calls_of_many_clients_with_equal_ids_are_told_apart(tee: Running, server: Peer) -> None:
    def one(name: str) -> None:
        link, response = ask(tee, body={**CALL, "params": {"name": name}})
        response.read()
        link.close()

    threads = [threading.Thread(target=one, args=(f"tool{n}",)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    wait_until(lambda: tee.keyed.room.actions().count("mcp.call") == 12)
    calls = [e.body for e in tee.keyed.room.events() if e.action == "mcp.call"]
    assert {body["tool"] for body in calls} == {f"tool{n}" for n in range(12)}
    assert {body["status"] for body in calls} == {"ok"}


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("https://a.example/mcp", "tee/mcp"),
        ("https://a.example/v1/mcp/", "tee/mcp/"),
        ("https://a.example", "tee/"),
        ("https://a.example/", "tee/"),
        ("http://127.0.0.1:9/x/y", "tee/y"),
    ],
)
def test_an_address_keeps_its_last_part(url: str, local: str) -> None:
    endpoint = parse_endpoint(url)
    assert endpoint.local(7) == f"http://127.0.0.1:7/{local}"
    assert f"{endpoint.base_url}/{endpoint.rest}".rstrip("/") == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/mcp",
        "ftp://a.example",
        "nonsense",
        "https://u:p@a.example/",
        "https://a.example/?key=1",
    ],
)
def test_an_address_that_shows_keys_to_a_network_is_refused(url: str) -> None:
    with pytest.raises(Usage):
        parse_endpoint(url)
