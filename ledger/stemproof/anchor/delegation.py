"""Keys that may only anchor, and logs that are ended: `allow`, `anchorAs`, `revoke`.

A key that an account allowed can move the heads of that account's logs and nothing else, up to
a second in time and by so many entries an anchor; the contract holds it to that. `revoke` ends
one log of the account for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stemproof.anchor.problems import NotAccepted, UntrustedNode
from stemproof.anchor.publish import AnchorCall, prepare_call
from stemproof.anchor.signedhead import MAX_GROWTH
from stemproof.errors import BadInput
from stemproof.evidence.ethsig import Address, format_address

if TYPE_CHECKING:
    from stemproof.anchor.evm import Chain
    from stemproof.anchor.publish import Intent
    from stemproof.anchor.signer import Signer

_MAX_TIME = 2**64


def prepare_allow(
    chain: Chain,
    signer: Signer | bytes,
    key: Address,
    *,
    until: int,
    most: int,
    cap_wei: int | None = None,
) -> Intent:
    """Sign that `key` may anchor until a second, by so many entries at once; 0 and 0 end it."""
    if not 0 <= until < _MAX_TIME or not 0 <= most <= MAX_GROWTH:
        raise BadInput(f"a key may add at most {MAX_GROWTH} events in one anchor, not {most}")
    data = _encode(chain, "allow", format_address(key), until, most)
    return prepare_call(chain, signer, chain.contract, data, cap_wei=cap_wei)


def prepare_revoke(
    chain: Chain, signer: Signer | bytes, origin_id: bytes, *, cap_wei: int | None = None
) -> Intent:
    """Sign that the signer's log of this name ends for ever."""
    data = _encode(chain, "revoke", origin_id)
    return prepare_call(chain, signer, chain.contract, data, cap_wei=cap_wei)


def prepare_anchor_as(
    chain: Chain,
    signer: Signer | bytes,
    publisher: Address,
    call: AnchorCall,
    *,
    cap_wei: int | None = None,
) -> Intent:
    """Sign an anchor of a publisher's log, by a key that it allowed."""
    head = (call.origin_id, call.prior, call.size, call.root)
    data = _encode(chain, "anchorAs", format_address(publisher), head)
    return prepare_call(chain, signer, chain.contract, data, cap_wei=cap_wei)


def most_allowed(chain: Chain, publisher: Address, key: Address) -> int:
    """Ask how many entries a key may add now in one anchor of a publisher; 0 for none."""
    data = chain.anchors.encode_abi(
        "allowanceOf", args=[format_address(publisher), format_address(key)]
    )
    word = chain.call_contract(data)
    if len(word) != 32:
        chain.check_contract()
        raise UntrustedNode(f"{chain.node.where} answers allowanceOf with {len(word)} bytes")
    return int.from_bytes(word, "big")


def check_allowed(chain: Chain, publisher: Address, key: Address, growth: int) -> None:
    """Refuse before the contract does: a key that is not allowed, or not so many entries."""
    most = most_allowed(chain, publisher, key)
    if not most:
        raise NotAccepted(
            f"the anchor-only key {format_address(key)} is not allowed on {chain.info.name}: its"
            " time is over, it was ended, or it was never allowed there",
            hint="`stemproof key delegate` allows it anew; with your passphrase"
            " `stemproof anchor` needs no such key",
        )
    if growth > most:
        raise NotAccepted(
            f"{growth} events wait for a timestamp, the anchor-only key may add {most} at once",
            hint="`stemproof key delegate --most EVENTS` allows it more; with your passphrase"
            " `stemproof anchor` needs no such key",
        )


# object: the ABI's own arguments, which web3 checks against their types.
def _encode(chain: Chain, function: str, *arguments: object) -> bytes:
    if chain.info.unsuited is not None:
        raise BadInput(f"{chain.info.name} is not suited to anchors: {chain.info.unsuited}")
    chain.check_contract()
    text = chain.anchors.encode_abi(function, args=list(arguments))
    return bytes.fromhex(text.removeprefix("0x"))
