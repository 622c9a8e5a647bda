"""The contracts as they ship, tried by forge: drawn calls, and drawn histories of many actors.

The tests are Solidity, in tests/contracts/forge; here they are run, and each is told by name.
"""

from __future__ import annotations

import json
import os
import platform
import re
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.test_artifact import demand_package

ROOT = Path(__file__).parents[2]
SOURCES = Path(__file__).parent / "forge"
_SCOPE = ROOT / "node_modules" / "@foundry-rs"

pytestmark = pytest.mark.solc


def name_facts() -> list[str]:
    """Name every test that the sources hold, as Contract.test."""
    return [
        f"{contract}.{test}"
        for path in sorted(SOURCES.glob("*.t.sol"))
        for contract in re.findall(r"^contract (\w+)", path.read_text(), re.M)
        for test in re.findall(r"function ((?:test|invariant)\w+)\(", path.read_text())
    ]


def demand_forge() -> Path:
    """Find forge; without it the tests are skipped, except in CI, where they fail."""
    demand_package("solc")
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    packaged = _SCOPE / f"forge-{platform.system().lower()}-{machine}" / "bin" / "forge"
    found = str(packaged) if packaged.is_file() else shutil.which("forge")
    if found is None:
        missing = "forge is not installed: npm ci"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return Path(found)


def run_forge(work: Path, *arguments: str, profile: str) -> dict[str, Any]:
    """Run every test of the sources, and give what became of each."""
    env = {
        **os.environ,
        "FOUNDRY_PROFILE": profile,
        "FOUNDRY_OUT": str(work / "out"),
        "FOUNDRY_CACHE_PATH": str(work / "cache"),
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        [demand_forge(), "test", "--json", "--root", ROOT, *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("{"), done.stdout[-3000:] + done.stderr[-3000:]
    results: dict[str, Any] = {}
    for suite, report in json.loads(done.stdout).items():
        for signature, result in report["test_results"].items():
            results[f"{suite.rpartition(':')[2]}.{signature.partition('(')[0]}"] = result
    return results


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_forge(tmp_path_factory.mktemp("forge"), profile="default")


@pytest.mark.parametrize("fact", name_facts())
def test_what_forge_draws_does_not_refute(results: dict[str, Any], fact: str) -> None:
    result = results[fact]
    assert result["status"] == "Success", f"{result['reason']}: {result['counterexample']}"


def test_forge_runs_what_the_sources_hold_and_nothing_else(results: dict[str, Any]) -> None:
    assert sorted(results) == sorted(name_facts())


@pytest.mark.deep
def test_no_longer_search_from_another_seed_refutes_either(tmp_path: Path) -> None:
    seed = hex(secrets.randbits(64))
    results = run_forge(tmp_path, "--fuzz-seed", seed, profile="deep")
    refuted = {name: found for name, found in results.items() if found["status"] != "Success"}
    assert not refuted, f"seed {seed}: {refuted}"
    assert sorted(results) == sorted(name_facts())
