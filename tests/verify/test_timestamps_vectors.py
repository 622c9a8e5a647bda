"""The vectors of bundles that timestamps date, which other implementations share."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from tests.verify.altering import judge

from stemproof.verify.trust import Trust, parse_trust
from stemproof.verify.verdict import State

VECTORS = Path(__file__).parents[1] / "vectors" / "stamps"
NAMES = sorted(path.stem for path in VECTORS.glob("*.json"))


@pytest.mark.parametrize("name", NAMES)
def test_a_stamped_bundle_comes_to_its_verdict(name: str) -> None:
    vector = json.loads((VECTORS / f"{name}.json").read_text("utf-8"))
    file = parse_trust(json.dumps(vector["trust"]).encode())
    assert file.policy is not None
    trust = Trust(
        {chain: frozenset({address}) for chain, address in file.contracts},
        chain_blocks=frozenset(file.blocks),
        tsa_roots=file.tsa,
        bitcoin={block.height: block for block in file.bitcoin},
        policy=file.policy,
        now=vector["now"],
    )
    verdict = judge(base64.b64decode(vector["bundle"], validate=True), trust)
    assert verdict.state == vector["verdict"], verdict.checks.lines
    deciding = [line.name for line in verdict.checks.lines if line.state is verdict.state]
    if verdict.state is not State.VERIFIED:
        assert deciding == vector["checks"]
    assert (verdict.not_after is None) == (verdict.state is not State.VERIFIED) or (
        verdict.state is State.REFUTED
    )


def test_two_bundles_are_refused_or_left_open_for_each_that_is_verified() -> None:
    refused = [name for name in NAMES if name.startswith("refused-")]
    accepted = [name for name in NAMES if not name.startswith(("refused-", "undecided-"))]
    assert len(refused) >= 2 * len(accepted)
    assert len(refused) + len(NAMES) - len(accepted) >= 3 * len(accepted)
