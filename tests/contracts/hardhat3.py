"""Hardhat 3's chain for tests, which knows the coming fork: installed by scripts/get-hardhat."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stemproof.anchor.contract import DEPLOYER
from stemproof.anchor.deployments import DEPLOYER_CODE
from stemproof.anchor.endpoint import BoundedProvider
from stemproof.evidence.ethsig import format_address

ROOT = Path(__file__).parents[2]
#: The first account of every Hardhat and anvil chain; the whole world knows its key.
DEV_KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
_START_TIMEOUT_S = 60.0
_STARTED = re.compile(r"Started .* server at http://127\.0\.0\.1:(\d+)")


def demand_hardhat3() -> Path:
    """Find Hardhat 3; without it the test is skipped, except in CI, where it fails."""
    tools = Path(os.environ.get("STEMPROOF_TOOLS", ROOT / ".tools"))
    wanted = json.loads((ROOT / "scripts/tools/hardhat/package.json").read_text())
    folder = tools / "hardhat" / str(wanted["devDependencies"]["hardhat"])
    if not (folder / "done").is_file():
        missing = "Hardhat 3 is not installed: scripts/get-hardhat"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return folder


@contextlib.contextmanager
def running_hardhat3(work: Path) -> Iterator[str]:
    """Run a chain of the fork Amsterdam on a free port of loopback; give its address."""
    folder = demand_hardhat3()
    log = work / "hardhat.log"
    command = [
        *(str(folder / "bin/node"), "node_modules/hardhat/dist/src/cli.js", "node"),
        *("--hostname", "127.0.0.1", "--port", "0"),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "HARDHAT_DISABLE_TELEMETRY_PROMPT": "true", "CI": "true"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield f"http://127.0.0.1:{_wait_for_port(process, log)}"
    finally:
        process.terminate()
        process.wait(15)


def give_deployer(rpc_url: str) -> None:
    """Put the deployment proxy there, as the fork itself does (EIP-7997, not yet in Hardhat)."""
    provider = BoundedProvider(rpc_url, timeout_s=10, max_answer_bytes=4096)
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "hardhat_setCode",
        "params": [format_address(DEPLOYER), "0x" + DEPLOYER_CODE.hex()],
    }
    assert json.loads(provider.post(json.dumps(body).encode()))["result"] is True
    provider.close()


def _wait_for_port(process: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        started = _STARTED.search(log.read_text(errors="replace"))
        if started is not None:
            return int(started[1])
        time.sleep(0.05)
    pytest.fail(f"Hardhat's chain did not start: {log.read_text(errors='replace')[-2000:]}")
