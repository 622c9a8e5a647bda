"""What one does to a chain of one's own: put Anchors on it, give out coins, make blocks.

Every call is to our own anvil on loopback, with its unlocked test account; no key is involved.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from stemproof.anchor.contract import (
    DEPLOYER,
    anchors_address,
    deployment_calldata,
    load_artifact,
)
from stemproof.errors import Unavailable
from stemproof.evidence.ethsig import Address, format_address
from stemproof.testnet.rpc import call_local, call_text

if TYPE_CHECKING:
    from stemproof.anchor.jsonrpc import Json
    from stemproof.testnet.anvil import Testnet

#: What `fund` gives by default: enough for any rehearsal.
PLENTY_WEI = 100 * 10**18
_MINE_TIMEOUT_S = 10.0


def deploy_anchors(testnet: Testnet) -> Address:
    """Put Anchors on the chain if it is not there, and return its address."""
    address = anchors_address()
    if not _has_anchors(testnet.port, address):
        send_as_test_account(testnet, DEPLOYER, deployment_calldata())
        if not _has_anchors(testnet.port, address):
            raise Unavailable("the local chain did not take the contract Anchors")
    return address


def send_as_test_account(testnet: Testnet, to: Address, data: bytes) -> dict[str, Json]:
    """Send a transaction from the chain's own test account and return its receipt."""
    accounts = call_local(testnet.port, "eth_accounts")
    if not isinstance(accounts, list) or not accounts:
        raise Unavailable("the local chain has no test account")
    sent = call_text(
        testnet.port,
        "eth_sendTransaction",
        {"from": accounts[0], "to": format_address(to), "data": "0x" + data.hex()},
    )
    return _wait_until_mined(testnet.port, sent)


def fund(testnet: Testnet, address: Address, *, wei: int = PLENTY_WEI) -> None:
    """Set the balance of an account; the coins are worth nothing."""
    call_local(testnet.port, "anvil_setBalance", format_address(address), hex(wei))


def mine(testnet: Testnet, blocks: int = 1) -> None:
    """Add empty blocks; three make the newest transaction final."""
    call_local(testnet.port, "anvil_mine", hex(blocks))


def _wait_until_mined(port: int, tx_hash: str) -> dict[str, Json]:
    # anvil answers before it mines.
    deadline = time.monotonic() + _MINE_TIMEOUT_S
    while time.monotonic() < deadline:
        receipt = call_local(port, "eth_getTransactionReceipt", tx_hash)
        if isinstance(receipt, dict):
            return receipt
        time.sleep(0.01)
    raise Unavailable(f"the local chain did not mine within {_MINE_TIMEOUT_S:.0f} s")


def _has_anchors(port: int, address: Address) -> bool:
    code = call_text(port, "eth_getCode", format_address(address), "latest")
    if code == "0x":
        return False
    if code != "0x" + load_artifact().runtime_bytecode.hex():
        raise Unavailable(f"another contract is at {format_address(address)} on the local chain")
    return True
