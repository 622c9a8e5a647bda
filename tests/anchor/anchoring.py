"""Steps that many tests of anchoring share."""

from __future__ import annotations

from tests.anchor.conftest import ORIGIN, Account

from stemproof.anchor.evm import Chain
from stemproof.anchor.follow import TxState, TxStatus, wait_until_mined
from stemproof.anchor.publish import AnchorCall, Intent, prepare_anchor, send


def root_of(size: int) -> bytes:
    """A root that differs by size."""
    return size.to_bytes(32, "big")


def next_call(chain: Chain, artist: Account, size: int) -> AnchorCall:
    """An anchor on top of what is on chain."""
    return AnchorCall(ORIGIN, chain.head_of(artist.address, ORIGIN), size, root_of(size))


def anchor(chain: Chain, artist: Account, size: int) -> tuple[Intent, TxStatus]:
    """Anchor a size and wait until it is mined."""
    intent = prepare_anchor(chain, artist.key, next_call(chain, artist, size))
    send(chain, intent.raw)
    status = wait_until_mined(chain, intent.raw, timeout_s=10, poll_s=0.01)
    assert status.state is TxState.MINED
    assert status.block is not None
    return intent, status
