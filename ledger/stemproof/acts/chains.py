"""Chains as a person keeps them: a table of one's own, nodes that are met, contracts put there.

The table is `chains.json` in the ledger folder, of the form of the shipped one: its chains come
beside the shipped ones, or in their place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from stemproof.acts.address import check_address
from stemproof.anchor.chains import (
    LOCAL_CHAIN_ID,
    ChainInfo,
    format_chains,
    load_chains,
    parse_chains,
)
from stemproof.anchor.filelock import hold_lock
from stemproof.anchor.problems import WrongChain
from stemproof.errors import BadInput, Unavailable, Usage
from stemproof.pin.durable import written_beside

if TYPE_CHECKING:
    from stemproof.acts.home import Home
    from stemproof.anchor.deployments import Price
    from stemproof.anchor.evm import BlockRef, Chain
    from stemproof.anchor.probe import Finding
    from stemproof.keys.ring import Keys
    from stemproof.log.store import Log

MET_SETTING: Final = "chains.met"
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_LOCK_TIMEOUT_S: Final = 30.0
# A person waits for this, once a node.
_MEET_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Met:
    """What came of asking one node of a chain that is being added."""

    url: str
    #: The hash of its block 0; None where it does not tell.
    genesis: bytes | None
    #: Why it could not be asked; None where it answered.
    problem: str | None


@dataclass(frozen=True, slots=True)
class Placed:
    """A contract that was put on a chain, and by what."""

    contract: str
    block: int
    transaction: bytes


def known_chains(home: Home) -> dict[int, ChainInfo]:
    """Give the shipped chains and the user's own."""
    return load_chains(home.chains_file if home.chains_file.exists() else None)


def meet_nodes(info: ChainInfo) -> tuple[ChainInfo, list[Met]]:
    """Ask each node which chain it serves; refuse one that serves another.

    Where the table names no block 0 the first node that tells it is believed, and the others
    must agree. Gives the chain with what was learnt.
    """
    from stemproof.anchor.evm import open_chain
    from stemproof.anchor.probe import check_genesis

    met = []
    for url in info.rpcs:
        try:
            chain = open_chain(info, rpc_url=url, timeout_s=_MEET_TIMEOUT_S)
            genesis = check_genesis(chain)
        except WrongChain:
            raise
        except Unavailable as error:
            met.append(Met(url, None, str(error)))
            continue
        if info.genesis is None and genesis is not None:
            info = replace(info, genesis=genesis)
        met.append(Met(url, genesis, None))
    return info, met


def check_terms(info: ChainInfo) -> None:
    """Refuse what cannot be an entry of the table, before any node is asked."""
    if info.id == LOCAL_CHAIN_ID:
        raise Usage(f"{LOCAL_CHAIN_ID} is the id of the local chain, which is known already")
    if info.name.isdigit():
        raise Usage(f"{info.name!r} would read as a chain's id", hint="choose a name with a letter")
    if not info.rpcs or len(set(info.rpcs)) < len(info.rpcs):
        raise Usage("a chain needs a node's address, and each only once", hint="give --rpc")
    try:
        # What we write must be what we read.
        parse_chains(format_chains([info]), "this command")
    except BadInput as error:
        raise Usage(str(error), hint=error.hint) from error


def add_chain(home: Home, info: ChainInfo) -> None:
    """Write a chain into the user's table, in the place of an entry with its id."""
    check_terms(info)
    home.make()
    with hold_lock(home.locks / "chains.lock", timeout_s=_LOCK_TIMEOUT_S):
        known = known_chains(home)
        if any(other.name == info.name and other.id != info.id for other in known.values()):
            raise Usage(
                f"another chain has the name {info.name}", hint="see `stemproof chain list`"
            )
        table = home.chains_file
        own = parse_chains(table.read_bytes(), str(table)) if table.exists() else []
        kept = [other for other in own if other.id != info.id]
        with written_beside(table) as file:
            file.write(format_chains([*kept, info]))


def check_met(log: Log, chain: Chain) -> None:
    """Refuse a node of another chain with the same id; a node is asked once, and remembered."""
    from stemproof.anchor.probe import check_genesis

    wanted = chain.info.genesis
    if wanted is None:
        return
    met = f"{chain.info.id} {wanted.hex()[:16]} {chain.node.where}"
    known = json.loads(log.setting(MET_SETTING) or "[]")
    if met in known:
        return
    found = check_genesis(chain)
    # What is on this computer is another one tomorrow, and is quickly asked again.
    if found is None or urlsplit(chain.node.provider.url).hostname in _LOOPBACK:
        return
    with log.writing():
        known = json.loads(log.setting(MET_SETTING) or "[]")
        log.put_setting(MET_SETTING, json.dumps(sorted({*known, met})))


def look_at_chain(home: Home, info: ChainInfo, rpc: str | None) -> list[Finding]:
    """Look at what a chain is like now, behind the node named or the first that answers."""
    from stemproof.anchor.evm import open_chain
    from stemproof.anchor.probe import Finding, Found, look_at
    from stemproof.testnet import anvil

    if rpc is not None:
        check_address(rpc)
    elif info.id == LOCAL_CHAIN_ID:
        running = anvil.status(home.testnet)
        if running is None:
            return [Finding("node", Found.UNKNOWN, "the local chain does not run")]
        rpc = running.rpc_url
    try:
        chain = open_chain(info, rpc_url=rpc, timeout_s=_MEET_TIMEOUT_S)
    except WrongChain as error:
        return [Finding("chain id", Found.WRONG, str(error))]
    except Unavailable as error:
        return [Finding("node", Found.UNKNOWN, str(error))]
    return list(look_at(chain))


def missing_contracts(chain: Chain) -> list[str]:
    """Name the contracts that are not on a chain yet; refuse another one in their place."""
    from stemproof.anchor.deployments import CONTRACTS, Standing, find_contract
    from stemproof.anchor.problems import ContractMissing

    missing = []
    for name in CONTRACTS:
        standing = find_contract(chain, name)
        if standing is Standing.OTHER:
            raise ContractMissing(
                f"another contract is where {name} should be on {chain.info.name}"
            )
        if standing is Standing.ABSENT:
            missing.append(name)
    return missing


def price_deployment(chain: Chain, keys_address: str, names: Sequence[str]) -> Price:
    """Ask what it costs to put contracts on a chain."""
    from stemproof.anchor.deployments import estimate_deployment
    from stemproof.evidence.ethsig import parse_address

    return estimate_deployment(chain, parse_address(keys_address), names)


def deploy_contracts(
    home: Home,
    chain: Chain,
    keys: Keys,
    names: Sequence[str],
    *,
    told: Callable[[str], None],
    timeout_s: float,
) -> list[Placed]:
    """Put contracts on a chain, the proxy that makes them first; once, for everybody."""
    from stemproof.anchor.deployments import put_deployer
    from stemproof.anchor.publish import hold_account, prepare_deployment, send
    from stemproof.anchor.signer import KeySigner

    signer = KeySigner(keys.account_key)
    placed = []
    with hold_account(home.locks, chain, signer.address):
        put_deployer(chain, signer, timeout_s=timeout_s)
        for name in names:
            told(f"putting {name} on {chain.info.name}")
            intent = prepare_deployment(chain, signer, contract=name)
            send(chain, intent.raw)
            block = _wait_for(chain, intent.raw, name, timeout_s)
            placed.append(Placed(name, block.number, intent.tx_hash))
    left = missing_contracts(chain)
    if left:
        raise Unavailable(f"{', '.join(left)} did not appear on {chain.info.name}")
    return placed


def _wait_for(chain: Chain, raw: bytes, name: str, timeout_s: float) -> BlockRef:
    from stemproof.anchor.follow import TxState, wait_until_mined

    status = wait_until_mined(chain, raw, timeout_s=timeout_s)
    if status.block is None or status.state is TxState.FAILED:
        raise Unavailable(
            f"{name} is not in a block of {chain.info.name} yet",
            hint="run the command again in a while: what is there by then is not paid twice",
        )
    return status.block
