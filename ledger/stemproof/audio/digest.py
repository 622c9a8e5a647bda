"""The bytes that are hashed for a fingerprint and for decoded samples.

    fingerprint: "stemproof/v1/chromaprint-items" 00 | algorithm u8 | sample count u64 |
                 channels u32 | sample rate u32 | n u32 | n items u32
    samples:     "stemproof/v1/pcm-samples" 00 | form, 5 ASCII bytes | sample count u64 |
                 channels u32 | sample rate u32 | SHA-256 of the samples, 32 bytes

All numbers are little-endian. No I/O. docs/format/audio.md is the specification;
a change here orphans commitments already made: see tests/vectors/fingerprint/.
"""

from __future__ import annotations

import hashlib
import struct

from stemproof.audio.facts import Fingerprint
from stemproof.errors import Malformed

ITEMS_SCHEME = b"stemproof/v1/chromaprint-items\x00"
SAMPLES_SCHEME = b"stemproof/v1/pcm-samples\x00"
SAMPLE_FORMS = ("s32le", "f32le", "f64le")
MAX_ITEMS = 1 << 20  # 36 hours; a longer file is refused before it gets here


def fingerprint_digest(fingerprint: Fingerprint) -> bytes:
    """Hash a fingerprint with all that it was made from; `producer` is not part of it."""
    if len(fingerprint.items) % 4 or fingerprint.size > MAX_ITEMS:
        raise Malformed("fingerprint length", len(fingerprint.items), "4 bytes an item")
    if not 0 <= fingerprint.algorithm < 256:
        raise Malformed("fingerprint algorithm", fingerprint.algorithm, "0 to 255")
    head = struct.pack(
        "<BQIII",
        fingerprint.algorithm,
        *_shape(fingerprint.sample_count, fingerprint.channels, fingerprint.sample_rate),
        fingerprint.size,
    )
    return hashlib.sha256(ITEMS_SCHEME + head + fingerprint.items).digest()


def pcm_digest(
    form: str, samples_sha256: bytes, *, sample_count: int, channels: int, sample_rate: int
) -> bytes:
    """Hash decoded samples, given their own SHA-256, with the shape that they have."""
    if form not in SAMPLE_FORMS:
        raise Malformed("sample form", form, "one of " + ", ".join(SAMPLE_FORMS))
    if len(samples_sha256) != 32:
        raise Malformed("digest of the samples", samples_sha256, "32 bytes")
    head = form.encode("ascii") + struct.pack("<QII", *_shape(sample_count, channels, sample_rate))
    return hashlib.sha256(SAMPLES_SCHEME + head + samples_sha256).digest()


def _shape(sample_count: int, channels: int, sample_rate: int) -> tuple[int, int, int]:
    if not 0 <= sample_count < 2**64:
        raise Malformed("sample count", sample_count, "below 2**64")
    if not 1 <= channels < 2**32:
        raise Malformed("number of channels", channels, "1 to 2**32 - 1")
    if not 1 <= sample_rate < 2**32:
        raise Malformed("sample rate", sample_rate, "1 to 2**32 - 1")
    return sample_count, channels, sample_rate
