"""The guide's adapter for another wallet anchors on a real chain; a wrong signer is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.anchor.conftest import ORIGIN, Account

from stemproof.anchor.evm import Chain
from stemproof.anchor.follow import TxState, wait_until_mined
from stemproof.anchor.publish import AnchorCall, prepare_anchor, send
from stemproof.anchor.signer import Fields
from stemproof.errors import BadInput
from stemproof.evidence.ethsig import Address
from stemproof.testnet.anvil import Testnet
from stemproof.testnet.rpc import call_local

PAGE = Path(__file__).parents[2] / "docs/guides/wallets.md"


@pytest.fixture(scope="module")
def guide() -> dict[str, Any]:  # Any: what the page defines
    """What the page's code defines."""
    [code] = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    defined: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), defined)  # noqa: S102 our own page, as it is read
    return defined


@pytest.fixture
def nodes_account(testnet: Testnet) -> Address:
    """An account whose key the node holds."""
    accounts = call_local(testnet.port, "eth_accounts")
    assert isinstance(accounts, list)
    return Address(bytes.fromhex(str(accounts[0]).removeprefix("0x")))


def test_a_wallet_behind_rpc_anchors(
    testnet: Testnet, chain: Chain, guide: dict[str, Any], nodes_account: Address
) -> None:
    signer = guide["RemoteSigner"](testnet.rpc_url, nodes_account)
    intent = prepare_anchor(chain, signer, AnchorCall(ORIGIN, 0, 1, bytes(32)))
    send(chain, intent.raw)
    assert wait_until_mined(chain, intent.raw, timeout_s=20).state is not TxState.FAILED
    assert chain.head_of(nodes_account, ORIGIN) >> 216 == 1


@dataclass(frozen=True)
class Another:
    """Says that it is one account and signs as another."""

    address: Address
    signer: Any

    def sign_transaction(self, fields: Fields) -> bytes:
        """Sign as somebody else."""
        return bytes(self.signer.sign_transaction(fields))


def test_a_wallet_that_signs_for_another_account_is_refused(
    testnet: Testnet,
    chain: Chain,
    guide: dict[str, Any],
    nodes_account: Address,
    artist: Account,
) -> None:
    other = guide["RemoteSigner"](testnet.rpc_url, nodes_account)
    signer = Another(artist.address, other)
    with pytest.raises(BadInput, match="its signature is by"):
        prepare_anchor(chain, signer, AnchorCall(ORIGIN, 0, 1, bytes(32)))


def test_a_wallet_that_refuses_stops_the_anchor(
    testnet: Testnet, chain: Chain, guide: dict[str, Any], artist: Account
) -> None:
    # The node holds no key of this account.
    signer = guide["RemoteSigner"](testnet.rpc_url, artist.address)
    with pytest.raises(RuntimeError, match="the wallet refuses"):
        prepare_anchor(chain, signer, AnchorCall(ORIGIN, 0, 1, bytes(32)))
