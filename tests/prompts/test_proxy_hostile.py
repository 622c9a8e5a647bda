"""Web pages, slow and broken peers, a locked ledger, a full disk, a killed proxy."""

from __future__ import annotations

import asyncio
import datetime
import http.client
import ipaddress
import json
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.acts.keyed import Keyed
from tests.cli.transcript import environment
from tests.prompts.conftest import Running, running
from tests.prompts.test_proxy import CHAT, KEY, call
from tests.prompts.upstreams import WORDS, Handler, Provider, Server, chat_events, provider

from stemproof.acts.home import opened
from stemproof.acts.proxying import Recorder
from stemproof.capture.prompts.copying import Budget
from stemproof.capture.prompts.fetch import fetch, why_not
from stemproof.capture.prompts.forward import Rules
from stemproof.errors import Unavailable
from stemproof.log.store import Log


def raw(proxy: Running, text: bytes, timeout_s: float = 10) -> bytes:
    """Send bytes as they are, and read until the proxy hangs up."""
    parts = urlsplit(proxy.url)
    with socket.create_connection((parts.hostname, parts.port or 0), timeout=timeout_s) as link:
        link.sendall(text)
        got = b""
        while part := link.recv(65536):
            got += part
        return got


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:1"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_no_web_page_gets_through(
    proxy: Running, upstream: Provider, headers: dict[str, str]
) -> None:
    response, _ = call(proxy, "/openai/v1/chat/completions", CHAT, headers)
    assert response.status == 403
    assert upstream.heard == []


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("TRACE", "/openai/v1/models", {}, 405),
        ("OPTIONS", "/openai/v1/models", {}, 405),
        ("GET", "/openai/v1/realtime", {"Upgrade": "websocket"}, 501),
        ("GET", "/nobody/v1/models", {}, 404),
        ("GET", "/openai", {}, 404),
        ("GET", "/", {}, 404),
        ("GET", "http://evil.example/openai/v1", {}, 403),
    ],
)
def test_what_is_not_served_is_refused(
    proxy: Running,
    upstream: Provider,
    method: str,
    path: str,
    headers: dict[str, str],
    status: int,
) -> None:
    response, body = call(proxy, path, None, headers, method)
    assert response.status == status
    assert json.loads(body)["error"]["message"]
    assert upstream.heard == []


@pytest.mark.parametrize(
    "text",
    [
        b"\x00\xff\xfe nonsense\r\n\r\n",
        b"POST /openai/v1 HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /openai/v1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
        b"GET /openai/v1/models HTTP/1.1\r\nA: " + b"x" * 40_000 + b"\r\n\r\n",
        b"GET /openai/v1/models HTTP/1.1\r\n" + b"A: b\r\n" * 300 + b"\r\n",
    ],
)
def test_what_is_no_request_is_answered_400(
    proxy: Running, upstream: Provider, text: bytes
) -> None:
    assert raw(proxy, text).startswith((b"HTTP/1.1 400", b"HTTP/1.0 400", b"HTTP/1.1 431"))
    assert upstream.heard == []


def test_a_caller_who_never_ends_its_headers_is_hung_up_on(
    keyed: Keyed, upstream: Provider
) -> None:
    with running(keyed, upstream.url, Rules(headers_s=0.3)) as proxy:
        assert raw(proxy, b"GET /openai/v1/models HTTP/1.1\r\nA: ") == b""
    assert upstream.heard == []


def test_a_caller_who_never_sends_its_body_is_answered_408(
    keyed: Keyed, upstream: Provider
) -> None:
    with running(keyed, upstream.url, Rules(piece_s=0.3)) as proxy:
        host = urlsplit(proxy.url).netloc.encode()
        head = b"POST /openai/v1 HTTP/1.1\r\nHost: " + host + b"\r\nContent-Length: 9\r\n\r\n"
        parts = urlsplit(proxy.url)
        with socket.create_connection((parts.hostname, parts.port or 0), timeout=5) as link:
            link.sendall(head + b"abc")
            assert link.recv(100).startswith(b"HTTP/1.1 408")
    assert upstream.heard == []


def nonsense(handler: Handler, body: bytes) -> None:
    handler.send(200, "application/json", b'{"choices":' + b"[" * 100_000)


def not_http(handler: Handler, body: bytes) -> None:
    handler.wfile.write(b"\x00\x01 not http at all\r\n\r\n")
    handler.hang_up()


def bomb(handler: Handler, body: bytes) -> None:
    import zlib

    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    handler.send(200, "application/json", data, Content_Encoding="gzip")


@pytest.mark.parametrize(
    ("reply", "status", "recorded"),
    [(nonsense, 200, "ok"), (not_http, 502, "failed"), (bomb, 200, "ok")],
)
def test_a_hostile_provider_breaks_nothing(
    keyed: Keyed, reply: object, status: int, recorded: str
) -> None:
    extra = {"/odd/chat/completions": reply}
    with provider(extra) as found, running(keyed, found.url) as proxy:  # type: ignore[arg-type]  # a table of replies of three forms
        response, _ = call(proxy, "/openai/odd/chat/completions", CHAT)
        assert response.status == status
        response, _ = call(proxy, "/openai/v1/chat/completions", CHAT)
        assert response.status == 200
    results = [e.body for e in keyed.room.events() if e.action == "gen.result"]
    assert [body["status"] for body in results] == [recorded, "ok"]


@pytest.mark.parametrize(
    "url",
    [
        "http://cdn.example/a.mp3",
        "https://127.0.0.1/a.mp3",
        "https://10.0.0.1/a.mp3",
        "https://[::1]/a.mp3",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/a.mp3",
        "https://router.local/a.mp3",
        "file:///etc/passwd",
        "https://[",
        "",
    ],
)
def test_an_output_at_a_private_address_is_not_fetched(url: str) -> None:
    assert why_not(url, "https://api.example")


def test_a_public_address_and_the_upstream_itself_are_fetched() -> None:
    assert why_not("https://cdn.example/a.mp3", "https://api.example") == ""
    assert why_not("http://127.0.0.1:5/a", "http://127.0.0.1:5/base") == ""


def test_a_redirect_to_a_private_address_is_not_followed() -> None:
    def away(handler: Handler, body: bytes) -> None:
        handler.send(302, "text/plain", b"", Location="https://169.254.169.254/keys")

    with provider({"/away": away}) as found:
        copy = asyncio.run(fetch(f"{found.url}/away", found.url, Budget()))
    assert (copy.ending, copy.body) == ("failed", b"")
    assert "not public" in copy.error


def test_redirects_in_a_circle_end() -> None:
    def around(handler: Handler, body: bytes) -> None:
        handler.send(302, "text/plain", b"", Location="/around")

    with provider({"/around": around}) as found:
        copy = asyncio.run(fetch(f"{found.url}/around", found.url, Budget()))
    assert copy.error == "the download was redirected too often"


def test_a_locked_ledger_breaks_no_call_and_is_counted(
    keyed: Keyed, upstream: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stemproof.log.sqlite.BUSY_TIMEOUT_MS", 100)
    lock = sqlite3.connect(keyed.room.home.database, isolation_level=None)
    with running(keyed, upstream.url) as proxy:
        lock.execute("BEGIN IMMEDIATE")
        response, _ = call(proxy, "/openai/v1/chat/completions", CHAT)
        assert response.status == 200
        end = time.monotonic() + 10
        while proxy.recorder.lost < 2 and time.monotonic() < end:
            time.sleep(0.02)
        lock.execute("ROLLBACK")
        lock.close()
        response, _ = call(proxy, "/openai/v1/chat/completions", CHAT)
        assert response.status == 200
        passed = proxy.finish()
    assert (passed.calls, passed.requests, passed.lost) == (2, 1, 2)
    assert proxy.told[0].startswith("not recorded: ")


def test_a_full_disk_breaks_no_call_and_is_told(
    keyed: Keyed, upstream: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    # SQLite's own bound on the file: what a full disk gives, an error on the next page.
    before = Log.__init__

    def small(self: Log, path: Path, connection: sqlite3.Connection) -> None:
        before(self, path, connection)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages}")

    monkeypatch.setattr(Log, "__init__", small)
    long = {**CHAT, "messages": [{"role": "user", "content": "rain " * 10_000}]}
    with running(keyed, upstream.url) as proxy:
        response, _ = call(proxy, "/openai/v1/chat/completions", long)
        assert response.status == 200
        passed = proxy.finish()
    assert (passed.requests, passed.lost) == (0, 2)
    assert "full" in proxy.told[0]


def test_strict_lets_nothing_out_that_is_not_recorded(
    keyed: Keyed, upstream: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stemproof.log.sqlite.BUSY_TIMEOUT_MS", 100)
    lock = sqlite3.connect(keyed.room.home.database, isolation_level=None)
    with running(keyed, upstream.url, Rules(strict=True)) as proxy:
        lock.execute("BEGIN IMMEDIATE")
        response, body = call(proxy, "/openai/v1/chat/completions", CHAT)
        assert response.status == 503
        assert "not recorded" in json.loads(body)["error"]["message"]
        assert upstream.heard == []
        lock.execute("ROLLBACK")
        lock.close()
        response, _ = call(proxy, "/openai/v1/chat/completions", CHAT)
        assert response.status == 200


def test_strict_holds_back_the_end_of_an_answer_that_is_not_recorded(
    keyed: Keyed, upstream: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise Unavailable("the disk is full")

    monkeypatch.setattr("stemproof.acts.proxied.record_result", fails)
    with running(keyed, upstream.url, Rules(strict=True)) as proxy:
        parts = urlsplit(proxy.url)
        for body in (CHAT, {**CHAT, "stream": True}):
            link = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
            link.request("POST", "/openai/v1/chat/completions", json.dumps(body))
            response = link.getresponse()
            with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
                response.read()
            response.close()
            link.close()


def test_more_calls_than_the_ledger_can_take_are_counted(
    keyed: Keyed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stemproof.acts.proxying.MAX_WAITING", 0)
    with provider() as found, running(keyed, found.url) as proxy:
        response, _ = call(proxy, "/openai/v1/chat/completions", CHAT)
        assert response.status == 200
        assert proxy.finish().lost == 2


def test_forty_streams_at_once_are_forty_results(keyed: Keyed, upstream: Provider) -> None:
    with running(keyed, upstream.url) as proxy, ThreadPoolExecutor(40) as pool:
        body = {**CHAT, "stream": True}
        got = list(
            pool.map(lambda _: call(proxy, "/openai/v1/chat/completions", body)[1], range(40))
        )
        assert got == [b"".join(chat_events())] * 40
        passed = proxy.finish()
    assert (passed.requests, passed.results, passed.lost) == (40, 40, 0)


def test_a_recorder_that_cannot_open_its_ledger_says_so_and_ends(keyed: Keyed) -> None:
    told: list[str] = []
    recorder = Recorder(keyed.room.home, keyed.room.work, tell=told.append)
    keyed.room.home.database.write_bytes(b"not a database at all, not a database at all")
    recorder.start()
    from stemproof.capture.prompts.api import Call
    from stemproof.capture.prompts.gate import Upstream
    from stemproof.capture.prompts.openai import OpenAi

    recorder.begin(Upstream("openai", "https://x.example", OpenAi()), Call("GET", "/"), frozenset())
    recorder.stop()
    assert recorder.lost == 1
    assert "not recorded" in told[0]


@contextmanager
def tls_in_front(folder: Path) -> Iterator[Provider]:
    """Run a provider over TLS with a certificate that signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    day = datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.datetime.now(datetime.UTC) - day)
        .not_valid_after(datetime.datetime.now(datetime.UTC) + day)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(*form, serialization.NoEncryption())
    (folder / "tls.pem").write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.pem")
    server = Server(("127.0.0.1", 0), Handler)
    server.extra = {}
    server.provider = Provider(f"https://127.0.0.1:{server.server_address[1]}")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.provider
    finally:
        server.shutdown()
        server.server_close()


def start_command(keyed: Keyed, url: str) -> tuple[subprocess.Popen[str], str]:
    """Start the proxy as a person does; give its address."""
    place = keyed.room.home.path
    command = [sys.executable, "-m", "stemproof_cli", "--home", str(place), "proxy"]
    command += ["--upstream", f"openai={url}", "--terms", "openai=https://provider.example/t"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(place)
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("proxy at http://127.0.0.1:"), process.communicate()
    return process, line.split()[-1]


def test_a_killed_proxy_leaves_a_whole_ledger_and_its_request(
    keyed: Keyed, upstream: Provider
) -> None:
    process, url = start_command(keyed, upstream.url)
    try:
        parts = urlsplit(url)
        link = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        headers = {"Authorization": f"Bearer {KEY}"}
        link.request("POST", "/openai/waiting/chat/completions", json.dumps(CHAT), headers)
        response = link.getresponse()
        assert response.read1(65536) == chat_events()[0]
        end = time.monotonic() + 10
        while "gen.request" not in keyed.room.actions() and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            response.read()
        response.close()
        link.close()
    finally:
        process.kill()
        process.communicate()
    assert keyed.room.actions() == ["gen.request"]
    with opened(keyed.room.home) as log:
        assert log.integrity() == []
    with running(keyed, upstream.url) as again:
        assert call(again, "/openai/v1/chat/completions", CHAT)[0].status == 200
    assert keyed.room.actions() == ["gen.request", "gen.request", "gen.result"]


def test_the_command_tells_where_it_listens_and_what_passed(
    keyed: Keyed, upstream: Provider
) -> None:
    process, url = start_command(keyed, upstream.url)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(5)]
    assert f"  /openai/ -> {upstream.url}\n" in lines
    call(url, "/openai/v1/chat/completions", CHAT)
    process.send_signal(signal.SIGINT)
    out, talk = process.communicate(timeout=30)
    assert process.returncode == 0
    assert out.splitlines()[-1] == "1 call passed: 1 request and 1 result recorded"
    assert KEY not in out + talk
    assert keyed.room.last("gen.request").body["terms"]["url"] == "https://provider.example/t"
    assert "".join(WORDS) not in out + talk


@pytest.mark.parametrize(
    "arguments",
    [
        ["--upstream", "openai"],
        ["--upstream", "nobody=https://a.example"],
        ["--upstream", "openai=http://a.example"],
        ["--upstream", "openai=https://me:pw@a.example"],
        ["--upstream", "openai=https://a.example?x=1"],
        ["--upstream", "mine:nobody=https://a.example"],
        ["--terms", "openai"],
        ["--terms", "nobody=https://a.example"],
    ],
)
def test_an_upstream_that_cannot_be_is_a_usage_error(keyed: Keyed, arguments: list[str]) -> None:
    place = keyed.room.home.path
    done = subprocess.run(
        [sys.executable, "-m", "stemproof_cli", "--home", str(place), "proxy", *arguments],
        capture_output=True,
        text=True,
        env=environment(place),
        timeout=30,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1].startswith(("stemproof: error", "stemproof: hint"))


def test_two_proxies_may_record_for_one_ledger(keyed: Keyed, upstream: Provider) -> None:
    with running(keyed, upstream.url) as one, running(keyed, upstream.url) as two:
        threads = [
            threading.Thread(target=call, args=(proxy, "/openai/v1/chat/completions", CHAT))
            for proxy in (one, two)
            for _ in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert one.finish().results + two.finish().results == 10


def test_an_upstream_whose_certificate_nobody_vouches_for_hears_nothing(
    keyed: Keyed, tmp_path: Path
) -> None:
    with tls_in_front(tmp_path) as found, running(keyed, found.url) as proxy:
        response, body = call(proxy, "/openai/v1/chat/completions", CHAT)
        assert response.status == 502
        assert "Certificate" in json.loads(body)["error"]["message"]
        assert found.heard == []
    assert keyed.room.last("gen.result").body["status"] == "failed"
