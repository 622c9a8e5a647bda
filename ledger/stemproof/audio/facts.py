"""What is known about one audio file, as values. No I/O, no numpy.

docs/format/audio.md says what each field means and how the digests are made.
"""

from __future__ import annotations

from dataclasses import dataclass

# Chromaprint's item for a stretch of digital silence, algorithm 1.
SILENT_ITEM = 627964279
# 4096 samples at 11025 Hz with an overlap of two thirds: one item every 1365 samples.
ITEM_SECONDS = 1365 / 11025
ALGORITHM = 1


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The Chromaprint vector of a whole file, and what it was made from.

    `items` is the vector as unsigned 32-bit little-endian numbers; empty means too short.
    `sample_count` is by channel, `channels` those of the file, before they are mixed to two.
    """

    algorithm: int
    items: bytes
    sample_count: int
    sample_rate: int
    channels: int
    producer: str

    @property
    def size(self) -> int:
        return len(self.items) // 4

    @property
    def duration_ms(self) -> int:
        return round_ms(self.sample_count, self.sample_rate)

    @property
    def is_too_short(self) -> bool:
        """Whether the file has no item at all: Chromaprint needs about three seconds."""
        return not self.items

    @property
    def is_silent(self) -> bool:
        """Whether every item is that of silence, which is like every other silence."""
        silence = SILENT_ITEM.to_bytes(4, "little")
        return bool(self.items) and self.items == silence * self.size

    @property
    def is_telling(self) -> bool:
        """Whether the vector can tell this piece from another."""
        return not (self.is_too_short or self.is_silent)


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """Everything that one look at an audio file yields.

    `pcm_digest` is None where decoding is not exact (MP3, AAC, Vorbis, Opus).
    """

    sha256: bytes
    size: int
    codec: str
    sample_rate: int
    channels: int
    sample_count: int
    duration_ms: int
    pcm_digest: bytes | None
    fingerprint: Fingerprint
    fingerprint_digest: bytes


def round_ms(sample_count: int, sample_rate: int) -> int:
    """Convert samples to milliseconds, half up, in whole numbers only."""
    return (2000 * sample_count + sample_rate) // (2 * sample_rate)
