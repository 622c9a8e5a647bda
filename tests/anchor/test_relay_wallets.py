"""Wallets that live off a relay: what they can take from it, and from the heads of others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.anchor.conftest import new_account
from tests.anchor.relays import SOON, AtDesk, at_desk, signed, unsigned
from tests.contracts.witness import Witness, open_witness

from stemproof.anchor.evm import Chain
from stemproof.anchor.problems import UntrustedNode
from stemproof.anchor.relayanswer import HeadState, Refusal
from stemproof.anchor.relaybatch import prepare_party, read_outcomes
from stemproof.anchor.relaystore import DAY_S
from stemproof.anchor.signedhead import format_signed_head, parse_signed_head, ticket_of
from stemproof.anchor.signer import KeySigner
from stemproof.evidence.ethsig import Address
from stemproof.evidence.keccak import keccak256
from stemproof.testnet.anvil import Testnet
from stemproof.testnet.deploy import mine

pytestmark = pytest.mark.chain
MakeHead = Callable[..., bytes]


@pytest.fixture(scope="module")
def witness(testnet: Testnet) -> Witness:
    return open_witness(testnet)


@pytest.fixture
def by_wallet(chain: Chain, witness: Witness) -> MakeHead:
    """Make a head that only a wallet can take; each wallet is put on the chain once a test."""
    wallets: dict[tuple[str, int], str] = {}

    def make(kind: str, log: str = "log", *, number: int = 0) -> bytes:
        if (kind, number) not in wallets:
            wallets[kind, number] = str(witness.deployed("turning.sol", kind).address)
        publisher = Address(bytes.fromhex(wallets[kind, number][2:]))
        return format_signed_head(unsigned(chain, publisher, log, signature=b"\x07" * 65))

    return make


def states(relay: AtDesk, *bodies: bytes) -> list[HeadState]:
    return [relay.desk.answer(ticket_of(body)).state for body in bodies]


def test_a_wallet_that_says_yes_only_while_nobody_pays_is_refused_when_it_is_tried(
    chain: Chain, testnet: Testnet, by_wallet: MakeHead, tmp_path: Path
) -> None:
    with at_desk(tmp_path / "relay", chain, testnet) as relay:
        assert relay.desk.take(by_wallet("Unpaid")).code is Refusal.NOT_SIGNED
        assert relay.desk.take(by_wallet("Thirsty")).state is HeadState.QUEUED
        relay.desk.turn()
        assert "1 of 1 heads" in relay.desk.turn()[0]


def test_a_wallet_that_said_no_when_it_was_paid_for_is_left_alone_for_ever_longer(
    chain: Chain, testnet: Testnet, by_wallet: MakeHead, tmp_path: Path
) -> None:
    first, second, third = (by_wallet("Fickle", name) for name in ("one", "two", "three"))
    head, now = parse_signed_head(third), chain.latest_block().time

    def burn(relay: AtDesk, *bodies: bytes) -> None:
        if chain.latest_block().number % 2:
            mine(testnet)
        for body in bodies:
            assert relay.desk.take(body).state is HeadState.QUEUED
        # One head of a wallet at a time, until it is known what it does.
        assert relay.desk.turn()[-1].endswith("1 heads sent")
        relay.desk.turn()
        assert states(relay, *bodies) == [HeadState.REFUSED] * len(bodies)

    with at_desk(tmp_path / "relay", chain, testnet) as relay:
        burn(relay, first, second)
        assert relay.desk.answer(ticket_of(first)).code is Refusal.NOT_SIGNED
        assert relay.desk.answer(ticket_of(second)).code is Refusal.OVER_RATE
        if chain.latest_block().number % 2:
            mine(testnet)
        again = relay.desk.take(third)
        assert (again.code, "asked again in 24 h" in (again.reason or "")) == (
            Refusal.OVER_RATE,
            True,
        )
        # A day later it is taken once more.
        later = now + DAY_S + 60
        assert relay.store.take(third, head, asks=True, now=later, per_publisher=24) is None


def test_heads_whose_wallets_are_too_dear_do_not_keep_those_of_others_waiting(
    chain: Chain, testnet: Testnet, by_wallet: MakeHead, tmp_path: Path
) -> None:
    honest = [signed(chain, new_account()) for _ in range(2)]
    thirsty = [by_wallet("Thirsty", number=number) for number in range(2)]
    limits = replace(SOON, head_cap_wei=3 * cost_alone(chain, testnet, tmp_path) // 2)
    with at_desk(tmp_path / "relay", chain, testnet, limits) as relay:
        for body in (*thirsty, by_wallet("Thirsty", "next"), *honest):
            assert relay.desk.take(body).state is HeadState.QUEUED
        told = relay.desk.turn()
        assert told[-1].endswith("2 heads sent")
        assert "left out" in relay.desk.turn()[-1]
        assert states(relay, *honest) == [HeadState.MINED] * 2
        answers = [relay.desk.answer(ticket_of(body)) for body in thirsty]
    assert [answer.code for answer in answers] == [Refusal.UNAVAILABLE] * 2
    assert all("more than is paid for one head" in (answer.reason or "") for answer in answers)


def test_wallets_leave_the_rest_of_a_day_to_those_who_ask_nobody(
    chain: Chain, testnet: Testnet, by_wallet: MakeHead, tmp_path: Path
) -> None:
    honest, thirsty = signed(chain, new_account()), by_wallet("Thirsty")
    limits = replace(SOON, day_cap_wei=3 * cost_alone(chain, testnet, tmp_path) // 2)
    with at_desk(tmp_path / "relay", chain, testnet, limits) as relay:
        for body in (thirsty, honest):
            assert relay.desk.take(body).state is HeadState.QUEUED
        assert relay.desk.turn()[-1].endswith("1 heads sent")
        relay.desk.turn()
        assert states(relay, thirsty, honest) == [HeadState.QUEUED, HeadState.MINED]


def cost_alone(chain: Chain, testnet: Testnet, tmp_path: Path) -> int:
    """Say what a head of an account costs at most, alone."""
    with at_desk(tmp_path / "other", chain, testnet) as relay:
        relay.desk.take(signed(chain, new_account()))
        party = relay.store.queued(1, most_asking=0)
        return prepare_party(chain, KeySigner(relay.account.key), party, cap_wei=None).cost_wei


@pytest.mark.parametrize("data", ["0x", None, "0xzz", f"0x{0:064x}", f"0x{6:064x}", f"0x{1:066x}"])
def test_a_receipt_with_a_nonsensical_outcome_is_not_believed(
    chain: Chain, testnet: Testnet, tmp_path: Path, data: str | None
) -> None:
    refused = "0x" + keccak256(b"Refused(address,bytes32,uint8)").hex()
    with at_desk(tmp_path / "relay", chain, testnet) as relay:
        body = signed(chain, new_account())
        relay.desk.take(body)
        party = relay.store.queued(1, most_asking=0)
    with pytest.raises(UntrustedNode, match="data of a refused head"):
        read_outcomes(chain, [{"topics": [refused], "data": data}], party)
    late = {"topics": [refused], "data": f"0x{4:064x}"}
    assert read_outcomes(chain, [late], party)[ticket_of(body)][0] is Refusal.TOO_LATE
