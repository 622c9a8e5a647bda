"""A chain that is killed, reorganised, dear, or used by a thief: anchors survive or say why not."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.cli.transcript import environment
from tests.faults.artist import PUBLIC, Artist, open_artist
from tests.faults.ledger import PASSPHRASE, Desk, start_apart
from tests.faults.spawner import Spawner
from tests.testnet.running import demand_anvil

from stemproof.acts.anchoring import plan_anchor, publish, store
from stemproof.acts.anchors import Anchor
from stemproof.acts.following import find_waiting, refresh, wait_for
from stemproof.acts.home import now, opened
from stemproof.acts.slots import NotOurs
from stemproof.anchor.contract import origin_id
from stemproof.anchor.evm import Chain
from stemproof.anchor.follow import TxState, find_status, wait_until_mined
from stemproof.anchor.problems import FeeTooHigh
from stemproof.anchor.publish import AnchorCall, prepare_anchor, prepare_call, send
from stemproof.anchor.transaction import parse_transaction
from stemproof.anchor.waiting import find_in_front, tell_why_waiting
from stemproof.errors import Unavailable
from stemproof.evidence.ethsig import Address, parse_address
from stemproof.testnet import anvil
from stemproof.testnet.deploy import mine
from stemproof.testnet.rpc import call_local

pytestmark = pytest.mark.chain
MAX_GROWTH = 2**24
NEVER_FINAL = dataclasses.replace(PUBLIC, finality="depth:9999")


@pytest.fixture
def artist(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Artist:
    """An artist who waits for nobody long."""
    monkeypatch.setattr("stemproof.anchor.node._PAUSES_S", (0.05, 0.1))
    return open_artist(desk)


def anchored(artist: Artist, text: str) -> Anchor:
    """Anchor something new."""
    artist.desk.note(text)
    made = artist.anchor(artist.chain(info=NEVER_FINAL))
    assert made is not None
    assert made.state == "anchored"
    return made


def renew_after_reorg(artist: Artist, depth: int) -> None:
    """Anchor, let the chain go back behind it, and follow it into its new block."""
    port = artist.desk.chain.port
    old = anchored(artist, f"depth {depth}")
    if depth > 1:
        mine(artist.desk.chain, depth - 1)
    call_local(port, "anvil_reorg", depth, [])
    chain = artist.chain(info=NEVER_FINAL)
    assert old.block_number is not None
    assert old.block_hash is not None
    assert not chain.block_hash_is_canonical(old.block_number, old.block_hash)
    (gone,) = artist.refresh(chain)
    assert (gone.number, gone.state, gone.evidence) == (old.number, "reorged", None)
    mine(artist.desk.chain)
    (back,) = artist.refresh(chain)
    assert (back.number, back.state, back.tx) == (old.number, "anchored", old.tx)
    assert back.block_hash != old.block_hash
    artist.check()


def test_evidence_is_renewed_after_a_reorganisation_however_deep(artist: Artist) -> None:
    # The chain needs so many blocks to go back, and anchors before that stay where they are.
    first = anchored(artist, "before all")
    mine(artist.desk.chain, 3)
    for depth in (1, 2, 7, 20):
        renew_after_reorg(artist, depth)
        assert artist.desk.anchors()[0] == first


@pytest.mark.deep
def test_evidence_is_renewed_after_reorganisations_of_1_to_20_blocks(artist: Artist) -> None:
    anchored(artist, "before all")
    for depth in range(1, 21):
        renew_after_reorg(artist, depth)


def test_a_reorganisation_that_keeps_the_transaction_renews_the_evidence_at_once(
    artist: Artist,
) -> None:
    """The other branch holds it, too, in another block."""
    port = artist.desk.chain.port
    mine(artist.desk.chain, 2)
    old = anchored(artist, "moved")
    raw = "0x" + old.raw.hex()
    call_local(port, "anvil_reorg", 2, [[raw, 1]])
    moved = [anchor.state for anchor in artist.refresh(artist.chain())]
    assert moved == ["anchored"]
    (new,) = artist.check()
    assert (new.tx, new.block_hash == old.block_hash) == (old.tx, False)


def test_an_anchor_whose_prior_one_moved_is_not_sent_to_fail(artist: Artist) -> None:
    """It builds on a head that is no more: the next anchor covers it, and nothing is paid."""
    mine(artist.desk.chain, 3)
    one, two = anchored(artist, "one"), anchored(artist, "two")
    call_local(artist.desk.chain.port, "anvil_reorg", 2, [])
    chain = artist.chain()
    artist.refresh(chain)
    mine(artist.desk.chain)
    artist.refresh(chain)
    assert [anchor.state for anchor in artist.desk.anchors()] == ["anchored", "failed"]
    assert artist.desk.sent() == 1
    three = anchored(artist, "three")
    first, last = artist.check()
    assert (first.number, last.number) == (one.number, three.number)
    assert last.size > two.size


def restart(desk: Desk) -> None:
    """Kill the chain as a power cut does, and start it again where it was."""
    os.kill(desk.chain.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while anvil.status(desk.home.testnet) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    running = anvil.start(desk.home.testnet, desk.chain.port, anvil=demand_anvil())
    # A public chain goes on: what was seen in its newest blocks is overtaken at once.
    mine(running, 4)
    object.__setattr__(desk, "chain", running)


@pytest.mark.parametrize("when", ["stored", "sent", "mined", "proved"])
def test_a_chain_killed_while_an_anchor_is_sent_holds_it_in_the_end(
    artist: Artist, when: str
) -> None:
    desk = artist.desk
    chain = artist.chain()
    if when == "sent":
        call_local(desk.chain.port, "evm_setAutomine", False)
    with opened(desk.home) as log:
        planned = plan_anchor(log, chain, artist.keys)
        assert planned is not None
        number = store(log, chain, planned, now())
        if when != "stored":
            send(chain, planned.intent.raw)
        if when in ("mined", "proved"):
            wait_until_mined(chain, planned.intent.raw, timeout_s=5, poll_s=0.01)
        if when == "proved":
            wait_for(log, chain, number, states=("anchored",), timeout_s=5)
    restart(desk)
    for _ in range(2):
        artist.refresh(artist.chain())
        mine(desk.chain)
    artist.refresh(artist.chain())
    (anchor,) = artist.check()
    assert (anchor.number, anchor.state) == (number, "anchored")


def test_a_command_outlives_a_restart_of_the_chain(artist: Artist) -> None:
    """The chain is away for a moment while the command waits for a block."""
    desk = artist.desk
    call_local(desk.chain.port, "evm_setAutomine", False)
    with opened(desk.home) as log:
        chain = artist.chain()
        planned = plan_anchor(log, chain, artist.keys)
        assert planned is not None
        number = publish(log, chain, planned, now())
        turns = iter(range(10**6))

        def sleep(_seconds: float) -> None:
            if next(turns) == 2:
                # Killed with it in the pool; anvil makes a block of each transaction again then.
                restart(desk)
            time.sleep(0.02)

        done = wait_for(log, chain, number, states=("anchored",), timeout_s=20, sleep=sleep)
    assert done.state == "anchored"
    artist.check()


def test_a_spike_of_fees_is_told_with_the_limit_that_would_do(artist: Artist) -> None:
    port = artist.desk.chain.port
    chain = artist.chain()
    call_local(port, "anvil_setNextBlockBaseFeePerGas", hex(10**13))
    mine(artist.desk.chain)
    with pytest.raises(FeeTooHigh, match=r"the limit is 0\.001 test ETH; nothing was sent") as told:
        artist.anchor(chain, cap_wei=10**15)
    assert "--cap 0." in str(told.value.hint)
    assert (artist.desk.sent(), artist.desk.anchors()) == (0, [])


def test_what_was_sent_before_a_spike_waits_says_why_and_is_mined_after_it(artist: Artist) -> None:
    desk, chain = artist.desk, artist.chain()
    call_local(desk.chain.port, "evm_setAutomine", False)
    with opened(desk.home) as log:
        planned = plan_anchor(log, chain, artist.keys)
        assert planned is not None
        raw = planned.intent.raw
        number = store(log, chain, planned, now())
        call_local(desk.chain.port, "anvil_setNextBlockBaseFeePerGas", hex(10**13))
        mine(desk.chain)
        refresh(log, chain)
        mine(desk.chain)
        assert find_status(chain, raw).state is TxState.PENDING
        assert "the chain is dear at the moment: this would cost" in tell_why_waiting(chain, raw)
        # It goes down by an eighth a block; here at once.
        call_local(desk.chain.port, "anvil_setNextBlockBaseFeePerGas", hex(10**9))
        mine(desk.chain)
        refresh(log, chain)
        mine(desk.chain)
        refresh(log, chain)
    (anchor,) = artist.check()
    assert (anchor.number, anchor.state) == (number, "anchored")


def pay_somebody(artist: Artist, chain: Chain) -> bytes:
    """Send a transaction that this ledger knows nothing of, from the same account."""
    somebody = Address(b"\x11" * 20)
    intent = prepare_call(chain, artist.keys.account_key, somebody, b"")
    send(chain, intent.raw)
    return intent.tx_hash


def test_an_own_other_transaction_that_waits_in_front_is_named(artist: Artist) -> None:
    desk, chain = artist.desk, artist.chain()
    call_local(desk.chain.port, "evm_setAutomine", False)
    front = pay_somebody(artist, chain)
    with opened(desk.home) as log:
        planned = plan_anchor(log, chain, artist.keys)
        assert planned is not None
        raw = planned.intent.raw
        publish(log, chain, planned, now())
        found = find_in_front(chain, raw)
        assert found is not None
        assert (found.nonce, found.tx) == (0, front)
        why = f"transaction number 0 of the same account, 0x{front.hex()[:12]} to 0x1111"
        assert why in tell_why_waiting(chain, raw)
        desk.note("more")
        with pytest.raises(Unavailable, match="waits in front of it"):
            plan_anchor(log, chain, artist.keys)
        # Dropped by the node: nothing after it can be mined, and that is said as well.
        call_local(desk.chain.port, "anvil_dropTransaction", "0x" + front.hex())
        assert "number 0 is in no block and not known" in tell_why_waiting(chain, raw)
        assert find_waiting(log, chain, bytes(desk.account)) is not None


def test_a_thief_who_anchors_a_huge_size_is_told_from_a_copy_and_nothing_is_built_on_it(
    artist: Artist,
) -> None:
    made = anchored(artist, "mine")
    chain = artist.chain()
    account = parse_address(artist.keys.account_address)
    origin = origin_id(artist.keys.origin)
    slot = chain.head_of(account, origin)
    call = AnchorCall(origin, slot, made.size + MAX_GROWTH, b"\x66" * 32)
    send(chain, prepare_anchor(chain, artist.keys.account_key, call).raw)
    sent = artist.desk.sent()
    artist.desk.note("after the theft")
    with pytest.raises(NotOurs, match="a key was taken; nothing was sent") as told:
        artist.anchor(chain)
    assert "stemproof key rotate" in str(told.value.hint)
    assert artist.desk.sent() == sent
    # What was anchored before stands.
    assert artist.desk.anchors() == [made]


def test_thirty_anchors_in_a_row_through_one_node_leave_no_number_out(artist: Artist) -> None:
    for count in range(30):
        anchored(artist, f"anchor {count}")
    stand = artist.check()
    numbers = [parse_transaction(anchor.raw).nonce for anchor in stand]
    assert numbers == list(range(30))


@pytest.mark.deep
def test_a_process_killed_between_any_two_steps_is_gone_on_with_by_the_next(
    artist: Artist,
) -> None:
    desk = artist.desk
    script = Path(__file__).with_name("dying.py")
    process = subprocess.Popen(
        [sys.executable, str(script), str(desk.home.path), desk.chain.rpc_url, PASSPHRASE],
        env={**environment(desk.folder), "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        for count, step in enumerate(("planned", "stored", "sent", "mined", "proved"), 1):
            desk.note(f"dies when {step}")
            process.stdin.write(step + "\n")
            process.stdin.flush()
            assert int(process.stdout.readline()) == -signal.SIGKILL
            # The next one anchors what was only planned, and follows what was stored.
            again = artist.anchor(artist.chain())
            assert (again is not None) == (step == "planned")
            artist.refresh(artist.chain())
            assert len(artist.check()) == count
        process.stdin.close()


@pytest.mark.deep
def test_two_processes_at_once_anchor_once(spawner: Spawner, desk: Desk) -> None:
    first, second = start_apart(desk, "anchor"), start_apart(desk, "anchor")
    answers = [process.communicate(timeout=60) for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], answers
    assert len(desk.anchors()) == desk.sent() == 1
