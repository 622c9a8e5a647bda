"""A relay's desk on a real chain: what it takes, sends together, leaves out, and outlives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.anchor.conftest import Account, new_account
from tests.anchor.relays import SOON, AtDesk, at_desk, reopened, signed, unsigned
from tests.contracts.witness import Witness, open_witness
from web3 import Web3
from web3.types import Wei

from stemproof.anchor.evm import Chain
from stemproof.anchor.publish import send
from stemproof.anchor.relayanswer import Funds, HeadState, Refusal
from stemproof.anchor.relaybatch import WALLET_GAS
from stemproof.anchor.relaydesk import RelayDesk
from stemproof.anchor.relayed import capture_brought
from stemproof.anchor.relaystore import DAY_S
from stemproof.anchor.signedhead import (
    format_signed_head,
    head_digest,
    parse_signed_head,
    ticket_of,
)
from stemproof.anchor.signer import KeySigner
from stemproof.anchor.transaction import parse_transaction
from stemproof.evidence.chain import check_evidence, format_evidence, parse_evidence
from stemproof.evidence.ethsig import Address, format_address
from stemproof.testnet.anvil import Testnet
from stemproof.testnet.deploy import fund, mine
from stemproof.testnet.rpc import call_local

pytestmark = pytest.mark.chain


@pytest.fixture(scope="module")
def witness(testnet: Testnet) -> Witness:
    return open_witness(testnet)


def settle(relay: AtDesk, turns: int = 3) -> list[str]:
    return [line for _ in range(turns) for line in relay.desk.turn()]


def test_heads_of_many_artists_with_empty_accounts_go_in_one_transaction(
    chain: Chain, testnet: Testnet, tmp_path: Path
) -> None:
    artists = [new_account() for _ in range(3)]
    with at_desk(tmp_path / "relay", chain, testnet) as relay:
        bodies = [signed(chain, artist) for artist in artists]
        assert [relay.desk.take(body).state for body in bodies] == [HeadState.QUEUED] * 3
        settle(relay)
        answers = [relay.desk.answer(ticket_of(body)) for body in bodies]
    assert len({answer.tx for answer in answers}) == 1
    for artist, body in zip(artists, bodies, strict=True):
        assert is_on_chain(chain, body)
        assert chain.balance(artist.address) == 0


def is_on_chain(chain: Chain, body: bytes) -> bool:
    head = parse_signed_head(body)
    return chain.head_of(Address(head.publisher), head.origin_id) >> 216 == head.size


def test_of_a_hundred_heads_one_bad_one_is_left_out_alone_and_each_other_is_proved(
    chain: Chain, testnet: Testnet, tmp_path: Path
) -> None:
    artists = [new_account() for _ in range(100)]
    with at_desk(tmp_path / "relay", chain, testnet) as relay:
        bodies = [signed(chain, artist) for artist in artists]
        for body in bodies:
            assert relay.desk.take(body).state is HeadState.QUEUED
        # Between the relay's look and its block the artist anchors by another way.
        fund(testnet, artists[41].address)
        call_local(testnet.port, "evm_setAutomine", False)
        try:
            told = relay.desk.turn()
            assert told[-1].endswith("100 heads sent")
            overtake(chain, artists[41].key, bodies[41])
        finally:
            call_local(testnet.port, "evm_setAutomine", True)
            mine(testnet)
        assert "99 of 100 heads" in settle(relay)[0]
        answers = [relay.desk.answer(ticket_of(body)) for body in bodies]
    bad = answers.pop(41)
    assert (bad.state, bad.code) == (HeadState.REFUSED, Refusal.NOT_THE_HEAD)
    assert {answer.state for answer in answers} == {HeadState.MINED}
    (tx,) = {answer.tx for answer in answers}
    assert tx is not None
    for place in (0, 50, 99):
        head = parse_signed_head(bodies[place])
        evidence = capture_brought(chain, head, tx)
        proved = check_evidence(parse_evidence(format_evidence(evidence)))
        assert (proved.event.size, proved.event.root) == (head.size, head.root)
        assert evidence.log_index == place


def overtake(chain: Chain, key: bytes, body: bytes) -> None:
    """Send another anchor of the same log, so dear that it comes first in the block."""
    from stemproof.anchor.publish import AnchorCall, anchor_calldata

    head = parse_signed_head(body)
    call = AnchorCall(head.origin_id, head.prior, head.size + 1, head.root)
    raw = KeySigner(key).sign_transaction(
        {
            "type": 2,
            "chainId": chain.info.id,
            "nonce": 0,
            "to": format_address(chain.contract),
            "value": 0,
            "data": anchor_calldata(chain, call),
            "gas": 200_000,
            "maxFeePerGas": 10**13,
            "maxPriorityFeePerGas": 10**12,
        }
    )
    send(chain, raw)


def by_wallet(chain: Chain, wallet: str, log: str = "log") -> bytes:
    """Make a head that only a wallet contract can take."""
    head = unsigned(chain, Address(bytes.fromhex(wallet[2:])), log, signature=b"\x07" * 65)
    return format_signed_head(head)


@pytest.mark.parametrize(
    "kind", ["Burning", "Bombing", "BombingBack", "Short", "Dirty", "Silent", "Refusing", "Writing"]
)
def test_a_wallet_that_does_not_keep_to_the_rules_is_refused_and_costs_nothing(
    chain: Chain, testnet: Testnet, witness: Witness, tmp_path: Path, kind: str
) -> None:
    with at_desk(tmp_path / "relay", chain, testnet) as relay:
        answer = relay.desk.take(by_wallet(chain, witness.deploy(kind)))
        assert (answer.state, answer.code) == (HeadState.REFUSED, Refusal.NOT_SIGNED)
        assert settle(relay) == []
        assert chain.balance(relay.account.address) == 10**20


def test_a_wallet_that_keeps_to_the_rules_is_served(
    chain: Chain, testnet: Testnet, witness: Witness, tmp_path: Path
) -> None:
    owner = new_account()
    wallet = witness.deploy("Keeping", format_address(owner.address))
    head = unsigned(chain, Address(bytes.fromhex(wallet[2:])))
    body = format_signed_head(
        replace(head, signature=KeySigner(owner.key).sign_digest(head_digest(head)))
    )
    with at_desk(tmp_path / "relay", chain, testnet) as relay:
        assert relay.desk.take(body).state is HeadState.QUEUED
        settle(relay)
        assert relay.desk.answer(ticket_of(body)).state is HeadState.MINED
    assert is_on_chain(chain, body)


def test_a_wallet_that_turns_costs_its_own_gas_and_no_other_head(
    chain: Chain, testnet: Testnet, witness: Witness, tmp_path: Path
) -> None:
    turning = witness.deployed("turning.sol", "Turning")
    artists = [new_account() for _ in range(4)]
    with at_desk(tmp_path / "relay", chain, testnet) as relay:
        bad = by_wallet(chain, str(turning.address))
        bodies = [*(signed(chain, artist) for artist in artists), bad]
        for body in bodies:
            assert relay.desk.take(body).state is HeadState.QUEUED
        call_local(testnet.port, "evm_setAutomine", False)
        try:
            assert "5 heads sent" in relay.desk.turn()[-1]
            turning.functions.turn().transact(
                {
                    "from": Web3.to_checksum_address(witness.payer),
                    "gas": 100_000,
                    "maxPriorityFeePerGas": Wei(10**12),
                    "maxFeePerGas": Wei(10**13),
                }
            )
        finally:
            call_local(testnet.port, "evm_setAutomine", True)
            mine(testnet)
        assert "4 of 5 heads" in settle(relay)[0]
        answer = relay.desk.answer(ticket_of(bad))
        assert (answer.state, answer.code) == (HeadState.REFUSED, Refusal.NOT_SIGNED)
        tx = relay.desk.answer(ticket_of(bodies[0])).tx
        assert tx is not None
        receipt = chain.find_receipt(tx)
    assert receipt is not None
    used = int(str(receipt["gasUsed"]), 16)
    assert used < 4 * 48_000 + WALLET_GAS + 40_000
    assert all(is_on_chain(chain, body) for body in bodies[:-1])


def test_a_wallet_whose_word_changes_between_two_looks_is_left_out_before_it_costs(
    chain: Chain, testnet: Testnet, witness: Witness, tmp_path: Path
) -> None:
    turning = witness.deployed("turning.sol", "Turning")
    artist = new_account()
    with at_desk(tmp_path / "relay", chain, testnet) as relay:
        bad, good = by_wallet(chain, str(turning.address)), signed(chain, artist)
        for body in (bad, good):
            assert relay.desk.take(body).state is HeadState.QUEUED
        turning.functions.turn().transact(
            {"from": Web3.to_checksum_address(witness.payer), "gas": 100_000}
        )
        assert "left out" in relay.desk.turn()[-1]
        assert "1 heads sent" in relay.desk.turn()[-1]
        settle(relay)
    assert is_on_chain(chain, good)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"chain_id": 1}, Refusal.WRONG_CHAIN),
        ({"contract": bytes(20)}, Refusal.WRONG_CONTRACT),
        ({"deadline": 5}, Refusal.TOO_LATE),
        ({"deadline": 2**40}, Refusal.TOO_FAR),
        ({"prior": 3 << 216}, Refusal.NOT_THE_HEAD),
        ({"prior": 9 << 216}, Refusal.NO_GROWTH),
        ({"size": 2**24 + 1}, Refusal.TOO_MUCH_GROWTH),
    ],
)
def test_what_the_contract_would_refuse_is_refused_with_its_reason(
    chain: Chain, testnet: Testnet, tmp_path: Path, changes: dict[str, Any], code: Refusal
) -> None:
    with at_desk(tmp_path / "relay", chain, testnet) as relay:
        body = signed(chain, new_account(), **changes)
        answer = relay.desk.take(body)
        assert (answer.state, answer.code, answer.ticket) == (
            HeadState.REFUSED,
            code,
            ticket_of(body),
        )
        assert relay.store.find(answer.ticket) is None


def test_an_altered_head_and_a_strangers_signature_are_refused(
    chain: Chain, testnet: Testnet, tmp_path: Path
) -> None:
    head = parse_signed_head(signed(chain, new_account()))
    with at_desk(tmp_path / "relay", chain, testnet) as relay:
        for altered in (
            replace(head, size=head.size + 1),
            replace(head, root=bytes(32)),
            replace(head, deadline=head.deadline + 1),
            replace(head, publisher=bytes(new_account().address)),
            replace(head, signature=b"\x01"),
        ):
            answer = relay.desk.take(format_signed_head(altered))
            assert answer.code is Refusal.NOT_SIGNED
        junk = relay.desk.take(b"{}")
        assert (junk.code, junk.ticket) == (Refusal.MALFORMED, "")


def test_a_head_handed_in_twice_is_queued_once_and_answered_alike(
    chain: Chain, testnet: Testnet, tmp_path: Path
) -> None:
    body = signed(chain, new_account())
    with at_desk(tmp_path / "relay", chain, testnet) as relay:
        assert relay.desk.take(body) == relay.desk.take(body)
        assert len(relay.store.queued(10, most_asking=10)) == 1
        settle(relay)
        assert relay.desk.take(body) == relay.desk.answer(ticket_of(body))
        assert relay.desk.take(body).state is HeadState.MINED


def test_a_newer_head_of_a_log_takes_the_place_of_the_one_that_waits(
    chain: Chain, testnet: Testnet, tmp_path: Path
) -> None:
    artist = new_account()
    first, second = (signed(chain, artist, size=size) for size in (5, 6))
    with at_desk(tmp_path / "relay", chain, testnet) as relay:
        assert relay.desk.take(first).state is HeadState.QUEUED
        assert relay.desk.take(second).state is HeadState.QUEUED
        assert relay.desk.answer(ticket_of(first)).code is Refusal.REPLACED
        settle(relay)
        assert relay.desk.answer(ticket_of(second)).state is HeadState.MINED


def test_one_publisher_cannot_have_more_than_its_share_of_a_day(
    chain: Chain, testnet: Testnet, tmp_path: Path
) -> None:
    greedy, modest = new_account(), new_account()
    limits = replace(SOON, per_publisher=2)
    with at_desk(tmp_path / "relay", chain, testnet, limits) as relay:
        taken = [relay.desk.take(signed(chain, greedy, f"log {n}")) for n in range(3)]
        assert [answer.code for answer in taken] == [None, None, Refusal.OVER_RATE]
        assert relay.desk.take(signed(chain, modest)).state is HeadState.QUEUED


def test_only_listed_publishers_are_served_where_there_is_a_list(
    chain: Chain, testnet: Testnet, tmp_path: Path
) -> None:
    known, other = new_account(), new_account()
    limits = replace(SOON, allowed=frozenset({bytes(known.address)}))
    with at_desk(tmp_path / "relay", chain, testnet, limits) as relay:
        assert relay.desk.take(signed(chain, known)).state is HeadState.QUEUED
        assert relay.desk.take(signed(chain, other)).code is Refusal.NOT_ALLOWED


def test_what_was_stored_and_never_arrived_is_sent_after_a_restart_the_same_bytes(
    chain: Chain, testnet: Testnet, tmp_path: Path
) -> None:
    body = signed(chain, new_account())
    call_local(testnet.port, "evm_setAutomine", False)
    try:
        with at_desk(tmp_path / "relay", chain, testnet) as relay:
            relay.desk.take(body)
            relay.desk.turn()
            (sending,) = relay.store.sendings(1)
        # As if it had ended between storing and sending.
        call_local(testnet.port, "anvil_dropTransaction", "0x" + sending.tx.hex())
        assert chain.find_transaction(sending.tx) is None
        with reopened(tmp_path / "relay", chain, relay.account) as again:
            settle(again)
            assert chain.find_transaction(sending.tx) is not None
            assert again.store.sendings(1) == [sending]
            call_local(testnet.port, "evm_setAutomine", True)
            mine(testnet)
            settle(again)
            assert again.desk.answer(ticket_of(body)).tx == sending.tx
    finally:
        call_local(testnet.port, "evm_setAutomine", True)
    assert is_on_chain(chain, body)


def test_heads_whose_transaction_was_overtaken_wait_again_and_are_brought(
    chain: Chain, testnet: Testnet, tmp_path: Path
) -> None:
    body = signed(chain, new_account())
    with at_desk(tmp_path / "relay", chain, testnet) as relay:
        relay.desk.take(body)
        call_local(testnet.port, "evm_setAutomine", False)
        try:
            relay.desk.turn()
            (sending,) = relay.store.sendings(1)
            call_local(testnet.port, "anvil_dropTransaction", "0x" + sending.tx.hex())
            spend_number(chain, relay.account, parse_transaction(sending.raw).nonce)
        finally:
            call_local(testnet.port, "evm_setAutomine", True)
            mine(testnet)
        assert "came to nothing" in relay.desk.turn()[0]
        settle(relay)
        assert relay.desk.answer(ticket_of(body)).state is HeadState.MINED
    assert is_on_chain(chain, body)


def spend_number(chain: Chain, account: Account, nonce: int) -> None:
    """Use a number of an account for something else."""
    raw = KeySigner(account.key).sign_transaction(
        {
            "type": 2,
            "chainId": chain.info.id,
            "nonce": nonce,
            "to": format_address(account.address),
            "value": 0,
            "data": b"",
            "gas": 21_000,
            "maxFeePerGas": 10**13,
            "maxPriorityFeePerGas": 10**12,
        }
    )
    send(chain, raw)


def test_after_a_reorganisation_the_same_bytes_are_in_a_block_again(
    chain: Chain, testnet: Testnet, tmp_path: Path
) -> None:
    body = signed(chain, new_account())
    with at_desk(tmp_path / "relay", chain, testnet) as relay:
        relay.desk.take(body)
        settle(relay)
        before = relay.desk.answer(ticket_of(body))
        call_local(testnet.port, "anvil_reorg", 1, [])
        settle(relay)
        mine(testnet)
        settle(relay)
        after = relay.desk.answer(ticket_of(body))
    assert before.state is after.state is HeadState.MINED
    assert before.tx == after.tx
    assert before.block_hash != after.block_hash
    assert is_on_chain(chain, body)


def test_a_fee_spike_delays_and_never_overspends(
    chain: Chain, testnet: Testnet, tmp_path: Path
) -> None:
    gwei = 10**9
    limits = replace(SOON, head_cap_wei=200_000 * 20 * gwei)
    body = signed(chain, new_account())
    with at_desk(tmp_path / "relay", chain, testnet, limits) as relay:
        relay.desk.take(body)
        next_base_fee(testnet, 500 * gwei)
        told = settle(relay)
        assert len(told) == 1
        assert told[0].startswith("heads wait: it costs")
        assert relay.desk.answer(ticket_of(body)).state is HeadState.QUEUED
        assert chain.balance(relay.account.address) == 10**20
        next_base_fee(testnet, gwei)
        settle(relay)
        assert relay.desk.answer(ticket_of(body)).state is HeadState.MINED


def next_base_fee(testnet: Testnet, wei: int) -> None:
    call_local(testnet.port, "anvil_setNextBlockBaseFeePerGas", hex(wei))
    mine(testnet)


def test_a_days_limit_holds_over_restarts(chain: Chain, testnet: Testnet, tmp_path: Path) -> None:
    first, second = signed(chain, new_account()), signed(chain, new_account())
    with at_desk(tmp_path / "relay", chain, testnet) as relay:
        relay.desk.take(first)
        settle(relay)
        spent = relay.store.spent_since(0)
        account = relay.account
        assert spent == 10**20 - chain.balance(account.address)
    limits = replace(SOON, day_cap_wei=spent + 1)
    with reopened(tmp_path / "relay", chain, account, limits) as again:
        again.desk.take(second)
        assert settle(again)[0].startswith("heads wait: it costs")
    assert chain.balance(account.address) == 10**20 - spent


def test_a_head_whose_deadline_passes_while_it_waits_is_refused(
    chain: Chain, testnet: Testnet, tmp_path: Path
) -> None:
    moment = [float(chain.latest_block().time)]
    with at_desk(tmp_path / "relay", chain, testnet) as plain:
        desk = RelayDesk(
            chain,
            KeySigner(plain.account.key),
            plain.store,
            replace(SOON, batch_s=10),
            locks=tmp_path / "locks",
            clock=lambda: moment[0],
        )
        body = signed(chain, new_account())
        assert desk.take(body).state is HeadState.QUEUED
        moment[0] += 4000
        desk.turn()
        assert desk.answer(ticket_of(body)).code is Refusal.TOO_LATE


def test_a_relay_without_funds_says_so_and_takes_nothing(
    chain: Chain, testnet: Testnet, tmp_path: Path
) -> None:
    with at_desk(tmp_path / "relay", chain, testnet, wei=0) as relay:
        relay.desk.turn()
        assert relay.desk.terms.funds is Funds.NONE
        assert relay.desk.take(signed(chain, new_account())).code is Refusal.NO_FUNDS


def test_a_batch_that_waits_too_long_is_offered_more_once_and_mined_once(
    chain: Chain, testnet: Testnet, tmp_path: Path
) -> None:
    moment = [float(chain.latest_block().time)]
    body = signed(chain, new_account())
    with at_desk(tmp_path / "relay", chain, testnet) as plain:
        desk = RelayDesk(
            chain,
            KeySigner(plain.account.key),
            plain.store,
            replace(SOON, day_cap_wei=10**18),
            locks=tmp_path / "locks",
            clock=lambda: moment[0],
        )
        assert desk.take(body).state is HeadState.QUEUED
        call_local(testnet.port, "evm_setAutomine", False)
        try:
            desk.turn()
            assert desk.turn() == []
            moment[0] += 100
            assert desk.turn() == ["batch 1: a better fee was offered"]
            assert desk.turn() == []
        finally:
            call_local(testnet.port, "evm_setAutomine", True)
            mine(testnet)
        desk.turn()
        newest, oldest = (parse_transaction(each.raw) for each in plain.store.sendings(1))
        assert newest.nonce == oldest.nonce
        assert newest.max_fee > oldest.max_fee
        answer = desk.answer(ticket_of(body))
        assert (answer.state, answer.tx) == (HeadState.MINED, newest.hash)
        assert plain.store.spent_since(0) == 10**20 - chain.balance(plain.account.address)


@pytest.mark.parametrize("waited_s", [100, 2 * DAY_S])
def test_a_better_offer_stays_within_the_days_limit_however_long_it_waited(
    chain: Chain, testnet: Testnet, tmp_path: Path, waited_s: int
) -> None:
    moment = [float(chain.latest_block().time)]
    with at_desk(tmp_path / "relay", chain, testnet) as plain:
        first = RelayDesk(
            chain,
            KeySigner(plain.account.key),
            plain.store,
            SOON,
            locks=tmp_path / "locks",
            clock=lambda: moment[0],
        )
        first.take(signed(chain, new_account()))
        call_local(testnet.port, "evm_setAutomine", False)
        try:
            first.turn()
            limits = replace(SOON, day_cap_wei=plain.store.spent_since(0))
            tight = RelayDesk(
                chain,
                KeySigner(plain.account.key),
                plain.store,
                limits,
                locks=tmp_path / "locks",
                clock=lambda: moment[0],
            )
            moment[0] += waited_s
            assert tight.turn() == []
            assert len(plain.store.sendings(1)) == 1
        finally:
            call_local(testnet.port, "evm_setAutomine", True)
            mine(testnet)
