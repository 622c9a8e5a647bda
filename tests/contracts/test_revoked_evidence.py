"""The evidence of an anchor whose log is revoked in the very block of the anchor."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from tests.contracts.witness import Witness, named, open_witness
from tests.testnet.running import running_testnet

from stemproof.anchor.capture import capture_evidence
from stemproof.anchor.chains import load_chains
from stemproof.anchor.evm import Chain, open_chain
from stemproof.anchor.publish import AnchorCall, prepare_anchor, send
from stemproof.evidence.chain import check_evidence
from stemproof.evidence.ethsig import Address
from stemproof.testnet.anvil import Testnet
from stemproof.testnet.deploy import fund, mine
from stemproof.testnet.rpc import call_local

pytestmark = pytest.mark.chain

END = 2**40 - 1
LOG = named("log that ends")
ROOT = named("root")


@pytest.fixture
def testnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testnet]:
    with running_testnet(tmp_path_factory.mktemp("chain")) as running:
        yield running


@pytest.fixture
def witness(testnet: Testnet) -> Witness:
    return open_witness(testnet)


@pytest.fixture
def chain(testnet: Testnet, witness: Witness) -> Chain:
    assert witness.chain_id == 31337
    return open_chain(load_chains()[31337], rpc_url=testnet.rpc_url)


@pytest.fixture
def artist(testnet: Testnet) -> LocalAccount:
    made: LocalAccount = Account.create()
    fund(testnet, Address(bytes.fromhex(made.address[2:])))
    return made


def send_revocation(witness: Witness, artist: LocalAccount, nonce: int) -> None:
    """Sign a revocation that follows the transaction before it, and send it."""
    call = {
        "to": witness.contract.address,
        "data": witness.contract.encode_abi("revoke", [LOG]),
        "nonce": nonce,
        "gas": 200_000,
        "maxFeePerGas": 10**10,
        "maxPriorityFeePerGas": 10**9,
        "chainId": 31337,
    }
    witness.web3.eth.send_raw_transaction(artist.sign_transaction(call).raw_transaction)


def anchor_unmined(chain: Chain, artist: LocalAccount, size: int) -> bytes:
    """Send an anchor and give its signed bytes."""
    call = AnchorCall(LOG, 0, size, ROOT)
    raw = prepare_anchor(chain, bytes(artist.key), call).raw
    send(chain, raw)
    return raw


def test_an_anchor_and_the_end_of_its_log_in_one_block_are_both_proved(
    testnet: Testnet, witness: Witness, chain: Chain, artist: LocalAccount
) -> None:
    call_local(testnet.port, "evm_setAutomine", False)
    raw = anchor_unmined(chain, artist, 7)
    send_revocation(witness, artist, 1)
    mine(testnet)
    block = witness.web3.eth.get_block("latest")
    assert len(block["transactions"]) == 2

    proved = check_evidence(capture_evidence(chain, raw, origin_id=LOG))

    slot = witness.head_of(artist.address, LOG)
    assert slot >> 216 == END
    assert (proved.head_size, proved.head_acc) == (7, slot % 2**216)
    assert (proved.revoked, proved.event.size, proved.event.root) == (True, 7, ROOT)
    assert proved.block_hash == bytes(block["hash"])


def test_an_anchor_revoked_later_is_proved_by_its_own_block(
    testnet: Testnet, witness: Witness, chain: Chain, artist: LocalAccount
) -> None:
    raw = anchor_unmined(chain, artist, 7)
    send_revocation(witness, artist, 1)
    mine(testnet)
    proved = check_evidence(capture_evidence(chain, raw, origin_id=LOG))
    assert witness.head_of(artist.address, LOG) >> 216 == END
    assert (proved.head_size, proved.revoked) == (7, False)
