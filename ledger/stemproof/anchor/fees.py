"""What a transaction costs, and whether the account can and may pay it.

EIP-1559: the base fee is burnt and moves by at most an eighth a block; the tip is what the
miner gets. The offer is twice the base fee and the tip, so it stays good for five full blocks;
only the base fee of its block is paid. OP-stack chains take a fee for the data besides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stemproof.anchor.problems import (
    FeeTooHigh,
    InsufficientFunds,
    NodeRefuses,
    Unsupported,
    UntrustedNode,
)
from stemproof.evidence.ethsig import format_address

if TYPE_CHECKING:
    from stemproof.anchor.evm import Chain
    from stemproof.evidence.ethsig import Address

_GWEI = 10**9
#: More wei than there are of any coin.
MAX_WEI = 2**96
# Where a node suggests no tip.
_DEFAULT_TIP = _GWEI
# A replacement must offer a tenth more (geth, --txpool.pricebump); an eighth is enough anywhere.
_BUMP = (9, 8)
# OP stack, GasPriceOracle (a predeploy): getL1Fee(bytes).
_ORACLE = "0x420000000000000000000000000000000000000F"
_GET_L1_FEE = "49948e0e"


@dataclass(frozen=True, slots=True)
class Fees:
    """An offer, in wei a gas."""

    max_fee: int
    tip: int
    base_fee: int


def suggest_fees(chain: Chain) -> Fees:
    """Ask the chain for its base fee and tip."""
    base_fee = chain.latest_block().base_fee
    if base_fee >= MAX_WEI:
        raise UntrustedNode(f"{chain.node.where} says that a unit of gas costs {base_fee} wei")
    hint = chain.info.fee_hint
    least = 0 if hint is None else hint.tip_gwei * _GWEI
    try:
        tip = chain.node.read_quantity("eth_maxPriorityFeePerGas", below=MAX_WEI)
    except (NodeRefuses, Unsupported):
        tip = least or _DEFAULT_TIP
    tip = max(tip, least)
    return Fees(max_fee=2 * base_fee + tip, tip=tip, base_fee=base_fee)


def raise_fees(fees: Fees, over: Fees) -> Fees:
    """Raise an offer so far that it replaces the offer `over`."""
    up, down = _BUMP
    return Fees(
        max_fee=max(fees.max_fee, -(-over.max_fee * up // down)),
        tip=max(fees.tip, -(-over.tip * up // down)),
        base_fee=fees.base_fee,
    )


def cap_fees(
    fees: Fees, *, gas: int, cap_wei: int | None, currency: str, data_fee: int = 0
) -> Fees:
    """Lower the offer to what the user allows, or refuse where that would not be mined.

    What the chain takes for the data, on top of the gas, is within the limit too.
    """
    if cap_wei is None or gas * fees.max_fee + data_fee <= cap_wei:
        return fees
    allowed = (cap_wei - data_fee) // gas
    # The base fee may rise by an eighth before the next block.
    least = -(-fees.base_fee * 9 // 8) + fees.tip
    if allowed < least:
        price = gas * (fees.base_fee + fees.tip) + data_fee
        enough = format_wei(round_up(gas * least + data_fee))
        raise FeeTooHigh(
            f"it costs {format_wei(price)} {currency} now, the limit is "
            f"{format_wei(cap_wei)} {currency}; nothing was sent",
            hint=f"at this hour --cap {enough} would do; or wait for a quieter one, choose another"
            " chain, or take the free way: `stemproof stamp add --ots`",
        )
    return Fees(max_fee=allowed, tip=fees.tip, base_fee=fees.base_fee)


def ask_data_fee(chain: Chain, raw: bytes) -> int:
    """Ask an OP-stack chain what it takes for a transaction's data; 0 elsewhere."""
    if not chain.info.data_fee:
        return 0
    padded = raw + bytes(-len(raw) % 32)
    data = f"0x{_GET_L1_FEE}{32:064x}{len(raw):064x}{padded.hex()}"
    return int.from_bytes(
        chain.node.read_data("eth_call", {"to": _ORACLE, "data": data}, "latest"), "big"
    )


def check_funds(chain: Chain, account: Address, *, cost_wei: int) -> None:
    """Demand that the account holds what the transaction may cost at most."""
    balance = chain.balance(account)
    if balance >= cost_wei:
        return
    currency = chain.info.currency
    raise InsufficientFunds(
        f"{format_address(account)} holds {format_wei(balance)} {currency} on {chain.info.name}, "
        f"and this costs up to {format_wei(round_up(cost_wei))} {currency}",
        hint=tell_ways_out(chain, cost_wei - balance),
        balance_wei=balance,
        cost_wei=cost_wei,
    )


def tell_ways_out(chain: Chain, missing_wei: int) -> str:
    """Say what one can do who lacks an amount: there is always a way that costs nothing."""
    coins = f"{format_wei(round_up(missing_wei))} {chain.info.currency}"
    send = f"send it {coins} or more"
    if chain.info.kind == "testnet":
        send += " (they are free: search for a faucet of " + chain.info.name + ")"
    if chain.info.kind == "local":
        send += " (they are free: `stemproof testnet up` gives some on its own chain)"
    return (
        f"{send}; let a relay pay: `stemproof anchor --relay URL`; or take the free timestamps of"
        " OpenTimestamps: `stemproof stamp add --ots`. Nothing is lost by waiting but an earlier"
        " date"
    )


def round_up(wei: int) -> int:
    """Round an amount up to two digits that count: nobody reads eighteen."""
    unit: int = 10 ** max(0, len(str(wei)) - 2)
    return -(-wei // unit) * unit


def format_wei(wei: int) -> str:
    """Write an amount in whole coins, with no more digits than it has."""
    whole, rest = divmod(wei, 10**18)
    return f"{whole}.{rest:018d}".rstrip("0").removesuffix(".")
