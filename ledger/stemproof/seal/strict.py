"""Numbers and base64 in the one form that we write.

Python's own readers take spaces, underscores, signs and stray bits; these refuse all of them.
"""

from __future__ import annotations

import base64
import binascii

from stemproof.errors import Malformed
from stemproof.seal.merkle import SIZE_LIMIT


def parse_number(what: str, text: str) -> int:
    """Read a decimal number below 2**64 without sign, space or leading zero."""
    # 20 digits hold 2**64 - 1; the bound comes before int(), whose cost grows with the length.
    if len(text) <= 20 and text.isascii() and text.isdigit():
        number = int(text)
        if str(number) == text and number < SIZE_LIMIT:
            return number
    raise Malformed(what, text, "a decimal number below 2**64, no sign, no leading zero")


def parse_base64(what: str, text: str) -> bytes:
    """Read standard padded base64 (RFC 4648 section 4) whose spare bits are zero."""
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(what, text, "standard base64 with padding") from error
    if format_base64(value) != text:
        raise Malformed(what, text, "canonical base64: the spare bits of the last digit are zero")
    return value


def format_base64(value: bytes) -> str:
    """Write standard padded base64."""
    return base64.b64encode(value).decode("ascii")
