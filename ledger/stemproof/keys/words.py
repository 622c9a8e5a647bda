"""Recovery words: 32 bytes as 24 English words (BIP-39), and back.

The words are a secret: no message here repeats one of them.

    00...00 -> "abandon abandon ... abandon art"
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from stemproof.errors import BadInput

if TYPE_CHECKING:
    from mnemonic import Mnemonic

ENTROPY_BYTES = 32
WORDS = 24
# 24 words of at most 8 letters, with room for spaces, numbers of lines and typing.
MAX_TEXT = 1024


def format_words(entropy: bytes) -> str:
    """Write 32 bytes as 24 words with single spaces."""
    if len(entropy) != ENTROPY_BYTES:
        raise BadInput(f"the entropy has {len(entropy)} bytes, want {ENTROPY_BYTES}")
    return _english().to_mnemonic(entropy)


def parse_words(text: str) -> bytes:
    """Read 24 words as a person types them: any spacing, any case, but no other word."""
    words = text.lower().split() if len(text) <= MAX_TEXT else []
    if len(words) != WORDS:
        raise BadInput(f"these are {len(words) or 'far too many'} words, want {WORDS}")
    known = frozenset(_english().wordlist)
    for number, word in enumerate(words, start=1):
        if word not in known:
            raise BadInput(
                f"word {number} of {WORDS} is not in the BIP-39 English list",
                hint="four letters settle each word: look for a slip in that one",
            )
    try:
        return bytes(_english().to_entropy(words))
    except ValueError as error:
        raise BadInput(
            "the words do not fit together: their checksum is wrong",
            hint="two words may be swapped, or one mistaken for another of the list",
        ) from error


def seed_of(entropy: bytes) -> bytes:
    """Stretch the words into the 64-byte BIP-39 seed; no BIP-39 passphrase is used."""
    return bytes(_english().to_seed(format_words(entropy), ""))


@cache
def _english() -> Mnemonic:
    from mnemonic import Mnemonic

    return Mnemonic("english")
