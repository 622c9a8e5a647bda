"""What is being found in one plug-in's bytes: named settings, and what stays opaque."""

from __future__ import annotations

import hashlib
import re
import struct
from typing import Final

from stemproof.capture.sessions.model import Parameter, State, Unit
from stemproof.capture.sessions.numbers import is_decimal

MAX_PARAMETERS: Final = 4096
"""A large synthesizer has a thousand; what comes beyond counts as opaque."""
MAX_NAME: Final = 120
MAX_VALUE: Final = 256
"""A longer value is a blob: a sample, a curve, a picture."""
MAX_UNPACKED: Final = 32 << 20
"""How much one state may inflate to, over all that is packed in it."""

# Where a plug-in's window was and how large: nobody decided that for the music.
_WINDOW = re.compile(
    r"(?:^|/)(?:last[ _.-]?)?(?:(?:ui|gui|editor)[ _.-]?"
    r"(?:width|height|size|scale|bounds|zoom|x|y|w|h|pos(?:ition)?|open|page|tab)"
    r"|window[ _.-]?(?:width|height|bounds|x|y|pos(?:ition)?|state))$",
    re.IGNORECASE,
)
# When it was saved: it differs from save to save, whatever else does.
_CLOCK = re.compile(
    r"(?:^|/)(?:date[ _.-]?time|time[ _.-]?stamp|(?:last[ _.-]?)?(?:saved?|modified)"
    r"(?:[ _.-]?(?:date|time|at|on))?|(?:save|modification)[ _.-]?(?:date|time))(?:/value)?$",
    re.IGNORECASE,
)

_CLOCK_SIZE: Final = 8
_TAIL: Final = 64
"""A shorter one is a switch or a knob that happens to be called so."""


class Settings:
    """Collects one device's settings within bounds; order is kept, equal names are numbered."""

    def __init__(self) -> None:
        self._parameters: list[Parameter] = []
        self._opaque: list[bytes] = []
        self.unpacked = 0

    def add(self, name: str, value: str, unit: Unit | None = None) -> None:
        """Take one setting; its unit is a plain number or text if nothing else is known."""
        # Both match at the end only: a long name is not searched from its every slash.
        tail = name[-_TAIL:]
        if _WINDOW.search(tail) or (_CLOCK.search(tail) and len(value) >= _CLOCK_SIZE):
            return
        # JSON can hold halves of characters, which no text that we write may.
        name, value = (text.encode("utf-8", "replace").decode() for text in (name, value))
        if len(self._parameters) >= MAX_PARAMETERS or len(value) > MAX_VALUE:
            self.leave(f"{name}={value}".encode())
            return
        known = unit or (Unit.RAW if is_decimal(value) else Unit.TEXT)
        self._parameters.append(Parameter(name[:MAX_NAME], value, known))

    def leave(self, data: bytes) -> None:
        """Take bytes of which only digest and size can be told."""
        if data:
            self._opaque.append(data)

    def mark(self) -> tuple[int, int]:
        """Remember how much was found so far."""
        return len(self._parameters), len(self._opaque)

    def go_back(self, mark: tuple[int, int]) -> None:
        """Forget what was found since: the bytes turned out to be something else."""
        del self._parameters[mark[0] :]
        del self._opaque[mark[1] :]

    def result(self) -> tuple[tuple[Parameter, ...], State | None]:
        """Give the settings, and digest and size of what stayed opaque."""
        digest, size = hashlib.sha256(), 0
        for part in self._opaque:
            digest.update(part)
            size += len(part)
        return tuple(self._parameters), State(digest.hexdigest(), size) if size else None


def float_text(number: float) -> str:
    """Write a number that was stored in 32 bits, in the fewest digits that give it back."""
    for digits in (6, 7, 8):
        text = f"{number:.{digits}g}"
        if _as_stored(float(text)) == number:
            return text
    return f"{number:.9g}"


def _as_stored(number: float) -> float:
    try:
        return float(struct.unpack("<f", struct.pack("<f", number))[0])
    except OverflowError:
        return number
