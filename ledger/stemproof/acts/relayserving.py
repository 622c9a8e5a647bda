"""A relay's door: HTTP in front of the desk, and the round that sends and follows.

    POST /v0/heads           a signed head          202, or a refusal with its reason
    GET  /v0/heads/TICKET    what became of it
    GET  /v0                 chain, contract, terms, whether it can pay

Nobody can read what others handed in but by its ticket, the SHA-256 of the signed head. Requests
are bounded in size and in time, connections in number; see pin/server for what is refused before
the desk sees it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from stemproof.acts.home import Home
from stemproof.anchor.filelock import hold_lock
from stemproof.anchor.relayanswer import (
    HeadState,
    Refusal,
    RelayAnswer,
    format_answer,
    format_terms,
)
from stemproof.anchor.signedhead import MAX_HEAD_BYTES
from stemproof.errors import BadInput, Malformed, StemproofError
from stemproof.evidence.ethsig import Address, parse_address
from stemproof.pin.places import hang_up_after
from stemproof.pin.server import HttpServer, Reply, Request

if TYPE_CHECKING:
    from pathlib import Path

    from stemproof.anchor.evm import Chain
    from stemproof.anchor.relaydesk import Limits, RelayDesk
    from stemproof.keys.ring import Keys

#: A whole request and its answer; the chain is asked within it.
CONNECTION_S: Final = 30.0
#: The head of a request: a client has it at hand.
HEAD_S: Final = 5.0
#: Connections of one address. A proxy on this computer brings those of many, and bounds them.
MAX_OF_ADDRESS: Final = 8
#: How long a relay leaves a chain alone that fails.
MAX_PAUSE_S: Final = 30.0
#: The relay's memory, in the ledger folder.
STORE_FILE: Final = "relay.db"
_TICKET: Final = re.compile(r"/v0/heads/([0-9a-f]{64})")
# A list of publishers: a thousand lines have 43 kB.
_MAX_LIST_BYTES: Final = 1 << 20
_STATUS: Final = {
    Refusal.MALFORMED: 400,
    Refusal.NOT_ALLOWED: 403,
    Refusal.NOT_SIGNED: 403,
    Refusal.UNKNOWN: 404,
    Refusal.OVER_RATE: 429,
    Refusal.QUEUE_FULL: 503,
    Refusal.NO_FUNDS: 503,
    Refusal.UNAVAILABLE: 503,
}
_CONFLICT: Final = 409


@dataclass(frozen=True, slots=True)
class Door:
    """Where a relay listens, and under which names it answers."""

    host: str = "127.0.0.1"
    port: int = 0
    names: frozenset[str] = frozenset()


class RelayServer(HttpServer):
    """The server of a relay: no connection lasts longer than one request may take."""

    head_s = HEAD_S
    #: Whether a proxy on this computer stands in front.
    is_behind_proxy = False

    def places_of(self, address: str) -> int | None:
        """Say how many connections one address may have."""
        if self.is_behind_proxy and ip_address(address).is_loopback:
            return None
        return MAX_OF_ADDRESS

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve, and end it after CONNECTION_S, however slowly the peer sends; Any as above."""
        be_patient = hang_up_after(request, CONNECTION_S)
        try:
            super().process_request_thread(request, client_address)
        finally:
            be_patient()


@contextmanager
def opened_desk(home: Home, chain: Chain, keys: Keys, limits: Limits) -> Iterator[RelayDesk]:
    """Open the relay of a ledger folder; one process at a time."""
    from stemproof.anchor.relaydesk import RelayDesk
    from stemproof.anchor.relaystore import open_store
    from stemproof.anchor.signer import KeySigner

    alone = hold_lock(home.locks / "relay.lock", timeout_s=0.0)
    with alone, open_store(home.path / STORE_FILE) as store:
        signer = KeySigner(keys.account_key)
        yield RelayDesk(chain, signer, store, limits, locks=home.locks)


def serve_relay(
    desk: RelayDesk, door: Door, *, tell: Callable[[str], None], stop: threading.Event
) -> None:
    """Run a relay until `stop` is set; what happens is told line by line."""
    server = open_door(desk, door)
    thread = threading.Thread(target=server.serve_forever, args=(0.2,), daemon=True)
    thread.start()
    try:
        tell(f"relay at http://{door.host}:{server.server_address[1]}")
        run_rounds(desk, tell=tell, stop=stop)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def open_door(desk: RelayDesk, door: Door) -> RelayServer:
    """Listen, and answer from the desk."""
    server = RelayServer(
        (door.host, door.port),
        lambda request: _reply(desk, request),
        methods=frozenset({"GET", "HEAD", "POST"}),
        names=door.names | {door.host, "127.0.0.1", "localhost"},
        max_upload_bytes=MAX_HEAD_BYTES,
    )
    server.is_behind_proxy = bool(door.names)
    return server


def run_rounds(desk: RelayDesk, *, tell: Callable[[str], None], stop: threading.Event) -> None:
    """Send and follow, again and again; a round that fails is told once and tried again."""
    problem = ""
    pause_s = desk.round_s
    while not stop.wait(pause_s):
        try:
            for line in desk.turn():
                tell(line)
            problem, pause_s = "", desk.round_s
        except Exception as error:  # noqa: BLE001 - one bad answer must not end a relay
            found = str(error) if isinstance(error, StemproofError) else f"unforeseen: {error!r}"
            if found != problem:
                tell(f"not now: {found}")
            problem, pause_s = found, min(2 * pause_s, MAX_PAUSE_S)


def read_publishers(path: Path) -> frozenset[bytes]:
    """Read a list of publishers: an address a line, with the capitals of EIP-55; # is a remark."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_LIST_BYTES + 1)
        lines = raw.decode().splitlines()
    except OSError as error:
        raise BadInput(f"the list {path} is unreadable: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"the list {path} is not text") from error
    if len(raw) > _MAX_LIST_BYTES:
        raise BadInput(f"the list {path} is longer than {_MAX_LIST_BYTES} bytes")
    found = set()
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if text:
            found.add(bytes(_parse_publisher(text, path, number)))
    return frozenset(found)


def _parse_publisher(text: str, path: Path, number: int) -> Address:
    try:
        return parse_address(text)
    except Malformed as error:
        raise BadInput(f"line {number} of {path}: {error}") from error


def _reply(desk: RelayDesk, request: Request) -> Reply:
    match = _TICKET.fullmatch(request.path)
    if request.path == "/v0" and request.method != "POST":
        return _json(format_terms(desk.terms), 200)
    if request.path == "/v0/heads" and request.method == "POST":
        if request.content_type != "application/json":
            # A form of another site can send anything but this.
            said = f"the body is {request.content_type!r:.60}, want application/json"
            return _answer(_refused(Refusal.MALFORMED, said), 415)
        answer = desk.take(_read_body(request))
        return _answer(answer, 202 if answer.state is not HeadState.REFUSED else None)
    if match is not None and request.method != "POST":
        answer = desk.answer(match[1])
        return _answer(answer, 404 if answer.code is Refusal.UNKNOWN else 200)
    return _answer(_refused(Refusal.UNKNOWN, "nothing is served here"), 404)


def _read_body(request: Request) -> bytes:
    body = bytearray()
    while len(body) <= MAX_HEAD_BYTES and (part := request.body.read(MAX_HEAD_BYTES + 1)):
        body += part
    return bytes(body)


def _answer(answer: RelayAnswer, status: int | None) -> Reply:
    if status is None:
        status = _CONFLICT if answer.code is None else _STATUS.get(answer.code, _CONFLICT)
    return _json(format_answer(answer), status)


def _refused(code: Refusal, reason: str) -> RelayAnswer:
    return RelayAnswer("", HeadState.REFUSED, code=code, reason=reason)


def _json(document: bytes, status: int) -> Reply:
    return Reply(status, "application/json", document, (("Cache-Control", "no-store"),))
