"""Who anchors: this device's anchor-only key where it may, else the unlocked keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stemproof_cli import context, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from stemproof.acts.anchoring import Planned
    from stemproof.acts.home import Home
    from stemproof.anchor.evm import Chain
    from stemproof.anchor.relayclient import Relay
    from stemproof.keys.anchorkey import AnchorKey
    from stemproof.log.store import Log

    Agree = Callable[[Planned], bool]


def anchor_now(home: Home, log: Log, place: Chain, agree: Agree, cap_wei: int | None) -> int | None:
    """Anchor without asking for a passphrase where a key is allowed to; give the number."""
    from stemproof.acts import anchoring
    from stemproof.acts.delegating import anchor_as_now
    from stemproof.anchor.problems import InsufficientFunds, NotAccepted

    key = _find_allowed(home, log, place)
    if key is not None:
        try:
            return anchor_as_now(home, log, place, key, agree, cap_wei=cap_wei)
        except (NotAccepted, InsufficientFunds) as error:
            say.talk(f"not by the anchor-only key: {error}")
            if error.hint:
                say.talk(error.hint)
    keys = context.unlock(home)
    return anchoring.anchor_now(home, log, place, keys, agree, cap_wei=cap_wei)


def hand_over(home: Home, log: Log, place: Chain, relay: Relay) -> int | None:
    """Sign a head for a relay, by the anchor-only key where it may; give the number."""
    from stemproof.acts import relaying

    key = _find_allowed(home, log, place)
    if key is not None:
        return relaying.hand_over_as(home, log, place, key, relay)
    return relaying.hand_over(home, log, place, context.unlock(home), relay)


def _find_allowed(home: Home, log: Log, place: Chain) -> AnchorKey | None:
    """Find the anchor-only key, unless a passphrase was handed in; say why it is not used."""
    from stemproof.acts.delegating import find_anchor_key, holder_account
    from stemproof.anchor.delegation import check_allowed
    from stemproof.anchor.problems import NotAccepted
    from stemproof.errors import BadInput, Locked

    if context.settings.passphrase_fd is not None:
        return None
    try:
        key = find_anchor_key(home, log)
        if key is not None:
            check_allowed(place, holder_account(log), key.address, growth=0)
    except (BadInput, Locked, NotAccepted) as error:
        say.talk(f"not by the anchor-only key: {error}")
        return None
    return key
