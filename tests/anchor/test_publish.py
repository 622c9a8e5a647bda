"""Publishing on a real chain: what is accepted, what is refused, and what is told."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from tests.anchor.anchoring import anchor, next_call, root_of
from tests.anchor.conftest import ORIGIN, Account, new_account
from tests.testnet.running import running_testnet

from stemproof.anchor.chains import ChainInfo, load_chains
from stemproof.anchor.evm import Chain, open_chain
from stemproof.anchor.fees import format_wei
from stemproof.anchor.follow import TxState, find_status, wait_until_mined
from stemproof.anchor.node import Node
from stemproof.anchor.problems import (
    ContractMissing,
    FeeTooHigh,
    HeadMoved,
    InsufficientFunds,
    NonceTaken,
    NotAccepted,
)
from stemproof.anchor.publish import (
    AnchorCall,
    hold_account,
    prepare_anchor,
    prepare_deployment,
    prepare_replacement,
    send,
)
from stemproof.anchor.signer import KeySigner
from stemproof.anchor.transaction import parse_transaction
from stemproof.errors import BadInput, Unavailable
from stemproof.evidence.accumulator import next_head
from stemproof.evidence.ethsig import Address, format_address
from stemproof.testnet.anvil import Testnet
from stemproof.testnet.deploy import fund, mine
from stemproof.testnet.rpc import call_local

pytestmark = pytest.mark.chain
MAX_GROWTH = 2**24


def test_heads_on_chain_equal_their_replay(chain: Chain, artist: Account) -> None:
    head = 0
    for size in (1, 2, 40, 41 + MAX_GROWTH - 1):
        _, status = anchor(chain, artist, size)
        assert status.block is not None
        head = next_head(
            head,
            size=size,
            root=root_of(size),
            number=status.block.number,
            time=status.block.time,
            parent_hash=status.block.parent_hash,
        )
        assert chain.head_of(artist.address, ORIGIN) == head


def test_two_origins_of_one_publisher_do_not_meet(chain: Chain, artist: Account) -> None:
    anchor(chain, artist, 5)
    assert chain.head_of(artist.address, b"\x01" * 32) == 0


def test_a_head_built_on_the_wrong_prior_is_refused(chain: Chain, artist: Account) -> None:
    anchor(chain, artist, 5)
    stored = chain.head_of(artist.address, ORIGIN)
    for prior in (0, stored ^ 1):
        with pytest.raises(HeadMoved, match="size 5") as caught:
            prepare_anchor(chain, artist.key, AnchorCall(ORIGIN, prior, 6, root_of(6)))
        assert (caught.value.prior, caught.value.stored) == (prior, stored)


@pytest.mark.parametrize("size", [1, 4, 5])
def test_a_log_that_does_not_grow_is_refused(chain: Chain, artist: Account, size: int) -> None:
    anchor(chain, artist, 5)
    with pytest.raises(NotAccepted, match="has 5 entries"):
        prepare_anchor(chain, artist.key, next_call(chain, artist, size))


@pytest.mark.parametrize("size", [6 + MAX_GROWTH, 2**40 - 1])
def test_a_log_that_grows_too_much_at_once_is_refused(
    chain: Chain, artist: Account, size: int
) -> None:
    anchor(chain, artist, 5)
    with pytest.raises(NotAccepted, match=f"from 5 to {size}"):
        prepare_anchor(chain, artist.key, next_call(chain, artist, size))


@pytest.mark.parametrize(
    "call",
    [
        AnchorCall(ORIGIN, 0, 0, root_of(5)),
        AnchorCall(ORIGIN, 0, 2**40, root_of(5)),
        AnchorCall(ORIGIN, -1, 5, root_of(5)),
        AnchorCall(ORIGIN, 2**256, 5, root_of(5)),
        AnchorCall(ORIGIN, 0, 5, b""),
        AnchorCall(b"origin", 0, 5, root_of(5)),
    ],
)
def test_a_call_that_the_contract_cannot_take_is_refused(
    chain: Chain, artist: Account, call: AnchorCall
) -> None:
    with pytest.raises(BadInput):
        prepare_anchor(chain, artist.key, call)


def test_the_stored_bytes_say_all_that_a_resumed_run_needs(chain: Chain, artist: Account) -> None:
    intent = prepare_anchor(chain, artist.key, next_call(chain, artist, 5))
    read = parse_transaction(intent.raw)
    assert (read.hash, read.sender, read.nonce) == (intent.tx_hash, artist.address, intent.nonce)
    assert (read.chain_id, read.to, read.gas) == (31337, chain.contract, intent.gas)
    assert intent.expected_wei < intent.cost_wei == intent.gas * intent.max_fee


def test_nothing_is_sent_by_preparing(chain: Chain, artist: Account) -> None:
    intent = prepare_anchor(chain, artist.key, next_call(chain, artist, 5))
    status = find_status(chain, intent.raw)
    assert (status.state, status.block, status.is_known) == (TxState.PENDING, None, False)
    assert chain.head_of(artist.address, ORIGIN) == 0


def test_sending_again_before_and_after_mining_changes_nothing(
    chain: Chain, artist: Account, testnet: Testnet
) -> None:
    intent = prepare_anchor(chain, artist.key, next_call(chain, artist, 5))
    call_local(testnet.port, "evm_setAutomine", False)
    try:
        assert send(chain, intent.raw) == send(chain, intent.raw) == intent.tx_hash
        waiting = find_status(chain, intent.raw)
        assert (waiting.state, waiting.is_known) == (TxState.PENDING, True)
    finally:
        call_local(testnet.port, "evm_setAutomine", True)
        mine(testnet)
    assert send(chain, intent.raw) == intent.tx_hash
    assert find_status(chain, intent.raw).state is TxState.MINED


def test_it_is_final_when_the_chain_says_so(
    chain: Chain, artist: Account, testnet: Testnet
) -> None:
    intent, status = anchor(chain, artist, 5)
    assert status.block is not None
    mine(testnet, 3)
    final = find_status(chain, intent.raw, seen=status.block.hash)
    assert (final.state, final.block) == (TxState.FINAL, status.block)


def test_finality_by_depth_counts_blocks(
    chain: Chain, artist: Account, testnet: Testnet, info: ChainInfo
) -> None:
    slow = Chain(dataclasses.replace(info, finality="depth:4"), chain.node)
    intent, _ = anchor(chain, artist, 5)
    mine(testnet, 3)
    assert find_status(slow, intent.raw).state is TxState.MINED
    mine(testnet)
    assert find_status(slow, intent.raw).state is TxState.FINAL


def test_an_empty_wallet_is_told_the_price_and_what_else_is_possible(chain: Chain) -> None:
    with pytest.raises(InsufficientFunds, match="holds 0 test ETH") as caught:
        poor = new_account()
        prepare_anchor(chain, poor.key, AnchorCall(ORIGIN, 0, 5, root_of(5)))
    assert "costs up to 0.000" in str(caught.value)
    for way in ("`stemproof testnet up`", "`stemproof anchor --relay URL`", "`stemproof stamp"):
        assert way in (caught.value.hint or "")


def test_a_wallet_emptied_after_preparing_is_told_so(
    chain: Chain, artist: Account, testnet: Testnet
) -> None:
    intent = prepare_anchor(chain, artist.key, next_call(chain, artist, 5))
    fund(testnet, artist.address, wei=1)
    with pytest.raises(InsufficientFunds):
        send(chain, intent.raw)


def test_a_limit_below_the_price_is_kept(chain: Chain, artist: Account) -> None:
    call = next_call(chain, artist, 5)
    with pytest.raises(FeeTooHigh, match=r"the limit is 0\.000000000000001 test ETH") as caught:
        prepare_anchor(chain, artist.key, call, cap_wei=1000)
    assert caught.value.hint is not None
    would_do = caught.value.hint.partition("--cap ")[2].partition(" ")[0]
    assert prepare_anchor(chain, artist.key, call, cap_wei=int(Decimal(would_do) * 10**18))


def test_a_limit_between_the_price_and_the_offer_lowers_the_offer(
    chain: Chain, artist: Account
) -> None:
    call = next_call(chain, artist, 5)
    free = prepare_anchor(chain, artist.key, call)
    capped = prepare_anchor(chain, artist.key, call, cap_wei=free.cost_wei - 1)
    assert capped.cost_wei < free.cost_wei
    assert capped.expected_wei == free.expected_wei


def test_a_nonce_taken_by_another_transaction_is_told(chain: Chain, artist: Account) -> None:
    late = prepare_anchor(chain, artist.key, next_call(chain, artist, 7))
    anchor(chain, artist, 5)
    with pytest.raises(NonceTaken):
        send(chain, late.raw)
    status = find_status(chain, late.raw)
    assert status.state is TxState.FAILED
    assert "another transaction" in (status.reason or "")


def test_an_anchor_overtaken_in_the_pool_fails_with_its_reason(
    chain: Chain, artist: Account, testnet: Testnet
) -> None:
    call = next_call(chain, artist, 5)
    first = prepare_anchor(chain, artist.key, call)
    # A client that does not ask what waits: signed on the same head, with the next nonce.
    call_local(testnet.port, "evm_setAutomine", False)
    try:
        second = _sign_next(chain, artist, first.raw)
        send(chain, first.raw)
        send(chain, second)
    finally:
        call_local(testnet.port, "evm_setAutomine", True)
        mine(testnet)
    assert find_status(chain, first.raw).state is TxState.MINED
    failed = find_status(chain, second)
    assert failed.state is TxState.FAILED
    assert "size 5" in (failed.reason or "")


def _sign_next(chain: Chain, artist: Account, raw: bytes) -> bytes:
    old = parse_transaction(raw)
    return KeySigner(artist.key).sign_transaction(
        {
            "type": 2,
            "chainId": chain.info.id,
            "nonce": old.nonce + 1,
            "to": format_address(old.to),
            "value": 0,
            "data": old.data,
            "gas": old.gas,
            "maxFeePerGas": old.max_fee,
            "maxPriorityFeePerGas": old.tip,
        }
    )


def test_a_replacement_takes_the_same_number_and_only_one_is_mined(
    chain: Chain, artist: Account, testnet: Testnet
) -> None:
    call_local(testnet.port, "evm_setAutomine", False)
    try:
        slow = prepare_anchor(chain, artist.key, next_call(chain, artist, 5))
        send(chain, slow.raw)
        better = prepare_replacement(chain, artist.key, slow.raw)
        send(chain, better.raw)
    finally:
        call_local(testnet.port, "evm_setAutomine", True)
        mine(testnet)
    assert better.nonce == slow.nonce
    assert better.tip > slow.tip
    assert find_status(chain, better.raw).state is TxState.MINED
    assert find_status(chain, slow.raw).state is TxState.FAILED


def test_a_reorganisation_is_seen_and_the_anchor_can_be_sent_again(
    chain: Chain, artist: Account, testnet: Testnet
) -> None:
    mine(testnet, 2)
    intent, status = anchor(chain, artist, 5)
    assert status.block is not None
    assert chain.block_hash_is_canonical(status.block.number, status.block.hash)
    call_local(testnet.port, "anvil_reorg", 1, [])
    gone = find_status(chain, intent.raw, seen=status.block.hash)
    assert (gone.state, gone.block) == (TxState.REORGED, None)
    assert not chain.block_hash_is_canonical(status.block.number, status.block.hash)
    send(chain, intent.raw)
    mine(testnet)
    moved = find_status(chain, intent.raw, seen=status.block.hash)
    assert moved.state is TxState.REORGED
    assert moved.block is not None
    again = find_status(chain, intent.raw, seen=moved.block.hash)
    assert (again.state, again.block) == (TxState.MINED, moved.block)


_PUBLISH = """
import sys
from pathlib import Path
from stemproof.anchor.chains import load_chains
from stemproof.anchor.evm import open_chain
from stemproof.anchor.follow import wait_until_mined
from stemproof.anchor.publish import AnchorCall, hold_account, prepare_anchor, send
from stemproof.evidence.ethsig import address_of_key

url, key, locks = sys.argv[1], bytes.fromhex(sys.argv[2]), Path(sys.argv[3])
chain = open_chain(load_chains()[31337], rpc_url=url)
me = address_of_key(key)
for _ in range(4):
    with hold_account(locks, chain, me):
        head = chain.head_of(me, bytes(32))
        call = AnchorCall(bytes(32), head, (head >> 216) + 1, bytes(32))
        intent = prepare_anchor(chain, key, call)
        send(chain, intent.raw)
        print(intent.nonce, wait_until_mined(chain, intent.raw, timeout_s=10, poll_s=0.01).state)
"""


def test_two_processes_at_once_never_take_one_number(
    chain: Chain, artist: Account, testnet: Testnet, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", _PUBLISH, testnet.rpc_url, artist.key.hex(), str(tmp_path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [line for one in both for line in one.communicate(timeout=60)[0].splitlines()]
    assert sorted(said) == [f"{nonce} mined" for nonce in range(8)]
    assert chain.head_of(artist.address, bytes(32)) >> 216 == 8


def test_a_held_account_is_waited_for_and_then_told(
    chain: Chain, artist: Account, tmp_path: Path
) -> None:
    with (
        hold_account(tmp_path, chain, artist.address),
        pytest.raises(Unavailable, match="another stemproof process"),
        hold_account(tmp_path, chain, artist.address, timeout_s=0.1),
    ):
        pass


def test_anchors_can_be_deployed_by_anybody_to_the_known_address(
    tmp_path: Path, info: ChainInfo
) -> None:
    account = new_account()
    with running_testnet(tmp_path) as bare:
        fund(bare, account.address)
        chain = open_chain(info, rpc_url=bare.rpc_url)
        with pytest.raises(ContractMissing, match="not deployed"):
            prepare_anchor(chain, account.key, AnchorCall(ORIGIN, 0, 5, root_of(5)))
        with pytest.raises(ContractMissing, match="not deployed"):
            chain.head_of(account.address, ORIGIN)
        intent = prepare_deployment(chain, account.key)
        send(chain, intent.raw)
        wait_until_mined(chain, intent.raw, timeout_s=10, poll_s=0.01)
        chain.check_contract()
        anchor(chain, account, 5)


def test_another_contract_at_the_address_is_refused(chain: Chain, info: ChainInfo) -> None:
    proxy = Address(bytes.fromhex("4e59b44847b379578588920ca78fbf26c0b4956c"))
    wrong = Chain(info, chain.node, contract=proxy)
    with pytest.raises(ContractMissing, match="another contract"):
        wrong.check_contract()


def test_a_chain_where_heads_cannot_be_replayed_is_refused(artist: Account) -> None:
    arbitrum = Chain(load_chains()[421614], Node("http://127.0.0.1:1"))
    with pytest.raises(BadInput, match="not suited"):
        prepare_anchor(arbitrum, artist.key, AnchorCall(ORIGIN, 0, 5, root_of(5)))


def test_a_key_that_is_none_is_refused_without_being_shown(chain: Chain) -> None:
    with pytest.raises(BadInput) as caught:
        prepare_anchor(chain, b"secret", AnchorCall(ORIGIN, 0, 5, root_of(5)))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("wei", "text"),
    [(0, "0"), (1, "0.000000000000000001"), (10**18, "1"), (15 * 10**17, "1.5")],
)
def test_amounts_are_written_without_idle_digits(wei: int, text: str) -> None:
    assert format_wei(wei) == text
