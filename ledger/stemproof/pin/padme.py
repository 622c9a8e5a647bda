"""Padmé: round a size up so that it says less about the file.

At most 12 % is added; what remains visible is O(log log size) bits instead of the exact length, by
which a known recording could be recognised through its encryption. From "Reducing Metadata
Leakage from Encrypted Files and Communication with PURBs" (PETS 2019), algorithm 1.
"""

from __future__ import annotations


def padme_size(size: int) -> int:
    """Give the padded size of `size` bytes, size <= padme_size(size) <= 1.12 * size."""
    if size < 2:
        return size
    exponent = size.bit_length() - 1
    kept_bits = exponent.bit_length()
    mask = (1 << (exponent - kept_bits)) - 1 if exponent > kept_bits else 0
    return (size + mask) & ~mask
