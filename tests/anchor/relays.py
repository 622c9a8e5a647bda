"""A real relay for tests: a desk and its door on loopback, paid from an account of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.anchor.conftest import Account, new_account

from stemproof.acts.relayserving import Door, open_door, run_rounds
from stemproof.anchor.evm import Chain
from stemproof.anchor.relayclient import Relay
from stemproof.anchor.relaydesk import Limits, RelayDesk
from stemproof.anchor.relaystore import RelayStore, open_store
from stemproof.anchor.signedhead import SignedHead, format_signed_head, sign_head
from stemproof.anchor.signer import KeySigner
from stemproof.evidence.ethsig import Address
from stemproof.evidence.keccak import keccak256
from stemproof.testnet.anvil import Testnet
from stemproof.testnet.deploy import fund

SOON = Limits(batch_s=0)
"""What is queued is sent at the next turn."""


@dataclass(frozen=True)
class AtDesk:
    """A desk whose turns the test takes."""

    desk: RelayDesk
    store: RelayStore
    account: Account
    chain: Chain


@contextmanager
def at_desk(
    folder: Path, chain: Chain, testnet: Testnet, limits: Limits = SOON, *, wei: int = 10**20
) -> Iterator[AtDesk]:
    """Open a relay with an account of its own, that owns so much."""
    account = new_account()
    fund(testnet, account.address, wei=wei)
    with reopened(folder, chain, account, limits) as relay:
        yield relay


@contextmanager
def reopened(
    folder: Path, chain: Chain, account: Account, limits: Limits = SOON
) -> Iterator[AtDesk]:
    """Open a relay's folder again, as after a crash."""
    folder.mkdir(exist_ok=True)
    with open_store(folder / "relay.db") as store:
        desk = RelayDesk(chain, KeySigner(account.key), store, limits, locks=folder / "locks")
        yield AtDesk(desk, store, account, chain)


@contextmanager
def serving(relay: AtDesk) -> Iterator[Relay]:
    """Serve a desk on loopback, with its rounds."""
    stop = threading.Event()
    server = open_door(relay.desk, Door())
    with ExitStack() as left:
        left.callback(server.server_close)
        rounds = threading.Thread(
            target=run_rounds, args=(relay.desk,), kwargs={"tell": lambda _: None, "stop": stop}
        )
        door = threading.Thread(target=server.serve_forever, args=(0.02,))
        for thread in (rounds, door):
            thread.start()
            left.callback(thread.join)
        left.callback(stop.set)
        left.callback(server.shutdown)
        yield Relay(f"http://127.0.0.1:{server.server_address[1]}")


def unsigned(chain: Chain, publisher: Address, log: str = "log", **changes: Any) -> SignedHead:
    """Make a head on top of what is on chain, for a log of this name."""
    origin = keccak256(log.encode())
    prior = chain.head_of(publisher, origin)
    head = SignedHead(
        chain_id=chain.info.id,
        contract=bytes(chain.contract),
        publisher=bytes(publisher),
        origin_id=origin,
        prior=prior,
        size=(prior >> 216) + 5,
        root=keccak256(b"root " + log.encode()),
        deadline=chain.latest_block().time + 3600,
        signature=bytes(65),
    )
    return replace(head, **changes)


def signed(chain: Chain, account: Account, log: str = "log", **changes: Any) -> bytes:
    """Sign a head and write it as it is handed in."""
    head = unsigned(chain, account.address, log, **changes)
    return format_signed_head(sign_head(KeySigner(account.key), head))
