"""Text damaged as a hand or a bad merge damages it: lines lost, doubled, swapped or altered."""

from __future__ import annotations

import random
from collections.abc import Iterator

JUNK = (b"", b"-", b"9" * 40)
"""What a zero becomes in a line that is altered."""


def damaged_lines(data: bytes, *, seed: int, times: int) -> Iterator[bytes]:
    """Give `times` versions of a text, each with one to five lines damaged."""
    dice = random.Random(seed)
    lines = data.split(b"\n")
    for _ in range(times):
        damaged = list(lines)
        for _ in range(dice.randrange(1, 6)):
            one, two = dice.randrange(len(damaged)), dice.randrange(len(damaged))
            action = dice.randrange(4)
            if action == 0:
                del damaged[one]
            elif action == 1:
                damaged.insert(two, damaged[one])
            elif action == 2:
                damaged[one], damaged[two] = damaged[two], damaged[one]
            else:
                damaged[one] = damaged[one].replace(b"0", dice.choice(JUNK))
        yield b"\n".join(damaged)
