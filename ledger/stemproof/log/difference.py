"""A save told as what differs from another one, line by line.

    count u32 | (first u32, lines u32) * count | lines that are new, as they are

A run whose `first` is 0xffffffff takes so many of the new lines, any other copies lines of the
other save. Integers are big-endian. This is no picture of an edit, only a short way to
write one file beside another; what was decided is told by `capture`. No I/O.
"""

from __future__ import annotations

import re
import sys
from array import array
from itertools import islice
from typing import Final

from stemproof.errors import Malformed

# More lines than this have only files that are not text; they are kept whole.
MAX_BYTES: Final = 64 << 20
_NEW: Final = 0xFFFFFFFF
_LINE: Final = re.compile(rb"[^\n]*\n|[^\n]+")
# Beyond this share of new text a difference saves too little to depend on another save.
_WORTH: Final = 4


def make_difference(old: bytes, new: bytes) -> bytes | None:
    """Write `new` by what `old` has; None where they have too little in common."""
    if max(len(old), len(new)) > MAX_BYTES:
        return None
    known = _LINE.findall(old)
    places: dict[bytes, int] = {}
    for place, line in enumerate(known):
        places.setdefault(line, place)
    runs, fresh = array("I"), []
    follows = _NEW
    for line in _LINE.findall(new):
        if follows < len(known) and known[follows] == line:
            runs[-1] += 1
            follows += 1
            continue
        found = places.get(line)
        if found is not None:
            runs.extend((found, 1))
            follows = found + 1
            continue
        if len(runs) and runs[-2] == _NEW:
            runs[-1] += 1
        else:
            runs.extend((_NEW, 1))
        fresh.append(line)
        follows = _NEW
    written = _turned(runs).tobytes()
    added = b"".join(fresh)
    if _WORTH * (len(written) + len(added)) > len(new):
        return None
    return (len(runs) // 2).to_bytes(4, "big") + written + added


def apply_difference(old: bytes, difference: bytes) -> bytes:
    """Give the other file again; the caller compares its digest."""
    count = int.from_bytes(difference[:4], "big")
    end = 4 + 8 * count
    if len(difference) < end:
        raise Malformed("difference", f"{len(difference)} bytes", f"at least {end}")
    runs = _turned(array("I", difference[4:end]))
    known, fresh = _LINE.findall(old), iter(_LINE.findall(difference[end:]))
    parts: list[bytes] = []
    for first, lines in zip(runs[::2], runs[1::2], strict=True):
        if first == _NEW:
            taken = list(islice(fresh, lines))
        else:
            taken = known[first : first + lines]
        if len(taken) != lines:
            raise Malformed("difference", f"{lines} lines from {first}", "lines that are there")
        parts += taken
    return b"".join(parts)


def _turned(runs: array[int]) -> array[int]:
    """Turn numbers between this machine's order of bytes and the big end first."""
    turned = array("I", runs)
    if sys.byteorder == "little":
        turned.byteswap()
    return turned
