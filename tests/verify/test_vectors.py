"""The vectors that other implementations share: bundles of real blocks, archives, claims."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from tests.testnet.running import running_testnet
from tests.verify.altering import judge
from tests.verify.anvil_chain import AnvilChain
from tests.verify.make_bundles import make_cases

from stemproof.claim.claim import claim_digest, claim_message, format_claim, parse_claim
from stemproof.claim.container import format_container, parse_container, unpack_member
from stemproof.claim.report import make_report
from stemproof.errors import Malformed, Undecided
from stemproof.record.event import parse_header
from stemproof.verify.trust import Trust, parse_trust
from stemproof.verify.verdict import State

VECTORS = Path(__file__).parents[1] / "vectors"


def _names(check: str, *, refused: bool) -> list[str]:
    names = sorted(path.stem for path in (VECTORS / check).glob("*.json"))
    chosen = [name for name in names if name.startswith("refused-") == refused]
    assert chosen, f"no vectors for {check}"
    return chosen


def _load(check: str, name: str) -> Any:  # JSON, whose form each test knows
    return json.loads((VECTORS / check / f"{name}.json").read_text("utf-8"))


@pytest.mark.parametrize(
    "name", [*_names("bundle", refused=False), *_names("bundle", refused=True)]
)
def test_a_bundle_comes_to_its_verdict(name: str) -> None:
    vector = _load("bundle", name)
    file = parse_trust(json.dumps(vector["trust"]).encode())
    contracts = {chain: frozenset({address}) for chain, address in file.contracts}
    trust = Trust(contracts, chain_blocks=frozenset(file.blocks))
    verdict = judge(base64.b64decode(vector["bundle"], validate=True), trust)
    assert verdict.state == vector["verdict"], verdict.checks.lines
    if verdict.state is State.VERIFIED:
        found = [[each.stage, each.class_, each.level, each.events] for each in verdict.levels]
        assert found == vector["levels"]
        assert verdict.warnings == ("rehearsal on a private chain, proves nothing to others",)
    else:
        deciding = [line.name for line in verdict.checks.lines if line.state is verdict.state]
        assert deciding == vector["checks"]


def test_three_bundles_are_refused_for_each_that_is_verified() -> None:
    assert len(_names("bundle", refused=True)) >= 3 * len(_names("bundle", refused=False))


@pytest.mark.chain
def test_bundles_of_new_blocks_come_to_the_same_verdicts(tmp_path: Path) -> None:
    with running_testnet(tmp_path) as testnet:
        chain = AnvilChain(testnet)
        cases = list(make_cases(chain))
        at = _newest_block(testnet.port)
    trust = Trust({chain.chain_id: frozenset({chain.contract})}, blocks=frozenset({at}))
    for case in cases:
        assert judge(case.bundle, trust).state == case.verdict, case.name


def _newest_block(port: int) -> bytes:
    from stemproof.testnet.rpc import call_local

    block = call_local(port, "eth_getBlockByNumber", "latest", False)
    assert isinstance(block, dict)
    return bytes.fromhex(str(block["hash"])[2:])


@pytest.mark.parametrize("name", _names("container", refused=False))
def test_an_archive_is_read_as_its_members(name: str) -> None:
    vector = _load("container", name)
    data = bytes.fromhex(vector["archive"])
    members = parse_container(data)
    found = {each: unpack_member(member).hex() for each, member in members.items()}
    assert found == vector["members"]
    assert format_container(members) == data


@pytest.mark.parametrize("name", _names("container", refused=True))
def test_an_archive_of_another_form_is_refused(name: str) -> None:
    with pytest.raises(Malformed):
        parse_container(bytes.fromhex(_load("container", name)["archive"]))


@pytest.mark.parametrize("name", _names("claim", refused=False))
def test_a_claim_is_signed_over_these_digests(name: str) -> None:
    vector = _load("claim", name)
    data = vector["claim"].encode()
    claim = parse_claim(data)
    assert format_claim(claim) == data
    assert claim_message(data).hex() == vector["identity_message"]
    assert claim_digest(claim, data).hex() == vector["account_digest"]


@pytest.mark.parametrize("name", _names("claim", refused=True))
def test_a_claim_of_another_form_is_refused(name: str) -> None:
    vector = _load("claim", name)
    want = {"Undecided": Undecided, "Malformed": Malformed}[vector["kind"]]
    with pytest.raises(want):
        parse_claim(vector["claim"].encode())


@pytest.mark.parametrize("name", _names("report", refused=False))
def test_a_report_is_the_sum_of_these_headers(name: str) -> None:
    vector = _load("report", name)
    report = make_report([[parse_header(line.encode()) for line in log] for log in vector["logs"]])
    stages = [
        {
            "stage": row.stage,
            "class": row.class_,
            "observed": row.observed,
            "events": row.events,
        }
        for row in report.stages
    ]
    coverage = {name: getattr(report.coverage, name) for name in vector["coverage"]}
    assert (stages, coverage) == (vector["stages"], vector["coverage"])
