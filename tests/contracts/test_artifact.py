"""The shipped artefact is what two compiler runs make of the sources."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import solcx

from stemproof.anchor.contract import create2_address, load_artifact
from stemproof.evidence.chain import EVENT_SIGNATURE
from stemproof.evidence.ethsig import parse_address
from stemproof.evidence.keccak import keccak256

ROOT = Path(__file__).parents[2]


def demand_package(name: str) -> None:
    """Skip without an npm package, except in CI."""
    if shutil.which("node") is None or not (ROOT / "node_modules" / name).is_dir():
        missing = f"the npm package {name} is not installed: npm ci"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)


@pytest.mark.solc
def test_py_solc_x_compiles_the_sources_to_the_shipped_artefact() -> None:
    demand_package("solc")
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "compile-contracts", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.solc
def test_what_the_deployments_name_is_compiled_to_the_code_on_chain() -> None:
    demand_package("solc")
    named = json.loads((ROOT / "deployments" / "compiler-input.json").read_text())
    output = solcx.compile_standard(
        named["input"], solc_binary=ROOT / "scripts" / "solc-npm.cjs", allow_empty=True
    )
    assert set(named["contracts"]) == {"Anchors", "LogProofs", "Commits"}
    deployer, salt = parse_address(named["deployer"]), bytes.fromhex(named["salt"][2:])
    for name, place in named["contracts"].items():
        compiled = output["contracts"][place["source"]][name]["evm"]
        code = bytes.fromhex(compiled["bytecode"]["object"])
        assert "0x" + keccak256(code).hex() == place["init_code_keccak256"]
        assert create2_address(deployer, salt, code) == parse_address(place["address"])
        runtime = bytes.fromhex(compiled["deployedBytecode"]["object"])
        assert runtime == load_artifact(name).runtime_bytecode


@pytest.mark.solc
def test_hardhat_compiles_to_the_same_bytecode(tmp_path: Path) -> None:
    demand_package("hardhat")
    done = subprocess.run(
        ["node", ROOT / "node_modules/hardhat/internal/cli/cli.js", "compile", "--quiet"],
        cwd=ROOT,
        env={
            **os.environ,
            "HARDHAT_OUT": str(tmp_path),
            "HARDHAT_DISABLE_TELEMETRY_PROMPT": "true",
            "CI": "true",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("Anchors", "LogProofs", "Commits"):
        made = tmp_path / "artifacts/contracts" / f"{name}.sol" / f"{name}.json"
        theirs, ours = json.loads(made.read_text()), load_artifact(name)
        assert theirs["bytecode"] == "0x" + ours.bytecode.hex()
        assert theirs["deployedBytecode"] == "0x" + ours.runtime_bytecode.hex()
        assert theirs["abi"] == ours.abi


@pytest.mark.solc
@pytest.mark.parametrize("arguments", [[], ["--optimize"], ["contracts/Anchors.sol"]])
def test_the_compilers_wrapper_speaks_standard_json_only(arguments: list[str]) -> None:
    demand_package("solc")
    done = subprocess.run(
        ["node", ROOT / "scripts" / "solc-npm.cjs", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")


def test_the_artefact_names_what_it_was_made_from() -> None:
    raw = json.loads((ROOT / "ledger/stemproof/anchor/artifacts/Anchors.json").read_text())
    settings = json.loads((ROOT / "contracts/settings.json").read_text())
    assert raw["settings"] == settings
    pinned = json.loads((ROOT / "package.json").read_text())["devDependencies"]["solc"]
    assert raw["compiler"].startswith(pinned + "+commit.")
    laid = [(item["label"], item["slot"], item["offset"]) for item in raw["storage_layout"]]
    # Proofs are of slots below the first one: it must not move.
    assert laid == [("heads", "0", 0), ("allowances", "1", 0)]


def test_the_event_is_the_one_that_evidence_is_about() -> None:
    events = [entry for entry in load_artifact().abi if entry["type"] == "event"]
    [event] = [event for event in events if event["name"] == "Anchored"]
    kinds = ",".join(argument["type"] for argument in event["inputs"])
    assert f"{event['name']}({kinds})" == EVENT_SIGNATURE
    assert keccak256(EVENT_SIGNATURE.encode()) in load_artifact().runtime_bytecode
    assert [argument["indexed"] for argument in event["inputs"]] == [True, True, *[False] * 3]


def test_the_sources_have_none_of_what_the_style_rules_out() -> None:
    for path in (ROOT / "contracts").glob("*.sol"):
        text = path.read_text()
        assert len(text.splitlines()) < 120, path.name
        code = [line for line in text.splitlines() if not line.lstrip().startswith("//")]
        banned = ("assembly", "tx.origin", "delegatecall", "selfdestruct", "onlyOwner")
        assert not [word for word in banned if word in "\n".join(code)]
