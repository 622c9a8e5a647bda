"""Do two fingerprints sound alike? Exact alignment at every offset, and how sharp it is.

At each offset the share of differing bits (bit error rate, BER) is counted by FFT; silence is
left out. Not the BER decides but its *sharpness*: how far the best offset lies below its
surroundings, (mean BER 3 to 12 items beside it - best BER) * sqrt(overlap). Two pieces over one
drum loop have a low BER at many offsets, one recording at exactly one.

The answer is likeness, never proof: docs/fingerprints.md has the bands and where they come from.
Does not search over changed speed or pitch. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stemproof.audio.codec import Items, items_from_bytes
from stemproof.audio.facts import ITEM_SECONDS, SILENT_ITEM, Fingerprint
from stemproof.errors import Undecided

Verdict = Literal["same", "possible", "different"]
Reals = NDArray[np.float64]

# 488,000 pairs of different recordings reached 1.73; re-mixes and arrangements reach 4.4.
SAME_SHARPNESS = 2.5
POSSIBLE_SHARPNESS = 1.5
# A transcode of a short or monotonous piece: nearly no bits differ, little sharpness.
CLOSE_BER = 0.12
CLOSE_SHARPNESS = 0.8
MIN_OVERLAP = 8
MIN_OVERLAP_SHARE = 0.75
_BESIDE = np.r_[-12:-2, 3:13]


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two pieces sound. A decision aid, not evidence of authorship.

    `offset_s`: `a` starts this much later than `b` does (negative: earlier).
    `overlap`: items that were compared, of about 0.12 s each, silence left out.
    """

    verdict: Verdict
    ber: float
    sharpness: float
    offset_s: float
    overlap: int


def compare(a: Fingerprint, b: Fingerprint) -> Likeness:
    """Align two fingerprints and judge how alike they are; the shorter may lie in the longer."""
    if a.algorithm != b.algorithm:
        raise Undecided(f"fingerprints of algorithm {a.algorithm} and {b.algorithm} do not compare")
    for one in (a, b):
        if not one.is_telling:
            raise Undecided("a silent or very short piece has no fingerprint to compare")
    return compare_items(items_from_bytes(a.items), items_from_bytes(b.items))


def compare_items(a: Items, b: Items) -> Likeness:
    """Align two vectors that both have items other than silence."""
    ber, overlap = _error_by_offset(a, b)
    active = min(int((a != SILENT_ITEM).sum()), int((b != SILENT_ITEM).sum()))
    need = min(active, max(MIN_OVERLAP, MIN_OVERLAP_SHARE * active))
    best = int(np.where(overlap >= need, ber, 2.0).argmin())
    beside = float(ber[(best + _BESIDE) % len(ber)].mean())
    lowest = float(ber[best])
    count = int(overlap[best])
    sharpness = (beside - lowest) * count**0.5
    offset = best if best < len(b) else best - len(ber)
    return Likeness(
        _judge(lowest, sharpness), lowest, sharpness, round(offset * ITEM_SECONDS, 3), count
    )


def _judge(ber: float, sharpness: float) -> Verdict:
    if sharpness >= SAME_SHARPNESS or (ber <= CLOSE_BER and sharpness >= CLOSE_SHARPNESS):
        return "same"
    return "possible" if sharpness >= POSSIBLE_SHARPNESS else "different"


def _error_by_offset(a: Items, b: Items) -> tuple[Reals, Reals]:
    """Return BER and overlap of `a` moved along `b`, by offset modulo the transform's length.

    Bits are +1 and -1, silent items 0: the correlation is agreeing minus differing bits. Plane
    by plane, so that hours take little memory; the length leaves no room for wrapping around.
    """
    length = 1 << (len(a) + len(b) + 32).bit_length()
    active_a, active_b = (a != SILENT_ITEM).astype(float), (b != SILENT_ITEM).astype(float)
    total = np.zeros(length // 2 + 1, np.complex128)
    for bit in range(32):
        total += _spectrum(_plane(a, bit) * active_a, _plane(b, bit) * active_b, length)
    agreement = np.fft.irfft(total, length)
    overlap = np.rint(np.fft.irfft(_spectrum(active_a, active_b, length), length))
    ber = (1 - agreement / (32 * np.maximum(overlap, 1))) / 2
    # Whole counts of bits, not what the transform's rounding made of them.
    differing = np.rint(ber * 32 * overlap)
    return np.where(overlap > 0, differing / (32 * np.maximum(overlap, 1)), 0.5), overlap


def _plane(items: Items, bit: int) -> Reals:
    return ((items >> np.uint32(bit)) & np.uint32(1)).astype(float) * 2 - 1


def _spectrum(a: Reals, b: Reals, length: int) -> NDArray[np.complex128]:
    product: NDArray[np.complex128] = np.conj(np.fft.rfft(a, length)) * np.fft.rfft(b, length)
    return product
