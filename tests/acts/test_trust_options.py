"""The contract that a verifier names: with its checksum, or without capitals, never mistyped."""

from __future__ import annotations

import pytest

from stemproof.acts.checking import Asked, make_trust
from stemproof.anchor.contract import anchors_address
from stemproof.errors import Usage
from stemproof.evidence.ethsig import format_address

ADDRESS = format_address(anchors_address())


@pytest.mark.parametrize("text", [ADDRESS, ADDRESS.lower()])
def test_an_address_counts_with_and_without_capitals(text: str) -> None:
    trust = make_trust(Asked(chain="31337", contract=text))
    assert trust.contracts == {31337: frozenset({bytes(anchors_address())})}


@pytest.mark.parametrize(
    "text", [ADDRESS[:-1], ADDRESS[2:], ADDRESS.swapcase(), "0X" + ADDRESS[2:]]
)
def test_a_mistyped_address_is_usage(text: str) -> None:
    with pytest.raises(Usage, match="--contract"):
        make_trust(Asked(chain="31337", contract=text))
