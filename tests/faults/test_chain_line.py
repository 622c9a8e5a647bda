"""Anchoring over a bad line to a real chain: it succeeds or says why, and never pays twice."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.faults.artist import Artist, open_artist
from tests.faults.ledger import copied
from tests.faults.proxy import (
    DROP,
    Alter,
    Call,
    Cut,
    Delay,
    Drop,
    Fault,
    HoldBack,
    Line,
    Raw,
    Refuse,
    Repeat,
    proxying,
)

from stemproof.anchor.problems import (
    NodeBehind,
    NodeDown,
    Unsupported,
    UntrustedNode,
    WrongChain,
)
from stemproof.errors import StemproofError
from stemproof.testnet.deploy import mine

pytestmark = pytest.mark.chain
SEND = "eth_sendRawTransaction"
RECEIPT = "eth_getTransactionReceipt"


@pytest.fixture(scope="module")
def artist(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Artist]:
    """One ledger on one chain for all tests here; each anchors something new."""
    with copied(template, tmp_path_factory.mktemp("line") / "desk") as desk:
        yield open_artist(desk)


@pytest.fixture
def line(artist: Artist, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """A line to the chain, good until told otherwise; nobody is waited for long."""
    monkeypatch.setattr("stemproof.anchor.node._PAUSES_S", (0.02, 0.05))
    monkeypatch.setattr("stemproof.acts.following._PATIENCE_S", 0.2)
    artist.desk.note("something new")
    with proxying(artist.desk.chain.rpc_url) as own:
        yield own


def only(method: str, action: Any, *, number: int | None = None) -> Fault:
    """Do it to one method; to its n-th call only, where one is named."""

    def fault(call: Call) -> Any:
        fits = call.method == method and number in (None, call.number)
        return action if fits else None

    return fault


HARMLESS: dict[str, Fault] = {
    "every third call is dropped": lambda call: DROP if call.number % 3 == 1 else None,
    "each first answer is dropped": lambda call: Drop(after=True) if call.number == 1 else None,
    "the answer to the sending is dropped": only(SEND, Drop(after=True), number=1),
    "the sending is dropped": only(SEND, DROP, number=1),
    "all is passed on twice": lambda _call: Repeat(),
    "all is late": lambda _call: Delay(0.02),
    "each first call is too much": lambda call: Raw(b"", 429) if call.number == 1 else None,
    "each first call meets a gateway": lambda call: (
        Raw(b"<html>", 502) if call.number == 1 else None
    ),
    "each first call is over a limit": lambda call: Refuse(-32005) if call.number == 1 else None,
    "the node has no list of receipts": only("eth_getBlockReceipts", Refuse(-32601)),
    "the node suggests no tip": only("eth_maxPriorityFeePerGas", Refuse(-32601)),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_a_line_that_is_only_bad_does_no_harm(artist: Artist, line: Line, name: str) -> None:
    line.fault = HARMLESS[name]
    made = artist.anchor(artist.chain(line.url))
    assert made is not None
    assert made.state == "anchored"
    artist.check()


def test_a_sending_that_arrives_late_is_not_sent_as_another(artist: Artist, line: Line) -> None:
    # The first and its repetitions are held back; the waiting sends the same bytes again.
    line.fault = lambda call: HoldBack(0.3) if call.method == SEND and call.number <= 3 else None
    with pytest.raises(NodeDown):
        artist.anchor(artist.chain(line.url))
    pending = artist.desk.anchors()[-1]
    assert pending.state == "pending"
    line.settle()
    artist.refresh(artist.chain())
    done = artist.desk.anchors()[-1]
    assert (done.number, done.state) == (pending.number, "anchored")
    artist.check()


def forge_receipt(change: dict[str, Any]) -> Fault:
    return only(RECEIPT, Alter(lambda result: {**result, **change} if result else result))


def forge_proof(member: str) -> Fault:
    def forge(result: Any) -> Any:
        forged = copy.deepcopy(result)
        if member == "account":
            forged["accountProof"] = forged["accountProof"][:-1]
        else:
            forged["storageProof"][0]["proof"] = []
        return forged

    return only("eth_getProof", Alter(forge))


def forge_log(result: Any) -> Any:
    forged = copy.deepcopy(result)
    for receipt in forged:
        for log in receipt["logs"]:
            log["data"] = "0x" + "ff" * 32 + log["data"][66:]
    return forged


REFUSED: dict[str, tuple[Fault, type[StemproofError], str]] = {
    "it is another chain's": (
        only("eth_chainId", Alter(lambda _result: "0x1")),
        WrongChain,
        "serves chain 1, want public",
    ),
    "it is too slow": (lambda _call: Delay(0.5), NodeDown, "did not answer eth_chainId within"),
    "answers are cut": (lambda _call: Cut(), UntrustedNode, "something not JSON"),
    "answers have 100 MB": (
        only("eth_getCode", Raw(b"0" * 2**20, repeat=100)),
        UntrustedNode,
        "too long",
    ),
    "it leads elsewhere": (
        lambda _call: Raw(b"", 302, (("Location", "http://127.0.0.1:1/"),)),
        NodeDown,
        "HTTP 302",
    ),
    "it is always busy": (lambda _call: Raw(b"", 429), NodeDown, "HTTP 429"),
    "it proves no state": (
        only("eth_getProof", Refuse(-32601)),
        Unsupported,
        "does not have eth_getProof",
    ),
    "its state is pruned": (
        only("eth_getProof", Refuse(-32000)),
        Unsupported,
        "does not prove the state of that block",
    ),
    "its receipt names another transaction": (
        forge_receipt({"transactionHash": "0x" + "22" * 32}),
        UntrustedNode,
        "not to be believed: transactionHash is",
    ),
    "its proof of the account is forged": (forge_proof("account"), UntrustedNode, "not to be"),
    "its proof of the slot is forged": (forge_proof("slot"), UntrustedNode, "not to be"),
    "its event is forged": (
        only("eth_getBlockReceipts", Alter(forge_log)),
        UntrustedNode,
        "not to be believed",
    ),
    "its time is forged": (
        only("eth_getBlockByHash", Alter(lambda block: {**block, "timestamp": "0x1"})),
        UntrustedNode,
        "not to be believed",
    ),
}


# What tests/anchor/test_capture.py tries on the proof alone.
LONG = {"its proof of the account is forged", "its event is forged", "its time is forged"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.deep] if name in LONG else []) for name in REFUSED],
)
def test_a_node_that_cannot_be_used_is_told_in_one_sentence_and_the_next_one_goes_on(
    artist: Artist, line: Line, name: str
) -> None:
    line.fault, problem, sentence = REFUSED[name]
    timeout_s = 0.3 if name == "it is too slow" else 2.0
    with pytest.raises(problem, match=sentence) as caught:
        artist.anchor(artist.chain(line.url, timeout_s=timeout_s))
    assert "\n" not in str(caught.value)
    # What was sent before it failed is found; else it is sent now. The honest one stands second.
    both = artist.chain(line.url, artist.desk.chain.rpc_url, timeout_s=timeout_s)
    artist.anchor(both)
    assert artist.desk.anchors()[-1].state == "anchored"
    artist.check()


def stale(number: int) -> Fault:
    """A node that stopped at a block."""

    def fault(call: Call) -> Any:
        tags = [hex(number) if p in ("latest", "pending") else p for p in call.params]
        return Alter(params=tags) if tags != call.params else None

    return fault


def test_a_node_behind_what_the_ledger_knows_is_left_and_signs_nothing(
    artist: Artist, line: Line
) -> None:
    early = artist.chain().latest_block().number
    artist.anchor(artist.chain())
    # On a chain of fewer blocks to wait for, so that it is final.
    mine(artist.desk.chain, 70)
    artist.refresh(artist.chain())
    final = artist.desk.anchors()[-1]
    assert final.state == "final"
    artist.desk.note("newer")
    line.fault = stale(early)
    with pytest.raises(NodeBehind, match=rf"the ledger knows block {final.block_number} of public"):
        artist.anchor(artist.chain(line.url))
    assert artist.desk.anchors()[-1] == final
    made = artist.anchor(artist.chain(line.url, artist.desk.chain.rpc_url))
    assert made is not None
    artist.check()


def test_a_node_that_is_behind_makes_no_reorganisation(artist: Artist, line: Line) -> None:
    early = artist.chain().latest_block().number
    made = artist.anchor(artist.chain())
    assert made is not None

    def lacks(call: Call) -> Any:
        if call.method == RECEIPT:
            return Alter(lambda _result: None)
        if call.method == "eth_getBlockByNumber" and call.params[0] not in ("latest", "finalized"):
            is_newer = int(call.params[0], 16) > early
            return Alter(lambda block: None if is_newer else block)
        return None

    line.fault = lacks
    with pytest.raises(NodeBehind, match="where the timestamp was seen"):
        artist.refresh(artist.chain(line.url))
    assert artist.desk.anchors()[-1] == made


def test_a_node_that_forgot_old_receipts_changes_nothing(artist: Artist, line: Line) -> None:
    made = artist.anchor(artist.chain())
    line.fault = only(RECEIPT, Alter(lambda _result: None))
    assert artist.refresh(artist.chain(line.url)) == []
    assert artist.desk.anchors()[-1] == made


def test_nodes_behind_one_address_that_do_not_agree_cost_nothing_twice(
    artist: Artist, line: Line
) -> None:
    """Every second call is answered by one that is two blocks behind."""
    behind = stale(artist.chain().latest_block().number)
    turn = iter(range(10**6))

    def fault(call: Call) -> Any:
        return behind(call) if next(turn) % 2 else None

    line.fault = fault
    for number in range(2):
        artist.desk.note(f"again {number}")
        try:
            artist.anchor(artist.chain(line.url))
        except StemproofError as error:
            assert "\n" not in str(error)
        artist.anchor(artist.chain())
    artist.refresh(artist.chain())
    artist.check()


def test_a_forged_failure_is_found_out_by_the_next_honest_node(artist: Artist, line: Line) -> None:
    line.fault = forge_receipt({"status": "0x0"})
    told = artist.anchor(artist.chain(line.url))
    assert told is not None
    assert told.state == "failed"
    artist.refresh(artist.chain())
    assert artist.desk.anchors()[-1].state == "anchored"
    artist.check()


def test_the_line_is_bad_indeed(artist: Artist, line: Line) -> None:
    """The proxy does what it says: else the tests above would prove nothing."""
    chain = artist.chain(line.url)
    line.fault = only("eth_gasPrice", Delay(0.2))
    began = time.monotonic()
    chain.node.call("eth_gasPrice")
    assert time.monotonic() - began >= 0.2
    line.fault = only("eth_gasPrice", DROP, number=2)
    chain.node.call("eth_gasPrice")
    assert line.calls["eth_gasPrice"] == 3
