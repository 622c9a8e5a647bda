"""What the chain shows of a log now: newer anchors, an end, and who followed a former account.

A bundle proves a log as of its newest anchor. Where the verifier asks nodes, they are asked for
the log's slot as well, so that an old bundle, a log that was ended, and a chain on which the
anchor cannot be are told. And where keys were replaced the former account's slot is looked at:
ended at just the checkpoint with which the new account begins, it shows that nobody else can
follow. What a node cannot say leaves a note, never a doubt. No I/O.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol, TypeVar, runtime_checkable

from stemproof.errors import StemproofError
from stemproof.evidence.accumulator import MAX_SIZE, parse_head
from stemproof.evidence.chain import head_slot
from stemproof.evidence.slot import SlotHistory, SlotView
from stemproof.keys.rotation import parse_rotation
from stemproof.verify.anchors import Anchored
from stemproof.verify.logs import CheckedLog, rotations_in
from stemproof.verify.trust import Trust
from stemproof.verify.verdict import Checks, State

Found = TypeVar("Found")

NOW: Final = "log on chain"
FORMER: Final = "former account"
ENDED: Final = "log ended"


@runtime_checkable
class SlotSource(Protocol):
    """Somebody who can say what a slot holds; the methods beyond those of BlockSource."""

    @property
    def name(self) -> str:
        """What the verdict says that it rests on."""

    def slot_now(self, chain_id: int, contract: bytes, slot: bytes, not_before: int) -> SlotView:
        """Give a slot's word at a final block, or the newest if that is before `not_before`."""

    def slot_history(
        self, chain_id: int, contract: bytes, publisher: bytes, origin_id: bytes, near: int
    ) -> SlotHistory | None:
        """Give a log's last anchor and its end; `near` is a block to look around."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the nodes answered about one slot, each by its name, and what they failed at."""

    views: Mapping[str, SlotView]
    silent: Mapping[str, str]

    def agreed(self, needed: int) -> tuple[int, list[str]] | None:
        """Give the greatest word's size that enough nodes show, and who they are.

        Slots only grow, and an end is the greatest size: whoever shows more has seen this too.
        """
        sizes = sorted((parse_head(view.word)[0] for view in self.views.values()), reverse=True)
        if len(sizes) < needed:
            return None
        least = sizes[needed - 1]
        return least, [
            name for name, view in self.views.items() if parse_head(view.word)[0] >= least
        ]


def check_now(checks: Checks, log: CheckedLog, anchored: Anchored, trust: Trust) -> bool:
    """Say what the log's slot holds now; False where the chain cannot have had the anchor."""
    proved = anchored.proved
    if proved.revoked:
        checks.add(
            ENDED,
            State.NOTE,
            f"ended by its publisher in block {proved.number}, after the newest anchor that is"
            " shown: what was anchored stands, and nothing can follow",
        )
    asked = _ask(anchored, anchored.publisher, _origin_id(log), trust)
    if asked is None:
        return True
    differ = {
        name: f"{name} shows {_told(view)}"
        for name, view in asked.views.items()
        if not _can_follow(view, anchored)
    }
    voices = _Asked({n: v for n, v in asked.views.items() if n not in differ}, asked.silent)
    names = {source.name for source in trust.sources if isinstance(source, SlotSource)}
    if differ and trust.needed > len(names) - len(differ):
        # Two of the verifier's own sources disagree where a hash was typed: neither is refuted.
        typed = proved.block_hash in trust.typed_blocks(anchored.chain_id)
        is_refuted = len(differ) >= trust.needed and not typed
        says = (
            f"block {proved.number} left this log at {_events(proved.head_size)}, and a log only"
            f" grows; yet {'; '.join(differ.values())}"
        )
        if is_refuted:
            says += ": the chain asked does not hold that block"
        else:
            says += f" ({len(differ)} of {trust.needed} needed nodes)" if not typed else ""
        checks.add(
            NOW,
            State.REFUTED if is_refuted else State.UNDECIDED,
            says,
            "" if is_refuted else _hint_of_dissent(typed),
        )
        return False
    checks.add(NOW, State.NOTE, _say_now(voices, anchored, trust.needed) + _but(differ, asked))
    return True


def _hint_of_dissent(typed: bool) -> str:
    if typed:
        return "ask other nodes; if they say the same, the hash that you gave is not of this chain"
    return "ask other nodes as well: one of those that you asked is wrong or lies"


def check_former(checks: Checks, log: CheckedLog, anchored: Anchored, trust: Trust) -> None:
    """Look at the slots of the accounts that held the log before its present one."""
    held = list(zip(log.holders, rotations_in(log), strict=False))
    last = anchored.publisher
    for place, (holder, seq) in enumerate(held):
        account = bytes(holder.account)
        if account == last:
            continue
        asked = _ask(anchored, account, _origin_id(log), trust)
        if asked is None:
            return
        by_recovery = _is_by_recovery(log, seq, holder.identity_key)
        # Checkpoints that came before the last rotation are not in the bundle.
        is_next = place == len(held) - 1
        state, says = _say_former(log, anchored, (account, asked), trust, is_next=is_next)
        if by_recovery and state is State.UNDECIDED:
            state = State.NOTE
        if by_recovery:
            says += "; the new keys were put in place by the recovery key, which is not derived"
            says += " from the former words"
        hint = (
            "whoever holds the recovery key can show a bundle in which that key replaced the former"
            if state is State.UNDECIDED
            else ""
        )
        checks.add(FORMER, state, says, hint)


def _say_former(
    log: CheckedLog,
    anchored: Anchored,
    of: tuple[bytes, _Asked],
    trust: Trust,
    *,
    is_next: bool,
) -> tuple[State, str]:
    account, asked = of
    name = f"account 0x{account.hex()[:12]}, which held log …{log.origin[-12:]} before"
    agreed = asked.agreed(trust.needed)
    if agreed is None:
        return State.NOTE, f"{name}: its slot was not read{_but({}, asked)}"
    size, voices = agreed
    block = min(asked.views[voice].number for voice in voices)
    by = f"(block {block}, {', '.join(voices)})"
    begins = log.anchored[0].checkpoint.size
    if size == 0:
        says = f"{name}, never anchored it on chain {anchored.chain_id} {by}; other chains were"
        return State.NOTE, says + " not asked"
    if size != MAX_SIZE:
        says = (
            f"{name}, did not end it on chain: its slot shows {_events(size)} {by}, and whoever"
            " holds the former keys can show the log with other keys in its place"
        )
        if size <= begins or not is_next:
            return State.NOTE, says
        return State.UNDECIDED, (
            f"{says}; it has more than the {begins} with which the present account begins, so the"
            " former keys were used after they were replaced"
        )
    history = _find_history(asked, voices, (anchored, account, _origin_id(log)), trust)
    if history is None:
        return State.NOTE, f"{name}, ended it on chain {by}; at which checkpoint was not found out"
    at = f"in block {history.ended_in}" if history.ended_in is not None else "on chain"
    shown = {(head.checkpoint.size, bytes(head.checkpoint.root)) for head in log.heads}
    if (history.step.size, history.step.root) in shown:
        return State.VERIFIED, (
            f"{name}, ended it {at} at the checkpoint of {_events(history.step.size)} that names"
            f" the present keys {by}: nobody else can follow it there"
        )
    return State.UNDECIDED if is_next else State.NOTE, (
        f"{name}, ended it {at} at a checkpoint of {_events(history.step.size)} that is not in this"
        f" bundle {by}: the chain does not show that the present keys follow it, and others may"
    )


def _find_history(
    asked: _Asked, voices: list[str], of: tuple[Anchored, bytes, bytes], trust: Trust
) -> SlotHistory | None:
    """Find the last anchor before an end, from any node: the slot's word proves or drops it."""
    anchored, account, origin_id = of
    words = {asked.views[voice].word for voice in voices}
    near = anchored.proved.number
    for source in trust.sources:
        if not isinstance(source, SlotSource):
            continue
        found = _try(
            partial(
                source.slot_history, anchored.chain_id, anchored.contract, account, origin_id, near
            )
        )
        if isinstance(found, SlotHistory) and all(found.leads_to(word) for word in words):
            return found
    return None


def _ask(anchored: Anchored, publisher: bytes, origin_id: bytes, trust: Trust) -> _Asked | None:
    """Ask every node that can say it; None where there is none."""
    sources = {source.name: source for source in trust.sources if isinstance(source, SlotSource)}
    if not sources:
        return None
    slot, number = head_slot(publisher, origin_id), anchored.proved.number
    views: dict[str, SlotView] = {}
    silent: dict[str, str] = {}
    for name, source in sources.items():
        found = _try(partial(source.slot_now, anchored.chain_id, anchored.contract, slot, number))
        if isinstance(found, str):
            silent[name] = f"{name}: {found}"
        elif found.number < number:
            silent[name] = f"{name} is at block {found.number}, before the anchor"
        else:
            views[name] = found
    return _Asked(views, silent)


def _try(ask: Callable[[], Found]) -> Found | str:
    try:
        return ask()
    except (StemproofError, OSError) as error:
        return str(error)


def _can_follow(view: SlotView, anchored: Anchored) -> bool:
    """Say whether a slot's word can come after the proved head: slots only grow."""
    proved = anchored.proved
    size, acc = parse_head(view.word)
    if proved.revoked or size == proved.head_size:
        return acc == proved.head_acc and (size == MAX_SIZE) == proved.revoked
    return size > proved.head_size


def _say_now(asked: _Asked, anchored: Anchored, needed: int) -> str:
    agreed = asked.agreed(needed)
    if agreed is None:
        return f"{len(asked.views)} of {needed} needed nodes showed the log as it is now"
    size, voices = agreed
    views = [asked.views[voice] for voice in voices]
    by = f"block {min(view.number for view in views)}, {', '.join(voices)}"
    if not all(view.is_proved for view in views):
        by += ", not all proved"
    proved = anchored.proved
    if size == proved.head_size:
        return f"its newest anchor is the one in this bundle ({by})"
    if size != MAX_SIZE:
        return (
            f"the log on chain goes on to {_events(size)}, beyond this bundle's"
            f" {proved.head_size} ({by}): a newer bundle can show the rest"
        )
    at_this = all(parse_head(view.word)[1] == proved.head_acc for view in views)
    where = "after the newest anchor in this bundle" if at_this else "after anchors not shown here"
    return f"ended by its publisher {where} ({by}): what was anchored stands, nothing can follow"


def _but(differ: Mapping[str, str], asked: _Asked) -> str:
    more = [*differ.values(), *asked.silent.values()]
    return f"; but {'; '.join(more)}" if more else ""


def _told(view: SlotView) -> str:
    size = parse_head(view.word)[0]
    at = f"at block {view.number}"
    return f"an end {at}" if size == MAX_SIZE else f"{_events(size)} {at}"


def _is_by_recovery(log: CheckedLog, seq: int, replaced: bytes) -> bool:
    # Checked with the log: the authority is the key that was replaced, or the recovery key.
    return parse_rotation(log.own.openings[seq, "body"].value).authority != replaced


def _origin_id(log: CheckedLog) -> bytes:
    return hashlib.sha256(log.origin.encode()).digest()


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count} events"
