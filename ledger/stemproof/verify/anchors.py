"""Heads against the chain: what is proved if one block is canonical, and whether it is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from stemproof.claim.logpart import LogPart
from stemproof.errors import Refuted, Undecided
from stemproof.evidence.accumulator import NO_HEAD, Step, parse_head, replay
from stemproof.evidence.chain import ProvedAnchor, check_evidence, parse_evidence
from stemproof.verify.logs import CheckedLog
from stemproof.verify.trust import Trust


@dataclass(frozen=True, slots=True)
class Anchored:
    """A log's newest anchor, proved up to the block that took it in."""

    chain_id: int
    contract: bytes
    publisher: bytes
    proved: ProvedAnchor
    # The head words that the slot held, one after each head of the bundle.
    words: tuple[int, ...]


def check_anchors(part: LogPart, log: CheckedLog) -> Anchored:
    """Check that the heads lead, anchor by anchor, to the word that the contract holds."""
    if part.anchorage is None or part.evidence is None:
        raise Undecided("the checkpoint is not anchored yet", hint="ask the artist to anchor it")
    where, evidence = part.anchorage, parse_evidence(part.evidence)
    for name, found, want in (
        ("chain", evidence.chain_id, where.chain_id),
        ("contract", evidence.contract.hex(), where.contract.hex()),
        ("publisher", evidence.publisher.hex(), where.publisher.hex()),
        ("origin", evidence.origin_id.hex(), hashlib.sha256(log.origin.encode()).hexdigest()),
    ):
        if found != want:
            raise Refuted(f"the evidence is for {name} {found}, want {want}")
    for checked in log.heads:
        # Of several holders only the one that the checkpoint itself names counts.
        if checked.holder.account != where.publisher:
            raise Refuted(
                f"the anchors were published by 0x{where.publisher.hex()}, the log is bound to"
                f" 0x{checked.holder.account.hex()} at size {checked.checkpoint.size}"
            )
    proved = check_evidence(evidence)
    words = _replay(log)
    newest = log.heads[-1].head.block
    if newest is None or parse_head(words[-1]) != (proved.head_size, proved.head_acc):
        raise Refuted("the heads do not lead to the word that the contract holds")
    if (newest.number, newest.time, newest.parent_hash) != (
        proved.number,
        proved.time,
        proved.parent_hash,
    ):
        raise Refuted("the newest head names another block than its evidence")
    return Anchored(where.chain_id, where.contract, where.publisher, proved, words)


def check_contract(anchored: Anchored, trust: Trust) -> None:
    """Check that chain and contract are among those that the verifier counts."""
    if trust.chain_id is not None and anchored.chain_id != trust.chain_id:
        raise Refuted(f"the anchor is on chain {anchored.chain_id}, asked for {trust.chain_id}")
    known = trust.contracts.get(anchored.chain_id, frozenset())
    if anchored.contract not in known:
        listed = ", ".join("0x" + address.hex() for address in sorted(known)) or "none"
        raise Undecided(
            f"contract 0x{anchored.contract.hex()} on chain {anchored.chain_id} is not one that"
            f" you trust (trusted there: {listed})",
            hint="name it with --contract if you know it",
        )


def check_canonical(anchored: Anchored, trust: Trust) -> str:
    """Check that the anchor's block is canonical; give the sentence on what that rests."""
    proved = anchored.proved
    if proved.block_hash in trust.blocks:
        return f"block {proved.number} has the hash that you gave"
    if trust.blocks and not trust.sources:
        raise Refuted(
            f"block {proved.number} has the hash {proved.block_hash.hex()}, which is not the one"
            " that you gave"
        )
    if not trust.sources:
        raise Undecided(
            f"nobody was asked whether block {proved.number} with hash"
            f" {proved.block_hash.hex()} is canonical on chain {anchored.chain_id}",
            hint="give its hash with --block, or a node to ask with --rpc",
        )
    return _ask(anchored, trust)


def _ask(anchored: Anchored, trust: Trust) -> str:
    number, want = anchored.proved.number, anchored.proved.block_hash
    agree, differ, silent = [], [], []
    for source in trust.sources:
        try:
            found = source.block_hash(anchored.chain_id, number)
        except Undecided as error:
            silent.append(str(error))
            continue
        if found == want:
            agree.append(source.name)
        else:
            says = "no such block" if found is None else found.hex()[:12]
            differ.append(f"{source.name} says {says}")
    if len(agree) >= trust.needed:
        dissent = "; against: " + "; ".join(differ) if differ else ""
        return f"block {number} is canonical according to {', '.join(agree)}{dissent}"
    if len(differ) > len(trust.sources) - trust.needed:
        raise Refuted(
            f"block {number} with hash {want.hex()[:12]} is not canonical: {'; '.join(differ)}"
        )
    raise Undecided(
        f"{len(agree)} of {trust.needed} needed nodes confirmed block {number}: "
        + "; ".join([*differ, *silent])
    )


def _replay(log: CheckedLog) -> tuple[int, ...]:
    """Compute the slot's words from its first anchor on: none can be left out."""
    words: list[int] = []
    word = NO_HEAD
    for checked in log.heads:
        block = checked.head.block
        if block is None:
            raise Undecided("a checkpoint is not anchored yet")
        step = Step(
            size=checked.checkpoint.size,
            root=checked.checkpoint.root,
            number=block.number,
            time=block.time,
            parent_hash=block.parent_hash,
        )
        word = replay(word, [step])
        words.append(word)
    return tuple(words)
