"""One real chain for the tests of anchoring, and an account with coins for each test."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.testnet.running import running_testnet

from stemproof.anchor.chains import ChainInfo, load_chains
from stemproof.anchor.contract import origin_id
from stemproof.anchor.evm import Chain, open_chain
from stemproof.evidence.ethsig import Address, address_of_key
from stemproof.testnet.anvil import Testnet
from stemproof.testnet.deploy import deploy_anchors, fund

ORIGIN = origin_id("stemproof/test/device")


@dataclass(frozen=True)
class Account:
    """A key and its address."""

    key: bytes
    address: Address


def new_account() -> Account:
    """Make an account that nobody has used."""
    key = secrets.token_bytes(32)
    return Account(key, address_of_key(key))


@pytest.fixture(scope="module")
def testnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testnet]:
    """A chain with Anchors on it."""
    with running_testnet(tmp_path_factory.mktemp("chain")) as running:
        deploy_anchors(running)
        yield running


@pytest.fixture
def info() -> ChainInfo:
    """The local chain's entry in the table."""
    return load_chains()[31337]


@pytest.fixture
def chain(testnet: Testnet, info: ChainInfo) -> Chain:
    """The running chain."""
    return open_chain(info, rpc_url=testnet.rpc_url)


@pytest.fixture
def artist(testnet: Testnet) -> Account:
    """An account with coins."""
    account = new_account()
    fund(testnet, account.address)
    return account
