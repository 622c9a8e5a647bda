"""A rehearsal chain that is another one: its state was deleted, or another program answers.

Every private chain calls itself 31337. What tells them apart are their blocks: an anchor whose
block is not on the chain that answers is lost there. Its row and evidence are kept, for the old
chain may come back. On public chains a final block stays, so nobody looks for it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stemproof.acts.anchors import (
    LOST,
    OPEN_STATES,
    Anchor,
    all_anchors,
    lost_anchors,
    put_lost_anchors,
)

if TYPE_CHECKING:
    from stemproof.acts.home import Home
    from stemproof.anchor.evm import Chain
    from stemproof.log.store import Log


def notice_lost(log: Log, chain: Chain) -> list[Anchor]:
    """Note which anchors a private chain holds and which are lost on it; give what changed."""
    here = [anchor for anchor in all_anchors(log) if anchor.chain == chain.info.id]
    mined = [anchor for anchor in here if anchor.block_hash is not None]
    # The newest of each kind tells whether it is the chain of the time before.
    held = [anchor for anchor in mined if anchor.state != LOST][-1:]
    gone = [anchor for anchor in mined if anchor.state == LOST][-1:]
    if all(_is_held(chain, a) for a in held) and not any(_is_held(chain, a) for a in gone):
        return []
    is_held = {anchor.number: _is_held(chain, anchor) for anchor in mined}
    # One that is not final may be sent again, unless the whole chain is another: where none of
    # the final ones is, or one is back that was lost.
    final = [anchor for anchor in mined if anchor.state == "final"]
    back = [anchor for anchor in mined if anchor.state == LOST and is_held[anchor.number]]
    is_other = not any(is_held[anchor.number] for anchor in final) if final else bool(back)
    lost = {
        anchor.number
        for anchor in mined
        if not is_held[anchor.number] and (is_other or anchor.state in ("final", LOST))
    }
    for anchor in here:
        if anchor.block_hash is None and anchor.state in (*OPEN_STATES, LOST):
            # Sent on the chain of the time before; it comes back with it.
            if is_other or (anchor.state == LOST and chain.find_transaction(anchor.tx) is None):
                lost.add(anchor.number)
    with log.writing():
        elsewhere = lost_anchors(log) - {anchor.number for anchor in here}
        put_lost_anchors(log, elsewhere | lost)
    before = {anchor.number: anchor for anchor in here}
    return [a for a in all_anchors(log) if a.number in before and a != before[a.number]]


def count_lost(home: Home, rpc_url: str) -> int:
    """Count the anchors of a ledger that are lost on the private chain at an address."""
    from stemproof.acts.home import opened
    from stemproof.anchor.chains import LOCAL_CHAIN_ID, load_chains

    if not home.exists:
        return 0
    with opened(home) as log:
        if not any(anchor.chain == LOCAL_CHAIN_ID for anchor in all_anchors(log)):
            return 0
        from stemproof.anchor.evm import open_chain

        notice_lost(log, open_chain(load_chains()[LOCAL_CHAIN_ID], rpc_url=rpc_url))
        return sum(a.state == LOST and a.chain == LOCAL_CHAIN_ID for a in all_anchors(log))


def tell_lost(count: int) -> str:
    """Say in one sentence that anchors are lost with their rehearsal chain, and what to do."""
    what = "1 timestamp is" if count == 1 else f"{count} timestamps are"
    return (
        f"{what} lost with a rehearsal chain that is no more: this is another chain, and"
        " `stemproof anchor` timestamps all that was recorded anew"
    )


def _is_held(chain: Chain, anchor: Anchor) -> bool:
    number, block_hash = anchor.block_number, anchor.block_hash
    if number is None or block_hash is None:
        return False
    return chain.block_hash_is_canonical(number, block_hash)
