"""A relay's door: what it answers to strangers, and what never reaches the desk."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from tests.anchor.conftest import Account, new_account
from tests.anchor.relays import SOON, at_desk, serving, signed

from stemproof.acts import relayserving
from stemproof.acts.relayserving import (
    MAX_OF_ADDRESS,
    RelayServer,
    read_publishers,
    run_rounds,
)
from stemproof.anchor.evm import Chain
from stemproof.anchor.relayanswer import HeadState, Refusal, parse_answer
from stemproof.anchor.relayclient import Relay, RelayDown
from stemproof.anchor.relaydesk import RelayDesk
from stemproof.anchor.signedhead import MAX_HEAD_BYTES, ticket_of
from stemproof.anchor.signer import KeySigner
from stemproof.errors import BadInput, Usage
from stemproof.evidence.ethsig import format_address
from stemproof.pin.places import MAX_HEADER_BYTES
from stemproof.pin.server import Reply
from stemproof.testnet.anvil import Testnet

pytestmark = pytest.mark.chain


@pytest.fixture
def relay(chain: Chain, testnet: Testnet, tmp_path: Path) -> Iterator[Relay]:
    with at_desk(tmp_path / "relay", chain, testnet, replace(SOON, batch_s=1)) as desk:
        with serving(desk) as opened:
            yield opened


def place_of(relay: Relay) -> tuple[str, int]:
    host, _, port = relay.where.removeprefix("the relay at ").partition(":")
    return host, int(port)


def ask(
    relay: Relay, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, bytes]:
    host, port = place_of(relay)
    connection = http.client.HTTPConnection(host, port, timeout=10)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_it_tells_its_terms(relay: Relay, chain: Chain) -> None:
    terms = relay.terms()
    assert (terms.chain_id, terms.contract) == (31337, bytes(chain.contract))
    assert (terms.batch_s, terms.most, terms.is_open) == (1, SOON.most, True)


def test_the_same_head_handed_in_by_many_at_once_is_brought_once(
    relay: Relay, chain: Chain
) -> None:
    body = signed(chain, new_account())
    with ThreadPoolExecutor(MAX_OF_ADDRESS // 2) as pool:
        answers = list(pool.map(lambda _: relay.hand_in(body), range(16)))
    # A busy desk asks to be called again; it never takes a head twice.
    taken = [answer for answer in answers if answer.code is not Refusal.UNAVAILABLE]
    assert taken
    assert {answer.ticket for answer in taken} == {ticket_of(body)}
    deadline = time.monotonic() + 20
    while relay.ask(ticket_of(body)).state is not HeadState.MINED:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert relay.hand_in(body).state is HeadState.MINED


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("POST", "/v0/heads", b"{}", {"Content_Type": "application/json"}, 400),
        ("POST", "/v0/heads", b"{}", {"Content_Type": "text/plain"}, 415),
        (
            "POST",
            "/v0/heads",
            b"{}",
            {"Content_Type": "application/json", "Origin": "https://x"},
            403,
        ),
        ("POST", "/v0/heads", b"{}", {"Host": "relay.example"}, 403),
        (
            "POST",
            "/v0/heads",
            b" " * (MAX_HEAD_BYTES + 1),
            {"Content_Type": "application/json"},
            413,
        ),
        ("POST", "/v0", b"{}", {"Content_Type": "application/json"}, 404),
        ("DELETE", "/v0/heads", None, {}, 405),
        ("GET", "/v0/heads", None, {}, 404),
        ("GET", "/v0/heads/" + "0" * 64, None, {}, 404),
        ("GET", "/v0/heads/" + "0" * 63, None, {}, 404),
        ("GET", "/v0/heads/../../keys.age", None, {}, 404),
        ("GET", "/", None, {}, 404),
    ],
)
def test_what_is_no_request_of_a_relay_is_refused(
    relay: Relay, method: str, path: str, body: bytes | None, headers: dict[str, str], status: int
) -> None:
    assert ask(relay, method, path, body, **headers)[0] == status


def test_an_unknown_ticket_is_told_as_such(relay: Relay) -> None:
    status, raw = ask(relay, "GET", "/v0/heads/" + "0" * 64)
    assert (status, parse_answer(raw).code) == (404, Refusal.UNKNOWN)


def test_a_client_that_sends_a_byte_now_and_then_is_hung_up_on(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relayserving, "CONNECTION_S", 0.5)
    began = time.monotonic()
    with socket.create_connection(place_of(relay), timeout=10) as link:
        link.sendall(b"POST /v0/heads HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n")
        link.sendall(b"Content-Type: application/json\r\n\r\n")
        try:
            while time.monotonic() - began < 8:
                link.sendall(b" ")
                time.sleep(0.1)
        except OSError:
            pass
    assert time.monotonic() - began < 4
    assert relay.terms().chain_id == 31337


def test_one_address_has_few_connections_and_leaves_the_others_theirs(relay: Relay) -> None:
    place = place_of(relay)
    with ExitStack() as held:
        for _ in range(MAX_OF_ADDRESS + 4):
            held.enter_context(socket.create_connection(place, timeout=10))
        other = http.client.HTTPConnection(*place, timeout=10, source_address=("127.0.0.2", 0))
        held.callback(other.close)
        other.request("GET", "/v0")
        assert other.getresponse().status == 200
        with pytest.raises(OSError):
            ask(relay, "GET", "/v0")


def test_behind_a_proxy_on_this_computer_its_connections_are_not_counted() -> None:
    plain, proxied = (
        RelayServer(
            ("127.0.0.1", 0),
            lambda _request: Reply(200, "text/plain", b""),
            methods=frozenset({"GET"}),
            names=frozenset(),
            max_upload_bytes=1,
        )
        for _ in range(2)
    )
    proxied.is_behind_proxy = True
    try:
        addresses = "127.0.0.1", "192.0.2.1"
        assert [plain.places_of(address) for address in addresses] == [MAX_OF_ADDRESS] * 2
        assert [proxied.places_of(address) for address in addresses] == [None, MAX_OF_ADDRESS]
    finally:
        plain.server_close()
        proxied.server_close()


def test_the_head_of_a_request_is_bounded_in_size(relay: Relay) -> None:
    fits = {f"X-{n}": "a" * 1000 for n in range(15)}
    assert ask(relay, "GET", "/v0", None, **fits)[0] == 200
    assert ask(relay, "GET", "/v0", None, **fits, More="a" * 2000)[0] == 431
    assert ask(relay, "GET", "/v0?" + "a" * MAX_HEADER_BYTES)[0] == 431


def test_the_head_of_a_request_comes_in_time(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RelayServer, "head_s", 0.5)
    began = time.monotonic()
    with socket.create_connection(place_of(relay), timeout=10) as link:
        link.sendall(b"GET /v0 HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
        try:
            while time.monotonic() - began < 8:
                link.sendall(b"a")
                time.sleep(0.1)
        except OSError:
            pass
        # What was cut off is no request.
        with suppress(OSError):
            assert b" 200 " not in link.recv(1000)
    assert time.monotonic() - began < 4
    assert relay.terms().chain_id == 31337


class Stumbling(RelayDesk):
    """A desk whose first turn comes upon what nobody foresaw."""

    stumbled = False

    def turn(self) -> list[str]:
        if not self.stumbled:
            self.stumbled = True
            raise ValueError("invalid literal for int() with base 16: '0x'")
        return super().turn()


def test_a_round_that_fails_is_told_and_the_next_one_goes_on(
    chain: Chain, testnet: Testnet, tmp_path: Path
) -> None:
    told: list[str] = []
    stop = threading.Event()

    def tell(line: str) -> None:
        told.append(line)
        if "1 of 1 heads" in line:
            stop.set()

    with at_desk(tmp_path / "relay", chain, testnet) as plain:
        signer = KeySigner(plain.account.key)
        desk = Stumbling(chain, signer, plain.store, SOON, locks=tmp_path / "locks")
        assert desk.take(signed(chain, new_account())).state is HeadState.QUEUED
        ending = threading.Timer(20, stop.set)
        ending.start()
        run_rounds(desk, tell=tell, stop=stop)
        ending.cancel()
    assert told[0].startswith("not now: unforeseen: ValueError")
    assert "1 of 1 heads" in told[-1]


@pytest.mark.parametrize(
    "url",
    [
        "relay.example",
        "ftp://relay.example",
        "http://",
        "http://a:0/",
        "http://a b/",
        "http://user@relay.example/",
        "http://relay.example/?x=1",
        "http://[::1",
    ],
)
def test_what_is_no_address_of_a_relay_is_refused(url: str) -> None:
    with pytest.raises(Usage, match="no address of a relay"):
        Relay(url)


def test_a_silent_relay_is_left_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        relay = Relay(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.3)
        with pytest.raises(RelayDown, match="did not answer within"):
            relay.terms()


def test_a_list_of_publishers_is_read_strictly(tmp_path: Path) -> None:
    known: Account = new_account()
    path = tmp_path / "publishers"
    path.write_text(f"# the band\n\n{format_address(known.address)}  # drums\n")
    assert read_publishers(path) == {bytes(known.address)}
    for wrong in (b"\xff\xfe", format_address(known.address).lower().encode(), b"0x12"):
        path.write_bytes(wrong)
        with pytest.raises(BadInput, match="publishers"):
            read_publishers(path)
    with pytest.raises(BadInput, match="unreadable"):
        read_publishers(tmp_path / "none")
