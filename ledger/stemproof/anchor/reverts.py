"""Why Anchors refused: its custom errors, read from what a node says it reverted with."""

from __future__ import annotations

from functools import cache

from stemproof.anchor.contract import load_artifact
from stemproof.anchor.problems import HeadMoved, NotAccepted
from stemproof.evidence.keccak import keccak256


def find_refusal(data: bytes) -> NotAccepted | None:
    """Read revert data as one of the contract's errors; None where it is none."""
    name = _selectors().get(data[:4])
    if name == "NotSigned" and len(data) == 36:
        return NotAccepted(
            f"0x{data[16:].hex()[:12]} allows the key that signed or sends this no anchors, or no"
            " more of them",
            hint="`stemproof key delegate --list` shows what is allowed, and until when",
        )
    if name == "TooLate" and len(data) == 36:
        return NotAccepted("the signature came after its deadline", hint="sign it anew")
    # The others have two words.
    if name is None or len(data) != 68:
        return None
    first, second = int.from_bytes(data[4:36], "big"), int.from_bytes(data[36:], "big")
    if name == "NotTheHead":
        return HeadMoved(prior=first, stored=second)
    if name == "NoGrowth":
        return NotAccepted(f"the log has {first} entries on chain already, the anchor has {second}")
    return NotAccepted(
        f"the log would grow from {first} to {second} entries in one anchor, more than is accepted",
        hint="anchor a smaller size first",
    )


def error_name(data: bytes) -> str | None:
    """Name the contract's error in revert data; None where it is none of its errors."""
    return _selectors().get(data[:4])


@cache
def _selectors() -> dict[bytes, str]:
    found = {}
    for entry in load_artifact().abi:
        if entry["type"] == "error":
            kinds = ",".join(argument["type"] for argument in entry["inputs"])
            found[keccak256(f"{entry['name']}({kinds})".encode())[:4]] = entry["name"]
    return found
