"""A timestamp that waits too long for a block: the same call again, with a better offer.

At most one of the two transactions is mined, since both take the same number of the account.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from stemproof.acts.anchoring import Planned, store
from stemproof.acts.brought import is_brought
from stemproof.acts.delegating import find_anchor_key
from stemproof.acts.following import find_waiting
from stemproof.acts.home import Home, now
from stemproof.errors import BadInput
from stemproof.log.sealing import checkpoint_at

if TYPE_CHECKING:
    from stemproof.anchor.evm import Chain
    from stemproof.keys.ring import Keys
    from stemproof.log.store import Log


def bump_now(
    home: Home,
    log: Log,
    chain: Chain,
    keys: Keys,
    agree: Callable[[Planned], bool],
    *,
    cap_wei: int | None = None,
) -> int | None:
    """Sign the waiting anchor with a better offer, ask whether it is right, store it, send it.

    None where `agree` says no.
    """
    from stemproof.anchor.problems import NonceTaken
    from stemproof.anchor.publish import hold_account, prepare_replacement, send
    from stemproof.evidence.ethsig import parse_address

    account = parse_address(keys.account_address)
    with hold_account(home.locks, chain, account):
        waiting = find_waiting(log, chain, account)
        if waiting is None:
            raise BadInput(
                f"no timestamp of this log waits for a block of {chain.info.name}:"
                " there is no fee to raise",
                hint="run `stemproof anchor`",
            )
        if is_brought(waiting):
            raise BadInput(
                f"the timestamp of {waiting.size} events is with a relay, which pays for it",
                hint="`stemproof anchor --relay none` pays for it yourself",
            )
        sealed = checkpoint_at(log, waiting.log, waiting.size)
        if sealed is None:
            raise BadInput(f"the ledger has lost the checkpoint of size {waiting.size}")
        signer = _signer_of(home, log, keys, waiting.raw)
        intent = prepare_replacement(chain, signer, waiting.raw, cap_wei=cap_wei)
        planned = Planned(sealed, waiting.prior, intent, waiting.publisher)
        if not agree(planned):
            return None
        number = store(log, chain, planned, now())
        # Mined while it was signed anew: that one is followed then.
        with suppress(NonceTaken):
            send(chain, intent.raw)
        return number


def _signer_of(home: Home, log: Log, keys: Keys, raw: bytes) -> bytes:
    """Find the key that signed a transaction: the account's, or the device's anchor-only key."""
    from stemproof.anchor.transaction import parse_transaction
    from stemproof.evidence.ethsig import format_address, parse_address

    sender = parse_transaction(raw).sender
    if sender == parse_address(keys.account_address):
        return keys.account_key
    key = find_anchor_key(home, log)
    if key is None or key.address != sender:
        raise BadInput(
            f"the timestamp was sent by {format_address(sender)}, whose key is not here",
            hint="raise its fee where it was sent, or wait",
        )
    return key.private_key
