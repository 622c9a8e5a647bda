"""An artist who anchors over whatever line, by the deeds that the commands run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from tests.faults.ledger import PASSPHRASE, Desk

from stemproof.acts import keeping
from stemproof.acts.anchoring import anchor_now
from stemproof.acts.anchors import Anchor
from stemproof.acts.following import refresh, wait_for
from stemproof.acts.home import now, opened
from stemproof.anchor.chains import ChainInfo, load_chains
from stemproof.anchor.evm import Chain, open_chain
from stemproof.evidence.chain import check_evidence, parse_evidence
from stemproof.keys.ring import Keys

#: The local chain, told as one that others keep: it is not set back, and final late.
PUBLIC = dataclasses.replace(
    load_chains()[31337], name="public", kind="testnet", finality="depth:64"
)


@dataclass(frozen=True)
class Artist:
    """Keys and a ledger."""

    desk: Desk
    keys: Keys

    def chain(self, *urls: str, info: ChainInfo = PUBLIC, timeout_s: float = 1.0) -> Chain:
        """Open the chain by these nodes, in this order; by its own where none is named."""
        rpcs = urls or (self.desk.chain.rpc_url,)
        return open_chain(dataclasses.replace(info, rpcs=rpcs), timeout_s=timeout_s)

    def anchor(self, chain: Chain, *, cap_wei: int | None = None) -> Anchor | None:
        """Anchor what is new, and wait until it is proved; None where nothing is new."""
        with opened(self.desk.home) as log:
            refresh(log, chain)
            number = anchor_now(
                self.desk.home, log, chain, self.keys, lambda _planned: True, cap_wei=cap_wei
            )
            if number is None:
                return None
            return wait_for(
                log, chain, number, states=("anchored", "final"), timeout_s=8, sleep=_briefly
            )

    def refresh(self, chain: Chain) -> list[Anchor]:
        """Follow what was sent."""
        with opened(self.desk.home) as log:
            return refresh(log, chain)

    def check(self) -> list[Anchor]:
        """Demand that each anchor is proved, and that none was paid twice; give them."""
        anchors = self.desk.anchors()
        stand = [anchor for anchor in anchors if anchor.state != "failed"]
        chain = self.chain()
        for anchor in stand:
            assert anchor.evidence is not None, anchor
            proved = check_evidence(parse_evidence(anchor.evidence))
            assert (proved.event.size, proved.block_hash) == (anchor.size, anchor.block_hash)
        for anchor in stand[-4:]:
            assert anchor.block_number is not None
            assert anchor.block_hash is not None
            assert chain.block_hash_is_canonical(anchor.block_number, anchor.block_hash)
        assert len({anchor.size for anchor in stand}) == len(stand)
        assert self.desk.sent() == len(stand)
        assert self.desk.wrong() == []
        return stand


def open_artist(desk: Desk) -> Artist:
    """Unlock the keys of a ledger."""
    return Artist(desk, keeping.unlock(desk.home, PASSPHRASE, now()))


def _briefly(_: float) -> None:
    import time

    time.sleep(0.02)
