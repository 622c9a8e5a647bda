"""Every finding of slither about the contracts is explained in contracts/README.md.

slither is a program apart (AGPL), which nothing here installs: without it the test is skipped.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.contracts.test_artifact import demand_package

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.solc


def read_explained() -> list[tuple[str, str]]:
    """Read the page's table: detector and place."""
    rows = re.findall(
        r"^\| ([a-z-]+) \| `(\w+\.\w+)` \| .{10,}\|$",
        (ROOT / "contracts" / "README.md").read_text(),
        re.M,
    )
    return sorted(rows)


def test_the_page_explains_each_finding_once() -> None:
    explained = read_explained()
    assert explained
    assert len(set(explained)) == len(explained)


def test_slither_finds_what_the_page_explains_and_nothing_else(tmp_path: Path) -> None:
    slither = shutil.which("slither")
    if slither is None:
        pytest.skip("slither is not on the PATH: contracts/README.md says how to get it")
    demand_package("hardhat")
    shutil.copytree(ROOT / "contracts", tmp_path / "contracts")
    for name in ("hardhat.config.js", "package.json"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    hardhat = ["node", "node_modules/hardhat/internal/cli/cli.js", "compile", "--quiet"]
    env = {**os.environ, "CI": "true", "HARDHAT_DISABLE_TELEMETRY_PROMPT": "true"}
    subprocess.run(hardhat, cwd=tmp_path, env=env, check=True, capture_output=True)
    framework = ["--compile-force-framework", "hardhat", "--hardhat-ignore-compile"]
    command = [slither, ".", *framework, "--json", "found.json"]
    # Its exit status counts what it found.
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert (tmp_path / "found.json").is_file(), done.stderr[-2000:]
    report = json.loads((tmp_path / "found.json").read_text())
    assert report["success"], report["error"]
    found = []
    for finding in report["results"]["detectors"]:
        element = finding["elements"][0]
        contract = element["type_specific_fields"]["parent"]["name"]
        found.append((finding["check"], f"{contract}.{element['name']}"))
    assert sorted(found) == read_explained()
