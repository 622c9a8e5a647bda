"""Bitcoin block headers that a verifier names, and what they date.

A header's 80 bytes: version, the hash before, Merkle root, time, bits, nonce, integers
little-endian. A header is believed because the verifier names it. Its proof of work is
demanded beside that, at least that of a stated difficulty: a slip of the hand, or a header
from somebody else's cheap chain, does not pass. No I/O.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from stemproof.errors import Malformed, Refuted

HEADER_BYTES: Final = 80
# The target of difficulty 1.
_EASIEST: Final = 0xFFFF << 208
# Below every block since the end of 2013, above what a chain of one's own costs little.
MIN_DIFFICULTY: Final = 1_000_000_000
# A block's time may lie before its making: it is later than the median of eleven, no more.
SLACK_S: Final = 7200
MAX_HEIGHT: Final = 1 << 31


@dataclass(frozen=True, slots=True)
class Block:
    """What is known of a block: the root in the order of its bytes, the time that it states."""

    height: int
    merkle_root: bytes
    time: int

    @property
    def not_after(self) -> int:
        """When the block existed for certain, as far as its stated time can be relied on."""
        return self.time + SLACK_S


def parse_block(header: bytes, height: int, *, min_difficulty: int = MIN_DIFFICULTY) -> Block:
    """Read a header, and demand its proof of work."""
    if len(header) != HEADER_BYTES:
        raise Malformed("Bitcoin header", f"{len(header)} bytes", f"{HEADER_BYTES} bytes")
    bits = int.from_bytes(header[72:76], "little")
    target = _target(bits)
    work = hashlib.sha256(hashlib.sha256(header).digest()).digest()
    if int.from_bytes(work, "little") > target:
        raise Refuted(
            f"the Bitcoin header of height {height} has the hash {work[::-1].hex()[:24]}, which is"
            " not the work that it states"
        )
    if min_difficulty and target > _EASIEST // min_difficulty:
        raise Refuted(
            f"the Bitcoin header of height {height} is of a difficulty below {min_difficulty}"
        )
    return Block(height, header[36:68], int.from_bytes(header[68:72], "little"))


def _target(bits: int) -> int:
    """Read the short form of a target."""
    size, mantissa = bits >> 24, bits & 0x7FFFFF
    if bits & 0x800000 or not mantissa or size > 32:
        raise Malformed("bits of the Bitcoin header", hex(bits), "a target above 0")
    return mantissa << 8 * (size - 3) if size >= 3 else mantissa >> 8 * (3 - size)
