"""The contracts as Hardhat compiles them, tried on Hardhat's own chain by `hardhat test`.

The tests are JavaScript, in tests/hardhat; here they are run, and each is told by name.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from tests.contracts.test_artifact import demand_package

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "tests" / "hardhat"

pytestmark = pytest.mark.solc


def name_facts() -> list[str]:
    """Name every test that the sources hold."""
    return [
        fact.replace("\\'", "'")
        for path in sorted(SOURCES.glob("*.test.js"))
        for fact in re.findall(r"^  it\([\"'](.*)[\"'], async", path.read_text(), re.M)
    ]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Run them all: what each failed with, empty where it did not."""
    demand_package("hardhat")
    work = tmp_path_factory.mktemp("hardhat")
    report = work / "report.json"
    done = subprocess.run(
        ["node", ROOT / "node_modules/hardhat/internal/cli/cli.js", "test"],
        cwd=ROOT,
        env={
            **os.environ,
            "HARDHAT_OUT": str(work),
            "HARDHAT_REPORT": str(report),
            "HARDHAT_DISABLE_TELEMETRY_PROMPT": "true",
            "CI": "true",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert report.is_file(), done.stdout[-3000:] + done.stderr[-3000:]
    told = json.loads(report.read_text())["tests"]
    return {test["title"]: test["err"].get("message", "") for test in told}


@pytest.mark.parametrize("fact", name_facts())
def test_what_hardhat_tries_holds(results: dict[str, str], fact: str) -> None:
    assert results[fact] == ""


def test_hardhat_runs_what_the_sources_hold_and_nothing_else(results: dict[str, str]) -> None:
    assert sorted(results) == sorted(name_facts())
    assert len(results) >= 9
