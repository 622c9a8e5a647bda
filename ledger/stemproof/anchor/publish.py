"""Publishing in steps, so that whoever calls can write down its intent before anything is sent.

    with hold_account(locks, chain, signer.address):
        intent = prepare_anchor(chain, signer, call, cap_wei=limit)
        ...store intent.raw durably...
        send(chain, intent.raw)
    ...
    found = find_status(chain, intent.raw, seen=block)        pending, mined, final, ...

After a crash the stored bytes are sent again: that is harmless any number of times. Decisions
rest on error codes and on what the chain holds, never on a node's wording.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stemproof.anchor.contract import DEPLOYER, deployment_calldata
from stemproof.anchor.estimate import estimate
from stemproof.anchor.fees import (
    Fees,
    ask_data_fee,
    cap_fees,
    check_funds,
    format_wei,
    raise_fees,
    round_up,
    suggest_fees,
)
from stemproof.anchor.filelock import hold_lock
from stemproof.anchor.problems import (
    ContractMissing,
    FeeTooHigh,
    NodeRefuses,
    NonceTaken,
    UntrustedNode,
)
from stemproof.anchor.signer import KeySigner
from stemproof.anchor.transaction import parse_transaction
from stemproof.errors import BadInput
from stemproof.evidence.ethsig import Address, format_address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stemproof.anchor.evm import Chain
    from stemproof.anchor.signer import Signer

#: An estimate is exact at the block it was made for; the slot may be dearer in the next.
GAS_MARGIN = (6, 5)
# What an OP-stack chain takes for the data may rise before the block.
_DATA_MARGIN = (9, 8)
# EIP-2681.
_MAX_NONCE = 2**64 - 1


@dataclass(frozen=True, slots=True)
class AnchorCall:
    """What an anchor says: the arguments of the contract's function."""

    origin_id: bytes
    #: The head it builds on; 0 at the first.
    prior: int
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Intent:
    """A signed transaction that has not been sent yet."""

    chain_id: int
    account: Address
    nonce: int
    gas: int
    max_fee: int
    tip: int
    #: The most it can cost, and what it will probably cost, in wei.
    cost_wei: int
    expected_wei: int
    raw: bytes
    tx_hash: bytes


@contextlib.contextmanager
def hold_account(
    locks_dir: Path, chain: Chain, account: Address, *, timeout_s: float = 60.0
) -> Iterator[None]:
    """Hold an account on a chain, so that no two processes take one nonce."""
    name = f"{chain.info.id}-{format_address(account).lower()}.lock"
    with hold_lock(locks_dir / name, timeout_s=timeout_s):
        yield


def prepare_anchor(
    chain: Chain, signer: Signer | bytes, call: AnchorCall, *, cap_wei: int | None = None
) -> Intent:
    """Sign an anchor; refuse what the contract would refuse, and what cannot or may not be paid."""
    if chain.info.unsuited is not None:
        raise BadInput(f"{chain.info.name} is not suited to anchors: {chain.info.unsuited}")
    chain.check_contract()
    return _prepare(
        chain, _as_signer(signer), chain.contract, anchor_calldata(chain, call), cap_wei=cap_wei
    )


def prepare_call(
    chain: Chain,
    signer: Signer | bytes,
    to: Address,
    data: bytes,
    *,
    cap_wei: int | None = None,
    more_gas: int = 0,
) -> Intent:
    """Sign a call of another contract; refuse what it would refuse, and what may not be paid.

    `more_gas` is on top of what is estimated, for a call that may need more then than now.
    """
    return _prepare(chain, _as_signer(signer), to, data, cap_wei=cap_wei, more_gas=more_gas)


def prepare_deployment(
    chain: Chain,
    signer: Signer | bytes,
    *,
    contract: str = "Anchors",
    cap_wei: int | None = None,
) -> Intent:
    """Sign the transaction that puts a contract on a chain, at the address it has everywhere."""
    if not chain.node.read_data("eth_getCode", format_address(DEPLOYER), "latest"):
        raise ContractMissing(
            f"{chain.info.name} has no deterministic deployment proxy at {format_address(DEPLOYER)}"
        )
    return _prepare(
        chain, _as_signer(signer), DEPLOYER, deployment_calldata(contract), cap_wei=cap_wei
    )


def prepare_replacement(
    chain: Chain, signer: Signer | bytes, raw: bytes, *, cap_wei: int | None = None
) -> Intent:
    """Sign a waiting transaction anew with a better offer; at most one of the two is mined."""
    old = parse_transaction(raw)
    paid = Fees(old.max_fee, old.tip, 0)
    fees = raise_fees(suggest_fees(chain), paid)
    least = raise_fees(paid, paid).max_fee
    return _sign(
        chain,
        _as_signer(signer),
        old.to,
        old.data,
        _Terms(old.nonce, old.gas, used=old.gas, fees=fees, cap_wei=cap_wei, least=least),
    )


def anchor_calldata(chain: Chain, call: AnchorCall) -> bytes:
    """Encode a call of the contract's `anchor`."""
    if len(call.origin_id) != 32 or len(call.root) != 32:
        raise BadInput("the origin's id and the root of an anchor have 32 bytes each")
    if not 0 <= call.prior < 2**256 or not 0 < call.size < 2**40:
        raise BadInput(f"an anchor cannot have size {call.size} on head {call.prior:#x}")
    text = chain.anchors.encode_abi(
        "anchor", args=[call.origin_id, call.prior, call.size, call.root]
    )
    return bytes.fromhex(text.removeprefix("0x"))


def send(chain: Chain, raw: bytes) -> bytes:
    """Send a signed transaction, any number of times; yield its hash."""
    ours = parse_transaction(raw)
    if ours.chain_id != chain.info.id:
        raise BadInput(f"the transaction is for chain {ours.chain_id}, not for {chain.info.name}")
    try:
        answered = chain.node.read_data("eth_sendRawTransaction", "0x" + raw.hex())
    except NodeRefuses as error:
        # "Already known" and "nonce too low" have no codes of their own: look it up.
        if chain.find_transaction(ours.hash) is not None:
            return ours.hash
        used = _count(chain, ours.sender, "latest")
        if used > ours.nonce:
            raise NonceTaken(
                f"another transaction of {format_address(ours.sender)} took number {ours.nonce}",
                hint="prepare the anchor anew",
            ) from error
        check_funds(chain, ours.sender, cost_wei=ours.gas * ours.max_fee)
        raise
    if answered != ours.hash:
        raise UntrustedNode(
            f"{chain.node.where} took the transaction for {answered.hex()[:12]}, "
            f"it is {ours.hash.hex()[:12]}"
        )
    return ours.hash


@dataclass(frozen=True, slots=True)
class _Terms:
    nonce: int
    gas: int
    used: int
    fees: Fees
    cap_wei: int | None
    # A lower offer than this would not be taken in the place of another.
    least: int = 0


def _prepare(
    chain: Chain,
    signer: Signer,
    to: Address,
    data: bytes,
    *,
    cap_wei: int | None,
    more_gas: int = 0,
) -> Intent:
    fees = suggest_fees(chain)
    # Code of others that runs in it can read the price: it must see one.
    used = estimate(chain, signer.address, to, data, fees=fees if more_gas else None)
    more, of = GAS_MARGIN
    terms = _Terms(
        nonce=_count(chain, signer.address, "pending"),
        gas=used * more // of + more_gas,
        used=used,
        fees=fees,
        cap_wei=cap_wei,
    )
    return _sign(chain, signer, to, data, terms)


def _sign(chain: Chain, signer: Signer, to: Address, data: bytes, terms: _Terms) -> Intent:
    fees = _offer(chain, terms, data_fee=0)
    raw, tx_hash = _sign_call(chain, signer, to, data, terms, fees)
    data_fee = ask_data_fee(chain, raw)
    if terms.cap_wei is not None and terms.gas * fees.max_fee + data_fee > terms.cap_wei:
        # Only for what is signed can a chain say what it takes for the data.
        more, of = _DATA_MARGIN
        fees = _offer(chain, terms, data_fee=data_fee * more // of)
        raw, tx_hash = _sign_call(chain, signer, to, data, terms, fees)
        data_fee = ask_data_fee(chain, raw)
    cost_wei = terms.gas * fees.max_fee + data_fee
    if terms.cap_wei is not None and cost_wei > terms.cap_wei:
        raise FeeTooHigh(
            f"it costs up to {format_wei(cost_wei)} {chain.info.currency}, the limit is"
            f" {format_wei(terms.cap_wei)} {chain.info.currency}; nothing was sent",
            hint=f"at this hour --cap {format_wei(round_up(cost_wei))} would do",
        )
    check_funds(chain, signer.address, cost_wei=cost_wei)
    price = min(fees.max_fee, terms.fees.base_fee + fees.tip)
    return Intent(
        chain_id=chain.info.id,
        account=signer.address,
        nonce=terms.nonce,
        gas=terms.gas,
        max_fee=fees.max_fee,
        tip=fees.tip,
        cost_wei=cost_wei,
        expected_wei=terms.used * price + data_fee,
        raw=raw,
        tx_hash=tx_hash,
    )


def _offer(chain: Chain, terms: _Terms, *, data_fee: int) -> Fees:
    """Say what is offered for the gas, within the limit."""
    coins, gas = chain.info.currency, terms.gas
    fees = cap_fees(terms.fees, gas=gas, cap_wei=terms.cap_wei, currency=coins, data_fee=data_fee)
    if fees.max_fee < terms.least:
        cost = gas * terms.least + data_fee
        raise FeeTooHigh(
            f"a better offer costs up to {format_wei(cost)} {coins}, the limit"
            f" is {format_wei(terms.cap_wei or 0)} {coins}",
            hint="raise the limit, or wait: what was sent before is good still",
        )
    return fees


def _sign_call(
    chain: Chain, signer: Signer, to: Address, data: bytes, terms: _Terms, fees: Fees
) -> tuple[bytes, bytes]:
    """Have a call signed; give the transaction and its hash."""
    raw = signer.sign_transaction(
        {
            "type": 2,
            "chainId": chain.info.id,
            "nonce": terms.nonce,
            "to": format_address(to),
            "value": 0,
            "data": data,
            "gas": terms.gas,
            "maxFeePerGas": fees.max_fee,
            "maxPriorityFeePerGas": fees.tip,
        }
    )
    signed = parse_transaction(raw)
    if signed.sender != signer.address:
        raise BadInput(
            f"the signer says it is {format_address(signer.address)}, "
            f"its signature is by {format_address(signed.sender)}"
        )
    return raw, signed.hash


def _count(chain: Chain, account: Address, at: str) -> int:
    return chain.node.read_quantity(
        "eth_getTransactionCount", format_address(account), at, below=_MAX_NONCE
    )


def _as_signer(signer: Signer | bytes) -> Signer:
    return KeySigner(signer) if isinstance(signer, bytes) else signer
