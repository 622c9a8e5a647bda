"""The head of a log on chain: one word that binds every anchor before it.

    bits 216..255   size of the last checkpoint
    bits   0..215   acc' = low 216 bits of keccak256(acc, size, root, number, time, parent)

The six values are 32-byte big-endian words, as Solidity's abi.encode writes them; `acc`
is the accumulator of the prior head (0 before the first anchor), the last three are of
the block that holds the anchor. Sizes only grow. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stemproof.errors import Malformed, Refuted
from stemproof.evidence.keccak import keccak256

if TYPE_CHECKING:
    from collections.abc import Iterable

ACC_BITS = 216
MAX_SIZE = 2**40 - 1
# What a log has on chain before its first anchor.
NO_HEAD = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One anchor: the checkpoint and the block that took it in."""

    size: int
    root: bytes
    number: int
    time: int
    parent_hash: bytes


def parse_head(word: int) -> tuple[int, int]:
    """Split a head into its size and its accumulator."""
    if not 0 <= word < 2**256:
        raise Malformed("head", word, "a word of 256 bits")
    return word >> ACC_BITS, word % (1 << ACC_BITS)


def next_head(
    prior: int, *, size: int, root: bytes, number: int, time: int, parent_hash: bytes
) -> int:
    """Compute the head that an anchor leaves behind; refuse anything but growth."""
    prior_size, acc = parse_head(prior)
    if not 0 <= size <= MAX_SIZE:
        raise Malformed("anchored size", size, "0 to 2**40 - 1")
    if size <= prior_size:
        raise Refuted(f"the anchored size is {size}, want more than the {prior_size} before it")
    if len(root) != 32 or len(parent_hash) != 32:
        raise Malformed("root or parent hash", root, "32 bytes")
    words = (
        acc.to_bytes(32, "big"),
        size.to_bytes(32, "big"),
        root,
        _word(number, "block number"),
        _word(time, "block time"),
        parent_hash,
    )
    digest = int.from_bytes(keccak256(b"".join(words)), "big")
    return (size << ACC_BITS) + digest % (1 << ACC_BITS)


def replay(prior: int, steps: Iterable[Step]) -> int:
    """Compute the head after several anchors, oldest first."""
    head = prior
    for step in steps:
        head = next_head(
            head,
            size=step.size,
            root=step.root,
            number=step.number,
            time=step.time,
            parent_hash=step.parent_hash,
        )
    return head


def _word(value: int, what: str) -> bytes:
    if not 0 <= value < 2**64:
        raise Malformed(what, value, "0 to 2**64 - 1")
    return value.to_bytes(32, "big")
