"""docs/testnet.md is rehearsed on geth, command by command, and its last one without a chain."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from tests.cli.test_transcripts import TYPED
from tests.cli.transcript import Step, agrees, parse_transcript, replay
from tests.contracts.geth import DEV_KEY, Geth, running_geth
from web3 import HTTPProvider, Web3
from web3.middleware import SignAndSendRawMiddlewareBuilder
from web3.types import Wei

from stemproof.testnet.song import write_step

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "testnet.md"
PART = re.compile(
    r"^<!-- then: (?P<deed>\w+) -->$|^<!-- rehearsed -->\n```console\n(?P<block>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
HASH = re.compile(r"block hash +(0x[0-9a-f]{64})")

pytestmark = pytest.mark.geth


class Rehearsal:
    """A person who follows the page, with a geth for the chain."""

    def __init__(self, home: Path, geth: Geth) -> None:
        self.home = home
        self.geth = geth
        self.said = {"CHAIN": "rehearsal", "RPC": geth.rpc_url, "BLOCK": ""}
        (home / "song").mkdir()
        write_step(home / "song", 1)

    def run(self, step: Step) -> Step:
        """Run a command of the page."""
        said = "; ".join(f"export {name}={shlex.quote(text)}" for name, text in self.said.items())
        [done] = replay([Step(f"{TYPED}; {said}; {step.command}")], self.home)
        for found in HASH.findall("\n".join(done.out)):
            self.said["BLOCK"] = found
        return done

    def fund(self) -> None:
        """Send coins from geth's developer account, as a faucet would."""
        shown = self.run(Step("stemproof key show --json"))
        web3 = Web3(HTTPProvider(self.geth.rpc_url))
        web3.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build(DEV_KEY), layer=0)
        payer = Web3().eth.account.from_key(DEV_KEY).address
        account = json.loads("\n".join(shown.out))["account"]
        sent = web3.eth.send_transaction({"from": payer, "to": account, "value": Wei(10**18)})
        assert web3.eth.wait_for_transaction_receipt(sent)["status"] == 1

    def save(self) -> None:
        """Work on: a save more, and the master."""
        write_step(self.home / "song", 13)

    def stop(self) -> None:
        """End the chain."""
        self.geth.kill()


def test_the_runbook_happens_as_written(tmp_path: Path) -> None:
    parts = list(PART.finditer(PAGE.read_text()))
    assert sum(part["block"] is not None for part in parts) >= 5
    (tmp_path / "geth").mkdir()
    (tmp_path / "home").mkdir()
    # A block a second: what dev mode makes without being asked is as a real chain has it.
    with running_geth(tmp_path / "geth", "--dev.period", "1") as geth:
        rehearsal = Rehearsal(tmp_path / "home", geth)
        for part in parts:
            if part["deed"]:
                getattr(rehearsal, part["deed"])()
                continue
            for step in parse_transcript(part["block"]):
                done = rehearsal.run(step)
                same = agrees(step.out, done.out) or done.out == step.out
                assert same, f"{step.command}\n" + "\n".join(done.out)
                assert done.code == step.code, step.command
        assert geth.process.poll() is not None
