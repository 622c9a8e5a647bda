"""An artist's ledger on a real chain, for tests in which keys change while music is made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.testnet.running import running_testnet

from stemproof.acts.anchoring import connect, plan_anchor, publish
from stemproof.acts.anchors import Anchor
from stemproof.acts.begin import Work, add_work, find_work, make_ledger
from stemproof.acts.claiming import choose_audio, make_bundle, make_claim
from stemproof.acts.following import wait_for
from stemproof.acts.home import Home, now, opened
from stemproof.acts.observe import Look, observe
from stemproof.anchor.contract import anchors_address
from stemproof.evidence.ethsig import parse_address
from stemproof.keys.binding import check_binding
from stemproof.keys.ring import Keys
from stemproof.log.check import Findings, check_log
from stemproof.log.store import OWN_WORK
from stemproof.testnet.anvil import Testnet
from stemproof.testnet.deploy import deploy_anchors, fund
from stemproof.testnet.song import write_step
from stemproof.verify.bundle import Verdict, verify_bundle
from stemproof.verify.trust import Trust

PASSPHRASE = "correct horse battery staple"


@dataclass(frozen=True, slots=True)
class Story:
    """A chain, and a song that is being made in a folder."""

    net: Testnet
    song: Path

    def begin(self, path: Path) -> tuple[Home, Keys]:
        """Make a ledger that records the song."""
        home = Home(path)
        keys = make_ledger(home, PASSPHRASE, now()).keys
        self.song.mkdir()
        add_work(home, self.song, "Song", now())
        return home, keys

    def save(self, home: Home, *steps: int) -> None:
        """Make saves of the song, and look at each."""
        with opened(home) as log:
            for step in steps:
                write_step(self.song, step)
                seen = observe(log, find_work(log, None), Look(now, True, lambda: None))
                assert seen.problems == []

    def anchor(self, home: Home, keys: Keys) -> Anchor:
        """Anchor what is recorded, from an account that has coins."""
        fund(self.net, parse_address(keys.account_address))
        with opened(home) as log:
            chain = connect(home, log, chain="31337", rpc=self.net.rpc_url)
            planned = plan_anchor(log, chain, keys)
            assert planned is not None
            number = publish(log, chain, planned, now())
            return wait_for(log, chain, number, states=("anchored", "final"), timeout_s=20)

    def claim(self, home: Home, keys: Keys) -> bytes:
        """Claim the song and write its bundle."""
        with opened(home) as log:
            work = the_work(home)
            signed = make_claim(log, keys, work, choose_audio(log, work, [], []), now())
            return make_bundle(log, keys, signed)


@dataclass(frozen=True, slots=True)
class Begun:
    """A story whose first save and master are anchored, and the folder where it all lies."""

    folder: Path
    story: Story
    home: Home
    keys: Keys
    anchor: Anchor


@contextmanager
def begin_on_chain(folder: Path) -> Iterator[Begun]:
    """Run a chain, and anchor a song's first save and its master there."""
    with running_testnet(folder / "chain") as net:
        deploy_anchors(net)
        story = Story(net, folder / "song")
        home, keys = story.begin(folder / "first")
        story.save(home, 1, 13)
        yield Begun(folder, story, home, keys, story.anchor(home, keys))


def the_work(home: Home) -> Work:
    """Give the one work of a ledger."""
    with opened(home) as log:
        return find_work(log, None)


def verify(bundle: bytes, *anchors: Anchor) -> Verdict:
    """Verify with the anchors' blocks typed in."""
    blocks = frozenset(anchor.block_hash for anchor in anchors if anchor.block_hash is not None)
    contracts = {31337: frozenset({bytes(anchors_address())})}
    return verify_bundle(bundle, Trust(contracts, blocks=blocks))


def check(home: Home) -> Findings:
    """Re-derive the whole ledger; who signs a log is read from its own event 0."""
    with opened(home) as log:
        keys = {}
        for number, origin in log.fetch_all("logs"):
            (event, _, _), *_ = log.fetch_all("events", log.tree_of(number, OWN_WORK), 0, 1)
            bound = check_binding(log.openings(event)["body"].value)
            assert bound.origin == origin
            keys[origin] = bound.log_key
        return check_log(log, keys)
