"""A ledger with a song, made once and copied for each test; its chain, and what must hold of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.acts.room import read_events, write_tone
from tests.cli.transcript import environment
from tests.keys.cheapkeys import make_cheap
from tests.testnet.running import demand_anvil

from stemproof.acts.anchors import Anchor, list_anchors
from stemproof.acts.begin import Work, add_work, find_work, list_works, make_ledger
from stemproof.acts.home import Home, now, opened
from stemproof.acts.once import look_once
from stemproof.acts.said import say_note
from stemproof.acts.works import move_work
from stemproof.evidence.ethsig import Address, parse_address
from stemproof.keys.device import mark_device
from stemproof.keys.public import read_public
from stemproof.log.bound import bound_keys
from stemproof.log.check import check_log
from stemproof.log.store import Log
from stemproof.pin import node
from stemproof.testnet import anvil
from stemproof.testnet.anvil import Testnet
from stemproof.testnet.deploy import deploy_anchors, fund, mine
from stemproof.testnet.rpc import call_text

PASSPHRASE = "correct horse battery staple"
TITLE = "Small Hours"
FIXTURES = Path(__file__).parents[1] / "capture" / "fixtures" / "rpp"
LEFT_BEHIND = (".part", ".new", "file.age", ".tmp")


@dataclass(frozen=True)
class Desk:
    """A folder with `ledger`, `song` and an empty `out`."""

    folder: Path
    chain: Testnet

    @property
    def home(self) -> Home:
        return Home(self.folder / "ledger")

    @property
    def song(self) -> Path:
        return self.folder / "song"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def account(self) -> Address:
        return parse_address(read_public(self.home.path).account_address)

    @property
    def work(self) -> Work:
        with opened(self.home) as log:
            return find_work(log, None)

    def note(self, text: str) -> int:
        """Record a note, acknowledged when this returns."""
        with opened(self.home) as log:
            return say_note(log, find_work(log, None), text, None, now())

    def anchors(self) -> list[Anchor]:
        with opened(self.home) as log:
            return list_anchors(log)

    def sent(self) -> int:
        """Count the transactions of the account on chain."""
        from stemproof.evidence.ethsig import format_address

        address = format_address(self.account)
        return int(call_text(self.chain.port, "eth_getTransactionCount", address, "latest"), 16)

    def notes(self) -> list[str]:
        with opened(self.home) as log:
            found = [event for event in read_events(log) if event.action == "note.said"]
        return [event.body["text"] for event in found]

    def actions(self) -> list[str]:
        with opened(self.home) as log:
            return [event.action for event in read_events(log)]

    def wrong(self) -> list[str]:
        """Derive the whole log anew; give what does not fit."""
        with opened(self.home) as log:
            bound = bound_keys(log)
            return [*bound.problems, *check_log(log, bound.keys).wrong]

    def left_behind(self) -> list[Path]:
        """Find files that somebody began to write, wherever a command may write."""
        return [path for path in self.folder.rglob("*") if path.name.endswith(LEFT_BEHIND)]


def made(folder: Path) -> None:
    """Make a ledger, look at a song once, and put the contract on a chain; then stop the chain."""
    home = Home(folder / "ledger")
    make_ledger(home, PASSPHRASE, now())
    make_cheap(home.path, PASSPHRASE)
    song = folder / "song"
    write_tone(song / "master.wav", seconds=3.0, hertz=330.0)
    write_tone(song / "stems" / "bass.wav", seconds=3.0, hertz=110.0)
    shutil.copy(FIXTURES / "track_volume" / "before.rpp", song / "Mix.rpp")
    add_work(home, song, TITLE, now())
    look_once(home, say=lambda _observed, _work: None)
    (folder / "out").mkdir()
    running = anvil.start(home.testnet, 0, anvil=demand_anvil())
    try:
        deploy_anchors(running)
        fund(running, parse_address(read_public(home.path).account_address))
        anvil.save(home.testnet)
    finally:
        anvil.stop(home.testnet)


@contextmanager
def copied(template: Path, folder: Path) -> Iterator[Desk]:
    """Copy the ledger as if it had been made where the copy is, and run its chain."""
    shutil.copytree(template, folder)
    home = Home(folder / "ledger")
    mark_device(home.path)
    with opened(home) as log:
        move_work(log, list_works(log)[0], folder / "song")
    running = anvil.start(home.testnet, 0, anvil=demand_anvil())
    # As `testnet up` does: see start_testnet.
    mine(running)
    try:
        yield Desk(folder, running)
    finally:
        node.stop(home.blocks)
        anvil.stop(home.testnet, patience_s=0.5)


def heads(log: Log) -> list[bytes]:
    """Give every header of a ledger, in order: what was acknowledged and may only grow."""
    return [entry.header for entry in log.entries_after(-1, 1_000_000)]


def pinned_cids(desk: Desk) -> list[str]:
    """Give the CIDs that `pin.added` events name."""
    with opened(desk.home) as log:
        return [event.body["cid"] for event in read_events(log) if event.action == "pin.added"]


def parse_answer(text: str) -> dict[str, object]:
    """Read the one JSON document of an answer."""
    document = json.loads(text)
    assert isinstance(document, dict)
    return document


def start_apart(desk: Desk, *arguments: str) -> subprocess.Popen[str]:
    """Start a command as a process of its own, with the passphrase on a descriptor."""
    reading, writing = os.pipe()
    os.write(writing, PASSPHRASE.encode() + b"\n")
    os.close(writing)
    command = [sys.executable, "-m", "stemproof_cli", "--home", str(desk.home.path)]
    try:
        return subprocess.Popen(
            [*command, "--passphrase-fd", str(reading), *arguments],
            env={**environment(desk.folder), "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(reading,),
            text=True,
        )
    finally:
        os.close(reading)
