"""Anchoring: seal the log, record the checkpoint on chain, bring the proof home.

The signed transaction is stored before it is sent, so a crash at any point is answered by
sending the same bytes again. What becomes of it then is followed in `following`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from stemproof.acts.address import check_address
from stemproof.acts.anchors import list_anchors
from stemproof.acts.behind import read_head
from stemproof.acts.chains import check_met
from stemproof.acts.following import check_nothing_waits
from stemproof.acts.home import Home, now
from stemproof.acts.keeping import count_rotations, rotations_of
from stemproof.acts.slots import (
    check_ended_by_us,
    check_not_ended,
    check_ours,
    handed_checkpoint,
)
from stemproof.errors import BadInput, Unavailable
from stemproof.log.sealing import Sealed, SignCheckpoint, seal
from stemproof.log.store import Log
from stemproof.record.event import format_time

if TYPE_CHECKING:
    from stemproof.anchor.evm import Chain
    from stemproof.anchor.publish import Intent
    from stemproof.evidence.ethsig import Address
    from stemproof.keys.ring import Keys

CHAIN_SETTING: Final = "chain"
RPC_SETTING: Final = "rpc"


@dataclass(frozen=True, slots=True)
class Planned:
    """An anchor that is signed and not sent: what it will do and cost."""

    sealed: Sealed
    prior: int
    intent: Intent
    # Under whom the head stands, where that is not the account that sends it.
    publisher: bytes | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """Under whom a log is anchored, and how it is sealed for that."""

    account: Address
    # None where the log's key is locked: the checkpoint is signed at the next unlock.
    sign: SignCheckpoint | None
    # Refuses, in one transaction with the seal, what the account would not know of.
    check: Callable[[Log], None]


def connect(home: Home, log: Log, *, chain: str | None = None, rpc: str | None = None) -> Chain:
    """Open the chain named, else the ledger's own, else the local chain if it runs."""
    from stemproof.anchor.chains import find_chain, load_chains

    name, url = choose_chain(home, log, chain=chain, rpc=rpc)
    if url is not None:
        check_address(url)
    chains = load_chains(home.chains_file if home.chains_file.exists() else None)
    info = find_chain(chains, name)
    # It imports web3: what the user's words alone show to be wrong is told before.
    from stemproof.anchor.evm import open_chain

    place = open_chain(info, rpc_url=url)
    check_met(log, place)
    return place


def choose_chain(
    home: Home, log: Log, *, chain: str | None = None, rpc: str | None = None
) -> tuple[str, str | None]:
    """Say which chain and node a deed goes to."""
    from stemproof.testnet import anvil

    kept = log.setting(CHAIN_SETTING)
    name = chain or kept
    if rpc is None and kept == name:
        rpc = log.setting(RPC_SETTING)
    if name in (None, "local", "31337"):
        running = anvil.status(home.testnet)
        if running is not None:
            return str(running.chain_id), rpc or running.rpc_url
        if rpc is None:
            raise Unavailable(
                "no chain is chosen and the local one does not run",
                hint="start it with `stemproof testnet up`, or name a chain with --chain",
            )
        return name or "31337", rpc
    return str(name), rpc


def origin_id(origin: str) -> bytes:
    """Name a log on chain."""
    return hashlib.sha256(origin.encode()).digest()


def plan_head(log: Log, chain: Chain, keys: Keys) -> tuple[Sealed, int] | None:
    """Seal the log, and say on which head of its publisher's the next anchor builds.

    Whoever sends it. None where the chain holds this head already.
    """
    from stemproof.evidence.ethsig import parse_address

    account = parse_address(keys.account_address)
    holder = Holder(account, keys.sign_checkpoint, lambda log: check_holder(log, keys))
    return plan_head_of(log, chain, holder)


def plan_head_of(log: Log, chain: Chain, holder: Holder) -> tuple[Sealed, int] | None:
    """Do as `plan_head`, for a log whose keys may be locked."""
    account = holder.account
    check_nothing_waits(log, chain, account)
    prior = read_head(log, chain, account)
    check_not_ended(chain, prior)
    check_ours(log, chain, account, prior)
    _check_former(log, chain, account)
    with log.writing():
        # In one transaction with the seal: a checkpoint never holds a rotation that its
        # publisher, the account before it, does not know of.
        holder.check(log)
        # What a former account handed over is anchored as it stands, before what came after.
        handed = handed_checkpoint(log, chain, account)
        is_next = handed is not None and handed.size > prior >> 216
        sealed = handed if handed and is_next else seal(log, holder.sign)
    return None if prior >> 216 >= sealed.size else (sealed, prior)


def plan_anchor(
    log: Log, chain: Chain, keys: Keys, *, cap_wei: int | None = None
) -> Planned | None:
    """Seal the log and sign its anchor; None where the chain holds this head already."""
    found = plan_head(log, chain, keys)
    return None if found is None else plan_call(log, chain, keys, *found, cap_wei=cap_wei)


def plan_call(
    log: Log, chain: Chain, keys: Keys, sealed: Sealed, prior: int, *, cap_wei: int | None = None
) -> Planned:
    """Sign the anchor of a sealed checkpoint, to be paid by the ledger's own account."""
    from stemproof.anchor.publish import AnchorCall, prepare_anchor

    call = AnchorCall(origin_id(log.origin), prior, sealed.size, sealed.root)
    return Planned(sealed, prior, prepare_anchor(chain, keys.account_key, call, cap_wei=cap_wei))


def publish(log: Log, chain: Chain, planned: Planned, moment: datetime) -> int:
    """Store the signed transaction, then send it; give the anchor's number."""
    from stemproof.anchor.publish import send

    number = store(log, chain, planned, moment)
    send(chain, planned.intent.raw)
    return number


def anchor_now(
    home: Home,
    log: Log,
    chain: Chain,
    keys: Keys,
    agree: Callable[[Planned], bool],
    *,
    cap_wei: int | None = None,
) -> int | None:
    """Plan, ask whether the price is right, and publish, while no other process can interfere.

    None where there is nothing new or `agree` says no.
    """
    from stemproof.anchor.publish import hold_account
    from stemproof.evidence.ethsig import parse_address

    with hold_account(home.locks, chain, parse_address(keys.account_address)):
        planned = plan_anchor(log, chain, keys, cap_wei=cap_wei)
        if planned is None or not agree(planned):
            return None
        return publish(log, chain, planned, now())


def settle_local_chain(home: Home, chain: Chain) -> None:
    """Have the ledger's own local chain make its newest blocks final and write its state out."""
    from stemproof.testnet import anvil, deploy

    running = anvil.status(home.testnet)
    if chain.info.kind == "local" and running is not None:
        # Nobody else is on it: it makes blocks only when asked.
        deploy.mine(running, 3)
        anvil.save(home.testnet)


def _check_former(log: Log, chain: Chain, account: Address) -> None:
    """Refuse to begin a slot under a new account while a former one shows a head not ours.

    After a rotation the slot is a new one. The log only grows, so its first head covers all
    that the former account anchored, provided that those heads are this ledger's.
    """
    from stemproof.evidence.ethsig import Address

    here = [anchor for anchor in list_anchors(log) if anchor.chain == chain.info.id]
    for publisher in sorted({anchor.publisher for anchor in here} - {bytes(account)}):
        former = Address(publisher)
        head = chain.head_of(former, origin_id(log.origin))
        check_ended_by_us(log, chain, former, head)
        check_ours(log, chain, former, head)


def check_holder(log: Log, keys: Keys) -> None:
    """Refuse keys that are not those of the log as it stands: another process changed them."""
    if log.origin != keys.origin or count_rotations(log) != len(rotations_of(log, keys)):
        raise BadInput("the keys changed while they were being used", hint="run the command again")


def store(log: Log, chain: Chain, planned: Planned, moment: datetime) -> int:
    """Store a signed transaction before it is sent; give its number as an anchor."""
    intent, sealed = planned.intent, planned.sealed
    terms = {"nonce": intent.nonce, "gas": intent.gas, "cost_wei": str(intent.cost_wei)}
    with log.writing():
        return log.run(
            "add_anchor",
            log.number,
            sealed.size,
            sealed.root,
            chain.info.id,
            bytes(chain.contract),
            planned.publisher or bytes(intent.account),
            planned.prior.to_bytes(32, "big"),
            "pending",
            intent.raw,
            intent.tx_hash,
            json.dumps(terms),
            format_time(moment),
        )
