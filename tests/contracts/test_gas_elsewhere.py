"""What an anchor costs on other clients, and after the coming fork: figures beside anvil's."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.contracts.figures import FIGURES, GETH_FIGURES, figure, hold
from tests.contracts.geth import DEV_KEY as GETH_KEY
from tests.contracts.geth import geth_info, running_geth, write_genesis
from tests.contracts.hardhat3 import DEV_KEY, give_deployer, running_hardhat3
from tests.contracts.test_artifact import demand_package
from tests.contracts.test_gas import measure
from tests.contracts.witness import open_elsewhere

from stemproof.anchor.chains import load_chains
from stemproof.anchor.deployments import Standing, find_deployer, put_deployer
from stemproof.anchor.evm import open_chain
from stemproof.anchor.problems import ContractMissing
from stemproof.anchor.signer import KeySigner

pytestmark = pytest.mark.solc


def measure_on_geth(folder: Path, fork: str) -> dict[str, int]:
    demand_package("solc")
    write_genesis(folder, fork)
    with running_geth(folder) as geth:
        witness = open_elsewhere(open_chain(geth_info(), rpc_url=geth.rpc_url), GETH_KEY)
        assert ("slotNumber" in witness.web3.eth.get_block("latest")) == (fork == "amsterdam")
        return {name: round(gas) for name, gas in measure(witness).items()}


@pytest.mark.geth
def test_geth_takes_as_much_gas_as_anvil(tmp_path: Path) -> None:
    measured = measure_on_geth(tmp_path, "osaka")
    hold("osaka", measured, file=GETH_FIGURES)
    assert all(abs(gas - figure("osaka", name)) <= 200 for name, gas in measured.items())


@pytest.mark.geth
@pytest.mark.deep
def test_gas_of_the_coming_fork_in_geth_is_as_committed(tmp_path: Path) -> None:
    hold("amsterdam", measure_on_geth(tmp_path, "amsterdam"), file=GETH_FIGURES)


def test_gas_of_the_coming_fork_in_hardhat_is_as_committed(tmp_path: Path) -> None:
    demand_package("solc")
    with running_hardhat3(tmp_path) as rpc_url:
        chain = open_chain(load_chains()[31337], rpc_url=rpc_url)
        assert find_deployer(chain) is Standing.ABSENT
        # State is so dear there that the proxy's own transaction brings too little gas.
        with pytest.raises(ContractMissing, match="does not take the transaction"):
            put_deployer(chain, KeySigner(DEV_KEY), timeout_s=10)
        give_deployer(rpc_url)
        measured = measure(open_elsewhere(chain, DEV_KEY))
    hold("amsterdam", {name: round(gas) for name, gas in measured.items()}, file=FIGURES)
    # What is overwritten costs as before; only what is new is dearer.
    assert measured["anchor_next"] <= 33_000
    assert measured["anchor_many_100_each"] <= 13_000
