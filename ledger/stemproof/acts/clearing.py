"""What may become public: only what the chain has dated for good, or a copy could be dated first.

What is final on a rehearsal chain is final for nobody else, so with that alone nothing leaves
this computer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from stemproof.acts.anchors import Anchor, list_anchors
from stemproof.acts.begin import Work
from stemproof.errors import BadInput
from stemproof.log.sealing import head_at
from stemproof.log.store import Log
from stemproof.record.event import Header, parse_header
from stemproof.verify.trust import REHEARSAL_CHAINS

_AUDIO = ("audio.appeared", "audio.changed")


def final_claims(log: Log, work: bytes, counts: Callable[[Anchor], bool]) -> set[str]:
    """Give the SHA-256 of every claim about a work that a final anchor which counts covers."""
    found = set()
    for event, header in _final_events(log, work, counts):
        if header.action == "claim.made":
            opening = log.openings(event).get("body")
            found.add("" if opening is None else str(json.loads(opening.value)["sha256"]))
    return found


def check_claimed(log: Log, work: Work, *, stays_here: bool) -> None:
    """Refuse to make anything of a work public before a claim about it is final."""
    if final_claims(log, work.id, lambda anchor: stays_here or _is_public(anchor)):
        return
    where = "chain"
    if final_claims(log, work.id, lambda _: True):
        where = "a chain that others see (a rehearsal dates nothing for them)"
    raise BadInput(
        f"nothing of {work.title!r} is pinned in clear before its claim is final on {where}:"
        " whoever fetched it could anchor it first",
        hint="run `stemproof claim make`, then `stemproof anchor --final`, then pin again",
    )


def check_clear(log: Log, work: Work, digest: bytes, *, stays_here: bool) -> None:
    """Refuse to pin a file in clear before its claim, and the file itself, are final."""
    check_claimed(log, work, stays_here=stays_here)
    for event, header in _final_events(log, work.id, lambda each: stays_here or _is_public(each)):
        if header.action in _AUDIO:
            opening = log.openings(event).get("audio")
            if opening is not None and opening.value == digest:
                return
    raise BadInput(
        f"the file (sha256 {digest.hex()[:12]}) is not in the final record of {work.title!r} yet:"
        " whoever fetched it in clear could anchor it first",
        hint="let `stemproof watch --once` see it, then `stemproof anchor --final`, then pin again",
    )


def _is_public(anchor: Anchor) -> bool:
    return anchor.chain not in REHEARSAL_CHAINS


def _final_events(
    log: Log, work: bytes, counts: Callable[[Anchor], bool]
) -> Iterator[tuple[int, Header]]:
    for tree, number, _ in log.fetch_all("trees_of_work", work):
        final = [
            anchor
            for anchor in list_anchors(log, number)
            if anchor.state == "final" and counts(anchor)
        ]
        head = head_at(log, tree, max(anchor.size for anchor in final)) if final else None
        covered = 0 if head is None else head.size
        for event, _, data in log.fetch_each("events", tree, 0, covered):
            yield event, parse_header(data)
