"""One transaction for the heads of many: which of them the contract would take, and at what gas.

Every head is tried by `eth_call` before anything is paid for it. A wallet contract that answers
otherwise later costs at most `WALLET_GAS` and what surrounds it, and that much gas is laid by
for each, so that no other head goes without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stemproof.anchor.problems import NodeRefuses
from stemproof.anchor.publish import prepare_call
from stemproof.anchor.relayanswer import Refusal
from stemproof.anchor.reverts import error_name
from stemproof.errors import Unavailable
from stemproof.evidence.ethsig import Address, format_address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stemproof.anchor.evm import Chain
    from stemproof.anchor.jsonrpc import Json
    from stemproof.anchor.publish import Intent
    from stemproof.anchor.relaystore import Kept
    from stemproof.anchor.signedhead import SignedHead
    from stemproof.anchor.signer import Signer

#: Signatures.sol, WALLET_GAS: what a wallet may burn.
WALLET_GAS: Final = 100_000
# What an anchor costs that the estimate left out, because the wallet said no to less gas.
_ANCHOR_GAS: Final = 60_000
_ONE_HEAD_GAS: Final = 1_000_000
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


def find_objection(chain: Chain, sender: Address, head: SignedHead) -> tuple[Refusal, str] | None:
    """Ask the chain whether it would take a head now; None where it would."""
    data = chain.anchors.encode_abi("anchorFor", args=[_item(head)])
    try:
        _call(chain, sender, bytes.fromhex(data.removeprefix("0x")), gas=_ONE_HEAD_GAS)
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


def takes_all(chain: Chain, sender: Address, heads: Sequence[SignedHead], *, gas: int) -> bool:
    """Ask the chain whether it would take all of these heads, with so much gas."""
    word = _call(chain, sender, _calldata(chain, heads), gas=gas)
    return int.from_bytes(word, "big") == len(heads)


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
        more_gas=asking * (WALLET_GAS + _ANCHOR_GAS),
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
            data = log.get("data") if isinstance(log, dict) else None
            place = int(data, 16) if isinstance(data, str) and data.startswith("0x") else 0
            name = _OUTCOMES[place] if 0 < place < len(_OUTCOMES) else "NotSigned"
            found[kept.ticket] = _REASONS[name]
    return found


def _item(head: SignedHead) -> tuple[str, tuple[bytes, int, int, bytes], int, bytes]:
    inner = (head.origin_id, head.prior, head.size, head.root)
    return format_address(Address(head.publisher)), inner, head.deadline, head.signature


def _calldata(chain: Chain, heads: Sequence[SignedHead]) -> bytes:
    text = chain.anchors.encode_abi("anchorManyFor", args=[[_item(head) for head in heads]])
    return bytes.fromhex(text.removeprefix("0x"))


def _call(chain: Chain, sender: Address, data: bytes, *, gas: int) -> bytes:
    call: dict[str, Json] = {
        "from": format_address(sender),
        "to": format_address(chain.contract),
        "data": "0x" + data.hex(),
        "gas": hex(gas),
    }
    return chain.node.read_data("eth_call", call, "latest")
