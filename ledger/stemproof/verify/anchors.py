"""Heads against the chain: what is proved if one block is canonical, and whether it is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from stemproof.claim.logpart import LogPart
from stemproof.errors import Refuted, StemproofError, Undecided
from stemproof.evidence.accumulator import NO_HEAD, Step, parse_head, replay
from stemproof.evidence.chain import ProvedAnchor, check_evidence, parse_evidence
from stemproof.evidence.ethsig import Address, format_address
from stemproof.verify.logs import CheckedLog
from stemproof.verify.trust import BlockSource, Trust

# 9999-12-31T23:59:59Z: what every calendar can show.
MAX_TIME: Final = 253402300799


@dataclass(frozen=True, slots=True)
class Anchored:
    """A log's newest anchor, proved up to the block that took it in."""

    chain_id: int
    contract: bytes
    publisher: bytes
    proved: ProvedAnchor
    # The head words that the slot held, one after each anchored head of the bundle.
    words: tuple[int, ...]


def check_anchors(part: LogPart, log: CheckedLog) -> Anchored:
    """Check that the heads lead, anchor by anchor, to the word that the contract holds."""
    if part.anchorage is None or part.evidence is None:
        raise Undecided(
            "the checkpoint is not anchored yet",
            hint="ask the artist for a bundle after the anchor"
            + ("; or let its timestamps count: --policy evm,rfc3161,ots" if part.stamps else ""),
        )
    where, evidence = part.anchorage, parse_evidence(part.evidence)
    for name, found, want in (
        ("chain", evidence.chain_id, where.chain_id),
        ("contract", evidence.contract.hex(), where.contract.hex()),
        ("publisher", evidence.publisher.hex(), where.publisher.hex()),
        ("origin", evidence.origin_id.hex(), hashlib.sha256(log.origin.encode()).hexdigest()),
    ):
        if found != want:
            raise Refuted(f"the evidence is for {name} {found!s:.12}, want {want!s:.12}")
    for checked in log.anchored:
        # Of several holders only the one that the checkpoint itself names counts.
        if checked.holder.account != where.publisher:
            raise Refuted(
                f"the anchors were published by 0x{where.publisher.hex()[:12]}, the log is bound to"
                f" 0x{checked.holder.account.hex()[:12]} at size {checked.checkpoint.size}"
            )
    proved = check_evidence(evidence)
    if proved.time > MAX_TIME:
        raise Refuted(f"block {proved.number} is of the time {proved.time}, after the year 9999")
    words = _replay(log)
    newest = log.anchored[-1].head.block
    if newest is None or parse_head(words[-1]) != (proved.head_size, proved.head_acc):
        raise Refuted("the heads do not lead to the word that the contract holds")
    if (newest.number, newest.time, newest.parent_hash) != (
        proved.number,
        proved.time,
        proved.parent_hash,
    ):
        raise Refuted("the newest head names another block than its evidence")
    return Anchored(where.chain_id, where.contract, where.publisher, proved, words)


def check_contract(anchored: Anchored, trust: Trust) -> bool:
    """Check that chain and contract are among those that the verifier counts."""
    if trust.chain_id is not None and anchored.chain_id != trust.chain_id:
        raise Refuted(f"the anchor is on chain {anchored.chain_id}, asked for {trust.chain_id}")
    known = trust.contracts.get(anchored.chain_id, frozenset())
    if anchored.contract not in known:
        whole = format_address(Address(anchored.contract))
        listed = ", ".join("0x" + address.hex()[:12] for address in sorted(known)) or "none"
        raise Undecided(
            f"contract 0x{anchored.contract.hex()[:12]} on chain {anchored.chain_id} is not one"
            f" that you trust (trusted there: {listed})",
            hint=f"if you know it, name it: --contract {whole}",
        )
    return True


def check_canonical(anchored: Anchored, trust: Trust) -> str:
    """Check that the anchor's block is canonical; give the sentence on what that rests."""
    proved = anchored.proved
    typed = trust.typed_blocks(anchored.chain_id)
    if proved.block_hash in typed:
        return f"block {proved.number} has the hash that you gave"
    if typed and not trust.sources:
        # Another canonical block contradicts nothing; it only does not speak of this one.
        raise Undecided(
            f"block {proved.number} has the hash {proved.block_hash.hex()[:12]}, which is not"
            " among those that you gave",
            hint=f"look block {proved.number} up where you trust the answer; if its hash is the"
            f" same, say --block {proved.block_hash.hex()}",
        )
    if not trust.sources:
        raise Undecided(
            f"nobody was asked whether block {proved.number} with hash"
            f" {proved.block_hash.hex()[:12]} is canonical on chain {anchored.chain_id}",
            hint=f"look block {proved.number} up where you trust the answer; if its hash is the"
            f" same, say --block {proved.block_hash.hex()}, or name a node to ask with --rpc",
        )
    return _ask(anchored, trust)


def _ask(anchored: Anchored, trust: Trust) -> str:
    number, want = anchored.proved.number, anchored.proved.block_hash
    # By name: the same node asked twice is one voice.
    agree: dict[str, None] = {}
    differ: dict[str, str] = {}
    silent: dict[str, str] = {}
    for source in trust.sources:
        found = ask_source(source, anchored.chain_id, number)
        if isinstance(found, str):
            silent[source.name] = found
        elif found == want:
            agree[source.name] = None
        else:
            differ[source.name] = f"{source.name} says {found.hex()[:12]}"
    # A node that answers both ways has no voice.
    voices = [name for name in agree if name not in differ]
    if len(voices) >= trust.needed:
        dissent = "; against: " + "; ".join(differ.values()) if differ else ""
        return f"block {number} is canonical according to {', '.join(voices)}{dissent}"
    # As many as could confirm it, and so many that the others cannot any more.
    others = len({source.name for source in trust.sources}) - len(differ)
    if len(differ) >= trust.needed > others:
        raise Refuted(
            f"block {number} with hash {want.hex()[:12]} is not canonical:"
            f" {'; '.join(differ.values())}"
        )
    raise Undecided(
        f"{len(voices)} of {trust.needed} needed nodes confirmed block {number}: "
        + "; ".join([*differ.values(), *silent.values()])
    )


def ask_source(source: BlockSource, chain_id: int, number: int) -> bytes | str:
    """Ask one node for a block's hash; where it has none, say why. Its errors refute nothing."""
    try:
        found = source.block_hash(chain_id, number)
    except (StemproofError, OSError) as error:
        return f"{source.name}: {error}"
    # Blocks have no gaps, so this node is behind, or was set back.
    return f"{source.name} has no block {number}" if found is None else found


def _replay(log: CheckedLog) -> tuple[int, ...]:
    """Compute the slot's words from its first anchor on: none can be left out."""
    words: list[int] = []
    word = NO_HEAD
    for checked in log.anchored:
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
