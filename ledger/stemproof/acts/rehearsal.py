"""A rehearsal: the local chain with the contract on it and coins for the ledger's account."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stemproof.acts.home import Home
from stemproof.errors import StemproofError

if TYPE_CHECKING:
    from stemproof.testnet.anvil import Testnet


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A local chain that is ready for anchors."""

    rpc_url: str
    chain_id: int
    contract: str


def start_testnet(home: Home, *, port: int, search_path: str | None) -> Rehearsal:
    """Start the chain kept in the ledger folder, put the contract on it and fund the account."""
    from stemproof.evidence.ethsig import format_address, parse_address
    from stemproof.testnet import anvil, deploy, install

    home.make()
    program = install.find_anvil(
        tools_dir=home.tools, checkout=_checkout(), search_path=search_path
    ) or install.install_anvil(home.tools, search_path=search_path)
    running = anvil.start(home.testnet, port, anvil=program)
    contract = deploy.deploy_anchors(running)
    account = _account(home)
    if account is not None:
        deploy.fund(running, parse_address(account))
    return Rehearsal(running.rpc_url, running.chain_id, format_address(contract))


def make_final(testnet: Testnet) -> None:
    """Add the blocks that make everything so far final."""
    from stemproof.testnet import deploy

    deploy.mine(testnet, 3)


def _account(home: Home) -> str | None:
    from stemproof.keys.public import read_public

    if not home.exists:
        return None
    try:
        return read_public(home.path).account_address
    except StemproofError:
        return None


def _checkout() -> Path | None:
    root = Path(__file__).resolve().parents[3]
    return root if (root / "package.json").is_file() else None
