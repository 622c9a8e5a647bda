"""The head of a log on chain: what a real contract held, and eth-abi's encoding."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.vectors import KINDS, cases, load

from stemproof.evidence.accumulator import Step, next_head, parse_head, replay
from stemproof.evidence.keccak import keccak256

words = st.binary(min_size=32, max_size=32)


def _steps(vector: dict[str, Any]) -> list[Step]:
    return [
        Step(
            size=step["size"],
            root=bytes.fromhex(step["root"]),
            number=step["number"],
            time=step["time"],
            parent_hash=bytes.fromhex(step["parent_hash"]),
        )
        for step in vector["steps"]
    ]


@pytest.mark.parametrize("case", cases("accumulator"))
def test_replaying_the_anchors_gives_what_the_contract_held(case: str) -> None:
    vector = load("accumulator", case)
    head = replay(int(vector["prior"], 16), _steps(vector))
    assert f"{head:064x}" == vector["head"]


@pytest.mark.parametrize("case", cases("accumulator", refused=True))
def test_steps_that_no_contract_took_are_refused(case: str) -> None:
    vector = load("accumulator", case)
    with pytest.raises(KINDS[vector["refused"]]) as caught:
        replay(int(vector["prior"], 16), _steps(vector))
    assert type(caught.value) is KINDS[vector["refused"]]


@given(
    acc=st.integers(0, 2**216 - 1),
    size=st.integers(1, 2**40 - 1),
    root=words,
    times=st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)),
    parent_hash=words,
)
def test_the_head_is_the_hash_of_the_abi_encoding(
    acc: int, size: int, root: bytes, times: tuple[int, int], parent_hash: bytes
) -> None:
    kinds = ["uint256", "uint40", "bytes32", "uint256", "uint256", "bytes32"]
    digest = keccak256(encode(kinds, [acc, size, root, *times, parent_hash]))
    head = next_head(
        acc, size=size, root=root, number=times[0], time=times[1], parent_hash=parent_hash
    )
    assert head.to_bytes(32, "big") == size.to_bytes(5, "big") + digest[5:]
    assert parse_head(head) == (size, int.from_bytes(digest[5:], "big"))
