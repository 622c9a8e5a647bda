"""A ledger on a local chain, made by the real deeds: what several groups measure on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stemproof.acts.anchoring import connect, plan_anchor, publish
from stemproof.acts.anchors import Anchor
from stemproof.acts.begin import Work, add_work, make_ledger
from stemproof.acts.following import wait_for
from stemproof.acts.home import Home, now, opened
from stemproof.evidence.ethsig import parse_address
from stemproof.log.store import Log
from stemproof.testnet import anvil, deploy, install

if TYPE_CHECKING:
    from stemproof.anchor.evm import Chain
    from stemproof.keys.ring import Keys
    from stemproof.testnet.anvil import Testnet

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """An open ledger with one work, its keys, and the chain that it anchors on."""

    folder: Path
    log: Log
    keys: Keys
    work: Work
    testnet: Testnet
    chain: Chain

    def anchor(self) -> Anchor:
        """Seal the log, anchor it and bring the evidence home."""
        planned = plan_anchor(self.log, self.chain, self.keys)
        if planned is None:
            raise LookupError("the log did not grow, so there is nothing to anchor")
        number = publish(self.log, self.chain, planned, now())
        done = wait_for(
            self.log, self.chain, number, states=("anchored", "final"), timeout_s=30, sleep=_briefly
        )
        if done.evidence is None:
            raise LookupError(f"the anchor is {done.state} after 30 s")
        return done


@contextmanager
def rehearse(folder: Path) -> Iterator[Rehearsal]:
    """Make a ledger with one empty work, and start a chain with the contract and coins on it."""
    program = find_program()
    home = Home(folder / "home")
    song = folder / "song"
    song.mkdir()
    keys = make_ledger(home, "only for figures", now()).keys
    work = add_work(home, song, "Figures", now())
    testnet = anvil.start(home.testnet, 0, anvil=program)
    try:
        deploy.deploy_anchors(testnet)
        deploy.fund(testnet, parse_address(keys.account_address))
        with opened(home) as log:
            yield Rehearsal(folder, log, keys, work, testnet, connect(home, log))
    finally:
        anvil.stop(home.testnet)


def find_program() -> Path:
    """Find the local chain's program."""
    program = install.find_anvil(checkout=ROOT, search_path=os.environ.get("PATH", ""))
    if program is None:
        raise LookupError("anvil is not installed; run scripts/setup --demo")
    return program


def _briefly(_: float) -> None:
    """Ask the chain again at once: how long the deed waits between questions is not measured."""
