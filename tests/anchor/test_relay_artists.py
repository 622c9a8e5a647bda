"""Artists with empty accounts and a relay that is a process of its own: nothing is lost, ever."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from tests.anchor.altering_node import answering, serving
from tests.anchor.conftest import new_account
from tests.cli.transcript import environment
from tests.cli.typed import Answer, stemproof
from tests.keys.story import PASSPHRASE, Story, verify
from tests.testnet.running import running_testnet

from stemproof.acts.anchoring import connect
from stemproof.acts.anchors import Anchor, list_anchors
from stemproof.acts.begin import make_ledger
from stemproof.acts.brought import is_brought
from stemproof.acts.home import Home, now, opened
from stemproof.anchor.contract import anchors_address
from stemproof.anchor.publish import send
from stemproof.anchor.relayanswer import (
    Funds,
    HeadState,
    RelayAnswer,
    RelayTerms,
    format_answer,
    format_terms,
)
from stemproof.anchor.relaybatch import prepare_party
from stemproof.anchor.relayclient import Relay, RelayDown
from stemproof.anchor.relaystore import Kept
from stemproof.anchor.signedhead import parse_signed_head, ticket_of
from stemproof.anchor.signer import KeySigner
from stemproof.evidence.ethsig import parse_address
from stemproof.keys.ring import Keys
from stemproof.testnet.anvil import Testnet
from stemproof.testnet.deploy import deploy_anchors, fund, mine
from stemproof.testnet.rpc import call_local
from stemproof.verify.verdict import State

pytestmark = pytest.mark.chain


@dataclass(frozen=True)
class Artist:
    """A ledger with a song in it, and an account that owns nothing."""

    story: Story
    home: Home
    keys: Keys

    def anchor(self, *more: str) -> Answer:
        net = ("--chain", "local", "--rpc", self.story.net.rpc_url)
        return stemproof(self.home.path, "anchor", *net, *more, passphrase_fd=PASSPHRASE)

    def anchors(self) -> list[Anchor]:
        with opened(self.home) as log:
            return list_anchors(log)

    def note(self, text: str) -> None:
        assert stemproof(self.home.path, "note", text).code == 0


def begin(net: Testnet, folder: Path) -> Artist:
    folder.mkdir()
    story = Story(net, folder / "song")
    home, keys = story.begin(folder / "ledger")
    story.save(home, 1, 13)
    return Artist(story, home, keys)


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testnet]:
    with running_testnet(tmp_path_factory.mktemp("chain")) as running:
        deploy_anchors(running)
        yield running


@pytest.fixture(scope="module")
def payer(net: Testnet, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The ledger of whoever runs the relay."""
    home = Home(tmp_path_factory.mktemp("payer") / "ledger")
    keys = make_ledger(home, PASSPHRASE, now()).keys
    fund(net, parse_address(keys.account_address))
    return home


@pytest.fixture
def artist(net: Testnet, tmp_path: Path) -> Artist:
    return begin(net, tmp_path / "artist")


@contextmanager
def relay_process(home: Home, net: Testnet, *more: str) -> Iterator[tuple[str, int]]:
    """Run `relay serve` as a person would; give its address and its process."""
    reader, writer = os.pipe()
    os.write(writer, PASSPHRASE.encode() + b"\n")
    os.close(writer)
    where = ("--chain", "local", "--rpc", net.rpc_url, "--port", "0", "--cap-day", "1")
    command = (sys.executable, "-m", "stemproof_cli", "relay", "serve")
    process = subprocess.Popen(
        [*command, *where, *more, "--passphrase-fd", str(reader)],
        env={**environment(home.path.parent), "STEMPROOF_HOME": str(home.path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=[reader],
    )
    os.close(reader)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("relay at http://127.0.0.1:"), (line, process.communicate())
        yield line.removeprefix("relay at ").strip(), process.pid
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_two_artists_without_funds_share_one_transaction_and_both_bundles_verify(
    net: Testnet, payer: Home, artist: Artist, tmp_path: Path
) -> None:
    other = begin(net, tmp_path / "other")
    both = (artist, other)
    with relay_process(payer, net, "--batch", "8", "--most", "2") as (url, _):
        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(lambda each: each.anchor("--relay", url), both))
        assert [answer.code for answer in done] == [0, 0], done
        (tx,) = {each.anchors()[-1].tx for each in both}
        for each in both:
            (anchor,) = each.anchors()
            assert (anchor.state, is_brought(anchor), anchor.tx) == ("anchored", True, tx)
            assert anchor.publisher == parse_address(each.keys.account_address)
            verdict = verify(each.story.claim(each.home, each.keys), anchor)
            assert verdict.state is State.VERIFIED
        # Remembered: the next one goes the same way, and builds on the first.
        artist.note("more")
        again = artist.anchor()
        assert (again.code, again.out.partition(":")[0]) == (0, "anchored"), again
        assert "which pays" in again.err
    *_, first, second = artist.anchors()
    assert second.size > first.size
    assert verify(artist.story.claim(artist.home, artist.keys), second).state is State.VERIFIED
    # What was claimed is new, and its account still owns nothing: there is always a way.
    poor = artist.anchor("--relay", "none")
    assert poor.code == 3
    assert all(way in poor.err for way in ("costs up to", "--relay URL", "OpenTimestamps"))


def test_a_relay_killed_at_any_moment_goes_on_where_it_was(
    net: Testnet, payer: Home, artist: Artist
) -> None:
    with relay_process(payer, net, "--batch", "60") as (url, pid):
        handed = artist.anchor("--relay", url, "--no-wait", "--json")
        assert handed.code == 0, handed
        (told,) = json.loads(handed.out)["anchors"]
        assert (told["state"], told["tx"]) == ("pending", None)
        os.kill(pid, signal.SIGKILL)
    # Gone: told in one sentence, and kept.
    absent = artist.anchor("--relay", url, "--no-wait")
    assert absent.code == 3
    assert "it is good until" in absent.err
    call_local(net.port, "evm_setAutomine", False)
    try:
        with relay_process(payer, net, "--batch", "1") as (url, pid):
            ticket = ticket_of(artist.anchors()[-1].raw)
            sent = wait_until(lambda: Relay(url).ask(ticket), HeadState.SENT)
            os.kill(pid, signal.SIGKILL)
        assert sent.tx is not None
        call_local(net.port, "anvil_dropTransaction", "0x" + sent.tx.hex())
        with relay_process(payer, net, "--batch", "1") as (url, _):
            call_local(net.port, "evm_setAutomine", True)
            done = artist.anchor("--relay", url)
            assert done.code == 0, done
    finally:
        call_local(net.port, "evm_setAutomine", True)
    (anchor,) = artist.anchors()
    assert (anchor.state, anchor.tx) == ("anchored", sent.tx)
    assert verify(artist.story.claim(artist.home, artist.keys), anchor).state is State.VERIFIED


def wait_until(ask: Callable[[], RelayAnswer], state: HeadState) -> RelayAnswer:
    turn = threading.Event()
    for _ in range(200):
        answer = ask()
        if answer.state is state:
            return answer
        turn.wait(0.05)
    raise AssertionError(answer)


def test_a_second_relay_of_one_ledger_is_refused(net: Testnet, payer: Home) -> None:
    with relay_process(payer, net):
        where = ("--chain", "local", "--rpc", net.rpc_url, "--port", "0", "--cap-day", "1")
        second = stemproof(payer.path, "relay", "serve", *where, passphrase_fd=PASSPHRASE)
    assert second.code == 3
    assert "relay.lock" in second.err


def test_who_serves_anybody_says_what_a_day_may_cost(net: Testnet, payer: Home) -> None:
    where = ("--chain", "local", "--rpc", net.rpc_url, "--port", "0")
    open_to_all = stemproof(payer.path, "relay", "serve", *where, passphrase_fd=PASSPHRASE)
    assert open_to_all.code == 2
    assert "say with --cap-day what a day may cost at most" in open_to_all.err


def test_an_absent_relay_is_told_before_anything_is_signed(artist: Artist) -> None:
    absent = artist.anchor("--relay", "http://127.0.0.1:1")
    assert absent.code == 3
    assert absent.err.startswith("stemproof: error: the relay at 127.0.0.1:1 is not reachable")
    assert "--relay none" in absent.err
    assert artist.anchors() == []
    typed = artist.anchor("--relay", "relay.example")
    assert (typed.code, "no address of a relay" in typed.err) == (2, True)


@contextmanager
def lying_relay(net: Testnet, lie: Callable[[str], RelayAnswer]) -> Iterator[str]:
    """Serve honest terms, and this answer to whatever is handed in or asked."""
    terms = format_terms(
        RelayTerms(31337, bytes(anchors_address()), bytes(20), 1, 2, 3, None, True, Funds.ENOUGH)
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply(terms if self.path == "/v0" else format_answer(lie(self.path[-64:])))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.reply(format_answer(lie(ticket_of(body))))

        def reply(self, data: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with serving(Handler) as url:
        yield url


def test_a_relay_that_lies_is_told_late_it_is_signed_anew_and_one_can_always_pay_oneself(
    net: Testnet, artist: Artist
) -> None:
    def lie(ticket: str) -> RelayAnswer:
        return RelayAnswer(ticket, HeadState.MINED, bytes([7] * 32), 1, bytes([8] * 32))

    with lying_relay(net, lie) as url:
        lied = artist.anchor("--relay", url)
    assert lied.code == 3
    assert "says that block 1 of local holds the timestamp" in lied.err
    (first,) = artist.anchors()
    assert (first.state, first.block_hash, first.evidence) == ("pending", None, None)
    # An hour later by the chain's clock.
    call_local(net.port, "evm_increaseTime", 3700)
    mine(net)
    with lying_relay(net, lambda ticket: RelayAnswer(ticket, HeadState.QUEUED)) as url:
        late = artist.anchor("--relay", url, "--no-wait")
    assert late.code == 0, late
    assert "is failed now" in late.err
    first, second = artist.anchors()
    assert (first.state, second.state) == ("failed", "pending")
    assert first.is_same_call(second)
    assert first.raw != second.raw
    fund(net, parse_address(artist.keys.account_address))
    paid = artist.anchor("--relay", "none")
    assert paid.code == 0, paid
    assert "this pays for the same one" in paid.err
    *_, own = artist.anchors()
    assert (own.state, is_brought(own)) == ("anchored", False)
    assert verify(artist.story.claim(artist.home, artist.keys), own).state is State.VERIFIED
    # The head that the relay kept is the same: it never counts twice.
    artist.note("more")
    assert artist.anchor().code == 0
    assert [anchor.state for anchor in artist.anchors()][:2] == ["failed", "failed"]
    assert artist.anchors()[-1].state == "anchored"


def test_a_head_that_somebody_else_brings_is_found_without_the_relay(
    net: Testnet, artist: Artist
) -> None:
    with lying_relay(net, lambda ticket: RelayAnswer(ticket, HeadState.QUEUED)) as url:
        assert artist.anchor("--relay", url, "--no-wait").code == 0
    (handed,) = artist.anchors()
    with opened(artist.home) as log:
        chain = connect(artist.home, log, chain="31337", rpc=net.rpc_url)
    stranger = new_account()
    fund(net, stranger.address)
    head = parse_signed_head(handed.raw)
    send(
        chain,
        prepare_party(chain, KeySigner(stranger.key), [kept_of(handed.raw)], cap_wei=None).raw,
    )
    found = artist.anchor("--relay", "http://127.0.0.1:1", "--no-wait")
    assert "is anchored now" in found.err
    (anchor,) = artist.anchors()
    assert (anchor.state, anchor.size) == ("anchored", head.size)
    assert any(anchor.tx)
    assert verify(artist.story.claim(artist.home, artist.keys), anchor).state is State.VERIFIED


def kept_of(body: bytes) -> Kept:
    return Kept(ticket_of(body), body, HeadState.QUEUED, False, 0, None, None, None)


@pytest.mark.parametrize(
    "junk", [b"", b"<html>", b"{}", b'{"v":0}', b"[" * 5000, b"{" + b" " * 10_000]
)
def test_a_relay_that_answers_junk_is_told_in_one_sentence(junk: bytes) -> None:
    with answering(junk) as url, pytest.raises(RelayDown, match=r"that (no|a) relay says"):
        Relay(url).hand_in(b"{}")
