"""One transaction for the heads of many: which of them the contract would take, and at what gas.

Every head is tried by `eth_call` before anything is paid for it, those of wallet contracts at a
price, which their code can read. A wallet that answers otherwise later costs at most `WALLET_GAS`
and what surrounds it, and that much gas is laid by for each, so that no other head goes without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stemproof.anchor.estimate import estimate, priced
from stemproof.anchor.fees import Fees
from stemproof.anchor.problems import NodeRefuses, NotAccepted, UntrustedNode
from stemproof.anchor.publish import GAS_MARGIN, prepare_call
from stemproof.anchor.relayanswer import Refusal
from stemproof.anchor.reverts import error_name
from stemproof.errors import Malformed, Unavailable
from stemproof.evidence.ethsig import Address, format_address
from stemproof.evidence.quantity import parse_data

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stemproof.anchor.evm import Chain
    from stemproof.anchor.jsonrpc import Json
    from stemproof.anchor.publish import Intent
    from stemproof.anchor.relaystore import Kept
    from stemproof.anchor.signedhead import SignedHead
    from stemproof.anchor.signer import Signer

#: Signatures.sol, WALLET_GAS: what a wallet may burn.
WALLET_GAS: Final = 100_000
#: Laid by for each wallet: what it may burn, and an anchor that the estimate left out because the
#: wallet said no to less gas.
LAID_BY_GAS: Final = WALLET_GAS + 60_000
# One head with the longest signature and a wallet that burns all it gets; not more, since a
# node demands that the relay could pay for it.
_ONE_HEAD_GAS: Final = 500_000
#: EIP-7825 (Osaka): what one transaction may use at most.
MAX_TX_GAS: Final = 2**24
#: Heads in one transaction whose wallets are asked: 20 burn 3.2 million gas at most.
MAX_ASKING: Final = 20
# geth takes transactions of 128 KiB; heads whose signatures are longer go in smaller parties.
_MAX_CALLDATA: Final = 120_000
_HEAD_WORDS: Final = 10

_REASONS: Final = {
    "NotTheHead": (Refusal.NOT_THE_HEAD, "it builds on another head than the one on chain"),
    "NoGrowth": (Refusal.NO_GROWTH, "the log does not grow"),
    "TooMuchGrowth": (Refusal.TOO_MUCH_GROWTH, "the log would grow by more than is allowed"),
    "TooLate": (Refusal.TOO_LATE, "its deadline passed before this relay could bring it"),
    "NotSigned": (Refusal.NOT_SIGNED, "its publisher did not sign it, and allows nobody who did"),
}
# The contract's Outcome, in the order of IAnchors.sol; the first means that it was anchored.
_OUTCOMES: Final = ("Anchored", "NotTheHead", "NoGrowth", "TooMuchGrowth", "TooLate", "NotSigned")


def find_objection(
    chain: Chain, sender: Address, head: SignedHead, *, fees: Fees | None = None
) -> tuple[Refusal, str] | None:
    """Ask the chain whether it would take a head now, at a price; None where it would."""
    try:
        _call(chain, sender, _alone(chain, head), gas=_ONE_HEAD_GAS, fees=fees)
    except NodeRefuses as error:
        found = _REASONS.get(error_name(error.data) or "")
        if found is None and error.data:
            return Refusal.NOT_SIGNED, "the contract would not take it"
        if found is None:
            raise
        return found
    return None


def choose_party(queued: Sequence[Kept], *, most: int) -> list[Kept]:
    """Choose which heads go together: the oldest, within what one transaction can hold."""
    chosen: list[Kept] = []
    room = _MAX_CALLDATA
    for kept in queued:
        # A word a member, two for places and length, and the signature in whole words.
        size = 32 * _HEAD_WORDS + -(-len(kept.head.signature) // 32) * 32
        if len(chosen) >= most or size > room:
            break
        chosen.append(kept)
        room -= size
    return chosen


def measure_wallet(chain: Chain, sender: Address, head: SignedHead, fees: Fees) -> int | None:
    """Measure the gas of a head whose wallet is asked, with what is laid by for it.

    None where the chain would not take it now.
    """
    try:
        used = estimate(chain, sender, chain.contract, _alone(chain, head), fees=fees)
    except (NodeRefuses, NotAccepted):
        return None
    more, of = GAS_MARGIN
    return used * more // of + LAID_BY_GAS


def takes_all(chain: Chain, heads: Sequence[SignedHead], intent: Intent) -> bool:
    """Ask the chain whether it would take all of these heads, by this transaction."""
    fees = offered(intent)
    word = _call(chain, intent.account, _calldata(chain, heads), gas=intent.gas, fees=fees)
    return int.from_bytes(word, "big") == len(heads)


def offered(intent: Intent) -> Fees:
    """Give the price that a transaction offers."""
    return Fees(intent.max_fee, intent.tip, 0)


def prepare_party(
    chain: Chain, signer: Signer, party: Sequence[Kept], *, cap_wei: int | None
) -> Intent:
    """Sign one transaction that brings these heads, with gas enough for every wallet."""
    heads = [kept.head for kept in party]
    asking = sum(kept.asks for kept in party)
    intent = prepare_call(
        chain,
        signer,
        chain.contract,
        _calldata(chain, heads),
        cap_wei=cap_wei,
        more_gas=asking * LAID_BY_GAS,
    )
    if intent.gas > MAX_TX_GAS:
        raise Unavailable(
            f"{len(heads)} heads need {intent.gas} gas in one transaction, at most {MAX_TX_GAS}"
            " are allowed",
            hint="let fewer heads go together, with --most",
        )
    return intent


def read_outcomes(
    chain: Chain, logs: object, party: Sequence[Kept]
) -> dict[str, tuple[Refusal, str]]:
    """Read from a receipt's logs which heads were left out: there is one log a head, in order."""
    from stemproof.evidence.keccak import keccak256

    refused = "0x" + keccak256(b"Refused(address,bytes32,uint8)").hex()
    if not isinstance(logs, list) or len(logs) != len(party):
        raise Unavailable(
            f"{chain.node.where} gives a receipt without one log for each of {len(party)} heads"
        )
    found = {}
    for kept, log in zip(party, logs, strict=True):
        topics = log.get("topics") if isinstance(log, dict) else None
        if isinstance(topics, list) and topics[:1] == [refused]:
            found[kept.ticket] = _REASONS[_read_outcome(chain, log)]
    return found


def _read_outcome(chain: Chain, log: Mapping[str, object]) -> str:
    """Read why the contract left a head out: one word, the number of an outcome."""
    try:
        data = parse_data(log.get("data"), "data of a refused head")
        place = int.from_bytes(data, "big")
        if len(data) != 32 or not 0 < place < len(_OUTCOMES):
            raise Malformed("data of a refused head", data.hex(), "one word, from 1 to 5")
    except Malformed as error:
        raise UntrustedNode(f"{chain.node.where} is not to be believed: {error}") from error
    return _OUTCOMES[place]


def _item(head: SignedHead) -> tuple[str, tuple[bytes, int, int, bytes], int, bytes]:
    inner = (head.origin_id, head.prior, head.size, head.root)
    return format_address(Address(head.publisher)), inner, head.deadline, head.signature


def _calldata(chain: Chain, heads: Sequence[SignedHead]) -> bytes:
    text = chain.anchors.encode_abi("anchorManyFor", args=[[_item(head) for head in heads]])
    return bytes.fromhex(text.removeprefix("0x"))


def _alone(chain: Chain, head: SignedHead) -> bytes:
    text = chain.anchors.encode_abi("anchorFor", args=[_item(head)])
    return bytes.fromhex(text.removeprefix("0x"))


def _call(chain: Chain, sender: Address, data: bytes, *, gas: int, fees: Fees | None) -> bytes:
    call: dict[str, Json] = {
        "from": format_address(sender),
        "to": format_address(chain.contract),
        "data": "0x" + data.hex(),
        "gas": hex(gas),
    }
    if fees is not None:
        call.update(priced(fees))
    return chain.node.read_data("eth_call", call, "latest")
